package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/json"
	"sluice/internal/merchant/destination"
	"sluice/internal/money"
	"sluice/internal/rail"
)

// warnTimeout bounds the look at a new destination on its network: it gives hints
// only, and a node that hangs must not hold up requests.
const warnTimeout = time.Second

// target is a destination as a user writes it.
type target struct {
	network, address, tag string
	bank                  *rail.Recipient // instead of an address
}

// checked decodes a target by its rail. Paths in errors are those of target's own fields.
func (c *call) checked(t target, asset money.Asset) (rail.Target, error) {
	if t.bank != nil && asset.On(t.network) {
		return c.recipient(t, asset.Code)
	}
	return c.intake().Target(c.ctx(), asset, t.network, t.address, t.tag)
}

// within puts the fields of a fault below a member of the request.
func within(path string, err error) error {
	f := fault.Of(err)
	if f == nil || len(f.Fields) == 0 {
		return err
	}
	out := *f
	out.Fields = slices.Clone(f.Fields)
	for i := range out.Fields {
		out.Fields[i].Path = json.Join(path, out.Fields[i].Path)
	}
	return &out
}

func createDestination(c *call) (int, error) {
	o := c.doc.body()
	t := c.readTarget(o)
	account := o.id("account", id.Account, false)
	label := o.optional("label")
	confirmed := o.time("confirmed_at")
	o.end()
	asset, known := c.anyAsset(t.network)
	if !known && t.network != "" {
		c.doc.wrong("unknown_network", "network", "%q is not a network of this installation", t.network)
	}
	if err := c.doc.err(); err != nil {
		return 0, err
	}
	if !account.IsZero() && account.Shard != c.who.merchant.Shard {
		return 0, fault.New(fault.NotFound, "account_not_found", "no such account").At("account")
	}
	to, err := c.checked(t, asset)
	if err != nil {
		return 0, err
	}
	out, err := submit(c, destination.Register{
		Merchant: c.who.merchant.Seq, Account: account.Seq, Target: to, Label: label, ConfirmedAt: confirmed, Policy: c.Bank.Policy, Actor: c.who.actor,
	})
	if err != nil {
		if f := fault.Of(err); f.Extra["destination"] != "" {
			c.location = "/v1/destinations/" + f.Extra["destination"]
		}
		return 0, err
	}
	d := out.Result
	if out.Replayed {
		if d, err = one(c.Reads.Destination(c.ctx(), c.at(out.Answer.Ref))); err != nil {
			return 0, err
		}
	}
	c.location = "/v1/destinations/" + c.at(d.Seq).Text(id.Destination)
	ctx, cancel := context.WithTimeout(c.ctx(), warnTimeout)
	defer cancel()
	c.objects().created(d, c.Rails[t.network].Warn(ctx, to))
	return http.StatusCreated, nil
}

// anyAsset is a currency that a network pays out: an address is checked the same
// for all of them, but no rail checks one for none.
func (c *call) anyAsset(network string) (money.Asset, bool) {
	for _, code := range c.Assets.Codes() {
		if a := c.Assets[code]; a.On(network) {
			return a, true
		}
	}
	return money.Asset{}, false
}

var errNoDestination = fault.New(fault.NotFound, "destination_not_found", "no such destination")

func getDestination(c *call) (int, error) {
	at, err := c.id(id.Destination, errNoDestination)
	if err != nil {
		return 0, err
	}
	d, found, err := maybe(c.Reads.Destination(c.ctx(), at))
	if err != nil {
		return 0, err
	}
	if !found || !c.owns(d.Merchant) {
		return 0, errNoDestination
	}
	c.objects().destination(d)
	return http.StatusOK, nil
}

func listDestinations(c *call) (int, error) {
	q := c.query()
	of := q.id("account", id.Account)
	p, err := q.page(c.route.pattern)
	if err != nil {
		return 0, err
	}
	var rows []destination.Destination
	if of.IsZero() {
		rows, err = c.Reads.Destinations(c.ctx(), c.who.merchant, p.before, p.limit+1)
	} else {
		if a, found, err := c.Reads.Account(c.ctx(), of); err != nil || !found || of.Shard != c.who.merchant.Shard || a.Merchant != c.who.merchant.Seq {
			return 0, cmp.Or(unavailable(err), error(errNoAccount))
		}
		rows, err = c.Reads.DestinationsOf(c.ctx(), of, p.before, p.limit+1)
	}
	if err != nil {
		return 0, unavailable(err)
	}
	return list(c, p, rows, func(d destination.Destination) id.Seq { return d.Seq }, objects.destination)
}

func deleteDestination(c *call) (int, error) {
	at, err := c.id(id.Destination, errNoDestination)
	if err != nil {
		return 0, err
	}
	_, err = submit(c, destination.Delete{Merchant: c.who.merchant.Seq, Destination: at.Seq, Actor: c.who.actor})
	return http.StatusNoContent, err
}
