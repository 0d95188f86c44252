package bank

import (
	"context"
	"strings"

	"sluice/internal/bank/match"
	"sluice/internal/bank/message"
)

// lookup is what the names in some bookings mean; see match.Lookup. What it says never
// changes: an order keeps its payments, and a payment its names and its amount.
type lookup struct {
	names    map[string]string // to orders
	payments map[string]match.Named
	rows     map[PaymentKey]Payment
}

var _ match.Lookup = (*lookup)(nil)

// Payment implements match.Lookup.
func (l *lookup) Payment(name string) (match.Named, bool) {
	p, ok := l.payments[name]
	return p, ok
}

// Order implements match.Lookup.
func (l *lookup) Order(name string) (string, bool) {
	id, ok := l.names[name]
	return id, ok
}

// names finds the orders of names.
func (b *Book) names(ctx context.Context, wanted []string) (map[string]string, error) {
	rows, err := b.read.BankNames(ctx, wanted)
	out := make(map[string]string, len(rows))
	for _, r := range rows {
		out[r.Name] = r.Order
	}
	return out, err
}

// look finds everything that these entries name.
func (b *Book) look(ctx context.Context, list []message.Booking) (*lookup, error) {
	var wanted, endToEnd []string
	for _, x := range list {
		for _, n := range match.Wanted(x) {
			if id, ok := strings.CutPrefix(n, "e2e:"); ok {
				endToEnd = append(endToEnd, id)
			} else {
				wanted = append(wanted, n)
			}
		}
	}
	l := &lookup{payments: map[string]match.Named{}, rows: map[PaymentKey]Payment{}}
	rows, err := b.read.BankPaymentsOf(ctx, endToEnd)
	if err != nil {
		return nil, err
	}
	for _, p := range rows {
		l.put("e2e:"+message.Fold(p.EndToEnd), p)
	}
	if l.names, err = b.names(ctx, wanted); err != nil {
		return nil, err
	}
	// Few names are of one payment and no end-to-end id: the bank's own reference that
	// a report gave, or an instruction id.
	for n, order := range l.names {
		ref, own := strings.CutPrefix(n, "bank:")
		instruction, ours := strings.CutPrefix(n, "instruction:")
		if !own && !ours {
			continue
		}
		rows, err := b.read.BankPayments(ctx, order)
		if err != nil {
			return nil, err
		}
		for _, p := range rows {
			if own && message.Fold(p.ServicerRef) == ref || ours && message.Fold(p.Instruction) == instruction {
				l.put(n, p)
			}
		}
	}
	return l, nil
}

func (l *lookup) put(name string, p Payment) {
	l.payments[name] = match.Named{Order: p.Order, Place: int(p.Place), Amount: p.Amount}
	l.rows[p.PaymentKey] = p
}
