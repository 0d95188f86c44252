package quote

import (
	"strings"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/pricing/fx"
)

// Create offers an exchange. The deal is made before, by fx.Pair, because the fee
// depends on its amounts; it is checked here once more, so that nothing that
// favours the merchant and no price that became too old on the way is ever offered.
type Create struct {
	Merchant    id.Seq
	Deal        fx.Deal
	FeeCurrency string       // required when Fee is above zero
	Fee         money.Amount // rounded up by whoever computed it
	FeeInside   bool
	Network     string
	ValidFor    time.Duration // up to MaxValidity; 0: DefaultValidity
	// Problem is why there is no deal. It is told from within the command, so that a
	// repeat of a request that was answered before gets that answer, whatever prices
	// have done meanwhile.
	Problem error
}

// Reads implements commit.Command. A quote is a new row and depends on no other.
func (c Create) Reads(*commit.Wants) {}

// Apply implements commit.Command.
func (c Create) Apply(v *commit.View) (Quote, error) {
	if c.Problem != nil {
		return Quote{}, c.Problem
	}
	validFor, err := c.check(v.Now())
	if err != nil {
		return Quote{}, err
	}
	d := c.Deal
	q := Quote{
		Seq: v.NewID(), Merchant: c.Merchant, Form: d.Form, SendCurrency: d.From.Code, Send: d.Send, ReceiveCurrency: d.To.Code, Receive: d.Receive,
		FeeCurrency: c.FeeCurrency, Fee: c.Fee, FeeInside: c.FeeInside, Network: c.Network, Price: d.Price(PriceDecimals), Rate: d.Rate.String(), Bid: d.Market.Bid.String(),
		RateAt: d.Market.At.UTC().Truncate(time.Microsecond), Sources: strings.Join(d.Market.Sources, ","),
		CreatedAt: v.Now(), ExpiresAt: v.Now().Add(validFor), Version: 1,
	}
	if q.FeeCurrency == "" {
		q.FeeCurrency = q.SendCurrency
	}
	Quotes.Insert(v, q)
	return q, nil
}

// check holds the rules of a quote and gives how long it is to be valid.
func (c Create) check(now time.Time) (time.Duration, error) {
	d, validFor := c.Deal, c.ValidFor
	if validFor == 0 {
		validFor = DefaultValidity
	}
	if validFor < 0 || validFor > MaxValidity {
		return 0, fault.Bad("invalid_validity", "valid_for", "a quote is valid for up to %d seconds", int(MaxValidity.Seconds()))
	}
	if c.Merchant == 0 || d.From.Code == d.To.Code || d.Form != fx.SendForm && d.Form != fx.ReceiveForm {
		return 0, fault.New(fault.Internal, "quote_malformed", "a quote needs a merchant, two different currencies and a form")
	}
	if c.FeeCurrency == "" && !c.Fee.IsZero() {
		return 0, fault.New(fault.Internal, "quote_malformed", "a fee needs its currency")
	}
	if err := d.Check(); err != nil {
		return 0, err
	}
	if now.After(d.Market.GoodUntil) {
		return 0, fault.New(fault.Unavailable, "rate_stale", "the price of %s in %s became too old before the quote was made; nothing was done, try again",
			d.From.Code, d.To.Code)
	}
	return validFor, nil
}
