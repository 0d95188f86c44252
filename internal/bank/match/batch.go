package match

import (
	"slices"

	"sluice/internal/bank/message"
	"sluice/internal/money"
)

// Batch takes in a booking for a whole batch of the order. A debit is of the payments that
// were not rejected if that is what it amounts to; or of those and the rejected ones that
// were given back one by one; or of all. A return is of all that were debited and did not
// come back.
func (o *Order) Batch(b message.Booking, pol Policy) []Effect {
	switch {
	case !Moves(b):
		return expected(b)
	case o.batchOf(b) == "" || b.Amount.IsZero():
		return Stray(b)
	case b.Currency != message.Euro.Code:
		return suspend(b, "", WrongCurrency, "it names our batch and is not in EUR")
	case b.Side == message.Debit && b.Reversal:
		return suspend(b, "", Reversed, "it takes back money that had come back")
	case b.Batch.Currency == message.Euro.Code && b.Batch.Total != b.Amount && !slices.Contains(candidates(b), b.Batch.Total):
		return suspend(b, "", WrongAmount, "the entry and the total of its batch differ")
	case b.Side == message.Credit:
		return o.batchBack(b, pol)
	}
	all, known := o.unbooked(b)
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
		if len(set) > 0 && slices.Contains(candidates(b), sum(set)) && (b.Batch.Count == 0 || b.Batch.Count == len(set)) {
			return o.spread(set, b, pol)
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

// candidates are what the payments of a booking may amount to: all of it, or all but what
// the bank says it charged.
func candidates(b message.Booking) []money.Amount {
	out := []money.Amount{b.Amount}
	for _, c := range b.Charges {
		rest, err := b.Amount.Sub(c)
		if b.Side == message.Credit {
			rest, err = b.Amount.Add(c)
		}
		if err == nil && !rest.IsZero() {
			out = append(out, rest)
		}
	}
	return out
}

// batchOf is the batch of this order that a booking without a payment's name is about.
func (o *Order) batchOf(b message.Booking) string {
	id, order := message.Fold(first(b.Batch.BatchID, b.Detail.BatchID)), message.Fold(first(b.Batch.MessageID, b.Detail.MessageID))
	batches := map[string]int{}
	name := ""
	for n := range o.Payments {
		name = o.Payments[n].BatchID
		batches[message.Fold(name)]++
	}
	if batches[id] > 0 && id != "" {
		if b.Split && batches[id] > 1 && b.Batch.BatchID == "" {
			return "" // a detail of a larger batch: which one, it does not say
		}
		return id
	}
	if order != message.Fold(o.ID) || len(batches) != 1 || b.Split && len(o.Payments) > 1 && b.Batch.MessageID == "" {
		return ""
	}
	return message.Fold(name)
}

// unbooked gives the payments of a booking's batch for which bookings of its kind and
// side have shown nothing. known tells that this very booking has been taken in.
func (o *Order) unbooked(b message.Booking) (open []*Payment, known bool) {
	id := o.batchOf(b)
	for n := range o.Payments {
		p := &o.Payments[n]
		if message.Fold(p.BatchID) != id {
			continue
		}
		key, filled := p.place(b.Side).of(b.Kind)
		if filled && key == b.Key {
			return nil, true
		}
		if !filled {
			open = append(open, p)
		}
	}
	return open, false
}

// batchBack takes in the return of a whole batch.
func (o *Order) batchBack(b message.Booking, pol Policy) []Effect {
	if !b.Returned() && !b.Reversal {
		return suspend(b, "", NoReturn, "it names our batch and is neither a return nor a reversal")
	}
	all, known := o.unbooked(b)
	if known {
		return nil
	}
	paid := slices.DeleteFunc(slices.Clone(all), func(p *Payment) bool { return !p.Debit.Any() })
	for _, set := range [][]*Payment{paid, all} {
		if len(set) > 0 && slices.Contains(candidates(b), sum(set)) && (b.Batch.Count == 0 || b.Batch.Count == len(set)) {
			return o.spread(set, b, pol)
		}
	}
	return suspend(b, "", WrongAmount, "it gives back another sum than the payments of the batch that were booked")
}

// spread spreads a booking over payments. The part of a rejected payment is suspended for
// itself.
func (o *Order) spread(set []*Payment, b message.Booking, pol Policy) []Effect {
	var fee money.Amount
	if total := sum(set); b.Side == message.Debit {
		fee, _ = b.Amount.Sub(total) // candidates gives no more than the booking
	} else {
		fee, _ = total.Sub(b.Amount)
	}
	var out []Effect
	for _, p := range set {
		out = append(out, p.part(b.Of(p.EndToEndID, p.Amount), pol)...)
	}
	return charged(b, fee, out)
}

// Retry looks again at the bookings that wait, after something has changed.
func (o *Order) Retry(pol Policy) []Effect {
	var out []Effect
	for n := 0; n < len(o.Waiting); {
		trial := Order{ID: o.ID, Payments: o.Payments}
		effects := trial.Batch(o.Waiting[n], pol)
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
