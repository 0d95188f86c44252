package coinspaid

import (
	std "encoding/json"
	"maps"
	"net/http"
	"slices"

	"sluice/internal/commit"
	"sluice/internal/dialect/alias"
	"sluice/internal/json"
	"sluice/internal/ledger/account"
	"sluice/internal/money"
	"sluice/internal/pricing/fx"
	"sluice/internal/withdrawal"
	"sluice/internal/withdrawal/intake"
)

// payout is a withdrawal as the wire asks for it.
type payout struct {
	kind     string
	foreign  string
	from, to code
	form     fx.Form
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
	r := c.req
	p := payout{kind: kindWithdrawal, from: d.required(c, "currency"), to: d.optional(c, "convert_to")}
	blame := asked{"amount", "convert_to"}
	if p.to.Code == "" || p.to.Code == p.from.Code {
		p.to, blame.exchange = p.from, "currency"
	} else {
		p.kind = kindWithdrawalSwap
	}
	switch {
	case r.has("amount") && r.has("amount_to"):
		r.wrong("amount_to", "The amount to field must not be given together with amount.")
	case r.has("amount_to"):
		blame.amount = "amount_to"
		p.form, p.amount = fx.ReceiveForm, r.amount("amount_to", p.to.Asset)
	case r.has("amount"):
		p.form, p.amount = fx.SendForm, r.amount("amount", p.from.Asset)
	default:
		r.wrong("amount", "The amount field is required.")
	}
	return d.pay(c, p, blame)
}

// instant accepts a payout that the vendor makes with priority. Here every payout goes as
// fast as its network lets it.
func (d *Dialect) instant(c *call) (int, []byte, error) {
	from := d.required(c, "sender_currency")
	return d.pay(c, d.instantly(c, payout{kind: kindInstant, from: from, to: from}), asked{"sender_amount", "sender_currency"})
}

// instantExchange is the same with an exchange on the way.
func (d *Dialect) instantExchange(c *call) (int, []byte, error) {
	p := payout{kind: kindInstantExchange, from: d.required(c, "sender_currency"), to: d.required(c, "receiver_currency")}
	if p.from.Code != "" && p.from.Code == p.to.Code {
		c.req.wrong("receiver_currency", textPair)
	}
	return d.pay(c, d.instantly(c, p), asked{"sender_amount", "receiver_currency"})
}

func (d *Dialect) instantly(c *call, p payout) payout {
	if p.form = fx.SendForm; c.req.has("sender_amount") {
		p.amount = c.req.amount("sender_amount", p.from.Asset)
	} else {
		c.req.wrong("sender_amount", "The sender amount field is required.")
	}
	return p
}

// pay reads what all payouts have, and accepts one.
func (d *Dialect) pay(c *call, p payout, blame asked) (int, []byte, error) {
	r := c.req
	p.foreign, p.address, p.tag = r.text("foreign_id", true, textMax), r.text("address", true, addressMax), r.text("tag", false, addressMax)
	if p.to.Asset.Code != "" && p.to.Network == "" {
		r.wrong(blame.exchange, "The selected "+words(blame.exchange)+" is invalid.")
	}
	p.metadata = d.parties(c)
	if len(r.errors) > 0 {
		return 0, nil, fields(http.StatusBadRequest, r.errors...)
	}
	own, err := d.keys.Own(c.ctx(), c.Merchant)
	if err != nil {
		return 0, nil, refused(err, blame)
	}
	if !d.Desk.Tagged(p.to.Network, p.to.Asset.Code) {
		p.tag = "" // it means nothing there
	}
	target, err := d.Desk.Target(c.ctx(), p.to.Asset, p.to.Network, p.address, p.tag)
	if err != nil {
		return 0, nil, refused(err, blame)
	}
	cmd := d.Desk.Withdrawal(c.ctx(), intake.Order{
		Merchant: c.Merchant, Account: own.Seq, ForeignID: p.foreign, From: p.from.Asset, To: p.to.Asset, Form: p.form, Amount: p.amount,
		Target: target, Metadata: p.metadata, Origin: Name, Actor: c.Actor,
	})
	kind := asking{p.kind, p.from.Code, p.to.Code}
	made, err := commit.Do(c.ctx(), d.Loop, c.Merchant.Shard, alias.Numbered[withdrawal.Withdrawal]{Command: cmd, Merchant: c.Merchant.Seq, Wire: Name, Kind: kind.String()})
	if err != nil {
		return 0, nil, refused(err, blame)
	}
	x := payment{made.Value, kind, made.Number}
	return http.StatusCreated, d.made(x, c.Credential.Option("generation") == "old"), nil
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
	w := &json.Writer{}
	w.Open()
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		w.Text(name, kept[name])
	}
	return string(w.Close().Bytes())
}

// made is the answer to a payout that was accepted.
func (d *Dialect) made(p payment, old bool) []byte {
	w := &json.Writer{}
	w.Open().Key("data").Open().Int("id", p.number).Text("foreign_id", p.ForeignID)
	if ref := reference(p.Withdrawal); ref != "" && !old {
		w.Text("end_user_reference", ref)
	}
	sent, received := eightPlaces(d.Assets()[p.Currency], p.Amount, false), eightPlaces(d.Assets()[p.ReceiveCurrency], p.Receive, false)
	w.Text("type", p.kind).Text("status", "processing").Text("amount", sent).Text("sender_amount", sent).Text("sender_currency", p.sender)
	if old {
		w.Text("receiver_amount", received).Text("receiver_currency", p.receiver)
	} else {
		w.Text("receiver_currency", p.receiver).Text("receiver_amount", received)
	}
	w.Close().Close()
	return w.Bytes()
}

// reference is the pseudonym of the user, if one was given.
func reference(x withdrawal.Withdrawal) string {
	var kept map[string]string
	if x.Metadata == "" || std.Unmarshal([]byte(x.Metadata), &kept) != nil {
		return ""
	}
	return kept["end_user_reference"]
}
