package sepa

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sluice/internal/fault"
	"sluice/internal/iban"
	"sluice/internal/rail/sepa/text"
)

// Recipient is a checked bank account that money can go to.
type Recipient struct {
	Name      string // as typed
	BankName  string // as the bank will see it: mapped to the SEPA character set
	IBAN      iban.IBAN
	BIC       iban.BIC // may be none
	NameShown bool     // the bank sees another name than was typed: show it to the user
}

// CheckRecipient checks what a user typed. Errors are Invalid faults that name the
// field: iban, bic or holder.
func CheckRecipient(holder, number, bic string) (Recipient, error) {
	r := Recipient{Name: holder}
	var err error
	if r.IBAN, err = iban.Parse(number); err != nil {
		return r, fault.Of(err).At("iban")
	}
	if !r.IBAN.SEPA() {
		return r, fault.Bad("iban_not_sepa", "iban", "accounts in %s cannot be paid in euro by SEPA: use an account in a SEPA country", r.IBAN.Country())
	}
	if bic != "" {
		if r.BIC, err = iban.ParseBIC(bic); err != nil {
			return r, fault.Of(err).At("bic")
		}
	}
	name, err := text.Name(holder)
	if err != nil {
		return r, fault.Of(err).At("holder")
	}
	r.BankName, r.NameShown = name.Text, name.Changed()
	return r, nil
}

// recipient is what Encode writes.
type recipient struct {
	IBAN string `json:"iban"`
	BIC  string `json:"bic,omitempty"`
	Name string `json:"name"`
}

// Encode is the one form of a recipient in bytes: what a destination keeps as decoded,
// and what is compared. It holds the name as typed.
func (r Recipient) Encode() ([]byte, error) {
	return json.Marshal(recipient{r.IBAN.String(), r.BIC.String(), r.Name})
}

// DecodeRecipient reads what Encode wrote, and checks it again.
func DecodeRecipient(b []byte) (Recipient, error) {
	var x recipient
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&x); err != nil {
		return Recipient{}, fmt.Errorf("a bank destination cannot be read: %w", err)
	}
	return CheckRecipient(x.Name, x.IBAN, x.BIC)
}
