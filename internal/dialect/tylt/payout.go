package tylt

import (
	"encoding/json"
	"errors"
	"strings"

	"sluice/internal/account"
	"sluice/internal/commit"
	"sluice/internal/fx"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/terms/desk"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal"
)

// Bounds of texts, in bytes. All that is kept with a payout has room in its metadata,
// which is what bounds their sum.
const (
	addressMax  = 500
	urlMax      = 1000
	nameMax     = 200
	commentsMax = 500
	payeeMax    = 1000
	symbolMax   = 20
)

// wish is a payout as a client asks for it.
type wish struct {
	decimal  string
	base     string // "" where it is what is paid out
	way      way
	address  string
	tag      string
	foreign  string // "" for none
	callback string
	kept     map[string]string
}

// create accepts a payout.
func (d *Dialect) create(c *call, w *writer) error {
	x, err := d.wish(c)
	if err != nil {
		return err
	}
	own, err := d.keys.Own(c.ctx(), c.Merchant)
	if err != nil {
		return err
	}
	target, err := d.Desk.Target(c.ctx(), x.way.asset, x.way.network, x.address, x.tag)
	if err != nil {
		return err
	}
	o := desk.Order{Merchant: c.Merchant, Account: own.Seq, ForeignID: x.foreign, From: x.way.asset, To: x.way.asset, Target: target, Actor: c.Actor}
	problem, err := d.price(c, x, &o)
	if err != nil {
		return err
	}
	if o.Metadata, err = metadata(x.kept); err != nil {
		return err
	}
	if x.callback != "" {
		if err := d.tell(c); err != nil {
			return err
		}
	}
	cmd := d.Desk.Withdrawal(c.ctx(), o)
	cmd.Unnamed = x.foreign == ""
	if problem != nil {
		cmd.Problem = problem
	}
	made, err := d.submit(c, cmd)
	if err != nil {
		return err
	}
	if err := d.payout(w, c.Merchant.Shard, made); err != nil {
		return err
	}
	w.close()
	return nil
}

// wish reads the request.
func (d *Dialect) wish(c *call) (x wish, err error) {
	f := c.fields
	x.kept = map[string]string{keptKey: c.Key()}
	if x.decimal, err = f.decimal("baseAmount"); err != nil {
		return x, err
	}
	var settled, symbol string
	for _, t := range []struct {
		name   string
		into   *string
		most   int
		needed bool
	}{
		{"address", &x.address, addressMax, true},
		{"settledCurrency", &settled, symbolMax, true},
		{"networkSymbol", &symbol, symbolMax, true},
		{"baseCurrency", &x.base, symbolMax, false},
		{"merchantOrderId", &x.foreign, account.MaxText, false},
		{"tag", &x.tag, addressMax, false},
		{"callBackUrl", &x.callback, urlMax, false},
	} {
		if *t.into, err = f.text(t.name, t.most); err != nil {
			return x, err
		}
		if t.needed && *t.into == "" {
			return x, required(t.name)
		}
	}
	if strings.ContainsFunc(x.foreign, func(c rune) bool { return c < ' ' }) {
		return x, invalid("merchantOrderId")
	}
	for name, keep := range map[string]struct {
		as   string
		most int
	}{"customerName": {keptCustomer, nameMax}, "comments": {keptComments, commentsMax}, "redirectUrl": {keptRedirect, urlMax}} {
		if x.kept[keep.as], err = f.text(name, keep.most); err != nil {
			return x, err
		}
	}
	if x.kept[keptPayee], err = f.object("payeeDetails", payeeMax); err != nil {
		return x, err
	}
	var ok bool
	if x.way, ok = d.way(settled, symbol); !ok {
		return x, errCombination
	}
	if x.base = strings.ToUpper(x.base); x.base == x.way.asset.Code {
		x.base = ""
	}
	if x.callback != "" && webhook.CheckURL(x.callback, d.AllowHTTP) != nil {
		return x, invalid("callBackUrl")
	}
	x.kept[keptCallback] = x.callback
	return x, nil
}

// price says in the order which balance pays how much. problem is why there is no
// price: whoever repeats a request that was accepted is told that first.
func (d *Dialect) price(c *call, x wish, o *desk.Order) (problem, err error) {
	if x.base == "" {
		o.Amount, err = within(x.way.asset, x.decimal, "baseAmount")
		return nil, err
	}
	from, known := d.Assets()[x.base]
	if !known {
		return nil, errConversion
	}
	amount, err := within(from, x.decimal, "baseAmount")
	if err != nil {
		return nil, err
	}
	if c.Credential.Option("base") != "price" {
		o.From, o.Amount = from, amount
		return nil, nil
	}
	x.kept[keptBase] = x.decimal + " " + x.base
	pair, market, err := d.Desk.Terms.Price(from, x.way.asset)
	var deal fx.Deal
	if err == nil {
		deal, err = pair.Send(market, amount)
	}
	o.Amount = deal.Receive
	if o.Amount.IsZero() {
		o.Amount = money.Of(1) // there is a problem, which the command tells
	}
	return err, nil
}

// metadata writes what is kept with a payout.
func metadata(kept map[string]string) (string, error) {
	for k, v := range kept {
		if v == "" {
			delete(kept, k)
		}
	}
	b, err := json.Marshal(kept)
	if err != nil {
		return "", err
	}
	if len(b) > withdrawal.MaxMetadata {
		return "", &refusal{400, 1010, "comments is invalid: with names, URLs and payeeDetails there is too much text"}
	}
	return string(b), nil
}

// submit hands the command over, with the client's idempotency key if it has one.
func (d *Dialect) submit(c *call, cmd withdrawal.Create) (withdrawal.Withdrawal, error) {
	req := commit.Request{Command: cmd}
	if key := c.r.Header.Get("Idempotency-Key"); key != "" {
		if len(key) > account.MaxText || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return withdrawal.Withdrawal{}, invalid("Idempotency-Key")
		}
		req.Key = commit.Key{Merchant: c.Merchant.Seq, Route: "POST " + base + "createPayoutRequest", Key: key}
		req.Fingerprint = commit.Fingerprint(c.said())
	}
	out, err := d.Loop.Submit(c.ctx(), c.Merchant.Shard, req)
	if err != nil {
		return withdrawal.Withdrawal{}, err
	}
	c.replayed = out.Replayed
	if x, ok := out.Result.(withdrawal.Withdrawal); ok {
		return x, nil
	}
	x, found, err := d.Reads.Withdrawal(c.ctx(), id.ID{Shard: c.Merchant.Shard, Seq: out.Answer.Ref})
	if err == nil && !found {
		err = errors.New("the withdrawal of a repeated request is not there")
	}
	return x.AsCreated(), err
}

// said is the body without what two ways of writing the same may differ in.
func (c *call) said() []byte {
	if v, err := parse(c.body); err == nil {
		return v.text()
	}
	return c.body
}

// toldFor is how long it is believed that a merchant's own callback URLs are told.
const toldFor = askEvery

// tell makes sure that there is an endpoint for payouts that bring their own callback
// URL: one of this format without a URL. A chain of idempotency keys keeps it at one,
// however many requests and processes find none at the same time.
func (d *Dialect) tell(c *call) error {
	now := d.Now()
	d.mu.Lock()
	until, ok := d.told[c.Merchant]
	d.mu.Unlock()
	if ok && now.Before(until) {
		return nil
	}
	all, err := d.Reads.Endpoints(c.ctx(), c.Merchant)
	if err != nil {
		return err
	}
	live := map[id.Seq]bool{}
	found := false
	for _, e := range all {
		live[e.Seq] = true
		found = found || e.Format == Name && e.URL == ""
	}
	for after := "first"; !found; {
		out, err := d.Loop.Submit(c.ctx(), c.Merchant.Shard, commit.Request{
			Command:     webhook.CreateEndpoint{Merchant: c.Merchant.Seq, Types: []string{"*"}, Format: Name, Description: "callBackUrl of payouts", Actor: c.Actor},
			Key:         commit.Key{Merchant: c.Merchant.Seq, Route: Name + " callbacks", Key: after},
			Fingerprint: commit.Fingerprint([]byte(after)),
		})
		if err != nil {
			return err
		}
		// One that was made before and is gone by now was deleted: go on from it.
		gone := out.Replayed && !live[out.Answer.Ref]
		if gone {
			if gone, err = d.deleted(c, out.Answer.Ref); err != nil {
				return err
			}
		}
		found = !gone
		after = id.ID{Shard: c.Merchant.Shard, Seq: out.Answer.Ref}.Text(id.Endpoint)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.told) >= askKeys {
		clear(d.told)
	}
	d.told[c.Merchant] = now.Add(toldFor)
	return nil
}

// deleted tells whether an endpoint is no longer there; one that was just made by
// another request is.
func (d *Dialect) deleted(c *call, at id.Seq) (bool, error) {
	all, err := d.Reads.Endpoints(c.ctx(), c.Merchant)
	for _, e := range all {
		if e.Seq == at && e.URL == "" {
			return false, err
		}
	}
	return true, err
}
