package message

import (
	"crypto/sha256"
	"encoding/json"
	"math/big"

	"sluice/internal/money"
)

// add counts one more entry.
func (s *Sums) add(n Entry) error {
	s.Entries++
	s.Details += len(n.Details)
	s.Unique = s.Unique && (n.ServicerRef != "" || len(n.Details) == 1 && n.Details[0].ServicerRef != "")
	content := n.content()
	s.Content = sum256(s.Content, content)
	if n.Status != Booked {
		return nil
	}
	if n.Day != "" {
		if s.First == "" || n.Day < s.First {
			s.First = n.Day
		}
		s.Last = max(s.Last, n.Day)
	}
	if n.Currency != Euro.Code {
		s.Foreign++
		return nil
	}
	to, reversed := &s.In, &s.ReversedIn
	if n.Side == Debit {
		to, reversed = &s.Out, &s.ReversedOut
	}
	into := []*money.Amount{to}
	if n.Reversal {
		into = append(into, reversed)
	}
	for _, x := range into {
		var err error
		if *x, err = x.Add(n.Amount); err != nil {
			return refuse(Malformed, "the amounts of the statement are too large to add up")
		}
	}
	return nil
}

// content is a digest of what an entry says: what stays the same when a bank sends it again.
// Texts and names are not in it, nor is the number of the entry.
func (n Entry) content() [32]byte {
	type detail struct{ Amount, EndToEnd, Instruction, Ref, Transaction, Debtor, Creditor string }
	x := struct {
		Amount, Currency, Side, Status, Day, Ref string
		Reversal                                 bool
		Batches                                  []string
		Details                                  []detail
	}{Amount: n.Amount.Minor(), Currency: n.Currency, Side: string(n.Side), Status: string(n.Status), Day: string(n.Day), Ref: Fold(n.ServicerRef), Reversal: n.Reversal}
	for _, b := range n.Batches {
		x.Batches = append(x.Batches, Fold(b.BatchID), Fold(b.MessageID))
	}
	for _, d := range n.Details {
		x.Details = append(x.Details, detail{d.Amount.Minor(), Fold(d.EndToEndID), Fold(d.InstructionID), Fold(d.ServicerRef), Fold(d.TransactionID), d.Debtor.Account, d.Creditor.Account})
	}
	raw, err := json.Marshal(x)
	if err != nil {
		panic(err) // texts and truth values: cannot happen
	}
	return sha256.Sum256(raw)
}

// sum256 adds two digests as numbers: the sum does not depend on the order, and two alike
// entries do not cancel each other out.
func sum256(a, b [32]byte) (out [32]byte) {
	x, y := new(big.Int).SetBytes(a[:]), new(big.Int).SetBytes(b[:])
	x.Add(x, y)
	raw := x.Bytes()
	copy(out[max(0, 32-len(raw)):], raw[max(0, len(raw)-32):])
	return out
}
