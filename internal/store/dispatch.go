package store

import (
	"context"
	"slices"

	"sluice/internal/id"
	"sluice/internal/payout"
	"sluice/internal/withdrawal"
)

var wallets = bindTable(payout.Wallets, "seq", seqKey,
	"seq network address label next_nonce lease_owner lease_until fence created_at version",
	func(w *payout.Wallet, f []any) []any {
		return append(f, &w.Seq, &w.Network, &w.Address, &w.Label, &w.NextNonce, &w.LeaseOwner, &w.LeaseUntil, &w.Fence, &w.CreatedAt, &w.Version)
	})

var walletAddresses = bindLookup(payout.WalletAddresses, "wallet", "address <> ''", "network address",
	func(k *payout.WalletKey, f []any) []any { return append(f, &k.Network, &k.Address) },
	"network address seq",
	func(r *payout.WalletAddress, f []any) []any { return append(f, &r.Network, &r.Address, &r.Wallet) })

var dispatches = bindTable(payout.Dispatches, "seq", seqKey,
	"seq wallet network state nonce slot items settled attempts stage txid block fee fee_asset note created_at ended_at version",
	func(d *payout.Dispatch, f []any) []any {
		return append(f, &d.Seq, &d.Wallet, &d.Network, (*string)(&d.State), &d.Nonce, &d.Slot, &d.Items, &d.Settled, &d.Attempts,
			(*string)(&d.Stage), &d.TxID, &d.Block, &d.Fee, &d.FeeAsset, &d.Note, &d.CreatedAt, &d.EndedAt, &d.Version)
	})

var dispatchItems = bindTable(payout.Items, "dispatch place",
	func(k *payout.ItemKey, f []any) []any { return append(f, &k.Dispatch, &k.Place) },
	"dispatch place withdrawal_shard withdrawal asset recipient amount payment outcome reason settled version",
	func(i *payout.Item, f []any) []any {
		return append(f, &i.Dispatch, &i.Place, &i.Shard, &i.Withdrawal, &i.Asset, &i.To, &i.Amount, &i.Payment, (*string)(&i.Outcome), &i.Reason, &i.Settled, &i.Version)
	})

var attempts = bindLog(payout.Attempts,
	"seq dispatch number txid raw max_fee fence created_at",
	func(a *payout.Attempt, f []any) []any {
		return append(f, &a.Seq, &a.Dispatch, &a.Number, &a.TxID, &a.Raw, &a.MaxFee, &a.Fence, &a.CreatedAt)
	})

var slotHolds = bindTable(payout.Holds, "wallet key",
	func(k *payout.HoldKey, f []any) []any { return append(f, &k.Wallet, &k.Key) },
	"wallet key dispatch live version",
	func(h *payout.Hold, f []any) []any {
		return append(f, &h.Wallet, &h.Key, &h.Dispatch, &h.Live, &h.Version)
	})

var _ payout.Reader = (*DB)(nil)

// Wallets implements dispatch.Reader.
func (db *DB) Wallets(ctx context.Context) ([]payout.Wallet, error) {
	return query(ctx, db.engine, wallets, "WHERE t.shard = $1 ORDER BY t.seq", payout.OperatorShard)
}

// Wallet finds a wallet.
func (db *DB) Wallet(ctx context.Context, seq id.Seq) (payout.Wallet, bool, error) {
	return bySeq(ctx, db, wallets, id.ID{Shard: payout.OperatorShard, Seq: seq})
}

// Dispatch finds a dispatch with everything written about it.
func (db *DB) Dispatch(ctx context.Context, seq id.Seq) (payout.Work, bool, error) {
	d, ok, err := bySeq(ctx, db, dispatches, id.ID{Shard: payout.OperatorShard, Seq: seq})
	if err != nil || !ok {
		return payout.Work{}, ok, err
	}
	w, err := db.work(ctx, d)
	if err != nil {
		return w, true, err
	}
	order, ok, err := bySeq(ctx, db, dispatchCancels, id.ID{Shard: payout.OperatorShard, Seq: seq})
	if ok {
		w.Cancel = &order
	}
	return w, true, err
}

// Dispatches lists dispatches, newest first, before the one given (0 for the first page).
func (db *DB) Dispatches(ctx context.Context, before id.Seq, limit int) ([]payout.Dispatch, error) {
	var c conditions
	c.add("t.shard = $?", payout.OperatorShard)
	c.before(before)
	return query(ctx, db.engine, dispatches, c.newestFirst(limit), c.args...)
}

// OpenWork implements dispatch.Reader.
func (db *DB) OpenWork(ctx context.Context, wallet id.Seq) ([]payout.Work, error) {
	open, err := query(ctx, db.engine, dispatches,
		"WHERE t.shard = $1 AND t.wallet = $2 AND t.state IN ('planned', 'sealed', 'final', 'refused') ORDER BY t.seq", payout.OperatorShard, wallet)
	if err != nil {
		return nil, err
	}
	orders, err := db.cancelOrders(ctx, wallet, open)
	if err != nil {
		return nil, err
	}
	out := make([]payout.Work, 0, len(open))
	for _, d := range open {
		w, err := db.work(ctx, d)
		if err != nil {
			return nil, err
		}
		w.Cancel = orders[d.Seq]
		out = append(out, w)
	}
	return out, nil
}

// work adds items and attempts to a dispatch.
func (db *DB) work(ctx context.Context, d payout.Dispatch) (payout.Work, error) {
	w := payout.Work{Dispatch: d}
	var err error
	if w.Items, err = query(ctx, db.engine, dispatchItems, "WHERE t.shard = $1 AND t.dispatch = $2 ORDER BY t.place", payout.OperatorShard, d.Seq); err != nil {
		return w, err
	}
	w.Attempts, err = query(ctx, db.engine, attempts, "WHERE t.shard = $1 AND t.dispatch = $2 AND t.number > 0 ORDER BY t.number", payout.OperatorShard, d.Seq)
	return w, err
}

// Queued implements dispatch.Reader. Every shard is asked for its oldest ones, so
// that none waits for the others to be empty.
func (db *DB) Queued(ctx context.Context, network, asset string, limit int) ([]payout.Candidate, error) {
	var out []payout.Candidate
	for n := range db.shards {
		shard := id.Shard(n)
		// Those that wait for something are read apart: however many they are, they do
		// not stand in the way of the others.
		for _, waits := range []string{"t.attention = ''", "t.attention <> ''"} {
			rows, err := query(ctx, db.engine, withdrawals,
				"WHERE t.shard = $1 AND t.network = $2 AND t.receive_currency = $3 AND t.state = 'queued' AND "+waits+" ORDER BY t.release_at, t.seq LIMIT $4",
				shard, network, asset, page(limit))
			if err != nil {
				return nil, err
			}
			for _, w := range rows {
				out = append(out, db.candidate(shard, w))
			}
		}
	}
	slices.SortStableFunc(out, func(a, b payout.Candidate) int { return a.Withdrawal.ReleaseAt.Compare(b.Withdrawal.ReleaseAt) })
	return fair(out, limit), nil
}

func (db *DB) candidate(shard id.Shard, w withdrawal.Withdrawal) payout.Candidate {
	at := id.ID{Shard: shard, Seq: w.Seq}
	return payout.Candidate{ID: at, Withdrawal: w, Altered: db.checked("withdrawal", id.Withdrawal, at, w.Accepted(shard), w.Mark) != nil}
}

// ForSigner implements dispatch.Reader.
func (db *DB) ForSigner(ctx context.Context, of []id.ID) ([]payout.ForSigner, error) {
	out := make([]payout.ForSigner, len(of))
	places := map[id.Shard]map[id.Seq]int{}
	seqs := map[id.Shard][]id.Seq{}
	for n, at := range of {
		if places[at.Shard] == nil {
			places[at.Shard] = map[id.Seq]int{}
		}
		places[at.Shard][at.Seq] = n
		seqs[at.Shard] = append(seqs[at.Shard], at.Seq)
	}
	for shard, wanted := range seqs {
		rows, err := db.WithdrawalsAt(ctx, shard, wanted)
		if err != nil {
			return nil, err
		}
		for _, w := range rows {
			c := db.candidate(shard, w)
			out[places[shard][w.Seq]] = payout.ForSigner{Candidate: c, Memo: withdrawal.Memo(c.ID, w)}
		}
	}
	return out, nil
}

// fair gives at most limit of those that wait for nothing and as many of the others, in
// their order.
func fair(all []payout.Candidate, limit int) []payout.Candidate {
	free, stuck := 0, 0
	return slices.DeleteFunc(all, func(c payout.Candidate) bool {
		n := &free
		if c.Withdrawal.Attention != "" {
			n = &stuck
		}
		*n++
		return *n > limit
	})
}

// HeldKeys implements dispatch.Reader.
func (db *DB) HeldKeys(ctx context.Context, wallet id.Seq) (map[string]bool, error) {
	out := map[string]bool{}
	err := each(ctx, db.engine, slotHolds, "WHERE t.shard = $1 AND t.wallet = $2 AND t.live = TRUE", []any{payout.OperatorShard, wallet},
		func(h payout.Hold) error {
			out[h.Key] = true
			return nil
		})
	return out, err
}
