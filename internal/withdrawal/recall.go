package withdrawal

import (
	"bytes"
	"errors"
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/money"
)

// KeptForeignID is an id of a merchant that stays taken although its withdrawal was lost:
// something outside the books says that it was paid.
type KeptForeignID struct {
	ForeignKey
	Withdrawal id.Seq // the number that the lost row had
	Network    string
	Asset      string // what was paid
	Amount     money.Amount
	Address    string
	Dispatch   id.Seq // in the operator's shard; 0 where nobody knows
	Reason     string // why it could not be booked, for a person
	Actor      string
	CreatedAt  time.Time
	Version    int64
}

// KeptForeignIDs is the table of them.
var KeptForeignIDs = commit.NewTable("kept_foreign_id", func(k *KeptForeignID) ForeignKey { return k.ForeignKey })

// Keep keeps an id taken. It runs in the merchant's shard, and only while the books are
// just looked at. Keeping it again changes nothing. Result: KeptForeignID.
type Keep struct{ KeptForeignID }

// Reads implements commit.Command.
func (c Keep) Reads(w *commit.Wants) { KeptForeignIDs.Want(w, c.ForeignKey) }

// Apply implements commit.Command.
func (c Keep) Apply(v *commit.View) (KeptForeignID, error) {
	if k, ok := KeptForeignIDs.Get(v, c.ForeignKey); ok {
		return k, nil
	}
	if !v.Looking() {
		return KeptForeignID{}, errNotLooking()
	}
	k := c.KeptForeignID
	k.CreatedAt, k.Version = v.Now(), 1
	KeptForeignIDs.Put(v, k)
	return k, nil
}

func errNotLooking() error {
	return fault.New(fault.Conflict, "not_looking", "payouts from outside the books are taken in only while the books are just looked at; `sluice recover look` begins that")
}

// Recall gives a withdrawal to a dispatch that may have paid it, as something outside
// the books says. Its row is as it was when the books were saved, or is missing: then it
// is made again from what was remembered, and its money is held. It runs in the
// merchant's shard, and only while the books are just looked at. Recalling it again for
// the same dispatch is answered the same. Result: Withdrawal.
type Recall struct {
	// Paid is what was paid, and where the row may be missing, all that is remembered; see Remembered.
	Paid     Withdrawal
	Dispatch id.Seq
	Wallet   string
	Actor    string
}

// Reads implements commit.Command.
func (c Recall) Reads(w *commit.Wants) {
	Withdrawals.Want(w, c.Paid.Seq)
	if c.Paid.Merchant != 0 {
		merchant.Merchants.Want(w, c.Paid.Merchant)
		ledger.Accounts.Want(w, c.Paid.Account)
		ledger.WantBalance(w, c.Paid.Account, c.Paid.Currency)
		ForeignIDs.Want(w, c.foreign())
	}
}

func (c Recall) foreign() ForeignKey { return ForeignKey{c.Paid.Merchant, c.Paid.ForeignID} }

// Apply implements commit.Command.
func (c Recall) Apply(v *commit.View) (Withdrawal, error) {
	if !v.Looking() {
		return Withdrawal{}, errNotLooking()
	}
	const why = "found outside the books after they were restored"
	w, known := Withdrawals.Get(v, c.Paid.Seq)
	var err error
	switch {
	case !known:
		w, err = c.remake(v)
	case w.Dispatch == c.Dispatch:
		return w, nil
	case w.ReceiveCurrency != c.Paid.ReceiveCurrency || w.Receive != c.Paid.Receive || w.Network != c.Paid.Network || !bytes.Equal(w.Decoded, c.Paid.Decoded):
		return Withdrawal{}, fault.New(fault.Refused, "recall_differs", "%s of these books pays something else, or somebody else, than what was found: look at both before anything is paid",
			v.ID(w.Seq).Text(id.Withdrawal))
	}
	if err != nil {
		return Withdrawal{}, err
	}
	for _, next := range map[State][]State{New: {Queued, Processing}, Review: {Queued, Processing}, Queued: {Processing}}[w.State] {
		if next == Processing {
			w.Dispatch, w.Wallet, w.Attention, w.AttentionText = c.Dispatch, c.Wallet, "", ""
		}
		if w, err = change(v, w, next, c.Actor, why, ""); err != nil {
			return Withdrawal{}, err
		}
	}
	if w.Dispatch != c.Dispatch {
		return Withdrawal{}, wrongState(v, w, Processing)
	}
	return w, nil
}

// remake makes the row again that was lost.
func (c Recall) remake(v *commit.View) (Withdrawal, error) {
	w := c.Paid
	if _, ok := merchant.Merchants.Get(v, w.Merchant); !ok || w.Merchant == 0 {
		return w, fault.New(fault.NotFound, "recall_merchant", "the merchant of %s is not in these books", v.ID(w.Seq).Text(id.Withdrawal))
	}
	if _, err := account.Owned(v, w.Merchant, w.Account); err != nil {
		return w, fault.New(fault.NotFound, "recall_account", "the account of %s is not in these books", v.ID(w.Seq).Text(id.Withdrawal))
	}
	if f, taken := ForeignIDs.Get(v, c.foreign()); taken {
		return w, fault.New(fault.Conflict, "duplicate_foreign_id", "the foreign_id of %s was given to %s after the books were restored: cancel that one, or it is paid as well",
			v.ID(w.Seq).Text(id.Withdrawal), v.ID(f.Withdrawal).Text(id.Withdrawal))
	}
	held, err := w.held()
	if err != nil {
		return w, err
	}
	_, err = ledger.Post(v, ledger.Transfer{
		Kind: ledger.KindReserve, Currency: w.Currency, Amount: held, Debit: ledger.Of(w.Account, ledger.Available),
		Credit: ledger.Of(w.Account, ledger.Reserved), Withdrawal: w.Seq,
	})
	if errors.Is(err, money.ErrNegative) {
		return w, fault.New(fault.Refused, "recall_funds", "the account of %s has less than the %s minor units of %s that it took: credits were lost, too. Credit them again, or write the payout off",
			v.ID(w.Seq).Text(id.Withdrawal), held, w.Currency)
	}
	if err != nil {
		return w, err
	}
	ForeignIDs.Put(v, ForeignID{c.foreign(), w.Seq})
	w.UpdatedAt, w.Version = v.Now(), 1
	Withdrawals.Insert(v, w)
	event.Append(v, account.Snapshot(v, event.Event{
		Type: event.WithdrawalCreated, Merchant: w.Merchant, Subject: w.Seq, Version: 1, State: string(New), Actor: c.Actor,
	}, w.Account, w.Currency))
	return w, nil
}
