package match_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sluice/internal/bank/code"
	"sluice/internal/bank/match"
	"sluice/internal/bank/message"
	"sluice/internal/money"
)

// ledger is what effects do to money, in cents. Applying an effect again changes
// nothing.
type ledger struct {
	applied  map[string]bool
	accounts map[string]int64
}

func newLedger() *ledger { return &ledger{map[string]bool{}, map[string]int64{}} }

func (l *ledger) move(from, to string, a money.Amount) {
	var minor int64
	if _, err := fmt.Sscan(a.Minor(), &minor); err != nil {
		panic(err)
	}
	l.accounts[from] -= minor
	l.accounts[to] += minor
}

func (l *ledger) apply(effects []match.Effect) {
	for _, e := range effects {
		if e.Key == "" || l.applied[e.Key] {
			continue
		}
		l.applied[e.Key] = true
		switch e.Kind {
		case match.Confirm:
			l.move("reserved "+e.Payment, "bank", e.Amount)
		case match.Fail:
			l.move("reserved "+e.Payment, "available "+e.Payment, e.Amount)
		case match.Return:
			l.move("bank", "available "+e.Payment, e.Amount)
		case match.Suspend:
			if e.Booking.Side == message.Debit {
				l.move("suspense", "bank", e.Amount)
			} else {
				l.move("bank", "suspense", e.Amount)
			}
		case match.Charge, match.Alert, match.Note:
		}
	}
}

// nonZero leaves out accounts with nothing on them.
func (l *ledger) nonZero() map[string]int64 {
	out := maps.Clone(l.accounts)
	maps.DeleteFunc(out, func(_ string, v int64) bool { return v == 0 })
	return out
}

// fact is one thing a bank says.
type fact struct {
	booking *message.Booking
	status  *message.Status
}

func (f fact) take(k *match.Book) []match.Effect {
	if f.status != nil {
		return k.Take(&message.File{Kind: message.StatusReport, Status: f.status})
	}
	return k.Booking(*f.booking)
}

// history is what a bank that keeps to the rules does with an order: every payment has
// one fate, and everything is said at least in the statement.
func history(r *rapid.T) (match.Order, []fact) {
	o := match.Order{ID: "M"}
	var facts []fact
	say := func(b message.Booking) {
		facts = append(facts, fact{booking: &b})
		if rapid.Bool().Draw(r, "notice") {
			n := b
			n.Kind = message.Notification
			if rapid.Bool().Draw(r, "other key") {
				n.Key += "n"
			}
			facts = append(facts, fact{booking: &n})
		}
	}
	report := func(s message.Status) { facts = append(facts, fact{status: &s}) }
	for n := range rapid.IntRange(1, 3).Draw(r, "batches") {
		id := fmt.Sprintf("B%d", n)
		atOnce := rapid.Bool().Draw(r, "booked at once")
		var total uint64
		count := 0
		for m := range rapid.IntRange(1, 3).Draw(r, "payments") {
			e2e, euro := fmt.Sprintf("P%d%d", n, m), rapid.Uint64Range(2, 5).Draw(r, "amount")
			o.Payments = append(o.Payments, match.Payment{BatchID: id, EndToEndID: e2e, Amount: money.Of(euro * 100), Creditor: theirs, State: match.Held})
			fates := []string{"paid", "returned", "returned in part", "returned twice", "rejected", "silence"}
			if !atOnce {
				// In a batch that is booked at once, only the total would tell which ones are in it.
				fates = append(fates, "reversed")
			}
			fate := rapid.SampledFrom(fates).Draw(r, "fate")
			if rapid.Bool().Draw(r, "received") {
				report(status(id, e2e, code.Received, ""))
			}
			if rapid.Bool().Draw(r, "sent twice") {
				report(status("", "", code.Rejected, "AM05"))
			}
			if fate == "rejected" || fate == "reversed" {
				report(status(id, e2e, code.Rejected, "AC01"))
			}
			if fate == "rejected" || fate == "silence" && !atOnce {
				continue
			}
			if rapid.Bool().Draw(r, "settled") && fate != "reversed" {
				report(status(id, e2e, code.SettledDebtor, ""))
			}
			if atOnce {
				total, count = total+euro, count+1
			} else {
				say(booking("d"+e2e, e2e, euro))
			}
			switch fate {
			case "reversed":
				say(booking("v"+e2e, e2e, euro, reversal))
			case "returned twice":
				say(booking("s"+e2e, e2e, euro, returned("AC04")))
				fallthrough
			case "returned":
				say(booking("r"+e2e, e2e, euro, returned("AC04")))
			case "returned in part":
				say(booking("r"+e2e, e2e, euro-1, returned("AC04")))
			}
		}
		if count > 0 {
			say(booking("d"+id, "", total, batch(id, rapid.SampledFrom([]int{0, count}).Draw(r, "count"))))
		}
	}
	for n := range rapid.IntRange(0, 2).Draw(r, "strangers") {
		say(booking(fmt.Sprintf("x%d", n), "", 7, rapid.SampledFrom([]option{credit, func(*message.Booking) {}}).Draw(r, "side")))
	}
	return o, facts
}

func run(o match.Order, pol match.Policy, facts []fact) (*ledger, *match.Book) {
	k, l := match.NewBook(pol), newLedger()
	o.Payments = slices.Clone(o.Payments)
	k.Sent(o)
	for _, p := range o.Payments {
		l.move("user", "reserved "+p.EndToEndID, p.Amount)
	}
	for _, f := range facts {
		l.apply(f.take(k))
	}
	return l, k
}

// TestAnyOrderAndDuplicationGivesTheSameLedger: whatever a bank says, late, twice and
// in any order, the ledger ends up the same, and holds what the statement holds.
func TestAnyOrderAndDuplicationGivesTheSameLedger(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		o, facts := history(r)
		pol := match.Policy{ConfirmOnSettled: rapid.Bool().Draw(r, "confirm on settled")}
		want, _ := run(o, pol, facts)

		mixed := slices.Clone(facts)
		for range rapid.IntRange(0, 2*len(facts)).Draw(r, "repeats") {
			if len(facts) > 0 {
				mixed = append(mixed, rapid.SampledFrom(facts).Draw(r, "again"))
			}
		}
		mixed = rapid.Permutation(mixed).Draw(r, "order")
		got, k := run(o, pol, mixed)
		if !maps.Equal(got.nonZero(), want.nonZero()) {
			r.Fatalf("in this order %v\nas it happened %v", got.nonZero(), want.nonZero())
		}
		// The bank account holds what the statement says, but for early confirmations.
		if !pol.ConfirmOnSettled {
			statement := newLedger()
			seen := map[string]bool{}
			for _, f := range facts {
				if b := f.booking; b != nil && b.Kind == message.Statement && !seen[b.Key] {
					seen[b.Key] = true
					statement.apply([]match.Effect{{Kind: match.Suspend, Key: b.Key, Amount: b.Amount, Booking: *b}})
				}
			}
			if got.accounts["bank"] != statement.accounts["bank"] {
				r.Fatalf("the ledger's bank account has %d, the statement's %d", got.accounts["bank"], statement.accounts["bank"])
			}
		}
		for _, order := range k.Orders() {
			if len(order.Waiting) > 0 {
				r.Fatalf("%d bookings wait", len(order.Waiting))
			}
		}
	})
}

// TestWhateverTheBankSaysNoPaymentIsReleasedTwice feeds nonsense: facts that contradict each
// other. Nobody can make sense of them, but money must not be made of them.
func TestWhateverTheBankSaysNoPaymentIsReleasedTwice(t *testing.T) {
	statuses := []code.Status{code.Received, code.InProcess, code.SettledDebtor, code.SettledCreditor, code.Rejected, code.Cancelled, code.Blocked, code.PartlyAccepted, "XXXX"}
	rapid.Check(t, func(r *rapid.T) {
		o := sent()
		k, l := match.NewBook(match.Policy{ConfirmOnSettled: rapid.Bool().Draw(r, "confirm on settled")}), newLedger()
		k.Sent(o)
		bookings := map[string]int64{}
		for n := range rapid.IntRange(1, 25).Draw(r, "facts") {
			if rapid.Bool().Draw(r, "status") {
				s := status(rapid.SampledFrom([]string{"", "A", "B"}).Draw(r, "batch"), rapid.SampledFrom([]string{"", "P1", "P2", "P9"}).Draw(r, "payment"),
					rapid.SampledFrom(statuses).Draw(r, "value"), rapid.SampledFrom([]string{"", "AC01", "AM05"}).Draw(r, "reason"))
				l.apply(fact{status: &s}.take(k))
				continue
			}
			opts := []option{rapid.SampledFrom([]option{credit, reversal, returned("AC04"), func(*message.Booking) {}}).Draw(r, "kind")}
			if rapid.Bool().Draw(r, "notice") {
				opts = append(opts, notice)
			}
			e2e := rapid.SampledFrom([]string{"P1", "P2", "P4", "P9", ""}).Draw(r, "names")
			if e2e == "" {
				opts = append(opts, batch(rapid.SampledFrom([]string{"A", "B", "Z"}).Draw(r, "batch"), rapid.IntRange(0, 3).Draw(r, "count")))
			}
			b := booking(fmt.Sprint("k", rapid.IntRange(0, n).Draw(r, "key")), e2e, rapid.SampledFrom([]uint64{200, 50, 30, 10, 280, 230, 1}).Draw(r, "amount"), opts...)
			bookings[b.Key]++
			l.apply(k.Booking(b))
		}
		for _, order := range k.Orders() {
			for _, p := range order.Payments {
				var amount int64
				if _, err := fmt.Sscan(p.Amount.Minor(), &amount); err != nil {
					r.Fatal(err)
				}
				reserved, available := l.accounts["reserved "+p.EndToEndID], l.accounts["available "+p.EndToEndID]
				if reserved != 0 && reserved != -amount {
					r.Fatalf("%s: %d left the reservation", p.EndToEndID, -reserved)
				}
				if available < 0 || available > amount {
					r.Fatalf("%s: %d given back of %d", p.EndToEndID, available, amount)
				}
			}
		}
	})
}
