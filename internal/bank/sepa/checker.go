package sepa

import (
	"context"
	"errors"

	"sluice/internal/bank/code"
	"sluice/internal/bank/message"
	"sluice/internal/bank/text"
	"sluice/internal/fault"
	"sluice/internal/rail"
	"sluice/internal/seal"
)

// Currency is the only currency of the SEPA schemes.
const Currency = "EUR"

// PrintDomain is the domain of fingerprints of account numbers.
const PrintDomain = "iban"

// Checker takes destinations and payment details of bank payments. It is the part of
// the rail that stands in the way of every withdrawal: it asks nobody.
type Checker struct {
	Network string
	Ring    *seal.Ring // nil: nothing can be taken, and it says why
	// BICOutsideEEA refuses recipients outside the European Economic Area without a BIC.
	BICOutsideEEA bool
}

var _ rail.BankChecker = Checker{}

// Check is the answer to a destination that is no bank account.
func (c Checker) Check(context.Context, string, string, string) (rail.Target, error) {
	return rail.Target{}, fault.Bad("bank_required", "bank", "%s pays to bank accounts: give bank with holder and iban instead of an address", c.Network)
}

// CheckRecipient implements rail.BankChecker.
func (c Checker) CheckRecipient(_ context.Context, typed rail.Recipient, asset string) (rail.Target, error) {
	if err := onlyEuro(asset); err != nil {
		return rail.Target{}, err
	}
	r, err := CheckRecipient(typed.Holder, typed.IBAN, typed.BIC)
	if err != nil {
		return rail.Target{}, err
	}
	if err := (Bank{BICOutsideEEA: c.BICOutsideEEA}).bic(message.Party{IBAN: r.IBAN, BIC: r.BIC}); err != nil {
		return rail.Target{}, err
	}
	sealed, err := r.Seal(c.Ring)
	if errors.Is(err, seal.ErrNoKey) {
		return rail.Target{}, fault.New(fault.Unavailable, "sealing_key_missing",
			"this installation has no key to keep bank accounts with; an operator has to set seal.keys")
	}
	if err != nil {
		return rail.Target{}, err
	}
	country, last := r.IBAN.Ends()
	return rail.Target{
		Network: c.Network, Typed: r.Name, Canonical: rail.Hide(country, last), Decoded: sealed, Tag: r.BIC.String(),
		Prints: c.Ring.Fingerprints(PrintDomain, []byte(r.IBAN.String())),
	}, nil
}

// CheckPayment implements rail.BankChecker.
func (c Checker) CheckPayment(_ context.Context, p rail.Payment, asset string) (rail.Payment, error) {
	if err := onlyEuro(asset); err != nil {
		return p, err
	}
	m, err := text.Remittance(p.Remittance)
	if err != nil {
		return p, fault.Of(err).At("remittance")
	}
	out := rail.Payment{Remittance: m.Text, Purpose: p.Purpose, Service: p.Service}
	if m.Changed() {
		out.Typed = m.Typed
	}
	if p.Purpose != "" {
		if _, err := code.ParsePurpose(p.Purpose); err != nil {
			return p, fault.Of(err).At("purpose")
		}
	}
	switch message.Service(p.Service) {
	case "":
		out.Service = string(message.Normal)
	case message.Normal, message.Instant:
	default:
		return p, fault.Bad("service_unknown", "service", "a bank payment is %s or %s", message.Normal, message.Instant)
	}
	return out, nil
}

func onlyEuro(asset string) error {
	if asset != Currency {
		return fault.Bad("currency_not_sepa", "currency", "only %s is paid to bank accounts, not %s", Currency, asset)
	}
	return nil
}
