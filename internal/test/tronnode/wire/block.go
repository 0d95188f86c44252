package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// BlockID is the height (8 bytes) and the last 24 bytes of the hash of the header.
type BlockID [32]byte

// String returns 64 lower-case digits.
func (id BlockID) String() string { return hex.EncodeToString(id[:]) }

// Number is the height in the id.
func (id BlockID) Number() int64 { return int64(binary.BigEndian.Uint64(id[:8])) }

// RefBytes and RefHash are what a transaction that refers to the block contains.
func (id BlockID) RefBytes() []byte { return clone(id[6:8]) }

// RefHash is bytes 8 to 16 of the id.
func (id BlockID) RefHash() []byte { return clone(id[8:16]) }

// Header is protocol.BlockHeader.raw. Timestamp is in ms.
type Header struct {
	Timestamp  int64
	TxTrieRoot [32]byte
	ParentHash [32]byte
	Number     int64
	Witness    Address
	Version    int32
}

// Encode writes the header in canonical form.
func (h Header) Encode() []byte {
	out := appendInt(nil, 1, h.Timestamp)
	out = appendBytes(out, 2, h.TxTrieRoot[:])
	out = appendBytes(out, 3, h.ParentHash[:])
	out = appendInt(out, 7, h.Number)
	out = appendBytes(out, 9, h.Witness[:])
	return appendInt(out, 10, int64(h.Version))
}

// Hash is what the producer signs.
func (h Header) Hash() [32]byte { return sha256.Sum256(h.Encode()) }

// ID is the id of the block with this header.
func (h Header) ID() BlockID {
	id := BlockID(h.Hash())
	binary.BigEndian.PutUint64(id[:8], uint64(h.Number))
	return id
}

// MerkleRoot is the root over the hashes of whole transactions, with results (java-tron:
// MerkleTree; a lone element moves up as it is).
func MerkleRoot(transactions []*Transaction) [32]byte {
	level := make([][32]byte, 0, len(transactions))
	for _, tx := range transactions {
		level = append(level, sha256.Sum256(tx.Encode()))
	}
	if len(level) == 0 {
		return [32]byte{}
	}
	for len(level) > 1 {
		next := make([][32]byte, 0, (len(level)+1)/2)
		for i := 0; i < len(level); i += 2 {
			if i+1 == len(level) {
				next = append(next, level[i])
				continue
			}
			next = append(next, sha256.Sum256(append(clone(level[i][:]), level[i+1][:]...)))
		}
		level = next
	}
	return level[0]
}

// ContractResult is how a contract ended: protocol.Transaction.Result.contractResult.
type ContractResult int32

// The results that the stand-in node produces.
const (
	ResultDefault            ContractResult = 0
	ResultSuccess            ContractResult = 1
	ResultRevert             ContractResult = 2
	ResultBadJumpDestination ContractResult = 3
	ResultOutOfMemory        ContractResult = 4
	ResultStackTooSmall      ContractResult = 6
	ResultStackTooLarge      ContractResult = 7
	ResultIllegalOperation   ContractResult = 8
	ResultOutOfEnergy        ContractResult = 10
	ResultOutOfTime          ContractResult = 11
	ResultUnknown            ContractResult = 13
	ResultTransferFailed     ContractResult = 14
)

var resultNames = map[ContractResult]string{
	ResultDefault: "DEFAULT", ResultSuccess: "SUCCESS", ResultRevert: "REVERT",
	ResultBadJumpDestination: "BAD_JUMP_DESTINATION", ResultOutOfMemory: "OUT_OF_MEMORY",
	ResultStackTooSmall: "STACK_TOO_SMALL", ResultStackTooLarge: "STACK_TOO_LARGE",
	ResultIllegalOperation: "ILLEGAL_OPERATION", ResultOutOfEnergy: "OUT_OF_ENERGY",
	ResultOutOfTime: "OUT_OF_TIME", ResultUnknown: "UNKNOWN", ResultTransferFailed: "TRANSFER_FAILED",
}

// String returns the name that JSON shows.
func (r ContractResult) String() string { return resultNames[r] }

// EncodeResult writes protocol.Transaction.Result with this contractRet.
func EncodeResult(r ContractResult) []byte { return appendInt(nil, 3, int64(r)) }

// DecodeResult reads the contractRet of protocol.Transaction.Result.
func DecodeResult(data []byte) ContractResult {
	var r ContractResult
	_ = eachField(data, func(f field) error {
		if f.number == 3 && f.kind == typeVarint {
			r = ContractResult(f.int32())
		}
		return nil
	})
	return r
}
