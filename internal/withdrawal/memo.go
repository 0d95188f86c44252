package withdrawal

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/signer"
)

// memo is what the signer's log keeps of a withdrawal: enough to make it known again
// after its row was lost. Amounts are minor units.
type memo struct {
	Merchant    string `json:"merchant"`
	Account     string `json:"account"`
	ForeignID   string `json:"foreign_id"`
	Currency    string `json:"currency"`
	Amount      string `json:"amount"`
	Fee         string `json:"fee,omitempty"`
	FeeInside   bool   `json:"fee_inside,omitempty"`
	NetworkHold string `json:"network_hold,omitempty"`
	NetworkRate string `json:"network_rate,omitempty"`
	Address     string `json:"address"`
	Typed       string `json:"typed,omitempty"`
	Tag         string `json:"tag,omitempty"`
	Destination string `json:"destination,omitempty"`
	Payment     string `json:"payment,omitempty"`
	// Metadata is a JSON object of texts.
	Metadata  json.RawMessage `json:"metadata,omitempty"`
	ReleaseAt time.Time       `json:"release_at,omitzero"`
	CreatedAt time.Time       `json:"created_at"`
}

// Memo is what a signer shall keep of a withdrawal in its log, at most signer.MemoMax bytes.
func Memo(at id.ID, w Withdrawal) string {
	public := func(seq id.Seq, k id.Kind) string { return id.ID{Shard: at.Shard, Seq: seq}.Text(k) }
	m := memo{
		Merchant: public(w.Merchant, id.Merchant), Account: public(w.Account, id.Account), ForeignID: w.ForeignID,
		Currency: w.Currency, Amount: w.Amount.Minor(), Fee: above(w.Fee), FeeInside: w.FeeInside, NetworkHold: above(w.NetworkHold), NetworkRate: w.NetworkRate,
		Address: w.Canonical, Typed: w.Typed, Tag: w.Tag, Destination: public(w.Destination, id.Destination), Payment: w.Payment,
		ReleaseAt: w.ReleaseAt, CreatedAt: w.CreatedAt,
	}
	if json.Valid([]byte(w.Metadata)) {
		m.Metadata = json.RawMessage(w.Metadata)
	}
	// What is longest goes first, should all of it be too long.
	for _, shorten := range []func(){func() {}, func() { m.Typed = "" }, func() { m.Payment = "" }, func() { m.Metadata = nil }} {
		shorten()
		b, err := json.Marshal(m)
		if err != nil {
			panic(err) // texts and times: cannot happen
		}
		if len(b) <= signer.MemoMax {
			return string(b)
		}
	}
	return ""
}

// above is an amount that is left out when it is zero.
func above(a money.Amount) string {
	if a.IsZero() {
		return ""
	}
	return a.Minor()
}

// Remembered is the withdrawal that a payout of the signer's log was for, as it was
// accepted, from its public id, what was paid, and its memo. The quote of an exchange is
// lost; what was agreed on is in the amounts.
func Remembered(ref, network string, paid signer.Output) (at id.ID, w Withdrawal, err error) {
	if at, err = id.Parse(id.Withdrawal, ref); err != nil {
		return at, w, err
	}
	if paid.Memo == "" {
		return at, w, fmt.Errorf("the signer's log does not say whose %s was", ref)
	}
	var m memo
	if err := json.Unmarshal([]byte(paid.Memo), &m); err != nil {
		return at, w, fmt.Errorf("what the signer's log says of %s cannot be read: %w", ref, err)
	}
	w = Withdrawal{
		Seq: at.Seq, ForeignID: m.ForeignID, Currency: m.Currency, FeeInside: m.FeeInside, NetworkRate: m.NetworkRate, ReceiveCurrency: paid.Asset,
		Receive: paid.Amount, Payment: m.Payment, Network: network, Typed: m.Typed, Canonical: m.Address, Decoded: paid.To, Tag: m.Tag,
		Metadata: string(m.Metadata), ReleaseAt: m.ReleaseAt, CreatedAt: m.CreatedAt, State: New, Version: 1,
	}
	for _, p := range []struct {
		to   *id.Seq
		kind id.Kind
		text string
	}{{&w.Merchant, id.Merchant, m.Merchant}, {&w.Account, id.Account, m.Account}, {&w.Destination, id.Destination, m.Destination}} {
		if p.text == "" {
			continue
		}
		of, err := id.Parse(p.kind, p.text)
		if err == nil && of.Shard != at.Shard {
			err = errors.New("it is of another shard")
		}
		if err != nil {
			return at, w, fmt.Errorf("what the signer's log says of %s names %q: %w", ref, p.text, err)
		}
		*p.to = of.Seq
	}
	for _, p := range []struct {
		to   *money.Amount
		text string
	}{{&w.Amount, m.Amount}, {&w.Fee, m.Fee}, {&w.NetworkHold, m.NetworkHold}} {
		if *p.to, err = minor(p.text); err != nil {
			return at, w, fmt.Errorf("what the signer's log says of %s has the amount %q: %w", ref, p.text, err)
		}
	}
	return at, w, nil
}
