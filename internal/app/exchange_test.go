package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice/internal/app"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/test/harness"
)

// exchanging is an installation with two sources of prices, one of them a service.
func exchanging(t *testing.T, url string) config.Config {
	t.Helper()
	c := setup(t)
	c.Assets = append(c.Assets, config.Asset{Code: "BTC", Scale: 8})
	c.Exchange.MinSources = 2
	c.Exchange.Pairs = []config.Pair{{From: "EUR", To: "BTC", SpreadBPS: 100, Minimum: "1.00"}}
	c.Exchange.Sources = []config.RateSource{
		{Name: "table", Kind: config.SourceFixed, Rates: map[string]string{"BTC/EUR": "50000"}},
		{Name: "desk", Kind: config.SourceJSON, URL: config.NewSecret(url), Prices: map[string]string{"BTC/EUR": "$.btc"}},
	}
	return c
}

// The server asks its sources, prices by them, says how they are, and stops them.
func TestRatesAreServed(t *testing.T) {
	desk := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(rw, `{"btc":"50100"}`)
	}))
	defer desk.Close()
	r := start(t, exchanging(t, desk.URL))
	secret := operatorKey(t, r)
	var got struct {
		Data []struct {
			Price   string
			Sources []string
		}
	}
	harness.Eventually(t, "a price of two sources", func() bool {
		if err := json.Unmarshal([]byte(ask(t, r.URL()+"/v1/rates", secret)), &got); err != nil {
			t.Fatal(err)
		}
		return len(got.Data) == 1 && len(got.Data[0].Sources) == 2
	})
	// The worse of two: a bitcoin for 50100, less one percent.
	if got.Data[0].Price != "0.00001976" {
		t.Errorf("price %s", got.Data[0].Price)
	}
	metrics := ask(t, r.AdminURL()+"/metrics", "")
	for _, want := range []string{`sluice_rate_source_up{source="desk"} 1`, `sluice_rate_source_prices{source="table"} 1`, `sluice_rate_source_age_seconds{source="desk"}`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	r.stop()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

// An address of a source may hold a key: what is wrong with it is said without it.
func TestAWrongSourceIsToldWithoutItsAddress(t *testing.T) {
	_, err := app.RateFeeds(exchanging(t, "ftp://u:hidden@rates.example.com"))
	if fault.CodeOf(err) != "config_invalid" || strings.Contains(err.Error(), "hidden") {
		t.Errorf("%v", err)
	}
}

func operatorKey(t *testing.T, r *running) string {
	t.Helper()
	secret, err := merchant.NewSecret(merchant.Test, strings.NewReader(strings.Repeat("x", 64)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := commit.Do(t.Context(), r.Loop, 0, merchant.CreateKey{
		Owner: id.ID{}, Mode: merchant.Test, Name: "test", Secret: secret, Scopes: []merchant.Scope{merchant.Operate},
	}); err != nil {
		t.Fatal(err)
	}
	return secret
}

func ask(t *testing.T, url, key string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
