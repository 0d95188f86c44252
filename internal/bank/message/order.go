package message

import (
	"fmt"
	"strings"
	"time"

	"sluice/internal/bank/calendar"
	"sluice/internal/bank/code"
	"sluice/internal/bank/iban"
	"sluice/internal/bank/text"
	"sluice/internal/fault"
	"sluice/internal/money"
)

// Service is the speed that a payment is ordered with.
type Service string

// The services.
const (
	Normal  Service = "normal"  // SEPA credit transfer: the next business day
	Instant Service = "instant" // SEPA instant credit transfer: ten seconds, every day
)

// Party is a holder with an account.
type Party struct {
	Name    string // 1 to 70 characters of the allowed set
	IBAN    iban.IBAN
	BIC     iban.BIC // may be none: IBAN alone is enough
	Address Address  // of a debtor only; may be none
}

// Address is where a party lives, in its parts: addresses in lines are refused since
// November 2026. Town and Country are needed, the rest may be "". The zero value is none.
type Address struct {
	Street   string // up to 70 characters
	Building string // number of the house, up to 16
	PostCode string // up to 16
	Town     string // up to 35
	Country  string // ISO 3166, two letters in upper case
}

// IsZero tells "none".
func (a Address) IsZero() bool { return a == Address{} }

// Check holds an address against the schema and the character set. The error is an Invalid
// fault whose field is the part of the address, behind path.
func (a Address) Check(path string) error {
	if a.IsZero() {
		return nil
	}
	for _, p := range []struct {
		name, value string
		most        int
		needed      bool
	}{{"street", a.Street, 70, false}, {"building", a.Building, 16, false}, {"post_code", a.PostCode, 16, false}, {"town", a.Town, 35, true}} {
		switch {
		case p.needed && strings.TrimSpace(p.value) == "":
			return rule("address", path+p.name, "an address has a %s and a country", p.name)
		case len(p.value) > p.most:
			return rule("address", path+p.name, "has at most %d characters, this one has %d", p.most, len(p.value))
		case !text.Clean(p.value) || strings.TrimSpace(p.value) != p.value:
			return rule("characters", path+p.name, "only a-z A-Z 0-9 / - ? : ( ) . , ' + and blanks inside are allowed")
		}
	}
	if len(a.Country) != 2 || strings.Trim(a.Country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return rule("address", path+"country", "is two letters in upper case, like DE")
	}
	return nil
}

// Payout is one payment of an order. The currency is always the euro.
type Payout struct {
	// EndToEndID travels to the creditor and comes back on rejects, bookings and
	// returns. Unique for ever, not only in this file.
	EndToEndID    string
	InstructionID string       // stays between us and the bank; may be empty
	Amount        money.Amount // in cents, 0.01 to 999,999,999.99
	Creditor      Party
	Purpose       string // of ExternalPurpose1Code; may be empty
	// Text or Reference goes to the creditor, never both; both may be empty.
	Text      string // up to 140 characters of the allowed set
	Reference string // a creditor reference of ISO 11649, like RF18539007547034
}

// Batch is what one account pays on one day with one service.
type Batch struct {
	ID      string
	Service Service
	Day     Day // when the bank shall execute it
	// OneBooking asks for one debit for the whole batch instead of one for each payout.
	OneBooking bool
	Debtor     Party
	Payouts    []Payout
}

// Order is a payment file. Everything in it is given from outside, so that the same
// order gives the same bytes on every machine and every day.
type Order struct {
	ID        string    // MsgId: a bank that sees it twice must not pay twice
	CreatedAt time.Time // whole seconds count
	Initiator string    // our name
	Batches   []Batch
}

// AmountMax is the largest amount of one payment: 999,999,999.99.
var AmountMax = money.Of(99_999_999_999)

// notProvided stands where a reference or a bank is left out.
const notProvided = "NOTPROVIDED"

// Total is the number of payouts of the batch and their sum.
func (b Batch) Total() (int, money.Amount, error) {
	var sum money.Amount
	for _, p := range b.Payouts {
		var err error
		if sum, err = sum.Add(p.Amount); err != nil {
			return 0, sum, err
		}
	}
	return len(b.Payouts), sum, nil
}

// Total is the number of payouts of the order and their sum.
func (o Order) Total() (int, money.Amount, error) {
	var sum money.Amount
	count := 0
	for _, b := range o.Batches {
		n, s, err := b.Total()
		if err == nil {
			sum, err = sum.Add(s)
		}
		if err != nil {
			return 0, sum, err
		}
		count += n
	}
	return count, sum, nil
}

// Check holds the order against the rules of the scheme. The error is an Invalid
// fault whose code begins with sepa_ and whose field is the place in the order. Source: EPC132-08
// (customer-to-PSP implementation guidelines) and the T2 calendar.
func (o Order) Check() error {
	if err := reference("id", o.ID); err != nil {
		return err
	}
	if o.CreatedAt.IsZero() {
		return rule("created_at", "created_at", "the time of creation is missing")
	}
	if err := name("initiator", o.Initiator); err != nil {
		return err
	}
	if len(o.Batches) == 0 {
		return rule("empty", "batches", "an order has at least one batch")
	}
	if _, sum, err := o.Total(); err != nil || len(sum.Minor()) > 17 {
		return rule("sum", "batches", "the sum of an order has at most 17 digits")
	}
	batches, payouts := map[string]bool{}, map[string]bool{}
	for n, b := range o.Batches {
		path := fmt.Sprintf("batches[%d].", n)
		if err := b.check(path, DayOf(o.CreatedAt.UTC())); err != nil {
			return err
		}
		if batches[b.ID] {
			return rule("batch_id_twice", path+"id", "%s is the id of another batch of the order", b.ID)
		}
		batches[b.ID] = true
		for m, p := range b.Payouts {
			if payouts[p.EndToEndID] {
				return rule("end_to_end_id_twice", fmt.Sprintf("%spayouts[%d].end_to_end_id", path, m), "%s is the id of another payout of the order", p.EndToEndID)
			}
			payouts[p.EndToEndID] = true
		}
	}
	return nil
}

func (b Batch) check(path string, created Day) error {
	if err := reference(path+"id", b.ID); err != nil {
		return err
	}
	if b.Service != Normal && b.Service != Instant {
		return rule("service", path+"service", "the service is normal or instant")
	}
	if _, err := ParseDay(string(b.Day)); err != nil || len(b.Day) != len(time.DateOnly) {
		return rule("day", path+"day", "the day of execution is a date like 2026-11-20")
	}
	// A day of slack: the bank's zone is not known here and may be ahead of UTC or behind.
	if b.Day < DayOf(created.Time().AddDate(0, 0, -1)) {
		return rule("day_past", path+"day", "the day of execution lies before the creation of the order")
	}
	if b.Service == Normal && !calendar.IsBusinessDay(b.Day.Time()) {
		return rule("day_closed", path+"day", "%s is not a business day of T2", b.Day)
	}
	if err := b.Debtor.check(path + "debtor."); err != nil {
		return err
	}
	if err := b.Debtor.Address.Check(path + "debtor.address."); err != nil {
		return err
	}
	if len(b.Payouts) == 0 {
		return rule("empty", path+"payouts", "a batch has at least one payout")
	}
	for n, p := range b.Payouts {
		if err := p.check(fmt.Sprintf("%spayouts[%d].", path, n)); err != nil {
			return err
		}
	}
	return nil
}

func (p Payout) check(path string) error {
	if err := reference(path+"end_to_end_id", p.EndToEndID); err != nil {
		return err
	}
	if p.EndToEndID == notProvided {
		return rule("end_to_end_id", path+"end_to_end_id", "%s finds no payment again", notProvided)
	}
	if p.InstructionID != "" {
		if err := reference(path+"instruction_id", p.InstructionID); err != nil {
			return err
		}
	}
	if p.Amount.IsZero() || AmountMax.Less(p.Amount) {
		return rule("amount", path+"amount", "an amount is 0.01 to 999999999.99")
	}
	if err := p.Creditor.check(path + "creditor."); err != nil {
		return err
	}
	if !p.Creditor.Address.IsZero() {
		return rule("address", path+"creditor.address", "addresses of recipients are not sent")
	}
	if p.Purpose != "" {
		if _, err := code.ParsePurpose(p.Purpose); err != nil {
			return rule("purpose", path+"purpose", "%s", fault.Of(err).Message)
		}
	}
	return p.checkRemittance(path)
}

func (p Payout) checkRemittance(path string) error {
	switch {
	case p.Text != "" && p.Reference != "":
		return rule("remittance_both", path+"text", "a payment carries a text or a creditor reference, not both")
	case !text.Clean(p.Text):
		return rule("characters", path+"text", "only a-z A-Z 0-9 / - ? : ( ) . , ' + and blanks are allowed")
	case len(p.Text) > text.RemittanceMax:
		return rule("text_length", path+"text", "a text has at most %d characters, this one has %d", text.RemittanceMax, len(p.Text))
	case p.Text != "" && strings.TrimSpace(p.Text) == "":
		return rule("text_blank", path+"text", "a text has something in it")
	case p.Reference != "" && !CreditorReference(p.Reference):
		return rule("creditor_reference", path+"reference", "a creditor reference is RF, two check digits and up to 21 letters and digits")
	}
	return nil
}

func (p Party) check(path string) error {
	if err := name(path+"name", p.Name); err != nil {
		return err
	}
	if p.IBAN.IsZero() {
		return rule("iban_missing", path+"iban", "the IBAN is missing")
	}
	if !p.IBAN.SEPA() {
		return rule("iban_not_sepa", path+"iban", "%s does not take part in SEPA", p.IBAN.Country())
	}
	return nil
}

func reference(path, s string) error {
	if err := text.CheckReference(s); err != nil {
		return rule("reference", path, "%s", fault.Of(err).Message)
	}
	return nil
}

func name(path, s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return rule("name_missing", path, "the name is missing")
	case !text.Clean(s):
		return rule("characters", path, "only a-z A-Z 0-9 / - ? : ( ) . , ' + and blanks are allowed")
	case len(s) > text.NameMax:
		return rule("name_length", path, "a name has at most %d characters, this one has %d", text.NameMax, len(s))
	}
	return nil
}

// CreditorReference tells whether a text is a structured creditor reference (ISO
// 11649): RF, two check digits by ISO 7064, and 1 to 21 letters and digits.
func CreditorReference(s string) bool {
	if len(s) < 5 || len(s) > 25 || s[:2] != "RF" {
		return false
	}
	rest := 0
	for _, c := range s[4:] + s[:4] {
		switch {
		case c >= '0' && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
	}
	return rest == 1 && s[2] <= '9' && s[3] <= '9'
}
