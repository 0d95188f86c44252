package chain

import (
	"sluice/internal/test/tronnode/tvm"
	"sluice/internal/test/tronnode/wire"
)

// Info is what a transaction in a block did: protocol.TransactionInfo. Fees are in sun.
type Info struct {
	ID          wire.TxID
	BlockNumber int64
	BlockTime   int64 // ms
	Fee         int64 // everything that was paid, of which Receipt shows a part
	Outcome     wire.ContractResult
	Failed      bool
	Message     string // why it failed
	Output      []byte
	Contract    []byte // 21 bytes, of contract calls
	Receipt     Receipt
	Logs        []Log
	Internal    []tvm.Internal
	Rejected    bool // its internal calls were undone
}

// Receipt is protocol.ResourceReceipt. Fees for activation, memo and several signatures
// are not in it.
type Receipt struct {
	EnergyUsage       int64 // of the caller's stake
	EnergyFee         int64
	OriginEnergyUsage int64 // of the contract owner's stake
	EnergyUsageTotal  int64
	EnergyPenalty     int64
	NetUsage          int64
	NetFee            int64
	Machine           bool // a contract ran: the result is shown
}

// Log is an event: the address has 20 bytes.
type Log struct {
	Address [20]byte
	Topics  [][32]byte
	Data    []byte
}

// Code is the answer to a broadcast: api.Return.response_code.
type Code string

// The codes, with the numbers that they have in the protocol.
const (
	Success                Code = "SUCCESS"                         // 0
	SigError               Code = "SIGERROR"                        // 1
	ContractValidateError  Code = "CONTRACT_VALIDATE_ERROR"         // 2
	ContractExeError       Code = "CONTRACT_EXE_ERROR"              // 3
	BandwidthError         Code = "BANDWITH_ERROR"                  // 4, spelled so
	DupTransactionError    Code = "DUP_TRANSACTION_ERROR"           // 5
	TaposError             Code = "TAPOS_ERROR"                     // 6
	TooBigTransactionError Code = "TOO_BIG_TRANSACTION_ERROR"       // 7
	ExpirationError        Code = "TRANSACTION_EXPIRATION_ERROR"    // 8
	ServerBusy             Code = "SERVER_BUSY"                     // 9
	NoConnection           Code = "NO_CONNECTION"                   // 10
	NotEnoughConnections   Code = "NOT_ENOUGH_EFFECTIVE_CONNECTION" // 11
	BlockUnsolidified      Code = "BLOCK_UNSOLIDIFIED"              // 12
	OtherError             Code = "OTHER_ERROR"                     // 20
)

// Refusal is why a transaction is not valid: the code and the words of java-tron's answer
// to a broadcast (Wallet.broadcastTransaction, 4.8.2).
type Refusal struct {
	Code    Code
	Message string
}

// Error returns code and message.
func (r *Refusal) Error() string { return string(r.Code) + ": " + r.Message }

func invalid(message string) *Refusal {
	return &Refusal{ContractValidateError, "Contract validate error : " + message}
}

func unsigned(message string) *Refusal {
	return &Refusal{SigError, "Validate signature error: " + message}
}

func insufficient() *Refusal {
	return &Refusal{BandwidthError, "Account resource insufficient error."}
}

func expired() *Refusal { return &Refusal{ExpirationError, "Transaction expired"} }
