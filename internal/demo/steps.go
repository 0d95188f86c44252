package demo

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluice/internal/event"
)

// steps is the story in order.
var steps = []step{
	{"webhooks", "The merchant asks to be told what happens", (*story).registerWebhooks},
	{"accounts", "Two customers get an account: Ada and Ben", (*story).openAccounts},
	{"sale", "A sale: Ada is owed 250.00 USDT, which settle in a second; Ben 0.8 ETH, which settle when told", (*story).sell},
	{"pending", "Ben cannot withdraw what has not settled", (*story).tooEarly},
	{"settled", "The money settles", (*story).settle},
	{"usdt", "Ada withdraws 120.50 USDT: held, signed, sent, mined, final", (*story).withdrawUSDT},
	{"eth", "Ben withdraws 0.25 ETH", (*story).withdrawETH},
	{"cancel", "Ada schedules a withdrawal for tomorrow, and takes it back", (*story).cancel},
	{"overdraft", "Ben asks for more ETH than he has", (*story).overdraft},
	{"duplicate", "The merchant repeats Ada's first withdrawal by mistake", (*story).duplicate},
	{"batch", "The guild pays a hundred members with one request; the wallet's vault carries them together", (*story).payHundred},
	bankSteps[0], bankSteps[1], bankSteps[2],
	wireSteps[0], wireSteps[1], wireSteps[2], wireSteps[3], wireSteps[4],
	bankSteps[3], // the bank's clock goes on: nothing that is due today can follow
	{"convert", "Clara takes 40.00 EUR of it in ETH: a quote fixes the price, and both sides are booked", (*story).convert},
	{"bitcoin", "Dora withdraws 0.015 BTC", (*story).withdrawBTC},
	{"chain", "What the chain says", (*story).compareWithChain},
	{"statement", "What the bank says", (*story).compareWithBank},
	{"verify", "The books are recomputed from every transfer", (*story).verifyBooks},
	{"reconcile", "The books are held against the chain and the bank", (*story).reconcile},
}

func (s *story) registerWebhooks(ctx context.Context) error {
	var e endpointObject
	err := s.post(ctx, "/v1/webhook_endpoints", map[string]any{"url": s.hook.url, "event_types": []string{"*"}, "description": "the demo's receiver"}, &e)
	if err != nil {
		return err
	}
	if err := s.hook.keys(e.Secret, e.Public); err != nil {
		return err
	}
	s.rep.note("note", "the receiver takes a message only if both signatures hold: v1 (HMAC-SHA256) and v1a (Ed25519)")
	return s.await(ctx, want{event.EndpointTested, e.ID, 1})
}

func (s *story) openAccounts(ctx context.Context) error {
	for _, c := range []*customer{&s.ada, &s.ben} {
		var a accountObject
		body := map[string]string{"kind": "customer", "foreign_id": strings.ToLower(c.name), "name": c.name}
		if err := s.post(ctx, "/v1/accounts", body, &a); err != nil {
			return err
		}
		c.account = a.ID
	}
	return s.await(ctx, want{event.AccountOpened, s.ada.account, 1}, want{event.AccountOpened, s.ben.account, 1})
}

// settleIn is how long Ada's money is pending.
const settleIn = time.Second

func (s *story) sell(ctx context.Context) error {
	var c creditObject
	err := s.post(ctx, "/v1/credits", map[string]string{
		"account": s.ada.account, "currency": "USDT", "amount": "250.00", "reference": "order 1001",
		"available_at": time.Now().Add(settleIn).UTC().Format(time.RFC3339Nano),
	}, &c)
	if err != nil {
		return err
	}
	s.rep.check("state of Ada's credit", c.State, "pending")
	s.adaCredit = c.ID
	err = s.post(ctx, "/v1/credits", map[string]any{"account": s.ben.account, "currency": "ETH", "amount": "0.8", "reference": "order 1002", "pending": true}, &c)
	if err != nil {
		return err
	}
	s.rep.check("state of Ben's credit", c.State, "pending")
	s.benCredit = c.ID
	if err := s.await(ctx, want{event.CreditCreated, s.adaCredit, 1}, want{event.BalanceUpdated, s.ada.account, 1},
		want{event.CreditCreated, s.benCredit, 1}, want{event.BalanceUpdated, s.ben.account, 1}); err != nil {
		return err
	}
	return s.balance(ctx, s.ben, "ETH", "0.000000000000000000", "0.800000000000000000", "0.000000000000000000")
}

// refuse sends a withdrawal that must be refused, and shows why it was.
func (s *story) refuse(ctx context.Context, body map[string]any, status int, code string) (problemObject, error) {
	a, err := s.request(ctx, http.MethodPost, "/v1/withdrawals", body, status)
	if err != nil {
		return problemObject{}, err
	}
	var p problemObject
	if err := a.into(&p); err != nil {
		return p, err
	}
	s.refused++
	s.rep.note("note", p.Code+": "+p.Detail, "code", p.Code, "available", p.Available, "withdrawal", p.Withdrawal)
	s.rep.check("code of the refusal", p.Code, code)
	return p, nil
}

func (s *story) order(c customer, foreign, currency, amount string) map[string]any {
	return map[string]any{
		"account": c.account, "foreign_id": foreign, "currency": currency, "amount": amount,
		"destination": map[string]string{"network": networkName, "address": c.address},
	}
}

func (s *story) tooEarly(ctx context.Context) error {
	// His money settles when told, so that no clock decides what this step shows.
	p, err := s.refuse(ctx, s.order(s.ben, "early-1", "ETH", "0.25"), http.StatusUnprocessableEntity, "insufficient_funds")
	if err != nil {
		return err
	}
	s.rep.check("what the refusal says is available", p.Available, "0.000000000000000000")
	return nil
}

func (s *story) settle(ctx context.Context) error {
	if _, err := s.request(ctx, http.MethodPost, "/v1/credits/"+s.benCredit+"/settle", map[string]any{}, http.StatusOK); err != nil {
		return err
	}
	if err := s.await(ctx, want{event.CreditSettled, s.adaCredit, 1}, want{event.BalanceUpdated, s.ada.account, 1},
		want{event.CreditSettled, s.benCredit, 1}, want{event.BalanceUpdated, s.ben.account, 1}); err != nil {
		return err
	}
	if err := s.balance(ctx, s.ada, "USDT", "250.000000", "0.000000", "0.000000"); err != nil {
		return err
	}
	return s.balance(ctx, s.ben, "ETH", "0.800000000000000000", "0.000000000000000000", "0.000000000000000000")
}

func (s *story) withdrawUSDT(ctx context.Context) error {
	if err := s.withdraw(ctx, s.ada, "order-1001", "USDT", "120.50"); err != nil {
		return err
	}
	return s.balance(ctx, s.ada, "USDT", "129.500000", "0.000000", "0.000000")
}

func (s *story) withdrawETH(ctx context.Context) error {
	if err := s.withdraw(ctx, s.ben, "order-1002", "ETH", "0.25"); err != nil {
		return err
	}
	return s.balance(ctx, s.ben, "ETH", "0.550000000000000000", "0.000000000000000000", "0.000000000000000000")
}

// create asks for a withdrawal that must be accepted.
func (s *story) create(ctx context.Context, c customer, body map[string]any, ends string) (*payout, error) {
	var w withdrawalObject
	if err := s.post(ctx, "/v1/withdrawals", body, &w); err != nil {
		return nil, err
	}
	return s.created(c, w, ends), nil
}

// created remembers a withdrawal that was just accepted.
func (s *story) created(c customer, w withdrawalObject, ends string) *payout {
	s.rep.check("state of the withdrawal", w.State, "new")
	return s.follow(c, w, ends)
}

// follow remembers a withdrawal, so that messages about it count.
func (s *story) follow(c customer, w withdrawalObject, ends string) *payout {
	p := &payout{who: c, id: w.ID, foreign: w.ForeignID, currency: w.Currency, amount: w.Amount, state: ends, last: w, seen: map[string]int{}}
	s.withdrawn = append(s.withdrawn, p)
	if s.byID == nil {
		s.byID = map[string]*payout{}
	}
	s.byID[p.id] = p
	return p
}

// withdraw carries a withdrawal to its end: the messages tell how far it is.
func (s *story) withdraw(ctx context.Context, c customer, foreign, currency, amount string) error {
	p, err := s.create(ctx, c, s.order(c, foreign, currency, amount), "confirmed")
	if err != nil {
		return err
	}
	if err := s.ended(ctx, p); err != nil {
		return err
	}
	return s.onChain(ctx, p)
}

func (s *story) cancel(ctx context.Context) error {
	body := s.order(s.ada, "order-1003", "USDT", "100.00")
	body["not_before"] = time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
	p, err := s.create(ctx, s.ada, body, "cancelled")
	if err != nil {
		return err
	}
	if err := s.balance(ctx, s.ada, "USDT", "29.500000", "0.000000", "100.000000"); err != nil {
		return err
	}
	a, err := s.request(ctx, http.MethodPost, "/v1/withdrawals/"+p.id+"/cancel", map[string]string{"reason": "changed her mind"}, http.StatusOK)
	if err != nil {
		return err
	}
	var w withdrawalObject
	if err := a.into(&w); err != nil {
		return err
	}
	s.rep.check("state after the cancel", w.State, "cancelled")
	if err := s.await(ctx, want{event.WithdrawalCreated, p.id, 1}, want{event.WithdrawalCancelled, p.id, 1}, want{event.BalanceUpdated, s.ada.account, 2}); err != nil {
		return err
	}
	return s.balance(ctx, s.ada, "USDT", "129.500000", "0.000000", "0.000000")
}

func (s *story) overdraft(ctx context.Context) error {
	p, err := s.refuse(ctx, s.order(s.ben, "order-1004", "ETH", "0.550000000000000001"), http.StatusUnprocessableEntity, "insufficient_funds")
	if err != nil {
		return err
	}
	s.rep.check("what the refusal says is available", p.Available, "0.550000000000000000")
	return s.balance(ctx, s.ben, "ETH", "0.550000000000000000", "0.000000000000000000", "0.000000000000000000")
}

func (s *story) duplicate(ctx context.Context) error {
	p, err := s.refuse(ctx, s.order(s.ada, "order-1001", "USDT", "120.50"), http.StatusConflict, "duplicate_foreign_id")
	if err != nil {
		return err
	}
	s.rep.check("the withdrawal that the refusal names", p.Withdrawal, s.withdrawn[0].id)
	return s.balance(ctx, s.ada, "USDT", "129.500000", "0.000000", "0.000000")
}

// onChain compares a finished withdrawal with what the chain holds for its address.
func (s *story) onChain(ctx context.Context, p *payout) error {
	s.rep.check("state of the withdrawal", p.last.State, p.state)
	got, err := s.chain.Payments(ctx, p.who.address)
	if err != nil {
		return err
	}
	token, asset := "", eth
	if p.last.Receive.Currency == usdt.Code {
		token, asset = s.token, usdt
	}
	found := 0
	for _, pay := range got {
		if pay.Token != token {
			continue
		}
		found++
		amount := asset.Format(pay.Amount)
		s.rep.note("chain", fmt.Sprintf("block %d  %s %s from %s to %s  tx %s", pay.Block, short(amount), asset.Code, clip(pay.From), clip(p.who.address), clip(pay.TxHash)),
			"block", strconv.FormatUint(pay.Block, 10), "txid", pay.TxHash, "amount", amount, "currency", asset.Code, "to", p.who.address)
		s.rep.check("transaction on the chain", pay.TxHash, p.last.TxID)
		s.rep.check("amount on the chain", amount, p.last.Receive.Amount)
		s.rep.check("sender on the chain", strings.ToLower(pay.From), strings.ToLower(s.wallet))
	}
	s.rep.check("payments on the chain", strconv.Itoa(found), "1")
	return nil
}
