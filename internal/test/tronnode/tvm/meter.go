package tvm

import (
	"errors"
	"fmt"
	"math"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/vm"

	"sluice/internal/test/tronnode/wire"
)

// plenty is the gas that go-ethereum's machine is given at every instruction: its own
// prices must never end anything.
const plenty = math.MaxUint64 / 4

// failure ends a frame as TRON's machine would.
type failure struct {
	result  wire.ContractResult
	message string
}

// frame is one running contract. Energy is in units of energy.
type frame struct {
	limit, used  int64
	factor       int64 // of the contract whose storage is used; 10,000 = no penalty
	base         int64 // used without penalty and without callees: what raises the factor
	address      common.Address
	usage        map[common.Address]int64
	given        int64     // stipend that the callee got on top
	op           vm.OpCode // that began it
	steps        int
	showsLeft    bool // the last instruction was GAS: its value is still go-ethereum's
	failed       *failure
	internalFrom int // number of internal calls when the frame began
}

func (f *frame) left() int64 { return f.limit - f.used }

// meter watches go-ethereum's machine through its tracing hooks and charges what TRON
// charges. It is the only judge of energy: it ends a frame by taking its code away.
type meter struct {
	state    State
	frames   []*frame
	next     int64 // energy for the callee that is about to be entered
	given    int64
	penalty  int64
	internal []Internal
	slow     map[common.Address]bool
}

func (m *meter) hooks() *tracing.Hooks {
	return &tracing.Hooks{OnEnter: m.enter, OnExit: m.exit, OnOpcode: m.opcode}
}

func (m *meter) top() *frame { return m.frames[len(m.frames)-1] }

// enter begins a frame. A self-destruction is reported like a call and is none.
func (m *meter) enter(depth int, typ byte, from, to common.Address, _ []byte, _ uint64, value *big.Int) {
	f := &frame{limit: m.next, given: m.given, op: vm.OpCode(typ), address: to, internalFrom: len(m.internal)}
	if f.op == vm.DELEGATECALL || f.op == vm.CALLCODE {
		f.address = from
	}
	f.factor = factorOne + m.state.Factor(f.address)
	m.given = 0
	m.frames = append(m.frames, f)
	if depth > 0 && value != nil {
		m.internal = append(m.internal, Internal{Caller: from, To: to, Value: value.Int64()})
	}
}

// exit ends a frame and gives the caller back what was left (java-tron:
// Program.callToAddress: what the callee used counts, all of it after an exception).
func (m *meter) exit(_ int, output []byte, gasUsed uint64, err error, _ bool) {
	f := m.top()
	m.frames = m.frames[:len(m.frames)-1]
	if f.steps == 0 && err == nil { // a contract of the machine itself, or no code
		f.used = min(int64(gasUsed), f.limit)
	}
	reverted := errors.Is(err, vm.ErrExecutionReverted)
	refused := errors.Is(err, vm.ErrInsufficientBalance) || errors.Is(err, vm.ErrDepth)
	if err != nil && !reverted && !refused {
		f.used = f.limit
	}
	if err != nil {
		for i := f.internalFrom; i < len(m.internal); i++ {
			m.internal[i].Rejected = true
		}
	} else {
		addTo(&f.usage, f.address, f.base)
		if f.op == vm.CREATE || f.op == vm.CREATE2 {
			f.used = min(f.used+priceCodeByte*int64(len(output)), f.limit)
		}
	}
	if len(m.frames) == 0 {
		m.frames = append(m.frames, f) // for the result
		return
	}
	caller := m.top()
	caller.used += f.used - f.given
	if err == nil {
		for address, n := range f.usage {
			addTo(&caller.usage, address, n)
		}
	}
}

func addTo(usage *map[common.Address]int64, address common.Address, n int64) {
	if n == 0 {
		return
	}
	if *usage == nil {
		*usage = map[common.Address]int64{}
	}
	(*usage)[address] += n
}

// opcode charges one instruction before it runs.
func (m *meter) opcode(_ uint64, code byte, _, _ uint64, scope tracing.OpContext, _ []byte, _ int, err error) {
	if err != nil {
		return // it will not run
	}
	context, ok := scope.(*vm.ScopeContext)
	if !ok {
		panic(fmt.Sprintf("go-ethereum traces a %T: the meter knows its scope context only", scope))
	}
	f, op, stack := m.top(), vm.OpCode(code), operands(context.Stack.Data())
	f.steps++
	if f.showsLeft {
		stack.at(0).SetUint64(uint64(f.left()))
		f.showsLeft = false
	}
	context.Contract.Gas.ExecutionGas = plenty
	if fault := m.charge(f, op, context, stack); fault != nil {
		f.failed = fault
		m.next = 0
		context.Contract.Code = invalidCode(len(context.Contract.Code))
		return
	}
	f.showsLeft = op == vm.GAS
}

// invalidCode has no valid instruction at any place of a code of that length, nor behind.
func invalidCode(length int) []byte {
	code := make([]byte, length+64)
	for i := range code {
		code[i] = byte(vm.INVALID)
	}
	return code
}

func (m *meter) charge(f *frame, op vm.OpCode, context *vm.ScopeContext, stack operands) *failure {
	if m.slow[f.address] {
		return &failure{wire.ResultOutOfTime, fmt.Sprintf("CPU timeout for '%s' operation executing", op)}
	}
	need, ok := memoryNeeded(op, stack)
	if !ok {
		return &failure{wire.ResultOutOfMemory, fmt.Sprintf("Out of Memory when '%s' operation executing", op)}
	}
	price := flat[op] + sizePrice(op, stack) + memoryPrice(uint64(context.Memory.Len()), need)
	switch {
	case op == vm.SSTORE:
		price += m.storePrice(f, stack)
	case isCall(op):
		price += m.callPrice(op, stack)
	}
	f.base += price
	penalty := max(price*f.factor/factorOne-price, 0)
	if price+penalty > f.left() {
		return outOfEnergy(f, op, price, penalty)
	}
	f.used += price + penalty
	m.penalty += penalty
	if isCall(op) {
		m.pass(f, op, stack)
	} else if op == vm.CREATE || op == vm.CREATE2 {
		m.next, m.given = f.left(), 0
	}
	return nil
}

// outOfEnergy says it in the words of Program.spendEnergy and spendEnergyWithPenalty.
func outOfEnergy(f *frame, op vm.OpCode, price, penalty int64) *failure {
	text := fmt.Sprintf("Not enough energy for '%s' operation executing: ", op)
	switch {
	case isCall(op):
		text += fmt.Sprintf("opEnergy[%d], programEnergy[%d]", price+penalty, f.left())
	case f.factor > factorOne:
		text += fmt.Sprintf("curInvokeEnergyLimit[%d], curOpEnergy[%d], penaltyEnergy[%d], usedEnergy[%d]", f.limit, price, penalty, f.used)
	default:
		text += fmt.Sprintf("curInvokeEnergyLimit[%d], curOpEnergy[%d], usedEnergy[%d]", f.limit, price, f.used)
	}
	return &failure{wire.ResultOutOfEnergy, text}
}

// storePrice looks at whether a value stands in the slot, not at what it was before the
// transaction; nothing is refunded (java-tron: EnergyCost.getSstoreCost).
func (m *meter) storePrice(f *frame, stack operands) int64 {
	exists := m.state.SlotExists(f.address, stack.at(0).Bytes32())
	if !exists && !stack.at(1).IsZero() {
		return priceSet
	}
	return priceReset
}

func (m *meter) callPrice(op vm.OpCode, stack operands) int64 {
	if callValue(op, stack).IsZero() {
		return 0
	}
	price := int64(priceValueCall)
	if op == vm.CALL && !m.state.Exist(stack.at(1).Bytes20()) {
		price += priceNewAccount
	}
	return price
}

// pass sets what the callee gets: what was asked for, at most everything that is left
// (java-tron: Program.getCallEnergy), and the stipend when value moves.
func (m *meter) pass(f *frame, op vm.OpCode, stack operands) {
	m.next, m.given = f.left(), 0
	if asked := stack.at(0); asked.IsUint64() && asked.Uint64() < uint64(m.next) {
		m.next = int64(asked.Uint64())
	}
	if !callValue(op, stack).IsZero() {
		m.given = stipend
		m.next += stipend
	}
}
