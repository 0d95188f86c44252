package treasury

import (
	"context"
	"errors"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/rail"
)

// Reader reads what is written about wallets. Commands decide, it does not.
type Reader interface {
	// TreasuryWallets lists every wallet.
	TreasuryWallets(ctx context.Context) ([]Wallet, error)
	// TreasuryState reads everything about a wallet, of one moment, for a position. from is
	// for State.Foreign.
	TreasuryState(ctx context.Context, w Wallet, pos rail.Position, from uint64) (State, error)
	// TreasurySpent adds up, by asset, what dispatches of a wallet that were begun since
	// a time and are done have paid and cost.
	TreasurySpent(ctx context.Context, wallet id.Seq, since time.Time) (map[string]money.Amount, error)
	// TreasuryOwed adds up, by network and asset, what accepted withdrawals that have not
	// ended are to be paid.
	TreasuryOwed(ctx context.Context) (map[string]map[string]money.Amount, error)
}

// Threshold says below what a wallet is low.
type Threshold struct {
	Wallet string // public id or address; "" for every wallet of the network
	Asset  string
	Below  money.Amount
}

func (t Threshold) of(w Wallet, asset string) bool {
	return t.Asset == asset && (t.Wallet == "" || t.Wallet == w.Text() || strings.EqualFold(t.Wallet, w.Address))
}

// Figures are one wallet in one asset, now.
type Figures struct {
	Asset   string
	Balance money.Amount // at the latest block
	// Reserved is what dispatches that no block holds yet will pay, and in the fee asset
	// the most that their signed attempts can cost. Spendable is the rest, at least zero.
	Reserved  money.Amount
	Spendable money.Amount
	// Claimed is what dispatches pay whose withdrawals are owed still, whether a block
	// holds them or not: it is gone from Spendable already.
	Claimed money.Amount
	Booked  Signed       // what the ledger says
	Spent   money.Amount // what dispatches begun in the last 24 hours have paid and cost
	// Hours is how long Spendable lasts when every day is like the last 24 hours: rounded
	// down, -1 when nothing was spent.
	Hours int64
	Below money.Amount // threshold; zero for none
	Low   bool         // Spendable is below it

	wasLow bool // as it was told last
}

// Status is what there is to know of a wallet.
type Status struct {
	Wallet   Wallet
	FeeAsset string    // "" when the network is not configured
	Figures  []Figures // by asset; none when the node does not tell
	Lines    []Line    // by asset; none when the rail proves no positions
	// Missing is, by asset, what left without us and is not explained; known without a node.
	Missing map[string]money.Amount
	// Problem says for a person why something cannot be told.
	Problem string
}

// Survey looks at wallets: ledger, dispatches, and chains.
type Survey struct {
	Read  Reader
	Rails map[string]rail.Rail // by network
	Low   []Threshold
	Now   func() time.Time // the clock
	// Calm, if set, is the nonce of a wallet when its books last agreed with the chain.
	Calm func(wallet id.Seq) (nonce uint64, known bool)
	// Looked, if set, is called after each of so many wallets was looked at, one at a time.
	Looked func(of int)
}

// day is the time over which the pace is measured.
const day = 24 * time.Hour

// All looks at every wallet, side by side: there are few, and nodes are slow. A node that does not answer is a Problem of its wallets;
// an error says that the database does not.
func (s Survey) All(ctx context.Context) ([]Status, error) { return s.each(ctx, "", true) }

// On looks at the wallets of one network, without their pace.
func (s Survey) On(ctx context.Context, network string) ([]Status, error) {
	return s.each(ctx, network, false)
}

func (s Survey) each(ctx context.Context, network string, pace bool) ([]Status, error) {
	wallets, err := s.Read.TreasuryWallets(ctx)
	if err != nil {
		return nil, err
	}
	wallets = slices.DeleteFunc(wallets, func(w Wallet) bool { return network != "" && w.Network != network })
	out, errs := make([]Status, len(wallets)), make([]error, len(wallets))
	var wg sync.WaitGroup
	var mu sync.Mutex
	for n, w := range wallets {
		wg.Go(func() {
			out[n], _, errs[n] = s.One(ctx, w, pace)
			if s.Looked != nil {
				mu.Lock()
				defer mu.Unlock()
				s.Looked(len(wallets))
			}
		})
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

// One looks at a wallet; pace also reads what it spent. It gives the position that the
// lines were judged by.
func (s Survey) One(ctx context.Context, w Wallet, pace bool) (Status, rail.Position, error) {
	out := Status{Wallet: w}
	var pos rail.Position
	var latest map[string]money.Amount
	r := s.Rails[w.Network]
	if r == nil {
		out.Problem = "its network " + w.Network + " is not configured here"
	} else {
		out.FeeAsset = r.FeeAsset()
		var problem error
		if latest, problem = r.Balance(ctx, w.Address); problem == nil {
			if b, ok := r.(rail.Booker); ok {
				pos, problem = b.Position(ctx, w.Address)
			}
		} else {
			latest = nil // whatever came with an error is no reading
		}
		if problem != nil {
			out.Problem = problem.Error()
		}
	}
	// Read after the chain was: what the position shows can only have been booked since.
	st, calm, err := s.state(ctx, w, pos)
	if err != nil {
		return out, pos, err
	}
	for asset, b := range st.Books {
		if !b.Missing.IsZero() {
			if out.Missing == nil {
				out.Missing = map[string]money.Amount{}
			}
			out.Missing[asset] = b.Missing
		}
	}
	if pos.Balances != nil {
		out.Lines = Judge(w, out.FeeAsset, calm, pos, latest, st)
	}
	var spent map[string]money.Amount
	if pace {
		if spent, err = s.Read.TreasurySpent(ctx, w.Seq, s.Now().Add(-day)); err != nil {
			return out, pos, err
		}
	}
	out.Figures, err = s.figures(w, out.FeeAsset, latest, st, spent)
	return out, pos, err
}

// state reads the books of a wallet for a position; calm tells whether nothing but payouts
// of ours was signed since they last agreed with the chain.
func (s Survey) state(ctx context.Context, w Wallet, pos rail.Position) (st State, calm bool, err error) {
	from := pos.Nonce
	if s.Calm != nil {
		if nonce, known := s.Calm(w.Seq); known {
			from, calm = nonce, true
		}
	}
	st, err = s.Read.TreasuryState(ctx, w, pos, from)
	return st, calm && st.Foreign == 0, err
}

func (s Survey) figures(w Wallet, feeAsset string, latest map[string]money.Amount, st State, spent map[string]money.Amount) ([]Figures, error) {
	reserved, claimed, err := reserved(feeAsset, st)
	if err != nil {
		return nil, err
	}
	var out []Figures
	for _, asset := range slices.Sorted(maps.Keys(latest)) {
		f := Figures{
			Asset: asset, Balance: latest[asset], Reserved: reserved[asset], Booked: st.Booked[asset], Spent: spent[asset], Hours: -1,
			Spendable: Less(latest[asset], reserved[asset]).Floor(), Claimed: claimed[asset],
		}
		if !f.Spent.IsZero() {
			f.Hours = runway(f.Spendable, f.Spent)
		}
		for _, t := range s.Low {
			if t.of(w, asset) {
				f.Below = t.Below
			}
		}
		f.Low, f.wasLow = f.Spendable.Less(f.Below), st.Books[asset].Low
		out = append(out, f)
	}
	return out, nil
}

// reserved adds up what the open dispatches that no block holds will take, and what
// open dispatches claim.
func reserved(feeAsset string, st State) (out, claimed map[string]money.Amount, err error) {
	out, claimed = map[string]money.Amount{}, map[string]money.Amount{}
	for _, o := range st.Open {
		if o.Told {
			// The latest balance is without it already, and some of its withdrawals may
			// have ended: what is owed on is counted there.
			continue
		}
		for _, p := range o.Payouts {
			if claimed[p.Asset], err = claimed[p.Asset].Add(p.Amount); err != nil {
				return nil, nil, err
			}
			if o.Mined {
				continue // the latest balance is without it already
			}
			if out[p.Asset], err = out[p.Asset].Add(p.Amount); err != nil {
				return nil, nil, err
			}
		}
		if feeAsset != "" && !o.Mined {
			if out[feeAsset], err = out[feeAsset].Add(o.MaxFee); err != nil {
				return nil, nil, err
			}
		}
	}
	return out, claimed, nil
}

// runwayMax is where counting stops: more than a hundred years say no more.
const runwayMax = 1_000_000

// runway is how many hours an amount lasts when so much goes per day.
func runway(have, perDay money.Amount) int64 {
	hours := have.Big()
	hours.Mul(hours, big.NewInt(int64(day/time.Hour))).Div(hours, perDay.Big())
	if !hours.IsInt64() || hours.Int64() > runwayMax {
		return runwayMax
	}
	return hours.Int64()
}

// Need is a network and asset: what all its wallets have and what is owed.
type Need struct {
	Network   string
	Asset     string
	Balance   money.Amount
	Reserved  money.Amount
	Spendable money.Amount
	Owed      money.Amount // accepted withdrawals that have not ended
	Short     money.Amount // what the wallets lack to pay all of them; zero for nothing
	// Free is what is left for new withdrawals: Spendable less what is owed and no
	// dispatch has claimed yet, at least zero. An exchange for more is refused.
	Free money.Amount

	claimed money.Amount
}

// Needs adds wallets up by network and asset, and holds them against what is owed. What
// is owed includes what is reserved: both are the same withdrawals.
func Needs(all []Status, owed map[string]map[string]money.Amount) ([]Need, error) {
	type key struct{ network, asset string }
	by := map[key]*Need{}
	at := func(network, asset string) *Need {
		k := key{network, asset}
		if by[k] == nil {
			by[k] = &Need{Network: network, Asset: asset}
		}
		return by[k]
	}
	var errs []error
	plus := func(to *money.Amount, a money.Amount) {
		sum, err := to.Add(a)
		*to, errs = sum, append(errs, err)
	}
	for _, st := range all {
		for _, f := range st.Figures {
			n := at(st.Wallet.Network, f.Asset)
			plus(&n.Balance, f.Balance)
			plus(&n.Reserved, f.Reserved)
			plus(&n.Spendable, f.Spendable)
			plus(&n.claimed, f.Claimed)
		}
	}
	for network, assets := range owed {
		for asset, a := range assets {
			plus(&at(network, asset).Owed, a)
		}
	}
	var out []Need
	for _, n := range by {
		n.Short = Less(n.Owed, n.Balance).Floor()
		n.Free = Less(n.Spendable, Less(n.Owed, n.claimed).Floor()).Floor()
		out = append(out, *n)
	}
	slices.SortFunc(out, func(a, b Need) int {
		return strings.Compare(a.Network+"\x00"+a.Asset, b.Network+"\x00"+b.Asset)
	})
	return out, errors.Join(errs...)
}
