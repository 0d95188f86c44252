package api

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant/destination"
	"sluice/internal/money"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal"
)

// RenderReads is what the messages need besides their events: rows whose fixed part
// is in the message. Missing rows are left out; order does not matter.
type RenderReads interface {
	WithdrawalsAt(ctx context.Context, shard id.Shard, seqs []id.Seq) ([]withdrawal.Withdrawal, error)
	CreditsAt(ctx context.Context, shard id.Shard, seqs []id.Seq) ([]account.Credit, error)
	AccountsAt(ctx context.Context, shard id.Shard, seqs []id.Seq) ([]ledger.Account, error)
	DestinationsAt(ctx context.Context, shard id.Shard, seqs []id.Seq) ([]destination.Destination, error)
}

// Renderer writes messages in the native format, {"type","timestamp","data"}, where
// data is the same object that the API gives, as it was right after the event.
type Renderer struct {
	reads  RenderReads
	assets money.Assets
}

var _ webhook.Renderer = (*Renderer)(nil)

// NewRenderer makes the renderer of webhook.FormatNative.
func NewRenderer(reads RenderReads, assets money.Assets) *Renderer {
	return &Renderer{reads: reads, assets: assets}
}

func (c *call) renderer() *Renderer { return NewRenderer(c.Reads, c.Assets) }

// subjects are the rows that a set of messages is about.
type subjects struct {
	withdrawals  map[id.ID]withdrawal.Withdrawal
	credits      map[id.ID]account.Credit
	accounts     map[id.ID]ledger.Account
	destinations map[id.ID]destination.Destination
}

// Render implements webhook.Renderer.
func (r *Renderer) Render(ctx context.Context, messages []webhook.Message) ([][]byte, error) {
	rows, err := r.load(ctx, messages)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(messages))
	for n, m := range messages {
		w := &writer{b: make([]byte, 0, 1024)}
		o := objects{w, r.assets, m.Shard}
		o.open()
		o.plain("type", string(m.Type()))
		o.time("timestamp", m.Event.At)
		o.key("data")
		if err := o.data(m, rows); err != nil {
			return nil, fmt.Errorf("message %s: %w", m.ID(), err)
		}
		o.close()
		if w.err != nil {
			return nil, w.err
		}
		out[n] = w.b
	}
	return out, nil
}

// load reads what the messages are about, once per kind and shard.
func (r *Renderer) load(ctx context.Context, messages []webhook.Message) (*subjects, error) {
	type group struct{ withdrawals, credits, accounts, destinations []id.Seq }
	groups := map[id.Shard]*group{}
	seen := map[id.ID]bool{}
	for _, m := range messages {
		at := idOf(m, m.Event.Subject)
		kind := about(m.Type())
		if kind == itself || seen[at] {
			continue
		}
		seen[at] = true
		g := groups[m.Shard]
		if g == nil {
			g = &group{}
			groups[m.Shard] = g
		}
		switch kind {
		case aWithdrawal:
			g.withdrawals = append(g.withdrawals, at.Seq)
		case aCredit:
			g.credits = append(g.credits, at.Seq)
		case anAccount:
			g.accounts = append(g.accounts, at.Seq)
		case aDestination:
			g.destinations = append(g.destinations, at.Seq)
		case itself:
		}
	}
	rows := &subjects{map[id.ID]withdrawal.Withdrawal{}, map[id.ID]account.Credit{}, map[id.ID]ledger.Account{}, map[id.ID]destination.Destination{}}
	for shard, g := range groups {
		if err := fill(ctx, shard, g.withdrawals, r.reads.WithdrawalsAt, func(x withdrawal.Withdrawal) id.Seq { return x.Seq }, rows.withdrawals); err != nil {
			return nil, err
		}
		if err := fill(ctx, shard, g.credits, r.reads.CreditsAt, func(x account.Credit) id.Seq { return x.Seq }, rows.credits); err != nil {
			return nil, err
		}
		if err := fill(ctx, shard, g.destinations, r.reads.DestinationsAt, func(x destination.Destination) id.Seq { return x.Seq }, rows.destinations); err != nil {
			return nil, err
		}
		if err := fill(ctx, shard, g.accounts, r.reads.AccountsAt, func(x ledger.Account) id.Seq { return x.Seq }, rows.accounts); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func fill[R any](ctx context.Context, shard id.Shard, seqs []id.Seq, read func(context.Context, id.Shard, []id.Seq) ([]R, error),
	seq func(R) id.Seq, into map[id.ID]R,
) error {
	if len(seqs) == 0 {
		return nil
	}
	got, err := read(ctx, shard, seqs)
	if err != nil {
		return unavailable(err)
	}
	for _, row := range got {
		into[id.ID{Shard: shard, Seq: seq(row)}] = row
	}
	return nil
}

// subject says which row a message is built from.
type subject int

const (
	itself subject = iota // the event holds all of it
	aWithdrawal
	aCredit
	anAccount
	aDestination
)

// about says which row a message of a type needs.
func about(t event.Type) subject {
	switch t {
	case event.WithdrawalCreated, event.WithdrawalQueued, event.WithdrawalProcessing, event.WithdrawalBroadcast, event.WithdrawalMined,
		event.WithdrawalReported, event.WithdrawalDropped, event.WithdrawalAttention, event.WithdrawalConfirmed, event.WithdrawalFailed, event.WithdrawalCancelled,
		event.WithdrawalRejected, event.WithdrawalReturned, event.WithdrawalReview, event.WithdrawalApproved:
		return aWithdrawal
	case event.CreditCreated, event.CreditSettled, event.CreditTakenBack:
		return aCredit
	case event.AccountOpened, event.AccountClosed:
		return anAccount
	case event.DestinationRegistered, event.DestinationDeleted:
		return aDestination
	case event.FundsLocked, event.FundsUnlocked, event.ConversionCompleted, event.BalanceUpdated,
		event.EndpointFailing, event.EndpointPaused, event.EndpointDisabled, event.EndpointTested,
		event.BankAlert, event.BankResolved,
		event.WalletFunded, event.WalletOutflow, event.WalletExplained, event.WalletRegained, event.WalletLow, event.WalletOK,
		event.WalletHalted, event.WalletTakenUp, event.WalletResumed,
		event.BooksLooking, event.BooksOpened: // no merchant's: never rendered
	}
	return itself
}

// data writes the object of a message.
func (o objects) data(m webhook.Message, rows *subjects) error {
	at, found := idOf(m, m.Event.Subject), true
	switch about(m.Type()) {
	case aWithdrawal:
		var x withdrawal.Withdrawal
		if x, found = rows.withdrawals[at]; found {
			then, err := x.At(m.Event)
			if err != nil {
				return err
			}
			o.withdrawal(then)
		}
	case aCredit:
		var c account.Credit
		if c, found = rows.credits[at]; found {
			if m.Type() == event.CreditCreated {
				c = c.AsCreated()
			}
			if m.Type() == event.CreditSettled {
				c = c.AsSettled()
			}
			o.credit(c)
		}
	case anAccount:
		var a ledger.Account
		if a, found = rows.accounts[at]; found {
			o.account(a)
		}
	case aDestination:
		var d destination.Destination
		if d, found = rows.destinations[at]; found {
			if m.Type() == event.DestinationRegistered {
				d = d.AsRegistered()
			}
			o.destination(d)
		}
	case itself:
		return o.fact(m)
	}
	if !found {
		return errGone
	}
	return nil
}

// fact writes the object of a message that needs no row.
func (o objects) fact(m webhook.Message) error {
	t := m.Type()
	if t == event.BalanceUpdated {
		o.balance(balanceOf(m.Event))
		return nil
	}
	if t == event.ConversionCompleted {
		x, err := account.ConversionOf(m.Event)
		if err == nil {
			o.conversion(x)
		}
		return err
	}
	if t == event.FundsLocked || t == event.FundsUnlocked {
		mv, err := moved(m.Shard, m.Event)
		if err == nil {
			o.movement(mv)
		}
		return err
	}
	if t == event.BankAlert || t == event.BankResolved {
		o.bankFact(m.Event)
		return nil
	}
	return o.endpointFact(m.Event)
}

// bankFact writes what an event about a bank tells the operator.
func (o objects) bankFact(e event.Event) {
	o.head(id.BankEntry, "bank", e.Subject, e.Version)
	o.plain("cause", e.State)
	o.maybe("text", e.Reason)
	o.close()
}

var errGone = errors.New("the row that the event is about is not there")

// conversion writes an exchange between balances of an account.
func (o objects) conversion(x account.Conversion) {
	o.head(id.Conversion, "conversion", x.Seq, 1)
	o.ref("account", id.Account, x.Account)
	o.maybe("foreign_id", x.ForeignID)
	o.plain("currency", x.SendCurrency)
	o.amount("amount", x.SendCurrency, x.Send)
	o.amount("fee", x.SendCurrency, x.Fee)
	o.object("receive")
	o.plain("currency", x.ReceiveCurrency)
	o.amount("amount", x.ReceiveCurrency, x.Receive)
	o.close()
	o.plain("price", x.Price)
	o.time("created_at", x.CreatedAt)
	o.close()
}

// endpointFact writes what an event about an endpoint tells.
func (o objects) endpointFact(e event.Event) error {
	var text struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(e.Data, &text); err != nil {
		return err
	}
	o.head(id.Endpoint, "webhook_endpoint", e.Subject, e.Version)
	o.text("url", text.URL)
	o.plain("state", e.State)
	o.maybe("reason", e.Reason)
	o.close()
	return nil
}

func hexText(b []byte) string { return hex.EncodeToString(b) }
