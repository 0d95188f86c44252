package bank

import (
	"encoding/json"
	"fmt"

	"sluice/internal/bank/match"
	"sluice/internal/bank/message"
	"sluice/internal/commit"
	"sluice/internal/money"
)

// What is kept inside rows as JSON. Amounts are texts of minor units.

func encode(x any) []byte {
	b, err := json.Marshal(x)
	if err != nil {
		panic(err) // texts, numbers and truth values: cannot happen
	}
	return b
}

func decode[T any](b []byte) (T, error) {
	var x T
	if len(b) == 0 {
		return x, nil
	}
	if err := json.Unmarshal(b, &x); err != nil {
		return x, fmt.Errorf("%w: a row about a bank cannot be read: %w", commit.ErrInvariant, err)
	}
	return x, nil
}

type proof struct {
	Key    string `json:"key"`
	Amount string `json:"amount"`
	Day    string `json:"day,omitempty"`
	Reason string `json:"reason,omitempty"`
}

type evidence struct {
	DebitStatement  *proof `json:"debit_statement,omitempty"`
	DebitNotice     *proof `json:"debit_notice,omitempty"`
	CreditStatement *proof `json:"credit_statement,omitempty"`
	CreditNotice    *proof `json:"credit_notice,omitempty"`
}

func proofOf(present bool, key string, a money.Amount, day message.Day, reason string) *proof {
	if !present {
		return nil
	}
	return &proof{key, a.Minor(), string(day), reason}
}

// encodeEvidence writes which bookings say that money of a payment moved.
func encodeEvidence(debit, credit match.Evidence) []byte {
	e := evidence{
		proofOf(debit.StatementPresent, debit.Statement, debit.StatementAmount, debit.StatementDay, debit.StatementReason),
		proofOf(debit.NoticePresent, debit.Notice, debit.NoticeAmount, debit.NoticeDay, debit.NoticeReason),
		proofOf(credit.StatementPresent, credit.Statement, credit.StatementAmount, credit.StatementDay, credit.StatementReason),
		proofOf(credit.NoticePresent, credit.Notice, credit.NoticeAmount, credit.NoticeDay, credit.NoticeReason),
	}
	if e == (evidence{}) {
		return nil
	}
	return encode(e)
}

func (e evidence) of(statement, notice *proof) (out match.Evidence, err error) {
	if p := statement; p != nil {
		out.StatementPresent, out.Statement, out.StatementDay, out.StatementReason = true, p.Key, message.Day(p.Day), p.Reason
		if out.StatementAmount, err = money.ParseMinor(p.Amount); err != nil {
			return out, err
		}
	}
	if p := notice; p != nil {
		out.NoticePresent, out.Notice, out.NoticeDay, out.NoticeReason = true, p.Key, message.Day(p.Day), p.Reason
		out.NoticeAmount, err = money.ParseMinor(p.Amount)
	}
	return out, err
}

func decodeEvidence(b []byte) (debit, credit match.Evidence, err error) {
	e, err := decode[evidence](b)
	if err != nil {
		return debit, credit, err
	}
	if debit, err = e.of(e.DebitStatement, e.DebitNotice); err != nil {
		return debit, credit, err
	}
	credit, err = e.of(e.CreditStatement, e.CreditNotice)
	return debit, credit, err
}

// waiting is a booking of a whole batch as it is kept until it fits: what match looks at.
type waiting struct {
	Kind     string `json:"kind"`
	Account  string `json:"account"`
	Key      string `json:"key"`
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
	Side     string `json:"side"`
	Day      string `json:"day,omitempty"`
	Split    bool   `json:"split,omitempty"`
	Batch    string `json:"batch,omitempty"`
	Message  string `json:"message,omitempty"`
	Count    int    `json:"count,omitempty"`
	Total    string `json:"total,omitempty"`
	TotalIn  string `json:"total_in,omitempty"` // currency
	// Charges are what the bank may have charged in Amount.
	Charges []string `json:"charges,omitempty"`
}

func encodeBookings(list []message.Booking) []byte {
	if len(list) == 0 {
		return nil
	}
	out := make([]waiting, len(list))
	for n, b := range list {
		out[n] = waiting{
			Kind: string(b.Kind), Account: b.Account, Key: b.Key, Amount: b.Amount.Minor(), Currency: b.Currency, Side: string(b.Side), Day: string(b.Day), Split: b.Split,
			Batch: first(b.Batch.BatchID, b.Detail.BatchID), Message: first(b.Batch.MessageID, b.Detail.MessageID), Count: b.Batch.Count,
			Total: b.Batch.Total.Minor(), TotalIn: b.Batch.Currency,
		}
		for _, c := range b.Charges {
			out[n].Charges = append(out[n].Charges, c.Minor())
		}
	}
	return encode(out)
}

func decodeBookings(raw []byte) ([]message.Booking, error) {
	list, err := decode[[]waiting](raw)
	if err != nil {
		return nil, err
	}
	var out []message.Booking
	for _, w := range list {
		amount, err := money.ParseMinor(w.Amount)
		if err != nil {
			return nil, err
		}
		total, err := money.ParseMinor(w.Total)
		if err != nil {
			return nil, err
		}
		var charges []money.Amount
		for _, c := range w.Charges {
			a, err := money.ParseMinor(c)
			if err != nil {
				return nil, err
			}
			charges = append(charges, a)
		}
		out = append(out, message.Booking{
			Charges: charges, Kind: message.Kind(w.Kind), Account: w.Account, Key: w.Key, Amount: amount, Currency: w.Currency, Side: message.Side(w.Side), Booked: true,
			Day: message.Day(w.Day), Split: w.Split,
			Batch: message.BatchInfo{BatchID: w.Batch, MessageID: w.Message, Count: w.Count, Total: total, Currency: w.TotalIn},
		})
	}
	return out, nil
}

func first(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}
