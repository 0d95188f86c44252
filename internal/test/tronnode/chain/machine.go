package chain

import (
	"strconv"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/stateless"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/types/bal"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"

	"sluice/internal/test/tronnode/tvm"
	"sluice/internal/test/tronnode/wire"
)

// machineState is the ledger as go-ethereum's machine sees it, for one transaction.
type machineState struct {
	*ledger
	logs      []Log
	zeroed    []slot // written as zero: they count as present until the end
	transient map[slot]common.Hash
	snapshots []snapshot
}

type snapshot struct{ mark, logs int }

var _ tvm.State = (*machineState)(nil)

// finish removes the slots that ended as zero.
func (s *machineState) finish() {
	for _, at := range s.zeroed {
		if v, ok := s.slots.get(at); ok && v == (common.Hash{}) {
			s.slots.remove(at)
		}
	}
}

func account(a common.Address) wire.Address { return wire.FromEVM(a) }

// SlotExists implements tvm.State.
func (s *machineState) SlotExists(a common.Address, key common.Hash) bool {
	_, ok := s.slots.get(slot{a, key})
	return ok
}

// Factor implements tvm.State.
func (s *machineState) Factor(a common.Address) int64 {
	if s.parameter(AllowDynamicEnergy) != 1 {
		return 0
	}
	return s.activity(a).factor
}

// CreateAccount implements vm.StateDB.
func (s *machineState) CreateAccount(a common.Address) { s.open(account(a), false) }

// CreateContract implements vm.StateDB.
func (s *machineState) CreateContract(a common.Address) {
	c, _ := s.accounts.get(account(a))
	c.Contract = true
	s.accounts.set(account(a), c)
}

// SubBalance implements vm.StateDB.
func (s *machineState) SubBalance(a common.Address, amount *uint256.Int, _ tracing.BalanceChangeReason) uint256.Int {
	return s.addBalance(a, -int64(amount.Uint64()))
}

// AddBalance implements vm.StateDB. Nothing is added to nobody: a touch creates no account.
func (s *machineState) AddBalance(a common.Address, amount *uint256.Int, _ tracing.BalanceChangeReason) uint256.Int {
	if amount.IsZero() {
		return *s.GetBalance(a)
	}
	return s.addBalance(a, int64(amount.Uint64()))
}

func (s *machineState) addBalance(a common.Address, amount int64) uint256.Int {
	before := *s.GetBalance(a)
	c, exists := s.accounts.get(account(a))
	if !exists {
		c = s.open(account(a), false)
	}
	c.Balance += amount
	s.accounts.set(account(a), c)
	return before
}

// GetBalance implements vm.StateDB.
func (s *machineState) GetBalance(a common.Address) *uint256.Int {
	c, _ := s.accounts.get(account(a))
	return uint256.NewInt(uint64(c.Balance))
}

// GetNonce implements vm.StateDB: TRON has none.
func (s *machineState) GetNonce(common.Address) uint64 { return 0 }

// SetNonce implements vm.StateDB.
func (s *machineState) SetNonce(common.Address, uint64, tracing.NonceChangeReason) {}

// GetCodeHash implements vm.StateDB.
func (s *machineState) GetCodeHash(a common.Address) common.Hash {
	if !s.Exist(a) {
		return common.Hash{}
	}
	return crypto.Keccak256Hash(s.GetCode(a))
}

// GetCode implements vm.StateDB.
func (s *machineState) GetCode(a common.Address) []byte {
	code, _ := s.code.get(a)
	return code
}

// SetCode implements vm.StateDB.
func (s *machineState) SetCode(a common.Address, code []byte, _ tracing.CodeChangeReason) []byte {
	before := s.GetCode(a)
	s.code.set(a, code)
	return before
}

// GetCodeSize implements vm.StateDB.
func (s *machineState) GetCodeSize(a common.Address) int { return len(s.GetCode(a)) }

// GetStateAndCommittedState implements vm.StateDB. TRON's prices do not ask for the second.
func (s *machineState) GetStateAndCommittedState(a common.Address, key common.Hash) (common.Hash, common.Hash) {
	v := s.GetState(a, key)
	return v, v
}

// GetState implements vm.StateDB.
func (s *machineState) GetState(a common.Address, key common.Hash) common.Hash {
	v, _ := s.slots.get(slot{a, key})
	return v
}

// SetState implements vm.StateDB.
func (s *machineState) SetState(a common.Address, key, value common.Hash) common.Hash {
	at := slot{a, key}
	before, _ := s.slots.get(at)
	s.slots.set(at, value)
	if value == (common.Hash{}) {
		s.zeroed = append(s.zeroed, at)
	}
	return before
}

// GetTransientState implements vm.StateDB.
func (s *machineState) GetTransientState(a common.Address, key common.Hash) common.Hash {
	return s.transient[slot{a, key}]
}

// SetTransientState implements vm.StateDB.
func (s *machineState) SetTransientState(a common.Address, key, value common.Hash) {
	if s.transient == nil {
		s.transient = map[slot]common.Hash{}
	}
	s.transient[slot{a, key}] = value
}

// SelfDestruct implements vm.StateDB: the machine has moved the balance, the code stays
// (TIP-6780).
func (s *machineState) SelfDestruct(common.Address) {}

// HasSelfDestructed implements vm.StateDB.
func (s *machineState) HasSelfDestructed(common.Address) bool { return false }

// Exist implements vm.StateDB.
func (s *machineState) Exist(a common.Address) bool {
	_, ok := s.accounts.get(account(a))
	return ok
}

// Empty implements vm.StateDB.
func (s *machineState) Empty(a common.Address) bool { return !s.Exist(a) }

// Touch implements vm.StateDB.
func (s *machineState) Touch(common.Address) {}

// IsNewContract implements vm.StateDB.
func (s *machineState) IsNewContract(common.Address) bool { return false }

// RevertToSnapshot implements vm.StateDB.
func (s *machineState) RevertToSnapshot(id int) {
	at := s.snapshots[id]
	s.revert(at.mark)
	s.logs, s.snapshots = s.logs[:at.logs], s.snapshots[:id]
}

// Snapshot implements vm.StateDB.
func (s *machineState) Snapshot() int {
	s.snapshots = append(s.snapshots, snapshot{s.mark(), len(s.logs)})
	return len(s.snapshots) - 1
}

// AddLog implements vm.StateDB.
func (s *machineState) AddLog(l *types.Log) {
	entry := Log{Address: l.Address, Data: l.Data}
	for _, topic := range l.Topics {
		entry.Topics = append(entry.Topics, topic)
	}
	s.logs = append(s.logs, entry)
}

// What follows of vm.StateDB means nothing on TRON: access lists, refunds, witnesses.

// AddRefund implements vm.StateDB.
func (s *machineState) AddRefund(uint64) {}

// SubRefund implements vm.StateDB.
func (s *machineState) SubRefund(uint64) {}

// GetRefund implements vm.StateDB.
func (s *machineState) GetRefund() uint64 { return 0 }

// AddressInAccessList implements vm.StateDB.
func (s *machineState) AddressInAccessList(common.Address) bool { return true }

// SlotInAccessList implements vm.StateDB.
func (s *machineState) SlotInAccessList(common.Address, common.Hash) (bool, bool) { return true, true }

// AddAddressToAccessList implements vm.StateDB.
func (s *machineState) AddAddressToAccessList(common.Address) {}

// AddSlotToAccessList implements vm.StateDB.
func (s *machineState) AddSlotToAccessList(common.Address, common.Hash) {}

// Prepare implements vm.StateDB.
func (s *machineState) Prepare(params.Rules, common.Address, common.Address, *common.Address, []common.Address, types.AccessList) {
}

// AddPreimage implements vm.StateDB.
func (s *machineState) AddPreimage(common.Hash, []byte) {}

// Witness implements vm.StateDB.
func (s *machineState) Witness() *stateless.Witness { return nil }

// AccessEvents implements vm.StateDB.
func (s *machineState) AccessEvents() *state.AccessEvents { return nil }

// Finalise implements vm.StateDB.
func (s *machineState) Finalise(params.Rules) *bal.ConstructionBlockAccessList { return nil }

// SetTxContext implements vm.StateDB.
func (s *machineState) SetTxContext(common.Hash, int, uint32) {}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
