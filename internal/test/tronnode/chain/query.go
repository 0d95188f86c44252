package chain

import (
	"bytes"
	"maps"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/test/tronnode/tvm"
	"sluice/internal/test/tronnode/wire"
)

// Reader answers questions about one view. It is valid inside Read only.
type Reader struct{ c *Chain }

// Read calls f with the chain as of a view. Nothing else happens to the chain meanwhile.
func (c *Chain) Read(v View, f func(r Reader)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.within(v, func() { f(Reader{c}) })
}

// Head is the last block.
func (r Reader) Head() *Block { return r.c.head() }

// SolidNumber is the height of the last solid block.
func (r Reader) SolidNumber() int64 { return r.c.state.props.get().solidNumber }

// Block returns the block at a height, or nil above the head.
func (r Reader) Block(number int64) *Block {
	if number < 0 || number >= int64(len(r.c.blocks)) {
		return nil
	}
	return r.c.blocks[number]
}

// Transaction returns a transaction of the pool or of a block. Its result in the pool is
// what it would be now.
func (r Reader) Transaction(id wire.TxID) *wire.Transaction {
	at, known := r.c.state.places.get(id)
	switch {
	case !known:
		return nil
	case at.pending:
		return r.Pending(id)
	default:
		return r.c.blocks[at.block].Transactions[at.index]
	}
}

// Pending returns a transaction of the pool.
func (r Reader) Pending(id wire.TxID) *wire.Transaction {
	for _, e := range r.c.pool {
		if e.id == id {
			tx := e.tx.Clone()
			tx.Results = [][]byte{wire.EncodeResult(e.info.Outcome)}
			return tx
		}
	}
	return nil
}

// Pool returns the ids in the pool, oldest first.
func (r Reader) Pool() []wire.TxID {
	ids := make([]wire.TxID, 0, len(r.c.pool))
	for _, e := range r.c.pool {
		ids = append(ids, e.id)
	}
	return ids
}

// Info returns what a transaction in a block did, or nil.
func (r Reader) Info(id wire.TxID) *Info {
	at, known := r.c.state.places.get(id)
	if !known || at.pending {
		return nil
	}
	return r.c.blocks[at.block].Infos[at.index]
}

// Account returns an account, and false when it was never activated.
func (r Reader) Account(a wire.Address) (Account, bool) { return r.c.state.accounts.get(a) }

// Accounts are the addresses of all accounts, sorted.
func (r Reader) Accounts() []wire.Address {
	return slices.SortedFunc(maps.Keys(r.c.state.accounts.rows), func(a, b wire.Address) int { return bytes.Compare(a[:], b[:]) })
}

// Contract returns a contract with the code that runs.
func (r Reader) Contract(a wire.Address) (Contract, []byte, bool) {
	deployed, exists := r.c.state.contracts.get(a)
	code, _ := r.c.state.code.get(a.EVM())
	return deployed, code, exists
}

// Activity is the state of a contract's energy factor as it was last written.
func (r Reader) Activity(a wire.Address) (usage, factor, cycle int64) {
	last, _ := r.c.state.activities.get(a.EVM())
	return last.usage, last.factor, last.cycle
}

// Resources are what an account may use and has used.
type Resources struct {
	FreeNetLimit, FreeNetUsed     int64
	NetLimit, NetUsed             int64
	EnergyLimit, EnergyUsed       int64
	TotalNetLimit, TotalNetWeight int64
	TotalEnergyLimit              int64
	TotalEnergyWeight             int64
}

// Resources returns an account's resources now.
func (r Reader) Resources(a wire.Address) (Resources, bool) {
	account, exists := r.Account(a)
	if !exists {
		return Resources{}, false
	}
	l, now, p := r.c.state, r.c.headSlot(), r.c.state.props.get()
	return Resources{
		FreeNetLimit: l.parameter(FreeNetLimit), FreeNetUsed: account.FreeNet.at(now),
		NetLimit: l.netLimit(account), NetUsed: account.Net.at(now),
		EnergyLimit: l.energyLimit(account), EnergyUsed: account.Energy.at(now),
		TotalNetLimit: l.parameter(NetLimit), TotalNetWeight: p.netWeight,
		TotalEnergyLimit: l.parameter(EnergyLimit), TotalEnergyWeight: p.energyWeight,
	}, true
}

// Parameters are the chain parameters, in the order in which a node lists them.
func (r Reader) Parameters() []Parameter {
	list := slices.Clone(defaultParameters)
	for i := range list {
		list[i].Value = r.c.state.parameter(list[i].Key)
	}
	return list
}

// Burned is all sun that fees have burned.
func (r Reader) Burned() int64 { return r.c.state.props.get().burned }

// constantEnergyMax is the energy of a constant call (java-tron:
// maxEnergyLimitForConstant).
const constantEnergyMax = 100_000_000

// Constant runs a call that changes nothing and costs nothing. The caller need not exist.
// It is nil when there is no such contract.
func (r Reader) Constant(caller, contract wire.Address, value int64, data []byte) (*tvm.Result, []Log) {
	return r.Simulate(caller, contract, value, data, constantEnergyMax)
}

// Simulate is Constant with a limit of energy.
func (r Reader) Simulate(caller, contract wire.Address, value int64, data []byte, limit int64) (*tvm.Result, []Log) {
	if _, exists := r.c.state.contracts.get(contract); !exists {
		return nil, nil
	}
	mark := r.c.state.mark()
	defer r.c.state.revert(mark)
	view := &machineState{ledger: r.c.state}
	result := tvm.Run(view, r.c.machineBlock(nil), tvm.Call{
		Caller: common.Address(caller.EVM()), To: common.Address(contract.EVM()), Value: value, Input: data, Limit: limit,
	})
	return &result, view.logs
}

// Judge says what would happen to a transaction that is sent to a node with this view,
// without keeping it.
func (r Reader) Judge(tx *wire.Transaction) *Refusal {
	mark, pool := r.c.state.mark(), len(r.c.pool)
	refusal := r.c.broadcast(tx, false)
	r.c.state.revert(mark)
	r.c.pool = r.c.pool[:pool]
	return refusal
}

// PermissionOf is what signatures of a contract are checked with.
func (r Reader) PermissionOf(contract wire.Contract) (Permission, bool) {
	return r.c.permission(contract)
}

// SignedWeight adds up the weights of the keys that signed.
func (r Reader) SignedWeight(p Permission, tx *wire.Transaction) (int64, *Refusal) {
	return r.c.signedWeight(p, tx)
}

// Check validates a transfer without executing it, as a node does that builds one.
func (r Reader) Check(t wire.Transfer) *Refusal {
	mark := r.c.state.mark()
	defer r.c.state.revert(mark)
	owner, _ := wire.AddressOf(t.Owner)
	if _, exists := r.c.state.accounts.get(owner); !exists {
		return invalid("Validate TransferContract error, no OwnerAccount.")
	}
	return r.c.transfer(owner, t, &Info{})
}
