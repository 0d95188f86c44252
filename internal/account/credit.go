package account

import (
	"encoding/json"
	"errors"
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/money"
)

// The states of a credit.
const (
	CreditPending = "pending"
	CreditSettled = "settled"
)

// Credit is money that came in for an account: a sale, a deposit, a win.
type Credit struct {
	Seq         id.Seq
	Merchant    id.Seq
	Account     id.Seq
	Currency    string
	Amount      money.Amount
	State       string    // CreditPending or CreditSettled
	AvailableAt time.Time // when a pending credit settles by itself; zero: only when told
	Reference   string    // the merchant's word for it
	CreatedAt   time.Time
	SettledAt   time.Time // zero while pending
	Version     int64
}

// Credits is the table of credits.
var Credits = commit.NewTable("credit", func(c *Credit) id.Seq { return c.Seq })

// Answer implements commit.Answerer: see AsCreated.
func (c Credit) Answer() commit.Answer { return commit.Answer{Ref: c.Seq} }

// AsCreated is the credit as it was when it was made: what a repeat of the request
// is answered with.
func (c Credit) AsCreated() Credit {
	c.Version = 1
	if !c.SettledAt.Equal(c.CreatedAt) {
		c.State, c.SettledAt = CreditPending, time.Time{}
	}
	return c
}

// AddCredit credits an account. Without Pending the money is available at once.
// Result: Credit.
type AddCredit struct {
	Merchant    id.Seq
	Account     id.Seq
	Asset       money.Asset
	Amount      money.Amount
	Pending     bool      // the money is not settled yet
	AvailableAt time.Time // with Pending: when it settles by itself; zero: when told
	Reference   string
	Actor       string
}

// Reads implements commit.Command.
func (c AddCredit) Reads(w *commit.Wants) {
	ledger.Accounts.Want(w, c.Account)
	ledger.WantBalance(w, c.Account, c.Asset.Code)
	ledger.WantHouse(w, ledger.External, c.Asset.Code)
}

// Apply implements commit.Command.
func (c AddCredit) Apply(v *commit.View) (any, error) {
	if _, err := Owned(v, c.Merchant, c.Account); err != nil {
		return nil, err
	}
	if err := Positive(c.Amount); err != nil {
		return nil, err
	}
	if len(c.Reference) > MaxText {
		return nil, fault.Bad("invalid_reference", "reference", "a reference has at most %d bytes", MaxText)
	}
	// A date that has passed is settled now: there is nothing to wait for.
	pending := c.Pending && (c.AvailableAt.IsZero() || c.AvailableAt.After(v.Now()))
	cr := Credit{
		Seq: v.NewID(), Merchant: c.Merchant, Account: c.Account, Currency: c.Asset.Code, Amount: c.Amount, State: CreditSettled,
		Reference: c.Reference, CreatedAt: v.Now(), SettledAt: v.Now(), Version: 1,
	}
	into := ledger.Available
	if pending {
		into, cr.State, cr.SettledAt, cr.AvailableAt = ledger.Pending, CreditPending, time.Time{}, c.AvailableAt.UTC().Truncate(time.Microsecond)
	}
	if _, err := ledger.Post(v, ledger.Transfer{
		Kind: ledger.KindCredit, Currency: cr.Currency, Amount: cr.Amount, Debit: ledger.AtHouse(ledger.External),
		Credit: ledger.Of(cr.Account, into), Cause: cr.Seq,
	}); err != nil {
		return nil, tooMuch(err)
	}
	Credits.Insert(v, cr)
	appendCredit(v, event.CreditCreated, cr, c.Actor)
	return cr, nil
}

// tooMuch names the field when a total would not fit.
func tooMuch(err error) error {
	if errors.Is(err, money.ErrOverflow) {
		return fault.Bad("amount_overflow", "amount", "with this amount a total would have more than %d digits", money.Digits)
	}
	return err
}

// Settle makes the money of a pending credit available. A credit that is settled
// already stays as it is. Result: Credit.
type Settle struct {
	Merchant id.Seq // 0: the worker, for any merchant
	Credit   id.Seq
	// Due makes the command do nothing unless AvailableAt has come: the worker's
	// list may be old.
	Due   bool
	Actor string
}

// Reads implements commit.Command.
func (c Settle) Reads(w *commit.Wants) { Credits.Want(w, c.Credit) }

// Follow implements commit.Follower.
func (c Settle) Follow(v *commit.View, w *commit.Wants) {
	if cr, ok := Credits.Get(v, c.Credit); ok {
		ledger.WantBalance(w, cr.Account, cr.Currency)
	}
}

// Apply implements commit.Command.
func (c Settle) Apply(v *commit.View) (any, error) {
	cr, ok := Credits.Get(v, c.Credit)
	if !ok || c.Merchant != 0 && cr.Merchant != c.Merchant {
		return nil, fault.New(fault.NotFound, "credit_not_found", "no such credit")
	}
	if cr.State == CreditSettled || c.Due && (cr.AvailableAt.IsZero() || cr.AvailableAt.After(v.Now())) {
		return cr, nil
	}
	if _, err := ledger.Post(v, ledger.Transfer{
		Kind: ledger.KindSettle, Currency: cr.Currency, Amount: cr.Amount, Debit: ledger.Of(cr.Account, ledger.Pending),
		Credit: ledger.Of(cr.Account, ledger.Available), Cause: cr.Seq,
	}); err != nil {
		return nil, errors.Join(commit.ErrInvariant, err) // the bucket holds every pending credit
	}
	cr.State, cr.SettledAt, cr.Version = CreditSettled, v.Now(), cr.Version+1
	Credits.Put(v, cr)
	appendCredit(v, event.CreditSettled, cr, c.Actor)
	return cr, nil
}

func appendCredit(v *commit.View, typ event.Type, cr Credit, actor string) {
	event.Append(v, Snapshot(v, event.Event{
		Type: typ, Merchant: cr.Merchant, Subject: cr.Seq, Version: cr.Version, State: cr.State, Actor: actor,
	}, cr.Account, cr.Currency))
}

func mustJSON(x any) []byte {
	b, err := json.Marshal(x)
	if err != nil {
		panic(err) // plain structs and maps of text: cannot happen
	}
	return b
}

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }
