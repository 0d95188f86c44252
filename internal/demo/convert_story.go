package demo

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"sluice/internal/config"
	"sluice/internal/event"
)

// configureExchange lets euro be exchanged, at prices that stand still.
func configureExchange(c *config.Config) {
	c.Exchange.Sources = []config.RateSource{{
		Name: "table", Kind: config.SourceFixed, Every: config.Duration(settleIn), Rates: map[string]string{"ETH/EUR": "2000", "USDT/EUR": "0.92"},
	}}
	for _, to := range []string{eth.Code, usdt.Code} {
		c.Exchange.Pairs = append(c.Exchange.Pairs, config.Pair{From: eur.Code, To: to, SpreadBPS: 50, Minimum: "1.00", Maximum: "10000.00"})
	}
	c.Fees = append(c.Fees, config.Fee{Currency: eur.Code, Kind: "exchange", Percent: "1"})
}

// quoteObject is a price that is held.
type quoteObject struct {
	ID      string `json:"id"`
	Amount  string `json:"amount"`
	Fee     string `json:"fee"`
	Total   string `json:"total"`
	Price   string `json:"price"`
	Receive struct {
		Currency string `json:"currency"`
		Amount   string `json:"amount"`
	} `json:"receive"`
}

// convert pays a balance in euro out in another currency.
func (s *story) convert(ctx context.Context) error {
	var q quoteObject
	if err := s.post(ctx, "/v1/quotes", map[string]string{"currency": eur.Code, "receive_currency": eth.Code, "amount": "40.00"}, &q); err != nil {
		return err
	}
	s.rep.note("note", fmt.Sprintf("the quote: %s EUR for %s ETH, at %s ETH per EUR and a fee of %s EUR, good for a minute", q.Amount, short(q.Receive.Amount), short(q.Price), q.Fee),
		"quote", q.ID, "amount", q.Amount, "fee", q.Fee, "price", q.Price, "receive", q.Receive.Amount)
	// 40.00 / 2000 less half a percent; and one percent on top.
	s.rep.check("what the quote promises", q.Receive.Amount+" for "+q.Total, "0.019900000000000000 for 40.40")
	address, err := customerAddress(s.clara.name)
	if err != nil {
		return err
	}
	who := customer{name: s.clara.name, account: s.clara.account, address: address}
	p, err := s.create(ctx, who, map[string]any{
		"account": who.account, "foreign_id": "euro-4", "currency": eur.Code, "quote_id": q.ID, "destination": map[string]string{"network": networkName, "address": address},
	}, "confirmed")
	if err != nil {
		return err
	}
	if err := s.ended(ctx, p); err != nil {
		return err
	}
	if err := s.onChain(ctx, p); err != nil {
		return err
	}
	if err := s.legs(ctx, p); err != nil {
		return err
	}
	if err := s.balance(ctx, s.clara, eur.Code, "9.60", "0.00", "0.00"); err != nil {
		return err
	}
	return s.exposure(ctx, map[string]string{eur.Code: "190.00", eth.Code: "-0.019900000000000000", usdt.Code: "-162.228259"})
}

// ended waits for everything that is told of a withdrawal that is paid.
func (s *story) ended(ctx context.Context, p *payout) error {
	// The balance changes when the money is held and when it has left.
	return s.await(ctx, want{event.WithdrawalCreated, p.id, 1}, want{event.WithdrawalQueued, p.id, 1},
		want{event.WithdrawalProcessing, p.id, 1}, want{event.WithdrawalBroadcast, p.id, 1},
		want{event.WithdrawalConfirmed, p.id, 1}, want{event.BalanceUpdated, p.who.account, 2})
}

// timelineObject is a withdrawal's life, as far as money moved in it.
type timelineObject struct {
	Entries []struct {
		Kind     string `json:"kind"`
		Transfer struct {
			Currency string `json:"currency"`
			Amount   string `json:"amount"`
			Debit    side   `json:"debit"`
			Credit   side   `json:"credit"`
		} `json:"transfer"`
	} `json:"entries"`
}

// side is one end of a movement of money: a bucket of an account, or an account of the house.
type side struct {
	Bucket string `json:"bucket"`
}

func (s side) String() string {
	name, _, _ := strings.Cut(s.Bucket, ":") // a treasury account names its wallet
	return name
}

// legs shows from its timeline which money a withdrawal with exchange moved.
func (s *story) legs(ctx context.Context, p *payout) error {
	a, err := s.request(ctx, http.MethodGet, "/v1/withdrawals/"+p.id+"/timeline", nil, http.StatusOK)
	if err != nil {
		return err
	}
	var t timelineObject
	if err := a.into(&t); err != nil {
		return err
	}
	var moved []string
	for _, e := range t.Entries {
		if e.Kind != "transfer" {
			continue
		}
		m := e.Transfer
		text := fmt.Sprintf("%s %s  %s → %s", short(m.Amount), m.Currency, m.Debit, m.Credit)
		s.rep.note("note", text, "amount", m.Amount, "currency", m.Currency, "debit", m.Debit.String(), "credit", m.Credit.String())
		moved = append(moved, text)
	}
	for _, leg := range []string{
		fmt.Sprintf("%s %s  reserved → exchange", short(p.amount), p.currency),
		fmt.Sprintf("%s %s  exchange → treasury", short(p.last.Receive.Amount), p.last.Receive.Currency),
	} {
		s.rep.check("movements of money that say "+leg, fmt.Sprint(strings.Count(strings.Join(moved, "\n")+"\n", leg+"\n")), "1")
	}
	return nil
}

// exposure shows what exchange has left the house with, by currency.
func (s *story) exposure(ctx context.Context, wants map[string]string) error {
	a, err := s.operator.do(ctx, http.MethodGet, "/v1/treasury", nil)
	if err != nil {
		return err
	}
	var t struct {
		Exchange []struct {
			Currency string `json:"currency"`
			Exposure string `json:"exposure"`
		} `json:"exchange"`
	}
	if err := a.into(&t); err != nil {
		return err
	}
	got := map[string]string{}
	var parts []string
	for _, x := range t.Exchange {
		got[x.Currency] = x.Exposure
		parts = append(parts, short(x.Exposure)+" "+x.Currency)
	}
	s.rep.note("note", "exchange leaves the house with "+strings.Join(parts, " and "))
	for currency, v := range wants {
		s.rep.check("exposure in "+currency, got[currency], v)
	}
	return nil
}
