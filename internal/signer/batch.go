package signer

import (
	"encoding/binary"

	"golang.org/x/crypto/sha3"
)

// BatchID is a vault's one-time id of a list of payouts. It depends on the withdrawals
// themselves and not on the nonce, so that the vault pays the same list no second time even
// if everything else about it was forgotten. The signer and the rail make it, each for
// itself: nobody hands it over.
func BatchID(chain uint64, vault []byte, outputs []Output) (id [32]byte) {
	h := sha3.NewLegacyKeccak256()
	part := func(b []byte) {
		_, _ = h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(b)))) //nolint:gosec // short; a hash takes every write
		_, _ = h.Write(b)
	}
	part([]byte("sluice batch"))
	part(binary.BigEndian.AppendUint64(nil, chain))
	part(vault)
	for _, o := range outputs {
		amount := o.Amount.Bytes32()
		part([]byte(o.Ref))
		part([]byte(o.Asset))
		part(o.To)
		part(amount[:])
	}
	h.Sum(id[:0])
	return id
}
