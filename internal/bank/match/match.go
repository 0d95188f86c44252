// Package match decides what the answers of a bank mean for the payments that were
// sent. It is pure: an order with its payments and a fact go in, the changed order
// and effects come out. It reaches no clock, no file and no database, so the same
// facts give the same effects in a command, in a simulator and in a test.
//
// Facts come late, twice, and in any order. Two rules carry that: a fact fills a place
// in its payment (rejected, debited, credited) and never empties one, and an effect
// follows from the places that are filled, once. Money is released or given back only
// on proof, and every booking of a statement that is not a payment of ours comes out
// as Suspend, so that a person sees it.
package match

import (
	"slices"

	"sluice/internal/bank/code"
	"sluice/internal/bank/message"
	"sluice/internal/money"
)

// State is how far a payment has come in the ledger.
type State string

// The states. They only move down this list.
const (
	Held      State = "held"      // sent, or about to be; the user's money is reserved
	Confirmed State = "confirmed" // out of our account, or settled where the operator trusts that
	Failed    State = "failed"    // rejected before anything was booked: the reservation is released
	Returned  State = "returned"  // was confirmed, came back
)

// Evidence is which bookings say that money moved: the first one of a statement and the
// first one of a notification. They are taken as one movement.
type Evidence struct {
	Statement, Notice               string // keys of bookings; "" for none
	StatementAmount, NoticeAmount   money.Amount
	StatementDay, NoticeDay         message.Day
	StatementReason, NoticeReason   string // of a return, as the bank wrote it
	StatementPresent, NoticePresent bool
}

// Any tells whether there is evidence.
func (e Evidence) Any() bool { return e.StatementPresent || e.NoticePresent }

// Amount is what moved: the statement's word before the notification's.
func (e Evidence) Amount() money.Amount {
	if e.StatementPresent {
		return e.StatementAmount
	}
	return e.NoticeAmount
}

// Reason is the bank's code for why it moved, "" if there is none.
func (e Evidence) Reason() string {
	if e.StatementReason != "" {
		return e.StatementReason
	}
	return e.NoticeReason
}

// Payment is one payment of an order and what is known of it.
type Payment struct {
	// What was sent.
	BatchID       string
	InstructionID string
	EndToEndID    string
	Amount        money.Amount
	Creditor      string // account of the recipient; "" is not compared: see iban.Same

	// What is known.
	State       State
	Status      code.Status // the furthest one the bank reported
	Payee       code.Payee  // result of the verification of the payee; "" for none
	ServicerRef string      // the bank's reference, if it reported one
	Rejected    bool        // on proof
	Reason      string      // the bank's code for Rejected
	Debit       Evidence
	Credit      Evidence
}

// Order is a file that was sent, or is about to be, with its payments.
type Order struct {
	ID       string // MsgId
	Payments []Payment
	// Waiting are bookings of whole batches that do not fit yet: the rejects that
	// explain the sum have not arrived. An operator should look when one stays.
	Waiting []message.Booking
}

// Policy is what the operator decides.
type Policy struct {
	// ConfirmOnSettled takes a reported settlement (ACSC, ACCC) as confirmation before
	// anything is booked.
	ConfirmOnSettled bool
	// PayeeAlerts are the results of the verification of a payee that are alerts: a person
	// releases the order at the bank, or cancels it there. The others are only noted. nil: all but
	// a match.
	PayeeAlerts []code.Payee
}

// alerts tells whether a result of the verification of a payee asks for a person.
func (p Policy) alerts(x code.Payee) bool {
	if p.PayeeAlerts == nil {
		return x != code.PayeeMatch
	}
	return slices.Contains(p.PayeeAlerts, x)
}

// Kind says what an effect does.
type Kind string

// The kinds. Confirm, Fail, Return, Suspend and Charge move money; each happens at most
// once for the Key of its effect.
const (
	Confirm Kind = "confirm" // the reservation becomes a payment out of the bank account
	Fail    Kind = "fail"    // the reservation goes back to the user
	Return  Kind = "return"  // money of a confirmed payment is back: Amount to the user
	Suspend Kind = "suspend" // a booking that was not ordered here: to the suspense list
	Charge  Kind = "charge"  // a charge of the bank inside a booking of payments
	Alert   Kind = "alert"   // moves nothing; a person must look
	Note    Kind = "note"    // moves nothing; for the timeline
)

// Cause says why a booking is suspended or a person must look. It is stable.
type Cause string

// The causes.
const (
	Unmatched       Cause = "unmatched"         // no payment of ours
	ReturnUnnamed   Cause = "return_unnamed"    // money that came back and names no payment of ours
	WrongAmount     Cause = "wrong_amount"      // another amount than was ordered, or more back than went out
	WrongAccount    Cause = "wrong_account"     // another recipient than was ordered
	WrongCurrency   Cause = "wrong_currency"    // not in euro
	OtherWallet     Cause = "other_wallet"      // names a payment that another account of ours was ordered to make
	Second          Cause = "second"            // the payment has such a booking already
	NoReturn        Cause = "no_return"         // names a payment of ours, but is no return and no reversal
	Reversed        Cause = "reversed"          // takes a return back
	AfterReject     Cause = "after_reject"      // booked although the bank rejected it
	RejectBooked    Cause = "reject_booked"     // rejected although the bank booked it: the money must come back
	Differs         Cause = "differs"           // statement and notification disagree
	Partial         Cause = "partial"           // less came back than went out
	BeforeDebit     Cause = "before_debit"      // came back before the debit was seen
	BatchDiffers    Cause = "batch_differs"     // another sum was booked than sent: waits for the rejects
	OpenReject      Cause = "open_reject"       // rejected for a reason that proves nothing: duplicate, time-out
	StatusLook      Cause = "status"            // a status that asks for a person
	UnknownPayment  Cause = "unknown_payment"   // a status for a payment that is not in the order
	UnknownOrder    Cause = "unknown_order"     // a status for an order that we do not know
	StatusAmount    Cause = "status_amount"     // a status that repeats another amount
	RejectConfirmed Cause = "reject_after_paid" // rejected after it was taken as settled
	PayeeCheck      Cause = "payee_check"       // the verification of the payee asks for a person
)

// Effect is what a fact leads to.
type Effect struct {
	Kind Kind
	// Key makes the effect happen once: apply it only if its key was never applied.
	// "" for alerts and notes.
	Key     string
	Payment string // EndToEndID; "" for bookings that match none
	Amount  money.Amount
	// Less is set on a Return of less than was sent: what the bank kept.
	Less    money.Amount
	Reason  code.Reason // of Fail, Return and Alert
	Cause   Cause       // of Suspend and Alert
	Booking message.Booking
	Text    string // for the timeline and the suspense list
}

// NewOrder is an order whose payments nothing is known of, as it is sent.
func NewOrder(o message.Order) Order {
	out := Order{ID: o.ID}
	for _, b := range o.Batches {
		for _, p := range b.Payouts {
			out.Payments = append(out.Payments, Payment{
				BatchID: b.ID, InstructionID: p.InstructionID, EndToEndID: p.EndToEndID, Amount: p.Amount, Creditor: p.Creditor.IBAN.String(), State: Held,
			})
		}
	}
	return out
}

// Open counts the payments whose fate is not decided.
func (o Order) Open() int {
	n := 0
	for _, p := range o.Payments {
		if p.State == Held {
			n++
		}
	}
	return n
}

// Stray is the effect of a booking that names no order of ours. A statement's is
// suspended; of anything else there is only a note, since the statement will tell of it
// again. A booking of zero moves nothing.
func Stray(b message.Booking) []Effect {
	switch {
	case b.Amount.IsZero():
		return []Effect{{Kind: Note, Booking: b, Text: "an entry of zero moves nothing"}}
	case b.Side == message.Credit && b.Returned():
		text := "it is a return that names no payment of ours"
		if r := b.Reason(); r != "" {
			text += " (" + r + ": " + code.ReasonOf(r).Meaning + ")"
		}
		return suspend(b, "", ReturnUnnamed, text)
	}
	return suspend(b, "", Unmatched, "it names no payment of ours")
}

// Short is the effect of a booking that names payments of ours which do not make it.
func Short(b message.Booking) []Effect {
	return suspend(b, "", WrongAmount, "it names payments of ours that do not make its amount")
}

// Elsewhere is the effect of a booking that names payments of another account of ours.
func Elsewhere(b message.Booking) []Effect {
	return suspend(b, "", OtherWallet, "it names a payment that another account of ours was ordered to make")
}

func suspend(b message.Booking, payment string, why Cause, text string) []Effect {
	e := Effect{Kind: Note, Payment: payment, Amount: b.Amount, Cause: why, Booking: b, Text: text}
	if b.Kind == message.Statement && b.Booked && !b.Amount.IsZero() {
		e.Kind, e.Key = Suspend, "suspend:"+b.Key
	}
	return []Effect{e}
}

func alert(payment string, why Cause, b message.Booking, text string) Effect {
	return Effect{Kind: Alert, Payment: payment, Cause: why, Amount: b.Amount, Booking: b, Text: text}
}
