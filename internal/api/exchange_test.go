package api_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/money"
	"sluice/internal/pricing"
	"sluice/internal/pricing/fee"
	"sluice/internal/pricing/fx"
	"sluice/internal/pricing/quote"
	"sluice/internal/rail"
	"sluice/internal/store/pgtest"
	"sluice/internal/withdrawal"
)

// board is a market that tests write, and a house whose money they set.
type board struct {
	mu     sync.Mutex
	policy fx.Policy
	ticks  []fx.Tick // At zero: always of now
	funds  map[string]money.Amount
	seenAt time.Time // zero: always now
}

func newBoard() *board {
	b := &board{
		policy: fx.Policy{MaxAge: time.Minute, MaxSpread: 100, MinSources: 1},
		funds:  map[string]money.Amount{"USDT": money.Of(1_000_000_000_000), "ETH": money.Of(5e18)},
	}
	b.set("a USDT/EUR 0.9 0.9", "b USDT/EUR 0.9 0.9", "a ETH/EUR 2000 2000")
	return b
}

// set replaces the prices: "source base/quote bid ask".
func (b *board) set(lines ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ticks = nil
	for _, l := range lines {
		f := strings.Fields(l)
		base, quote, _ := strings.Cut(f[1], "/")
		b.ticks = append(b.ticks, fx.Tick{Source: f[0], Base: base, Quote: quote, Bid: fx.MustRate(f[2]), Ask: fx.MustRate(f[3])})
	}
}

// age makes every price that old.
func (b *board) age(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.ticks {
		b.ticks[i].At = time.Now().Add(-d)
	}
}

func (b *board) house(currency string, a money.Amount, seen time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.funds[currency], b.seenAt = a, seen
}

// Market implements fx.Markets.
func (b *board) Market(base, quote string) (fx.Market, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var now []fx.Tick
	for _, t := range b.ticks {
		if t.At.IsZero() {
			t.At = time.Now()
		}
		now = append(now, t)
	}
	return b.policy.Market(time.Now(), now, base, quote)
}

// Spendable implements terms.Funds.
func (b *board) Spendable(_, currency string) (money.Amount, time.Time, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.seenAt
	if at.IsZero() {
		at = time.Now()
	}
	a, ok := b.funds[currency]
	return a, at, ok
}

func (b *board) terms(own pricing.Schedules) *pricing.Book {
	return &pricing.Book{
		Markets: b, Own: own, FeeAssets: map[string]money.Asset{"ethereum": assets["ETH"]}, Funds: b, FundsMaxAge: time.Minute,
		Pairs: []fx.Pair{
			{From: assets["EUR"], To: assets["USDT"], Spread: 100, MinSend: money.Of(500), MaxSend: money.Of(1_000_000)},
			{From: assets["EUR"], To: assets["ETH"]},
		},
	}
}

// exchange reaches every operation of exchange and fees.
func (w *world) exchange(a party) {
	w.t.Helper()
	w.want(w.call(a.key, "GET", "/v1/rates?currency=EUR&receive_currency=USDT", ""), 200,
		`"currency":"EUR","receive_currency":"USDT","minimum":"5.00","maximum":"10000.00","minimum_receive":null,"spread_bps":100,"price":"1.10000000"`,
		`"market_bid":"1.11111111"`, `"age_seconds":0,"sources":["a","b"],"via":null,"problem":null`)
	q := w.want(w.call(a.key, "POST", "/v1/quotes", `{"currency":"EUR","receive_currency":"USDT","amount":"90","valid_seconds":30}`), 201,
		`"form":"send"`, `"amount":"90.00","fee":"0.00","fee_from":"balance","total":"90.00","receive":{"currency":"USDT","amount":"99.000000"}`,
		`"network":"ethereum","price":"1.10000000"`, `"sources":["a","b"]`, `"used_by":null`)
	if got := q.header.Get("Location"); got != "/v1/quotes/"+q.get("id") {
		w.t.Errorf("Location is %q", got)
	}
	w.want(w.call(a.key, "GET", "/v1/quotes/"+q.get("id"), ""), 200, string(q.body))
	w.want(w.call(a.key, "POST", "/v1/quotes", `{"currency":"EUR","receive_currency":"USDT","receive_amount":"99.000001"}`), 201,
		`"form":"receive"`, `"amount":"90.01"`, `"amount":"99.000001"`)

	fees := "/v1/merchants/" + a.id.Text(id.Merchant) + "/fees"
	w.want(w.call(w.operator, "PUT", fees, `{"currency":"EUR","kind":"exchange","percent":"0.8","minimum":"0.5","fee_from":"amount","network_fee":"flat","network_fee_amount":"1"}`), 200,
		`"percent":"0.8","fixed":null,"minimum":"0.50","maximum":null,"fee_from":"amount","network_fee":"flat","network_fee_amount":"1.00"`)
	w.want(w.call(w.operator, "GET", fees, ""), 200, `"kind":"exchange"`)
	w.want(w.call(w.operator, "DELETE", fees+"?currency=EUR&kind=exchange", ""), 200)
	w.want(w.call(w.operator, "DELETE", fees+"?currency=EUR&kind=exchange", ""), 404, `"code":"fee_not_found"`)
	w.want(w.call(w.operator, "GET", fees, ""), 200, `"data":[]`)
}

// convert is the body of a withdrawal from euros to alice. rest follows the foreign id.
func (p party) convert(foreign, rest string) string {
	return fmt.Sprintf(`{"account":%q,"foreign_id":%q,"currency":"EUR",%s,"destination":{"network":"ethereum","address":%q}}`, p.account, foreign, rest, alice)
}

// figure reads a figure of a balance.
func (w *world) figure(p party, currency, name string) string {
	w.t.Helper()
	return w.want(w.call(p.key, "GET", "/v1/accounts/"+p.account+"/balances/"+currency, ""), 200).get(name)
}

// houses are the net totals of the house accounts of a merchant's shard, "in-out" in
// minor units.
func (w *world) houses(p party) map[string]string {
	w.t.Helper()
	out := map[string]string{}
	rows, err := w.db.Houses(context.Background(), p.id.Shard)
	must(w.t, err)
	for _, h := range rows {
		name, _, _ := strings.Cut(h.Name, ":")
		out[name+" "+h.Currency] = "+" + h.In.Minor() + " -" + h.Out.Minor()
	}
	return out
}

// claimed takes a withdrawal to where a dispatch pays it.
func (w *world) claimed(p party, wd string) id.Seq {
	w.t.Helper()
	at, err := id.Parse(id.Withdrawal, wd)
	must(w.t, err)
	doIn(w, at.Shard, withdrawal.NewRelease(at.Seq, "test"))
	doIn(w, at.Shard, withdrawal.NewClaim(at.Seq, 4711, "wal_test", "test"))
	return at.Seq
}

func (w *world) verified() {
	w.t.Helper()
	report, err := w.db.Verify(context.Background())
	must(w.t, err)
	if !report.OK() {
		w.t.Errorf("%+v", report)
	}
}

func onBoth(t *testing.T, run func(w *world, p party)) {
	t.Run("sqlite", func(t *testing.T) {
		w := newWorld(t)
		run(w, w.acme)
	})
	t.Run("postgres", func(t *testing.T) {
		w := newWorldOn(t, pgtest.URL(t))
		run(w, w.bolt)
	})
}

func (w *world) charge(p party, body string) {
	w.t.Helper()
	w.want(w.call(w.operator, "PUT", "/v1/merchants/"+p.id.Text(id.Merchant)+"/fees", body), 200)
}

// A conversion goes through every end, and the ledger says what it must.
func TestConversionThroughEveryEnd(t *testing.T) {
	onBoth(t, func(w *world, p party) {
		w.contract = newContract(w.t)
		w.charge(p, `{"currency":"EUR","kind":"exchange","percent":"1","network_fee":"cost","network_fee_amount":"3"}`)
		w.fund(p, "EUR", "1000")
		send := func(foreign string) string {
			return w.want(w.call(p.key, "POST", "/v1/withdrawals", p.convert(foreign, `"amount":"90","receive_currency":"USDT"`)), 201,
				`"amount":"90.00","fee":"0.90","fee_from":"balance","network_charge":{"kind":"cost","held":"3.00","charged":"0.00"},"receive":{"currency":"USDT","amount":"99.000000","quote":"quo_`).get("id")
		}
		whole := func(when string) {
			w.t.Helper()
			if got := w.figure(p, "EUR", "available_for_withdrawal") + " " + w.figure(p, "EUR", "reserved"); got != "1000.00 0.00" {
				w.t.Errorf("%s: %s", when, got)
			}
		}
		wd := send("cancelled")
		if got := w.figure(p, "EUR", "reserved"); got != "93.90" {
			w.t.Errorf("held %s", got)
		}
		w.exposed("EUR 0.00 90.00 90.00", "USDT 0.000000 -99.000000 -99.000000")
		w.want(w.call(p.key, "POST", "/v1/withdrawals/"+wd+"/cancel", ""), 200, `"state":"cancelled"`)
		whole("cancelled")
		at, err := id.Parse(id.Withdrawal, send("rejected"))
		must(w.t, err)
		doIn(w, at.Shard, withdrawal.NewReject(at.Seq, "no", "test"))
		whole("rejected")

		seq := w.claimed(p, send("failed"))
		doIn(w, p.id.Shard, withdrawal.NewFail(seq, 4711, "", "died", "test"))
		whole("failed")
		for name, total := range w.houses(p) {
			if !strings.HasPrefix(name, ledger.External) {
				w.t.Errorf("%s moved: %s", name, total)
			}
		}

		wd = send("confirmed")
		seq = w.claimed(p, wd)
		// 0.0004 ETH at 2000 EUR is 0.80 EUR; of the smallest part of a cent more, a cent.
		doIn(w, p.id.Shard, withdrawal.NewConfirm(seq, 4711, "0xabc", money.Of(400_000_000_000_001), "ETH", "test"))
		w.want(w.call(p.key, "GET", "/v1/withdrawals/"+wd, ""), 200, `"state":"confirmed"`, `"held":"3.00","charged":"0.81"`)
		if got := w.figure(p, "EUR", "balance") + " " + w.figure(p, "EUR", "reserved"); got != "908.29 0.00" {
			w.t.Errorf("after the payout %s", got)
		}
		w.exposed("EUR 90.00 0.00 90.00", "USDT -99.000000 0.000000 -99.000000")
		have := w.houses(p)
		for name, want := range map[string]string{
			"exchange EUR": "+9000 -0", "exchange USDT": "+0 -99000000", "treasury USDT": "+99000000 -0", "fees EUR": "+90 -0", "network_fees EUR": "+81 -0",
		} {
			if have[name] != want {
				w.t.Errorf("%s: %q, want %q", name, have[name], want)
			}
		}
		w.want(w.call(p.key, "GET", "/v1/withdrawals/"+wd+"/timeline", ""), 200, `"kind":"exchange"`, `"kind":"payout"`, `"kind":"fee"`, `"kind":"network_fee"`, `"kind":"release"`)
		w.want(w.call(p.key, "GET", "/v1/events?types=withdrawal.confirmed", ""), 200, `"fee":"0.90"`, `"charged":"0.81"`, `"receive":{"currency":"USDT","amount":"99.000000"`)

		// What comes back is what was paid out, in that currency: nothing is exchanged back.
		doIn(w, p.id.Shard, withdrawal.NewReturn(seq, money.Of(99_000_000), "closed", "test"))
		if got := w.figure(p, "USDT", "available_for_withdrawal"); got != "99.000000" {
			w.t.Errorf("returned %s", got)
		}
		w.verified()
	})
}

// The forms of a withdrawal with exchange, and what each comes to.
func TestConversionForms(t *testing.T) {
	w := newWorld(t)
	w.contract = newContract(t)
	p := w.acme
	w.fund(p, "EUR", "100000")
	inside := `{"currency":"EUR","percent":"1","fee_from":"amount"}`
	for n, c := range []struct{ name, fee, rest, amount, charged, receive string }{
		{"send", "", `"amount":"90","receive_currency":"USDT"`, "90.00", "0.00", "99.000000"},
		{"send, rounded down", "", `"amount":"5.01","receive_currency":"ETH"`, "5.01", "0.00", "0.002505000000000000"},
		{"receive", "", `"receive_amount":"99","receive_currency":"USDT"`, "90.00", "0.00", "99.000000"},
		{"receive, rounded up", "", `"receive_amount":"99.000001","receive_currency":"USDT"`, "90.01", "0.00", "99.000001"},
		{"send with a fee inside", inside, `"amount":"100","receive_currency":"USDT"`, "99.00", "1.00", "108.900000"},
		{"receive with a fee inside", inside, `"receive_amount":"108.9","receive_currency":"USDT"`, "99.00", "1.00", "108.900000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := *w
			w.t = t
			if c.fee != "" {
				w.charge(p, c.fee)
			}
			a := w.want(w.call(p.key, "POST", "/v1/withdrawals", p.convert(fmt.Sprint("f", n), c.rest)), 201)
			if a.get("amount") != c.amount || a.get("fee") != c.charged || a.get("receive.amount") != c.receive {
				t.Errorf("%s + %s gives %s; want %s + %s gives %s", a.get("amount"), a.get("fee"), a.get("receive.amount"), c.amount, c.charged, c.receive)
			}
			quo := w.want(w.call(p.key, "GET", "/v1/quotes/"+a.get("receive.quote"), ""), 200, a.get("id"))
			if quo.get("fee") != c.charged || quo.get("amount") != c.amount {
				t.Errorf("the price that was agreed on is %s", quo.body)
			}
		})
	}
	w.verified()
}

// Fees of withdrawals without exchange: on top, out of the amount, and with a fixed
// amount for the receiver.
func TestPlainFees(t *testing.T) {
	w := newWorld(t)
	w.contract = newContract(t)
	p := w.acme
	w.fund(p, "USDT", "1000")
	top := `{"currency":"USDT","network":"ethereum","percent":"0.5","fixed":"0.25","maximum":"1","network_fee":"flat","network_fee_amount":"2"}`
	for n, c := range []struct{ name, fee, amount, want string }{
		{"on top", top, `"amount":"100"`, `"amount":"100.000000","fee":"0.750000","fee_from":"balance","network_charge":{"kind":"flat","held":"2.000000","charged":"0.000000"},"receive":{"currency":"USDT","amount":"100.000000","quote":null}`},
		{"a maximum", top, `"amount":"200"`, `"amount":"200.000000","fee":"1.000000"`},
		{"out of the amount", strings.Replace(top, `"percent"`, `"fee_from":"amount","percent"`, 1), `"amount":"100"`, `"amount":"99.250000","fee":"0.750000","fee_from":"amount"`},
		{"exactly so much arrives", strings.Replace(top, `"percent"`, `"fee_from":"amount","percent"`, 1), `"receive_amount":"99.25"`, `"amount":"99.250000","fee":"0.750000","fee_from":"amount"`},
		{"the fee eats it", `{"currency":"USDT","network":"ethereum","fixed":"5","fee_from":"amount"}`, `"amount":"5"`, `"code":"amount_below_fee"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := *w
			w.t = t
			w.charge(p, c.fee)
			status := 201
			if strings.Contains(c.want, "code") {
				status = 400
			}
			w.want(w.call(p.key, "POST", "/v1/withdrawals", strings.Replace(p.payout(fmt.Sprint("f", n), "1"), `"amount":"1"`, c.amount, 1)), status, c.want)
		})
	}
	w.verified()
}

// gas is what the network may take; false: nobody knows.
type gas struct {
	most  uint64
	known bool
}

func (g *gas) Ceiling(_ context.Context, to rail.Target, asset string, amount money.Amount) (money.Amount, error) {
	if !g.known || to.Network != "ethereum" || len(to.Decoded) != 20 || asset != "USDT" || amount.IsZero() {
		return money.Amount{}, rail.ErrUnavailable
	}
	return money.Of(g.most), nil
}

// The network's fee at cost: what is held comes from what it may take, the same in the
// preview and in the withdrawal, for an inline and for a registered destination.
func TestNetworkFeeAtCostIsHeldAsEstimated(t *testing.T) {
	onBoth(t, func(w *world, p party) {
		w.contract = newContract(w.t)
		node := &gas{100_000 * 2e9, true} // 0.0002 ETH at 2000 EUR: 40 cents
		w.terms.Costs = node
		w.charge(p, `{"network_fee":"cost"}`)
		w.fund(p, "EUR", "1000")
		dest := w.want(w.call(p.key, "POST", "/v1/destinations", fmt.Sprintf(`{"account":%q,"network":"ethereum","address":%q}`, p.account, alice)), 201)
		inline := p.convert("inline", `"amount":"90","receive_currency":"USDT"`)
		known := fmt.Sprintf(`{"account":%q,"foreign_id":"known","currency":"EUR","receive_amount":"9.9","receive_currency":"USDT","destination_id":%q}`, p.account, dest.get("id"))
		held := `"network_charge":{"kind":"cost","held":"0.40"`
		for _, body := range []string{inline, known} {
			w.want(w.call(p.key, "POST", "/v1/withdrawals/preview", body), 200, held, `"quote":null`)
			w.want(w.call(p.key, "POST", "/v1/withdrawals", body), 201, held)
		}
		if got := w.figure(p, "EUR", "reserved"); got != "99.80" {
			w.t.Errorf("%s are held", got)
		}
		node.known = false
		next := strings.Replace(inline, "inline", "next", 1)
		for _, path := range []string{"/v1/withdrawals/preview", "/v1/withdrawals"} {
			w.want(w.call(p.key, "POST", path, next), 503, `"code":"network_fee_unknown"`)
		}
		w.charge(p, `{"currency":"EUR","network_fee":"cost","network_fee_amount":"0.30"}`)
		w.want(w.call(p.key, "POST", "/v1/withdrawals/preview", next), 200, `"held":"0.30"`)
		node.known = true
		w.want(w.call(p.key, "POST", "/v1/withdrawals", next), 201, `"held":"0.30"`)
		w.verified()
	})
}

// No price that holds, no exchange: nothing is guessed, nothing is held, and the same
// request works once the sources do again.
func TestConversionIsRefusedWithoutAGoodPrice(t *testing.T) {
	w := newWorld(t)
	w.contract = newContract(t)
	p := w.acme
	w.fund(p, "EUR", "1000")
	body := p.convert("x", `"amount":"90","receive_currency":"USDT"`)
	good := func() {
		w.board.set("a USDT/EUR 0.9 0.9", "b USDT/EUR 0.9 0.9")
		w.board.house("USDT", money.Of(1_000_000_000), time.Time{})
	}
	for _, c := range []struct {
		name, code string
		status     int
		breaks     func()
	}{
		{"stale", "rate_stale", 503, func() { w.board.age(61 * time.Second) }},
		{"disagreement", "rate_disagreement", 503, func() { w.board.set("a USDT/EUR 0.9 0.9", "b USDT/EUR 0.92 0.92") }},
		{"no source", "rate_unavailable", 503, func() { w.board.set() }},
		{"the house is short", "liquidity_short", 422, func() { w.board.house("USDT", money.Of(98_999_999), time.Time{}) }},
		{"nobody looked at the house for long", "liquidity_unknown", 503, func() { w.board.house("USDT", money.Of(1e12), time.Now().Add(-61*time.Second)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := *w
			w.t = t
			good()
			c.breaks()
			w.want(w.call(p.key, "POST", "/v1/withdrawals", body), c.status, `"code":"`+c.code+`"`)
			if c.status == 503 && strings.HasPrefix(c.code, "rate") {
				w.want(w.call(p.key, "POST", "/v1/quotes", `{"currency":"EUR","receive_currency":"USDT","amount":"90"}`), 503, `"code":"`+c.code+`"`)
				w.want(w.call(p.key, "GET", "/v1/rates", ""), 200, `"price":null`, `"code":"`+c.code+`"`)
			}
			if got := w.figure(p, "EUR", "reserved"); got != "0.00" {
				t.Errorf("%s are held", got)
			}
		})
	}
	// What the account lacks is told first, whatever the house has.
	for _, asks := range []string{"/v1/withdrawals", "/v1/withdrawals/preview"} {
		good()
		w.board.house("USDT", money.Of(1), time.Time{})
		w.want(w.call(p.key, "POST", asks, p.convert("over", `"amount":"1001","receive_currency":"USDT"`)), 422, `"code":"insufficient_funds"`, `"available":"1000.00"`)
		w.board.house("USDT", money.Of(1e12), time.Now().Add(-61*time.Second))
		w.want(w.call(p.key, "POST", asks, p.convert("over", `"amount":"1001","receive_currency":"USDT"`)), 422, `"code":"insufficient_funds"`)
	}
	good()
	for _, c := range []struct{ rest, code string }{
		{`"amount":"4.99","receive_currency":"USDT"`, "amount_too_small"},
		{`"amount":"10000.01","receive_currency":"USDT"`, "amount_too_large"},
		{`"amount":"10","receive_amount":"1","receive_currency":"USDT"`, "amount_ambiguous"},
		{`"receive_currency":"USDT"`, "field_required"},
		{`"amount":"10","receive_currency":"DOGE"`, "unknown_currency"},
	} {
		w.want(w.call(p.key, "POST", "/v1/withdrawals", p.convert("y", c.rest)), 400, `"code":"`+c.code+`"`)
	}
	w.want(w.call(p.key, "POST", "/v1/withdrawals", strings.Replace(p.payout("z", "1"), `"amount"`, `"receive_currency":"ETH","amount"`, 1)), 422, `"code":"exchange_unavailable"`)
	w.want(w.call(p.key, "POST", "/v1/withdrawals", body), 201)
}

// A repeat is answered as the first time, and a duplicate is told, whatever prices and
// the house's money did meanwhile.
func TestARepeatedConversionDoesNotAskForAPriceAgain(t *testing.T) {
	w := newWorld(t)
	p := w.acme
	w.fund(p, "EUR", "1000")
	body, key := p.convert("x", `"amount":"90","receive_currency":"USDT"`), fresh()
	ask, quoteKey := `{"currency":"EUR","receive_currency":"USDT","amount":"90"}`, fresh()
	first := w.want(w.call(p.key, "POST", "/v1/withdrawals", body, key), 201)
	quoted := w.want(w.call(p.key, "POST", "/v1/quotes", ask, quoteKey), 201)
	w.board.set()
	w.want(w.call(p.key, "POST", "/v1/withdrawals", body, key), 201, string(first.body))
	w.want(w.call(p.key, "POST", "/v1/withdrawals", body), 409, `"code":"duplicate_foreign_id"`, first.get("id"))
	w.want(w.call(p.key, "POST", "/v1/quotes", ask, quoteKey), 201, string(quoted.body))
	if got := w.figure(p, "EUR", "reserved"); got != "90.00" {
		t.Errorf("%s are held", got)
	}
}

// The price of a quote holds when the market moves, for one withdrawal.
func TestQuoteIsUsedOnce(t *testing.T) {
	onBoth(t, func(w *world, p party) {
		w.contract = newContract(w.t)
		w.charge(p, `{"currency":"EUR","percent":"1"}`)
		w.fund(p, "EUR", "1000")
		q := w.want(w.call(p.key, "POST", "/v1/quotes", `{"currency":"EUR","receive_currency":"USDT","amount":"90"}`), 201, `"total":"90.90"`)
		w.board.set("a USDT/EUR 1 1")
		w.charge(p, `{"currency":"EUR","percent":"2"}`)
		use := func(n int) string { return p.convert(fmt.Sprint("race", n), `"quote_id":"`+q.get("id")+`"`) }
		w.want(w.call(p.key, "POST", "/v1/withdrawals", p.convert("both", `"amount":"90","quote_id":"`+q.get("id")+`"`)), 400, `"code":"quote_ambiguous"`)
		const racers = 12
		got := make(chan answer, racers)
		for n := range racers {
			go func() {
				a, err := w.try(p.key, "POST", "/v1/withdrawals", use(n))
				if err != nil {
					a.body = []byte(err.Error())
				}
				got <- a
			}()
		}
		won := 0
		for range racers {
			a := <-got
			if a.status != 201 {
				w.want(a, 409, `"code":"quote_used"`)
				continue
			}
			won++
			w.want(a, 201, `"amount":"90.00","fee":"0.90"`, `"amount":"99.000000","quote":"`+q.get("id")+`"`)
			w.want(w.call(p.key, "GET", "/v1/quotes/"+q.get("id"), ""), 200, `"used_by":"`+a.get("id")+`"`)
		}
		if won != 1 || w.figure(p, "EUR", "reserved") != "90.90" {
			w.t.Errorf("%d withdrawals used one quote; %s are held", won, w.figure(p, "EUR", "reserved"))
		}
		w.verified()
	})
}

// expire lets the end of a quote be now.
type expire struct{ quote id.Seq }

func (c expire) Reads(w *commit.Wants) { quote.Want(w, c.quote) }

func (c expire) Apply(v *commit.View) (quote.Quote, error) {
	q, _ := quote.Quotes.Get(v, c.quote)
	q.ExpiresAt, q.Version = v.Now(), q.Version+1
	quote.Quotes.Put(v, q)
	return q, nil
}

func TestQuoteExpires(t *testing.T) {
	w := newWorld(t)
	p := w.acme
	w.fund(p, "EUR", "1000")
	q := w.want(w.call(p.key, "POST", "/v1/quotes", `{"currency":"EUR","receive_currency":"USDT","amount":"90","valid_seconds":1}`), 201)
	at, err := id.Parse(id.Quote, q.get("id"))
	must(t, err)
	do(w, expire{at.Seq})
	w.want(w.call(p.key, "POST", "/v1/withdrawals", p.convert("late", `"quote_id":"`+q.get("id")+`"`)), 409, `"code":"quote_expired"`)
	for _, body := range []string{
		`{"currency":"EUR","receive_currency":"EUR","amount":"1"}`, `{"currency":"EUR","receive_currency":"USDT","amount":"1","network":"moon"}`,
		`{"currency":"EUR","receive_currency":"USDT","amount":"90","valid_seconds":601}`, `{"currency":"EUR","receive_currency":"USDT"}`,
	} {
		w.want(w.call(p.key, "POST", "/v1/quotes", body), 400)
	}
	// A quote that a refused withdrawal named is still free.
	q = w.want(w.call(p.key, "POST", "/v1/quotes", `{"currency":"EUR","receive_currency":"USDT","amount":"2000"}`), 201)
	w.want(w.call(p.key, "POST", "/v1/withdrawals", p.convert("poor", `"quote_id":"`+q.get("id")+`"`)), 422, `"code":"insufficient_funds"`)
	w.want(w.call(p.key, "GET", "/v1/quotes/"+q.get("id"), ""), 200, `"used_by":null`)
	w.fund(p, "EUR", "1000")
	w.want(w.call(p.key, "POST", "/v1/withdrawals", p.convert("poor", `"quote_id":"`+q.get("id")+`"`)), 201)
}

// Fees are the operator's: a merchant can neither read nor set them, and a schedule
// of one is none of another's.
func TestFeesAreTheOperators(t *testing.T) {
	w := newWorld(t)
	w.contract = newContract(t)
	path := "/v1/merchants/" + w.acme.id.Text(id.Merchant) + "/fees"
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		body := ""
		if method == "PUT" {
			body = `{"percent":"0"}`
		}
		w.want(w.call(w.acme.key, method, path, body), 403, `"code":"missing_scope"`)
	}
	w.terms.Fees = []fee.Schedule{{Key: fee.Key{Currency: "USDT"}, Fixed: money.Of(100_000)}}
	w.charge(w.acme, `{"percent":"1"}`)
	w.fund(w.acme, "USDT", "100")
	w.fund(w.bolt, "USDT", "100")
	w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("a", "10")), 201, `"fee":"0.100000"`)
	w.want(w.call(w.bolt.key, "POST", "/v1/withdrawals", w.bolt.payout("a", "20")), 201, `"fee":"0.100000"`)
	w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("b", "20")), 201, `"fee":"0.200000"`)
	w.want(w.call(w.operator, "GET", path, ""), 200, `"merchant":null,"currency":"USDT"`)
	for _, c := range []struct{ body, field string }{
		{`{"percent":"100"}`, "percent"},
		{`{"percent":"0.00001"}`, "percent"},
		{`{"fixed":"1"}`, "fixed"},
		{`{"currency":"EUR","minimum":"2","maximum":"1"}`, "maximum"},
		{`{"currency":"EUR","network_fee":"flat"}`, "network_fee_amount"},
		{`{"fee_from":"thin air"}`, "fee_from"},
		{`{"kind":"odd"}`, "kind"},
	} {
		w.want(w.call(w.operator, "PUT", path, c.body), 400, `"code":"invalid_fee"`, `"field":"`+c.field+`"`)
	}
	w.want(w.call(w.operator, "PUT", path, `{"network":"moon"}`), 400, `"code":"unknown_network"`)
	w.want(w.call(w.operator, "PUT", "/v1/merchants/"+unlike(id.Merchant)+"/fees", `{"percent":"1"}`), 404, `"code":"merchant_not_found"`)
}
