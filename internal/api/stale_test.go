package api_test

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/api"
	"sluice/internal/id"
	"sluice/internal/store"
	"sluice/internal/store/chain/chaintest"
	"sluice/internal/withdrawal"
)

// TestCase06_ReadsThatLagDecideNothing gives a second server reads from a database that
// is older than the one it writes to, as a replica that lags: what it shows is old, and
// what it decides is not.
func TestCase06_ReadsThatLagDecideNothing(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "sluice.db")
	var deps api.Deps
	w := newWorldWith(t, url, func(d *api.Deps) { deps = *d })
	w.fund(w.acme, "USDT", "10")
	made := w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("first", "1")), 201)
	first, err := id.Parse(id.Withdrawal, made.get("id"))
	must(t, err)

	old, err := store.Open(t.Context(), copied(t, url), store.Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Chain: chaintest.Key})
	must(t, err)
	t.Cleanup(func() { must(t, old.Close()) })
	deps.Reads = old
	lagging := httptest.NewServer(api.New(deps))
	t.Cleanup(lagging.Close)

	w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("second", "8")), 201)
	do[withdrawal.Withdrawal](w, withdrawal.NewRelease(first.Seq, "worker"))
	do[withdrawal.Withdrawal](w, withdrawal.NewClaim(first.Seq, 7, "wal_x", "worker"))

	behind := *w
	behind.server = lagging
	balance, path := "/v1/accounts/"+w.acme.account+"/balances/USDT", "/v1/withdrawals/"+made.get("id")
	behind.want(behind.call(w.acme.key, "GET", balance, ""), 200, `"available_for_withdrawal":"9.000000"`)
	behind.want(behind.call(w.acme.key, "GET", path, ""), 200, `"state":"new"`)

	behind.want(behind.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("third", "2")), 422, `"code":"insufficient_funds"`)
	behind.want(behind.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("second", "1")), 409, `"code":"duplicate_foreign_id"`)
	behind.want(behind.call(w.acme.key, "POST", path+"/cancel", ""), 409, `"code":"not_cancellable"`)
	w.want(w.call(w.acme.key, "GET", balance, ""), 200, `"available_for_withdrawal":"1.000000"`)
	w.want(w.call(w.acme.key, "GET", path, ""), 200, `"state":"processing"`)
}

// TestCase49_OnlyHashesOfKeysAreKept looks for the secrets of keys in the files of the database.
func TestCase49_OnlyHashesOfKeysAreKept(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "sluice.db")
	w := newWorldOn(t, url)
	w.want(w.call(w.acme.key, "GET", "/v1/ping", ""), 200)
	all := ""
	for _, name := range databaseFiles(t, url) {
		b, err := os.ReadFile(name)
		must(t, err)
		all += string(b)
	}
	if !strings.Contains(all, "a customer of acme") {
		t.Fatal("these are not the files of the database")
	}
	for _, secret := range []string{w.acme.key, w.bolt.key, w.operator} {
		if random := strings.TrimPrefix(secret, "sluice_test_"); strings.Contains(all, random[:20]) {
			t.Errorf("the key that ends in %s can be read", random[len(random)-4:])
		}
	}
}

// databaseFiles are the files of a SQLite database that is open.
func databaseFiles(t *testing.T, url string) []string {
	t.Helper()
	names, err := filepath.Glob(strings.TrimPrefix(url, "sqlite:") + "*")
	must(t, err)
	return names
}

// copied is a copy of a SQLite database to which nothing is written meanwhile.
func copied(t *testing.T, url string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range databaseFiles(t, url) {
		b, err := os.ReadFile(name)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, filepath.Base(name)), b, 0o600))
	}
	return "sqlite:" + filepath.Join(dir, "sluice.db")
}
