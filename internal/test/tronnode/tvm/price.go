package tvm

import (
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/holiman/uint256"
)

// Prices in energy (java-tron: EnergyCost, OperationRegistry).
const (
	priceMemoryWord  = 3
	priceCopyWord    = 3
	priceHashWord    = 6
	priceLog         = 375
	priceLogByte     = 8
	priceExpByte     = 10
	priceSet         = 20000
	priceReset       = 5000
	priceValueCall   = 9000
	priceNewAccount  = 25000
	priceCodeByte    = 200
	stipend          = 2300
	memoryMax        = 3 << 20 // bytes; beyond it a contract ends with OUT_OF_MEMORY
	factorOne        = 10_000
	wordSize         = 32
	memoryQuadratic  = 512
	logTopicsBaseOp  = int(vm.LOG0)
	firstTierPushOps = int(vm.PUSH1)
)

// flat is the part of the price that does not depend on operands. Opcodes that are absent
// cost nothing but what memory they touch.
var flat = flatPrices()

func flatPrices() [256]int64 {
	var table [256]int64
	tiers := map[int64][]vm.OpCode{
		1: {vm.JUMPDEST, vm.MLOAD, vm.MSTORE, vm.MSTORE8},
		2: {
			vm.ADDRESS, vm.ORIGIN, vm.CALLER, vm.CALLVALUE, vm.CALLDATASIZE, vm.CODESIZE, vm.RETURNDATASIZE,
			vm.GASPRICE, vm.COINBASE, vm.TIMESTAMP, vm.NUMBER, vm.DIFFICULTY, vm.GASLIMIT, vm.POP, vm.PC,
			vm.MSIZE, vm.GAS, vm.CHAINID, vm.BASEFEE, vm.BLOBBASEFEE, vm.PUSH0,
		},
		3: {
			vm.ADD, vm.SUB, vm.LT, vm.GT, vm.SLT, vm.SGT, vm.EQ, vm.ISZERO, vm.AND, vm.OR, vm.XOR, vm.NOT,
			vm.BYTE, vm.CALLDATALOAD, vm.SHL, vm.SHR, vm.SAR, vm.BLOBHASH, vm.MCOPY,
		},
		5:     {vm.MUL, vm.DIV, vm.SDIV, vm.MOD, vm.SMOD, vm.SIGNEXTEND, vm.SELFBALANCE},
		8:     {vm.ADDMOD, vm.MULMOD, vm.JUMP},
		10:    {vm.JUMPI, vm.EXP},
		20:    {vm.BLOCKHASH, vm.BALANCE, vm.EXTCODESIZE, vm.EXTCODECOPY},
		30:    {vm.KECCAK256},
		40:    {vm.CALL, vm.CALLCODE, vm.DELEGATECALL, vm.STATICCALL},
		50:    {vm.SLOAD},
		100:   {vm.TLOAD, vm.TSTORE},
		400:   {vm.EXTCODEHASH},
		5000:  {vm.SELFDESTRUCT},
		32000: {vm.CREATE, vm.CREATE2},
	}
	for price, ops := range tiers {
		for _, op := range ops {
			table[op] = price
		}
	}
	for op := firstTierPushOps; op <= int(vm.SWAP16); op++ { // PUSH1 to SWAP16
		table[op] = 3
	}
	for topics := range 5 {
		table[logTopicsBaseOp+topics] = priceLog * int64(1+topics)
	}
	return table
}

// operands are the values on the stack, 0 the topmost.
type operands []uint256.Int

func (s operands) at(i int) *uint256.Int { return &s[len(s)-1-i] }

// span says which operands are an offset and a size in memory.
type span struct{ offset, size int }

// touched are the memory ranges of opcodes with a size operand.
var touched = map[vm.OpCode][]span{
	vm.KECCAK256:      {{0, 1}},
	vm.CALLDATACOPY:   {{0, 2}},
	vm.CODECOPY:       {{0, 2}},
	vm.RETURNDATACOPY: {{0, 2}},
	vm.EXTCODECOPY:    {{1, 3}},
	vm.MCOPY:          {{0, 2}, {1, 2}},
	vm.RETURN:         {{0, 1}},
	vm.REVERT:         {{0, 1}},
	vm.LOG0:           {{0, 1}},
	vm.LOG1:           {{0, 1}},
	vm.LOG2:           {{0, 1}},
	vm.LOG3:           {{0, 1}},
	vm.LOG4:           {{0, 1}},
	vm.CREATE:         {{1, 2}},
	vm.CREATE2:        {{1, 2}},
	vm.CALL:           {{3, 4}, {5, 6}},
	vm.CALLCODE:       {{3, 4}, {5, 6}},
	vm.DELEGATECALL:   {{2, 3}, {4, 5}},
	vm.STATICCALL:     {{2, 3}, {4, 5}},
}

// fixed are opcodes that touch a fixed number of bytes at the topmost operand.
var fixed = map[vm.OpCode]uint64{vm.MLOAD: 32, vm.MSTORE: 32, vm.MSTORE8: 1}

// memoryNeeded is how far memory reaches after op, and false beyond what TRON allows.
func memoryNeeded(op vm.OpCode, stack operands) (uint64, bool) {
	if size, is := fixed[op]; is {
		return end(stack.at(0), uint256.NewInt(size))
	}
	var most uint64
	for _, s := range touched[op] {
		needed, ok := end(stack.at(s.offset), stack.at(s.size))
		if !ok {
			return 0, false
		}
		most = max(most, needed)
	}
	return most, true
}

func end(offset, size *uint256.Int) (uint64, bool) {
	if size.IsZero() {
		return 0, true
	}
	sum, overflow := new(uint256.Int).AddOverflow(offset, size)
	if overflow || !sum.IsUint64() || sum.Uint64() > memoryMax {
		return 0, false
	}
	return sum.Uint64(), true
}

// memoryPrice is what growing memory from have to need bytes costs.
func memoryPrice(have, need uint64) int64 {
	after := words(need)
	before := words(have)
	if after <= before {
		return 0
	}
	price := func(w int64) int64 { return priceMemoryWord*w + w*w/memoryQuadratic }
	return price(after) - price(before)
}

func words(size uint64) int64 { return int64((size + wordSize - 1) / wordSize) }

// sizePrice is the part of the price that grows with a size or value on the stack, memory
// apart. The sizes have passed memoryNeeded.
func sizePrice(op vm.OpCode, stack operands) int64 {
	switch op {
	case vm.EXP:
		return priceExpByte * int64((stack.at(1).BitLen()+7)/8)
	case vm.KECCAK256:
		return priceHashWord * words(stack.at(1).Uint64())
	case vm.CREATE2:
		return priceHashWord * words(stack.at(2).Uint64())
	case vm.CALLDATACOPY, vm.CODECOPY, vm.RETURNDATACOPY, vm.MCOPY:
		return priceCopyWord * words(stack.at(2).Uint64())
	case vm.EXTCODECOPY:
		return priceCopyWord * words(stack.at(3).Uint64())
	case vm.LOG0, vm.LOG1, vm.LOG2, vm.LOG3, vm.LOG4:
		return priceLogByte * int64(stack.at(1).Uint64())
	default:
		return 0
	}
}

// isCall reports whether op calls another contract.
func isCall(op vm.OpCode) bool {
	return op == vm.CALL || op == vm.CALLCODE || op == vm.DELEGATECALL || op == vm.STATICCALL
}

// callValue is the value that a call carries.
func callValue(op vm.OpCode, stack operands) *uint256.Int {
	if op == vm.CALL || op == vm.CALLCODE {
		return stack.at(2)
	}
	return new(uint256.Int)
}
