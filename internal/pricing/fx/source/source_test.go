package source_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice/internal/pricing/fx"
	"sluice/internal/pricing/fx/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// venue answers every request alike and remembers what was asked.
type venue struct {
	*httptest.Server
	asked []string
}

func serve(t *testing.T, status int, body string) *venue {
	t.Helper()
	v := &venue{}
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.asked = append(v.asked, r.Method+" "+r.URL.RequestURI())
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(v.Close)
	return v
}

func recorded(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var (
	btceur = source.Symbol{Base: "BTC", Quote: "EUR"}
	etheur = source.Symbol{Base: "ETH", Quote: "EUR"}
)

func named(s source.Symbol, name string) source.Symbol {
	s.Name = name
	return s
}

// The adapters under test, each asking for what its recorded body holds.
var adapters = map[string]struct {
	open     func(h source.HTTP) (fx.Source, error)
	recorded string
	asked    []string
	want     []string // "base/quote bid ask", and the time where the body has one
}{
	"kraken": {
		func(h source.HTTP) (fx.Source, error) {
			return source.NewKraken(h, []source.Symbol{named(btceur, "XBTEUR")})
		},
		"kraken.json",
		[]string{"GET /0/public/Ticker?pair=XBTEUR"},
		[]string{"BTC/EUR 77402.00 77402.10"},
	},
	"coinbase": {
		func(h source.HTTP) (fx.Source, error) {
			return source.NewCoinbase(h, []source.Symbol{named(btceur, "BTC-EUR")})
		},
		"coinbase.json",
		[]string{"GET /products/BTC-EUR/ticker"},
		[]string{"BTC/EUR 77403.55 77405.01 2026-11-20T11:59:58.123456789Z"},
	},
	"binance": {
		func(h source.HTTP) (fx.Source, error) {
			return source.NewBinance(h, []source.Symbol{named(btceur, "BTCEUR"), named(etheur, "ETHEUR")})
		},
		"binance.json",
		[]string{"GET /api/v3/ticker/bookTicker?symbols=%5B%22BTCEUR%22%2C%22ETHEUR%22%5D"},
		[]string{"BTC/EUR 77401.99 77402.00", "ETH/EUR 2688.14 2688.15"},
	},
	"ecb": {
		func(h source.HTTP) (fx.Source, error) { return source.NewECB(h, []string{"USD", "JPY"}) },
		"ecb.xml",
		[]string{"GET /stats/eurofxref/eurofxref-daily.xml"},
		[]string{"EUR/USD 1.15 1.15 2026-11-19T12:00:00Z", "EUR/JPY 163.90 163.90 2026-11-19T12:00:00Z"},
	},
	"any": {
		func(h source.HTTP) (fx.Source, error) {
			h.BaseURL += "/prices?key=1"
			return source.NewJSON("any", h, []source.Reading{
				{Base: "BTC", Quote: "EUR", Bid: "$.data[0].quote.bid", Ask: "data[0].quote.ask", Time: "data[0].ts", TimeFormat: source.TimeUnix},
				{Base: "DOGE", Quote: "BTC", Price: "data[1].last", Time: "$['data'][1]['ts_ms']", TimeFormat: source.TimeUnixMillis},
				{Base: "BTC", Quote: "USD", Price: `rates["BTC-USD"].mid`, Time: `rates["as of"]`, TimeFormat: source.TimeRFC3339},
				{Base: "ETH", Quote: "USD", Price: "data[0].ts"},
			})
		},
		"any.json",
		[]string{"GET /prices?key=1"},
		[]string{
			"BTC/EUR 77400.50 77401.50 2026-11-20T11:59:58Z", "DOGE/BTC 0.00 0.00 2026-11-20T11:59:58.25Z", "BTC/USD 89160.10 89160.10 2026-11-20T11:59:58Z",
			"ETH/USD 1795175998.00 1795175998.00",
		},
	},
}

func TestRecordedBodies(t *testing.T) {
	for name, a := range adapters {
		t.Run(name, func(t *testing.T) {
			v := serve(t, http.StatusOK, recorded(t, a.recorded))
			s, err := a.open(source.HTTP{BaseURL: v.URL})
			if err != nil {
				t.Fatal(err)
			}
			before := time.Now()
			ticks, err := s.Fetch(t.Context())
			if err != nil || s.Name() != name || len(ticks) != len(a.want) {
				t.Fatalf("%s: %d prices, %v; want %d", s.Name(), len(ticks), err, len(a.want))
			}
			if strings.Join(v.asked, "\n") != strings.Join(a.asked, "\n") {
				t.Errorf("asked %q; want %q", v.asked, a.asked)
			}
			for i, k := range ticks {
				got := fmt.Sprintf("%s/%s %s %s", k.Base, k.Quote, k.Bid.Text(2), k.Ask.Text(2))
				if strings.Count(a.want[i], " ") == 3 {
					got += " " + k.At.Format(time.RFC3339Nano)
				} else if k.At.Before(before) || k.At.After(time.Now()) {
					t.Errorf("%s is of %s, which is not when it was asked for", got, k.At)
				}
				if got != a.want[i] || k.Source != name || k.Validate() != nil {
					t.Errorf("%s of %s, %v; want %s", got, k.Source, k.Validate(), a.want[i])
				}
			}
		})
	}
	t.Run("exactly", func(t *testing.T) {
		v := serve(t, http.StatusOK, recorded(t, "any.json"))
		s, err := source.NewJSON("any", source.HTTP{BaseURL: v.URL}, []source.Reading{{Base: "DOGE", Quote: "BTC", Price: "data[1].last"}})
		if err != nil {
			t.Fatal(err)
		}
		ticks, err := s.Fetch(t.Context())
		if err != nil || len(ticks) != 1 || ticks[0].Bid.Cmp(fx.MustRate("0.00000162")) != 0 {
			t.Errorf("%v, %v", ticks, err)
		}
	})
}

// Each body differs from the recorded one in one thing.
func TestBrokenBodiesAreRefused(t *testing.T) {
	for _, c := range []struct {
		adapter, change string // "old -> new"
		want            string
	}{
		{"kraken", `"error":[] -> "error":["EQuery:Unknown asset pair"]`, "Unknown asset pair"},
		{"kraken", `"b":["77402.00000","1","1.000"], -> `, "no bid"},
		{"kraken", `"b":["77402.00000","1","1.000"] -> "b":["77402.00000"]`, "no bid"},
		{"kraken", `"b":["77402.00000" -> "b":[77402.00000`, "JSON"},
		{"kraken", `"b":["77402.00000" -> "b":["0.00000"`, "bid of XBTEUR"},
		{"kraken", `"b":["77402.00000" -> "b":["77402.10001"`, "below the bid"},
		{"kraken", `"result":{ -> "result":{"XETHZEUR":{"a":["1","1","1"],"b":["1","1","1"]},`, "2 pairs"},
		{"kraken", `"result" -> "results"`, "0 pairs"},
		{"coinbase", `"bid":"77403.55", -> `, "bid of BTC-EUR"},
		{"coinbase", `"ask":"77405.01" -> "ask":""`, "ask of BTC-EUR"},
		{"coinbase", `"ask":"77405.01" -> "ask":77405.01`, "JSON"},
		{"coinbase", `"ask":"77405.01" -> "ask":null`, "ask of BTC-EUR"},
		{"coinbase", `"ask":"77405.01" -> "ask":"-77405.01"`, "ask of BTC-EUR"},
		{"coinbase", `"ask":"77405.01" -> "ask":"NaN"`, "ask of BTC-EUR"},
		{"coinbase", `"time" -> "tyme"`, "time"},
		{"coinbase", `2026-11-20T -> 2026-13-20T`, "time"},
		{"coinbase", `"0.00"} -> "0.00"} {}`, "goes on"},
		{"coinbase", `"0.00"} -> "0.00"`, "JSON"},
		{"binance", `"symbol":"BTCEUR" -> "symbol":"BTCUSD"`, "BTCEUR: the answer does not have it"},
		{"binance", `"symbol":"BTCEUR" -> "symbol":"ETHEUR"`, "ETHEUR: the answer has it 2 times"},
		{"binance", `"bidPrice":"77401.99000000" -> "bidPrice":"0.00000000"`, "bid of BTCEUR"},
		{"binance", `"askPrice":"77402.00000000", -> `, "ask of BTCEUR"},
		{"binance", `[{"symbol":"ETHEUR" -> {"a":[{"symbol":"ETHEUR"`, "JSON"},
		{"ecb", `currency='USD' -> currency='SEK'`, "USD: the file does not have it"},
		{"ecb", `currency='JPY' -> currency='USD'`, "USD: the file has it 2 times"},
		{"ecb", `rate='1.1520' -> rate='1,1520'`, "bid of USD"},
		{"ecb", `rate='1.1520' -> `, "bid of USD"},
		{"ecb", `time='2026-11-19' -> time='19.11.2026'`, "day"},
		{"ecb", `time='2026-11-19' -> `, "day"},
		{"ecb", `<Cube time= -> <Cube time='2026-11-18'/><Cube time=`, "2 days"},
		{"ecb", `vocabulary/2002-08-01 -> vocabulary/2030-01-01`, "0 days"},
		{"ecb", `</gesmes:Envelope> -> `, "XML"},
		{"ecb", `</gesmes:Envelope> -> </gesmes:Envelope><more/>`, "goes on"},
		{"any", `"bid":77400.5 -> "bid":null`, "neither a number nor a text at $.data[0].quote.bid"},
		{"any", `"bid":77400.5 -> "bid":true`, "neither"},
		{"any", `"bid":77400.5 -> "bud":77400.5`, "nothing at $.data[0].quote.bid"},
		{"any", `"bid":77400.5 -> "bid":0`, "bid of BTC/EUR"},
		{"any", `"bid":77400.5 -> "bid":-1`, "bid of BTC/EUR"},
		{"any", `"quote":{ -> "quote":[],"x":{`, "nothing at"},
		{"any", `"ts":1795175998} -> "ts":1795175998.5}`, "whole number"},
		{"any", `11:59:58Z -> 11:59:58`, "parsing time"},
		{"any", `1.62e-06 -> 1.62e-66`, "bid of DOGE/BTC"},
	} {
		t.Run(c.adapter+" "+c.change, func(t *testing.T) {
			a := adapters[c.adapter]
			was, is, _ := strings.Cut(c.change, " -> ")
			body := recorded(t, a.recorded)
			if !strings.Contains(body, was) {
				t.Fatalf("the recorded body has no %s", was)
			}
			v := serve(t, http.StatusOK, strings.Replace(body, was, is, 1))
			s, err := a.open(source.HTTP{BaseURL: v.URL})
			if err != nil {
				t.Fatal(err)
			}
			ticks, err := s.Fetch(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || len(ticks) >= len(a.want) {
				t.Errorf("%d prices, %v; want an error about %q", len(ticks), err, c.want)
			}
		})
	}
}

// What can be read counts even when another pair of the same answer cannot.
func TestOneBrokenPairLeavesTheOthers(t *testing.T) {
	v := serve(t, http.StatusOK, strings.Replace(recorded(t, "binance.json"), "77401.99000000", "0.00000000", 1))
	s, err := adapters["binance"].open(source.HTTP{BaseURL: v.URL})
	if err != nil {
		t.Fatal(err)
	}
	ticks, err := s.Fetch(t.Context())
	if err == nil || len(ticks) != 1 || ticks[0].Base != "ETH" {
		t.Errorf("%v, %v", ticks, err)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	redirected := false
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"error status": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"code":-1121,"msg":"Invalid symbol."}`)
		}, "400: \"{\\\"code\\\":-1121"},
		"too large": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `"`+strings.Repeat("x", source.MaxBody)+`"`)
		}, "more than 1048576 bytes"},
		"empty": {func(http.ResponseWriter, *http.Request) {}, "EOF"},
		"half": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = io.WriteString(w, "{")
		}, "EOF"},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			redirected = redirected || r.URL.Path == "/elsewhere"
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}, "302"},
		"silence": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			v := httptest.NewServer(c.handler)
			t.Cleanup(v.Close)
			h := source.HTTP{BaseURL: v.URL}
			if name == "silence" {
				h.Timeout = 20 * time.Millisecond
			}
			for adapter, a := range adapters {
				s, err := a.open(h)
				if err != nil {
					t.Fatal(err)
				}
				ticks, err := s.Fetch(t.Context())
				if err == nil || len(ticks) > 0 || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(c.want)) {
					t.Errorf("%s: %d prices, %v; want an error about %q", adapter, len(ticks), err, c.want)
				}
			}
		})
	}
	if redirected {
		t.Error("a redirect was followed")
	}
}

func TestFetchEndsWithItsContext(t *testing.T) {
	entered := make(chan struct{})
	v := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	}))
	t.Cleanup(v.Close)
	s, err := adapters["ecb"].open(source.HTTP{BaseURL: v.URL})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		<-entered
		stop()
	}()
	if _, err := s.Fetch(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Keys of a service travel in headers or the query and never into an error.
func TestKeysAreSentAndNotTold(t *testing.T) {
	var got string
	v := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("X-Api-Key")
		_, _ = io.WriteString(w, recorded(t, "any.json"))
	}))
	h := source.HTTP{BaseURL: v.URL + "/?key=hidden-key", Header: map[string]string{"X-Api-Key": "hidden-key"}}
	s, err := source.NewJSON("any", h, []source.Reading{{Base: "BTC", Quote: "EUR", Price: "data[0].quote.bid"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fetch(t.Context()); err != nil || got != "hidden-key" {
		t.Errorf("%q, %v", got, err)
	}
	v.Close()
	if _, err := s.Fetch(t.Context()); err == nil || strings.Contains(err.Error(), "hidden-key") {
		t.Errorf("the error is %v", err)
	}
}

func TestWrongConfigurationIsRefused(t *testing.T) {
	pairs := []source.Symbol{named(btceur, "BTCEUR")}
	reading := source.Reading{Base: "BTC", Quote: "EUR", Price: "price"}
	with := func(change func(*source.Reading)) error {
		r := reading
		change(&r)
		_, err := source.NewJSON("any", source.HTTP{BaseURL: "https://example.org"}, []source.Reading{r})
		return err
	}
	if err := with(func(*source.Reading) {}); err != nil {
		t.Fatal(err)
	}
	open := func(h source.HTTP, p []source.Symbol) error {
		_, err := source.NewKraken(h, p)
		return err
	}
	fixed := func(r source.FixedRate) error {
		_, err := source.NewFixed("fixed", []source.FixedRate{r})
		return err
	}
	noCurrencies := func() error {
		_, err := source.NewECB(source.HTTP{}, nil)
		return err
	}
	bad := map[string]error{
		"no host":             open(source.HTTP{BaseURL: "https://"}, pairs),
		"a file":              open(source.HTTP{BaseURL: "file:///etc/passwd"}, pairs),
		"a password":          open(source.HTTP{BaseURL: "https://a:b@example.org"}, pairs),
		"a negative time-out": open(source.HTTP{Timeout: -1}, pairs),
		"no pairs":            open(source.HTTP{}, nil),
		"no name of a pair":   open(source.HTTP{}, []source.Symbol{btceur}),
		"one currency twice":  open(source.HTTP{}, []source.Symbol{{Base: "EUR", Quote: "EUR", Name: "x"}}),
		"ecb of nothing":      noCurrencies(),
		"fixed at zero":       fixed(source.FixedRate{Base: "EUR", Quote: "USD", Price: "0"}),
		"fixed to itself":     fixed(source.FixedRate{Base: "EUR", Quote: "EUR", Price: "1"}),
		"price and bid":       with(func(r *source.Reading) { r.Bid = "bid" }),
		"bid without ask":     with(func(r *source.Reading) { r.Price, r.Bid = "", "bid" }),
		"time without format": with(func(r *source.Reading) { r.Time = "at" }),
		"format without time": with(func(r *source.Reading) { r.TimeFormat = source.TimeUnix }),
		"unknown format":      with(func(r *source.Reading) { r.Time, r.TimeFormat = "at", "iso" }),
	}
	for _, p := range []string{"", "$", ".", "a..b", "a.", "$a[", "a[]", "a[-1]", "a[x]", "a[1", "a['b]", "a['']", "a]b", "a[99999]", `a"b`, "[1]x"} {
		bad["path "+p] = with(func(r *source.Reading) { r.Price, r.Bid, r.Ask = "", "ok", p })
	}
	for name, err := range bad {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestFixed(t *testing.T) {
	s, err := source.NewFixed("fixed", []source.FixedRate{{"EUR", "USDT", "1.15"}, {"USDC", "USDT", "1"}})
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	ticks, err := s.Fetch(t.Context())
	if err != nil || len(ticks) != 2 || ticks[0].Bid.Text(2) != "1.15" || ticks[0].Ask.Cmp(ticks[0].Bid) != 0 || ticks[1].Quote != "USDT" || s.Name() != "fixed" {
		t.Errorf("%+v, %v", ticks, err)
	}
	if ticks[0].At.Before(before) {
		t.Errorf("of %s, before it was asked for", ticks[0].At)
	}
}

// A path is understood or refused; reading one never panics.
func FuzzPath(f *testing.F) {
	for _, p := range []string{"$.data[0].price", `rates["BTC-EUR"].mid`, "a['b']", "$", "a[", "a[0", "[0][1]"} {
		f.Add(p)
	}
	f.Fuzz(func(_ *testing.T, p string) {
		_, _ = source.NewJSON("any", source.HTTP{BaseURL: "https://example.org"}, []source.Reading{{Base: "BTC", Quote: "EUR", Price: p}})
	})
}
