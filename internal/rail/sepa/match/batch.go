package match

import (
	"slices"

	"sluice/internal/rail/sepa/message"
)

// batch takes in a debit for a whole batch. It is of the payments that were not
// rejected if that is what it amounts to; or of those and the rejected ones that were
// given back one by one; or of all.
func (o *Order) batch(b message.Booking, pol Policy) []Effect {
	if b.Currency != message.Euro.Code {
		return suspend(b, "", WrongCurrency, "it names our batch and is not in EUR")
	}
	if b.Batch.Currency == message.Euro.Code && b.Batch.Total != b.Amount {
		return suspend(b, "", WrongAmount, "the entry and the total of its batch differ")
	}
	all, known := o.undebited(b)
	if known {
		return nil
	}
	var alive, given []*Payment
	for _, p := range all {
		if !p.Rejected {
			alive = append(alive, p)
		}
		if !p.Rejected || p.Credit.Any() {
			given = append(given, p)
		}
	}
	for _, set := range [][]*Payment{alive, given, all} {
		if len(set) > 0 && sum(set) == b.Amount && (b.Batch.Count == 0 || b.Batch.Count == len(set)) {
			return o.debit(set, b, pol)
		}
	}
	switch {
	case len(all) == 0:
		return suspend(b, "", Second, "every payment of the batch is booked already")
	case sum(all).Less(b.Amount):
		return suspend(b, "", WrongAmount, "it is more than what is open of the batch")
	case slices.ContainsFunc(o.Waiting, func(w message.Booking) bool { return w.Kind == b.Kind && w.Key == b.Key }):
		return nil
	}
	o.Waiting = append(o.Waiting, b)
	return []Effect{alert("", BatchDiffers, b, "another sum was booked than was sent: the rejects that explain it have not arrived")}
}

// undebited gives the payments of a booking's batch for which bookings of its kind
// have shown no debit. known tells that this very booking has been taken in.
func (o *Order) undebited(b message.Booking) (open []*Payment, known bool) {
	id := o.batchOf(b)
	for n := range o.Payments {
		p := &o.Payments[n]
		if p.BatchID != id {
			continue
		}
		key, filled := p.Debit.Notice, p.Debit.NoticePresent
		if b.Kind == message.Statement {
			key, filled = p.Debit.Statement, p.Debit.StatementPresent
		}
		if filled && key == b.Key {
			return nil, true
		}
		if !filled {
			open = append(open, p)
		}
	}
	return open, false
}

// debit spreads the debit of a batch over its payments. The part of a rejected payment is
// suspended for itself.
func (o *Order) debit(set []*Payment, b message.Booking, pol Policy) []Effect {
	var out []Effect
	for _, p := range set {
		part := b
		part.Amount = p.Amount
		for _, e := range o.evidence(p, &p.Debit, part, pol) {
			if e.Kind == Suspend {
				e.Key += "/" + p.EndToEndID
			}
			out = append(out, e)
		}
	}
	return out
}

// retry looks again at the bookings that wait, after something has changed.
func (o *Order) retry(pol Policy) []Effect {
	var out []Effect
	for n := 0; n < len(o.Waiting); {
		trial := Order{ID: o.ID, Payments: o.Payments}
		effects := trial.batch(o.Waiting[n], pol)
		if len(trial.Waiting) > 0 {
			n++
			continue
		}
		o.Waiting = slices.Delete(slices.Clone(o.Waiting), n, n+1)
		out = append(out, effects...)
		n = 0 // what was decided may decide another
	}
	return out
}
