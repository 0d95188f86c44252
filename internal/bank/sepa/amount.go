package sepa

import (
	"sluice/internal/bank/message"
	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail"
)

var _ rail.AmountChecker = (*Rail)(nil)

// CheckAmount implements rail.AmountChecker. A limit that was lowered since lets what was
// taken before it leave as a normal payment; see Bank.Service.
func (r *Rail) CheckAmount(asset, service string, amount money.Amount) error {
	if err := (Checker{}).CheckAmount(asset, service, amount); err != nil {
		return err
	}
	if most := r.cfg.Bank.InstantMax; message.Service(service) == message.Instant && !most.IsZero() && most.Less(amount) {
		return fault.Bad("amount_above_instant_limit", "amount", "an instant payment of this bank is at most %s %s: send less, or with payment.service %q",
			message.Euro.Format(most), Currency, message.Normal)
	}
	return nil
}

// CheckAmount implements rail.AmountChecker by the rule of the scheme (EPC132-08).
func (Checker) CheckAmount(_, _ string, amount money.Amount) error {
	if message.AmountMax.Less(amount) {
		return fault.Bad("amount_above_scheme_limit", "amount", "one SEPA payment is at most %s %s: split it", message.Euro.Format(message.AmountMax), Currency)
	}
	return nil
}
