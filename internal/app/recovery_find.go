package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluice/internal/id"
	"sluice/internal/payout"
	"sluice/internal/payout/recovery"
	"sluice/internal/rail"
	"sluice/internal/signer"
	"sluice/internal/withdrawal"
)

// Found is a slot that was bound for payouts which the books do not know, with what is
// known of it.
type Found struct {
	At       time.Time
	Network  string
	Wallet   string // address
	Dispatch id.Seq
	Slot     rail.Slot
	Fence    int64
	Payouts  []FoundPayout
	// Attempt is the transaction in a block that has used the slot; nil: no block has, as far
	// as is known.
	Attempt *rail.Attempt
	// Unsure says why nobody knows now whether a block has; "" where it is known.
	Unsure string
}

// FoundPayout is one payout of it.
type FoundPayout struct {
	signer.Output
	ID id.ID
	// State is that of its withdrawal in the books; "" where they have none.
	State withdrawal.State
	// Was is the withdrawal as it is remembered; its Merchant is 0 where nobody remembers.
	Was withdrawal.Withdrawal
	// Kept says that only its foreign_id is kept taken: an operator has written it off.
	Kept bool
}

// keptAs is under what the foreign_id is kept when the payout is written off: where nobody
// remembers whose it was, under its own id and nobody.
func (p FoundPayout) keptAs() (owner id.ID, foreignID string) {
	if p.Was.ForeignID == "" {
		return id.ID{Shard: p.ID.Shard}, p.ID.Dashed(id.Withdrawal)
	}
	return id.ID{Shard: p.ID.Shard, Seq: p.Was.Merchant}, p.Was.ForeignID
}

// Lost tells whether the books have no row of it.
func (p FoundPayout) Lost() bool { return p.State == "" }

// Find lists what was bound, and maybe paid, beyond the books, oldest first.
func (r *Recovery) Find(ctx context.Context) ([]Found, error) {
	i, err := r.DB.Installation(ctx)
	if err != nil {
		return nil, err
	}
	out, err := r.ofSigner(ctx, i.Place)
	if err != nil {
		return nil, err
	}
	for n := range out {
		if err := r.know(ctx, &out[n]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ofSigner goes through the signer's log from a place on.
func (r *Recovery) ofSigner(ctx context.Context, from string) (out []Found, err error) {
	if r.Log == nil {
		return nil, nil
	}
	for {
		page, next, err := r.Log.History(ctx, from)
		if err != nil || len(page) == 0 {
			return out, err
		}
		if r.Read != nil {
			r.Read(len(page))
		}
		lost, err := r.lost(ctx, page)
		if err != nil {
			return nil, err
		}
		for _, rec := range lost {
			f, err := found(rec)
			if err != nil {
				return nil, err
			}
			out = append(out, f)
		}
		from = next
	}
}

func found(rec signer.Record) (Found, error) {
	at, err := id.Parse(id.Dispatch, rec.Bound)
	f := Found{At: rec.At, Network: rec.Network, Wallet: rec.Wallet, Dispatch: at.Seq, Fence: rec.Fence, Slot: rail.Slot{Wallet: rec.Wallet}}
	switch {
	case rec.Nonce != nil:
		f.Slot.Nonce = *rec.Nonce
	case len(rec.Coins) == 0:
		f.Slot.Ref = strings.TrimPrefix(rec.Bound, string(id.Dispatch)+"_")
	}
	for n, name := range rec.Coins {
		txid, index, _ := strings.Cut(name, ":")
		at, bad := strconv.ParseUint(index, 10, 32)
		err = errors.Join(err, bad)
		c := rail.Coin{TxID: txid, Index: uint32(at)}
		if n < len(rec.Amounts) {
			c.Minor = rec.Amounts[n]
		}
		f.Slot.Coins = append(f.Slot.Coins, c)
	}
	for _, o := range rec.Payouts {
		p := FoundPayout{Output: o}
		if p.ID, err = id.Parse(id.Withdrawal, o.Ref); err != nil {
			return f, fmt.Errorf("the signer's log names %q as a withdrawal: %w", o.Ref, err)
		}
		f.Payouts = append(f.Payouts, p)
	}
	return f, err
}

// know adds what books and network know of a slot.
func (r *Recovery) know(ctx context.Context, f *Found) error {
	wallets, err := r.DB.Wallets(ctx)
	if err != nil {
		return err
	}
	for _, w := range wallets {
		if w.Network == f.Network && strings.EqualFold(w.Address, f.Wallet) {
			f.Wallet, f.Slot.Wallet = w.Address, w.Address // as the network writes it
		}
	}
	for n := range f.Payouts {
		p := &f.Payouts[n]
		w, found, err := r.DB.Withdrawal(ctx, p.ID)
		if err != nil {
			return err
		}
		if found {
			p.State, p.Was = w.State, w
			continue
		}
		if _, was, err := withdrawal.Remembered(p.Ref, f.Network, p.Output); err == nil {
			p.Was = was
		}
		owner, name := p.keptAs()
		kept, found, err := r.DB.KeptForeignID(ctx, owner, name)
		if err != nil {
			return err
		}
		p.Kept = found && kept.Withdrawal == p.ID.Seq
	}
	finder, ok := r.Rails[f.Network].(rail.Finder)
	if !ok {
		return nil
	}
	slot, attempt, err := finder.Find(ctx, f.Slot)
	if err != nil {
		f.Unsure = err.Error()
		return nil
	}
	f.Slot, f.Attempt = slot, attempt
	return nil
}

// items are the payouts as the list of a dispatch has them.
func (f Found) items() []payout.Item {
	out := make([]payout.Item, 0, len(f.Payouts))
	for _, p := range f.Payouts {
		out = append(out, payout.Item{
			Shard: int64(p.ID.Shard), Withdrawal: p.ID.Seq, Asset: p.Asset, To: p.To, Amount: p.Amount, Payment: p.Was.Payment, Settled: p.Kept,
		})
	}
	return out
}

// Why says for a person what speaks against opening the books, but for what Find lists: in
// behind, that something is missing, and in unknown, that nobody can tell now.
func (r *Recovery) Why(ctx context.Context) (behind, unknown []string, err error) {
	i, err := r.DB.Installation(ctx)
	if err != nil {
		return nil, nil, err
	}
	if i.State == recovery.Looking && i.Asks {
		behind = append(behind, i.Reason+". What was accepted since and never paid is lost without a trace: ask the merchants to compare")
	}
	more, unknown, err := r.behindChains(ctx)
	return append(behind, more...), unknown, err
}
