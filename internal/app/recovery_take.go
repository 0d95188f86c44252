package app

import (
	"context"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/payout"
	"sluice/internal/payout/recovery"
	"sluice/internal/rail"
	"sluice/internal/withdrawal"
)

// skip is how many numbers of messages are left out when books are opened again, beyond
// those that the anchors know of: more than any process writes between two anchors.
const skip = 1 << 20

// Take books what was found to its withdrawals: each is claimed by the dispatch that the
// slot was bound for, and made again where its row was lost. From then on it is followed
// like every other, to its proof. It may be repeated.
func (r *Recovery) Take(ctx context.Context, loop *commit.Loop, f Found, actor string) error {
	if _, ok := r.Rails[f.Network].(rail.Finder); !ok {
		return fault.New(fault.Refused, "recall_network", "%s cannot be asked what has used a slot: look at its statements for %s, then write it off with `sluice recover write-off`", f.Network, f.Payouts[0].Ref)
	}
	wallet, err := commit.Do(ctx, loop, Operator, payout.CreateWallet{Network: f.Network, Address: f.Wallet})
	if err != nil {
		return err
	}
	for _, p := range f.Payouts {
		if p.Kept {
			continue
		}
		was := p.Was
		if p.Lost() && was.Merchant == 0 {
			return fault.New(fault.Refused, "recall_unknown", "nobody remembers whose %s was; `sluice recover write-off %s` goes on without it", p.Ref, p.Ref)
		}
		was.Seq, was.Network, was.ReceiveCurrency, was.Receive, was.Decoded = p.ID.Seq, f.Network, p.Asset, p.Amount, p.To
		if _, err := commit.Do(ctx, loop, p.ID.Shard, withdrawal.Recall{
			Paid: was, Dispatch: f.Dispatch, Wallet: wallet.Text(), Actor: actor,
		}); err != nil {
			return err
		}
	}
	count := int64(0)
	if w, found, err := r.DB.Dispatch(ctx, f.Dispatch); err != nil {
		return err
	} else if found {
		count = w.Dispatch.Items
	}
	c := payout.Recall{Dispatch: f.Dispatch, Wallet: wallet.Seq, Network: f.Network, Slot: f.Slot, Items: f.items(), Count: count}
	if f.Attempt != nil {
		c.Attempts = append(c.Attempts, *f.Attempt)
	}
	_, err = commit.Do(ctx, loop, Operator, c)
	return err
}

// WriteOff goes on without the withdrawal of a payout: its foreign_id is kept taken where
// it is known, and what it took from the wallet is missing there until an operator
// explains it.
func (r *Recovery) WriteOff(ctx context.Context, loop *commit.Loop, f Found, p FoundPayout, reason, actor string) error {
	if !p.Lost() {
		return fault.New(fault.Conflict, "not_lost", "%s is in the books: take it in", p.Ref)
	}
	owner, name := p.keptAs()
	_, err := commit.Do(ctx, loop, p.ID.Shard, withdrawal.Keep{KeptForeignID: withdrawal.KeptForeignID{
		ForeignKey: withdrawal.ForeignKey{Merchant: owner.Seq, ForeignID: name}, Withdrawal: p.ID.Seq, Network: f.Network,
		Asset: p.Asset, Amount: p.Amount, Address: p.Was.Canonical, Dispatch: f.Dispatch, Reason: reason, Actor: actor,
	}})
	return err
}

// Open opens the books again. It is refused while something that was found is not taken
// in, unless regardless is set. Whoever works on another copy of the books has lost its
// wallets by it.
func (r *Recovery) Open(ctx context.Context, loop *commit.Loop, reason, actor string, regardless bool) error {
	i, err := r.DB.Installation(ctx)
	if err != nil {
		return err
	}
	if i.State != recovery.Looking {
		return fault.New(fault.Conflict, "not_looking", "the books are open already")
	}
	if !regardless {
		if err := r.nothingLeft(ctx); err != nil {
			return err
		}
	}
	fences, err := r.fences(ctx)
	if err != nil && !regardless {
		return err
	}
	wallets, err := r.DB.Wallets(ctx)
	if err != nil {
		return err
	}
	for _, w := range wallets {
		if _, err := commit.Do(ctx, loop, Operator, payout.Refence{Wallet: w.Seq, Above: fences[walletKey(w.Network, w.Address)]}); err != nil {
			return err
		}
	}
	last, err := r.lastAnchors()
	if err != nil {
		return err
	}
	shards, err := r.DB.ShardRows(ctx)
	if err != nil {
		return err
	}
	for n := len(shards) - 1; n >= 0; n-- { // the operator's is the last one
		s := shards[n]
		c := recovery.Reopen{Skip: skip + max(last[s.Number]-s.LastEvent, 0), Reason: reason, Actor: actor}
		if _, err := commit.Do(ctx, loop, s.Number, c); err != nil {
			return err
		}
	}
	r.looking.Store(false)
	return r.anchor(ctx, "restored: "+reason)
}

// nothingLeft refuses while something that was found is not taken in.
func (r *Recovery) nothingLeft(ctx context.Context) error {
	left, err := r.Find(ctx)
	if err != nil || len(left) == 0 {
		return err
	}
	return fault.New(fault.Refused, "not_taken_in", "%d slots that were bound for payouts are not in these books, the first for %s: `sluice recover take` takes them in",
		len(left), left[0].Payouts[0].Ref)
}

// maybeOpen opens the books again when nothing is missing any more, and it is certain.
func (r *Recovery) maybeOpen(ctx context.Context, loop *commit.Loop, i recovery.Installation) error {
	if i.Asks {
		return nil
	}
	left, err := r.Find(ctx)
	if err != nil || len(left) > 0 {
		return err
	}
	behind, unknown, err := r.behindChains(ctx)
	if err != nil || len(behind)+len(unknown) > 0 {
		return err
	}
	r.Text.Info("nothing is missing from the books: they are open again")
	return r.Open(ctx, loop, "nothing is missing: compared with the signer's log and the chains", recovery.Actor, false)
}

// fences are the highest numbers of leases that the signer has seen, by wallet.
func (r *Recovery) fences(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	if r.Log == nil {
		return out, nil
	}
	for from := ""; ; {
		page, next, err := r.Log.History(ctx, from)
		if err != nil || len(page) == 0 {
			return out, err
		}
		for _, rec := range page {
			k := walletKey(rec.Network, rec.Wallet)
			out[k] = max(out[k], rec.Fence)
		}
		from = next
	}
}
