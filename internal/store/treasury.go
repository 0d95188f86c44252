package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/money"
	"sluice/internal/payout"
	"sluice/internal/rail"
	"sluice/internal/treasury"
)

var walletBooks = bindTable(treasury.Books, "wallet asset",
	func(k *treasury.BookKey, f []any) []any { return append(f, &k.Wallet, &k.Asset) },
	"wallet asset block hash missing low updated_at version",
	func(b *treasury.Book, f []any) []any {
		return append(f, &b.Wallet, &b.Asset, &b.Block, &b.Hash, &b.Missing, &b.Low, &b.UpdatedAt, &b.Version)
	})

var walletFundings = bindLog(treasury.Fundings,
	"seq wallet asset kind amount block hash reason actor created_at",
	func(x *treasury.Funding, f []any) []any {
		return append(f, &x.Seq, &x.Wallet, &x.Asset, &x.Kind, &x.Amount, &x.Block, &x.Hash, &x.Reason, &x.Actor, &x.CreatedAt)
	})

var _ treasury.Reader = (*DB)(nil)

// TreasuryWallets implements treasury.Reader.
func (db *DB) TreasuryWallets(ctx context.Context) ([]treasury.Wallet, error) {
	rows, err := db.Wallets(ctx)
	out := make([]treasury.Wallet, 0, len(rows))
	for _, w := range rows {
		out = append(out, treasury.Wallet{Seq: w.Seq, Network: w.Network, Address: w.Address, Label: w.Label})
	}
	return out, err
}

// TreasuryState implements treasury.Reader: one snapshot, so that a payout is in all
// of it or in nothing.
func (db *DB) TreasuryState(ctx context.Context, w treasury.Wallet, pos rail.Position, from uint64) (treasury.State, error) {
	st := treasury.State{Booked: map[string]treasury.Signed{}, Books: map[string]treasury.Book{}, Ahead: map[string]money.Amount{}}
	err := db.engine.snapshot(ctx, func(q querier) error {
		open, err := query(ctx, q, dispatches,
			"WHERE t.shard = $1 AND t.wallet = $2 AND t.state IN ('planned', 'sealed', 'final', 'refused') ORDER BY t.seq", treasury.OperatorShard, w.Seq)
		if err != nil {
			return err
		}
		for _, d := range open {
			o, err := openDispatch(ctx, q, w, d)
			if err != nil {
				return err
			}
			st.Open = append(st.Open, o)
		}
		stand, _, err := first(ctx, q, walletStands, "WHERE t.shard = $1 AND t.wallet = $2", treasury.OperatorShard, w.Seq)
		if err != nil {
			return err
		}
		st.Lost = stand.Lost
		for n := range db.shards {
			if err := each(ctx, q, houses, "WHERE t.shard = $1 AND t.name = $2", []any{n, treasury.House(w.Seq)}, func(h ledger.House) error {
				// Out less in: see treasury.House.
				st.Booked[h.Currency] = st.Booked[h.Currency].Plus(h.Out).Minus(h.In)
				return nil
			}); err != nil {
				return err
			}
		}
		if err := each(ctx, q, walletBooks, "WHERE t.shard = $1 AND t.wallet = $2", []any{treasury.OperatorShard, w.Seq}, func(b treasury.Book) error {
			st.Books[b.Asset] = b
			return nil
		}); err != nil {
			return err
		}
		if pos.Balances == nil {
			return nil // nobody asks what it does not show
		}
		if st.Foreign, err = foreign(ctx, q, w, from, pos.Nonce); err != nil {
			return err
		}
		return ahead(ctx, q, w, pos, st.Ahead)
	})
	return st, err
}

// foreign counts the nonces of a wallet, from one up to another, that no dispatch holds.
func foreign(ctx context.Context, q querier, w treasury.Wallet, from, to uint64) (uint64, error) {
	if to <= from {
		return 0, nil
	}
	var ours int64
	err := q.each(ctx, "SELECT count(*) FROM dispatch WHERE shard = $1 AND wallet = $2 AND nonce >= 0 AND nonce >= $3 AND nonce < $4",
		[]any{int64(treasury.OperatorShard), int64(w.Seq), int64(min(from, 1<<62)), int64(min(to, 1<<62))}, []any{&ours}, func() error { return nil })
	return to - from - min(uint64(max(ours, 0)), to-from), err
}

// openDispatch reads what the treasury needs of a dispatch that is not done.
func openDispatch(ctx context.Context, q querier, w treasury.Wallet, d payout.Dispatch) (treasury.Open, error) {
	o := treasury.Open{
		Seq: d.Seq, Bound: d.State == payout.Sealed || d.State == payout.Final, Told: d.State == payout.Final, Mined: d.Stage == rail.StageMined,
		Slot: rail.Slot{Wallet: w.Address, Nonce: uint64(max(d.Nonce, 0))},
	}
	if len(d.Slot) > 0 {
		if err := json.Unmarshal(d.Slot, &o.Slot); err != nil {
			return o, fmt.Errorf("%w: the slot of dispatch %d cannot be read: %w", commit.ErrInvariant, d.Seq, err)
		}
	}
	if d.State == payout.Refused {
		return o, nil // it pays nothing
	}
	if err := each(ctx, q, dispatchItems, "WHERE t.shard = $1 AND t.dispatch = $2 ORDER BY t.place", []any{treasury.OperatorShard, d.Seq}, func(i payout.Item) error {
		switch i.Outcome {
		case payout.OutcomeDropped:
		case payout.OutcomeOpen:
			o.Payouts = append(o.Payouts, treasury.Coins{Asset: i.Asset, Amount: i.Amount})
		case payout.OutcomePaid, payout.OutcomeUnpaid:
			o.Told = true // decided before the rest of its slot
		}
		return nil
	}); err != nil {
		return o, err
	}
	var fee money.Amount
	err := q.each(ctx, "SELECT max_fee FROM attempt WHERE shard = $1 AND dispatch = $2 AND number > 0", []any{int64(treasury.OperatorShard), int64(d.Seq)}, []any{&fee}, func() error {
		if o.MaxFee.Less(fee) {
			o.MaxFee = fee
		}
		return nil
	})
	return o, err
}

// ahead adds up what done dispatches have paid from slots that a position does not
// show as used. There are few: a block that proves an outcome is final at once
// everywhere, or soon.
func ahead(ctx context.Context, q querier, w treasury.Wallet, pos rail.Position, sum map[string]money.Amount) error {
	var done []payout.Dispatch
	var err error
	if pos.Coins == nil {
		done, err = query(ctx, q, dispatches, "WHERE t.shard = $1 AND t.wallet = $2 AND t.nonce >= 0 AND t.nonce >= $3 AND t.state = 'done'",
			treasury.OperatorShard, w.Seq, int64(min(pos.Nonce, 1<<62)))
	} else {
		done, err = spentAlready(ctx, q, w, pos)
	}
	if err != nil {
		return err
	}
	for _, d := range done {
		if err := cost(ctx, q, d, sum); err != nil {
			return err
		}
	}
	return nil
}

// spentAlready finds the done dispatches whose coins a position still shows.
func spentAlready(ctx context.Context, q querier, w treasury.Wallet, pos rail.Position) ([]payout.Dispatch, error) {
	seen := map[id.Seq]bool{}
	var done []payout.Dispatch
	for _, key := range pos.Coins {
		h, ok, err := first(ctx, q, slotHolds, "WHERE t.shard = $1 AND t.wallet = $2 AND t.key = $3", treasury.OperatorShard, w.Seq, key)
		if err != nil {
			return nil, err
		}
		if !ok || h.Live || seen[h.Dispatch] {
			continue
		}
		seen[h.Dispatch] = true
		d, ok, err := first(ctx, q, dispatches, "WHERE t.shard = $1 AND t.seq = $2", treasury.OperatorShard, h.Dispatch)
		if err != nil {
			return nil, err
		}
		if ok && d.State == payout.Done {
			done = append(done, d)
		}
	}
	return done, nil
}

// cost adds up what a dispatch that is done has paid and cost, by asset.
func cost(ctx context.Context, q querier, d payout.Dispatch, sum map[string]money.Amount) (err error) {
	if !d.Fee.IsZero() {
		if sum[d.FeeAsset], err = sum[d.FeeAsset].Add(d.Fee); err != nil {
			return err
		}
	}
	return each(ctx, q, dispatchItems, "WHERE t.shard = $1 AND t.dispatch = $2", []any{treasury.OperatorShard, d.Seq}, func(i payout.Item) (err error) {
		if i.Outcome == payout.OutcomePaid {
			sum[i.Asset], err = sum[i.Asset].Add(i.Amount)
		}
		return err
	})
}

// TreasurySpent implements treasury.Reader. It reads the dispatches of that time, which
// lie together: row numbers begin with the time.
func (db *DB) TreasurySpent(ctx context.Context, wallet id.Seq, since time.Time) (map[string]money.Amount, error) {
	sum := map[string]money.Amount{}
	add := func(asset string, a money.Amount) (err error) {
		sum[asset], err = sum[asset].Add(a)
		return err
	}
	args := []any{int64(treasury.OperatorShard), int64(wallet), int64(id.Next(0, since))}
	var asset string
	var a money.Amount
	return sum, errors.Join(
		db.engine.each(ctx, "SELECT fee_asset, fee FROM dispatch WHERE shard = $1 AND wallet = $2 AND seq >= $3 AND state = 'done'",
			args, []any{&asset, &a}, func() error { return add(asset, a) }),
		db.engine.each(ctx, `SELECT i.asset, i.amount FROM dispatch d JOIN dispatch_item i ON i.shard = d.shard AND i.dispatch = d.seq
			WHERE d.shard = $1 AND d.wallet = $2 AND d.seq >= $3 AND d.state = 'done' AND i.outcome = 'paid'`,
			args, []any{&asset, &a}, func() error { return add(asset, a) }))
}

// owedQuery is answered by the index withdrawal_open alone.
const owedQuery = "SELECT t.network, t.receive_currency, t.receive FROM withdrawal t WHERE t.shard = $1 AND " + open

// TreasuryOwed implements treasury.Reader. It costs what is open, not what was ever
// stored, and reads no row of the table for it.
func (db *DB) TreasuryOwed(ctx context.Context) (map[string]map[string]money.Amount, error) {
	out := map[string]map[string]money.Amount{}
	var network, asset string
	var a money.Amount
	for n := range db.shards {
		err := db.engine.each(ctx, owedQuery, []any{int64(n)}, []any{&network, &asset, &a}, func() (err error) {
			if out[network] == nil {
				out[network] = map[string]money.Amount{}
			}
			out[network][asset], err = out[network][asset].Add(a)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read what is owed: %w", err)
		}
	}
	return out, nil
}

// Fundings lists what was booked between a wallet and the world outside, newest first,
// before the one given (0 for the first page).
func (db *DB) Fundings(ctx context.Context, wallet, before id.Seq, limit int) ([]treasury.Funding, error) {
	var c conditions
	c.add("t.shard = $?", treasury.OperatorShard)
	c.add("t.wallet = $?", wallet)
	c.before(before)
	return query(ctx, db.engine, walletFundings, c.newestFirst(limit), c.args...)
}
