package bank

import (
	"strings"

	"sluice/internal/bank/match"
	"sluice/internal/bank/message"
	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/money"
)

// The ways in which a person resolves a suspended booking.
const (
	// AsFunding: our own money went into or out of the bank account.
	AsFunding = "funding"
	// AsFee: the bank took or gave back charges or interest.
	AsFee = "fee"
	// AsOffset: it and another suspended booking of the same amount cancel each other.
	AsOffset = "offset"
	// AsPaid: it is the debit of payments of ours, which it does not name.
	AsPaid = "paid"
	// AsReturn: it is payments of ours that came back without naming them.
	AsReturn = "return"
	// AsExplained: nothing is booked; the text says where the money is accounted for.
	AsExplained = "explained"
)

// Resolve decides what a suspended booking was, and books it so. Repeating the same
// decision changes nothing. Operators may.
type Resolve struct {
	Entry string // key
	With  string // key of the other booking; AsOffset only
	// Payments are what was paid or came back; AsPaid and AsReturn only.
	Payments []PaymentKey
	// Fee is what the bank charged in the booking beside Payments; AsPaid and AsReturn only.
	Fee   money.Amount
	As    string
	Text  string // for whoever asks later
	Actor string
}

// Reads implements commit.Command.
func (c Resolve) Reads(w *commit.Wants) {
	wantEntry(w, c.Entry)
	if c.With != "" {
		Entries.Want(w, c.With)
	}
	for _, k := range c.Payments {
		Orders.Want(w, k.Order)
		Payments.Want(w, k)
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
	for _, k := range c.Payments {
		if p, ok := Payments.Get(v, k); ok {
			wantEvidence(w, p)
			Entries.Want(w, c.Entry+"/"+p.EndToEnd)
		}
	}
}

// Apply implements commit.Command.
func (c Resolve) Apply(v *commit.View) (Entry, error) {
	e, ok := Entries.Get(v, c.Entry)
	if !ok {
		return Entry{}, fault.New(fault.NotFound, "entry_not_found", "no such booking")
	}
	if e.State == EntryResolved && e.Resolution == c.As {
		return e, nil
	}
	if e.State != EntrySuspense {
		return Entry{}, fault.New(fault.Conflict, "not_in_suspense", "the booking is %s: only one in suspense can be resolved", e.State)
	}
	if c.Text == "" {
		return Entry{}, fault.Bad("text_missing", "text", "say in a few words what it was: somebody will ask")
	}
	switch c.As {
	case AsFunding:
		return c.book(v, e, ledger.KindFund, ledger.External)
	case AsFee:
		return c.book(v, e, ledger.KindNetworkFee, ledger.NetworkFees)
	case AsExplained:
		return c.end(v, e), nil
	case AsPaid, AsReturn:
		return c.assign(v, e)
	case AsOffset:
		other, ok := Entries.Get(v, c.With)
		if !ok || other.State != EntrySuspense || other.Amount != e.Amount || other.Currency != e.Currency || other.Side == e.Side || other.Wallet != e.Wallet {
			return Entry{}, fault.Bad("no_offset", "with", "name another booking in suspense of the same account and amount and of the other side")
		}
		c.end(v, other)
		return c.end(v, e), nil
	}
	return Entry{}, fault.Bad("unknown_resolution", "as", "must be %s", strings.Join([]string{AsPaid, AsReturn, AsFunding, AsFee, AsOffset, AsExplained}, ", "))
}

// book moves the money out of suspense to where it belongs. A booking of zero moves none.
func (c Resolve) book(v *commit.View, e Entry, kind ledger.Kind, house string) (Entry, error) {
	if e.Currency != Currency.Code {
		return Entry{}, fault.Bad("wrong_currency", "as", "a booking in %s was never in the ledger: use %s", e.Currency, AsExplained)
	}
	if e.Amount.IsZero() {
		return c.end(v, e), nil
	}
	t := ledger.Transfer{Kind: kind, Currency: e.Currency, Amount: e.Amount, Debit: ledger.AtHouse(ledger.Suspense), Credit: ledger.AtHouse(house), Cause: e.Seq}
	if e.Side == string(message.Debit) {
		t.Debit, t.Credit = t.Credit, t.Debit
	}
	if _, err := ledger.Post(v, t); err != nil {
		return Entry{}, err
	}
	return c.end(v, e), nil
}

// assign takes a booking as that of payments, with the same proofs as if it named them. What
// becomes of their withdrawals follows from the payments' states, like of any other booking.
func (c Resolve) assign(v *commit.View, e Entry) (Entry, error) {
	set, save, err := c.payments(v, e)
	if err != nil {
		return Entry{}, err
	}
	b := e.booking()
	if c.As == AsReturn {
		b.Detail.Return = &message.Return{Code: e.Reason}
	}
	b.Reversal = false
	if why, text := match.Refused(b, set); why != "" {
		return Entry{}, fault.New(fault.Conflict, string(why), "the booking cannot be %s of these payments: %s", c.As, text)
	}
	effects := match.Take(b, set, c.Fee, match.Policy{})
	for _, x := range effects {
		if x.Kind == match.Suspend {
			return Entry{}, fault.New(fault.Conflict, string(x.Cause), "the booking cannot be %s of %s: %s", c.As, withdrawalText(x.Payment), x.Text)
		}
	}
	if err := move(v, e, true); err != nil {
		return Entry{}, err
	}
	if err := carry(v, effects, e.Wallet, c.Payments[0].Order, ""); err != nil {
		return Entry{}, err
	}
	save()
	e.Order = c.Payments[0].Order
	if len(set) == 1 {
		e.EndToEnd = set[0].EndToEndID
	}
	return c.end(v, e), nil
}

// payments loads what a booking is assigned to, and checks that it can be: side, currency,
// account, states and amounts.
func (c Resolve) payments(v *commit.View, e Entry) (set []*match.Payment, save func(), err error) {
	side, state, what := message.Debit, "held, or confirmed by a notification or a reported settlement", "went out"
	if c.As == AsReturn {
		side, state, what = message.Credit, "confirmed", "came in"
	}
	bad := func(code, format string, args ...any) (set []*match.Payment, save func(), err error) {
		return nil, nil, fault.Bad(code, "payments", format, args...)
	}
	switch {
	case len(c.Payments) == 0:
		return bad("payments_missing", "name the withdrawals that the booking is of")
	case e.Side != string(side) || e.Currency != Currency.Code || e.Part:
		return nil, nil, fault.Bad("wrong_resolution", "as", "%s is for a whole booking in %s that %s", c.As, Currency.Code, what)
	}
	sums := make([]money.Amount, 0, len(c.Payments))
	seen := map[PaymentKey]bool{}
	for _, k := range c.Payments {
		p, ok := Payments.Get(v, k)
		o, _ := Orders.Get(v, k.Order)
		name := withdrawalText(p.EndToEnd)
		switch {
		case !ok || o.Wallet != e.Wallet:
			return bad("payment_not_found", "%s is no payment of this bank account", name)
		case seen[k]:
			return bad("payment_twice", "%s is named twice", name)
		case c.As == AsPaid && p.State != match.Held && p.State != match.Confirmed, c.As == AsReturn && p.State != match.Confirmed:
			return bad("payment_state", "%s is %s: it must be %s", name, p.State, state)
		}
		seen[k] = true
		sums = append(sums, p.Amount)
	}
	total, err := money.Sum(sums...)
	if err != nil {
		return nil, nil, err
	}
	large, small := e.Amount, total
	if c.As == AsReturn {
		large, small = total, e.Amount
	}
	diff, err := large.Sub(small)
	// One payment may come back with less: what its bank kept is its owner's loss. Of
	// several it is not known whose.
	kept := c.As == AsReturn && len(c.Payments) == 1 && c.Fee.IsZero()
	if err != nil || diff != c.Fee && !kept {
		return nil, nil, fault.Bad("amounts_differ", "payments", "the payments make %s EUR%s, the booking is %s EUR: name all that it is of, and with fee what the bank charged in it",
			Currency.Format(total), feeText(c.Fee), Currency.Format(e.Amount))
	}
	return load(v, c.Payments, nil)
}

func feeText(fee money.Amount) string {
	if fee.IsZero() {
		return ""
	}
	return ", the charge " + Currency.Format(fee) + " EUR"
}

// withdrawalText names the withdrawal of a payment.
func withdrawalText(endToEnd string) string {
	if at, err := withdrawalOf(endToEnd); err == nil {
		return at.Text(id.Withdrawal)
	}
	return "it"
}

func (c Resolve) end(v *commit.View, e Entry) Entry { return resolved(v, e, c.As, c.Actor, c.Text) }
