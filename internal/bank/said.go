package bank

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"sluice/internal/bank/message"
)

// Side is the other side of a booking in the bank's words: a person's data.
type Side struct {
	Name string `json:"name,omitempty"`
	Text string `json:"text,omitempty"`
}

// saidPurpose is what Entry.Counterparty is sealed for, saidMark what it begins with then.
const (
	saidPurpose = "bank.entry"
	saidMark    = "sealed:"
)

// said is what a booking says of its other side, as it is kept: sealed where there are
// keys. Only a booking that ends in suspense keeps it, for the person who looks.
func (b *Book) said(x message.Booking) (string, error) {
	if !x.Booked || x.Kind != message.Statement {
		return "", nil
	}
	d := x.Detail
	s := Side{Name: d.Debtor.Name, Text: first(append(slices.Clone(d.Texts), x.Text)...)}
	if x.Side == message.Debit {
		s.Name = d.Creditor.Name
	}
	if s == (Side{}) {
		return "", nil
	}
	plain, err := json.Marshal(s)
	if err != nil || b.opt.Keys == nil {
		return string(plain), err
	}
	sealed, err := b.opt.Keys.Seal(saidPurpose, plain)
	return saidMark + base64.StdEncoding.EncodeToString(sealed), err
}

// Sealed is what an entry keeps under seal, nil if it keeps nothing so.
func (e Entry) Sealed() []byte {
	text, sealed := strings.CutPrefix(e.Counterparty, saidMark)
	if !sealed {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return raw
}

// Side opens what an entry keeps of its other side.
func (b *Book) Side(e Entry) (s Side, err error) {
	kept := e.Counterparty
	if text, sealed := strings.CutPrefix(kept, saidMark); sealed {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return s, err
		}
		if b.opt.Keys == nil {
			return s, errors.New("it is sealed, and seal.keys is not set")
		}
		if raw, err = b.opt.Keys.Open(saidPurpose, raw); err != nil {
			return s, err
		}
		kept = string(raw)
	}
	if !strings.HasPrefix(kept, "{") {
		return Side{Name: kept}, nil // as it was kept before it was sealed
	}
	return s, json.Unmarshal([]byte(kept), &s)
}
