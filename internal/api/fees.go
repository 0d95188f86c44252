package api

import (
	"context"
	"net/http"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/pricing/fee"
)

// FeeReads reads what merchants are charged by schedules of their own.
type FeeReads interface {
	// Fees lists the schedules of a merchant, removed ones too.
	Fees(ctx context.Context, merchant id.ID) ([]fee.Stored, error)
}

// anyMerchant is the merchant in the path, of whichever shard: for the operator.
func (c *call) anyMerchant() (id.ID, error) {
	return c.merchantAt(c.r.PathValue("id"))
}

// listFees lists what holds for a merchant: its own schedules and those of the installation.
func listFees(c *call) (int, error) {
	at, err := c.anyMerchant()
	if err != nil {
		return 0, err
	}
	own, err := c.Reads.Fees(c.ctx(), at)
	if err != nil {
		return 0, unavailable(err)
	}
	o := c.objects()
	o.shard = at.Shard
	o.open()
	o.plain("object", "list")
	o.list("data")
	for _, s := range own {
		if s.Active {
			o.fee(s.Schedule)
		}
	}
	for _, s := range c.Terms.Defaults() {
		o.fee(s)
	}
	o.endList()
	o.null("next_cursor")
	o.close()
	return http.StatusOK, nil
}

func (o objects) fee(s fee.Schedule) {
	o.open()
	o.plain("object", "fee_schedule")
	o.ref("merchant", id.Merchant, s.Merchant)
	o.maybe("currency", s.Currency)
	o.maybe("network", s.Network)
	o.maybe("kind", string(s.Kind))
	o.plain("percent", fee.Percent(s.PPM))
	asset := o.assets[s.Currency]
	for _, part := range []struct {
		key string
		v   money.Amount
	}{{"fixed", s.Fixed}, {"minimum", s.Minimum}, {"maximum", s.Maximum}} {
		o.limit(part.key, asset, part.v)
	}
	o.plain("fee_from", feeFrom(s.Inside))
	carry := s.Carry
	if carry == fee.Absorbed {
		carry = "absorbed"
	}
	o.plain("network_fee", string(carry))
	o.limit("network_fee_amount", asset, s.CarryAmount)
	o.close()
}

// part is an optional amount.
func (o object) part(name string, asset money.Asset) money.Amount {
	if !o.has(name) {
		return money.Amount{}
	}
	if asset.Code == "" {
		o.d.wrong("invalid_fee", o.key(name), "an amount needs the currency of the schedule")
		return money.Amount{}
	}
	return o.amount(name, asset)
}

func setFee(c *call) (int, error) {
	o := c.doc.body()
	var asset money.Asset
	if o.has("currency") {
		asset = o.asset("currency", c.Assets)
	}
	s := fee.Schedule{Key: fee.Key{Currency: asset.Code, Network: o.optional("network"), Kind: fee.Kind(o.optional("kind"))}}
	if text := o.optional("percent"); text != "" {
		ppm, err := fee.ParsePercent(text)
		if err != nil {
			o.d.wrong("invalid_fee", "percent", "%s", fault.Of(err).Fields[0].Rule)
		}
		s.PPM = ppm
	}
	s.Fixed, s.Minimum, s.Maximum = o.part("fixed", asset), o.part("minimum", asset), o.part("maximum", asset)
	switch from := o.optional("fee_from"); from {
	case "", "balance":
	case "amount":
		s.Inside = true
	default:
		o.d.wrong("invalid_fee", "fee_from", "must be balance (on top) or amount (out of it)")
	}
	if s.Carry = fee.Carry(o.optional("network_fee")); s.Carry == "absorbed" {
		s.Carry = fee.Absorbed
	}
	s.CarryAmount = o.part("network_fee_amount", asset)
	o.end()
	if _, ok := c.Rails[s.Network]; s.Network != "" && !ok {
		o.d.wrong("unknown_network", "network", "%q is not a network of this installation", s.Network)
	}
	if err := c.doc.err(); err != nil {
		return 0, err
	}
	at, err := c.anyMerchant()
	if err != nil {
		return 0, err
	}
	s.Merchant = at.Seq
	return c.changedFee(at, fee.Set{Schedule: s})
}

func removeFee(c *call) (int, error) {
	q := c.query()
	k := fee.Key{Currency: q.text("currency"), Network: q.text("network"), Kind: fee.Kind(q.choice("kind", string(fee.Plain), string(fee.Exchange)))}
	if err := q.end(); err != nil {
		return 0, err
	}
	at, err := c.anyMerchant()
	if err != nil {
		return 0, err
	}
	k.Merchant = at.Seq
	return c.changedFee(at, fee.Remove{Key: k})
}

// changedFee carries out a change in the merchant's shard, and answers with the schedule.
func (c *call) changedFee(at id.ID, cmd commit.Command[fee.Stored]) (int, error) {
	s, err := commit.Do(c.ctx(), c.Loop, at.Shard, cmd)
	if err != nil {
		return 0, err
	}
	c.Terms.Forget(at)
	o := c.objects()
	o.shard = at.Shard
	o.fee(s.Schedule)
	return http.StatusOK, nil
}
