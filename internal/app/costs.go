package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/pricing"
	"sluice/internal/rail"
)

// How long an estimate of a network's fee is used.
const (
	costFresh   = 10 * time.Second // the same payout is not asked about again: a preview and what follows it agree
	costMaxAge  = 2 * time.Minute  // another payout of the same asset, while the node does not tell
	costPause   = 5 * time.Second  // a node that did not answer is left alone
	costTimeout = 3 * time.Second  // a request waits for it
	costsMax    = 10_000           // estimates that are remembered
)

// richest tells which wallet has most of an asset on a network.
type richest interface {
	Richest(network, asset string) (address string, ok bool)
}

// costs estimates what networks take, for withdrawals that pass that on.
type costs struct {
	rails   map[string]rail.Rail
	wallets richest
	now     func() time.Time

	mu   sync.Mutex
	same map[payoutKey]estimate
	like map[[2]string]estimate // by network and asset: the last one
	gone map[string]time.Time   // by network: it did not answer then
}

// payoutKey is everything that an estimate depends on, but the state of the network.
type payoutKey struct {
	network, asset, to string
	amount             money.Amount
}

type estimate struct {
	most money.Amount
	at   time.Time
}

var _ pricing.Costs = (*costs)(nil)

func newCosts(rails map[string]rail.Rail, wallets richest) *costs {
	return &costs{
		rails: rails, wallets: wallets, now: time.Now, same: map[payoutKey]estimate{}, like: map[[2]string]estimate{}, gone: map[string]time.Time{},
	}
}

// Ceiling implements terms.Costs.
func (c *costs) Ceiling(ctx context.Context, to rail.Target, asset string, amount money.Amount) (money.Amount, error) {
	e, ok := c.rails[to.Network].(rail.Estimator)
	if !ok {
		return money.Amount{}, rail.ErrUnavailable
	}
	key := payoutKey{to.Network, asset, string(to.Decoded), amount}
	most, known, ask := c.remembered(key)
	if known {
		return most, nil
	}
	if !ask {
		return c.older(key)
	}
	wallet, ok := c.wallets.Richest(to.Network, asset)
	if !ok {
		return c.older(key)
	}
	asked, cancel := context.WithTimeout(ctx, costTimeout)
	defer cancel()
	got, err := e.Estimate(asked, wallet, []rail.Payout{{Ref: "estimate", Asset: asset, To: to.Decoded, Amount: amount}})
	if refused := (*rail.Refusal)(nil); errors.As(err, &refused) {
		return money.Amount{}, refused
	}
	if err != nil {
		if asked.Err() != nil && ctx.Err() == nil {
			c.mu.Lock()
			c.gone[to.Network] = c.now()
			c.mu.Unlock()
		}
		return c.older(key)
	}
	c.remember(key, got.Ceiling)
	return got.Ceiling, nil
}

// remembered gives a fresh estimate of the same payout; ask: the node is worth asking.
func (c *costs) remembered(key payoutKey) (most money.Amount, known, ask bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if e, ok := c.same[key]; ok && now.Sub(e.at) < costFresh {
		return e.most, true, false
	}
	return most, false, now.Sub(c.gone[key.network]) >= costPause
}

// older gives the last estimate of a payout of the asset, unless it is too old.
func (c *costs) older(key payoutKey) (money.Amount, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.like[[2]string{key.network, key.asset}]
	if !ok || c.now().Sub(e.at) > costMaxAge {
		return money.Amount{}, fault.Wrap(rail.ErrUnavailable, fault.Unavailable, "network_unavailable", "what %s takes is not known now", key.network)
	}
	return e.most, nil
}

func (c *costs) remember(key payoutKey, most money.Amount) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.same) >= costsMax {
		clear(c.same)
	}
	e := estimate{most, c.now()}
	c.same[key], c.like[[2]string{key.network, key.asset}] = e, e
	delete(c.gone, key.network)
}
