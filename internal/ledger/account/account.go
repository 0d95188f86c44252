// Package account holds the commands on accounts: open, credit, settle, lock, unlock.
package account

import (
	"encoding/json"
	"errors"
	"fmt"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/money"
)

// MaxText bounds foreign ids and names, in bytes. 255 is what the dialects promise.
const MaxText = 255

// Open makes an account.
type Open struct {
	Merchant  id.Seq
	Kind      string
	ForeignID string
	Name      string
	Owner     id.Seq // see ledger.Account; the caller has checked that it is the merchant's
	Actor     string
}

// Opened is the result of Open.
type Opened struct{ ledger.Account }

// Answer implements commit.Answerer.
func (o Opened) Answer() commit.Answer { return commit.Answer{Ref: o.Seq} }

// Reads implements commit.Command.
func (c Open) Reads(w *commit.Wants) {
	if c.ForeignID != "" {
		ledger.AccountForeignIDs.Want(w, ledger.AccountForeignKey{Merchant: c.Merchant, ForeignID: c.ForeignID})
	}
}

// Apply implements commit.Command.
func (c Open) Apply(v *commit.View) (Opened, error) {
	if c.Kind != ledger.KindMerchant && c.Kind != ledger.KindCustomer {
		return Opened{}, fault.Bad("invalid_kind", "kind", "the kind is customer or merchant")
	}
	if len(c.Name) > MaxText {
		return Opened{}, fault.Bad("invalid_name", "name", "a name has at most %d bytes", MaxText)
	}
	key := ledger.AccountForeignKey{Merchant: c.Merchant, ForeignID: c.ForeignID}
	if c.ForeignID != "" {
		if first, taken := ledger.AccountForeignIDs.Get(v, key); taken {
			return Opened{}, fault.New(fault.Conflict, "duplicate_foreign_id", "an account with this foreign_id exists: %s", v.ID(first.Account).Text(id.Account)).
				At("foreign_id").With("account", v.ID(first.Account).Text(id.Account))
		}
		if err := CheckForeignID(c.ForeignID); err != nil {
			return Opened{}, err
		}
	}
	a := ledger.Account{
		Seq: v.NewID(), Merchant: c.Merchant, Kind: c.Kind, ForeignID: c.ForeignID, Name: c.Name, Owner: c.Owner, CreatedAt: v.Now(), Version: 1,
	}
	ledger.Accounts.Insert(v, a)
	if c.ForeignID != "" {
		ledger.AccountForeignIDs.Put(v, ledger.AccountForeignID{AccountForeignKey: key, Account: a.Seq})
	}
	event.Append(v, event.Event{Type: event.AccountOpened, Merchant: c.Merchant, Account: a.Seq, Subject: a.Seq, Version: 1, Actor: c.Actor})
	return Opened{a}, nil
}

// Owned reads an account and checks that it is the merchant's. The error does not
// tell a foreign account from one that does not exist.
func Owned(v *commit.View, merchant, account id.Seq) (ledger.Account, error) {
	a, ok := ledger.Accounts.Get(v, account)
	if !ok || a.Merchant != merchant {
		return ledger.Account{}, fault.New(fault.NotFound, "account_not_found", "no such account").At("account")
	}
	return a, nil
}

// Snapshot copies a balance into an event.
func Snapshot(v *commit.View, e event.Event, account id.Seq, currency string) event.Event {
	b, _ := ledger.Balances.Get(v, ledger.BalanceKey{Account: account, Currency: currency})
	e.Account, e.Currency = account, currency
	e.Available, e.Pending, e.Locked, e.Reserved, e.Tradable, e.BalanceVersion = b.Available, b.Pending, b.Locked, b.Reserved, b.Tradable, b.Version
	return e
}

// Insufficient is the refusal of taking more than is available. It tells how much is.
func Insufficient(v *commit.View, account id.Seq, asset money.Asset, want money.Amount) error {
	b, _ := ledger.Balances.Get(v, ledger.BalanceKey{Account: account, Currency: asset.Code})
	return fault.New(fault.Refused, "insufficient_funds", "%s %s are needed and %s %s are available",
		asset.Format(want), asset.Code, asset.Format(b.Available), asset.Code).At("amount").
		With("available", asset.Format(b.Available)).With("requested", asset.Format(want)).With("currency", asset.Code)
}

// Movement is one lock or unlock: money moved between available and locked.
type Movement struct {
	ID       id.ID
	Account  id.ID
	Kind     ledger.Kind
	Currency string
	Amount   money.Amount
	Balance  ledger.Balance
}

// Move locks or unlocks money.
type Move struct {
	Merchant id.Seq
	Account  id.Seq
	Asset    money.Asset
	Amount   money.Amount
	Kind     ledger.Kind // ledger.KindLock or ledger.KindUnlock
	Reason   string
	Actor    string
}

// Reads implements commit.Command.
func (c Move) Reads(w *commit.Wants) {
	ledger.Accounts.Want(w, c.Account)
	ledger.WantBalance(w, c.Account, c.Asset.Code)
}

// Apply implements commit.Command.
func (c Move) Apply(v *commit.View) (Movement, error) {
	if _, err := Owned(v, c.Merchant, c.Account); err != nil {
		return Movement{}, err
	}
	if err := Positive(c.Amount); err != nil {
		return Movement{}, err
	}
	from, to, typ := ledger.Available, ledger.Locked, event.FundsLocked
	if c.Kind == ledger.KindUnlock {
		from, to, typ = ledger.Locked, ledger.Available, event.FundsUnlocked
	}
	t, err := ledger.Post(v, ledger.Transfer{
		Kind: c.Kind, Currency: c.Asset.Code, Amount: c.Amount, Debit: ledger.Of(c.Account, from), Credit: ledger.Of(c.Account, to),
	})
	if errors.Is(err, money.ErrNegative) {
		if c.Kind == ledger.KindLock {
			return Movement{}, Insufficient(v, c.Account, c.Asset, c.Amount)
		}
		b, _ := ledger.Balances.Get(v, ledger.BalanceKey{Account: c.Account, Currency: c.Asset.Code})
		return Movement{}, fault.New(fault.Refused, "insufficient_locked", "%s %s are to be unlocked and %s %s are locked",
			c.Asset.Format(c.Amount), c.Asset.Code, c.Asset.Format(b.Locked), c.Asset.Code).At("amount").
			With("locked", c.Asset.Format(b.Locked)).With("currency", c.Asset.Code)
	}
	if err != nil {
		return Movement{}, err
	}
	event.Append(v, Snapshot(v, event.Event{
		Type: typ, Merchant: c.Merchant, Subject: t.Seq, Version: 1, Actor: c.Actor, Reason: c.Reason,
		Data: mustJSON(map[string]string{"amount": c.Amount.Minor(), "currency": c.Asset.Code}),
	}, c.Account, c.Asset.Code))
	b, _ := ledger.Balances.Get(v, ledger.BalanceKey{Account: c.Account, Currency: c.Asset.Code})
	return Movement{v.ID(t.Seq), v.ID(c.Account), c.Kind, c.Asset.Code, c.Amount, b}, nil
}

// Answer implements commit.Answerer. A movement is replayed from its own text,
// because the balance has moved on since.
func (m Movement) Answer() commit.Answer { return commit.Answer{Body: mustJSON(m.text())} }

type movementText struct {
	ID, Account              id.ID
	Kind, Currency, Amount   string
	Merchant                 id.Seq
	Available, Pending       string
	Locked, Reserved         string
	Version, UpdatedAtMicros int64
}

func (m Movement) text() movementText {
	b := m.Balance
	return movementText{
		m.ID, m.Account, string(m.Kind), m.Currency, m.Amount.Minor(), b.Merchant, b.Available.Minor(), b.Pending.Minor(),
		b.Locked.Minor(), b.Reserved.Minor(), b.Version, b.UpdatedAt.UnixMicro(),
	}
}

// ReadMovement gives back what Movement.Answer kept.
func ReadMovement(body []byte) (Movement, error) {
	var t movementText
	if err := json.Unmarshal(body, &t); err != nil {
		return Movement{}, fmt.Errorf("stored movement: %w", err)
	}
	m := Movement{ID: t.ID, Account: t.Account, Kind: ledger.Kind(t.Kind), Currency: t.Currency}
	m.Balance.BalanceKey = ledger.BalanceKey{Account: t.Account.Seq, Currency: t.Currency}
	m.Balance.Merchant, m.Balance.Version, m.Balance.UpdatedAt = t.Merchant, t.Version, fromMicros(t.UpdatedAtMicros)
	for _, p := range []struct {
		to   *money.Amount
		text string
	}{{&m.Amount, t.Amount}, {&m.Balance.Available, t.Available}, {&m.Balance.Pending, t.Pending}, {&m.Balance.Locked, t.Locked}, {&m.Balance.Reserved, t.Reserved}} {
		a, err := money.ParseMinor(p.text)
		if err != nil {
			return Movement{}, fmt.Errorf("stored movement: %w", err)
		}
		*p.to = a
	}
	return m, nil
}

// Positive refuses an amount of nothing.
func Positive(a money.Amount) error {
	if a.IsZero() {
		return fault.Bad("amount_zero", "amount", "the amount must be more than zero")
	}
	return nil
}
