package cli

import (
	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/payout"
)

type walletResumeCmd struct {
	ID     string `arg:"" help:"The wallet, wal_..."`
	Reason string `required:"" help:"What the chain did, and why its payouts are to be sent again; it is kept."`
}

// lostOut is a payout that was final and is gone from its chain, as it is printed.
type lostOut struct {
	Dispatch string `json:"dispatch"`
	TxID     string `json:"txid"`
	Payouts  int64  `json:"payouts"`
	State    string `json:"state"`
	By       string `json:"by,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// Run implements the command.
func (c *walletResumeCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		at, err := id.Parse(id.Wallet, c.ID)
		if err != nil {
			return need(false, "wallet", c.ID)
		}
		w, ok, err := t.db.Wallet(t.ctx, at.Seq)
		if err != nil {
			return err
		}
		if err := need(ok, "wallet", c.ID); err != nil {
			return err
		}
		_, gone, err := t.db.Stand(t.ctx, w.Seq)
		if err != nil {
			return err
		}
		order := payout.SendAgain{Wallet: w.Seq, Actor: actor, Reason: c.Reason}
		for _, d := range gone {
			order.Dispatches = append(order.Dispatches, d.Dispatch.Seq)
		}
		if err := t.write(func(loop *commit.Loop) error {
			_, err := commit.Do(t.ctx, loop, payout.OperatorShard, order)
			return err
		}); err != nil {
			return err
		}
		if _, gone, err = t.db.Stand(t.ctx, w.Seq); err != nil {
			return err
		}
		var out []lostOut
		for _, d := range gone {
			out = append(out, lostOut{dispatchText(d.Dispatch.Seq), d.Dispatch.TxID, d.Dispatch.Items, d.Lost.State, d.Lost.Actor, d.Lost.Reason})
		}
		if len(out) == 0 {
			e.progress("nothing of this wallet is gone: it is not halted")
		} else {
			e.progress("ordered; a running server sends the same bytes again, and the wallet pays again once a final block holds all of them")
		}
		return list(e, out, "DISPATCH STATE PAYOUTS +TXID", func(d lostOut) []any { return []any{d.Dispatch, d.State, d.Payouts, d.TxID} })
	})
}
