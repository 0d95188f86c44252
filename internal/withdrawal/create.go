package withdrawal

import (
	"errors"
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/merchant/destination"
	"sluice/internal/money"
	"sluice/internal/pricing/fx"
	"sluice/internal/pricing/quote"
	"sluice/internal/rail"
	"sluice/internal/seal"
)

// MaxMetadata bounds Withdrawal.Metadata in bytes.
const MaxMetadata = 2048

// MaxDelay bounds how far ahead a withdrawal may be scheduled.
const MaxDelay = 366 * 24 * time.Hour

// Create accepts a withdrawal: it holds the money and writes the row, the transfer,
// and the event, or refuses and leaves nothing.
type Create struct {
	Merchant    id.Seq
	Account     id.Seq
	ForeignID   string
	Unnamed     bool // the merchant gave no id of its own: ForeignID is "" and becomes the withdrawal's UUID
	Asset       money.Asset
	Amount      money.Amount
	Fee         money.Amount
	FeeInside   bool         // see Withdrawal
	NetworkHold money.Amount // see Withdrawal
	NetworkRate string       // see Withdrawal
	// An exchange on the way: Deal is agreed on here and now, or Quote was before and
	// says what is sent and paid out; Amount must be what it sends. Receives is the
	// asset that is paid out. All zero: what is paid out is Asset and Amount.
	Deal     *fx.Deal
	Quote    id.Seq
	Receives money.Asset
	// Problem is why there are no terms, such as that there is no price. It is
	// told from within the command, after a duplicate is, and after a repeat has got the
	// answer of the first time.
	Problem error
	// Short is why the house cannot pay now what would be paid out. It is told last, when
	// the account has enough: what an account lacks does not depend on the house.
	Short       error
	Payment     rail.Payment         // for banks; checked by the rail
	Review      string               // why a person must approve it; "" for no reason
	Destination id.Seq               // a registered destination; then Target is read from it
	Target      rail.Target          // otherwise: what the rail's check gave
	Names       destination.NameRule // of a bank account in Target: how its holder must be the account's
	NotBefore   time.Time            // zero: at once
	Metadata    string
	Origin      string // see Withdrawal
	Actor       string
}

// Reads implements commit.Command.
func (c Create) Reads(w *commit.Wants) {
	merchant.Merchants.Want(w, c.Merchant)
	ledger.Accounts.Want(w, c.Account)
	ledger.WantBalance(w, c.Account, c.Asset.Code)
	if !c.Unnamed {
		ForeignIDs.Want(w, ForeignKey{c.Merchant, c.ForeignID})
		KeptForeignIDs.Want(w, ForeignKey{c.Merchant, c.ForeignID})
	}
	if c.Quote != 0 {
		quote.Want(w, c.Quote)
	}
	if c.Destination != 0 {
		destination.Destinations.Want(w, c.Destination)
	}
}

// Apply implements commit.Command.
func (c Create) Apply(v *commit.View) (Withdrawal, error) {
	if err := v.Accepts(); err != nil {
		return Withdrawal{}, err
	}
	m, ok := merchant.Merchants.Get(v, c.Merchant)
	if !ok {
		return Withdrawal{}, fault.New(fault.NotFound, "not_found", "no such merchant")
	}
	if err := c.check(v); err != nil {
		return Withdrawal{}, err
	}
	target, err := c.target(v)
	if err != nil {
		return Withdrawal{}, err
	}
	w := Withdrawal{
		Seq: v.NewID(), Merchant: c.Merchant, Account: c.Account, ForeignID: c.ForeignID, Currency: c.Asset.Code, Amount: c.Amount, Fee: c.Fee,
		Network: target.Network, Destination: c.Destination, Typed: typed(target), Canonical: target.Canonical, Decoded: target.Decoded, Tag: target.Tag,
		FeeInside: c.FeeInside, NetworkHold: c.NetworkHold, NetworkRate: c.NetworkRate, ReceiveCurrency: c.Asset.Code, Receive: c.Amount,
		Payment: c.Payment.Text(), Review: c.Review, Origin: c.Origin,
		Metadata: c.Metadata, ReleaseAt: releaseAt(v.Now(), m.CancelWindow, c.NotBefore), CreatedAt: v.Now(), State: New,
	}
	if w.Decoded, err = c.recipient(v, w.Seq, target); err != nil {
		return Withdrawal{}, err
	}
	if c.Unnamed {
		w.ForeignID = v.ID(w.Seq).Dashed(id.Withdrawal)
	}
	if err := c.exchange(v, &w); err != nil {
		return Withdrawal{}, err
	}
	held, err := w.held()
	if err != nil {
		return Withdrawal{}, fault.Bad("amount_overflow", "amount", "the amount with its fee has more than %d digits", money.Digits)
	}
	_, err = ledger.Post(v, ledger.Transfer{
		Kind: ledger.KindReserve, Currency: w.Currency, Amount: held, Debit: ledger.Of(w.Account, ledger.Available),
		Credit: ledger.Of(w.Account, ledger.Reserved), Withdrawal: w.Seq,
	})
	if errors.Is(err, money.ErrNegative) {
		return Withdrawal{}, account.Insufficient(v, c.Account, c.Asset, held)
	}
	if err != nil {
		return Withdrawal{}, err
	}
	if c.Short != nil {
		return Withdrawal{}, c.Short
	}
	if !c.Unnamed { // its own UUID nobody else has; should somebody have guessed it, the database refuses one of the two
		ForeignIDs.Put(v, ForeignID{ForeignKey{c.Merchant, c.ForeignID}, w.Seq})
	}
	w.UpdatedAt, w.Version, w.Mark = v.Now(), 1, v.Mark(w.Accepted(v.Shard()))
	Withdrawals.Insert(v, w)
	event.Append(v, account.Snapshot(v, event.Event{
		Type: event.WithdrawalCreated, Merchant: w.Merchant, Subject: w.Seq, Version: 1, State: string(New), Actor: c.Actor, Origin: w.Origin,
	}, w.Account, w.Currency))
	return w, nil
}

// first is the withdrawal that has the foreign id already.
func (c Create) first(v *commit.View) (ForeignID, bool) {
	if c.Unnamed {
		return ForeignID{}, false
	}
	if f, ok := ForeignIDs.Get(v, ForeignKey{c.Merchant, c.ForeignID}); ok {
		return f, true
	}
	kept, ok := KeptForeignIDs.Get(v, ForeignKey{c.Merchant, c.ForeignID})
	return ForeignID{kept.ForeignKey, kept.Withdrawal}, ok
}

// named refuses an id of the merchant's own that cannot be one. Ids that were taken
// under older rules are found before this is asked: a repeat is told so.
func (c Create) named() error {
	if c.Unnamed && c.ForeignID == "" {
		return nil
	}
	return account.CheckForeignID(c.ForeignID)
}

// exchange fixes what is paid out where that is not what is taken.
func (c Create) exchange(v *commit.View, w *Withdrawal) error {
	q := c.Quote
	if c.Deal != nil {
		made, err := quote.Create{
			Merchant: c.Merchant, Deal: *c.Deal, FeeCurrency: c.Asset.Code, Fee: c.Fee, FeeInside: c.FeeInside, Network: w.Network,
		}.Apply(v)
		if err != nil {
			return err
		}
		q = made.Seq
	}
	if q == 0 {
		return nil
	}
	taken, err := quote.Take(v, c.Merchant, q, w.Seq)
	if err != nil {
		return err
	}
	if taken.SendCurrency != c.Asset.Code || taken.Send != c.Amount || taken.ReceiveCurrency != c.Receives.Code ||
		taken.Fee != c.Fee || taken.FeeInside != c.FeeInside || taken.Network != "" && taken.Network != w.Network {
		return fault.New(fault.Conflict, "quote_differs", "the quote sends %s and pays out %s, with other amounts or currencies than this withdrawal; nothing was done",
			taken.SendCurrency, taken.ReceiveCurrency).At("quote")
	}
	w.Quote, w.ReceiveCurrency, w.Receive = q, taken.ReceiveCurrency, taken.Receive
	return nil
}

// pays is the asset that is paid out.
func (c Create) pays() money.Asset {
	if c.Receives.Code != "" {
		return c.Receives
	}
	return c.Asset
}

// check holds the rules that need no balance.
func (c Create) check(v *commit.View) error {
	if _, err := account.Owned(v, c.Merchant, c.Account); err != nil {
		return err
	}
	if first, taken := c.first(v); taken {
		t := v.ID(first.Withdrawal).Text(id.Withdrawal)
		return fault.New(fault.Conflict, "duplicate_foreign_id", "a withdrawal with this foreign_id exists: %s; nothing was done", t).
			At("foreign_id").With("withdrawal", t)
	}
	if err := c.named(); err != nil {
		return err
	}
	if c.Problem != nil {
		return c.Problem
	}
	if err := account.Positive(c.Amount); err != nil {
		return err
	}
	if _, err := c.charge(money.Amount{}); err != nil {
		return fault.Wrap(err, fault.Internal, "network_rate_malformed", "a withdrawal with the network rate %q", c.NetworkRate)
	}
	if len(c.Metadata) > MaxMetadata {
		return fault.Bad("metadata_too_large", "metadata", "metadata has at most %d bytes", MaxMetadata)
	}
	if c.NotBefore.After(v.Now().Add(MaxDelay)) {
		return fault.Bad("not_before_too_far", "not_before", "a withdrawal can be scheduled at most %d days ahead", int(MaxDelay.Hours()/24))
	}
	return nil
}

// recipient is the target's recipient as it is stored with a withdrawal: a bank account is
// sealed for it alone, so that a copy in another row opens nowhere.
func (c Create) recipient(v *commit.View, seq id.Seq, t rail.Target) ([]byte, error) {
	if !rail.Hidden(t.Canonical) {
		return t.Decoded, nil
	}
	to := rail.PayoutPlace(v.ID(seq).Text(id.Withdrawal))
	if c.Destination != 0 {
		d, _ := destination.Destinations.Get(v, c.Destination) // target has found it
		return d.Recipient(v.Keys(), v.Shard(), to)
	}
	return v.Keys().Move(rail.RecipientPurpose, seal.Place{}, to, t.Decoded)
}

// target is what will be paid to. A registered destination must be the merchant's,
// and free for all its accounts, or bound to this one or to the one it is a part of.
func (c Create) target(v *commit.View) (rail.Target, error) {
	t := c.Target
	if c.Destination != 0 {
		d, ok, err := destination.Find(v, c.Destination)
		if err != nil {
			return t, err
		}
		if ok && d.Account != 0 && d.Account != c.Account {
			from, err := account.Owned(v, c.Merchant, c.Account)
			ok = err == nil && d.Account == from.Owner
		}
		if !ok || d.Merchant != c.Merchant {
			return t, fault.New(fault.NotFound, "destination_not_found", "no such destination for this account").At("destination_id")
		}
		if err := d.Usable(v.Now()); err != nil {
			return t, err
		}
		t = d.Target()
	} else if rail.Hidden(t.Canonical) {
		owner, err := account.Owned(v, c.Merchant, c.Account)
		if err == nil {
			err = destination.SameHolder(c.Names, owner, t.Typed)
		}
		if err != nil {
			return t, inline(err)
		}
	}
	if len(t.Decoded) == 0 {
		return t, fault.Bad("destination_required", "destination", "a withdrawal needs a destination")
	}
	if !c.pays().On(t.Network) {
		return t, WrongNetwork(c.pays(), t.Network)
	}
	return t, nil
}

// inline puts the field of a fault below the destination of the request.
func inline(err error) error {
	if f := fault.Of(err); len(f.Fields) == 1 && f.Fields[0].Path == "bank.holder" {
		f.Fields[0].Path = "destination.bank.holder"
	}
	return err
}

// typed is kept where it says more than the canonical form: every accepted
// withdrawal pays for its bytes.
func typed(t rail.Target) string {
	if t.Typed == t.Canonical {
		return ""
	}
	return t.Typed
}

// WrongNetwork is the refusal of a currency on a network that does not carry it.
func WrongNetwork(a money.Asset, network string) error {
	if len(a.Networks) == 0 {
		return fault.New(fault.Invalid, "wrong_network", "%s is not paid out on any network of this installation", a.Code).At("destination.network")
	}
	return fault.New(fault.Invalid, "wrong_network", "%s is not paid out on %q: use %s", a.Code, network, join(a.Networks)).At("destination.network")
}

func join(s []string) string {
	out := ""
	for i, x := range s {
		if i > 0 {
			out += " or "
		}
		out += `"` + x + `"`
	}
	return out
}

func releaseAt(now time.Time, window time.Duration, notBefore time.Time) time.Time {
	at := now.Add(window)
	if n := micro(notBefore); n.After(at) {
		at = n
	}
	return at
}
