package tylt_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"sluice/internal/dialect"
	"sluice/internal/dialect/dialecttest"
	"sluice/internal/dialect/tylt"
	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/money"
	"sluice/internal/pricing"
	"sluice/internal/pricing/fee"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal/intake"
)

// moment is how the wire writes a time.
const moment = "2006-01-02T15:04:05Z"

// A payout with fees, byte by byte, through its life: the answer, the look-up, the
// callback.
func TestFeesOnTopAndInside(t *testing.T) {
	for _, c := range []struct {
		name                   string
		schedule               fee.Schedule
		pending, done, tooMuch string
	}{
		{
			"on top",
			fee.Schedule{PPM: 10_000, Carry: fee.Flat, CarryAmount: money.Of(2e15)},
			`"settledAmountRequested":1,"settledAmountDebited":0,"settledAmountSent":0,"commission":0.012`,
			`"settledAmountRequested":1,"settledAmountDebited":1.012,"settledAmountSent":1,"commission":0.012`, "0.989",
		},
		{
			"inside",
			fee.Schedule{PPM: 10_000, Inside: true},
			`"settledAmountRequested":1,"settledAmountDebited":0,"settledAmountSent":0,"commission":0.01`,
			`"settledAmountRequested":1,"settledAmountDebited":1,"settledAmountSent":0.99,"commission":0.01`, "1.01",
		},
		{
			"the network's, at cost",
			fee.Schedule{Carry: fee.Cost, CarryAmount: money.Of(1e15)},
			`"settledAmountRequested":1,"settledAmountDebited":0,"settledAmountSent":0,"commission":0`,
			`"settledAmountRequested":1,"settledAmountDebited":1.000021,"settledAmountSent":1,"commission":0.000021`, "1.0001",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			book := &pricing.Book{Fees: []fee.Schedule{c.schedule}, FeeAssets: map[string]money.Asset{"ethereum": dialecttest.Assets["ETH"]}}
			w := dialecttest.New(t, wire, dialecttest.Options{Terms: book})
			w.Fund(w.A, "ETH", "2")
			made := post(w, payout("1", `,"merchantOrderId":"m-1"`))
			x := w.Newest(w.A)
			object := func(figures, status, transactions, flags string) string {
				return `{"data":{"orderId":"` + made.ID + `","merchantOrderId":"m-1","baseAmount":1,"baseCurrency":"ETH","settledCurrency":"ETH",` + figures + `,"network":"ETH","toAddress":"` + dialecttest.Alice +
					`","status":"` + status + `","insufficientBalance":0,"paymentURL":"","callBackURL":"","transactions":[` + transactions + `],"createdAt":"` + x.CreatedAt.Format(moment) + `"` + flags
			}
			envelope := `},"errorCode":0,"msg":""}`
			want(w, made, 200, object(c.pending, "Pending", "", envelope))
			w.Confirm(w.A, x.Seq)
			paid := `{"transactionHash":"` + dialecttest.TxID + `"}`
			want(w, get(w, "getPayoutTransactionInformation", "orderId="+made.ID), 200, object(c.done, "Completed", paid, envelope))
			callback := w.Callbacks(1)[0]
			if got, want := (driver{}).Read(w, w.A, callback).Body, object(c.done, "Completed", paid, `,"isFinal":1,"isDebited":1},"type":"pay-out"}`); got != want {
				t.Errorf("callback\n%s\nwant\n%s", got, want)
			}
			if got := callback.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("a callback of the type %s", got)
			}
			want(w, post(w, payout(c.tooMuch, "")), 400, no(1020, "Insufficient balance"))
		})
	}
}

// TestTylt5_a_URL_that_is_gone answers 410 to the callbacks of some payouts. Those of the
// others go on, to the same endpoint of the merchant.
func TestTylt5_a_URL_that_is_gone(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{Answer: func(c dialecttest.Callback) (int, string) {
		if c.Path == "/gone" {
			return http.StatusGone, ""
		}
		return http.StatusOK, "ok"
	}})
	w.Fund(w.A, "ETH", "20")
	pay := func(order, path string) {
		t.Helper()
		if a := post(w, payout("1", fmt.Sprintf(`,"merchantOrderId":%q,"callBackUrl":"%s%s"`, order, w.Receiver.URL, path))); a.Status != http.StatusOK {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		w.Cancel(w.A, w.Newest(w.A).Seq)
	}
	for n := range 6 {
		pay(fmt.Sprintf("gone-%d", n), "/gone")
	}
	told := map[string]int{}
	for _, c := range w.Callbacks(6) {
		told[c.Path]++
	}
	for n := range 3 {
		pay(fmt.Sprintf("good-%d", n), "/good")
	}
	for _, c := range w.Callbacks(9)[6:] {
		told[c.Path]++
	}
	if told["/gone"] != 6 || told["/good"] != 3 {
		t.Errorf("told %v", told)
	}
}

// What ends without a payment was charged nothing.
func TestFailedCallback(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{Terms: &pricing.Book{Fees: []fee.Schedule{{PPM: 10_000}}}})
	w.Fund(w.A, "ETH", "2")
	made := post(w, payout("1", ""))
	w.Fail(w.A, w.Newest(w.A).Seq, "refused")
	got := (driver{}).Read(w, w.A, w.Callbacks(1)[0])
	if got.ID != made.ID || !strings.Contains(got.Body, `"settledAmountDebited":0,"settledAmountSent":0,"commission":0,`) ||
		!strings.HasSuffix(got.Body, `"isFinal":1,"isDebited":0},"type":"pay-out"}`) || !strings.Contains(got.Body, `"status":"Failed"`) {
		t.Errorf("%s", got.Body)
	}
}

// A payout that names where it wants to be told is told there, by an endpoint that is
// made once, and nowhere else; the others are told at the endpoint of the merchant.
func TestCallbacksGoWhereThePayoutSays(t *testing.T) {
	w := dialecttest.New(t, func(d dialect.Deps) dialect.Dialect {
		together := &together{Reads: d.Reads}
		together.all.Add(8)
		d.Reads = together
		return tylt.New(d, nil)
	}, dialecttest.Options{})
	w.Fund(w.A, "ETH", "20")
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			post(w, payout("1", fmt.Sprintf(`,"merchantOrderId":"m-%d","callBackUrl":"%s/own/%d"`, n, w.Receiver.URL, n)))
		})
	}
	all.Wait()
	post(w, payout("1", `,"merchantOrderId":"m-8"`))
	for n := range 9 {
		x, found, err := w.DB.WithdrawalByForeignID(context.Background(), w.A.ID, fmt.Sprintf("m-%d", n))
		if err != nil || !found {
			t.Fatal(found, err)
		}
		w.Cancel(w.A, x.Seq)
	}
	paths := map[string]int{}
	for _, c := range w.Callbacks(9) {
		(driver{}).Read(w, w.A, c)
		paths[c.Path]++
		for n := range 8 {
			if own := fmt.Sprintf("/own/%d", n); strings.Contains(string(c.Body), fmt.Sprintf(`"merchantOrderId":"m-%d"`, n)) &&
				(c.Path != own || !strings.Contains(string(c.Body), `"callBackURL":"`+w.Receiver.URL+own+`"`)) {
				t.Errorf("%s got %s", c.Path, c.Body)
			}
		}
	}
	if len(paths) != 9 || paths["/acme"] != 1 {
		t.Errorf("told at %v", paths)
	}
	if n := len(own(w)); n != 1 {
		t.Errorf("%d endpoints were made", n)
	}
}

// together lets its first eight readers of endpoints go on when all of them have read:
// none of them sees what another one makes.
type together struct {
	dialect.Reads
	all sync.WaitGroup
	n   atomic.Int64
}

// Endpoints implements dialect.Reads.
func (r *together) Endpoints(ctx context.Context, owner id.ID) ([]webhook.Endpoint, error) {
	all, err := r.Reads.Endpoints(ctx, owner)
	if r.n.Add(1) <= 8 {
		r.all.Done()
		r.all.Wait()
	}
	return all, err
}

// own are the endpoints of the first merchant that have no URL.
func own(w *dialecttest.World) (out []webhook.Endpoint) {
	w.Helper()
	all, err := w.DB.Endpoints(context.Background(), w.A.ID)
	w.Must(err)
	for _, e := range all {
		if e.URL == "" && e.Format == tylt.Name {
			out = append(out, e)
		}
	}
	return out
}

// The endpoint of callback URLs is made again once it was deleted.
func TestDeletedEndpointComesBack(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	w.Fund(w.A, "ETH", "20")
	for n := range 3 {
		w.Dialect = tylt.New(w.Deps, nil) // another process, which remembers nothing
		w.Server.Config.Handler = w.Dialect
		if got := post(w, payout("1", `,"callBackUrl":"`+w.Receiver.URL+`/x"`)); got.Status != 200 {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
		made := own(w)
		if len(made) != 1 {
			t.Fatalf("round %d: %d endpoints", n, len(made))
		}
		dialecttest.Do(w, w.A.ID.Shard, webhook.NewDeleteEndpoint(w.A.ID.Seq, made[0].Seq, "test"))
	}
}

// The key that made a payout signs its callback; the newest one does when that was
// revoked, and for what no key of this wire made.
func TestWhichKeySignsCallbacks(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	w.Fund(w.A, "ETH", "20")
	newer := another(w, w.A, nil, merchant.MerchantScopes...)
	post(w, payout("1", `,"merchantOrderId":"older"`))
	do(w, newer, request{method: http.MethodPost, path: "createPayoutRequest", body: payout("1", `,"merchantOrderId":"newer"`)})
	w.Native(w.A, "native", "ETH", "1")
	for n, c := range []struct {
		foreign string
		who     dialecttest.Party
	}{{"older", w.A}, {"newer", newer}, {"native", newer}} {
		x, _, err := w.DB.WithdrawalByForeignID(context.Background(), w.A.ID, c.foreign)
		w.Must(err)
		w.Cancel(w.A, x.Seq)
		if got := (driver{}).Read(w, c.who, w.Callbacks(n + 1)[n]); !strings.Contains(got.Body, `"merchantOrderId":"`+c.foreign+`"`) {
			t.Errorf("%s: %s", c.foreign, got.Body)
		}
	}
}

// A callback is acknowledged by 200 and the text ok.
func TestAcknowledgement(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	f := w.Dialect.Format()
	for body, acknowledged := range map[string]bool{"ok": true, "OK": true, " Ok\r\n": true, "": false, "okay": false, `{"ok":true}`: false, "\"ok\"": false} {
		if (f.Missing(200, []byte(body)) == "") != acknowledged {
			t.Errorf("200 %q: %q", body, f.Missing(200, []byte(body)))
		}
		if f.Missing(201, []byte(body)) == "" || f.Missing(204, []byte(body)) == "" {
			t.Errorf("201 or 204 with %q acknowledges", body)
		}
	}
	if f.Retry().MaxAttempts() != webhook.MaxAttempts {
		t.Errorf("%d attempts", f.Retry().MaxAttempts())
	}
}

// What is not acknowledged is sent again with the same bytes and signature, unless the
// merchant wants the vendor's single attempt.
func TestCase53_RetriesAreTheSameBytes(t *testing.T) {
	var mu sync.Mutex
	n := 0
	w := dialecttest.New(t, wire, dialecttest.Options{Answer: func(dialecttest.Callback) (int, string) {
		mu.Lock()
		defer mu.Unlock()
		if n++; n == 1 {
			return 200, "thanks"
		}
		return 200, "ok"
	}})
	w.Fund(w.A, "ETH", "2")
	post(w, payout("1", ""))
	x := w.Newest(w.A)
	w.Confirm(w.A, x.Seq)
	got := w.Callbacks(2)
	if string(got[0].Body) != string(got[1].Body) || got[0].Header.Get("X-TLP-SIGNATURE") != got[1].Header.Get("X-TLP-SIGNATURE") {
		t.Errorf("%s\n%s", got[0].Body, got[1].Body)
	}
	w.Delivery(w.A, string(event.WithdrawalConfirmed), "delivered", "")
}

func TestRetriesOff(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{Option: map[string]string{"retries": "off"}, Answer: func(dialecttest.Callback) (int, string) { return 200, "no" }})
	w.Fund(w.A, "ETH", "2")
	post(w, payout("1", ""))
	w.Confirm(w.A, w.Newest(w.A).Seq)
	w.Delivery(w.A, string(event.WithdrawalConfirmed), "dead", "answer")
	if n := len(w.Callbacks(1)); n != 1 {
		t.Errorf("sent %d times", n)
	}
}

// A payout named in euros is exchanged: the balance in euros pays, the price is fixed
// when it is accepted, and stands in the history of rates.
func TestConversion(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{Option: map[string]string{"base": "exchange"}, Terms: &pricing.Book{Fees: []fee.Schedule{{PPM: 8000}}}})
	w.Fund(w.A, "EUR", "100")
	body := func(amount string) string {
		return `{"merchantOrderId":"x-` + amount + `","baseAmount":` + amount + `,"baseCurrency":"EUR","address":"` + dialecttest.Alice + `","settledCurrency":"USDT","networkSymbol":"ETH"}`
	}
	made := post(w, body("25"))
	if !strings.Contains(made.Body, `"baseAmount":25,"baseCurrency":"EUR","settledCurrency":"USDT","settledAmountRequested":31.25,"settledAmountDebited":0,"settledAmountSent":0,"commission":0.25,`) {
		t.Fatalf("%d %s", made.Status, made.Body)
	}
	x := w.Newest(w.A)
	if x.Currency != "EUR" || x.Amount != money.Of(2500) || x.ReceiveCurrency != "USDT" || w.Balance(w.A, "EUR").Reserved != money.Of(2520) {
		t.Errorf("%+v", x)
	}
	w.Confirm(w.A, x.Seq)
	if got := get(w, "getPayoutTransactionInformation", "orderId="+made.ID); !strings.Contains(got.Body, `"settledAmountDebited":31.5,"settledAmountSent":31.25,"commission":0.25,`) {
		t.Errorf("%s", got.Body)
	}
	rate := `{"fromCurrencySymbol":"EUR","toCurrencySymbol":"USDT","transactionType":"payout","rate":1.25,"createdAt":"` + x.CreatedAt.Format(moment) + `"}`
	pair := "fromCurrencySymbol=EUR&toCurrencySymbol=USDT&transactionType="
	want(w, get(w, "gerRateHistory", pair+"payout"), 200, `{"data":[`+rate+`],"errorCode":0,"msg":""}`)
	for _, empty := range []exchange{
		get(w, "gerRateHistory", pair+"payin"), get(w, "gerRateHistory", "fromCurrencySymbol=USDT&toCurrencySymbol=EUR&transactionType=payout"),
		do(w, w.B, request{method: http.MethodGet, path: "gerRateHistory", query: pair + "payout"}),
	} {
		want(w, empty, 200, `{"data":[],"errorCode":0,"msg":""}`)
	}
	want(w, get(w, "gerRateHistory", pair+"other"), 400, no(1010, "transactionType is invalid"))
	want(w, get(w, "gerRateHistory", pair), 400, no(1010, "transactionType is required"))
	want(w, get(w, "gerRateHistory", "fromCurrencySymbol=XYZ&toCurrencySymbol=USDT&transactionType=payout"), 400, no(1010, "fromCurrencySymbol is invalid"))

	want(w, post(w, body("0.5")), 400, no(1012, "Amount below minimum"))
	want(w, post(w, body("74.5")), 400, no(1020, "Insufficient balance"))
	// One that was accepted is a duplicate whatever prices do meanwhile.
	w.Deps.Desk.Terms.Markets = nil
	want(w, post(w, body("25")), 400, no(1021, "merchantOrderId already exists"))
	want(w, post(w, body("24")), 400, no(1014, "Conversion is not available"))
}

// With the option base=price the other currency only says how much.
func TestBaseAsPrice(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	w.Fund(w.A, "USDT", "100")
	body := `{"merchantOrderId":"x-1","baseAmount":25.0,"baseCurrency":"EUR","address":"` + dialecttest.Alice + `","settledCurrency":"USDT","networkSymbol":"ETH"}`
	made := post(w, body)
	if !strings.Contains(made.Body, `"baseAmount":25,"baseCurrency":"EUR","settledCurrency":"USDT","settledAmountRequested":31.25,"settledAmountDebited":0,`) {
		t.Fatalf("%d %s", made.Status, made.Body)
	}
	x := w.Newest(w.A)
	if x.Converted() || x.Amount != money.Of(31_250_000) {
		t.Errorf("%s %s pay %s", x.Amount, x.Currency, x.Receive)
	}
	w.Deps.Desk.Terms.Markets = nil
	want(w, post(w, body), 400, no(1021, "merchantOrderId already exists"))
	want(w, post(w, strings.Replace(body, "x-1", "x-2", 1)), 400, no(1014, "Conversion is not available"))
	if got := w.Balance(w.A, "USDT").Reserved; got != money.Of(31_250_000) {
		t.Errorf("%s are held", got)
	}
	w.Cancel(w.A, x.Seq)
	if got := (driver{}).Read(w, w.A, w.Callbacks(1)[0]); !strings.Contains(got.Body, `"baseAmount":25,"baseCurrency":"EUR"`) {
		t.Errorf("%s", got.Body)
	}
}

// What a merchant writes into the metadata by another API is no way around the checks
// of this one, and breaks nothing.
func TestForeignMetadata(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	w.Fund(w.A, "ETH", "5")
	for n, metadata := range []string{`{"tylt.base":"1,\"x\":2 EUR"}`, `{"tylt.base":"7"}`, `{"tylt.key":"` + w.B.Key + `"}`, `{"tylt.key":"x"}`} {
		eth := dialecttest.Assets["ETH"]
		to, err := w.Deps.Desk.Target(context.Background(), eth, "ethereum", dialecttest.Alice, "")
		w.Must(err)
		x := dialecttest.Do(w, w.A.ID.Shard, w.Deps.Desk.Withdrawal(context.Background(), intake.Order{
			Merchant: w.A.ID, Account: w.A.Account, ForeignID: fmt.Sprint("n-", n), From: eth, To: eth, Amount: money.Of(1e18), Target: to, Metadata: metadata,
		}))
		w.Cancel(w.A, x.Seq)
		got := (driver{}).Read(w, w.A, w.Callbacks(n + 1)[n])
		if !strings.Contains(got.Body, `"baseAmount":1,"baseCurrency":"ETH"`) || got.ID != orderID(w, x) {
			t.Errorf("%s: %s", metadata, got.Body)
		}
	}
}
