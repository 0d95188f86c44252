package bank

import (
	"cmp"
	"context"
	"maps"
	"math/big"
	"slices"

	"sluice/internal/bank/match"
	"sluice/internal/bank/message"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/money"
	"sluice/internal/withdrawal"
)

// Houses gives what the treasury account of a wallet has taken and given, over all shards.
type Houses func(ctx context.Context, name, currency string) (ledger.House, error)

// The causes of differences.
const (
	CauseNotInStatement  = "not_in_statement"  // the ledger has it, no statement does yet
	CauseNotTold         = "not_told"          // the bank has decided, the withdrawal has not been told yet
	CauseUnaccounted     = "unaccounted"       // a statement has it, the ledger does not: must never be
	CauseMissing         = "statement_missing" // a statement between two others never came
	CauseUnbalanced      = "statement_unbalanced"
	CauseIncomplete      = "statement_incomplete" // pages are missing
	CauseOpeningDiffers  = "opening_differs"      // a statement does not begin where the one before it ended
	CauseBalance         = "balance_differs"      // the balances say that something else moved than what was taken in: must never be
	CauseLedger          = "ledger_differs"       // the treasury account is not what payments and bookings make: must never be
	CauseSuspense        = "suspense"             // for information: a person has to resolve it
	CauseOtherCurrencies = "other_currency"       // booked in another currency: not in the ledger
)

// Item is something that explains a difference, or is to be known.
type Item struct {
	Cause  string
	Amount *big.Int // into the account; below zero: out. In cents
	What   string   // a withdrawal, a booking, a statement
}

// Day is one day of a bank account.
type Day struct {
	Day        string
	Opening    *big.Int // of the day's first statement; nil without one
	Closing    *big.Int // of its last
	Bank       *big.Int // what was booked
	Ledger     *big.Int // what of it the ledger has
	Difference *big.Int // Bank less Ledger
	Items      []Item
}

// Reconciliation holds the ledger against the statements of one account.
type Reconciliation struct {
	Wallet string
	Days   []Day
	// Closing is the balance of the last statement; Expected what the ledger makes of the
	// first opening balance and everything since, without what no statement has yet.
	Closing, Expected *big.Int
	// Treasury is what the treasury account says moved since Sluice pays from the account;
	// Explained what payments and bookings make of it.
	Treasury, Explained *big.Int
	Open                []Item // what belongs to no day: on its way, or wrong
}

// OK tells whether nothing is wrong. What is only on its way is not wrong.
func (r Reconciliation) OK() bool {
	for _, d := range r.Days {
		if d.Difference.Sign() != 0 {
			return false
		}
		for _, i := range d.Items {
			if i.Cause != CauseSuspense && i.Cause != CauseOtherCurrencies {
				return false
			}
		}
	}
	return !slices.ContainsFunc(r.Open, func(i Item) bool { return i.Cause == CauseLedger || i.Cause == CauseBalance })
}

// Signed writes an amount of a reconciliation in euro.
func Signed(v *big.Int) string {
	if v == nil {
		return ""
	}
	a, err := money.FromBig(new(big.Int).Abs(v))
	if err != nil {
		return v.String() // beyond 39 digits
	}
	if v.Sign() < 0 {
		return "-" + Currency.Format(a)
	}
	return Currency.Format(a)
}

func bigOf(a money.Amount, side string) *big.Int {
	v := a.Big()
	if side == string(message.Debit) {
		v.Neg(v)
	}
	return v
}

// Reconcile compares, day by day, what a bank booked on an account with what the
// ledger has, and says why they differ.
func Reconcile(ctx context.Context, read Lists, houses Houses, wallet string) (Reconciliation, error) {
	r := reconciler{days: map[string]*Day{}, taken: map[string]*big.Int{}}
	r.out = Reconciliation{Wallet: wallet, Closing: new(big.Int), Expected: new(big.Int), Treasury: new(big.Int), Explained: new(big.Int)}
	for _, step := range []func(context.Context, Lists) error{r.entries, r.payments, r.statements} {
		if err := step(ctx, read); err != nil {
			return r.out, err
		}
	}
	h, err := houses(ctx, ledger.Treasury(wallet), Currency.Code)
	if err != nil {
		return r.out, err
	}
	// What a payout pays is booked into the treasury account: its holdings are Out less In.
	r.out.Treasury.Sub(bigOf(h.Out, ""), bigOf(h.In, ""))
	r.close()
	return r.out, r.untold(ctx, read)
}

// untold explains a treasury account that differs by the payments whose withdrawals are
// still to be told that they were paid.
func (r *reconciler) untold(ctx context.Context, read Lists) error {
	at := slices.IndexFunc(r.out.Open, func(i Item) bool { return i.Cause == CauseLedger })
	if at < 0 {
		return nil
	}
	rest := r.out.Open[at].Amount
	for _, p := range r.paid {
		of := id.ID{Shard: id.Shard(p.Shard), Seq: p.Withdrawal} //nolint:gosec // written from an id.Shard
		w, ok, err := read.Withdrawal(ctx, of)
		if err != nil {
			return err
		}
		if ok && w.State == withdrawal.Processing {
			out := bigOf(p.Amount, string(message.Debit))
			rest.Add(rest, out)
			r.out.Open = append(r.out.Open, Item{CauseNotTold, out, of.Text(id.Withdrawal)})
		}
	}
	if rest.Sign() == 0 {
		r.out.Open = slices.Delete(r.out.Open, at, at+1)
	}
	return nil
}

type reconciler struct {
	out  Reconciliation
	days map[string]*Day
	paid []Payment
	// taken is what was taken in by statement, under "" what an older version took in.
	taken map[string]*big.Int
}

func (r *reconciler) day(name string) *Day {
	d := r.days[name]
	if d == nil {
		d = &Day{Day: name, Bank: new(big.Int), Ledger: new(big.Int), Difference: new(big.Int)}
		r.days[name] = d
	}
	return d
}

// entries takes what statements booked, and what of it is in suspense or was.
func (r *reconciler) entries(ctx context.Context, read Lists) error {
	return read.EachBankEntry(ctx, func(e Entry) error {
		if e.Wallet != r.out.Wallet || e.Kind != string(message.Statement) || !e.Booked {
			return nil
		}
		d, v := r.day(e.Day), bigOf(e.Amount, e.Side)
		what := id.ID{Shard: Shard, Seq: e.Seq}.Text(id.BankEntry)
		if e.Currency != Currency.Code {
			d.Items = append(d.Items, Item{CauseOtherCurrencies, v, what})
			return nil
		}
		if !e.Part {
			d.Bank.Add(d.Bank, v)
			if r.taken[e.Statement] == nil {
				r.taken[e.Statement] = new(big.Int)
			}
			r.taken[e.Statement].Add(r.taken[e.Statement], v)
		}
		switch {
		case e.State == EntryResolved && (e.Resolution == AsReturn || e.Resolution == AsPaid):
			return nil // in the ledger as its payments
		case e.State == EntrySuspense:
			d.Items = append(d.Items, Item{CauseSuspense, v, what + " " + e.Text})
		case e.State != EntryResolved:
			return nil
		}
		d.Ledger.Add(d.Ledger, v)
		r.out.Explained.Add(r.out.Explained, v)
		return nil
	})
}

// payments takes what the ledger has of payments: on the day of the statement that
// booked them, or on none yet.
func (r *reconciler) payments(ctx context.Context, read Lists) error {
	return read.EachBankPayment(ctx, func(p Payment) error {
		if p.State != match.Confirmed && p.State != match.Returned {
			return nil
		}
		debit, credit, err := decodeEvidence(p.Evidence)
		if err != nil {
			return err
		}
		r.paid = append(r.paid, p)
		what := id.ID{Shard: id.Shard(p.Shard), Seq: p.Withdrawal}.Text(id.Withdrawal) //nolint:gosec // written from an id.Shard
		r.movement(debit, bigOf(p.Amount, string(message.Debit)), what)
		if p.State == match.Returned {
			r.movement(credit, bigOf(p.Back, string(message.Credit)), what)
			if !p.Told {
				r.out.Open = append(r.out.Open, Item{CauseNotTold, bigOf(p.Back, string(message.Credit)), what})
			}
		}
		return nil
	})
}

func (r *reconciler) movement(e match.Evidence, v *big.Int, what string) {
	r.out.Explained.Add(r.out.Explained, v)
	if !e.StatementPresent {
		r.out.Open = append(r.out.Open, Item{CauseNotInStatement, v, what})
		return
	}
	d := r.day(string(e.StatementDay))
	d.Ledger.Add(d.Ledger, v)
}

// statements puts the balances to the days and looks for what is missing between them.
func (r *reconciler) statements(ctx context.Context, read Lists) error {
	list, err := read.BankStatements(ctx)
	if err != nil {
		return err
	}
	list = inOrder(slices.DeleteFunc(list, func(s Statement) bool { return s.Wallet != r.out.Wallet }))
	var last *big.Int
	first := true
	for _, s := range list {
		d := r.day(s.Day)
		add := func(cause string, v *big.Int) {
			d.Items = append(d.Items, Item{cause, v, "statement " + s.Name()})
		}
		switch s.State {
		case StatementOpen:
			add(CauseIncomplete, nil)
			continue
		case StatementUnbalanced:
			add(CauseUnbalanced, nil)
		case StatementBalanced, StatementBare:
		}
		if s.Gap {
			add(CauseMissing, nil)
		}
		if s.OpeningSide != "" {
			opening := bigOf(s.Opening, s.OpeningSide)
			if d.Opening == nil {
				d.Opening = opening
			}
			if last != nil && last.Cmp(opening) != 0 && !s.Gap {
				add(CauseOpeningDiffers, new(big.Int).Sub(opening, last))
			}
			if first {
				r.out.Expected.Set(opening)
				first = false
			}
		}
		if s.ClosingSide != "" {
			last = bigOf(s.Closing, s.ClosingSide)
			d.Closing = last
			r.out.Closing = last
		}
	}
	r.balance(list)
	return nil
}

// meets reports whether a statement begins with the balance that another one ends with.
func meets(a, b Statement) bool {
	return a.ClosingSide != "" && b.OpeningSide != "" && bigOf(a.Closing, a.ClosingSide).Cmp(bigOf(b.Opening, b.OpeningSide)) == 0
}

// balances reports whether a statement is whole and has balances.
func (s Statement) balances() bool {
	return s.State == StatementBalanced || s.State == StatementUnbalanced
}

// inOrder puts statements one behind the other: by their days, and on one day each behind
// the one that ends where it begins, else by number.
func inOrder(list []Statement) []Statement {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Statement) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Year, b.Year), cmp.Compare(a.Sequence, b.Sequence))
	})
	for n := range list {
		// The next one is the first of the day that nothing of the day leads to, or that the last one leads to.
		day := n
		for day < len(list) && list[day].Day == list[n].Day {
			day++
		}
		rest := list[n:day]
		at := slices.IndexFunc(rest, func(s Statement) bool { return n > 0 && meets(list[n-1], s) })
		if at < 0 {
			at = slices.IndexFunc(rest, func(s Statement) bool {
				return !slices.ContainsFunc(rest, func(x Statement) bool { return x.Key != s.Key && meets(x, s) })
			})
		}
		if at > 0 {
			s := rest[at]
			copy(rest[1:at+1], rest[:at])
			rest[0] = s
		}
	}
	return list
}

// balance compares the balances of the statements with the sum of what was taken in of
// them, for each run of statements of which each begins with the balance that the one before
// it ended with. Between runs, and of statements without balances, nothing can be said.
func (r *reconciler) balance(list []Statement) {
	old, count := r.taken[""], len(list)
	for len(list) > 0 {
		n := 0
		for n < len(list) && list[n].balances() && (n == 0 || meets(list[n-1], list[n])) {
			n++
		}
		if run := list[:n]; n > 0 && (old == nil || n == count) {
			r.run(run, old)
		}
		list = list[max(n, 1):]
	}
}

func (r *reconciler) run(list []Statement, old *big.Int) {
	first, last := list[0], list[len(list)-1]
	moved := new(big.Int).Sub(bigOf(last.Closing, last.ClosingSide), bigOf(first.Opening, first.OpeningSide))
	for _, s := range list {
		if v := r.taken[s.Key]; v != nil {
			moved.Sub(moved, v)
		}
	}
	if old != nil {
		moved.Sub(moved, old)
	}
	if moved.Sign() != 0 {
		r.out.Open = append(r.out.Open, Item{CauseBalance, moved, "from " + first.Day + " to " + last.Day + " the balances moved by that much more than the bookings that were taken in"})
	}
}

func (r *reconciler) close() {
	for _, name := range slices.Sorted(maps.Keys(r.days)) {
		d := r.days[name]
		d.Difference.Sub(d.Bank, d.Ledger)
		if d.Difference.Sign() != 0 {
			d.Items = append(d.Items, Item{CauseUnaccounted, d.Difference, "bookings of this day"})
		}
		r.out.Expected.Add(r.out.Expected, d.Ledger)
		r.out.Days = append(r.out.Days, *d)
	}
	if r.out.Treasury.Cmp(r.out.Explained) == 0 {
		return
	}
	// Payments that are decided and whose withdrawals are being told are no difference.
	rest := new(big.Int).Sub(r.out.Treasury, r.out.Explained)
	for _, i := range r.out.Open {
		if i.Cause == CauseNotTold {
			rest.Add(rest, i.Amount)
		}
	}
	if rest.Sign() != 0 {
		r.out.Open = append(r.out.Open, Item{CauseLedger, rest, "the treasury account beside payments and bookings"})
	}
}
