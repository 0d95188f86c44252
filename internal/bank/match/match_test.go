package match_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/internal/bank/code"
	"sluice/internal/bank/match"
	"sluice/internal/bank/message"
	"sluice/internal/money"
)

const (
	ours   = "DE02100500000054540402"
	theirs = "NL70ABNA0106295004"
)

// sent is an order with two batches: A has P1 (200.00), P2 (50.00) and P3 (30.00), B has P4 (10.00).
func sent() match.Order {
	pay := func(batch, id string, euro uint64) match.Payment {
		return match.Payment{BatchID: batch, InstructionID: "I" + id, EndToEndID: id, Amount: money.Of(euro * 100), Creditor: theirs, State: match.Held}
	}
	return match.Order{ID: "M", Payments: []match.Payment{pay("A", "P1", 200), pay("A", "P2", 50), pay("A", "P3", 30), pay("B", "P4", 10)}}
}

type option func(*message.Booking)

// booking is a booked debit of a statement that names its payment, unless told otherwise.
func booking(key, e2e string, euro uint64, opts ...option) message.Booking {
	b := message.Booking{
		Kind: message.Statement, Account: ours, Key: key, Amount: money.Of(euro * 100), Currency: "EUR", Side: message.Debit, Booked: true,
		Day: "2026-11-23", Split: true, Detail: message.Detail{EndToEndID: e2e},
	}
	for _, o := range opts {
		o(&b)
	}
	return b
}

func notice(b *message.Booking)   { b.Kind = message.Notification }
func pending(b *message.Booking)  { b.Booked = false }
func credit(b *message.Booking)   { b.Side = message.Credit }
func reversal(b *message.Booking) { b.Side, b.Reversal = message.Credit, true }
func dollars(b *message.Booking)  { b.Currency = "USD" }

func returned(reason string) option {
	return func(b *message.Booking) {
		b.Side, b.Detail.Return = message.Credit, &message.Return{Code: reason}
	}
}

func to(account string) option {
	return func(b *message.Booking) { b.Detail.Creditor.Account = account }
}

func instruction(id string) option {
	return func(b *message.Booking) { b.Detail.InstructionID = id }
}

func batch(id string, count int) option {
	return func(b *message.Booking) {
		b.Split, b.Batch = false, message.BatchInfo{BatchID: id, Count: count}
	}
}

func servicer(ref string) option {
	return func(b *message.Booking) { b.Detail.ServicerRef = ref }
}

// status is a report about one payment, one batch, or with neither about the order.
func status(batch, e2e string, st code.Status, reason string) message.Status {
	v := message.Verdict{Status: st}
	if reason != "" {
		v.Reasons = []message.StatusReason{{Code: reason}}
	}
	s := message.Status{OrderID: "M"}
	switch {
	case e2e != "":
		s.Batches = []message.BatchStatus{{BatchID: batch, Payouts: []message.PayoutStatus{{EndToEndID: e2e, Verdict: v}}}}
	case batch != "":
		s.Batches = []message.BatchStatus{{BatchID: batch, Verdict: v}}
	default:
		s.Verdict = v
	}
	return s
}

// brief writes effects as a line each: kind, payment, amount, cause or reason. Notes
// are left out.
func brief(effects []match.Effect) string {
	var lines []string
	for _, e := range effects {
		if e.Kind == match.Note {
			continue
		}
		words := []string{string(e.Kind), e.Payment}
		if e.Kind != match.Alert {
			words = append(words, message.Euro.Format(e.Amount))
		}
		words = append(words, string(e.Cause), e.Reason.Code)
		lines = append(lines, strings.Join(strings.Fields(strings.Join(words, " ")), " "))
	}
	return strings.Join(lines, "; ")
}

// TestTranscripts: what comes in, and what it leads to, line by line.
func TestTranscripts(t *testing.T) {
	type line struct {
		in   any // message.Booking or message.Status
		want string
	}
	early := match.Policy{ConfirmOnSettled: true}
	cases := []struct {
		name  string
		pol   match.Policy
		lines []line
		open  int
	}{
		{"booked", match.Policy{}, []line{
			{status("", "", code.Received, ""), ""},
			{status("A", "", code.InProcess, ""), ""},
			{booking("b1", "P1", 200, to(theirs)), "confirm P1 200.00"},
			{booking("b1", "P1", 200), ""},
			{booking("n1", "P1", 200, notice), ""},
		}, 3},
		{"a notification is enough", match.Policy{}, []line{
			{booking("n1", "P1", 200, notice), "confirm P1 200.00"},
			{booking("b1", "P1", 200), ""},
		}, 3},
		{"expected is not booked", match.Policy{}, []line{
			{booking("b1", "P1", 200, pending), ""},
		}, 4},
		{"settled proves nothing", match.Policy{}, []line{
			{status("A", "P1", code.SettledDebtor, ""), ""},
			{status("A", "P1", code.SettledCreditor, ""), ""},
		}, 4},
		{"settled is enough where the operator says so", early, []line{
			{status("A", "P1", code.SettledDebtor, ""), "confirm P1 200.00"},
			{booking("b1", "P1", 200), ""},
			{booking("r1", "P1", 200, returned("AC04")), "return P1 200.00 AC04"},
		}, 3},
		{"settled, and back before its debit is seen", early, []line{
			{status("A", "P1", code.SettledDebtor, ""), "confirm P1 200.00"},
			{booking("r1", "P1", 200, returned("AC04")), "alert P1 before_debit"},
			{booking("b1", "P1", 200), "return P1 200.00 AC04"},
		}, 3},
		{"rejected after it counted as settled", early, []line{
			{status("A", "P1", code.SettledDebtor, ""), "confirm P1 200.00"},
			{status("A", "P1", code.Rejected, "AC01"), "alert P1 reject_after_paid AC01"},
		}, 3},
		{"rejected", match.Policy{}, []line{
			{status("A", "P1", code.Rejected, "AC01"), "fail P1 200.00 AC01"},
			{status("A", "P1", code.Rejected, "AC01"), ""},
			{status("A", "P1", code.InProcess, ""), ""},
		}, 3},
		{"a batch rejected", match.Policy{}, []line{
			{status("A", "", code.Rejected, "AC01"), "fail P1 200.00 AC01; fail P2 50.00 AC01; fail P3 30.00 AC01"},
		}, 1},
		{"the order rejected", match.Policy{}, []line{
			{status("", "", code.Rejected, "FF01"), "fail P1 200.00 FF01; fail P2 50.00 FF01; fail P3 30.00 FF01; fail P4 10.00 FF01"},
		}, 0},
		{"rejected without a reason", match.Policy{}, []line{
			{status("A", "P1", code.Rejected, ""), "fail P1 200.00"},
		}, 3},
		{"cancelled", match.Policy{}, []line{
			{status("A", "P1", code.Cancelled, "DS02"), "fail P1 200.00 DS02"},
		}, 3},
		// Sending the same bytes again is answered with a duplicate: proof of the first, not of failure.
		{"duplicate", match.Policy{}, []line{
			{status("", "", code.Rejected, "AM05"), "alert open_reject AM05"},
			{status("A", "P2", code.Rejected, "DU04"), "alert P2 open_reject DU04"},
			{booking("b1", "P1", 200), "confirm P1 200.00"},
			{status("A", "P2", code.Rejected, "AC01"), "fail P2 50.00 AC01"},
		}, 2},
		{"a time-out of an instant payment", match.Policy{}, []line{
			{status("A", "P1", code.Rejected, "AB05"), "alert P1 open_reject AB05"},
		}, 4},
		{"blocked", match.Policy{}, []line{
			{status("A", "P1", code.Blocked, ""), "alert P1 status"},
			{status("A", "P1", code.Blocked, ""), ""},
			{status("A", "P1", code.InProcess, ""), ""},
			{status("A", "P1", code.Blocked, ""), ""},
			{status("", "", code.NeedsSignature, ""), "alert status"},
		}, 4},
		{"the payee's name", match.Policy{}, []line{
			{status("A", "P1", code.VerifyNotFinished, ""), ""},
			{status("A", "P1", code.VerifyClose, ""), "alert P1 payee_check"},
			{status("A", "P1", code.VerifyClose, ""), ""},
			{status("A", "P2", code.VerifyCompleted, ""), ""},
			{status("A", "P3", code.VerifyNone, ""), "alert P3 payee_check"},
			{status("", "", code.VerifyMixed, ""), "alert payee_check"}, // P4, of which nothing else is known
			{status("A", "P1", code.InProcess, ""), ""},
			{status("A", "P1", code.VerifyMismatch, ""), "alert P1 payee_check"}, // later than the rest, and still said
			{status("A", "P3", code.Cancelled, ""), "fail P3 30.00"},
		}, 3},
		{"the payee's name beside another status", match.Policy{}, []line{
			{status("A", "P1", code.SyntaxValid, "CMTC"), "alert P1 payee_check CMTC"},
			{status("A", "P2", code.Pending, "NMTC"), "alert P2 payee_check NMTC"},
			{status("A", "P3", code.SyntaxValid, "MTCH"), ""},
			{status("A", "P2", code.Rejected, "NMTC"), "alert P2 open_reject NMTC"},
		}, 4},
		{"the payee's name where a close one is only noted", match.Policy{PayeeAlerts: []code.Payee{code.PayeeMismatch}}, []line{
			{status("A", "P1", code.VerifyClose, ""), ""},
			{status("A", "P2", code.VerifyMismatch, ""), "alert P2 payee_check"},
			{status("A", "P3", code.VerifyNone, ""), ""},
			{status("B", "P4", code.VerifyMixed, ""), ""},
		}, 4},
		{"status with another amount", match.Policy{}, []line{
			{message.Status{OrderID: "M", Batches: []message.BatchStatus{{BatchID: "A", Payouts: []message.PayoutStatus{{
				EndToEndID: "P1", Amount: money.Of(1), Currency: "EUR", Verdict: message.Verdict{Status: code.Rejected},
			}}}}}, "alert P1 status_amount"},
		}, 4},
		{"status for a payment that is not there", match.Policy{}, []line{
			{status("A", "P9", code.Rejected, "AC01"), "alert P9 unknown_payment AC01"},
		}, 4},
		{"returned", match.Policy{}, []line{
			{booking("b1", "P1", 200), "confirm P1 200.00"},
			{booking("r1", "P1", 200, returned("AC04"), notice), "return P1 200.00 AC04"},
			{booking("r1", "P1", 200, returned("AC04")), ""},
			{booking("r1", "P1", 200, returned("AC04")), ""},
		}, 3},
		{"returned by its code alone", match.Policy{}, []line{
			{booking("b1", "P1", 200), "confirm P1 200.00"},
			{booking("r1", "P1", 200, credit, func(b *message.Booking) { b.Code = message.TransactionCode{Domain: "PMNT", SubFamily: "RRTN"} }), "return P1 200.00"},
		}, 3},
		{"returned after a recall", match.Policy{}, []line{
			{booking("b1", "P1", 200), "confirm P1 200.00"},
			{booking("r1", "P1", 200, returned("FOCR")), "return P1 200.00 FOCR"},
		}, 3},
		{"returned in part", match.Policy{}, []line{
			{booking("b1", "P1", 200), "confirm P1 200.00"},
			{booking("r1", "P1", 195, returned("AC04")), "return P1 195.00 AC04; alert P1 partial"},
		}, 3},
		{"returned before the debit is seen", match.Policy{}, []line{
			{booking("r1", "P1", 200, returned("AC04")), "alert P1 before_debit"},
			{booking("b1", "P1", 200), "confirm P1 200.00; return P1 200.00 AC04"},
		}, 3},
		{"two returns for one payment", match.Policy{}, []line{
			{booking("b1", "P1", 200), "confirm P1 200.00"},
			{booking("r1", "P1", 200, returned("AC04")), "return P1 200.00 AC04"},
			{booking("r2", "P1", 200, returned("AC04")), "suspend P1 200.00 second"},
		}, 3},
		{"more back than out", match.Policy{}, []line{
			{booking("b1", "P1", 200), "confirm P1 200.00"},
			{booking("r1", "P1", 201, returned("AC04")), "suspend P1 201.00 wrong_amount"},
		}, 3},
		{"a credit that only quotes our id", match.Policy{}, []line{
			{booking("b1", "P1", 200), "confirm P1 200.00"},
			{booking("r1", "P1", 200, credit), "suspend P1 200.00 no_return"},
		}, 3},
		{"booked, then rejected, then reversed", match.Policy{}, []line{
			{booking("b1", "P1", 200), "confirm P1 200.00"},
			{status("A", "P1", code.Rejected, "AC01"), "alert P1 reject_booked AC01"},
			{booking("v1", "P1", 200, reversal), "return P1 200.00 AC01"},
		}, 3},
		{"rejected, then booked, then reversed", match.Policy{}, []line{
			{status("A", "P1", code.Rejected, "AC01"), "fail P1 200.00 AC01"},
			{booking("b1", "P1", 200), "suspend P1 200.00 after_reject"},
			{booking("v1", "P1", 200, reversal), "suspend P1 200.00 after_reject"},
			{booking("v1", "P1", 200, reversal), ""},
		}, 3},
		{"reversed, then rejected, then booked", match.Policy{}, []line{
			{booking("v1", "P1", 200, reversal), "alert P1 before_debit"},
			{status("A", "P1", code.Rejected, "AC01"), "fail P1 200.00 AC01; suspend P1 200.00 after_reject"},
			{booking("b1", "P1", 200), "suspend P1 200.00 after_reject"},
		}, 3},
		{"paid twice by the bank", match.Policy{}, []line{
			{booking("b1", "P1", 200), "confirm P1 200.00"},
			{booking("b2", "P1", 200), "suspend P1 200.00 second"},
		}, 3},
		{"another amount", match.Policy{}, []line{
			{booking("b1", "P1", 199), "suspend P1 199.00 wrong_amount"},
		}, 4},
		{"another recipient", match.Policy{}, []line{
			{booking("b1", "P1", 200, to("FR1420041010050500013M02606")), "suspend P1 200.00 wrong_account"},
		}, 4},
		{"another currency", match.Policy{}, []line{
			{booking("b1", "P1", 200, dollars), "suspend P1 200.00 wrong_currency"},
			{booking("b2", "", 280, dollars, batch("A", 3)), "suspend 280.00 wrong_currency"},
		}, 4},
		{"a return taken back", match.Policy{}, []line{
			{booking("b1", "P1", 200, func(b *message.Booking) { b.Reversal = true }), "suspend P1 200.00 reversed"},
		}, 4},
		{"statement and notification differ", match.Policy{}, []line{
			{booking("b1", "P1", 200), "confirm P1 200.00"},
			{booking("r1", "P1", 200, returned("AC04"), notice), "return P1 200.00 AC04"},
			{booking("r1", "P1", 195, returned("AC04")), "suspend P1 195.00 differs"},
		}, 3},
		{"by instruction id", match.Policy{}, []line{
			{booking("b1", "", 200, instruction("IP1")), "confirm P1 200.00"},
		}, 3},
		{"an unknown end-to-end id is not saved by an instruction id", match.Policy{}, []line{
			{booking("b1", "P9", 200, instruction("IP1")), "suspend 200.00 unmatched"},
		}, 4},
		{"by the bank's reference", match.Policy{}, []line{
			{message.Status{OrderID: "M", Batches: []message.BatchStatus{{BatchID: "A", Payouts: []message.PayoutStatus{{
				EndToEndID: "P1", ServicerRef: "R1", Verdict: message.Verdict{Status: code.InProcess},
			}}}}}, ""},
			{booking("b1", "", 200, servicer("R1")), "confirm P1 200.00"},
		}, 3},
		{"an amount alone matches nothing", match.Policy{}, []line{
			{booking("b1", "", 200), "suspend 200.00 unmatched"},
			{booking("n1", "", 200, notice), ""},
		}, 4},
		{"a batch booked at once", match.Policy{}, []line{
			{booking("b1", "", 280, batch("A", 3)), "confirm P1 200.00; confirm P2 50.00; confirm P3 30.00"},
			{booking("b1", "", 280, batch("A", 3)), ""},
			{booking("n1", "", 280, batch("A", 3), notice), ""},
			{booking("b2", "", 280, batch("A", 3)), "suspend 280.00 second"},
		}, 1},
		{"a batch without the rejected one", match.Policy{}, []line{
			{status("A", "P2", code.Rejected, "AC01"), "fail P2 50.00 AC01"},
			{booking("b1", "", 230, batch("A", 2)), "confirm P1 200.00; confirm P3 30.00"},
		}, 1},
		{"a batch booked before its rejects are known", match.Policy{}, []line{
			{booking("b1", "", 200, batch("A", 1)), "alert batch_differs"},
			{booking("b1", "", 200, batch("A", 1)), ""},
			{status("A", "P2", code.Rejected, "AC01"), "fail P2 50.00 AC01"},
			{status("A", "P3", code.Rejected, "AC01"), "fail P3 30.00 AC01; confirm P1 200.00"},
		}, 1},
		{"a batch with another count", match.Policy{}, []line{
			{booking("b1", "", 280, batch("A", 4)), "alert batch_differs"},
		}, 4},
		{"a batch booked with the rejected one, which is given back", match.Policy{}, []line{
			{status("A", "P2", code.Rejected, "AC01"), "fail P2 50.00 AC01"},
			{booking("b1", "", 280, batch("A", 3)), "confirm P1 200.00; suspend P2 50.00 after_reject; confirm P3 30.00"},
			{booking("v1", "P2", 50, reversal), "suspend P2 50.00 after_reject"},
		}, 1},
		{"a batch that only what is given back explains", match.Policy{}, []line{
			{status("A", "P2", code.Rejected, "AC01"), "fail P2 50.00 AC01"},
			{status("A", "P3", code.Rejected, "AC01"), "fail P3 30.00 AC01"},
			{booking("b1", "", 250, batch("A", 2)), "alert batch_differs"},
			{booking("v1", "P2", 50, reversal), "suspend P2 50.00 after_reject; confirm P1 200.00; suspend P2 50.00 after_reject"},
		}, 1},
		{"more than the batch", match.Policy{}, []line{
			{booking("b1", "", 281, batch("A", 3)), "suspend 281.00 wrong_amount"},
		}, 4},
		{"a batch whose total says otherwise", match.Policy{}, []line{
			{booking("b1", "", 280, batch("A", 3), func(b *message.Booking) { b.Batch.Total, b.Batch.Currency = money.Of(281_00), "EUR" }), "suspend 280.00 wrong_amount"},
		}, 4},
		{"a batch of one needs no payment's name", match.Policy{}, []line{
			{booking("b1", "", 10, func(b *message.Booking) { b.Detail.BatchID = "B" }), "confirm P4 10.00"},
		}, 3},
		{"a detail that names only a larger batch", match.Policy{}, []line{
			{booking("b1", "", 200, func(b *message.Booking) { b.Detail.BatchID = "A" }), "suspend 200.00 unmatched"},
		}, 4},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := sent()
			for n, l := range c.lines {
				var effects []match.Effect
				switch in := l.in.(type) {
				case message.Booking:
					effects = o.Booking(in, c.pol)
				case message.Status:
					effects = o.Status(in, c.pol)
				}
				if got := brief(effects); got != l.want {
					t.Errorf("line %d: got %q, want %q", n, got, l.want)
				}
			}
			if o.Open() != c.open {
				t.Errorf("%d payments are open, want %d", o.Open(), c.open)
			}
		})
	}
}

func TestBook(t *testing.T) {
	k := match.NewBook(match.Policy{})
	k.Sent(sent())
	k.Sent(match.Order{ID: "N", Payments: []match.Payment{{BatchID: "C", EndToEndID: "P5", Amount: money.Of(500), State: match.Held}}})
	k.Sent(match.Order{ID: "M"}) // known already: nothing changes
	for _, c := range []struct {
		in   message.Booking
		want string
	}{
		{booking("1", "P5", 5), "confirm P5 5.00"},
		{booking("2", "", 280, batch("A", 3)), "confirm P1 200.00; confirm P2 50.00; confirm P3 30.00"},
		{booking("3", "X", 1), "suspend 1.00 unmatched"},
		{booking("4", "X", 1, notice), ""},
		{booking("5", "X", 1, pending), ""},
		{booking("6", "", 5, func(b *message.Booking) { b.Split, b.Batch.MessageID = false, "N" }), "suspend 5.00 second"},
	} {
		if got := brief(k.Booking(c.in)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.in.Key, got, c.want)
		}
	}
	unknown := status("", "", code.Rejected, "AM05")
	unknown.OrderID = "Z"
	if got := brief(k.Take(&message.File{Kind: message.StatusReport, Status: &unknown})); got != "alert unknown_order AM05" {
		t.Errorf("got %q", got)
	}
	if o, ok := k.Order("N"); !ok || o.Open() != 0 || o.Payments[0].State != match.Confirmed {
		t.Errorf("%+v", o)
	}
	if list := k.Orders(); len(list) != 2 || list[0].ID != "M" {
		t.Errorf("%d orders", len(list))
	}
}

// TestEffectsHappenOnce: effects that move money carry a key, and no two effects of
// different meaning share one.
func TestEffectsHappenOnce(t *testing.T) {
	o := sent()
	var all []match.Effect
	take := func(e []match.Effect) { all = append(all, e...) }
	take(o.Status(status("A", "P2", code.Rejected, "AC01"), match.Policy{}))
	take(o.Booking(booking("b1", "", 280, batch("A", 3)), match.Policy{}))
	take(o.Booking(booking("v1", "P2", 50, reversal), match.Policy{}))
	take(o.Booking(booking("r1", "P1", 200, returned("MD07")), match.Policy{}))
	take(o.Booking(booking("r2", "P1", 200, returned("MD07")), match.Policy{}))
	var keys []string
	for _, e := range all {
		moves := slices.Contains([]match.Kind{match.Confirm, match.Fail, match.Return, match.Suspend}, e.Kind)
		if moves == (e.Key == "") {
			t.Errorf("%s %s has key %q", e.Kind, e.Payment, e.Key)
		}
		if moves {
			if slices.Contains(keys, e.Key) {
				t.Errorf("key %q twice", e.Key)
			}
			keys = append(keys, e.Key)
		}
		if e.Kind == match.Return && e.Reason.Audience != code.Neutral {
			t.Errorf("%+v", e.Reason)
		}
	}
	if got := fmt.Sprint(keys); got != "[fail:P2 confirm:P1 suspend:b1/P2 confirm:P3 suspend:v1 return:P1 suspend:r2]" {
		t.Errorf("got %s", got)
	}
}
