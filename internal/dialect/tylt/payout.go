package tylt

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/json"
	"sluice/internal/ledger/account"
	"sluice/internal/money"
	"sluice/internal/pricing/fx"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal"
	"sluice/internal/withdrawal/intake"
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

// payoutRequest is a payout as a client asks for it.
type payoutRequest struct {
	decimal  string
	settled  bool   // it is in the settled currency
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
	o := intake.Order{Merchant: c.Merchant, Account: own.Seq, ForeignID: x.foreign, From: x.way.asset, To: x.way.asset, Target: target, Origin: Name, Actor: c.Actor}
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
	if err := d.payout(w, c.Credential, c.Merchant.Shard, made); err != nil {
		return err
	}
	w.Close()
	return nil
}

// payoutRequest reads the request, in either of the vendor's forms.
func (d *Dialect) wish(c *call) (x payoutRequest, err error) {
	f := c.fields
	x.kept = map[string]string{keptKey: c.Key()}
	if err = x.amount(f); err != nil {
		return x, err
	}
	to, err := destinationOf(f)
	if err != nil {
		return x, err
	}
	var settled string
	for _, t := range []struct {
		name   string
		into   *string
		most   int
		needed bool
	}{
		{"settledCurrency", &settled, symbolMax, true},
		{"baseCurrency", &x.base, symbolMax, false},
		{"merchantOrderId", &x.foreign, account.MaxText, false},
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
	var ok bool
	if x.way, ok = d.way(settled, to.network); !ok {
		return x, errCombination
	}
	if x.address = to.address; d.Desk.Tagged(x.way.network, x.way.asset.Code) {
		x.tag = to.tag // elsewhere it means nothing
	}
	if x.base = strings.ToUpper(x.base); x.base == x.way.asset.Code || x.settled {
		x.base = ""
	}
	if x.callback != "" && !strings.Contains(x.callback, "://") {
		x.callback = "https://" + x.callback // as the vendor's own sample has it
	}
	if x.callback != "" && webhook.CheckURL(x.callback, d.AllowHTTP, d.Ranges...) != nil {
		return x, invalid("callBackUrl")
	}
	return x, x.notes(f)
}

// amount reads how much: baseAmount, or settledAmount, which is in the settled currency
// whatever baseCurrency says. Both must not say two things.
func (x *payoutRequest) amount(f fields) (err error) {
	if !f.has("settledAmount") {
		x.decimal, err = f.decimal("baseAmount")
		return err
	}
	if x.decimal, err = f.decimal("settledAmount"); err != nil {
		return err
	}
	x.settled = true
	if !f.has("baseAmount") {
		return nil
	}
	base, err := f.decimal("baseAmount")
	if err == nil && base != x.decimal {
		// The older member decides, together with its currency: the other one is what the
		// client reckons that to be.
		if named, _ := f.text("baseCurrency", symbolMax); named == "" || strings.EqualFold(named, f.Get("settledCurrency").Text()) {
			return invalid("settledAmount")
		}
		x.decimal, x.settled = base, false
	}
	return err
}

// destination is where a payout goes, as a client writes it.
type destination struct{ address, network, tag string }

// Names under which destinationDetails has what stands beside it in the older form.
var (
	namesOfAddress = []string{"address", "walletAddress", "toAddress", "destinationAddress"}
	namesOfNetwork = []string{"networkSymbol", "network"}
	namesOfTag     = []string{"tag", "memo", "destinationTag"}
)

// destinationOf reads where to: members of the request, of destinationDetails, or of both
// where they say the same.
func destinationOf(f fields) (out destination, err error) {
	details := fields{f.Get("destinationDetails")}
	if v := details.Value; v.Exists() && v.Kind() == json.String {
		out.address, details = v.Text(), fields{} // the address alone
	}
	for _, m := range []struct {
		into  *string
		name  string
		inner []string
		most  int
	}{
		{&out.address, "address", namesOfAddress, addressMax},
		{&out.network, "networkSymbol", namesOfNetwork, symbolMax},
		{&out.tag, "tag", namesOfTag, addressMax},
	} {
		outer, err := f.text(m.name, m.most)
		if err != nil {
			return out, err
		}
		for _, name := range m.inner {
			inner, err := details.text(name, m.most)
			if err != nil {
				return out, invalid("destinationDetails")
			}
			if *m.into == "" {
				*m.into = inner
			}
		}
		if *m.into != "" && outer != "" && *m.into != outer {
			return out, invalid("destinationDetails") // two places, and one of them is wrong
		}
		if outer != "" {
			*m.into = outer
		}
	}
	switch {
	case out.address == "":
		return out, required("address")
	case out.network == "":
		return out, required("networkSymbol")
	case len(out.address) > addressMax || strings.ContainsFunc(out.address, unreadable):
		return out, invalid("address")
	}
	return out, nil
}

// notes reads what is kept for people. Who is paid must be kept whole.
func (x *payoutRequest) notes(f fields) error {
	x.kept[keptCallback] = x.callback
	x.kept[keptCustomer], x.kept[keptComments] = f.note("customerName", nameMax), f.note("comments", commentsMax)
	if back := f.note("redirectUrl", urlMax+1); len(back) <= urlMax {
		x.kept[keptRedirect] = back
	}
	if x.kept[keptPayee] = f.note("payeeDetails", payeeMax+1); len(x.kept[keptPayee]) > payeeMax {
		return invalid("payeeDetails")
	}
	if v := f.Get("payeeDetails"); v.Kind() != json.String && v.Len() == 0 {
		delete(x.kept, keptPayee) // {} and [] say nothing
	}
	return nil
}

// price says in the order which balance pays how much. problem is why there is no
// price: whoever repeats a request that was accepted is told that first.
func (d *Dialect) price(c *call, x payoutRequest, o *intake.Order) (problem, err error) {
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

// metadata writes what is kept with a payout. Where there is too much of it, comments are
// cut first.
func metadata(kept map[string]string) (string, error) {
	for {
		w := &json.Writer{}
		w.Open()
		for _, name := range slices.Sorted(maps.Keys(kept)) {
			if kept[name] != "" {
				w.Text(name, kept[name])
			}
		}
		text := string(w.Close().Bytes())
		over := len(text) - withdrawal.MaxMetadata
		switch {
		case over <= 0:
			return text, nil
		case kept[keptComments] != "":
			kept[keptComments] = cut(kept[keptComments], max(len(kept[keptComments])-over, 0))
		case kept[keptRedirect] != "":
			delete(kept, keptRedirect)
		default:
			return "", invalid("payeeDetails")
		}
	}
}

// submit hands the command over, with the client's idempotency key if it has one.
func (d *Dialect) submit(c *call, cmd withdrawal.Create) (withdrawal.Withdrawal, error) {
	req := commit.Request[withdrawal.Withdrawal]{Command: cmd}
	if key := c.r.Header.Get("Idempotency-Key"); key != "" {
		if len(key) > account.MaxText || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return withdrawal.Withdrawal{}, invalid("Idempotency-Key")
		}
		req.Key = commit.Key{Merchant: c.Merchant.Seq, Route: "POST " + base + "createPayoutRequest", Key: key}
		req.Fingerprint = commit.Fingerprint(c.said())
	}
	out, err := commit.Submit(c.ctx(), d.Loop, c.Merchant.Shard, req)
	if err != nil {
		return withdrawal.Withdrawal{}, err
	}
	c.replayed = out.Replayed
	if !out.Replayed {
		return out.Result, nil
	}
	x, found, err := d.Reads.Withdrawal(c.ctx(), id.ID{Shard: c.Merchant.Shard, Seq: out.Answer.Ref})
	if err == nil && !found {
		err = errors.New("the withdrawal of a repeated request is not there")
	}
	return x.AsCreated(), err
}

// said is what a request says, without what two ways of writing the same may differ in.
func (c *call) said() []byte { return c.fields.Canonical(nil) }

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
		out, err := commit.Submit(c.ctx(), d.Loop, c.Merchant.Shard, commit.Request[webhook.Endpoint]{
			Command:     webhook.CreateEndpoint{Merchant: c.Merchant.Seq, Types: []string{"*"}, Format: Name, Description: "callBackUrl of payouts", Limit: d.EndpointsMax, Actor: c.Actor},
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
