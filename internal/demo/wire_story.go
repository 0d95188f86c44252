package demo

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/merchant/credential"
)

// wireSteps are the part of the story in which code speaks that was written for other
// providers.
var wireSteps = []step{
	{"wires", "The shop has older code for three other providers: it gets a credential for each, and changes a base URL", (*story).giveCredentials},
	{"coinspaid", "Through the CoinsPaid wire: 100.00 EUR of the shop's go out as USDT", (*story).viaCoinsPaid},
	{"tylt", "Through the Tylt wire: 50.00 EUR of the same balance go out as USDT", (*story).viaTylt},
	{"upvest", "Through the Upvest wire: a user takes 120.00 EUR to his bank", (*story).viaUpvest},
	{"together", "The three side by side: one merchant, one set of books", (*story).together},
}

// wires is what the shop's older code has.
type wires struct {
	shop      customer // the merchant's own account: it pays what the first two wires send
	erika     customer // a user of the third
	coinspaid coinspaidClient
	tylt      tyltClient
	upvest    *upvestClient
	coinsPaid *payout // by wire
	tyltPaid  *payout
	upPaid    *payout
	taken     map[int]bool // callbacks that a step has waited for
	forged    int          // callbacks that the receiver had to turn away
}

// Where the two payouts in crypto go by, in the merchant's own words.
const (
	coinspaidOrder = "cp-7001"
	tyltOrder      = "ty-7002"
)

// giveCredentials is what `sluice dialect add` does, and a balance to pay from.
func (s *story) giveCredentials(ctx context.Context) error {
	w := &s.wires
	w.taken, w.shop.name = map[int]bool{}, "Shop"
	own, public, err := newUpvestKey()
	if err != nil {
		return err
	}
	var a accountObject
	if err := s.post(ctx, "/v1/accounts", map[string]string{"kind": "merchant", "foreign_id": "shop", "name": "Demo Shop"}, &a); err != nil {
		return err
	}
	w.shop.account = a.ID
	var c creditObject
	if err := s.post(ctx, "/v1/credits", map[string]any{"account": a.ID, "currency": eur.Code, "amount": "500.00"}, &c); err != nil {
		return err
	}
	if err := s.await(ctx, want{event.AccountOpened, a.ID, 1}, want{event.CreditCreated, c.ID, 1}, want{event.BalanceUpdated, a.ID, 1}); err != nil {
		return err
	}
	cp, err := s.credential(ctx, credential.Create{Dialect: credential.CoinsPaid})
	if err != nil {
		return err
	}
	ty, err := s.credential(ctx, credential.Create{Dialect: credential.Tylt, Options: map[string]string{"base": "exchange"}}) // the merchant holds euros
	if err != nil {
		return err
	}
	// Instant, so that the story can be told on any day of the week.
	up, err := s.credential(ctx, credential.Create{Dialect: credential.Upvest, PublicKey: public, Options: map[string]string{"service": "instant"}})
	if err != nil {
		return err
	}
	w.coinspaid, w.tylt, w.upvest = coinspaidClient{s.api, cp}, tyltClient{s.api, ty}, &upvestClient{client: s.api, pass: up, own: own}
	s.hook.calls.expect(wireCoinsPaid, hmacCheck(sha512.New, "X-Processing-Signature", cp.secret))
	s.hook.calls.expect(wireTylt, hmacCheck(sha256.New, "X-TLP-SIGNATURE", ty.secret))
	for _, wire := range []string{wireCoinsPaid, wireTylt} { // the third registers for itself
		var e endpointObject
		if err := s.post(ctx, "/v1/webhook_endpoints", map[string]any{"url": s.hook.base + callbackPath + wire, "format": wire, "event_types": []string{"*"}}, &e); err != nil {
			return err
		}
	}
	return nil
}

// credential makes a credential of a wire.
func (s *story) credential(ctx context.Context, c credential.Create) (pass, error) {
	ring, err := s.conf.Seal.Ring()
	if err != nil {
		return pass{}, err
	}
	secret, err := credential.NewSecret(rand.Reader)
	if err != nil {
		return pass{}, err
	}
	if c.Secret, err = credential.SealSecret(ring, secret); err != nil {
		return pass{}, err
	}
	c.Merchant, c.Name, c.Scopes = s.merchant.Seq, "demo", merchant.MerchantScopes
	made, err := commit.Do(ctx, s.app.Loop, s.merchant.Shard, c)
	if err != nil {
		return pass{}, err
	}
	at := id.ID{Shard: s.merchant.Shard, Seq: made.Seq}
	if c.Dialect == credential.Upvest {
		return pass{credential.KeyUUID(at), secret}, nil
	}
	return pass{credential.KeyID(at), secret}, nil
}

// asked shows a request of a wire and reads its answer. want is the status that must come.
func (s *story) asked(method, path string, a answer, want int, into any) error {
	shown := path
	if parts := strings.Split(path, "/"); len(parts) > 2 && len(parts[2]) == 36 {
		parts[2] = clip(parts[2])
		shown = strings.Join(parts, "/")
	}
	s.rep.note("api", fmt.Sprintf("%-4s %-40s %d %s", method, shown, a.Status, http.StatusText(a.Status)), "method", method, "path", path, "status", fmt.Sprint(a.Status))
	if a.Status != want {
		return fmt.Errorf("%s %s answered %d, want %d: %s", method, path, a.Status, want, a.Body)
	}
	if into == nil {
		return nil
	}
	return a.into(into)
}

// adopt takes a withdrawal that a wire has made into the story: it is one as all others.
func (s *story) adopt(ctx context.Context, who customer, foreign string) (*payout, error) {
	a, err := s.api.do(ctx, http.MethodGet, "/v1/foreign_ids/"+foreign+"/withdrawal", nil)
	if err != nil {
		return nil, err
	}
	var w withdrawalObject
	if err := a.into(&w); err != nil {
		return nil, err
	}
	if w.ID == "" {
		return nil, fmt.Errorf("the native API does not know %s: %d %s", foreign, a.Status, a.Body)
	}
	return s.follow(who, w, "confirmed"), nil
}

// quietly waits for the native messages of a payout without showing each.
func (s *story) quietly(ctx context.Context, p *payout, wants ...want) error {
	s.quiet = true
	defer func() { s.quiet = false }()
	if len(wants) == 0 {
		return s.ended(ctx, p)
	}
	return s.await(ctx, wants...)
}

// awaitCallback waits for a callback that is the one, and shows what of says of it.
func (s *story) awaitCallback(ctx context.Context, wire string, is func(callback) (text string, yes bool, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		all, more := s.hook.calls.since(0)
		for n, c := range all {
			if c.wire != wire || s.wires.taken[n] {
				continue
			}
			text, yes, err := is(c)
			if err != nil {
				return err
			}
			if yes {
				s.wires.taken[n] = true
				s.rep.note("webhook", text+"  (signature verified)", "wire", wire, "body", string(c.body))
				return nil
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			return fmt.Errorf("no callback of %s came within %s", wire, patience)
		}
	}
}

// coinspaidStatus reads the callback, and the look-up, of a payout.
type coinspaidStatus struct {
	ForeignID string `json:"foreign_id"`
	Type      string `json:"type"`
	Status    string `json:"status"`
	Sent      struct {
		Currency string `json:"currency"`
		Amount   string `json:"amount"`
	} `json:"currency_sent"`
	Received struct {
		Currency string `json:"currency"`
		Amount   string `json:"amount"`
	} `json:"currency_received"`
}

func (c coinspaidStatus) text() string {
	return fmt.Sprintf("%s of %s %s: %s %s as %s %s", c.Type, c.ForeignID, c.Status, c.Sent.Amount, c.Sent.Currency, c.Received.Amount, c.Received.Currency)
}

// confirmedCoinsPaid waits for the callback about a payout.
func (s *story) confirmedCoinsPaid(ctx context.Context, p *payout) error {
	return s.awaitCallback(ctx, wireCoinsPaid, func(c callback) (string, bool, error) {
		var x coinspaidStatus
		err := c.into(&x)
		return x.text(), x.ForeignID == p.foreign && x.Status == "confirmed", err
	})
}

func (s *story) viaCoinsPaid(ctx context.Context) error {
	w := &s.wires
	who := w.shop
	var err error
	if who.address, err = customerAddress("a customer"); err != nil {
		return err
	}
	if err := s.listedByCoinsPaid(ctx, "500.00000000"); err != nil {
		return err
	}
	a, err := w.coinspaid.call(ctx, http.MethodPost, "/withdrawal/crypto", map[string]any{
		"foreign_id": coinspaidOrder, "amount": "100.00", "currency": eur.Code, "convert_to": "USDTE", "address": who.address, "tag": nil,
	})
	if err != nil {
		return err
	}
	var made struct {
		Data struct {
			Status   string `json:"status"`
			Type     string `json:"type"`
			Received string `json:"receiver_amount"`
		} `json:"data"`
	}
	if err := s.asked(http.MethodPost, "/api/v2/withdrawal/crypto", a, http.StatusCreated, &made); err != nil {
		return err
	}
	s.rep.note("note", fmt.Sprintf("%s, %s: %s USDTE will arrive", made.Data.Type, made.Data.Status, made.Data.Received))
	s.rep.check("status of the answer", made.Data.Status, "processing")
	if w.coinsPaid, err = s.adopt(ctx, who, coinspaidOrder); err != nil {
		return err
	}
	if err := s.quietly(ctx, w.coinsPaid); err != nil {
		return err
	}
	if err := s.confirmedCoinsPaid(ctx, w.coinsPaid); err != nil {
		return err
	}
	s.rep.check("what the answer promised", short(made.Data.Received), short(w.coinsPaid.last.Receive.Amount))
	return s.onChain(ctx, w.coinsPaid)
}

// listedByCoinsPaid compares the shop's balance in euro as the wire shows it.
func (s *story) listedByCoinsPaid(ctx context.Context, want string) error {
	a, err := s.wires.coinspaid.call(ctx, http.MethodPost, "/accounts/list", struct{}{})
	if err != nil {
		return err
	}
	var list struct {
		Data []struct {
			Currency string `json:"currency"`
			Balance  string `json:"balance"`
		} `json:"data"`
	}
	if err := s.asked(http.MethodPost, "/api/v2/accounts/list", a, http.StatusOK, &list); err != nil {
		return err
	}
	got := ""
	for _, b := range list.Data {
		if b.Currency == eur.Code {
			got = b.Balance
		}
	}
	s.rep.note("balance", "Shop: "+short(got)+" EUR by /accounts/list", "available", got)
	s.rep.check("the shop's EUR on the CoinsPaid wire", got, want)
	return nil
}

// tyltStatus reads a payout of the wire.
type tyltStatus struct {
	Order    string      `json:"merchantOrderId"`
	Status   string      `json:"status"`
	Base     json.Number `json:"baseAmount"`
	BaseCode string      `json:"baseCurrency"`
	Sent     json.Number `json:"settledAmountSent"`
	Settled  string      `json:"settledCurrency"`
}

// completedTylt waits for the callback about a payout.
func (s *story) completedTylt(ctx context.Context, p *payout) error {
	return s.awaitCallback(ctx, wireTylt, func(c callback) (string, bool, error) {
		var x struct {
			Data tyltStatus `json:"data"`
			Type string     `json:"type"`
		}
		err := c.into(&x)
		d := x.Data
		return fmt.Sprintf("%s of %s %s: %s %s as %s %s", x.Type, d.Order, d.Status, d.Base, d.BaseCode, d.Sent, d.Settled), d.Order == p.foreign && d.Status == "Completed", err
	})
}

func (s *story) viaTylt(ctx context.Context) error {
	w := &s.wires
	who := w.shop
	var err error
	if who.address, err = customerAddress("a customer"); err != nil {
		return err
	}
	if err := s.listedByTylt(ctx, "399"); err != nil {
		return err
	}
	a, err := w.tylt.post(ctx, "createPayoutRequest", map[string]any{
		"merchantOrderId": tyltOrder, "baseAmount": json.Number("50.00"), "baseCurrency": eur.Code, "address": who.address,
		"settledCurrency": usdt.Code, "networkSymbol": "ETH", "callBackUrl": "",
	})
	if err != nil {
		return err
	}
	var made struct {
		Data struct {
			tyltStatus
			Requested json.Number `json:"settledAmountRequested"`
		} `json:"data"`
	}
	if err := s.asked(http.MethodPost, "/transactions/merchant/createPayoutRequest", a, http.StatusOK, &made); err != nil {
		return err
	}
	s.rep.note("note", fmt.Sprintf("%s: %s USDT will arrive", made.Data.Status, made.Data.Requested))
	s.rep.check("status of the answer", made.Data.Status, "Pending")
	if w.tyltPaid, err = s.adopt(ctx, who, tyltOrder); err != nil {
		return err
	}
	if err := s.quietly(ctx, w.tyltPaid); err != nil {
		return err
	}
	if err := s.completedTylt(ctx, w.tyltPaid); err != nil {
		return err
	}
	s.rep.check("what the answer promised", made.Data.Requested.String(), short(w.tyltPaid.last.Receive.Amount))
	return s.onChain(ctx, w.tyltPaid)
}

// listedByTylt compares the shop's balance in euro as the wire shows it.
func (s *story) listedByTylt(ctx context.Context, want string) error {
	a, err := s.wires.tylt.get(ctx, "getAccountBalance", nil)
	if err != nil {
		return err
	}
	var list struct {
		Data []struct {
			Symbol  string      `json:"currencySymbol"`
			Balance json.Number `json:"balance"`
		} `json:"data"`
	}
	if err := s.asked(http.MethodGet, "/transactions/merchant/getAccountBalance", a, http.StatusOK, &list); err != nil {
		return err
	}
	got := ""
	for _, b := range list.Data {
		if b.Symbol == eur.Code {
			got = b.Balance.String()
		}
	}
	s.rep.note("balance", "Shop: "+got+" EUR by getAccountBalance", "available", got)
	s.rep.check("the shop's EUR on the Tylt wire", got, want)
	return nil
}
