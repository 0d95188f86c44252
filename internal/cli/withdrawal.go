package cli

import (
	"encoding/json"
	"io"
	"slices"
	"sort"
	"strings"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/store"
	"sluice/internal/withdrawal"
)

type withdrawalCmd struct {
	List     withdrawalListCmd     `cmd:"" help:"List a merchant's withdrawals, newest first."`
	Show     withdrawalShowCmd     `cmd:"" aliases:"get" help:"Show one withdrawal."`
	Timeline withdrawalTimelineCmd `cmd:"" help:"Show what happened to a withdrawal: events and transfers, oldest first."`
	Cancel   withdrawalCancelCmd   `cmd:"" help:"Cancel a withdrawal that no dispatch has claimed; its money goes back."`
	Review   withdrawalReviewCmd   `cmd:"" help:"List the withdrawals of all merchants that wait for a person, the longest waiting first."`
	Approve  withdrawalApproveCmd  `cmd:"" help:"Let a withdrawal go on that waits for a person."`
	Reject   withdrawalRejectCmd   `cmd:"" help:"Refuse a withdrawal that no dispatch has claimed; its money goes back."`
}

// withdrawalOut is a withdrawal as it is printed. The API has the same names.
type withdrawalOut struct {
	ID          string     `json:"id"`
	Merchant    string     `json:"merchant"`
	Account     string     `json:"account"`
	ForeignID   string     `json:"foreign_id"`
	State       string     `json:"state"`
	Stage       string     `json:"stage,omitempty"`
	Attention   string     `json:"attention,omitempty"`
	Explanation string     `json:"attention_text,omitempty"`
	Reason      string     `json:"reason,omitempty"`
	Currency    string     `json:"currency"`
	Amount      string     `json:"amount"`
	Fee         string     `json:"fee"`
	Receive     string     `json:"receive"`
	ReceiveIn   string     `json:"receive_currency"`
	Review      string     `json:"review,omitempty"`
	Approved    bool       `json:"approved"`
	Network     string     `json:"network"`
	Address     string     `json:"address"`
	Tag         string     `json:"tag,omitempty"`
	Wallet      string     `json:"wallet,omitempty"`
	TxID        string     `json:"txid,omitempty"`
	NetworkFee  string     `json:"network_fee,omitempty"`
	FeeAsset    string     `json:"network_fee_currency,omitempty"`
	ReleaseAt   time.Time  `json:"release_at"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`
	Version     int64      `json:"version"`
}

// assets are the currencies of the database: those that were ever used, so that
// tools need no configuration to write an amount.
func (t *tool) assets() (money.Assets, error) {
	known, err := t.db.KnownAssets(t.ctx)
	out := t.conf.Money()
	for _, k := range known {
		out[k.Code] = money.Asset{Code: k.Code, Scale: int(k.Scale), Networks: out[k.Code].Networks}
	}
	return out, err
}

func showWithdrawal(shard id.Shard, w withdrawal.Withdrawal, assets money.Assets) withdrawalOut {
	of := func(k id.Kind, s id.Seq) string { return id.ID{Shard: shard, Seq: s}.Text(k) }
	a := assets[w.Currency]
	out := withdrawalOut{
		ID: of(id.Withdrawal, w.Seq), Merchant: of(id.Merchant, w.Merchant), Account: of(id.Account, w.Account), ForeignID: w.ForeignID,
		State: string(w.State), Stage: string(w.Stage), Attention: w.Attention, Explanation: w.AttentionText, Reason: w.Reason,
		Currency: w.Currency, Amount: a.Format(w.Amount), Fee: a.Format(w.Fee), Network: w.Network, Address: w.Canonical, Tag: w.Tag, Wallet: w.Wallet,
		Receive: assets[w.ReceiveCurrency].Format(w.Receive), ReceiveIn: w.ReceiveCurrency, Review: w.Review, Approved: w.Approval != "",
		TxID: w.TxID, FeeAsset: w.FeeAsset, ReleaseAt: w.ReleaseAt, CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt, EndedAt: maybe(w.EndedAt), Version: w.Version,
	}
	if w.FeeAsset != "" {
		out.NetworkFee = assets[w.FeeAsset].Format(w.NetworkFee)
	}
	return out
}

func stateNames() string {
	var out []string
	for _, s := range withdrawal.States {
		out = append(out, string(s))
	}
	return strings.Join(out, ", ")
}

type withdrawalListCmd struct {
	Merchant string `required:"" placeholder:"ID" help:"Whose withdrawals: mer_..."`
	State    string `placeholder:"STATE" help:"Only those in this state: ${states}."`
	Limit    int    `default:"50" help:"At most so many, up to 1000."`
}

// Run implements the command.
func (c *withdrawalListCmd) Run(e *env) error {
	at, err := parseID(id.Merchant, c.Merchant)
	if err != nil {
		return err
	}
	if c.State != "" && !slices.Contains(withdrawal.States, withdrawal.State(c.State)) {
		return fault.New(fault.Invalid, "usage", "--state %s: there is no such state; the states are %s", c.State, stateNames())
	}
	return e.open(func(t *tool) error {
		_, found, err := t.db.Merchant(t.ctx, at)
		if err != nil {
			return err
		}
		if err := need(found, "merchant", c.Merchant); err != nil {
			return err
		}
		assets, err := t.assets()
		if err != nil {
			return err
		}
		rows, err := t.db.Withdrawals(t.ctx, withdrawal.Filter{
			Shard: at.Shard, Merchant: at.Seq, State: withdrawal.State(c.State), Limit: min(max(c.Limit, 1), store.PageMax),
		})
		if err != nil {
			return err
		}
		var out []withdrawalOut
		for _, w := range rows {
			out = append(out, showWithdrawal(at.Shard, w, assets))
		}
		return list(e, out, "ID FOREIGN-ID STATE AMOUNT +NETWORK +CREATED ATTENTION", func(w withdrawalOut) []any {
			return []any{w.ID, e.cut(w.ForeignID, 16), w.State, short(w.Amount) + " " + w.Currency, w.Network, when(w.CreatedAt), or(w.Attention, "-")}
		})
	})
}

type withdrawalShowCmd struct {
	ID string `arg:"" help:"The withdrawal, wd_..."`
}

// Run implements the command.
func (c *withdrawalShowCmd) Run(e *env) error {
	return e.withdrawal(c.ID, func(t *tool, at id.ID, w withdrawal.Withdrawal, assets money.Assets) error {
		return e.printWithdrawal(showWithdrawal(at.Shard, w, assets))
	})
}

// withdrawal finds one.
func (e *env) withdrawal(text string, fn func(*tool, id.ID, withdrawal.Withdrawal, money.Assets) error) error {
	at, err := parseID(id.Withdrawal, text)
	if err != nil {
		return err
	}
	return e.open(func(t *tool) error {
		w, found, err := t.db.Withdrawal(t.ctx, at)
		if err != nil {
			return err
		}
		if err := need(found, "withdrawal", text); err != nil {
			return err
		}
		assets, err := t.assets()
		if err != nil {
			return err
		}
		return fn(t, at, w, assets)
	})
}

func (e *env) printWithdrawal(o withdrawalOut) error {
	return e.print(o, func(w io.Writer) {
		p := printer{w}
		p.f("id\t%s\nforeign id\t%s\nmerchant\t%s\naccount\t%s\n", o.ID, o.ForeignID, o.Merchant, o.Account)
		p.f("state\t%s\namount\t%s %s\nfee\t%s %s\nto\t%s on %s\n", o.State, o.Amount, o.Currency, o.Fee, o.Currency, o.Address, o.Network)
		for _, x := range [][2]string{
			{"pays out", exchanged(o)},
			{"review", o.Review},
			{"stage", o.Stage},
			{"attention", o.Attention},
			{"", o.Explanation},
			{"reason", o.Reason},
			{"wallet", o.Wallet},
			{"transaction", o.TxID},
			{"network fee", o.NetworkFee},
		} {
			if x[1] != "" {
				p.f("%s\t%s\n", x[0], x[1])
			}
		}
		p.f("created\t%s\nupdated\t%s\n", when(o.CreatedAt), when(o.UpdatedAt))
	})
}

// exchanged says what is paid out, where that is not what is taken.
func exchanged(o withdrawalOut) string {
	if o.ReceiveIn == o.Currency {
		return ""
	}
	return o.Receive + " " + o.ReceiveIn
}

type withdrawalTimelineCmd struct {
	ID string `arg:"" help:"The withdrawal, wd_..."`
}

// stepOut is one line of a timeline: an event or a transfer.
type stepOut struct {
	At     time.Time       `json:"at"`
	Kind   string          `json:"kind"` // event or transfer
	Type   string          `json:"type"`
	State  string          `json:"state,omitempty"`
	Actor  string          `json:"actor,omitempty"`
	Reason string          `json:"reason,omitempty"`
	Amount string          `json:"amount,omitempty"`
	From   string          `json:"from,omitempty"`
	To     string          `json:"to,omitempty"`
	Data   json.RawMessage `json:"data,omitempty"`
}

// Run implements the command.
func (c *withdrawalTimelineCmd) Run(e *env) error {
	return e.withdrawal(c.ID, func(t *tool, at id.ID, _ withdrawal.Withdrawal, assets money.Assets) error {
		events, err := t.db.EventsOf(t.ctx, at)
		if err != nil {
			return err
		}
		transfers, err := t.db.TransfersOf(t.ctx, at)
		if err != nil {
			return err
		}
		var out []stepOut
		for _, ev := range events {
			out = append(out, stepOut{At: ev.At, Kind: "event", Type: string(ev.Type), State: ev.State, Actor: ev.Actor, Reason: ev.Reason, Data: ev.Data})
		}
		for _, tr := range transfers {
			out = append(out, stepOut{
				At: tr.At, Kind: "transfer", Type: string(tr.Kind), Amount: assets[tr.Currency].Format(tr.Amount) + " " + tr.Currency,
				From: tr.Debit.Name, To: tr.Credit.Name,
			})
		}
		sort.SliceStable(out, func(i, j int) bool { return out[i].At.Before(out[j].At) })
		return list(e, out, "AT +WHAT TYPE DETAIL", func(s stepOut) []any {
			detail := s.State + "  by " + s.Actor
			if s.Kind == "transfer" {
				detail = s.Amount + "  " + s.From + " -> " + s.To
			}
			if s.Reason != "" {
				detail += "  (" + s.Reason + ")"
			}
			return []any{s.At.UTC().Format("2006-01-02 15:04:05.000Z"), s.Kind, s.Type, detail}
		})
	})
}

type withdrawalCancelCmd struct {
	ID     string `arg:"" help:"The withdrawal, wd_..."`
	Reason string `help:"Why; the merchant reads it."`
}

// actor is the name under which changes by this program appear.
const actor = "operator:cli"

// Run implements the command.
func (c *withdrawalCancelCmd) Run(e *env) error {
	return e.withdrawal(c.ID, func(t *tool, at id.ID, w withdrawal.Withdrawal, assets money.Assets) error {
		if w.State.Final() && w.State != withdrawal.Cancelled {
			return fault.New(fault.Conflict, "not_cancellable", "the withdrawal is %s already", w.State)
		}
		if err := t.write(func(loop *commit.Loop) (err error) {
			w, err = commit.Do(t.ctx, loop, at.Shard, withdrawal.NewCancel(0, at.Seq, actor, c.Reason))
			return err
		}); err != nil {
			return err
		}
		return e.printWithdrawal(showWithdrawal(at.Shard, w, assets))
	})
}
