package upvest

import (
	"context"
	"slices"
	"strings"
	"time"

	"sluice/internal/account"
	"sluice/internal/customer"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/money"
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
	typeWithdrawal   = "WITHDRAWAL"
	typeCancellation = "WITHDRAWAL_CANCELLATION"
	typeTopUp        = "TOPUP"
)

func transaction(shard id.Shard, kind, name string, at time.Time, acc id.Seq, amount, reference string) transactionBody {
	return transactionBody{
		ID: name, Type: kind, Group: uuid(id.Account, id.ID{Shard: shard, Seq: acc}), BookingDate: day(at), ValueDate: day(at), Delta: delta{amount, currency},
		Taxes: []any{}, References: []referenceItem{{reference, strings.TrimSuffix(kind, "_CANCELLATION")}}, CreatedAt: stamp(at), UpdatedAt: stamp(at), at: at,
	}
}

// payoutOf and returnOf are the two bookings that a withdrawal can have.
func payoutOf(shard id.Shard, w withdrawal.Withdrawal, at time.Time, euro money.Asset) transactionBody {
	here := id.ID{Shard: shard, Seq: w.Seq}
	return transaction(shard, typeWithdrawal, uuid("utw", here), at, w.Account, "-"+euro.Format(w.Amount), uuid(id.Withdrawal, here))
}

func returnOf(shard id.Shard, w withdrawal.Withdrawal, t ledger.Transfer, euro money.Asset) transactionBody {
	return transaction(shard, typeCancellation, uuid("utr", id.ID{Shard: shard, Seq: t.Seq}), t.At, w.Account, euro.Format(t.Amount),
		uuid(id.Withdrawal, id.ID{Shard: shard, Seq: w.Seq}))
}

func creditOf(shard id.Shard, cr account.Credit, euro money.Asset) transactionBody {
	here := id.ID{Shard: shard, Seq: cr.Seq}
	return transaction(shard, typeTopUp, uuid("utc", here), cr.CreatedAt, cr.Account, euro.Format(cr.Amount), uuid(kindTopUp, here))
}

func listTransactions(c *call) (answer, error) {
	p, q, err := c.page("booking_date")
	if err != nil {
		return answer{}, err
	}
	for _, name := range []string{"start_date", "end_date"} {
		if text := q.Get(name); text != "" {
			if _, err := time.Parse(time.DateOnly, text); err != nil {
				return answer{}, bad(name, "must be a day like 2021-07-21")
			}
		}
	}
	at, err := c.member(id.Account, "account_group_id", q.Get("account_group_id"))
	if err != nil {
		return answer{}, err
	}
	g, err := c.group(at)
	if err != nil {
		return answer{}, err
	}
	rows, err := c.transactions(g)
	if err != nil {
		return answer{}, err
	}
	slices.SortStableFunc(rows, func(a, b transactionBody) int { return a.at.Compare(b.at) })
	var all []any
	for _, t := range rows {
		if from, to := q.Get("start_date"), q.Get("end_date"); t.BookingDate >= from && (to == "" || t.BookingDate <= to) {
			all = append(all, t)
		}
	}
	return p.of(all), nil
}

// transactions are all bookings of an account group that the wire has words for.
func (c *call) transactions(g customer.Group) ([]transactionBody, error) {
	var out []transactionBody
	shard, euro := c.party.Merchant.Shard, c.Assets()[currency]
	rows, err := c.withdrawals(c.ctx, g)
	if err != nil {
		return nil, err
	}
	for _, w := range rows {
		if w.State == withdrawal.Confirmed {
			out = append(out, payoutOf(shard, w, w.EndedAt, euro))
		}
		if w.State == withdrawal.Returned {
			booked, err := c.moved(c.ctx, shard, w, euro)
			if err != nil {
				return nil, err
			}
			out = append(out, booked...)
		}
	}
	for before := id.Seq(0); ; {
		credits, err := c.Reads.Credits(c.ctx, c.at(g.Seq), before, pageMax)
		if err != nil {
			return nil, err
		}
		for _, cr := range credits {
			before = cr.Seq
			if cr.Currency == currency {
				out = append(out, creditOf(shard, cr, euro))
			}
		}
		if len(credits) < pageMax {
			return out, nil
		}
	}
}

// moved reads the bookings of a withdrawal that came back.
func (d *Dialect) moved(ctx context.Context, shard id.Shard, w withdrawal.Withdrawal, euro money.Asset) ([]transactionBody, error) {
	transfers, err := d.Reads.TransfersOf(ctx, id.ID{Shard: shard, Seq: w.Seq})
	if err != nil {
		return nil, err
	}
	var out []transactionBody
	for _, t := range transfers {
		if t.Kind == ledger.KindPayout {
			out = append(out, payoutOf(shard, w, t.At, euro))
		}
		if t.Kind == ledger.KindReturn {
			out = append(out, returnOf(shard, w, t, euro))
		}
	}
	return out, nil
}
