package match

import "sluice/internal/rail/sepa/message"

// Book is many orders in memory, found by the names that bookings and reports use. It
// serves simulators, tests and installations whose store finds orders in the same way:
// by end-to-end id, instruction id, batch id, message id and the bank's reference, in
// this order.
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
	out := []string{"order:" + o.ID}
	for _, p := range o.Payments {
		out = append(out, "e2e:"+p.EndToEndID, "batch:"+p.BatchID)
		if p.InstructionID != "" {
			out = append(out, "instruction:"+p.InstructionID)
		}
		if p.ServicerRef != "" {
			out = append(out, "bank:"+p.ServicerRef)
		}
	}
	return out
}

// Wanted are the names to look a booking's order up with: the first that is known
// counts. A booking that names a payment is never matched by anything weaker.
func Wanted(b message.Booking) []string {
	d := b.Detail
	switch {
	case d.EndToEndID != "":
		return []string{"e2e:" + d.EndToEndID}
	case d.InstructionID != "":
		return []string{"instruction:" + d.InstructionID}
	}
	var out []string
	for _, id := range []string{b.Batch.BatchID, d.BatchID} {
		if id != "" {
			out = append(out, "batch:"+id)
		}
	}
	for _, id := range []string{b.Batch.MessageID, d.MessageID} {
		if id != "" {
			out = append(out, "order:"+id)
		}
	}
	if d.ServicerRef != "" {
		out = append(out, "bank:"+d.ServicerRef)
	}
	return out
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

// Take takes a whole file in, which must have passed its Check.
func (k *Book) Take(f *message.File) []Effect {
	if f.Kind == message.StatusReport {
		o := k.orders[f.Status.OrderID]
		if o == nil {
			return []Effect{{Kind: Alert, Cause: UnknownOrder, Reason: f.Status.Reason(), Text: "the bank reports on order " + f.Status.OrderID + ", which is not ours"}}
		}
		out := o.Status(*f.Status, k.Policy)
		k.index(o)
		return out
	}
	var out []Effect
	for _, b := range f.Bookings() {
		out = append(out, k.Booking(b)...)
	}
	return out
}

// Booking takes one booking in.
func (k *Book) Booking(b message.Booking) []Effect {
	for _, n := range Wanted(b) {
		if o := k.byName[n]; o != nil {
			return o.Booking(b, k.Policy)
		}
	}
	if !b.Booked || b.Kind == message.Intraday {
		return []Effect{{Kind: Note, Amount: b.Amount, Booking: b, Text: "expected, not booked"}}
	}
	return Stray(b)
}
