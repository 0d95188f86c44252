package api

import (
	"slices"

	"sluice/internal/fault"
	"sluice/internal/merchant/destination"
	"sluice/internal/money"
	"sluice/internal/rail"
)

// BankRules are what the installation asks of bank accounts as destinations.
type BankRules struct {
	destination.Policy
	// Inline lets a withdrawal carry bank data itself. Otherwise it names a destination
	// that was registered.
	Inline bool
}

// toBank is the rail of a network that pays to bank accounts, nil for any other.
func (c *call) toBank(network string) rail.BankChecker {
	b, _ := c.Rails[network].(rail.BankChecker)
	return b
}

// readTarget reads where to: an address, or for networks of banks the account.
func (c *call) readTarget(o object) target {
	t := target{network: o.text("network")}
	bank := c.toBank(t.network)
	if bank == nil && !o.has("bank") {
		t.address, t.tag = o.text("address"), o.optional("tag")
		return t
	}
	b, given := o.object("bank", true)
	if given {
		t.bank = &rail.Recipient{Holder: b.text("holder"), IBAN: b.text("iban"), BIC: b.optional("bic")}
		b.end()
	}
	switch {
	case bank == nil && c.Rails[t.network] != nil:
		o.d.wrong("bank_not_supported", o.key("bank"), "%q pays to addresses, not to bank accounts: give address", t.network)
	case o.has("address"):
		o.d.wrong("destination_ambiguous", o.key("address"), "give bank or address, not both")
	}
	return t
}

// recipient checks a bank account by its rail.
func (c *call) recipient(t target, asset string) (rail.Target, error) {
	bank := c.toBank(t.network)
	if bank == nil {
		return rail.Target{}, fault.New(fault.Unavailable, "network_not_running", "the network %q is not running in this installation at the moment", t.network)
	}
	to, err := bank.CheckRecipient(c.ctx(), *t.bank, asset)
	return to, belowBank(err)
}

// belowBank puts the fields of a fault about a recipient below "bank".
func belowBank(err error) error {
	f := fault.Of(err)
	if f == nil || !slices.ContainsFunc(f.Fields, func(x fault.Field) bool { return x.Path == "holder" || x.Path == "iban" || x.Path == "bic" }) {
		return err
	}
	return within("bank", err)
}

// notInline is the refusal of bank data in a withdrawal.
func notInline() error {
	return fault.New(fault.Refused, "inline_bank_refused",
		"this installation pays to registered bank accounts only: register it with POST /v1/destinations and give destination_id").At("destination.bank")
}

// bankOf writes what can be read of a bank account beside its number.
func (o objects) bankOf(canonical, holder, bic string) {
	if !rail.Hidden(canonical) {
		o.null("bank")
		return
	}
	o.object("bank")
	o.text("holder", holder)
	o.maybe("bic", bic)
	o.close()
}

// tagOf is the tag of what is no bank account: there the same place holds the BIC.
func tagOf(canonical, tag string) string {
	if rail.Hidden(canonical) {
		return ""
	}
	return tag
}

// payment is what goes with a payment to a bank, as a user writes it.
type payment struct {
	rail.Payment
	given bool
}

// readPayment reads the member "payment" of a withdrawal.
func readPayment(o object) payment {
	p, given := o.object("payment", false)
	if !given {
		return payment{}
	}
	out := payment{rail.Payment{Remittance: p.optional("remittance"), Purpose: p.optional("purpose"), Service: p.optional("service")}, true}
	p.end()
	return out
}

// paymentOn checks what goes with a payment on a network; "" is none that matters.
func (c *call) paymentOn(p payment, network string, asset money.Asset) (rail.Payment, error) {
	bank := c.toBank(network)
	switch {
	case bank != nil:
		out, err := bank.CheckPayment(c.ctx(), p.Payment, asset.Code)
		return out, within("payment", err)
	case p.given:
		return rail.Payment{}, fault.Bad("payment_not_supported", "payment", "only payments to bank accounts carry these details, and %q is no network of banks", network)
	}
	return rail.Payment{}, nil
}
