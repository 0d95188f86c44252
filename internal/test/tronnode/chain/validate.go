package chain

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"sluice/internal/test/tronnode/wire"
)

// Limits of transactions (java-tron: Constant).
const (
	sizeMax        = 500 * 1024 // bytes
	resultSize     = 64         // bytes, charged for the result that is yet to come
	expirationMax  = 24 * 60 * 60 * 1000
	signaturesMax  = 5
	padding        = 3 // bytes that a signature may be too long, since 4.8.2
	unsentTooMuch  = 2000
	poolTimeout    = 60_000 // ms
	idCacheTimeout = 60 * 60 * 1000
)

// checkReference compares the reference with the recent block of the same low 16 bits
// (java-tron: Manager.validateTapos). The store begins empty and is overwritten after
// 65,536 blocks.
func (c *Chain) checkReference(raw *wire.Raw) *Refusal {
	refused := &Refusal{TaposError, "Tapos check error."}
	if len(raw.RefBlockBytes) != 2 {
		return refused
	}
	hash, known := c.state.recent.get(binary.BigEndian.Uint16(raw.RefBlockBytes))
	if !known || !bytes.Equal(hash[:], raw.RefBlockHash) {
		return refused
	}
	return nil
}

// checkCommon checks size and expiration (java-tron: Manager.validateCommon). Time is that
// of the head block: of the predecessor, when b is the block that takes the transaction.
func (c *Chain) checkCommon(tx *wire.Transaction, b *Block) *Refusal {
	strict := b == nil || c.state.parameter(ConsensusLogic) == 1
	if size := tx.Size() + 2*resultSize; strict && size > sizeMax {
		return tooBig("transaction with result", tx, size, sizeMax)
	}
	if size := len(tx.Encode()); size > sizeMax {
		return tooBig("transaction", tx, size, sizeMax)
	}
	expiration, head := tx.Raw.Expiration, c.state.props.get().headTime
	if b != nil && strict && expiration < c.slotTime(1) {
		return expired()
	}
	if expiration <= head || expiration > head+expirationMax {
		return expired()
	}
	return nil
}

func tooBig(what string, tx *wire.Transaction, size, most int) *Refusal {
	return &Refusal{TooBigTransactionError, fmt.Sprintf("Too big %s, TxId %s, the size is %d bytes, maxTxSize %d", what, tx.ID(), size, most)}
}

// checkUnknown refuses a transaction that is in a block or, unless b takes it, in the pool.
func (c *Chain) checkUnknown(tx *wire.Transaction) *Refusal {
	if _, known := c.state.places.get(tx.ID()); known {
		return &Refusal{DupTransactionError, "Dup transaction."}
	}
	return nil
}

// checkSignatures checks who signed (java-tron: TransactionCapsule.validatePubSignature,
// validateSignature, checkWeight).
func (c *Chain) checkSignatures(tx *wire.Transaction) *Refusal {
	if len(tx.Signatures) == 0 || len(tx.Raw.Contracts) == 0 {
		return unsigned("miss sig or contract")
	}
	if len(tx.Signatures) > signaturesMax {
		return unsigned("too many signatures")
	}
	contract := tx.Raw.Contracts[0]
	permission, found := c.permission(contract)
	if !found {
		return unsigned("permission isn't exit")
	}
	if contract.PermissionID != 0 && !permission.allows(contract.Type) {
		return unsigned("Permission denied")
	}
	signed, refusal := c.signedWeight(permission, tx)
	if refusal != nil {
		return refusal
	}
	if signed < permission.Threshold {
		return unsigned("sig error")
	}
	return nil
}

// permission is what a contract names, of its owner. An account that does not exist has
// the default ones.
func (c *Chain) permission(contract wire.Contract) (Permission, bool) {
	owner, valid := wire.AddressOf(contract.Owner())
	if !valid {
		return Permission{Threshold: 1}, contract.PermissionID == 0
	}
	a, exists := c.state.accounts.get(owner)
	if !exists {
		a.Owner, a.Active = ownerPermission(owner), []Permission{activePermission(owner)}
	}
	if contract.PermissionID == 0 {
		return a.Owner, true
	}
	for _, p := range a.Active {
		if p.ID == contract.PermissionID {
			return p, true
		}
	}
	return Permission{}, false
}

// signedWeight adds up the weights of the keys that signed.
func (c *Chain) signedWeight(p Permission, tx *wire.Transaction) (int64, *Refusal) {
	if len(tx.Signatures) > len(p.Keys) {
		return 0, unsigned(fmt.Sprintf("Signature count is %d more than key counts of permission : %d", len(tx.Signatures), len(p.Keys)))
	}
	var sum int64
	signed := map[wire.Address]bool{}
	for _, sig := range tx.Signatures {
		who, err := c.signer(tx.ID(), sig)
		if err != nil {
			return 0, unsigned(err.Error())
		}
		weight := p.weight(who)
		if weight == 0 {
			return 0, unsigned(fmt.Sprintf("%x is signed by %s but it is not contained of permission.", sig, who))
		}
		if signed[who] {
			return 0, unsigned(who.String() + " has signed twice!")
		}
		signed[who] = true
		sum += weight
	}
	return sum, nil
}

// signer is wire.Recover, which takes longer than all else that a transfer needs, with a
// memory: the same transaction is checked for the pool and again for each block.
func (c *Chain) signer(id wire.TxID, sig []byte) (wire.Address, error) {
	key := string(id[:]) + string(sig)
	if who, known := c.signers[key]; known {
		return who, nil
	}
	who, err := wire.Recover(id, sig)
	if err == nil {
		c.signers[key] = who
	}
	return who, err
}

func (p Permission) weight(a wire.Address) int64 {
	for _, k := range p.Keys {
		if k.Address == a {
			return k.Weight
		}
	}
	return 0
}
