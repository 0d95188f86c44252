package bankbook

import (
	"strings"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/ledger"
	"sluice/internal/rail/sepa/match"
	"sluice/internal/rail/sepa/message"
)

// The ways in which a person resolves a suspended booking.
const (
	// AsFunding: our own money went into or out of the bank account.
	AsFunding = "funding"
	// AsFee: the bank took or gave back charges or interest.
	AsFee = "fee"
	// AsOffset: it and another suspended booking of the same amount cancel each other.
	AsOffset = "offset"
	// AsReturn: it is a payment of ours that came back without naming it.
	AsReturn = "return"
	// AsExplained: nothing is booked; the text says where the money is accounted for.
	AsExplained = "explained"
)

// Resolutions lists them with one line each.
var Resolutions = [][2]string{
	{AsFunding, "our own money went into or out of the bank account"},
	{AsFee, "charges or interest of the bank"},
	{AsOffset, "it and another suspended booking of the same amount cancel each other (--with)"},
	{AsReturn, "a payment of ours came back without naming it (--withdrawal)"},
	{AsExplained, "the money is accounted for elsewhere; it stays in suspense in the ledger, and the text says where"},
}

// Resolve decides what a suspended booking was, and books it so. Repeating the same
// decision changes nothing. Result: Entry.
type Resolve struct {
	Entry string // key
	With  string // key of the other booking; AsOffset only
	// Payment is what came back; AsReturn only.
	Payment PaymentKey
	As      string
	Text    string // for whoever asks later
	Actor   string
}

// Reads implements commit.Command.
func (c Resolve) Reads(w *commit.Wants) {
	Entries.Want(w, c.Entry)
	if c.With != "" {
		Entries.Want(w, c.With)
	}
	if c.As == AsReturn {
		Payments.Want(w, c.Payment)
	}
	for _, h := range []string{ledger.Suspense, ledger.External, ledger.NetworkFees} {
		ledger.WantHouse(w, h, Currency.Code)
	}
}

// Follow implements commit.Follower.
func (c Resolve) Follow(v *commit.View, w *commit.Wants) {
	if e, ok := Entries.Get(v, c.Entry); ok {
		wantTreasury(w, e.Wallet)
	}
}

// Apply implements commit.Command.
func (c Resolve) Apply(v *commit.View) (any, error) {
	e, ok := Entries.Get(v, c.Entry)
	if !ok {
		return nil, fault.New(fault.NotFound, "entry_not_found", "no such booking")
	}
	if e.State == EntryResolved && e.Resolution == c.As {
		return e, nil
	}
	if e.State != EntrySuspense {
		return nil, fault.New(fault.Conflict, "not_in_suspense", "the booking is %s: only one in suspense can be resolved", e.State)
	}
	if c.Text == "" {
		return nil, fault.Bad("text_missing", "text", "say in a few words what it was: somebody will ask")
	}
	switch c.As {
	case AsFunding:
		return c.book(v, e, ledger.KindFund, ledger.External)
	case AsFee:
		return c.book(v, e, ledger.KindNetworkFee, ledger.NetworkFees)
	case AsExplained:
		return c.end(v, e), nil
	case AsReturn:
		return c.back(v, e)
	case AsOffset:
		other, ok := Entries.Get(v, c.With)
		if !ok || other.State != EntrySuspense || other.Amount != e.Amount || other.Currency != e.Currency || other.Side == e.Side || other.Wallet != e.Wallet {
			return nil, fault.Bad("no_offset", "with", "name another booking in suspense of the same account and amount and of the other side")
		}
		c.end(v, other)
		return c.end(v, e), nil
	}
	return nil, fault.Bad("unknown_resolution", "as", "must be %s, %s, %s, %s or %s", AsFunding, AsFee, AsReturn, AsOffset, AsExplained)
}

// book moves the money out of suspense to where it belongs.
func (c Resolve) book(v *commit.View, e Entry, kind ledger.Kind, house string) (any, error) {
	if e.Currency != Currency.Code {
		return nil, fault.Bad("wrong_currency", "as", "a booking in %s was never in the ledger: use %s", e.Currency, AsExplained)
	}
	t := ledger.Transfer{Kind: kind, Currency: e.Currency, Amount: e.Amount, Debit: ledger.AtHouse(ledger.Suspense), Credit: ledger.AtHouse(house), Cause: e.Seq}
	if e.Side == string(message.Debit) {
		t.Debit, t.Credit = t.Credit, t.Debit
	}
	if _, err := ledger.Post(v, t); err != nil {
		return nil, err
	}
	return c.end(v, e), nil
}

// back takes a booking as the return of a payment. The withdrawal is told afterwards,
// like of any other return.
func (c Resolve) back(v *commit.View, e Entry) (any, error) {
	p, ok := Payments.Get(v, c.Payment)
	if !ok || p.State != match.Confirmed || e.Side != string(message.Credit) || e.Currency != Currency.Code || p.Amount.Less(e.Amount) {
		return nil, fault.Bad("no_return", "withdrawal", "name a withdrawal that was paid by this bank account, with at least the amount that came in")
	}
	debit, credit, err := decodeEvidence(p.Evidence)
	if err != nil {
		return nil, err
	}
	_, key, _ := strings.Cut(e.Key, "|")
	credit.StatementPresent, credit.Statement, credit.StatementAmount, credit.StatementDay = true, key, e.Amount, message.Day(e.Day)
	p.State, p.Back, p.Evidence, p.Told, p.UpdatedAt, p.Version = match.Returned, e.Amount, encodeEvidence(debit, credit), false, v.Now(), p.Version+1
	Payments.Put(v, p)
	if _, err := ledger.Post(v, ledger.Transfer{
		Kind: ledger.KindSuspense, Currency: e.Currency, Amount: e.Amount, Debit: ledger.AtHouse(ledger.Suspense), Credit: treasury(e.Wallet), Cause: e.Seq,
	}); err != nil {
		return nil, err
	}
	e.Order, e.EndToEnd = p.Order, p.EndToEnd
	return c.end(v, e), nil
}

func (c Resolve) end(v *commit.View, e Entry) Entry {
	e.State, e.Resolution, e.ResolvedBy, e.ResolvedAt, e.Version = EntryResolved, c.As, c.Actor, v.Now(), e.Version+1
	e.Text += " | " + c.Text
	Entries.Put(v, e)
	event.Append(v, event.Event{Type: event.BankResolved, Subject: e.Seq, Version: e.Version, State: e.Cause, Actor: c.Actor, Reason: c.As + ": " + c.Text})
	return e
}
