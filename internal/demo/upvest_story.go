package demo

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"sluice/internal/event"
)

const erikaIBAN = "DE95500105173934555844"

// upvestUser is somebody as the wire knows him.
type upvestUser struct{ user, group, reference string }

// native is the same id as the native API writes it.
func native(prefix, uuid string) string { return prefix + strings.ReplaceAll(uuid, "-", "") }

// upvestMake makes something, and gives its id.
func (s *story) upvestMake(ctx context.Context, path string, body any) (string, error) {
	a, err := s.wires.upvest.call(ctx, http.MethodPost, path, body, uuid())
	if err != nil {
		return "", err
	}
	var made struct {
		ID string `json:"id"`
	}
	err = s.asked(http.MethodPost, path, a, http.StatusOK, &made)
	return made.ID, err
}

func (s *story) viaUpvest(ctx context.Context) error {
	w := &s.wires
	if err := w.upvest.login(ctx); err != nil {
		return err
	}
	if err := s.upvestWebhook(ctx); err != nil {
		return err
	}
	u, err := s.upvestUser(ctx)
	if err != nil {
		return err
	}
	w.erika = customer{name: "Erika", account: native("acc_", u.group)}
	if err := s.upvestBalance(ctx, u, "120"); err != nil {
		return err
	}
	key := uuid() // the payment's own id, for ever
	a, err := w.upvest.call(ctx, http.MethodPost, "/payments/withdrawals", map[string]string{
		"reference_account_id": u.reference, "account_group_id": u.group, "user_id": u.user, "amount": "120.00", "currency": eur.Code,
		"remittance_information": "Withdrawal", "purpose_code": "OTHR",
	}, key)
	if err != nil {
		return err
	}
	var made struct {
		ID     string `json:"id"`
		Status string `json:"status"`
	}
	if err := s.asked(http.MethodPost, "/payments/withdrawals", a, http.StatusOK, &made); err != nil {
		return err
	}
	s.rep.check("status of the answer", made.Status, "NEW")
	if w.upPaid, err = s.adopt(ctx, w.erika, key); err != nil {
		return err
	}
	p := w.upPaid
	s.rep.check("the same withdrawal natively", p.id, native("wd_", made.ID))
	if err := s.quietly(ctx, p, want{event.WithdrawalCreated, p.id, 1}, want{event.WithdrawalQueued, p.id, 1}, want{event.WithdrawalProcessing, p.id, 1},
		want{event.WithdrawalBroadcast, p.id, 1}, want{event.BalanceUpdated, p.who.account, 1}); err != nil {
		return err
	}
	if err := s.work(0); err != nil {
		return err
	}
	if err := s.quietly(ctx, p, want{event.WithdrawalConfirmed, p.id, 1}, want{event.BalanceUpdated, p.who.account, 1}); err != nil {
		return err
	}
	if err := s.packaged(ctx, made.ID); err != nil {
		return err
	}
	return s.upvestBalance(ctx, u, "0")
}

// upvestWebhook registers the receiver, as the wire's clients do for themselves.
func (s *story) upvestWebhook(ctx context.Context) error {
	c := s.wires.upvest
	a, err := c.call(ctx, http.MethodGet, "/auth/verify_keys", nil, "")
	if err != nil {
		return err
	}
	var keys struct {
		Keys []publishedKey `json:"keys"`
	}
	if err := s.asked(http.MethodGet, "/auth/verify_keys", a, http.StatusOK, &keys); err != nil {
		return err
	}
	s.hook.calls.expect(wireUpvest, packageCheck(keys.Keys))
	a, err = c.call(ctx, http.MethodPost, "/webhooks", map[string]any{
		"title": "payments", "url": s.hook.base + callbackPath + wireUpvest, "type": []string{"WITHDRAWAL"}, "config": map[string]any{"delay": "1s", "max_package_size": 10240},
	}, "")
	if err != nil {
		return err
	}
	var hook struct {
		ID string `json:"id"`
	}
	if err := s.asked(http.MethodPost, "/webhooks", a, http.StatusCreated, &hook); err != nil {
		return err
	}
	a, err = c.call(ctx, http.MethodPatch, "/webhooks/"+hook.ID, map[string]bool{"enabled": true}, "")
	if err != nil {
		return err
	}
	return s.asked(http.MethodPatch, "/webhooks/"+hook.ID, a, http.StatusOK, nil)
}

// upvestUser makes a user with an account group, an account at a bank and money.
func (s *story) upvestUser(ctx context.Context) (u upvestUser, err error) {
	if u.user, err = s.upvestMake(ctx, "/users", map[string]any{
		"first_name": "Erika", "last_name": "Mustermann", "birth_date": "1972-09-30", "nationalities": []string{"DE"},
		"address": map[string]string{"address_line1": "Unter den Linden 1", "postcode": "10117", "city": "Berlin", "country": "DE"},
	}); err != nil {
		return u, err
	}
	if u.group, err = s.upvestMake(ctx, "/account_groups", map[string]string{"user_id": u.user, "type": "PERSONAL"}); err != nil {
		return u, err
	}
	if u.reference, err = s.upvestMake(ctx, "/payments/reference_accounts", map[string]string{
		"user_id": u.user, "account_owner": "Erika Mustermann", "iban": erikaIBAN, "bic": "INGDDEFF", "confirmed_at": "2026-01-05T10:00:00Z",
	}); err != nil {
		return u, err
	}
	_, err = s.upvestMake(ctx, "/payments/topups", map[string]string{"account_group_id": u.group, "cash_amount": "120.00", "currency": eur.Code})
	return u, err
}

// upvestBalance compares a user's money as the wire shows it, and as the native API does.
func (s *story) upvestBalance(ctx context.Context, u upvestUser, want string) error {
	path := "/account_groups/" + u.group + "/payments/cash_balance"
	a, err := s.wires.upvest.call(ctx, http.MethodGet, path, nil, "")
	if err != nil {
		return err
	}
	var b struct {
		Balance   string `json:"balance"`
		Available string `json:"available_for_withdrawal"`
	}
	if err := s.asked(http.MethodGet, path, a, http.StatusOK, &b); err != nil {
		return err
	}
	s.rep.note("balance", fmt.Sprintf("Erika: %s EUR, %s available, by cash_balance", b.Balance, b.Available), "balance", b.Balance, "available", b.Available)
	s.rep.check("Erika's EUR on the Upvest wire", b.Balance+" "+b.Available, want+" "+want)
	return s.nativeBalance(ctx, native("acc_", u.group), want+".00")
}

// nativeBalance compares what is available with the native API, without a line of its own.
func (s *story) nativeBalance(ctx context.Context, account, want string) error {
	a, err := s.api.do(ctx, http.MethodGet, "/v1/accounts/"+account+"/balances/"+eur.Code, nil)
	if err != nil {
		return err
	}
	var b balanceObject
	if err := a.into(&b); err != nil {
		return err
	}
	s.rep.check("the same balance natively", b.Available, want)
	return nil
}

// packaged waits for the package of events that says that the withdrawal is confirmed.
func (s *story) packaged(ctx context.Context, withdrawal string) error {
	return s.awaitCallback(ctx, wireUpvest, func(c callback) (string, bool, error) {
		var p struct {
			Payload []struct {
				Type   string `json:"type"`
				Object struct {
					ID     string `json:"id"`
					Amount string `json:"amount"`
				} `json:"object"`
			} `json:"payload"`
		}
		if err := c.into(&p); err != nil {
			return "", false, err
		}
		var types []string
		found := false
		for _, e := range p.Payload {
			types = append(types, e.Type)
			found = found || e.Type == "WITHDRAWAL.CONFIRMED" && e.Object.ID == withdrawal && e.Object.Amount == "120.00"
		}
		return "a package of " + strings.Join(types, ", "), found, nil
	})
}

// together looks at the three from every side: each wire shows what it has words for, also
// what came in by another.
func (s *story) together(ctx context.Context) error {
	w := &s.wires
	// A merchant's receivers are told of every payout, whatever it came in by.
	if err := s.confirmedCoinsPaid(ctx, w.tyltPaid); err != nil {
		return err
	}
	if err := s.completedTylt(ctx, w.coinsPaid); err != nil {
		return err
	}
	a, err := w.coinspaid.call(ctx, http.MethodGet, "/transactions/info", map[string]string{"foreign_id": tyltOrder})
	if err != nil {
		return err
	}
	var x coinspaidStatus
	if err := s.asked(http.MethodGet, "/api/v2/transactions/info", a, http.StatusOK, &x); err != nil {
		return err
	}
	s.rep.note("note", x.text())
	s.rep.check("the Tylt payout on the CoinsPaid wire", x.Status+" "+x.Received.Amount, "confirmed "+w.tyltPaid.last.Receive.Amount+"00")
	a, err = w.tylt.get(ctx, "getPayoutTransactionInformation", map[string]string{"merchantOrderId": coinspaidOrder})
	if err != nil {
		return err
	}
	var t struct {
		Data tyltStatus `json:"data"`
	}
	if err := s.asked(http.MethodGet, "/transactions/merchant/getPayoutTransactionInformation", a, http.StatusOK, &t); err != nil {
		return err
	}
	s.rep.note("note", fmt.Sprintf("%s %s: %s %s", t.Data.Order, t.Data.Status, t.Data.Sent, t.Data.Settled))
	s.rep.check("the CoinsPaid payout on the Tylt wire", t.Data.Status+" "+t.Data.Sent.String(), "Completed "+short(w.coinsPaid.last.Receive.Amount))
	if err := s.forge(ctx); err != nil {
		return err
	}
	// 500.00 less 100.00 and 50.00, and one percent of each.
	if err := s.listedByCoinsPaid(ctx, "348.50000000"); err != nil {
		return err
	}
	if err := s.listedByTylt(ctx, "348.5"); err != nil {
		return err
	}
	if err := s.balance(ctx, w.shop, eur.Code, "348.50", "0.00", "0.00"); err != nil {
		return err
	}
	return s.exposure(ctx, map[string]string{eur.Code: "150.00", usdt.Code: "-162.228259"})
}

// forge sends the receiver a callback of each wire again, with one character changed: it
// must not believe them.
func (s *story) forge(ctx context.Context) error {
	all, _ := s.hook.calls.since(0)
	done := map[string]bool{}
	for _, c := range all {
		if done[c.wire] {
			continue
		}
		done[c.wire] = true
		var headers []string
		for name, v := range c.header {
			headers = append(headers, name, strings.Join(v, ", "))
		}
		receiver := client{base: s.hook.base, http: s.api.http}
		a, err := receiver.wireRequest(ctx, http.MethodPost, callbackPath+c.wire, strings.Replace(string(c.body), "0", "9", 1), headers...)
		if err != nil {
			return err
		}
		s.rep.check("the receiver's answer to a forged callback of "+c.wire, fmt.Sprint(a.Status), fmt.Sprint(http.StatusBadRequest))
		s.wires.forged++
	}
	s.rep.note("note", fmt.Sprintf("%d callbacks with one character changed, one in each format: the receiver turns them away", s.wires.forged))
	s.rep.check("formats of callbacks", fmt.Sprint(s.wires.forged), "3")
	return nil
}
