package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// TxID is the SHA-256 of a transaction's raw data.
type TxID [32]byte

// String returns 64 lower-case digits.
func (id TxID) String() string { return hex.EncodeToString(id[:]) }

// ContractType says what a transaction does. The numbers are those of the protocol.
type ContractType int32

// The contract types that the stand-in node executes.
const (
	TypeTransfer ContractType = 1
	TypeCreate   ContractType = 30
	TypeTrigger  ContractType = 31
)

// typeNames are the message names of contract types, in type URLs and in JSON.
var typeNames = map[ContractType]string{
	TypeTransfer: "TransferContract",
	TypeCreate:   "CreateSmartContract",
	TypeTrigger:  "TriggerSmartContract",
}

// String returns the name of the message, or the number of an unknown type.
func (t ContractType) String() string {
	if name, known := typeNames[t]; known {
		return name
	}
	return fmt.Sprint(int32(t))
}

// ContractTypeOf returns the type of that name.
func ContractTypeOf(name string) (ContractType, bool) {
	for t, n := range typeNames {
		if n == name {
			return t, true
		}
	}
	return 0, false
}

// Transaction is protocol.Transaction.
type Transaction struct {
	Raw        Raw
	hasRaw     bool
	Signatures [][]byte
	Results    [][]byte // protocol.Transaction.Result, encoded
}

// Raw is protocol.Transaction.raw: what is hashed and signed. Numbers are in the units of
// the protocol: Expiration and Timestamp in ms, FeeLimit in sun.
type Raw struct {
	RefBlockBytes []byte
	RefBlockNum   int64
	RefBlockHash  []byte
	Expiration    int64
	Auths         [][]byte // encoded, taken as they are
	Data          []byte
	Contracts     []Contract
	Scripts       []byte
	Timestamp     int64
	FeeLimit      int64
}

// Contract is protocol.Transaction.Contract. The parameter's value is bytes for the
// protocol: how it is encoded is part of the hash as it stands.
type Contract struct {
	Type         ContractType
	hasParameter bool
	TypeURL      string
	Value        []byte
	Provider     []byte
	Name         []byte
	PermissionID int32
}

// NewTransaction returns a transaction of one contract, without signatures.
func NewTransaction(raw Raw) *Transaction {
	return &Transaction{Raw: raw, hasRaw: true}
}

// NewContract wraps an encoded contract message of type t as clients do.
func NewContract(t ContractType, value []byte, permission int32) Contract {
	return Contract{
		Type: t, hasParameter: true, TypeURL: "type.googleapis.com/protocol." + t.String(),
		Value: value, PermissionID: permission,
	}
}

// Is reports whether the parameter's type URL names t (java-tron: Any.is, which looks only
// at what stands behind the last slash).
func (c Contract) Is(t ContractType) bool {
	return c.TypeURL[strings.LastIndexByte(c.TypeURL, '/')+1:] == "protocol."+t.String()
}

// DecodeTransaction reads a transaction as java-tron does: any order of fields, any length
// of varints, the last of several values, and unknown fields are left out.
func DecodeTransaction(data []byte) (*Transaction, error) {
	tx := &Transaction{}
	err := eachField(data, func(f field) error {
		switch {
		case f.number == 1 && f.kind == typeBytes:
			tx.hasRaw = true
			return tx.Raw.merge(f.bytes)
		case f.number == 2 && f.kind == typeBytes:
			tx.Signatures = append(tx.Signatures, clone(f.bytes))
		case f.number == 5 && f.kind == typeBytes:
			tx.Results = append(tx.Results, clone(f.bytes))
		}
		return nil
	})
	return tx, err
}

// DecodeRaw reads raw data alone.
func DecodeRaw(data []byte) (Raw, error) {
	var r Raw
	err := r.merge(data)
	return r, err
}

// merge adds what stands in data: a message that occurs twice is one message.
func (r *Raw) merge(data []byte) error {
	return eachField(data, func(f field) error {
		switch {
		case f.kind == typeBytes:
			return r.mergeBytes(f)
		case f.kind != typeVarint:
		case f.number == 3:
			r.RefBlockNum = f.int64()
		case f.number == 8:
			r.Expiration = f.int64()
		case f.number == 14:
			r.Timestamp = f.int64()
		case f.number == 18:
			r.FeeLimit = f.int64()
		}
		return nil
	})
}

func (r *Raw) mergeBytes(f field) error {
	switch f.number {
	case 1:
		r.RefBlockBytes = clone(f.bytes)
	case 4:
		r.RefBlockHash = clone(f.bytes)
	case 9:
		r.Auths = append(r.Auths, clone(f.bytes))
	case 10:
		r.Data = clone(f.bytes)
	case 11:
		var c Contract
		if err := c.merge(f.bytes); err != nil {
			return err
		}
		r.Contracts = append(r.Contracts, c)
	case 12:
		r.Scripts = clone(f.bytes)
	}
	return nil
}

func (c *Contract) merge(data []byte) error {
	return eachField(data, func(f field) error {
		switch {
		case f.number == 1 && f.kind == typeVarint:
			c.Type = ContractType(f.int32())
		case f.number == 2 && f.kind == typeBytes:
			c.hasParameter = true
			return c.mergeParameter(f.bytes)
		case f.number == 3 && f.kind == typeBytes:
			c.Provider = clone(f.bytes)
		case f.number == 4 && f.kind == typeBytes:
			c.Name = clone(f.bytes)
		case f.number == 5 && f.kind == typeVarint:
			c.PermissionID = f.int32()
		}
		return nil
	})
}

func (c *Contract) mergeParameter(data []byte) error {
	return eachField(data, func(f field) (err error) {
		switch {
		case f.number == 1 && f.kind == typeBytes:
			c.TypeURL, err = f.text()
		case f.number == 2 && f.kind == typeBytes:
			c.Value = clone(f.bytes)
		}
		return err
	})
}

// Encode writes the transaction in the one canonical form: fields ascending, no zero
// values, shortest varints.
func (tx *Transaction) Encode() []byte {
	out := tx.encodeWithoutResults()
	for _, r := range tx.Results {
		out = appendMessage(out, 5, r)
	}
	return out
}

func (tx *Transaction) encodeWithoutResults() []byte {
	var out []byte
	if tx.hasRaw {
		out = appendMessage(out, 1, tx.Raw.Encode())
	}
	for _, s := range tx.Signatures {
		out = appendMessage(out, 2, s)
	}
	return out
}

// Size is the length in bytes without results: what bandwidth is counted from.
func (tx *Transaction) Size() int { return len(tx.encodeWithoutResults()) }

// Encode writes the raw data in the one canonical form.
func (r *Raw) Encode() []byte {
	var out []byte
	out = appendBytes(out, 1, r.RefBlockBytes)
	out = appendInt(out, 3, r.RefBlockNum)
	out = appendBytes(out, 4, r.RefBlockHash)
	out = appendInt(out, 8, r.Expiration)
	for _, a := range r.Auths {
		out = appendMessage(out, 9, a)
	}
	out = appendBytes(out, 10, r.Data)
	for _, c := range r.Contracts {
		out = appendMessage(out, 11, c.encode())
	}
	out = appendBytes(out, 12, r.Scripts)
	out = appendInt(out, 14, r.Timestamp)
	return appendInt(out, 18, r.FeeLimit)
}

func (c *Contract) encode() []byte {
	out := appendInt(nil, 1, int64(c.Type))
	if c.hasParameter {
		out = appendMessage(out, 2, appendBytes(appendBytes(nil, 1, []byte(c.TypeURL)), 2, c.Value))
	}
	out = appendBytes(out, 3, c.Provider)
	out = appendBytes(out, 4, c.Name)
	return appendInt(out, 5, int64(c.PermissionID))
}

// ID is the hash of the transaction's own encoding, whatever bytes it came in.
func (tx *Transaction) ID() TxID { return sha256.Sum256(tx.Raw.Encode()) }

// Clone returns a copy whose signatures and results can be replaced.
func (tx *Transaction) Clone() *Transaction {
	c := *tx
	c.Signatures = append([][]byte(nil), tx.Signatures...)
	c.Results = append([][]byte(nil), tx.Results...)
	return &c
}

func clone(b []byte) []byte { return append([]byte(nil), b...) }
