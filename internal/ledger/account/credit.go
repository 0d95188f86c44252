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

// KindSale is the kind of a credit that is what something was sold for. The zero kind is
// any other.
const KindSale = "sale"

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
	Kind        string    // KindSale or ""
	Tradable    bool      // it is money to trade with, see ledger.Balance
	CreatedAt   time.Time
	SettledAt   time.Time // zero while pending
	TakenBackAt time.Time // zero unless it was taken back
	Version     int64
}

// Credits is the table of credits.
var Credits = commit.NewTable("credit", func(c *Credit) id.Seq { return c.Seq })

// Answer implements commit.Answerer: see AsCreated.
func (c Credit) Answer() commit.Answer { return commit.Answer{Ref: c.Seq} }

// AsCreated is the credit as it was when it was made: what a repeat of the request
// is answered with.
func (c Credit) AsCreated() Credit {
	c.Version, c.TakenBackAt = 1, time.Time{}
	if !c.SettledAt.Equal(c.CreatedAt) {
		c.State, c.SettledAt = CreditPending, time.Time{}
	}
	return c
}

// AsSettled is the credit as it was when it settled.
func (c Credit) AsSettled() Credit {
	if !c.TakenBackAt.IsZero() {
		c.Version, c.TakenBackAt = c.Version-1, time.Time{}
	}
	return c
}

// AddCredit credits an account. Without Pending the money is available at once.
type AddCredit struct {
	Merchant    id.Seq
	Account     id.Seq
	Asset       money.Asset
	Amount      money.Amount
	Pending     bool      // the money is not settled yet
	AvailableAt time.Time // with Pending: when it settles by itself; zero: when told
	Reference   string
	Kind        string // KindSale or ""
	Tradable    bool
	// Own says that the merchant credits by itself, and how much it may in all, beside what
	// was granted to it; nil: the operator credits.
	Own   *money.Amount
	Actor string
}

// Reads implements commit.Command.
func (c AddCredit) Reads(w *commit.Wants) {
	if c.Own != nil {
		Allowances.Want(w, AllowanceKey{c.Merchant, c.Asset.Code})
	}
	ledger.Accounts.Want(w, c.Account)
	ledger.WantBalance(w, c.Account, c.Asset.Code)
	ledger.WantHouse(w, ledger.External, c.Asset.Code)
}

// Apply implements commit.Command.
func (c AddCredit) Apply(v *commit.View) (Credit, error) {
	if _, err := Owned(v, c.Merchant, c.Account); err != nil {
		return Credit{}, err
	}
	if err := Positive(c.Amount); err != nil {
		return Credit{}, err
	}
	if err := bounded(c.Asset, c.Amount); err != nil {
		return Credit{}, err
	}
	if len(c.Reference) > MaxText {
		return Credit{}, fault.Bad("invalid_reference", "reference", "a reference has at most %d bytes", MaxText)
	}
	if c.Kind != "" && c.Kind != KindSale {
		return Credit{}, fault.Bad("invalid_kind", "kind", "the kind is %s, or left out", KindSale)
	}
	if err := c.use(v); err != nil {
		return Credit{}, err
	}
	// A date that has passed is settled now: there is nothing to wait for.
	pending := c.Pending && (c.AvailableAt.IsZero() || c.AvailableAt.After(v.Now()))
	cr := Credit{
		Seq: v.NewID(), Merchant: c.Merchant, Account: c.Account, Currency: c.Asset.Code, Amount: c.Amount, State: CreditSettled,
		Reference: c.Reference, Kind: c.Kind, Tradable: c.Tradable, CreatedAt: v.Now(), SettledAt: v.Now(), Version: 1,
	}
	into := ledger.Available
	if pending {
		into, cr.State, cr.SettledAt, cr.AvailableAt = ledger.Pending, CreditPending, time.Time{}, c.AvailableAt.UTC().Truncate(time.Microsecond)
	}
	if _, err := ledger.Post(v, ledger.Transfer{
		Kind: ledger.KindCredit, Currency: cr.Currency, Amount: cr.Amount, Debit: ledger.AtHouse(ledger.External),
		Credit: ledger.Of(cr.Account, into), Cause: cr.Seq,
	}); err != nil {
		return Credit{}, tooMuch(err)
	}
	if cr.Tradable {
		if err := ledger.Trade(v, cr.Account, cr.Currency, cr.Amount); err != nil {
			return Credit{}, tooMuch(err)
		}
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
// already stays as it is.
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
func (c Settle) Apply(v *commit.View) (Credit, error) {
	cr, ok := Credits.Get(v, c.Credit)
	if !ok || c.Merchant != 0 && cr.Merchant != c.Merchant {
		return Credit{}, fault.New(fault.NotFound, "credit_not_found", "no such credit")
	}
	if cr.State == CreditSettled || c.Due && (cr.AvailableAt.IsZero() || cr.AvailableAt.After(v.Now())) {
		return cr, nil
	}
	if _, err := ledger.Post(v, ledger.Transfer{
		Kind: ledger.KindSettle, Currency: cr.Currency, Amount: cr.Amount, Debit: ledger.Of(cr.Account, ledger.Pending),
		Credit: ledger.Of(cr.Account, ledger.Available), Cause: cr.Seq,
	}); err != nil {
		return Credit{}, errors.Join(commit.ErrInvariant, err) // the bucket holds every pending credit
	}
	cr.State, cr.SettledAt, cr.Version = CreditSettled, v.Now(), cr.Version+1
	Credits.Put(v, cr)
	appendCredit(v, event.CreditSettled, cr, c.Actor)
	return cr, nil
}

// TakeBack takes the money of a settled credit out of its account again. One that was taken
// back already stays as it is. The caller says of which credits this may be done: the
// money is gone without a payout.
type TakeBack struct {
	Merchant id.Seq
	Credit   id.Seq
	Actor    string
}

// Reads implements commit.Command.
func (c TakeBack) Reads(w *commit.Wants) { Credits.Want(w, c.Credit) }

// Follow implements commit.Follower.
func (c TakeBack) Follow(v *commit.View, w *commit.Wants) {
	if cr, ok := Credits.Get(v, c.Credit); ok {
		ledger.WantBalance(w, cr.Account, cr.Currency)
		ledger.WantHouse(w, ledger.External, cr.Currency)
	}
}

// Apply implements commit.Command.
func (c TakeBack) Apply(v *commit.View) (Credit, error) {
	cr, ok := Credits.Get(v, c.Credit)
	if !ok || cr.Merchant != c.Merchant {
		return Credit{}, fault.New(fault.NotFound, "credit_not_found", "no such credit")
	}
	if !cr.TakenBackAt.IsZero() {
		return cr, nil
	}
	if cr.State != CreditSettled {
		return Credit{}, fault.New(fault.Conflict, "credit_pending", "the credit is not settled: it cannot be taken back yet")
	}
	_, err := ledger.Post(v, ledger.Transfer{
		Kind: ledger.KindTakeBack, Currency: cr.Currency, Amount: cr.Amount, Debit: ledger.Of(cr.Account, ledger.Available),
		Credit: ledger.AtHouse(ledger.External), Cause: cr.Seq,
	})
	if errors.Is(err, money.ErrNegative) {
		return Credit{}, fault.New(fault.Conflict, "credit_used", "the money of the credit is not there any more, or is held: it cannot be taken back")
	}
	if err != nil {
		return Credit{}, err
	}
	cr.TakenBackAt, cr.Version = v.Now(), cr.Version+1
	Credits.Put(v, cr)
	appendCredit(v, event.CreditTakenBack, cr, c.Actor)
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
