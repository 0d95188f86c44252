package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"sluice/internal/config"
	"sluice/internal/demo/bank"
	"sluice/internal/event"
	"sluice/internal/money"
	"sluice/internal/seal"
)

const (
	bankNetwork = "sepa"
	bankIBAN    = "DE02100500000054540402"
	bankOpening = 100_000_00 // cents
	claraIBAN   = "NL70ABNA0106295004"
)

var eur = money.Asset{Code: "EUR", Scale: 2, Networks: []string{bankNetwork}}

// bankSteps are the part of the story that goes through a bank.
var bankSteps = []step{
	{"bank", "Clara wants euro at her bank: she registers her account and sells for 200.00 EUR, which settle", (*story).meetTheBank},
	{"sepa", "Clara withdraws 200.00 EUR: held, in a file at the bank, booked", (*story).withdrawEUR},
	{"reject", "Clara's bank account is wrong for once: the bank rejects 50.00 EUR, and the money is back", (*story).rejectEUR},
	{"return", "Clara is paid 30.00 EUR, which come back on the next business day", (*story).returnEUR},
}

// clerk is the bank of the demo. Its clock can be ahead of ours.
type clerk struct {
	*bank.Bank
	ahead time.Duration
}

// configureBank adds an account at a bank to the installation.
func (w *world) configureBank(c *config.Config) error {
	key, err := seal.NewKey("demo")
	if err != nil {
		return err
	}
	folder := filepath.Join(w.dir, "bank")
	c.Seal.Keys = config.NewSecret(key.Reveal())
	c.Assets = append(c.Assets, config.Asset{Code: eur.Code, Scale: eur.Scale, Networks: eur.Networks})
	c.Banks = []config.BankAccount{{Name: bankNetwork, Holder: "Demo Shop GmbH", IBAN: bankIBAN, Folder: folder, Poll: config.Duration(pollEvery)}}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return err
	}
	b, err := bank.Open(bank.Config{
		Dir: folder, Account: bankIBAN, Owner: "Demo Shop GmbH", BIC: "BELADEBEXXX", Opening: bankOpening, Start: time.Now(), Zone: berlin, StatementAt: 20 * time.Hour, Notify: true,
		Rules: []bank.Rule{{Cents: 50_00, Fate: bank.Fate{Reject: "AC01"}}, {Cents: 30_00, Fate: bank.Fate{Return: "AC04", ReturnDays: 1}}},
	})
	w.bank = &clerk{Bank: b}
	return err
}

// work lets the bank do what is due, after so many days, and shows it.
func (s *story) work(days int) error {
	s.bank.ahead += time.Duration(days) * 24 * time.Hour
	events, err := s.bank.Tick(time.Now().Add(s.bank.ahead))
	for _, e := range events {
		if e.Kind == "statement" {
			continue
		}
		s.rep.note("bank", fmt.Sprintf("%-8s %s", e.Kind, e.Text), "kind", e.Kind, "id", e.ID)
	}
	return err
}

func (s *story) meetTheBank(ctx context.Context) error {
	s.clara.name = "Clara"
	var a accountObject
	if err := s.post(ctx, "/v1/accounts", map[string]string{"kind": "customer", "foreign_id": "clara", "name": "Clara Muster"}, &a); err != nil {
		return err
	}
	s.clara.account = a.ID
	var d struct {
		ID      string `json:"id"`
		Address string `json:"address"`
	}
	if err := s.post(ctx, "/v1/destinations", map[string]any{
		"network": bankNetwork, "account": a.ID, "bank": map[string]string{"holder": "Clara Muster", "iban": claraIBAN},
	}, &d); err != nil {
		return err
	}
	s.clara.address = d.ID
	s.rep.note("note", "her account is kept sealed and shown as "+d.Address)
	return s.sellEUR(ctx, "200.00", 1)
}

// sellEUR credits Clara with money that settles when told, and settles it.
func (s *story) sellEUR(ctx context.Context, amount string, opened int) error {
	var c creditObject
	if err := s.post(ctx, "/v1/credits", map[string]any{"account": s.clara.account, "currency": eur.Code, "amount": amount, "pending": true}, &c); err != nil {
		return err
	}
	if err := s.balance(ctx, s.clara, eur.Code, "0.00", amount, "0.00"); err != nil {
		return err
	}
	if _, err := s.request(ctx, "POST", "/v1/credits/"+c.ID+"/settle", map[string]any{}, 200); err != nil {
		return err
	}
	return s.await(ctx, want{event.AccountOpened, s.clara.account, opened}, want{event.CreditCreated, c.ID, 1}, want{event.CreditSettled, c.ID, 1},
		want{event.BalanceUpdated, s.clara.account, 2})
}

// payEUR asks for a withdrawal and waits until the bank has the file. It is instant, so
// that the story can be told on any day of the week.
func (s *story) payEUR(ctx context.Context, foreign, amount, ends string) (*payout, error) {
	p, err := s.create(ctx, s.clara, map[string]any{
		"account": s.clara.account, "foreign_id": foreign, "currency": eur.Code, "amount": amount, "destination_id": s.clara.address,
		"payment": map[string]string{"remittance": "Payout " + foreign, "service": "instant"},
	}, ends)
	if err != nil {
		return nil, err
	}
	if err := s.await(ctx, want{event.WithdrawalCreated, p.id, 1}, want{event.WithdrawalQueued, p.id, 1}, want{event.WithdrawalProcessing, p.id, 1},
		want{event.WithdrawalBroadcast, p.id, 1}, want{event.BalanceUpdated, s.clara.account, 1}); err != nil {
		return nil, err
	}
	return p, s.balance(ctx, s.clara, eur.Code, "0.00", "0.00", amount)
}

func (s *story) withdrawEUR(ctx context.Context) error {
	p, err := s.payEUR(ctx, "euro-1", "200.00", "confirmed")
	if err != nil {
		return err
	}
	if err := s.work(0); err != nil {
		return err
	}
	if err := s.await(ctx, want{event.WithdrawalConfirmed, p.id, 1}, want{event.BalanceUpdated, s.clara.account, 1}); err != nil {
		return err
	}
	return s.balance(ctx, s.clara, eur.Code, "0.00", "0.00", "0.00")
}

func (s *story) rejectEUR(ctx context.Context) error {
	if err := s.sellEUR(ctx, "50.00", 0); err != nil {
		return err
	}
	p, err := s.payEUR(ctx, "euro-2", "50.00", "failed")
	if err != nil {
		return err
	}
	if err := s.work(0); err != nil {
		return err
	}
	if err := s.await(ctx, want{event.WithdrawalFailed, p.id, 1}, want{event.BalanceUpdated, s.clara.account, 1}); err != nil {
		return err
	}
	return s.why(ctx, p, "AC01", "50.00")
}

func (s *story) returnEUR(ctx context.Context) error {
	// What came back of the rejected payment is paid from: 30.00 of the 50.00.
	p, err := s.create(ctx, s.clara, map[string]any{
		"account": s.clara.account, "foreign_id": "euro-3", "currency": eur.Code, "amount": "30.00", "destination_id": s.clara.address,
		"payment": map[string]string{"service": "instant"},
	}, "returned")
	if err != nil {
		return err
	}
	if err := s.await(ctx, want{event.WithdrawalBroadcast, p.id, 1}, want{event.WithdrawalCreated, p.id, 1}, want{event.WithdrawalQueued, p.id, 1},
		want{event.WithdrawalProcessing, p.id, 1}, want{event.BalanceUpdated, s.clara.account, 1}); err != nil {
		return err
	}
	if err := s.work(0); err != nil {
		return err
	}
	if err := s.await(ctx, want{event.WithdrawalConfirmed, p.id, 1}, want{event.BalanceUpdated, s.clara.account, 1}); err != nil {
		return err
	}
	s.rep.note("note", "the bank's clock goes on for five days")
	if err := s.work(5); err != nil {
		return err
	}
	if err := s.await(ctx, want{event.WithdrawalReturned, p.id, 1}, want{event.BalanceUpdated, s.clara.account, 1}); err != nil {
		return err
	}
	return s.why(ctx, p, "AC04", "50.00")
}

// why shows what a person is told about a payment that did not stay, and that its money
// is back.
func (s *story) why(ctx context.Context, p *payout, code, available string) error {
	a, err := s.api.do(ctx, "GET", "/v1/withdrawals/"+p.id, nil)
	if err != nil {
		return err
	}
	var w struct {
		State  string `json:"state"`
		Reason string `json:"reason"`
	}
	if err := a.into(&w); err != nil {
		return err
	}
	s.rep.note("note", w.State+": "+w.Reason, "state", w.State, "reason", w.Reason)
	if !strings.Contains(w.Reason, code) {
		s.rep.problem("the reason does not name %s", code)
	}
	return s.balance(ctx, s.clara, eur.Code, available, "0.00", "0.00")
}

// bankBalance is what the account at the bank holds.
func (s *story) bankBalance() money.Amount {
	return money.Of(uint64(s.bank.Balance())) //nolint:gosec // the bank of the demo is never overdrawn
}

// compareWithBank holds the bank's own count against the story: 200.00 and 120.00
// are out, the rejected ones were never booked, the returned ones are back.
func (s *story) compareWithBank(context.Context) error {
	left := eur.Format(s.bankBalance())
	s.rep.note("bank", "the account holds "+left+" EUR", "eur", left)
	s.rep.check("the bank's balance", left, eur.Format(money.Of(bankOpening-200_00-120_00)))
	return nil
}
