package source_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice/internal/pricing/fx/source"
)

// exchange answers like Binance: a list with one symbol that is not traded is refused whole.
type exchange struct {
	*httptest.Server
	listed map[string]string // what it says of a symbol, as JSON
	status int               // of a refusal
	asked  []string          // lists of symbols
}

func newExchange(t *testing.T) *exchange {
	x := &exchange{listed: map[string]string{}, status: http.StatusBadRequest}
	x.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var names, out []string
		if err := json.Unmarshal([]byte(r.URL.Query().Get("symbols")), &names); err != nil {
			t.Error(err)
		}
		x.asked = append(x.asked, strings.Join(names, ","))
		for _, n := range names {
			if x.listed[n] == "" {
				w.WriteHeader(x.status)
				_, _ = fmt.Fprint(w, `{"code":-1121,"msg":"Invalid symbol."}`)
				return
			}
			out = append(out, x.listed[n])
		}
		_, _ = fmt.Fprint(w, "["+strings.Join(out, ",")+"]")
	}))
	t.Cleanup(x.Close)
	return x
}

func (x *exchange) list(name, bid, ask string) {
	x.listed[name] = fmt.Sprintf(`{"symbol":%q,"bidPrice":%q,"bidQty":"1","askPrice":%q,"askQty":"1"}`, name, bid, ask)
}

// prices asks once and gives what came as "BASE/QUOTE BASE/QUOTE".
func prices(t *testing.T, b *source.Binance) (string, error) {
	t.Helper()
	ticks, err := b.Fetch(t.Context())
	var out []string
	for _, k := range ticks {
		out = append(out, k.Base+"/"+k.Quote)
	}
	return strings.Join(out, " "), err
}

// TestF25_one_symbol_delisted takes symbols away and gives them back. The others count at
// any time, and the one that is gone costs one more question, not a list that fails.
func TestF25_one_symbol_delisted(t *testing.T) {
	x := newExchange(t)
	x.list("BTCEUR", "100", "101")
	x.list("ETHEUR", "10", "10.1")
	x.list("LTCEUR", "1", "1.01")
	ltceur := source.Symbol{Base: "LTC", Quote: "EUR"}
	b, err := source.NewBinance(source.HTTP{BaseURL: x.URL}, []source.Symbol{named(btceur, "BTCEUR"), named(etheur, "ETHEUR"), named(ltceur, "LTCEUR")})
	if err != nil {
		t.Fatal(err)
	}
	step := func(name, want, asks string, fails ...string) {
		t.Helper()
		x.asked = nil
		got, err := prices(t, b)
		if got != want || strings.Join(x.asked, " ") != asks {
			t.Errorf("%s: prices %q by asking %q; want %q by %q", name, got, x.asked, want, asks)
		}
		for _, f := range fails {
			if err == nil || !strings.Contains(err.Error(), f) {
				t.Errorf("%s: %v does not name %s", name, err, f)
			}
		}
		if err != nil && len(fails) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	step("all are listed", "BTC/EUR ETH/EUR LTC/EUR", "BTCEUR,ETHEUR,LTCEUR")
	gone := x.listed["BTCEUR"]
	delete(x.listed, "BTCEUR")
	step("one goes", "ETH/EUR LTC/EUR", "BTCEUR,ETHEUR,LTCEUR BTCEUR ETHEUR LTCEUR", "BTCEUR: the answer is 400")
	step("it stays away", "ETH/EUR LTC/EUR", "ETHEUR,LTCEUR BTCEUR", "BTCEUR: the answer is 400")
	delete(x.listed, "ETHEUR")
	delete(x.listed, "LTCEUR")
	step("all go", "", "ETHEUR,LTCEUR BTCEUR ETHEUR LTCEUR", "BTCEUR", "ETHEUR", "LTCEUR")
	step("nothing is left to list", "", "BTCEUR ETHEUR LTCEUR", "BTCEUR", "ETHEUR", "LTCEUR")
	x.listed["BTCEUR"] = gone
	step("it comes back", "BTC/EUR", "BTCEUR ETHEUR LTCEUR", "ETHEUR")
	step("and is in the list", "BTC/EUR", "BTCEUR ETHEUR LTCEUR", "ETHEUR")
	x.list("ETHEUR", "10", "10.1")
	x.list("LTCEUR", "1", "1.01")
	step("so do the others", "BTC/EUR ETH/EUR LTC/EUR", "BTCEUR ETHEUR LTCEUR")
	step("as at the beginning", "BTC/EUR ETH/EUR LTC/EUR", "BTCEUR,ETHEUR,LTCEUR")
}

// TestF25_a_venue_in_trouble is not asked for each symbol: the refusal is not about one of them.
func TestF25_a_venue_in_trouble(t *testing.T) {
	for _, status := range []int{http.StatusTooManyRequests, http.StatusTeapot, http.StatusForbidden, http.StatusInternalServerError, http.StatusBadGateway} {
		x := newExchange(t)
		x.status = status
		b, err := source.NewBinance(source.HTTP{BaseURL: x.URL}, []source.Symbol{named(btceur, "BTCEUR"), named(etheur, "ETHEUR")})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got, err := prices(t, b); got != "" || err == nil {
				t.Errorf("%d: %q, %v", status, got, err)
			}
		}
		if want := []string{"BTCEUR,ETHEUR", "BTCEUR,ETHEUR"}; strings.Join(x.asked, " ") != strings.Join(want, " ") {
			t.Errorf("%d: asked %q, want %q", status, x.asked, want)
		}
	}
}

// TestF25_one_bad_entry makes one entry of the list something else than a price.
func TestF25_one_bad_entry(t *testing.T) {
	for _, bad := range []string{
		`{"symbol":"BTCEUR","bidPrice":100,"askPrice":101}`, `{"symbol":"BTCEUR","bidPrice":null,"askPrice":null}`, `null`, `5`, `"BTCEUR"`, `{}`, `[]`,
		`{"symbol":"BTCEUR","bidPrice":"0","askPrice":"0"}`, `{"symbol":"BTCEUR","bidPrice":"101","askPrice":"100"}`,
	} {
		x := newExchange(t)
		x.listed["BTCEUR"] = bad
		x.list("ETHEUR", "10", "10.1")
		b, err := source.NewBinance(source.HTTP{BaseURL: x.URL}, []source.Symbol{named(btceur, "BTCEUR"), named(etheur, "ETHEUR")})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := prices(t, b); got != "ETH/EUR" || err == nil || !strings.Contains(err.Error(), "BTCEUR") {
			t.Errorf("%s: %q, %v", bad, got, err)
		}
	}
}
