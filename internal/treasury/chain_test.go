package treasury_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/signer"
)

// state is the state of the model chain at one block: who has what.
type state struct {
	block    uint64
	balances map[string]map[string]uint64 // by address and asset
	nonces   map[string]uint64
}

func (s state) clone() state {
	out := state{s.block, map[string]map[string]uint64{}, map[string]uint64{}}
	for a, m := range s.balances {
		out.balances[a] = map[string]uint64{}
		for k, v := range m {
			out.balances[a][k] = v
		}
	}
	for a, n := range s.nonces {
		out.nonces[a] = n
	}
	return out
}

// tx is what a signed payout says.
type tx struct {
	From   string
	Nonce  uint64
	Asset  string
	To     string
	Amount uint64
	Fee    uint64
	Fails  bool // it is mined and pays nothing, but its fee
}

// chain is an account chain whose every step a test takes. It is a rail and a signer:
// what matters here is what Sluice makes of a chain, not the chain.
type chain struct {
	mu     sync.Mutex
	states []state // by block number; the last one is the latest
	final  uint64
	pool   []tx
	mined  map[string]uint64 // block of a transaction, by its id
	fails  bool              // the next transactions pay nothing
	down   bool
	poison uint64            // an amount that cannot be planned
	fork   int               // how often it was undone
	forkAt uint64            // from which block on the last time
	lie    map[string]uint64 // balances that it shows in place of the true ones, by asset
}

const (
	feeMost = 1000 // what an attempt may cost
	feeReal = 777  // what it does cost
)

func newChain() *chain {
	return &chain{states: []state{{0, map[string]map[string]uint64{}, map[string]uint64{}}}, mined: map[string]uint64{}}
}

func (c *chain) latest() *state { return &c.states[len(c.states)-1] }

// move changes what an address has in the next block.
func (c *chain) move(addr, asset string, in, out uint64) {
	c.block(func(s *state) { s.add(addr, asset, in, out) })
}

// steal is a transaction of somebody else who has the key.
func (c *chain) steal(addr, asset string, amount uint64) {
	c.block(func(s *state) { s.add(addr, asset, 0, amount); s.nonces[addr]++ })
}

// refusesToPlan makes an amount one that cannot be planned.
func (c *chain) refusesToPlan(amount uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.poison = amount
}

// lies makes the chain show other balances from now on; nil: the true ones.
func (c *chain) lies(balances map[string]uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lie = balances
}

func (s *state) add(addr, asset string, in, out uint64) {
	if s.balances[addr] == nil {
		s.balances[addr] = map[string]uint64{}
	}
	s.balances[addr][asset] += in - out
}

func (c *chain) block(change func(*state)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.latest().clone()
	next.block++
	if change != nil {
		change(&next)
	}
	c.states = append(c.states, next)
}

// mine makes a block of what the pool holds, in order of nonces.
func (c *chain) mine() {
	c.block(func(s *state) {
		slices.SortFunc(c.pool, func(a, b tx) int { return int(a.Nonce) - int(b.Nonce) })
		var left []tx
		for _, t := range c.pool {
			if t.Nonce != s.nonces[t.From] {
				left = append(left, t)
				continue
			}
			s.nonces[t.From]++
			s.add(t.From, "ETH", 0, t.Fee)
			if !t.Fails {
				s.add(t.From, t.Asset, 0, t.Amount)
				s.add(t.To, t.Asset, t.Amount, 0)
			}
			c.mined[t.id()] = s.block
		}
		c.pool = left
	})
}

// finalize makes everything final but the latest blocks.
func (c *chain) finalize(but uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if top := c.latest().block; top > but {
		c.final = max(c.final, top-but)
	}
}

// reorg forgets the latest blocks that are not final, for good.
func (c *chain) reorg(depth int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	keep := max(len(c.states)-depth, int(c.final)+1)
	c.states = c.states[:keep]
	for id, at := range c.mined {
		if at >= uint64(keep) {
			delete(c.mined, id)
		}
	}
}

// undo forgets all blocks from one on, also those that were final, and goes on with other
// ones; their transactions are in no pool.
func (c *chain) undo(from uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	top := c.latest().block
	c.states, c.fork = c.states[:from], c.fork+1
	c.forkAt = from
	for id, at := range c.mined {
		if at >= from {
			delete(c.mined, id)
		}
	}
	c.pool = nil
	for c.latest().block < top {
		next := c.latest().clone()
		next.block++
		c.states = append(c.states, next)
	}
}

// rename replaces all blocks by others with the same content.
func (c *chain) rename() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fork, c.forkAt = c.fork+1, 0
}

// name is what the chain calls a block.
func (c *chain) name(n uint64) string {
	if c.fork > 0 && n >= c.forkAt {
		return fmt.Sprintf("%d of fork %d", n, c.fork)
	}
	return fmt.Sprint(n)
}

// BlockAt implements rail.Stander.
func (c *chain) BlockAt(_ context.Context, n uint64) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > c.latest().block {
		return "", rail.ErrUnavailable
	}
	return c.name(n), c.reach()
}

func (c *chain) finalHas(addr, asset string) money.Amount {
	c.mu.Lock()
	defer c.mu.Unlock()
	return money.Of(c.states[c.final].balances[addr][asset])
}

func (t tx) id() string {
	b, _ := json.Marshal(t)
	return fmt.Sprintf("tx:%s:%d:%d", t.From, t.Nonce, len(b))
}

// The rail.

func (c *chain) Network() string          { return "model" }
func (c *chain) FeeAsset() string         { return "ETH" }
func (c *chain) Assets() []string         { return []string{"ETH", "USDT"} }
func (c *chain) PollEvery() time.Duration { return time.Millisecond }
func (c *chain) reach() error {
	if c.down {
		return rail.ErrUnavailable
	}
	return nil
}

func (c *chain) Check(context.Context, string, string, string) (rail.Target, error) {
	return rail.Target{}, errors.New("not asked for here")
}
func (c *chain) Warn(context.Context, rail.Target) []string { return nil }

func (c *chain) Feasible(_ context.Context, wallet string, flying []rail.InFlight, payouts []rail.Payout) (rail.Feasibility, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	need := map[string]uint64{}
	for _, f := range flying {
		if f.Slot.Nonce < c.latest().nonces[wallet] {
			continue
		}
		need["ETH"] += feeMost
		for _, p := range f.Payouts {
			need[p.Asset] += small(p.Amount)
		}
	}
	for _, p := range payouts {
		if c.poison > 0 && small(p.Amount) == c.poison {
			return rail.Feasibility{}, errors.New("more than there is")
		}
		need["ETH"] += feeMost
		need[p.Asset] += small(p.Amount)
	}
	for asset, n := range need {
		if c.latest().balances[wallet][asset] < n {
			return rail.Feasibility{Code: "wallet_out_of_funds", Reason: "too little"}, nil
		}
	}
	return rail.Feasibility{OK: true}, nil
}

func (c *chain) NextNonce(_ context.Context, wallet string) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.latest().nonces[wallet], c.reach()
}

func (c *chain) Prepare(_ context.Context, slot rail.Slot, payouts []rail.Payout, _ []rail.Attempt) (signer.Intent, error) {
	p := payouts[0]
	return signer.Intent{
		Family: "model", Wallet: slot.Wallet, Nonce: slot.Nonce, Gas: 1, FeeCap: money.Of(feeMost), TipCap: money.Of(1),
		Outputs: []signer.Output{{To: p.To, Amount: p.Amount, Token: []byte(p.Asset)}},
	}, nil
}

// Sign implements signer.Signer.
func (c *chain) Sign(_ context.Context, in signer.Intent) (signer.Signed, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := in.Outputs[0]
	t := tx{in.Wallet, in.Nonce, string(o.Token), string(o.To), small(o.Amount), feeReal, c.fails}
	raw, err := json.Marshal(t)
	return signer.Signed{TxID: t.id(), Raw: raw}, err
}

// Addresses implements signer.Signer.
func (c *chain) Addresses(context.Context) ([]string, error) { return nil, nil }

func (c *chain) Submit(_ context.Context, a rail.Attempt) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var t tx
	if err := json.Unmarshal(a.Raw, &t); err != nil {
		return err
	}
	if t.Nonce < c.latest().nonces[t.From] {
		return rail.ErrLook
	}
	if !slices.Contains(c.pool, t) {
		c.pool = append(c.pool, t)
	}
	return c.reach()
}

func (c *chain) Observe(_ context.Context, _ rail.Slot, _ []rail.Payout, attempts []rail.Attempt) (rail.Observation, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.reach(); err != nil {
		return rail.Observation{}, err
	}
	last := attempts[len(attempts)-1]
	var t tx
	if err := json.Unmarshal(last.Raw, &t); err != nil {
		return rail.Observation{}, err
	}
	out := rail.Observation{Stage: rail.StageSent, TxID: last.TxID}
	at, mined := c.mined[last.TxID]
	switch {
	case !mined:
	case at > c.final:
		out.Stage, out.BlockNumber, out.Block = rail.StageMined, at, c.name(at)
	default:
		out.Stage, out.BlockNumber, out.Block, out.Fee = rail.StageFinal, at, c.name(at), money.Of(t.Fee)
		out.Paid, out.Reasons = []bool{!t.Fails}, []string{"it failed"}
	}
	return out, nil
}

func (c *chain) amounts(s state, wallet string) map[string]money.Amount {
	out := map[string]money.Amount{"ETH": money.Of(s.balances[wallet]["ETH"]), "USDT": money.Of(s.balances[wallet]["USDT"])}
	for asset, v := range c.lie {
		out[asset] = money.Of(v)
	}
	return out
}

func (c *chain) Balance(_ context.Context, wallet string) (map[string]money.Amount, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.amounts(*c.latest(), wallet), c.reach()
}

// Position implements rail.Booker.
func (c *chain) Position(_ context.Context, wallet string) (rail.Position, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.states[c.final]
	return rail.Position{Block: s.block, Hash: c.name(s.block), Balances: c.amounts(s, wallet), Nonce: s.nonces[wallet]}, c.reach()
}

// small is an amount of a test.
func small(a money.Amount) uint64 {
	n := uint64(0)
	for _, b := range a.Bytes32() {
		n = n<<8 | uint64(b)
	}
	return n
}
