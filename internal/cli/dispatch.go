package cli

import (
	"io"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/payout"
	"sluice/internal/store"
)

type dispatchCmd struct {
	List   dispatchListCmd   `cmd:"" help:"List dispatches, newest first."`
	Show   dispatchShowCmd   `cmd:"" aliases:"get" help:"Show a dispatch with its payouts and attempts."`
	Cancel dispatchCancelCmd `cmd:"" help:"Order to use up the slot of a dispatch for nothing. The network decides what comes first: the cancel, and all its payouts fail, or an attempt that pays."`
}

// dispatchOut is a dispatch as it is printed.
type dispatchOut struct {
	ID        string     `json:"id"`
	Wallet    string     `json:"wallet"`
	Network   string     `json:"network"`
	State     string     `json:"state"`
	Stage     string     `json:"stage,omitempty"`
	Nonce     *int64     `json:"nonce,omitempty"`
	TxID      string     `json:"txid,omitempty"`
	Block     string     `json:"block,omitempty"`
	Fee       string     `json:"fee_minor,omitempty"`
	FeeAsset  string     `json:"fee_asset,omitempty"`
	Note      string     `json:"note,omitempty"`
	Items     int64      `json:"payouts"`
	Settled   int64      `json:"settled"`
	Attempts  int64      `json:"attempts"`
	CreatedAt time.Time  `json:"created_at"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`

	Payouts []dispatchItemOut    `json:"items,omitempty"`
	Sent    []dispatchAttemptOut `json:"sent,omitempty"`
	Cancel  *dispatchOrderOut    `json:"cancel,omitempty"`
}

type dispatchItemOut struct {
	Withdrawal string `json:"withdrawal"`
	Asset      string `json:"asset"`
	Minor      string `json:"amount_minor"`
	Outcome    string `json:"outcome,omitempty"`
	Reason     string `json:"reason,omitempty"`
}

type dispatchAttemptOut struct {
	Number    int64     `json:"number"`
	TxID      string    `json:"txid"`
	MaxFee    string    `json:"max_fee_minor"`
	CreatedAt time.Time `json:"created_at"`
}

type dispatchOrderOut struct {
	By      string    `json:"by"`
	Reason  string    `json:"reason"`
	Attempt int64     `json:"attempt,omitempty"`
	At      time.Time `json:"at"`
}

func dispatchText(seq id.Seq) string {
	return id.ID{Shard: payout.OperatorShard, Seq: seq}.Text(id.Dispatch)
}

func showDispatch(d payout.Dispatch) dispatchOut {
	out := dispatchOut{
		ID: dispatchText(d.Seq), Wallet: id.ID{Shard: payout.OperatorShard, Seq: d.Wallet}.Text(id.Wallet), Network: d.Network,
		State: string(d.State), Stage: string(d.Stage), TxID: d.TxID, Block: d.Block, FeeAsset: d.FeeAsset, Note: d.Note,
		Items: d.Items, Settled: d.Settled, Attempts: d.Attempts, CreatedAt: d.CreatedAt, EndedAt: maybe(d.EndedAt),
	}
	if d.Nonce >= 0 {
		out.Nonce = &d.Nonce
	}
	if d.FeeAsset != "" {
		out.Fee = d.Fee.Minor()
	}
	return out
}

type dispatchListCmd struct {
	Limit int `default:"50" help:"How many, at most 1000."`
}

// Run implements the command.
func (c *dispatchListCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		rows, err := t.db.Dispatches(t.ctx, 0, min(max(c.Limit, 1), store.PageMax))
		if err != nil {
			return err
		}
		var out []dispatchOut
		for _, d := range rows {
			out = append(out, showDispatch(d))
		}
		return list(e, out, "ID NETWORK STATE STAGE PAYOUTS SETTLED ATTEMPTS +TXID", func(d dispatchOut) []any {
			return []any{d.ID, d.Network, d.State, or(d.Stage, "-"), d.Items, d.Settled, d.Attempts, or(d.TxID, "-")}
		})
	})
}

type dispatchShowCmd struct {
	ID string `arg:"" help:"The dispatch, dsp_..."`
}

// Run implements the command.
func (c *dispatchShowCmd) Run(e *env) error {
	return e.open(func(t *tool) error { return t.printDispatch(c.ID) })
}

// dispatch finds a dispatch.
func (t *tool) dispatch(text string) (payout.Work, error) {
	at, err := id.Parse(id.Dispatch, text)
	if err != nil || at.Shard != payout.OperatorShard {
		return payout.Work{}, fault.New(fault.NotFound, "not_found", "there is no dispatch %s", text)
	}
	w, ok, err := t.db.Dispatch(t.ctx, at.Seq)
	if err != nil {
		return w, err
	}
	return w, need(ok, "dispatch", text)
}

func (t *tool) printDispatch(text string) error {
	w, err := t.dispatch(text)
	if err != nil {
		return err
	}
	out := showDispatch(w.Dispatch)
	for _, it := range w.Items {
		out.Payouts = append(out.Payouts, dispatchItemOut{
			Withdrawal: it.ID().Text(id.Withdrawal), Asset: it.Asset, Minor: it.Amount.Minor(), Outcome: string(it.Outcome), Reason: it.Reason,
		})
	}
	for _, a := range w.Attempts {
		out.Sent = append(out.Sent, dispatchAttemptOut{Number: a.Number, TxID: a.TxID, MaxFee: a.MaxFee.Minor(), CreatedAt: a.CreatedAt})
	}
	if o := w.Cancel; o != nil {
		out.Cancel = &dispatchOrderOut{By: o.Actor, Reason: o.Reason, Attempt: o.Attempt, At: o.CreatedAt}
	}
	return t.print(out, func(to io.Writer) {
		p := printer{to}
		p.f("id\t%s\nwallet\t%s\nnetwork\t%s\nstate\t%s\nstage\t%s\npayouts\t%d\nsettled\t%d\n", out.ID, out.Wallet, out.Network, out.State, or(out.Stage, "-"), out.Items, out.Settled)
		if out.Nonce != nil {
			p.f("nonce\t%d\n", *out.Nonce)
		}
		if out.Note != "" {
			p.f("note\t%s\n", out.Note)
		}
		if out.Cancel != nil {
			p.f("cancel\tordered by %s at %s: %s\n", out.Cancel.By, when(out.Cancel.At), out.Cancel.Reason)
		}
		for _, a := range out.Sent {
			p.f("attempt %d\t%s\tat most %s minor units of fees\n", a.Number, a.TxID, a.MaxFee)
		}
		for _, it := range out.Payouts {
			p.f("payout\t%s\t%s %s (minor units)\t%s\n", it.Withdrawal, it.Minor, it.Asset, or(it.Outcome, "open"))
		}
	})
}

type dispatchCancelCmd struct {
	ID     string `arg:"" help:"The dispatch, dsp_..."`
	Reason string `required:"" help:"Why; it is kept with the order and told in the withdrawals' timelines."`
}

// Run implements the command.
func (c *dispatchCancelCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		w, err := t.dispatch(c.ID)
		if err != nil {
			return err
		}
		if err := t.write(func(loop *commit.Loop) error {
			_, err := commit.Do(t.ctx, loop, payout.OperatorShard, payout.OrderCancel{Dispatch: w.Dispatch.Seq, Actor: actor, Reason: c.Reason})
			return err
		}); err != nil {
			return err
		}
		e.progress("ordered; a running server carries it out, and only the network decides: sluice dispatch show %s", c.ID)
		return t.printDispatch(c.ID)
	})
}
