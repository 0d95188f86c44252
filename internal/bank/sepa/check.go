package sepa

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sluice/internal/bank/iban"
	"sluice/internal/bank/text"
	"sluice/internal/fault"
	"sluice/internal/rail"
	"sluice/internal/seal"
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

// recipient is what Seal writes.
type recipient struct {
	IBAN string `json:"iban"`
	BIC  string `json:"bic,omitempty"`
	Name string `json:"name"`
}

// Seal is a recipient in bytes, unreadable without a key of the ring: what a destination
// and a payout keep. It holds the name as typed. Two seals of one recipient differ.
func (r Recipient) Seal(ring *seal.Ring) ([]byte, error) {
	b, err := json.Marshal(recipient{r.IBAN.String(), r.BIC.String(), r.Name})
	if err != nil {
		return nil, err
	}
	return ring.Seal(rail.RecipientPurpose, b)
}

// OpenRecipient reads a recipient that is stored at a place, and checks it again. It is for whoever writes
// a payment order and for nobody else. Its errors repeat nothing of the recipient.
func OpenRecipient(ring *seal.Ring, at seal.Place, sealed []byte) (Recipient, error) {
	b, err := ring.OpenAt(rail.RecipientPurpose, at, sealed)
	if err != nil {
		return Recipient{}, fmt.Errorf("a bank destination cannot be opened: %w", err)
	}
	var x recipient
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&x); err != nil {
		return Recipient{}, fmt.Errorf("a bank destination cannot be read: %w", err)
	}
	return CheckRecipient(x.Name, x.IBAN, x.BIC)
}
