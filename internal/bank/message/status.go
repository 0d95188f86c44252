package message

import (
	"slices"
	"strings"

	"sluice/internal/bank/code"
	"sluice/internal/money"
)

// Status is a status report about one of our orders.
type Status struct {
	OrderID   string // OrgnlMsgId; "" for a placeholder
	OrderKind string // OrgnlMsgNmId, like pain.001.001.09
	// Named says that the report means only the batches and payments that it names, because it
	// does not name their order.
	Named bool
	Verdict
	Batches []BatchStatus
}

// BatchStatus is what a report says about one batch of the order.
type BatchStatus struct {
	BatchID string // OrgnlPmtInfId; "" when the payments stand without a batch
	Verdict
	Payouts []PayoutStatus
}

// PayoutStatus is what a report says about one payment.
type PayoutStatus struct {
	InstructionID string
	EndToEndID    string
	UETR          string
	ServicerRef   string
	Amount        money.Amount
	Currency      string // "" if the report does not repeat the amount
	Verdict
}

// Verdict is a status with its reasons. The zero value says nothing.
type Verdict struct {
	Status  code.Status
	Reasons []StatusReason
}

// StatusReason is why a bank gave a status.
type StatusReason struct {
	Code   string // ISO code, or the bank's own
	Origin string
	Text   string
}

// Reason explains the first reason that has a code.
func (v Verdict) Reason() code.Reason {
	for _, r := range v.Reasons {
		if r.Code != "" {
			return code.ReasonOf(r.Code)
		}
	}
	return code.ReasonOf("")
}

// Level says how closely a status means a payment.
type Level string

// The levels, from the whole order to the payment.
const (
	OrderLevel  Level = "order"
	BatchLevel  Level = "batch"
	PayoutLevel Level = "payout"
)

// Said is what a report says of one payment.
type Said struct {
	Status code.Status
	At     Level        // the closest level that gives a status
	Payout PayoutStatus // at PayoutLevel
	// Proof tells, of a status that rejects, that nothing was or will be paid: see prove.
	Proof bool
	// Reason explains the status: what keeps it from proving, else what proves.
	Reason code.Reason
	Text   string // what the bank wrote beside the reasons of the payment
}

// Digest is a report that many payments are looked up in.
type Digest struct {
	s       Status
	below   []StatusReason // of the report below the level of the order
	batches map[string][]BatchStatus
	payouts map[string][]inBatch // by end-to-end id, and by instruction id where there is none
}

type inBatch struct {
	batch  string // folded; "" for none
	status PayoutStatus
}

// Fold is the form in which references are compared: some banks write them in upper
// case, or with blanks.
func Fold(ref string) string { return strings.ToLower(strings.ReplaceAll(ref, " ", "")) }

// Digest prepares the report for looking payments up in.
func (s Status) Digest() *Digest {
	d := &Digest{s: s, batches: map[string][]BatchStatus{}, payouts: map[string][]inBatch{}}
	for _, b := range s.Batches {
		id := Fold(b.BatchID)
		d.batches[id] = append(d.batches[id], b)
		d.below = append(d.below, b.Reasons...)
		for _, p := range b.Payouts {
			d.below = append(d.below, p.Reasons...)
			key := p.key()
			d.payouts[key] = append(d.payouts[key], inBatch{id, p})
		}
	}
	return d
}

func (p PayoutStatus) key() string {
	if p.EndToEndID != "" {
		return "e2e:" + Fold(p.EndToEndID)
	}
	return "instruction:" + Fold(p.InstructionID)
}

// For gives what the report says of one payment of the order: the closest level that has a
// status wins, and every reason of every level counts. ok is false if the report says
// nothing of it.
func (d *Digest) For(batchID, endToEndID, instructionID string) (out Said, ok bool) {
	batchID = Fold(batchID)
	var own []PayoutStatus
	for _, key := range []string{"e2e:" + Fold(endToEndID), "instruction:" + Fold(instructionID)} {
		for _, p := range d.payouts[key] {
			if key != "instruction:" && (p.batch == "" || p.batch == batchID) {
				own = append(own, p.status)
			}
		}
	}
	var batches []BatchStatus
	if batchID != "" {
		batches = d.batches[batchID]
	}
	if d.s.Named && len(own) == 0 && len(batches) == 0 {
		return out, false
	}
	var payout, batch []StatusReason
	for _, p := range own {
		payout = append(payout, p.Reasons...)
		if p.says() && (!ok || p.Status.Place() >= out.Status.Place()) {
			out.Status, out.At, out.Payout, ok = p.Status, PayoutLevel, p, true
		}
	}
	for _, b := range batches {
		batch = append(batch, b.Reasons...)
		if b.says() && (!ok || out.At == BatchLevel && b.Status.Place() >= out.Status.Place()) {
			out.Status, out.At, ok = b.Status, BatchLevel, true
		}
	}
	if !ok && d.s.says() {
		out.Status, out.At, ok = d.s.Status, OrderLevel, true
	}
	if !ok && len(own) > 0 {
		out.Payout = own[0]
	}
	out.prove(payout, batch, d.s.Reasons, d.beneath(out.At, batches))
	for _, r := range payout {
		out.Text = strings.TrimSpace(out.Text + " " + r.Text)
	}
	return out, ok
}

// beneath gives the reasons below a level, of all that it covers.
func (d *Digest) beneath(at Level, batches []BatchStatus) (out []StatusReason) {
	switch at {
	case OrderLevel:
		return d.below
	case BatchLevel:
		for _, b := range batches {
			for _, p := range b.Payouts {
				out = append(out, p.Reasons...)
			}
		}
	case PayoutLevel:
	}
	return out
}

// prove decides whether a status that rejects proves that nothing was or will be paid. It
// does not if a reason of any level that is about the payment speaks against it (a
// duplicate, a time-out), or one of a whole file or batch is not on the list. It does if a
// reason says so, or if the payment itself is rejected without any. A file or batch that
// is rejected without a reason of its own is explained by those below it, all of them. A
// cancellation needs no reason.
func (s *Said) prove(payout, batch, order, beneath []StatusReason) {
	whole := slices.Concat(batch, order)
	none := len(payout)+len(whole) == 0
	if none && s.Status.Effect() == code.Unpaid {
		whole = beneath
	}
	var doubt, proof, silent *code.Reason
	look := func(list []StatusReason, ofPayment bool) {
		for _, x := range list {
			r := code.ReasonOf(x.Code)
			at := &silent
			switch {
			case r.Proof == code.Open, r.Proof == code.Unlisted && !ofPayment:
				at = &doubt
			case r.Proof == code.Proves, r.Proof == code.ProvesPayment && ofPayment:
				at = &proof
			}
			if *at == nil {
				*at = &r
			}
		}
	}
	look(payout, true)
	look(whole, false)
	s.Proof = doubt == nil && (proof != nil || s.Status == code.Cancelled || none && s.At == PayoutLevel)
	for _, r := range []*code.Reason{doubt, proof, silent} {
		if r != nil {
			s.Reason = *r
			return
		}
	}
	s.Reason = code.ReasonOf("")
}

// says tells whether a level decides anything itself.
func (v Verdict) says() bool { return v.Status != "" && v.Status.Effect() != code.Elsewhere }
