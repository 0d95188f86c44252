package api_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/api"
	"sluice/internal/ledger/account"
	"sluice/internal/money"
)

// own is a world in which merchants may credit so much by themselves.
func own(t *testing.T, most account.OwnCredits) *world {
	t.Helper()
	return newWorldWith(t, "sqlite:"+filepath.Join(t.TempDir(), "sluice.db"), func(d *api.Deps) { d.OwnCredits = most })
}

// creditOf credits an account of a merchant with the merchant's own key.
func (w *world) creditOf(p party, key, currency, amount string) answer {
	w.t.Helper()
	return w.call(p.key, "POST", "/v1/credits", fmt.Sprintf(`{"account":%q,"currency":%q,"amount":%q}`, p.account, currency, amount), "Idempotency-Key: "+key)
}

// A8: a merchant credits by itself what the operator allowed, and nothing beyond it.
func TestA8MerchantsCreditWhatTheyMay(t *testing.T) {
	usdt := assets["USDT"]
	for _, c := range []struct {
		name    string
		limit   account.OwnCredits
		granted string
		amount  string
		status  int
	}{
		{"nothing is allowed", account.OwnCredits{}, "", "0.000001", 422},
		{"the limit of everybody", account.OwnCredits{"USDT": money.Of(5_000_000)}, "", "5", 201},
		{"beyond the limit", account.OwnCredits{"USDT": money.Of(5_000_000)}, "", "5.000001", 422},
		{"a limit of another currency", account.OwnCredits{"ETH": money.Of(5_000_000)}, "", "1", 422},
		{"a grant", account.OwnCredits{}, "7", "7", 201},
		{"beyond a grant", account.OwnCredits{}, "7", "7.000001", 422},
		{"a grant beside the limit", account.OwnCredits{"USDT": money.Of(5_000_000)}, "7", "12", 201},
		{"beyond both", account.OwnCredits{"USDT": money.Of(5_000_000)}, "7", "12.000001", 422},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := own(t, c.limit)
			if c.granted != "" {
				amount, err := usdt.Parse(c.granted)
				must(t, err)
				do[account.Allowance](w, account.Grant{Merchant: w.acme.id.Seq, Asset: usdt, Amount: amount})
			}
			a := w.creditOf(w.acme, "1", "USDT", c.amount)
			if a.status != c.status || c.status == 422 && (a.get("code") != "credit_not_allowed" || a.get("errors.0.field") != "amount") {
				t.Fatalf("%d %s", a.status, a.body)
			}
			if again := w.creditOf(w.acme, "1", "USDT", c.amount); again.status != c.status {
				t.Errorf("the same request again: %d %s", again.status, again.body)
			}
			if more := w.creditOf(w.acme, "2", "USDT", "0.000001"); c.status == 201 && more.get("code") != "credit_not_allowed" {
				t.Errorf("one unit more: %d %s", more.status, more.body)
			}
			if other := w.creditOf(w.bolt, "1", "USDT", "12"); other.get("code") != "credit_not_allowed" {
				t.Errorf("another merchant has the grant, too: %d %s", other.status, other.body)
			}
		})
	}
}

// A8: what the operator credits is in no merchant's allowance, and spends none of it.
func TestA8TheOperatorCredits(t *testing.T) {
	w := own(t, account.OwnCredits{"USDT": money.Of(1)})
	a := do[account.Opened](w, account.Open{Merchant: w.acme.id.Seq, Kind: "customer"})
	do[account.Credit](w, account.AddCredit{Merchant: w.acme.id.Seq, Account: a.Seq, Asset: assets["USDT"], Amount: money.Of(1_000_000), Actor: "operator"})
	if got := w.creditOf(w.acme, "1", "USDT", "0.000001"); got.status != 201 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// A14, f27: wei for ether by one merchant, as often as it likes, stops no other one.
func TestA14f27OneMerchantFillsNoSharedTotal(t *testing.T) {
	w := own(t, account.OwnCredits{"ETH": account.Bound(assets["ETH"])})
	if got := w.creditOf(w.bolt, "1", "ETH", "1"); got.status != 201 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	n := 0
	for digits := money.Digits - 1; digits >= 0; n++ {
		step, err := money.ParseMinor("1" + strings.Repeat("0", digits))
		must(t, err)
		got := w.creditOf(w.acme, fmt.Sprint("n", n), "ETH", assets["ETH"].Format(step))
		if code := got.get("code"); got.status == 201 {
			continue
		} else if code != "amount_too_large" && code != "credit_not_allowed" {
			t.Fatalf("%s: %d %s", step, got.status, got.body)
		}
		digits--
	}
	for _, amount := range []string{"1", "0.000000000000000001"} {
		if got := w.creditOf(w.bolt, amount, "ETH", amount); got.status != 201 {
			t.Errorf("after %d credits of another merchant: %d %s", n, got.status, got.body)
		}
	}
}
