package coinspaid

import (
	"bytes"
	"encoding/json"
	"net/http"

	"sluice/internal/account"
	"sluice/internal/alias"
	"sluice/internal/fx"
	"sluice/internal/money"
	"sluice/internal/terms/desk"
	"sluice/internal/withdrawal"
)

// The kinds of rows that have numbers on this wire.
const (
	kindWithdrawal = "withdrawal"
	kindExchange   = "exchange"
)

// payout is a withdrawal as the wire asks for it.
type payout struct {
	foreign  string
	from, to code
	form     fx.Form
	field    string // that the amount stands in
	amount   money.Amount
	address  string
	tag      string
	metadata string
}

// Bounds of texts.
const (
	textMax    = account.MaxText
	addressMax = 500
	dataMax    = 500 // of what is kept of the parties, each
)

// withdraw accepts a payout, with or without an exchange on the way.
func (d *Dialect) withdraw(c *call) (int, []byte, error) {
	p := d.payout(c)
	if len(c.req.errors) > 0 {
		return 0, nil, fields(http.StatusBadRequest, c.req.errors...)
	}
	blame := asked{p.field, "convert_to"}
	if p.from.Asset.Code == p.to.Asset.Code {
		blame.exchange = "currency"
	}
	own, err := d.keys.Own(c.ctx(), c.Merchant)
	if err != nil {
		return 0, nil, refused(err, blame)
	}
	target, err := d.Desk.Target(c.ctx(), p.to.Asset, p.to.Network, p.address, p.tag)
	if err != nil {
		return 0, nil, refused(err, blame)
	}
	cmd := d.Desk.Withdrawal(c.ctx(), desk.Order{
		Merchant: c.Merchant, Account: own.Seq, ForeignID: p.foreign, From: p.from.Asset, To: p.to.Asset, Form: p.form, Amount: p.amount,
		Target: target, Metadata: p.metadata, Actor: c.Actor,
	})
	out, err := d.Submit(c.ctx(), c.Party, alias.Numbered{Command: cmd, Merchant: c.Merchant.Seq, Wire: Name, Kind: kindWithdrawal})
	if err != nil {
		return 0, nil, refused(err, blame)
	}
	made := out.(alias.Result)                                                                 //nolint:errcheck // what Numbered gives
	return http.StatusCreated, d.made(c, made.Value.(withdrawal.Withdrawal), made.Number), nil //nolint:errcheck // what Create gives
}

// payout reads the request. What is wrong is noted in it.
func (d *Dialect) payout(c *call) payout {
	r := c.req
	p := payout{foreign: r.text("foreign_id", true, textMax)}
	p.from = d.required(c, "currency")
	p.to = d.optional(c, "convert_to")
	if p.to.Code == "" {
		p.to = p.from
	}
	if p.to.Asset.Code != "" && p.to.Network == "" {
		field := "currency"
		if r.has("convert_to") {
			field = "convert_to"
		}
		r.wrong(field, "The selected "+words(field)+" is invalid.")
	}
	switch {
	case r.has("amount") && r.has("amount_to"):
		r.wrong("amount_to", "The amount to field must not be given together with amount.")
	case r.has("amount_to"):
		p.form, p.field, p.amount = fx.ReceiveForm, "amount_to", r.amount("amount_to", p.to.Asset)
	case r.has("amount"):
		p.form, p.field, p.amount = fx.SendForm, "amount", r.amount("amount", p.from.Asset)
	default:
		r.wrong("amount", "The amount field is required.")
	}
	p.address, p.tag = r.text("address", true, addressMax), r.text("tag", false, addressMax)
	p.metadata = d.parties(c)
	return p
}

// parties reads who sends and who receives; it is kept with the withdrawal.
func (d *Dialect) parties(c *call) string {
	r, kept := c.req, map[string]string{}
	strict := c.Credential.Option("require_parties") == "on"
	for _, field := range []string{"end_user_reference", "sender_type", "receiver_type"} {
		if s := r.text(field, strict, textMax); s != "" {
			kept[field] = s
		}
	}
	for _, side := range []string{"sender", "receiver"} {
		kind, field := kept[side+"_type"], side+"_data"
		if kind != "" && kind != "legal" && kind != "natural" && (kind != "self" || side == "sender") {
			r.wrong(side+"_type", "The selected "+side+" type is invalid.")
		}
		s := r.object(field)
		switch {
		case len(s) > dataMax:
			r.wrong(field, "The "+words(field)+" is too large.")
		case s != "":
			kept[field] = s
		case strict && (kind == "legal" || kind == "natural"):
			r.wrong(field, "The "+words(field)+" field is required.")
		}
	}
	if len(kept) == 0 {
		return ""
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(kept) // texts: cannot fail
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// made is the answer to a payout that was accepted.
func (d *Dialect) made(c *call, x withdrawal.Withdrawal, number int64) []byte {
	from, to := d.Assets()[x.Currency], d.Assets()[x.ReceiveCurrency]
	sender, receiver := d.sides(x)
	w := &writer{}
	w.open().key("data").open().number("id", number).text("foreign_id", x.ForeignID)
	old := c.Credential.Option("generation") == "old"
	if ref := reference(x); ref != "" && !old {
		w.text("end_user_reference", ref)
	}
	sent, received := eight(from, x.Amount, false), eight(to, x.Receive, false)
	w.text("type", typeOf(x)).text("status", "processing").text("amount", sent).text("sender_amount", sent).text("sender_currency", sender)
	if old {
		w.text("receiver_amount", received).text("receiver_currency", receiver)
	} else {
		w.text("receiver_currency", receiver).text("receiver_amount", received)
	}
	w.close().close()
	return w.b
}

// sides are the codes of what a withdrawal takes and pays out.
func (d *Dialect) sides(x withdrawal.Withdrawal) (sender, receiver string) {
	receiver = d.named(x.ReceiveCurrency, x.Network)
	if !x.Converted() {
		return receiver, receiver
	}
	return d.named(x.Currency, ""), receiver
}

// reference is the pseudonym of the user, if one was given.
func reference(x withdrawal.Withdrawal) string {
	var kept map[string]string
	if x.Metadata == "" || json.Unmarshal([]byte(x.Metadata), &kept) != nil {
		return ""
	}
	return kept["end_user_reference"]
}

func typeOf(x withdrawal.Withdrawal) string {
	if x.Converted() {
		return "withdrawal_exchange"
	}
	return "withdrawal"
}
