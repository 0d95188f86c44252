package wire

import (
	"bytes"
	"fmt"
)

// Transfer is protocol.TransferContract: Amount sun to another account. The addresses are
// what the sender wrote, valid or not.
type Transfer struct {
	Owner, To []byte
	Amount    int64
}

// Trigger is protocol.TriggerSmartContract: a call of a contract. CallValue is in sun.
type Trigger struct {
	Owner, Contract         []byte
	CallValue               int64
	Data                    []byte
	CallTokenValue, TokenID int64
}

// Create is protocol.CreateSmartContract with the fields of its SmartContract that matter
// to the machine. ABI is encoded as it came.
type Create struct {
	Owner, Origin           []byte
	ABI, Bytecode           []byte
	CallValue               int64
	UserPercent             int64
	Name                    string
	OriginEnergyLimit       int64
	CallTokenValue, TokenID int64
}

// Encode writes the contract in canonical form.
func (t Transfer) Encode() []byte {
	return appendInt(appendBytes(appendBytes(nil, 1, t.Owner), 2, t.To), 3, t.Amount)
}

// Encode writes the contract in canonical form.
func (t Trigger) Encode() []byte {
	out := appendBytes(appendBytes(nil, 1, t.Owner), 2, t.Contract)
	out = appendInt(out, 3, t.CallValue)
	out = appendBytes(out, 4, t.Data)
	return appendInt(appendInt(out, 5, t.CallTokenValue), 6, t.TokenID)
}

// Encode writes the contract in canonical form.
func (c Create) Encode() []byte {
	inner := appendBytes(nil, 1, c.Origin)
	inner = appendBytes(inner, 3, c.ABI)
	inner = appendBytes(inner, 4, c.Bytecode)
	inner = appendInt(inner, 5, c.CallValue)
	inner = appendInt(inner, 6, c.UserPercent)
	inner = appendBytes(inner, 7, []byte(c.Name))
	inner = appendInt(inner, 8, c.OriginEnergyLimit)
	out := appendMessage(appendBytes(nil, 1, c.Owner), 2, inner)
	return appendInt(appendInt(out, 3, c.CallTokenValue), 4, c.TokenID)
}

// Canonical reports whether the value of a contract is what its own encoder writes. Peers
// drop a transaction for which it is not (java-tron: TransactionCapsule.validContractProto).
func (c Contract) Canonical() bool {
	var again []byte
	switch c.Type {
	case TypeTransfer:
		t, err := DecodeTransfer(c)
		if err != nil {
			return false
		}
		again = t.Encode()
	case TypeTrigger:
		t, err := DecodeTrigger(c)
		if err != nil {
			return false
		}
		again = t.Encode()
	case TypeCreate:
		return true // its ABI is not read here
	default:
		return true
	}
	return bytes.Equal(again, c.Value)
}

// DecodeTransfer reads the parameter of a TransferContract.
func DecodeTransfer(c Contract) (Transfer, error) {
	var t Transfer
	if !c.Is(TypeTransfer) {
		return t, wrongType(c, TypeTransfer)
	}
	err := eachField(c.Value, func(f field) error {
		switch {
		case f.number == 1 && f.kind == typeBytes:
			t.Owner = clone(f.bytes)
		case f.number == 2 && f.kind == typeBytes:
			t.To = clone(f.bytes)
		case f.number == 3 && f.kind == typeVarint:
			t.Amount = f.int64()
		}
		return nil
	})
	return t, err
}

// DecodeTrigger reads the parameter of a TriggerSmartContract.
func DecodeTrigger(c Contract) (Trigger, error) {
	var t Trigger
	if !c.Is(TypeTrigger) {
		return t, wrongType(c, TypeTrigger)
	}
	err := eachField(c.Value, func(f field) error {
		switch {
		case f.number == 1 && f.kind == typeBytes:
			t.Owner = clone(f.bytes)
		case f.number == 2 && f.kind == typeBytes:
			t.Contract = clone(f.bytes)
		case f.number == 3 && f.kind == typeVarint:
			t.CallValue = f.int64()
		case f.number == 4 && f.kind == typeBytes:
			t.Data = clone(f.bytes)
		case f.number == 5 && f.kind == typeVarint:
			t.CallTokenValue = f.int64()
		case f.number == 6 && f.kind == typeVarint:
			t.TokenID = f.int64()
		}
		return nil
	})
	return t, err
}

// DecodeCreate reads the parameter of a CreateSmartContract.
func DecodeCreate(c Contract) (Create, error) {
	var t Create
	if !c.Is(TypeCreate) {
		return t, wrongType(c, TypeCreate)
	}
	err := eachField(c.Value, func(f field) error {
		switch {
		case f.number == 1 && f.kind == typeBytes:
			t.Owner = clone(f.bytes)
		case f.number == 2 && f.kind == typeBytes:
			return t.mergeSmartContract(f.bytes)
		case f.number == 3 && f.kind == typeVarint:
			t.CallTokenValue = f.int64()
		case f.number == 4 && f.kind == typeVarint:
			t.TokenID = f.int64()
		}
		return nil
	})
	return t, err
}

func (c *Create) mergeSmartContract(data []byte) error {
	return eachField(data, func(f field) (err error) {
		switch {
		case f.number == 1 && f.kind == typeBytes:
			c.Origin = clone(f.bytes)
		case f.number == 3 && f.kind == typeBytes:
			c.ABI = clone(f.bytes)
		case f.number == 4 && f.kind == typeBytes:
			c.Bytecode = clone(f.bytes)
		case f.number == 5 && f.kind == typeVarint:
			c.CallValue = f.int64()
		case f.number == 6 && f.kind == typeVarint:
			c.UserPercent = f.int64()
		case f.number == 7 && f.kind == typeBytes:
			c.Name, err = f.text()
		case f.number == 8 && f.kind == typeVarint:
			c.OriginEnergyLimit = f.int64()
		}
		return err
	})
}

// Owner returns the owner that a contract names, or nothing when it cannot be read
// (java-tron: TransactionCapsule.getOwner).
func (c Contract) Owner() []byte {
	switch c.Type {
	case TypeTransfer:
		t, _ := DecodeTransfer(c)
		return t.Owner
	case TypeTrigger:
		t, _ := DecodeTrigger(c)
		return t.Owner
	case TypeCreate:
		t, _ := DecodeCreate(c)
		return t.Owner
	default:
		return nil
	}
}

func wrongType(c Contract, want ContractType) error {
	return fmt.Errorf("contract type error, expected type [%s], real type [%s]", want, c.TypeURL)
}
