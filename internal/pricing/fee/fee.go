// Package fee says what a withdrawal costs its merchant: schedules with a percentage,
// a fixed part, a minimum and a maximum, on top of the amount or out of it, and what
// part of the network's own fee is passed on. It is exact, and rounds against the
// caller where a part of a minor unit is left.
package fee

import (
	"fmt"
	"math/big"

	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
)

// Kind is what kind of withdrawal a schedule is for.
type Kind string

// The kinds.
const (
	Any      Kind = ""
	Plain    Kind = "plain"    // what is paid out is what the balance holds
	Exchange Kind = "exchange" // it is exchanged on the way; quotes too
)

// Carry says what becomes of the network's own fee.
type Carry string

// The ways.
const (
	Absorbed Carry = ""     // the installation bears it
	Flat     Carry = "flat" // the merchant pays a fixed amount, whatever it costs
	Cost     Carry = "cost" // the merchant pays what it costs, at the most what it may take at acceptance, which is held until the end
)

// One is a whole in parts per million: 1 percent is 10,000.
const One = 1_000_000

// Key says what a schedule is for. An empty part is any.
type Key struct {
	Merchant id.Seq // 0: every merchant of the installation
	Currency string // of the balance that pays
	Network  string // the way out
	Kind     Kind
}

// Schedule is what is charged. Amounts are in the currency of the key.
type Schedule struct {
	Key
	PPM         int64        // of the amount, in parts per million, below One
	Fixed       money.Amount // on top of the percentage
	Minimum     money.Amount // percentage and fixed part together are at least this
	Maximum     money.Amount // and at most this; 0: no limit
	Inside      bool         // taken out of the amount; otherwise added to it
	Carry       Carry
	CarryAmount money.Amount // Flat: what is charged; Cost: the most that is passed on, 0 for what the network may take
}

// Validate tells what is wrong with a schedule.
func (s Schedule) Validate() error {
	broken := func(field, format string, args ...any) error {
		return fault.Bad("invalid_fee", field, format, args...)
	}
	switch {
	case s.Kind != Any && s.Kind != Plain && s.Kind != Exchange:
		return broken("kind", "must be plain or exchange, or be left out for both")
	case s.PPM < 0 || s.PPM >= One:
		return broken("percent", "must be 0 or more and below 100")
	case s.Currency == "" && s.hasAmounts():
		return broken("currency", "must be given where an amount is: an amount is in one currency")
	case !s.Maximum.IsZero() && s.Maximum.Less(s.Minimum):
		return broken("maximum", "must not be below the minimum")
	case s.Carry != Absorbed && s.Carry != Flat && s.Carry != Cost:
		return broken("network_fee", "must be absorbed, flat or cost")
	case s.Carry == Absorbed && !s.CarryAmount.IsZero():
		return broken("network_fee_amount", "has no meaning where the network's fee is absorbed")
	case s.Carry == Flat && s.CarryAmount.IsZero():
		return broken("network_fee_amount", "is needed: it is what is charged")
	}
	return nil
}

func (s Schedule) hasAmounts() bool {
	return !s.Fixed.IsZero() || !s.Minimum.IsZero() || !s.Maximum.IsZero() || !s.CarryAmount.IsZero()
}

// Find gives the schedule that holds for a withdrawal, the zero schedule (nothing is
// charged) when there is none. A schedule of the merchant goes before one of the
// installation, whatever else they say. Among those of one owner, one that names the
// currency goes before one that does not, then one that names the network, then one
// that names the kind. Two with the same key are not looked for; the first wins.
func Find(all []Schedule, want Key) Schedule {
	best, found := -1, Schedule{}
	for _, s := range all {
		if s.Merchant != 0 && s.Merchant != want.Merchant || s.Currency != "" && s.Currency != want.Currency ||
			s.Network != "" && s.Network != want.Network || s.Kind != Any && s.Kind != want.Kind {
			continue
		}
		rank := 0
		for _, given := range []bool{s.Merchant != 0, s.Currency != "", s.Network != "", s.Kind != Any} {
			rank *= 2
			if given {
				rank++
			}
		}
		if rank > best {
			best, found = rank, s
		}
	}
	return found
}

// Of is the fee on an amount: the percentage rounded up to the minor unit, and the
// fixed part, within minimum and maximum.
func (s Schedule) Of(amount money.Amount) (money.Amount, error) {
	v := s.of(amount.Big())
	return money.FromBig(v)
}

func (s Schedule) of(amount *big.Int) *big.Int {
	v := new(big.Int).Mul(amount, big.NewInt(s.PPM))
	v.Add(v, big.NewInt(One-1)).Quo(v, big.NewInt(One))
	v.Add(v, s.Fixed.Big())
	if low := s.Minimum.Big(); v.Cmp(low) < 0 {
		v = low
	}
	if high := s.Maximum.Big(); high.Sign() > 0 && v.Cmp(high) > 0 {
		v = high
	}
	return v
}

// Charge is how an amount falls apart: Net and Fee together are Gross, exactly.
type Charge struct {
	Gross money.Amount // what the balance gives, without what is held for the network's fee
	Net   money.Amount // what is left to be paid out, or to be exchanged
	Fee   money.Amount
}

// OnAmount charges the amount that a merchant named. With a fee on top, that is the
// net amount; with one out of it, the gross. It is refused when nothing is left.
func (s Schedule) OnAmount(currency money.Asset, amount money.Amount) (Charge, error) {
	fee, err := s.Of(amount)
	if err != nil {
		return Charge{}, err
	}
	if !s.Inside {
		return onTop(amount, fee)
	}
	net, err := amount.Sub(fee)
	if err != nil || net.IsZero() {
		return Charge{}, fault.Bad("amount_below_fee", "amount", "the fee of %s %s is taken out of the amount, and leaves nothing of it", currency.Format(fee), currency.Code).
			With("fee", currency.Format(fee))
	}
	return Charge{Gross: amount, Net: net, Fee: fee}, nil
}

// OnNet charges so that at least net is left: what the receiver is to get was fixed.
// With a fee out of the amount the gross is the smallest that leaves it, and the fee
// is the difference.
func (s Schedule) OnNet(net money.Amount) (Charge, error) {
	if !s.Inside {
		fee, err := s.Of(net)
		if err != nil {
			return Charge{}, err
		}
		return onTop(net, fee)
	}
	// What is left never falls as the gross rises, because the percentage is below
	// 100; so the smallest gross is found by halving.
	want := net.Big()
	left := func(gross *big.Int) *big.Int { return new(big.Int).Sub(gross, s.of(gross)) }
	low, high := new(big.Int).Set(want), new(big.Int).Add(want, big.NewInt(1))
	for left(high).Cmp(want) < 0 {
		high.Lsh(high, 1)
	}
	for low.Cmp(high) < 0 {
		mid := new(big.Int).Add(low, high)
		mid.Rsh(mid, 1)
		if left(mid).Cmp(want) < 0 {
			low = mid.Add(mid, big.NewInt(1))
		} else {
			high = mid
		}
	}
	gross, err := money.FromBig(low)
	if err != nil {
		return Charge{}, err
	}
	fee, err := gross.Sub(net)
	return Charge{Gross: gross, Net: net, Fee: fee}, err
}

func onTop(net, fee money.Amount) (Charge, error) {
	gross, err := net.Add(fee)
	return Charge{Gross: gross, Net: net, Fee: fee}, err
}

// percentDecimals is how exact a percentage can be: as exact as parts per million.
const percentDecimals = 4

var percent = money.Asset{Code: "percent", Scale: percentDecimals}

// ParsePercent reads a percentage like "0.8" into parts per million. It is read
// exactly; more than four decimals are refused.
func ParsePercent(s string) (int64, error) {
	a, err := percent.Parse(s)
	if err != nil || !a.Less(money.Of(One)) {
		return 0, fault.Bad("invalid_fee", "percent", "must be a percentage from 0 to below 100 with at most %d decimals, as a text like \"0.8\"", percentDecimals)
	}
	return a.Big().Int64(), nil
}

// Percent writes parts per million as a percentage: "0.8".
func Percent(ppm int64) string {
	s := fmt.Sprintf("%d.%04d", ppm/10_000, ppm%10_000)
	for s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	if s[len(s)-1] == '.' {
		s = s[:len(s)-1]
	}
	return s
}
