// Package intake turns what somebody asks for into commands: what a withdrawal comes to,
// where it goes, whether a person has to look at it. Every API asks here, so that all
// of them decide alike. It reads and writes nothing; the commands decide.
package intake

import (
	"context"
	"errors"
	"time"

	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant/destination"
	"sluice/internal/money"
	"sluice/internal/pricing"
	"sluice/internal/pricing/fx"
	"sluice/internal/pricing/quote"
	"sluice/internal/rail"
	"sluice/internal/withdrawal"
)

// Intake is what requests are worked out with. All fields but Terms and ReviewAbove are required.
type Intake struct {
	Assets money.Assets
	// Rails check destinations, by network.
	Rails map[string]rail.Rail
	// Terms prices withdrawals; nil: nothing is charged or exchanged.
	Terms *pricing.Book
	// ReviewAbove is, by currency, the amount above which a withdrawal waits for a person.
	ReviewAbove map[string]money.Amount
}

// Order is a withdrawal as somebody asks for it.
type Order struct {
	Merchant  id.ID
	Account   id.Seq
	ForeignID string
	From      money.Asset // the balance that pays
	To        money.Asset // what is paid out; the same as From without exchange
	Form      fx.Form     // which amount was fixed; "" is SendForm
	Amount    money.Amount
	// Where to: a registered destination with its network, or a target that a rail checked.
	Destination id.Seq
	Network     string // of Destination; with Target it is the target's
	Target      rail.Target
	// Registered reads the target of Destination, for costs that depend on it; nil: nothing does.
	Registered func(context.Context) (rail.Target, error)
	// Quote fixes the terms; the zero quote: those of the moment.
	Quote     quote.Quote
	Names     destination.NameRule
	Payment   rail.Payment
	NotBefore time.Time
	Metadata  string
	Origin    string // see withdrawal.Withdrawal
	Actor     string
}

// Withdrawal works an order out. What stands in its way is told by the command, so that
// a repeat of a request that was accepted once is told that, whatever holds now.
func (d *Intake) Withdrawal(ctx context.Context, o Order) withdrawal.Create {
	network := o.Network
	if o.Destination == 0 {
		network = o.Target.Network
	}
	if o.Form == "" {
		o.Form = fx.SendForm
	}
	cmd := withdrawal.Create{
		Merchant: o.Merchant.Seq, Account: o.Account, ForeignID: o.ForeignID, Asset: o.From, Destination: o.Destination, Target: o.Target, Names: o.Names,
		Payment: o.Payment, NotBefore: o.NotBefore, Metadata: o.Metadata, Origin: o.Origin, Actor: o.Actor,
	}
	d.price(ctx, &cmd, pricing.Ask{Merchant: o.Merchant, From: o.From, To: o.To, Network: network, Form: o.Form, Amount: o.Amount, Target: o.Registered}, o.Quote)
	cmd.Review = d.Review(cmd.Asset, cmd.Amount)
	return cmd
}

// price puts the terms into a command: those of a quote, or with the zero quote what
// holds now. Where there are none, the command says why.
func (d *Intake) price(ctx context.Context, cmd *withdrawal.Create, ask pricing.Ask, q quote.Quote) {
	var t pricing.Terms
	var err error
	if ask.Target == nil {
		ask.Target = func(context.Context) (rail.Target, error) { return cmd.Target, nil }
	}
	if q.Seq != 0 {
		cmd.Quote = q.Seq
		t, err = d.Terms.Quoted(ctx, ask, q)
	} else {
		t, err = d.Terms.For(ctx, ask)
	}
	if err != nil {
		cmd.Problem = pricing.Named(err, "amount")
		return
	}
	if ask.From.Code != ask.To.Code {
		cmd.Short = pricing.Named(d.Terms.CanPay(ask.Network, ask.To, t.Receive), "amount")
	}
	t.Fill(cmd, ask.To)
	if err := within(ask, t); err != nil {
		cmd.Problem = err
		return
	}
	if r, ok := d.Rails[ask.Network].(rail.AmountChecker); ok {
		cmd.Problem = r.CheckAmount(ask.To.Code, cmd.Payment.Service, t.Receive)
	}
}

// within refuses a payout below the minimum or above the maximum of its asset on its network.
// Without an exchange the named amount counts, so that the minimum itself can be asked for
// where the fee is taken out of it; with one, what the receiver gets.
func within(ask pricing.Ask, t pricing.Terms) error {
	limit, set := ask.To.Limits[ask.Network]
	if !set {
		return nil
	}
	amount, field := t.Receive, "receive_amount"
	if ask.From.Code == ask.To.Code {
		amount = ask.Amount
		if ask.Form != fx.ReceiveForm {
			field = "amount"
		}
	}
	var bound money.Amount
	var code, name, most string
	switch {
	case amount.Less(limit.Min):
		code, name, most, bound = "amount_too_small", "minimum", "least", limit.Min
	case !limit.Max.IsZero() && limit.Max.Less(amount):
		code, name, most, bound = "amount_too_large", "maximum", "most", limit.Max
	default:
		return nil
	}
	return fault.Bad(code, field, "a payout of %s on %s must be at %s %s", ask.To.Code, ask.Network, most, ask.To.Format(bound)).
		With(name, ask.To.Format(bound)).With("currency", ask.To.Code).With("network", ask.Network)
}

// Review tells why a person has to look at a withdrawal; "" for no reason.
func (d *Intake) Review(asset money.Asset, amount money.Amount) string {
	limit, ok := d.ReviewAbove[asset.Code]
	if !ok || !limit.Less(amount) {
		return ""
	}
	return "above " + asset.Format(limit) + " " + asset.Code
}

// Target checks an address on a network for a currency. Paths in faults are network,
// address and tag.
func (d *Intake) Target(ctx context.Context, asset money.Asset, network, address, tag string) (rail.Target, error) {
	if !asset.On(network) {
		err := fault.Of(withdrawal.WrongNetwork(asset, network))
		return rail.Target{}, &fault.Error{Kind: err.Kind, Code: err.Code, Message: err.Message, Fields: []fault.Field{{Path: "network", Rule: err.Message}}}
	}
	r, ok := d.Rails[network]
	if !ok {
		return rail.Target{}, fault.New(fault.Unavailable, "network_not_running", "the network %q is not running in this installation at the moment", network)
	}
	to, err := r.Check(ctx, address, tag, asset.Code)
	if f := (*fault.Error)(nil); err != nil && !errors.As(err, &f) {
		return to, fault.Wrap(err, fault.Unavailable, "network_unavailable", "the network %q cannot check the destination at the moment; nothing was done. Repeat the request", network)
	}
	return to, err
}

// Tagged tells whether payouts of an asset on a network carry a destination tag or memo.
func (d *Intake) Tagged(network, asset string) bool {
	t, ok := d.Rails[network].(rail.Tagger)
	return ok && t.Tags(asset)
}

// Swap is an exchange inside an account as somebody asks for it.
type Swap struct {
	Merchant  id.ID
	Account   id.Seq
	ForeignID string
	From, To  money.Asset
	Form      fx.Form
	Amount    money.Amount
	Actor     string
}

// Convert works a swap out at the price of the moment. What stands in its way is in the
// command too.
func (d *Intake) Convert(ctx context.Context, s Swap) account.Convert {
	cmd := account.Convert{Merchant: s.Merchant.Seq, Account: s.Account, ForeignID: s.ForeignID, From: s.From, To: s.To, Actor: s.Actor}
	t, err := d.Terms.For(ctx, pricing.Ask{Merchant: s.Merchant, From: s.From, To: s.To, Form: s.Form, Amount: s.Amount})
	if err != nil {
		cmd.Problem = err
		return cmd
	}
	deal := t.Deal
	cmd.Deal, cmd.Fee, cmd.FeeInside = &deal, t.Charge.Fee, t.Schedule.Inside
	return cmd
}
