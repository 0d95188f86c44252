package chain

import (
	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/test/tronnode/wire"
)

// sunPerTRX is the smallest stake that counts, and the unit of stake weights.
const sunPerTRX = 1_000_000

// Account is one account. Amounts are in sun, times in ms, unless said otherwise.
type Account struct {
	Balance       int64
	Created       int64
	LastOperation int64
	Contract      bool
	Net           Usage // staked bandwidth, bytes
	FreeNet       Usage
	Energy        Usage
	Staked        Stake // own stake that works for the account itself
	Delegated     Stake // own stake that works for others
	Acquired      Stake // stake of others that works for the account
	Owner         Permission
	Active        []Permission
}

// Stake is staked sun per resource.
type Stake struct{ Net, Energy int64 }

// Permission says who signs. Operations is a bit per contract type, of active ones only.
type Permission struct {
	ID         int32
	Name       string
	Threshold  int64
	Operations [32]byte
	Keys       []Weight
}

// Weight is a key of a permission.
type Weight struct {
	Address wire.Address
	Weight  int64
}

// defaultOperations are what the active permission of a new account may do: everything
// that existed when permissions came.
var defaultOperations = Operations(0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 30, 31, 32, 33, 41, 42, 43, 44, 45)

// Operations returns the mask for these contract types (protocol.Permission.operations).
func Operations(types ...wire.ContractType) [32]byte {
	var mask [32]byte
	for _, t := range types {
		mask[t/8] |= 1 << (t % 8)
	}
	return mask
}

// allows reports whether the mask has the type (java-tron: checkPermissionOperations).
func (p Permission) allows(t wire.ContractType) bool {
	return t >= 0 && int(t) < 8*len(p.Operations) && p.Operations[t/8]&(1<<(t%8)) != 0
}

func ownerPermission(a wire.Address) Permission {
	return Permission{Name: "owner", Threshold: 1, Keys: []Weight{{a, 1}}}
}

func activePermission(a wire.Address) Permission {
	return Permission{ID: 2, Name: "active", Threshold: 1, Operations: defaultOperations, Keys: []Weight{{a, 1}}}
}

// Contract is what is known of a deployed contract besides its code.
type Contract struct {
	Address           wire.Address
	Origin            wire.Address
	Name              string
	ABI               []byte // JSON, for getcontract
	Bytecode          []byte // with which it was created
	UserPercent       int64
	OriginEnergyLimit int64
	Version           int64
}

// activity is how much a contract was used in a maintenance cycle (TIP-491).
type activity struct{ cycle, usage, factor int64 }

type slot struct {
	contract common.Address
	key      common.Hash
}

// place says where a transaction is.
type place struct {
	block   int64
	index   int
	pending bool
}

// properties are the single values of the state.
type properties struct {
	headNumber, headTime int64
	solidNumber          int64
	maintenance          bool // the head block was one
	nextMaintenance      int64
	cycle                int64
	witnessBlock         [witnesses]int64 // the highest block of each
	netWeight            int64            // TRX staked for bandwidth, all accounts
	energyWeight         int64
	burned               int64
	publicNet            Usage
}

type link struct{ from, to wire.Address }

// ledger is the state of the chain at one point.
type ledger struct {
	*journal
	accounts   *table[wire.Address, Account]
	contracts  *table[wire.Address, Contract]
	code       *table[common.Address, []byte]
	slots      *table[slot, common.Hash]
	activities *table[common.Address, activity]
	parameters *table[string, int64]
	recent     *table[uint16, [8]byte]
	places     *table[wire.TxID, place]
	links      *table[link, Stake]
	props      cell[properties]
}

func newLedger() *ledger {
	j := &journal{}
	return &ledger{
		journal: j, accounts: newTable[wire.Address, Account](j), contracts: newTable[wire.Address, Contract](j),
		code: newTable[common.Address, []byte](j), slots: newTable[slot, common.Hash](j),
		activities: newTable[common.Address, activity](j), parameters: newTable[string, int64](j),
		recent: newTable[uint16, [8]byte](j), places: newTable[wire.TxID, place](j),
		links: newTable[link, Stake](j), props: newCell[properties](j),
	}
}

func (l *ledger) parameter(key string) int64 {
	v, _ := l.parameters.get(key)
	return v
}

func (l *ledger) change(f func(p *properties)) {
	p := l.props.get()
	f(&p)
	l.props.set(p)
}

// open creates an account (java-tron: an account begins at the time of the head block,
// with both default permissions).
func (l *ledger) open(address wire.Address, contract bool) Account {
	a := Account{
		Created: l.props.get().headTime, Contract: contract,
		Owner: ownerPermission(address), Active: []Permission{activePermission(address)},
	}
	l.accounts.set(address, a)
	return a
}

// pay takes sun from an account, and reports whether it had them.
func (l *ledger) pay(from wire.Address, amount int64) bool {
	a, _ := l.accounts.get(from)
	if a.Balance < amount {
		return false
	}
	a.Balance -= amount
	l.accounts.set(from, a)
	return true
}

// burn is pay into nothing: every fee ends there.
func (l *ledger) burn(from wire.Address, amount int64) bool {
	if !l.pay(from, amount) {
		return false
	}
	if amount != 0 {
		l.change(func(p *properties) { p.burned += amount })
	}
	return true
}
