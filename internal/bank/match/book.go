package match

import (
	"maps"
	"slices"

	"sluice/internal/bank/message"
)

// Book is many orders in memory, found by the names that bookings and reports use. It
// serves simulators and tests; a store finds orders in the same way.
type Book struct {
	Policy  Policy
	orders  map[string]*Order
	byName  map[string]*Order // kind of name and name
	sentAll []*Order
}

// NewBook is a book without orders.
func NewBook(pol Policy) *Book {
	return &Book{Policy: pol, orders: map[string]*Order{}, byName: map[string]*Order{}}
}

// Names are what an order is found by. The ones of its payments are unique for ever.
func (o Order) Names() []string {
	out := []string{name("order", o.ID)}
	for _, p := range o.Payments {
		out = append(out, names("e2e", p.EndToEndID, "batch", p.BatchID, "instruction", p.InstructionID, "bank", p.ServicerRef)...)
	}
	return out
}

// Payment implements Lookup for one order.
func (o *Order) Payment(wanted string) (Named, bool) {
	for n, p := range o.Payments {
		for _, have := range names("e2e", p.EndToEndID, "instruction", p.InstructionID, "bank", p.ServicerRef) {
			if have == wanted {
				return Named{o.ID, n, p.Amount}, true
			}
		}
	}
	return Named{}, false
}

// Order implements Lookup for one order.
func (o *Order) Order(wanted string) (string, bool) {
	for _, p := range o.Payments {
		if name("batch", p.BatchID) == wanted {
			return o.ID, true
		}
	}
	return o.ID, name("order", o.ID) == wanted
}

// Booking takes in one movement of our account, as far as it is about this order.
func (o *Order) Booking(b message.Booking, pol Policy) (out []Effect) {
	for _, s := range Divide(b, o) {
		out = append(out, o.share(s, pol)...)
	}
	return out
}

func (o *Order) share(s Share, pol Policy) []Effect {
	var out []Effect
	switch {
	case len(s.Payments) > 0:
		var set []*Payment
		for _, p := range s.Payments {
			set = append(set, &o.Payments[p.Place])
		}
		out = Take(s.Booking, set, s.Fee, pol)
	case s.Order != "":
		out = o.Batch(s.Booking, pol)
	case !Moves(s.Booking):
		return expected(s.Booking)
	default:
		return Stray(s.Booking)
	}
	return append(out, o.Retry(pol)...)
}

// Sent puts an order in the book. One that is there already stays as it is.
func (k *Book) Sent(o Order) {
	if k.orders[o.ID] != nil {
		return
	}
	kept := &o
	k.orders[o.ID] = kept
	k.sentAll = append(k.sentAll, kept)
	k.index(kept)
}

func (k *Book) index(o *Order) {
	for _, n := range o.Names() {
		k.byName[n] = o
	}
}

// Order gives an order by its id.
func (k *Book) Order(id string) (Order, bool) {
	if o := k.orders[id]; o != nil {
		return *o, true
	}
	return Order{}, false
}

// Orders gives all orders in the order in which they were sent.
func (k *Book) Orders() []Order {
	out := make([]Order, len(k.sentAll))
	for n, o := range k.sentAll {
		out[n] = *o
	}
	return out
}

// Take takes a whole message in, which must have passed its Check.
func (k *Book) Take(f *message.File) []Effect {
	if f.Kind == message.StatusReport {
		return k.Status(*f.Status)
	}
	var out []Effect
	for _, a := range f.Accounts {
		keys := message.NewKeys(f.Kind, a.Number, a.Name(f))
		for _, n := range a.Entries {
			b := a.True(n).Booking(f.Kind, a.Number)
			b.Place = keys.Place(n)
			for _, s := range Divide(b, found{k}) {
				s.Booking.Key, _ = keys.Of(s.Booking)
				out = append(out, k.share(s)...)
			}
		}
	}
	return out
}

// Status takes in a report.
func (k *Book) Status(s message.Status) []Effect {
	var out []Effect
	parts := ByOrder(s, found{k}.Order)
	for _, id := range slices.Sorted(maps.Keys(parts)) {
		o := k.orders[id]
		out = append(out, o.Status(parts[id], k.Policy)...)
		k.index(o)
	}
	if len(parts) == 0 {
		return []Effect{{Kind: Alert, Cause: UnknownOrder, Reason: s.Reason(), Text: "the bank reports on order " + s.OrderID + ", which is not ours"}}
	}
	return out
}

// Booking takes one movement in.
func (k *Book) Booking(b message.Booking) (out []Effect) {
	for _, s := range Divide(b, found{k}) {
		out = append(out, k.share(s)...)
	}
	return out
}

func (k *Book) share(s Share) []Effect {
	id := s.Order
	if len(s.Payments) > 0 {
		id = s.Payments[0].Order // one order in a simulator
	}
	o := k.orders[id]
	if o == nil {
		o = &Order{}
	}
	return o.share(s, k.Policy)
}

// found is the book as a Lookup.
type found struct{ *Book }

// Payment implements Lookup.
func (f found) Payment(n string) (Named, bool) {
	if o := f.byName[n]; o != nil {
		return o.Payment(n)
	}
	return Named{}, false
}

// Order implements Lookup.
func (f found) Order(n string) (string, bool) {
	if o := f.byName[n]; o != nil {
		return o.ID, true
	}
	return "", false
}
