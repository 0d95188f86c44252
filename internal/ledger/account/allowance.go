package account

import (
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/money"
)

// AllowanceKey names an allowance.
type AllowanceKey struct {
	Merchant id.Seq
	Currency string
}

// Allowance is how much of a currency a merchant may credit by itself. Credits are claims
// on the house's wallets, so the operator says how large they may become.
type Allowance struct {
	AllowanceKey
	Granted   money.Amount // that the operator granted, beside what the configuration allows everybody
	Used      money.Amount // that the merchant has credited by itself, in all; it only grows
	UpdatedAt time.Time
	Version   int64
}

// Allowances is the table of allowances.
var Allowances = commit.NewTable("credit_allowance", func(a *Allowance) AllowanceKey { return a.AllowanceKey })

// Answer implements commit.Answerer. A grant says the whole amount, so it may be sent again.
func (a Allowance) Answer() commit.Answer { return commit.Answer{Ref: a.Merchant} }

// OwnCredits is, by currency, how much every merchant may credit by itself in all, in minor
// units, without a grant. A currency that is not there: nothing. nil: no bound is kept, for
// whoever is the operator.
type OwnCredits map[string]money.Amount

// Of is the bound for AddCredit.Own.
func (o OwnCredits) Of(currency string) *money.Amount {
	if o == nil {
		return nil
	}
	most := o[currency]
	return &most
}

// boundDigits is how many digits before the point any credit may have, and all that a
// merchant credits by itself. It is far below the digits of a total that merchants share,
// so that no single one can fill it.
const boundDigits = 12

// Bound is the most that one credit of an asset may be, and that one merchant may credit by
// itself in all: 10^12 of its units, at most 10^33 minor units.
func Bound(a money.Asset) money.Amount {
	const most = 33
	out := money.Of(1)
	for range min(boundDigits+a.Scale, most) {
		out, _ = out.Mul(10) // most is below money.Digits
	}
	return out
}

// Grant sets how much a merchant may credit by itself beside what the configuration allows
// everybody. What it has used stays used. Only the operator may. Result: Allowance.
type Grant struct {
	Merchant id.Seq
	Asset    money.Asset
	Amount   money.Amount // in all, from the first credit on; not in addition to an earlier grant
}

func (c Grant) key() AllowanceKey { return AllowanceKey{c.Merchant, c.Asset.Code} }

// Reads implements commit.Command.
func (c Grant) Reads(w *commit.Wants) {
	merchant.Merchants.Want(w, c.Merchant)
	Allowances.Want(w, c.key())
}

// Apply implements commit.Command.
func (c Grant) Apply(v *commit.View) (Allowance, error) {
	if _, ok := merchant.Merchants.Get(v, c.Merchant); !ok {
		return Allowance{}, fault.New(fault.NotFound, "merchant_not_found", "no such merchant")
	}
	if err := bounded(c.Asset, c.Amount); err != nil {
		return Allowance{}, err
	}
	a, _ := Allowances.Get(v, c.key())
	a.AllowanceKey, a.Granted, a.UpdatedAt, a.Version = c.key(), c.Amount, v.Now(), a.Version+1
	Allowances.Put(v, a)
	return a, nil
}

func bounded(asset money.Asset, amount money.Amount) error {
	if most := Bound(asset); most.Less(amount) {
		return fault.Bad("amount_too_large", "amount", "at most %s %s are credited at once; is the amount in the smallest unit by mistake?", asset.Format(most), asset.Code)
	}
	return nil
}

// use takes a credit out of what the merchant may credit by itself.
func (c AddCredit) use(v *commit.View) error {
	if c.Own == nil {
		return nil
	}
	key := AllowanceKey{c.Merchant, c.Asset.Code}
	a, _ := Allowances.Get(v, key)
	most, err := c.Own.Add(a.Granted)
	if err != nil || Bound(c.Asset).Less(most) {
		most = Bound(c.Asset)
	}
	used, err := a.Used.Add(c.Amount)
	if err != nil || most.Less(used) {
		left, err := most.Sub(a.Used)
		if err != nil {
			left = money.Amount{}
		}
		return fault.New(fault.Refused, "credit_not_allowed",
			"this merchant may credit %s %s more by itself; the operator credits, or allows more", c.Asset.Format(left), c.Asset.Code).At("amount")
	}
	a.AllowanceKey, a.Used, a.UpdatedAt, a.Version = key, used, v.Now(), a.Version+1
	Allowances.Put(v, a)
	return nil
}
