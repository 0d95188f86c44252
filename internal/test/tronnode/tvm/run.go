// Package tvm runs contracts of the stand-in node: go-ethereum's machine executes the
// bytecode, and a meter charges energy by TRON's prices (java-tron: VM, EnergyCost,
// Program; TIP-491 for the penalty).
//
// What differs from TRON's machine, and does not matter to tokens: the calls of depth 65 to
// 1024 run; addresses of contracts that contracts create are Ethereum's; TRON's own
// instructions (TRC-10 tokens, staking) and precompiled contracts are missing; a frame that
// runs out of energy in the memory of its last RETURN still returns when it was called by
// another contract; a constructor sees its code as a contract's.
package tvm

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"

	"sluice/internal/test/tronnode/wire"
)

// State is the ledger as the machine sees it.
type State interface {
	vm.StateDB
	// SlotExists reports whether a value was ever written to the slot and is still there;
	// a zero counts until the transaction that wrote it ends.
	SlotExists(address common.Address, slot common.Hash) bool
	// Factor is the contract's energy factor of this cycle; 10,000 adds the price once more.
	Factor(address common.Address) int64
}

// Block is what contracts can read of the block they run in. Time is in seconds.
type Block struct {
	Number, Time int64
	Coinbase     common.Address
	ChainID      int64
	Hash         func(number uint64) common.Hash
	EnergyPrice  int64                   // sun
	Slow         map[common.Address]bool // contracts that end with OUT_OF_TIME
}

// Call is one execution. Deploy says that Input is the code of a new contract at To.
type Call struct {
	Caller, To common.Address
	Value      int64 // sun
	Input      []byte
	Limit      int64 // energy
	Deploy     bool
}

// Internal is a call between contracts.
type Internal struct {
	Caller, To common.Address
	Value      int64 // sun
	Rejected   bool
}

// Result is how an execution ended. Output is what it returned or reverted with.
type Result struct {
	Code     wire.ContractResult
	Message  string // why it failed
	Output   []byte
	Used     int64 // energy, penalty included
	Penalty  int64
	Usage    map[common.Address]int64 // energy without penalty per contract, of a success
	Internal []Internal
}

// config has every rule up to Cancun. Prices do not come from it.
func config(chainID int64) *params.ChainConfig {
	zero, time := new(big.Int), new(uint64)
	return &params.ChainConfig{
		ChainID: big.NewInt(chainID), HomesteadBlock: zero, EIP150Block: zero, EIP155Block: zero, EIP158Block: zero,
		ByzantiumBlock: zero, ConstantinopleBlock: zero, PetersburgBlock: zero, IstanbulBlock: zero, BerlinBlock: zero,
		LondonBlock: zero, TerminalTotalDifficulty: zero, ShanghaiTime: time, CancunTime: time,
	}
}

// Run executes a call on the state. The state keeps what a success changed and nothing of a
// failure; energy is not paid here.
func Run(state State, block Block, call Call) Result {
	m := &meter{state: state, next: call.Limit, slow: block.Slow}
	random := common.Hash{}
	machine := vm.NewEVM(vm.BlockContext{
		CanTransfer: func(db vm.StateDB, from common.Address, amount *uint256.Int) bool {
			return !db.GetBalance(from).Lt(amount)
		},
		Transfer: func(db vm.StateDB, from, to common.Address, amount *uint256.Int, _ *params.Rules) {
			db.SubBalance(from, amount, tracing.BalanceChangeTransfer)
			db.AddBalance(to, amount, tracing.BalanceChangeTransfer)
		},
		GetHash: block.Hash, Coinbase: block.Coinbase, BlockNumber: big.NewInt(block.Number), Time: uint64(block.Time),
		Difficulty: new(big.Int), BaseFee: big.NewInt(block.EnergyPrice), BlobBaseFee: new(big.Int), Random: &random,
	}, state, config(block.ChainID), vm.Config{Tracer: m.hooks()})
	machine.SetPrecompiles(vm.PrecompiledContractsIstanbul)
	machine.SetTxContext(vm.TxContext{Origin: call.Caller, GasPrice: new(uint256.Int)})

	snapshot := state.Snapshot()
	input := call.Input
	if call.Deploy {
		state.SetCode(call.To, call.Input, tracing.CodeChangeContractCreation)
		input = nil
	}
	output, _, err := machine.Call(call.Caller, call.To, input, vm.NewGasBudget(plenty, 0), uint256.NewInt(uint64(call.Value)))
	result := m.result(output, err)
	if call.Deploy && result.Code == wire.ResultSuccess {
		m.store(state, call.To, &result, call.Limit)
	}
	if result.Code != wire.ResultSuccess {
		state.RevertToSnapshot(snapshot)
		result.Usage = nil
	}
	return result
}

// store keeps the code that a constructor returned (java-tron: VMActuator.execute).
func (m *meter) store(state State, at common.Address, r *Result, limit int64) {
	price := priceCodeByte * int64(len(r.Output))
	if price > limit-r.Used {
		r.Code, r.Message = wire.ResultOutOfEnergy, fmt.Sprintf("Not enough energy for 'save just created contract code' executing: needEnergy[%d], leftEnergy[%d]", price, limit-r.Used)
		r.Used = limit
		return
	}
	r.Used += price
	state.SetCode(at, r.Output, tracing.CodeChangeContractCreation)
}

// result says how the outermost frame ended. All exceptions use up the whole limit, a
// revert what was used (java-tron: VMActuator.execute, RuntimeImpl.setResultCode).
func (m *meter) result(output []byte, err error) Result {
	f := m.frames[0]
	r := Result{Code: wire.ResultSuccess, Output: output, Used: f.used, Penalty: m.penalty, Usage: f.usage, Internal: m.internal}
	var opcode *vm.ErrInvalidOpCode
	var small *vm.ErrStackUnderflow
	var large *vm.ErrStackOverflow
	switch {
	case f.failed != nil:
		r.Code, r.Message = f.failed.result, f.failed.message
	case err == nil:
	case errors.Is(err, vm.ErrExecutionReverted):
		r.Code, r.Message = wire.ResultRevert, "REVERT opcode executed"
		return r
	case errors.Is(err, vm.ErrInvalidJump):
		r.Code, r.Message = wire.ResultBadJumpDestination, "Operation with pc isn't 'JUMPDEST'"
	case errors.As(err, &opcode):
		r.Code, r.Message = wire.ResultIllegalOperation, "Invalid operation code: "+err.Error()
	case errors.As(err, &small):
		r.Code, r.Message = wire.ResultStackTooSmall, err.Error()
	case errors.As(err, &large):
		r.Code, r.Message = wire.ResultStackTooLarge, err.Error()
	case errors.Is(err, vm.ErrInsufficientBalance):
		r.Code, r.Message = wire.ResultTransferFailed, "transfer trx failed: balance is not sufficient."
		return r
	default:
		r.Code, r.Message = wire.ResultUnknown, err.Error()
	}
	if r.Code != wire.ResultSuccess {
		r.Output, r.Used = nil, f.limit
	}
	return r
}
