package upvest

import (
	"context"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"sluice/internal/dialect"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/withdrawal"
)

// transactionBody is a cash transaction as it is sent.
type transactionBody struct {
	ID          string          `json:"id"`
	Type        string          `json:"type"`
	Group       string          `json:"account_group_id"`
	BookingDate string          `json:"booking_date"`
	ValueDate   string          `json:"value_date"`
	Delta       delta           `json:"delta"`
	Taxes       []any           `json:"taxes"`
	TaxDetails  []any           `json:"taxes_details"`
	References  []referenceItem `json:"references"`
	CreatedAt   string          `json:"created_at"`
	UpdatedAt   string          `json:"updated_at"`
	at          time.Time
}

type delta struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

type referenceItem struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// Ids of transactions are those of the transfers and credits that they are.
const (
	typeWithdrawal = "WITHDRAWAL"
	typeTopUp      = "TOPUP"
	typeSale       = "ORDER_EXECUTION"
	cancellation   = "_CANCELLATION"
)

// day writes a day as the wire has them: as its first moment.
func day(t time.Time) string { return t.UTC().Format(time.DateOnly) + "T00:00:00.000Z" }

// transaction writes a booking; of is what it is about.
func (t teller) transaction(kind, name string, acc id.Seq, d delta, of string, at time.Time) transactionBody {
	return transactionBody{
		ID: name, Type: kind, Group: t.uuid(id.Account, acc), BookingDate: day(at), ValueDate: day(at), Delta: d, Taxes: []any{}, TaxDetails: []any{},
		References: []referenceItem{{of, strings.TrimSuffix(kind, cancellation)}}, CreatedAt: stamp(at), UpdatedAt: stamp(at), at: at,
	}
}

// payout and giveBack are the two bookings that a withdrawal can have.
func (t teller) payout(w withdrawal.Withdrawal, at time.Time) transactionBody {
	return t.transaction(typeWithdrawal, t.uuid("utw", w.Seq), w.Account, delta{"-" + t.amount(w.Currency, w.Amount), w.Currency}, t.uuid(id.Withdrawal, w.Seq), at)
}

func (t teller) giveBack(w withdrawal.Withdrawal, x ledger.Transfer) transactionBody {
	return t.transaction(typeWithdrawal+cancellation, t.uuid("utr", x.Seq), w.Account, delta{t.amount(x.Currency, x.Amount), x.Currency}, t.uuid(id.Withdrawal, w.Seq), x.At)
}

// credit is the booking of a credit: of a sale when it is made, with the day on which it
// settles as its value date, of any other once it is settled. ok is false where there is
// none yet.
func (t teller) credit(cr account.Credit) (_ transactionBody, ok bool) {
	kind, at := typeTopUp, cr.SettledAt
	if cr.Kind == account.KindSale {
		kind, at = typeSale, cr.CreatedAt
	}
	if at.IsZero() {
		return transactionBody{}, false
	}
	b := t.transaction(kind, t.uuid("utc", cr.Seq), cr.Account, delta{t.amount(cr.Currency, cr.Amount), cr.Currency}, t.uuid(kindTopUp, cr.Seq), at)
	switch {
	case kind == typeTopUp:
	case !cr.SettledAt.IsZero():
		b.ValueDate = day(cr.SettledAt)
	case !cr.AvailableAt.IsZero():
		b.ValueDate = day(cr.AvailableAt)
	}
	return b, true
}

// takeBack is the booking of a credit that was taken back.
func (t teller) takeBack(cr account.Credit) transactionBody {
	return t.transaction(typeTopUp+cancellation, t.uuid("utb", cr.Seq), cr.Account, delta{"-" + t.amount(cr.Currency, cr.Amount), cr.Currency}, t.uuid(kindTopUp, cr.Seq), cr.TakenBackAt)
}

// period are the days of a request, as bookings have them; zero is open.
type period struct{ from, to time.Time }

// dayOf reads a day, or the day of a moment.
func dayOf(q url.Values, name string) (time.Time, error) {
	text := q.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(form, text); err == nil {
			return at.UTC().Truncate(24 * time.Hour), nil
		}
	}
	return time.Time{}, bad(name, "must be a day like 2021-07-21, or a moment like 2021-07-21T00:00:00Z")
}

func (p period) has(at time.Time) bool {
	on := at.UTC().Truncate(24 * time.Hour)
	return !on.Before(p.from) && (p.to.IsZero() || !on.After(p.to))
}

// most is how many rows are looked through for a request that names no account group.
const most = 10_000

var errTooMany = bad("account_group_id", "is required: without it there is more here than %d rows", most)

func listTransactions(c *call) (answer, error) {
	p, q, err := c.page("booking_date", "updated_at")
	if err != nil {
		return answer{}, err
	}
	var days period
	var e1, e2 error
	days.from, e1 = dayOf(q, "start_date")
	days.to, e2 = dayOf(q, "end_date")
	if err := first(e1, e2); err != nil {
		return answer{}, err
	}
	var all []transactionBody
	if text := q.Get("account_group_id"); text == "" {
		all, err = c.transactions(0, days, most)
	} else {
		all, err = c.transactionsOf(text, days)
	}
	if err != nil {
		return answer{}, err
	}
	slices.SortStableFunc(all, func(a, b transactionBody) int { return a.at.Compare(b.at) })
	var rows []row
	for _, t := range all {
		if days.has(t.at) {
			rows = append(rows, row{t, t.at, t.at})
		}
	}
	return p.of(rows), nil
}

func (c *call) transactionsOf(group string, days period) ([]transactionBody, error) {
	if !uuidPattern.MatchString(group) {
		return nil, bad("account_group_id", "must be a UUID")
	}
	at, err := c.parseID(id.Account, group)
	if err != nil {
		return nil, err
	}
	g, err := c.group(at)
	if err != nil {
		return nil, err
	}
	return c.transactions(g.Seq, days, math.MaxInt)
}

// transactions are all bookings of an account group, or with 0 of all of them, that the
// wire has words for.
func (c *call) transactions(group id.Seq, days period, most int) ([]transactionBody, error) {
	var until time.Time
	if !days.to.IsZero() {
		until = days.to.Add(24 * time.Hour) // nothing is booked before it is made
	}
	groups := grouping{c, map[id.Seq]bool{}}
	rows, err := c.withdrawals(group, until, most)
	if err != nil {
		return nil, err
	}
	var out []transactionBody
	for _, w := range rows {
		if ok, err := groups.has(w.Account); err != nil || !ok {
			if err != nil {
				return nil, err
			}
			continue
		}
		if w.State == withdrawal.Confirmed {
			out = append(out, c.teller().payout(w, w.EndedAt))
		}
		if w.State == withdrawal.Returned {
			booked, err := c.moved(c.ctx, c.teller(), w)
			if err != nil {
				return nil, err
			}
			out = append(out, booked...)
		}
	}
	credits, err := c.credits(group, most)
	if err != nil {
		return nil, err
	}
	for _, cr := range credits {
		if ok, err := groups.has(cr.Account); err != nil || !ok {
			if err != nil {
				return nil, err
			}
			continue
		}
		out = append(out, c.teller().bookings(cr)...)
	}
	return out, nil
}

// bookings are all of a credit.
func (t teller) bookings(cr account.Credit) []transactionBody {
	b, ok := t.credit(cr)
	switch {
	case !ok:
		return nil
	case cr.TakenBackAt.IsZero():
		return []transactionBody{b}
	}
	return []transactionBody{b, t.takeBack(cr)}
}

// credits reads the credits of an account group, or with 0 of all accounts, in currencies of
// the wire, in the order in which they were made.
func (c *call) credits(group id.Seq, most int) ([]account.Credit, error) {
	var out []account.Credit
	for before := id.Seq(0); ; {
		rows, err := c.creditsOf(group, before)
		if err != nil {
			return nil, dialect.Unavailable(err)
		}
		for _, cr := range rows {
			before = cr.Seq
			if c.banked(cr.Currency) {
				out = append(out, cr)
			}
		}
		if len(out) > most {
			return nil, errTooMany
		}
		if len(rows) < pageMax {
			slices.Reverse(out)
			return out, nil
		}
	}
}

func (c *call) creditsOf(group, before id.Seq) ([]account.Credit, error) {
	if group == 0 {
		return c.Reads.MerchantCredits(c.ctx, c.party.Merchant, before, pageMax)
	}
	return c.Reads.Credits(c.ctx, c.at(group), before, pageMax)
}

// grouping knows which accounts are account groups.
type grouping struct {
	c     *call
	known map[id.Seq]bool
}

func (g grouping) has(account id.Seq) (bool, error) {
	is, known := g.known[account]
	if known {
		return is, nil
	}
	_, is, err := g.c.Reads.CustomerGroup(g.c.ctx, g.c.at(account))
	if err != nil {
		return false, dialect.Unavailable(err)
	}
	g.known[account] = is
	return is, nil
}

// moved reads the bookings of a withdrawal that came back.
func (d *Dialect) moved(ctx context.Context, t teller, w withdrawal.Withdrawal) ([]transactionBody, error) {
	transfers, err := d.Reads.TransfersOf(ctx, id.ID{Shard: t.shard, Seq: w.Seq})
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	var out []transactionBody
	for _, x := range transfers {
		if x.Kind == ledger.KindPayout {
			out = append(out, t.payout(w, x.At))
		}
		if x.Kind == ledger.KindReturn {
			out = append(out, t.giveBack(w, x))
		}
	}
	return out, nil
}
