package api

import (
	"context"
	"net/http"
	"slices"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/rail"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal"
	"sluice/internal/withdrawal/intake"
	"sluice/internal/withdrawal/waiting"
)

var errNoWithdrawal = fault.New(fault.NotFound, "withdrawal_not_found", "no such withdrawal")

func createWithdrawal(c *call) (int, error) {
	cmd, err := c.withdrawal(c.doc.body())
	if err != nil {
		return 0, err
	}
	out, err := submit(c, cmd)
	if err != nil {
		c.locate(err)
		return 0, err
	}
	x, err := c.made(out)
	if err != nil {
		return 0, err
	}
	c.location = "/v1/withdrawals/" + c.at(x.Seq).Text(id.Withdrawal)
	c.objects().withdrawal(x)
	return http.StatusCreated, nil
}

// locate points a duplicate at the withdrawal that has the foreign id.
func (c *call) locate(err error) {
	if f := fault.Of(err); f.Code == "duplicate_foreign_id" && f.Extra["withdrawal"] != "" {
		c.location = "/v1/withdrawals/" + f.Extra["withdrawal"]
	}
}

// withdrawal reads the request for one withdrawal and has it worked out.
func (c *call) withdrawal(o object) (withdrawal.Create, error) {
	x, err := c.order(o)
	if err != nil {
		return withdrawal.Create{}, err
	}
	return c.intake().Withdrawal(c.ctx(), x), nil
}

// order reads the request for one withdrawal.
func (c *call) order(o object) (intake.Order, error) {
	x := intake.Order{Merchant: c.who.merchant, Origin: webhook.FormatNative, Actor: c.who.actor}
	account := o.id("account", id.Account, true)
	x.ForeignID = o.text("foreign_id")
	sum := o.priceRequest(c.Assets)
	x.NotBefore = o.time("not_before")
	x.Metadata = o.metadata("metadata")
	registered := o.id("destination_id", id.Destination, false)
	inline, given := o.object("destination", false)
	switch {
	case given && !registered.IsZero():
		o.d.wrong("destination_ambiguous", o.key("destination"), "give destination_id or destination, not both")
	case !given && !o.has("destination_id"):
		o.d.wrong("destination_required", o.key("destination"), "give destination_id or destination")
	}
	var to target
	if given {
		to = c.readTarget(inline)
		inline.end()
	}
	details := readPayment(o)
	o.end()
	if err := o.d.err(); err != nil {
		return x, err
	}
	if account.Shard != c.who.merchant.Shard {
		return x, fault.New(fault.NotFound, "account_not_found", "no such account").At("account")
	}
	x.Account, x.Destination = account.Seq, registered.Seq
	if !given && registered.Shard != c.who.merchant.Shard {
		return x, fault.New(fault.NotFound, "destination_not_found", "no such destination for this account").At("destination_id")
	}
	var err error
	if !sum.quote.IsZero() {
		if sum, x.Quote, err = c.quoted(sum); err != nil {
			return x, err
		}
	}
	x.From, x.To, x.Form, x.Amount = sum.from, sum.to, sum.form, sum.amount
	if given {
		x.Network, err = to.network, c.aim(&x, to)
	} else {
		x.Registered = func(ctx context.Context) (rail.Target, error) { return c.registered(ctx, registered.Seq) }
		x.Network, err = c.networkOf(registered, sum, details)
	}
	if err == nil && x.Network != "" { // without one there is no such destination, which the command says, or nothing depends on it
		x.Payment, err = c.paymentOn(details, x.Network, x.To)
	}
	return x, err
}

// aim checks a destination that is given inline.
func (c *call) aim(x *intake.Order, to target) (err error) {
	if to.bank != nil && !c.Bank.Inline {
		return notInline()
	}
	x.Names = c.Bank.Names
	x.Target, err = c.checked(to, x.To)
	return within("destination", err)
}

// made is the withdrawal that a command gave, or for a repeat the one that the
// first request made, as it was then.
func (c *call) made(out commit.Outcome[withdrawal.Withdrawal]) (withdrawal.Withdrawal, error) {
	if !out.Replayed {
		return out.Result, nil
	}
	x, err := one(c.Reads.Withdrawal(c.ctx(), c.at(out.Answer.Ref)))
	if err != nil {
		return x, err
	}
	return x.AsCreated(), nil
}

// ownWithdrawal is the withdrawal in the path, if it is the caller's.
func (c *call) ownWithdrawal() (withdrawal.Withdrawal, error) {
	at, err := c.id(id.Withdrawal, errNoWithdrawal)
	if err != nil {
		return withdrawal.Withdrawal{}, err
	}
	x, found, err := maybe(c.Reads.Withdrawal(c.ctx(), at))
	if err == nil && (!found || !c.owns(x.Merchant)) {
		err = errNoWithdrawal
	}
	return x, err
}

func getWithdrawal(c *call) (int, error) {
	x, err := c.ownWithdrawal()
	if err != nil {
		return 0, err
	}
	c.objects().withdrawal(x)
	return http.StatusOK, nil
}

func getWithdrawalByForeignID(c *call) (int, error) {
	foreign := c.r.PathValue("foreign_id")
	if invisible(foreign) {
		return 0, errNoWithdrawal // none was ever taken, and PostgreSQL would not even look
	}
	x, found, err := c.Reads.WithdrawalByForeignID(c.ctx(), c.who.merchant, foreign)
	if err != nil {
		return 0, unavailable(err)
	}
	if !found {
		return 0, errNoWithdrawal
	}
	c.objects().withdrawal(x)
	return http.StatusOK, nil
}

func listWithdrawals(c *call) (int, error) {
	q := c.query()
	var states []string
	for _, s := range withdrawal.States {
		states = append(states, string(s))
	}
	f := withdrawal.Filter{
		Shard: c.who.merchant.Shard, Merchant: c.who.merchant.Seq, Account: q.account(c), State: withdrawal.State(q.choice("state", states...)),
		Currency: q.choice("currency", c.Assets.Codes()...), CreatedFrom: q.time("created_from"), CreatedTo: q.time("created_to"),
	}
	foreign := q.text("foreign_id")
	p, err := q.page(c.route.pattern)
	if err != nil {
		return 0, err
	}
	f.Before, f.Limit = p.before, p.limit+1
	var rows []withdrawal.Withdrawal
	if foreign != "" {
		rows, err = c.byForeignID(foreign, f)
	} else {
		rows, err = c.Reads.Withdrawals(c.ctx(), f)
	}
	if err != nil {
		return 0, unavailable(err)
	}
	return list(c, p, rows, func(x withdrawal.Withdrawal) id.Seq { return x.Seq }, objects.withdrawal)
}

// byForeignID is the list of at most one withdrawal that has the merchant's own id
// and passes the other filters too.
func (c *call) byForeignID(foreign string, f withdrawal.Filter) ([]withdrawal.Withdrawal, error) {
	x, found, err := c.Reads.WithdrawalByForeignID(c.ctx(), c.who.merchant, foreign)
	if err != nil || !found || f.Before != 0 && x.Seq >= f.Before ||
		f.Account != 0 && x.Account != f.Account || f.State != "" && x.State != f.State || f.Currency != "" && x.Currency != f.Currency ||
		x.CreatedAt.Before(f.CreatedFrom) || !f.CreatedTo.IsZero() && !x.CreatedAt.Before(f.CreatedTo) {
		return nil, err
	}
	return []withdrawal.Withdrawal{x}, nil
}

func cancelWithdrawal(c *call) (int, error) {
	o := c.doc.body()
	reason := o.optional("reason")
	o.end()
	if len(reason) > 500 {
		c.doc.wrong("invalid_reason", "reason", "a reason has at most 500 bytes")
	}
	if err := c.doc.err(); err != nil {
		return 0, err
	}
	at, err := c.id(id.Withdrawal, errNoWithdrawal)
	if err != nil {
		return 0, err
	}
	out, err := submit(c, withdrawal.NewCancel(c.who.merchant.Seq, at.Seq, c.who.actor, reason))
	if err != nil {
		return 0, err
	}
	// A cancelled withdrawal never changes, so a repeat is answered from the row.
	x := out.Result
	if out.Replayed {
		if x, err = one(c.Reads.Withdrawal(c.ctx(), c.at(out.Answer.Ref))); err != nil {
			return 0, err
		}
	}
	c.objects().withdrawal(x)
	return http.StatusOK, nil
}

// getTimeline tells a withdrawal's life: what happened and which money moved, in order.
func getTimeline(c *call) (int, error) {
	x, err := c.ownWithdrawal()
	if err != nil {
		return 0, err
	}
	events, err := c.Reads.EventsOf(c.ctx(), c.at(x.Seq))
	if err != nil {
		return 0, unavailable(err)
	}
	transfers, err := c.Reads.TransfersOf(c.ctx(), c.at(x.Seq))
	if err != nil {
		return 0, unavailable(err)
	}
	o := c.objects()
	o.open()
	o.plain("object", "timeline")
	o.key("withdrawal")
	o.withdrawal(x)
	o.list("entries")
	for _, e := range events {
		if err := o.happened(x, e); err != nil {
			return 0, err
		}
		// What moved in the commit of an event stands below it. One commit may hold
		// several events of a withdrawal; the first of them takes the transfers.
		transfers = slices.DeleteFunc(transfers, func(t ledger.Transfer) bool {
			if t.At.After(e.At) {
				return false
			}
			o.open()
			o.time("at", t.At)
			o.plain("kind", "transfer")
			o.key("transfer")
			o.transfer(t)
			o.close()
			return true
		})
	}
	o.endList()
	o.close()
	return http.StatusOK, nil
}

// happened writes an event of a timeline: what a person wants to know at a glance.
func (o objects) happened(x withdrawal.Withdrawal, e event.Event) error {
	then, err := x.At(e)
	if err != nil {
		return err
	}
	o.open()
	o.time("at", e.At)
	o.plain("kind", "event")
	o.plain("id", event.MessageID(o.shard, e.Seq))
	o.plain("type", string(e.Type))
	o.text("text", describe(e.Type))
	o.plain("state", e.State)
	o.maybe("stage", stage(then))
	o.maybe("txid", then.TxID)
	o.maybe("attention", then.Attention)
	reason := e.Reason
	if then.Attention != "" {
		reason = waiting.ToMerchant(then.Attention, reason)
	}
	o.maybe("reason", reason)
	o.maybe("actor", e.Actor)
	o.close()
	return nil
}

// describe is the line of the catalogue about a type.
func describe(t event.Type) string {
	for _, k := range event.All {
		if k.Type == t {
			return k.Text
		}
	}
	return ""
}
