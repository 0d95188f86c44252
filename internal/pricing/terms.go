// Package pricing works out what a withdrawal or a quote comes to before anything is
// written: the price of an exchange, the fee, what the network's fee may cost, and
// whether the house can pay. Whoever offers withdrawals asks here, so that a preview,
// every API and what is accepted agree. It reads and decides nothing about balances.
package pricing

import (
	"context"
	"slices"
	"sync"
	"time"

	"sluice/internal/cache"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/pricing/fee"
	"sluice/internal/pricing/fx"
	"sluice/internal/rail"
)

// Funds tells what the house can pay.
type Funds interface {
	// Spendable is what the wallets of a network hold of a currency, less what they owe
	// to withdrawals that are accepted, as it was at a time; false when nobody looked yet.
	Spendable(network, currency string) (money.Amount, time.Time, bool)
}

// Schedules reads the fee schedules of one merchant.
type Schedules interface {
	Fees(ctx context.Context, merchant id.ID) ([]fee.Stored, error)
}

// ownLife is how long the schedules of a merchant are believed: so much later, at the
// most, a change holds in other processes.
const ownLife = time.Second

// ownMax is how many merchants' are remembered.
const ownMax = 10_000

// Book is everything that terms depend on. A nil Book charges nothing and exchanges nothing.
type Book struct {
	// Markets prices pairs; nil: nothing is exchanged.
	Markets fx.Markets
	// Pairs are what may be exchanged.
	Pairs []fx.Pair
	// Fees are the schedules of the installation.
	Fees []fee.Schedule
	// Own reads those of the merchants; nil: there are none.
	Own Schedules
	// FeeAssets says in which asset a network takes its fees.
	FeeAssets map[string]money.Asset
	// Costs says what networks may take; nil: nobody knows.
	Costs Costs
	// Funds says what the house can pay; nil: exchange is never refused for lack of it.
	Funds Funds
	// FundsMaxAge is how old that may be.
	FundsMaxAge time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time

	once sync.Once
	own  *cache.Cache[id.ID, []fee.Schedule] // see known
}

// known are the schedules that were read, by merchant.
func (b *Book) known() *cache.Cache[id.ID, []fee.Schedule] {
	b.once.Do(func() { b.own = cache.New[id.ID, []fee.Schedule](ownMax, ownLife) })
	return b.own
}

// Ask is what somebody wants to know the terms of.
type Ask struct {
	Merchant id.ID
	From     money.Asset // the balance that pays
	To       money.Asset // what is paid out; the same as From without exchange
	Network  string      // the way out; "" when it is not known yet
	Form     fx.Form     // which amount was fixed: SendForm is in From, ReceiveForm in To
	Amount   money.Amount
	// Target is what is paid to; nil: nothing is to be held for the network yet. It is
	// asked only where the network's fee is passed on at cost, and gives a zero target
	// where there is none, which the command says.
	Target func(ctx context.Context) (rail.Target, error)
}

// Terms are what it comes to.
type Terms struct {
	Kind     fee.Kind
	Schedule fee.Schedule
	Charge   fee.Charge   // in From: gross is what leaves the balance, net is paid out or exchanged
	Receive  money.Amount // in To: what the receiver gets
	Deal     fx.Deal      // of the exchange; zero without one
	Network  NetworkTerms
}

func (b *Book) now() time.Time {
	if b.Now != nil {
		return b.Now()
	}
	return time.Now()
}

// For works the terms out. Errors are faults for the caller; nothing was done then.
func (b *Book) For(ctx context.Context, a Ask) (Terms, error) {
	t := Terms{Kind: fee.Plain}
	exchange := a.From.Code != a.To.Code
	if exchange {
		t.Kind = fee.Exchange
	}
	if b == nil {
		if exchange {
			return t, errUnavailable(a.From, a.To)
		}
		t.Charge, t.Receive = fee.Charge{Gross: a.Amount, Net: a.Amount}, a.Amount
		return t, nil
	}
	var err error
	if t.Schedule, err = b.schedule(ctx, a, t.Kind); err != nil {
		return t, err
	}
	if exchange {
		err = b.exchange(a, &t)
	} else {
		err = plain(a, &t)
	}
	if err != nil {
		return t, err
	}
	t.Network, err = b.network(ctx, a, t.Schedule, t.Receive)
	return t, err
}

func plain(a Ask, t *Terms) (err error) {
	if a.Form == fx.ReceiveForm {
		t.Charge, err = t.Schedule.OnNet(a.Amount)
	} else {
		t.Charge, err = t.Schedule.OnAmount(a.From, a.Amount)
	}
	t.Receive = t.Charge.Net
	return err
}

func (b *Book) exchange(a Ask, t *Terms) error {
	pair, market, err := b.Price(a.From, a.To)
	if err != nil {
		return err
	}
	if a.Form == fx.ReceiveForm {
		if t.Deal, err = pair.Receive(market, a.Amount); err != nil {
			return err
		}
		t.Charge, err = t.Schedule.OnNet(t.Deal.Send)
	} else {
		if t.Charge, err = t.Schedule.OnAmount(a.From, a.Amount); err != nil {
			return err
		}
		t.Deal, err = pair.Send(market, t.Charge.Net)
	}
	t.Receive = t.Deal.Receive
	return err
}

// Exchanged lists the pairs.
func (b *Book) Exchanged() []fx.Pair {
	if b == nil {
		return nil
	}
	return b.Pairs
}

// Defaults lists the schedules of the installation.
func (b *Book) Defaults() []fee.Schedule {
	if b == nil {
		return nil
	}
	return b.Fees
}

// Price gives the pair that exchanges one currency for another, and its market now.
func (b *Book) Price(from, to money.Asset) (fx.Pair, fx.Market, error) {
	if b == nil || b.Markets == nil {
		return fx.Pair{}, fx.Market{}, errUnavailable(from, to)
	}
	i := slices.IndexFunc(b.Pairs, func(p fx.Pair) bool { return p.From.Code == from.Code && p.To.Code == to.Code })
	if i < 0 {
		return fx.Pair{}, fx.Market{}, errUnavailable(from, to)
	}
	m, err := b.Markets.Market(from.Code, to.Code)
	return b.Pairs[i], m, err
}

func errUnavailable(from, to money.Asset) error {
	return fault.New(fault.Refused, "exchange_unavailable", "%s is not exchanged for %s here; GET /v1/rates lists what is", from.Code, to.Code)
}

// CanPay refuses an exchange whose receiver currency the house lacks. It looks at the
// last reading; a payout that finds the wallet empty all the same waits for money.
func (b *Book) CanPay(network string, to money.Asset, amount money.Amount) error {
	if b == nil || b.Funds == nil {
		return nil
	}
	have, at, ok := b.Funds.Spendable(network, to.Code)
	if !ok || b.now().Sub(at) > b.FundsMaxAge {
		return fault.New(fault.Unavailable, "liquidity_unknown", "it is not known now whether %s can be paid on %s; nothing was done, try again later", to.Code, network)
	}
	if have.Less(amount) {
		return fault.New(fault.Refused, "liquidity_short", "the house cannot pay so much %s on %s now; nothing was done. Try less, or later", to.Code, network)
	}
	return nil
}

// schedule gives the one that holds.
func (b *Book) schedule(ctx context.Context, a Ask, kind fee.Kind) (fee.Schedule, error) {
	all, err := b.schedules(ctx, a.Merchant)
	return fee.Find(all, fee.Key{Merchant: a.Merchant.Seq, Currency: a.From.Code, Network: a.Network, Kind: kind}), err
}

// schedules gives every schedule that may hold for a merchant.
func (b *Book) schedules(ctx context.Context, merchant id.ID) ([]fee.Schedule, error) {
	if b.Own == nil {
		return b.Fees, nil
	}
	now := b.now()
	if all, ok := b.known().Get(merchant, now); ok {
		return all, nil
	}
	rows, err := b.Own.Fees(ctx, merchant)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "store_unavailable", "the database does not answer; nothing was done. Repeat the request after a moment")
	}
	all := b.Fees
	for _, r := range rows {
		if r.Active {
			all = append(slices.Clip(all), r.Schedule)
		}
	}
	b.known().Put(merchant, all, now)
	return all, nil
}

// Forget reads a merchant's schedules again the next time: they were changed here.
func (b *Book) Forget(merchant id.ID) {
	if b == nil {
		return
	}
	b.known().Forget(merchant)
}
