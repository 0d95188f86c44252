package api

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/merchant"
	"sluice/internal/webhook"
)

// reads tells whether a route only shows what a merchant has. Then the operator may look
// as well, at any merchant's.
func (rt route) reads() bool {
	return strings.HasPrefix(rt.pattern, http.MethodGet+" ") && rt.scope != "" && rt.scope != merchant.Operate
}

// operator tells whether the key is one of the operator's.
func (w *caller) operator() bool { return w.key.Owner.IsZero() }

// may tells whether the key may do what a route does, and for whom. The scope operator
// holds every right to read.
func (c *call) may(rt route) error {
	missing := func(s merchant.Scope) error {
		return fault.New(fault.Forbidden, "missing_scope", "this API key may not do this: it needs the scope %s", s).With("scope", string(s))
	}
	switch {
	case rt.operators && !c.who.operator():
		return missing(merchant.Operate)
	case rt.scope == "" || c.who.scopes[rt.scope] || rt.reads() && c.who.scopes[merchant.Operate]:
		return c.lookAt(rt)
	default:
		return missing(rt.scope)
	}
}

// lookAt finds out whose things a request is about: the caller's own, or for an operator
// those of the merchant in the path or in ?merchant=, or of whoever has the id in the path.
func (c *call) lookAt(rt route) error {
	if !rt.reads() {
		return nil
	}
	named := c.r.PathValue("merchant")
	if !c.who.operator() {
		if named != "" && named != c.who.merchant.Text(id.Merchant) {
			return errAnyMerchant
		}
		return nil
	}
	if named == "" {
		named = c.r.URL.Query().Get("merchant")
	}
	who := *c.who // the caller is shared by its requests
	switch {
	case named != "":
		at, err := c.merchantAt(named)
		if err != nil {
			return err
		}
		who.merchant = at
	case strings.Contains(rt.pattern, "{id}"):
		who.anyone = true
	case !rt.operators:
		return fault.Bad("merchant_required", "merchant", "name the merchant to look at: ?merchant=mer_..., or the path under /v1/merchants/mer_...; GET /v1/merchants lists them")
	}
	c.who = &who
	return nil
}

// owns tells whether the caller may see what belongs to a merchant of its shard.
func (c *call) owns(m id.Seq) bool { return c.who.anyone || m == c.who.merchant.Seq }

// reaches tells whether a row of a shard may be the caller's. An operator who named no
// merchant looks at the shard of the row.
func (c *call) reaches(shard id.Shard) bool {
	if c.who.anyone {
		c.who.merchant.Shard = shard
	}
	return shard == c.who.merchant.Shard
}

var errAnyMerchant = fault.New(fault.NotFound, "merchant_not_found", "no such merchant")

// merchantAt finds a merchant of whichever shard.
func (c *call) merchantAt(text string) (id.ID, error) {
	at, err := id.Parse(id.Merchant, text)
	if err != nil {
		return at, errAnyMerchant
	}
	_, found, err := maybe(c.Reads.Merchant(c.ctx(), at))
	if err == nil && !found {
		err = errAnyMerchant
	}
	return at, err
}

// placed is a merchant with its shard.
type placed struct {
	merchant.Merchant
	shard id.Shard
}

// listMerchants lists the merchants of all shards, newest first. Numbers of different shards
// may be equal: a page ends between two different ones, and may be longer for that.
func listMerchants(c *call) (int, error) {
	q := c.query()
	p, err := q.page(c.route.pattern)
	if err != nil {
		return 0, err
	}
	var rows []placed
	for n := range c.Reads.Shards() {
		some, err := c.Reads.Merchants(c.ctx(), id.Shard(n), p.before, p.limit+1)
		if err != nil {
			return 0, unavailable(err)
		}
		for _, m := range some {
			rows = append(rows, placed{m, id.Shard(n)})
		}
	}
	slices.SortFunc(rows, func(a, b placed) int { return cmp.Or(cmp.Compare(b.Seq, a.Seq), cmp.Compare(a.shard, b.shard)) })
	for p.limit < len(rows) && rows[p.limit].Seq == rows[p.limit-1].Seq {
		p.limit++
	}
	return list(c, p, rows, func(m placed) id.Seq { return m.Seq }, func(o objects, m placed) {
		o.shard = m.shard
		o.merchant(m.Merchant)
	})
}

// listMerchantBalances lists the balances of all accounts of a merchant; a page is one of accounts.
func listMerchantBalances(c *call) (int, error) {
	q := c.query()
	p, err := q.page(c.route.pattern)
	if err != nil {
		return 0, err
	}
	accounts, err := c.Reads.Accounts(c.ctx(), c.who.merchant, p.before, p.limit+1)
	if err != nil {
		return 0, unavailable(err)
	}
	balances := map[id.Seq][]ledger.Balance{}
	for _, a := range accounts {
		if balances[a.Seq], err = c.Reads.Balances(c.ctx(), c.at(a.Seq)); err != nil {
			return 0, unavailable(err)
		}
	}
	return list(c, p, accounts, func(a ledger.Account) id.Seq { return a.Seq }, func(o objects, a ledger.Account) {
		for _, b := range balances[a.Seq] {
			o.balance(b)
		}
	})
}

// listMerchantDeliveries lists what was sent to all endpoints of a merchant, newest first.
func listMerchantDeliveries(c *call) (int, error) {
	q := c.query()
	state := q.deliveryState()
	p, err := q.page(c.r.URL.Path)
	if err != nil {
		return 0, err
	}
	endpoints, err := c.Reads.Endpoints(c.ctx(), c.who.merchant)
	if err != nil {
		return 0, unavailable(err)
	}
	var rows []webhook.Delivery
	for _, e := range endpoints {
		some, err := c.Reads.Deliveries(c.ctx(), c.at(e.Seq), state, p.before, p.limit+1)
		if err != nil {
			return 0, unavailable(err)
		}
		rows = append(rows, some...)
	}
	slices.SortFunc(rows, func(a, b webhook.Delivery) int { return cmp.Compare(b.Seq, a.Seq) })
	return list(c, p, rows, func(d webhook.Delivery) id.Seq { return d.Seq }, objects.delivery)
}
