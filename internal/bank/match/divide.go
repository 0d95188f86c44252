package match

import (
	"slices"

	"sluice/internal/bank/message"
	"sluice/internal/money"
)

// Named is a payment of ours that a booking names.
type Named struct {
	Order  string
	Place  int // in the order
	Amount money.Amount
}

// Lookup finds what names mean; they are written as Names and Wanted write them.
type Lookup interface {
	// Payment finds the payment of a name of one: e2e, instruction or bank.
	Payment(name string) (Named, bool)
	// Order finds the order of a name of a batch or an order.
	Order(name string) (string, bool)
}

// Share is an entry, or a part of one, with what it is about: payments (one or several
// that it moves together), else a batch of an order, else nothing of ours.
type Share struct {
	Booking  message.Booking
	Payments []Named
	// Fee is what the bank says it charged in Booking.Amount, beside Payments.
	Fee   money.Amount
	Order string // of a batch; "" with Payments
	// Short says that the details name payments of ours which do not make the amount.
	Short bool
}

// ours are names of payments, closest first: a booking that has one of a kind is never
// looked for by a weaker kind. Only our own instruction ids are known, so that the
// bank's are no name.
func ours(d message.Detail, entryRef string) []string {
	if d.EndToEndID != "" {
		return []string{name("e2e", d.EndToEndID)}
	}
	return names("instruction", d.InstructionID, "bank", d.ServicerRef, "bank", entryRef)
}

// whole are names of batches and orders.
func whole(b message.BatchInfo, d message.Detail) []string {
	return names("batch", b.BatchID, "batch", d.BatchID, "order", b.MessageID, "order", d.MessageID)
}

func names(pairs ...string) (out []string) {
	for pair := range slices.Chunk(pairs, 2) {
		if kind, ref := pair[0], pair[1]; ref != "" {
			out = append(out, name(kind, ref))
		}
	}
	return out
}

func name(kind, ref string) string { return kind + ":" + message.Fold(ref) }

// Wanted are all names that an entry may be looked up with.
func Wanted(b message.Booking) []string {
	out := append(ours(b.Detail, b.Ref), whole(b.Batch, b.Detail)...)
	for _, d := range b.Details {
		out = append(out, append(ours(d, ""), whole(message.BatchInfo{}, d)...)...)
	}
	return out
}

// Names are the names by which Divide would have found what the share is about, if it is
// about nothing of ours: by those of payments closer than instruction ids and references of the
// bank, which may mean several.
func (s Share) Names() (out []string) {
	b := s.Booking
	for _, d := range slices.Concat(b.Details, []message.Detail{b.Detail}) {
		out = append(out, names("e2e", d.EndToEndID)...)
	}
	if b.Detail.EndToEndID == "" {
		out = append(out, whole(b.Batch, b.Detail)...)
	}
	return out
}

// Divide takes an entry apart: into its details, where they make it and are about
// different things; else it stays whole. The shares make the entry, to the cent.
func Divide(b message.Booking, find Lookup) []Share {
	if len(b.Details) == 0 {
		return []Share{single(b, find)}
	}
	if b.AddUp() {
		return details(b, find)
	}
	set, all := allNamed(b, find)
	if all {
		if fee, ok := makes(b, set); ok {
			return []Share{{Booking: b, Payments: set, Fee: fee}}
		}
	}
	return []Share{{Booking: b, Order: orderOf(whole(b.Batch, b.Detail), find), Short: len(set) > 0}}
}

// single is an entry without details, or with one.
func single(b message.Booking, find Lookup) Share {
	p, ok := paymentOf(ours(b.Detail, b.Ref), find)
	if !ok {
		s := Share{Booking: b}
		if b.Detail.EndToEndID == "" {
			s.Order = orderOf(whole(b.Batch, b.Detail), find)
		}
		return s
	}
	fee, _ := makes(b, []Named{p})
	if b.Side == message.Credit {
		fee = money.Amount{} // what the bank kept of a return is the user's loss
	}
	return Share{Booking: b, Payments: []Named{p}, Fee: fee}
}

// details is an entry whose details make it. Those that name a payment stand for
// themselves, and so do those that name something foreign. What names only a batch of ours, or
// nothing in an entry of one, belongs together.
func details(b message.Booking, find Lookup) []Share {
	type group struct {
		order string
		batch message.BatchInfo
	}
	var out []Share
	var order []group
	rest := map[group][]message.Detail{}
	for _, d := range b.Details {
		part := Share{Booking: b.Part(d)}
		if p, ok := paymentOf(ours(d, ""), find); ok {
			part.Payments = []Named{p}
			part.Fee, _ = makes(part.Booking, part.Payments)
			if b.Side == message.Credit {
				part.Fee = money.Amount{}
			}
			out = append(out, part)
			continue
		}
		g := group{batch: message.BatchInfo{BatchID: d.BatchID, MessageID: d.MessageID}}
		if g.order = orderOf(whole(g.batch, d), find); g.order == "" {
			g.batch = b.Batch
			g.order = orderOf(whole(b.Batch, message.Detail{}), find)
		}
		if d.EndToEndID != "" || g.order == "" {
			out = append(out, part)
			continue
		}
		if rest[g] == nil {
			order = append(order, g)
		}
		rest[g] = append(rest[g], d)
	}
	for _, g := range order {
		s := Share{Booking: b, Order: g.order}
		if list := rest[g]; len(list) < len(b.Details) {
			// The sum cannot be too large: it is at most the entry's.
			s.Booking, _ = b.Rest(list)
			s.Booking.Place += g.batch.BatchID
			s.Booking.Batch = message.BatchInfo{BatchID: g.batch.BatchID, MessageID: g.batch.MessageID}
		} else if b.Batch.BatchID == "" && b.Batch.MessageID == "" {
			s.Booking.Batch.BatchID, s.Booking.Batch.MessageID = g.batch.BatchID, g.batch.MessageID
		}
		out = append(out, s)
	}
	return out
}

// allNamed gives the payments that the details name, and whether each names one of its own.
func allNamed(b message.Booking, find Lookup) (set []Named, all bool) {
	all = true
	seen := map[Named]bool{}
	for _, d := range b.Details {
		p, ok := paymentOf(ours(d, ""), find)
		all = all && ok && !seen[p]
		if ok && !seen[p] {
			seen[p] = true
			set = append(set, p)
		}
	}
	return set, all
}

// makes tells whether payments make a booking, and which part of it is a charge of the
// bank: it adds to what went out, and takes from what came back.
func makes(b message.Booking, set []Named) (fee money.Amount, ok bool) {
	amounts := make([]money.Amount, len(set))
	for n, p := range set {
		amounts[n] = p.Amount
	}
	total, err := money.Sum(amounts...)
	if err != nil {
		return fee, false
	}
	if total == b.Amount {
		return fee, true
	}
	large, small := b.Amount, total
	if b.Side == message.Credit {
		large, small = total, b.Amount
	}
	diff, err := large.Sub(small)
	if err != nil || !slices.Contains(b.Charges, diff) {
		return fee, false
	}
	return diff, true
}

func paymentOf(names []string, find Lookup) (Named, bool) {
	for _, n := range names {
		if p, ok := find.Payment(n); ok {
			return p, true
		}
	}
	return Named{}, false
}

func orderOf(names []string, find Lookup) string {
	for _, n := range names {
		if o, ok := find.Order(n); ok {
			return o
		}
	}
	return ""
}
