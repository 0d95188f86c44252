package api_test

import (
	"bytes"
	"database/sql"
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // to look at the database from outside

	"sluice/internal/api"
	"sluice/internal/bank/sepa"
	"sluice/internal/id"
	"sluice/internal/merchant/destination"
	"sluice/internal/rail"
	"sluice/internal/store/pgtest"
)

// A new bank account waits, and the refusal says until when.
func TestBankAccountsCoolDown(t *testing.T) {
	onBothStores(t, func(t *testing.T, url string) {
		w := bankWorld(t, url, func(d *api.Deps) { d.Bank.CoolDown = 48 * time.Hour })
		p := w.holder(w.bolt, "Max Mustermann")
		w.fund(p, "EUR", "100")
		made := w.want(w.call(p.key, "POST", "/v1/destinations", p.bank("Max Mustermann", berlin, "")), 201)
		usable, err := time.Parse(time.RFC3339Nano, made.get("usable_at"))
		must(t, err)
		created, err := time.Parse(time.RFC3339Nano, made.get("created_at"))
		must(t, err)
		if usable.Sub(created) != 48*time.Hour {
			t.Errorf("made at %s, usable at %s", created, usable)
		}
		refused := w.want(w.call(p.key, "POST", "/v1/withdrawals", p.cash("w", "1", made.get("id"), "")), 422,
			`"code":"destination_cooling_down"`, `"field":"destination_id"`, usable.Format("2006-01-02T15:04"))
		if refused.get("usable_at") == "" {
			t.Errorf("%s", refused.body)
		}
	})
}

// An account has as many bank accounts as the installation allows, deleted ones not counted.
func TestBankAccountsAreLimited(t *testing.T) {
	onBothStores(t, func(t *testing.T, url string) {
		w := bankWorld(t, url, func(d *api.Deps) { d.Bank.Most = 2 })
		p, q := w.holder(w.bolt, "Max Mustermann"), w.holder(w.bolt, "Max Mustermann")
		first := w.want(w.call(p.key, "POST", "/v1/destinations", p.bank("Max Mustermann", berlin, "")), 201).header.Get("Location")
		w.want(w.call(p.key, "POST", "/v1/destinations", p.bank("Max Mustermann", dutch, "")), 201)
		w.want(w.call(p.key, "POST", "/v1/destinations", p.bank("Max Mustermann", frankfurt, "")), 422, `"code":"too_many_destinations"`, `"field":"account"`)
		w.want(w.call(p.key, "POST", "/v1/destinations", fmt.Sprintf(`{"network":"ethereum","address":%q,"account":%q}`, alice, p.account)), 201)
		w.want(w.call(q.key, "POST", "/v1/destinations", q.bank("Max Mustermann", frankfurt, "")), 201)
		w.want(w.call(p.key, "DELETE", first, ""), 204)
		w.want(w.call(p.key, "DELETE", first, ""), 204)
		w.want(w.call(p.key, "POST", "/v1/destinations", p.bank("Max Mustermann", frankfurt, "")), 201)
		w.want(w.call(p.key, "POST", "/v1/destinations", p.bank("Max Mustermann", berlin, "")), 422, `"code":"too_many_destinations"`)
		// Side by side, no more get in than there is room for.
		r := w.holder(w.bolt, "Max Mustermann")
		var wg sync.WaitGroup
		statuses := make([]int, 3)
		for n, iban := range []string{berlin, dutch, frankfurt} {
			wg.Go(func() {
				got, err := w.try(r.key, "POST", "/v1/destinations", r.bank("Max Mustermann", iban, ""))
				if err != nil {
					t.Error(err)
				}
				statuses[n] = got.status
			})
		}
		wg.Wait()
		if sum := statuses[0] + statuses[1] + statuses[2]; sum != 201+201+422 {
			t.Errorf("statuses %v", statuses)
		}
	})
}

// What an installation asks of names, and of bank data in a withdrawal.
func TestBankAccountRules(t *testing.T) {
	inline := func(p party, holder string) string {
		return fmt.Sprintf(`{"account":%q,"foreign_id":"inline","currency":"EUR","amount":"1","destination":{"network":"sepa","bank":{"holder":%q,"iban":%q}}}`,
			p.account, holder, berlin)
	}
	t.Run("exact names", func(t *testing.T) {
		w := bankWorld(t, sqliteURL(t), func(d *api.Deps) { d.Bank.Names = destination.NameExact })
		p := w.holder(w.acme, "Max Mustermann")
		w.want(w.call(p.key, "POST", "/v1/destinations", p.bank("max mustermann", berlin, "")), 422, `"code":"holder_mismatch"`)
		w.want(w.call(p.key, "POST", "/v1/destinations", p.bank("Max Mustermann", berlin, "")), 201)
	})
	t.Run("any name", func(t *testing.T) {
		w := bankWorld(t, sqliteURL(t), func(d *api.Deps) { d.Bank.Names, d.Bank.Inline = destination.NameOff, true })
		p := w.holder(w.acme, "")
		w.fund(p, "EUR", "1")
		w.want(w.call(p.key, "POST", "/v1/destinations", p.bank("Erika", berlin, "")), 201)
		w.want(w.call(p.key, "POST", "/v1/destinations", fmt.Sprintf(`{"network":"sepa","bank":{"holder":"Erika","iban":%q}}`, berlin)), 201, `"account":null`)
		w.want(w.call(p.key, "POST", "/v1/withdrawals", inline(p, "Erika")), 201)
	})
	t.Run("no name to compare with", func(t *testing.T) {
		w := bankWorld(t, sqliteURL(t), func(d *api.Deps) { d.Bank.Inline = true })
		p := w.holder(w.acme, "")
		w.want(w.call(p.key, "POST", "/v1/destinations", p.bank("Erika", berlin, "")), 422, `"code":"holder_unknown"`)
		w.want(w.call(p.key, "POST", "/v1/withdrawals", inline(p, "Erika")), 422, `"code":"holder_unknown"`)
	})
	t.Run("registered only", func(t *testing.T) {
		w := bankWorld(t, sqliteURL(t), func(*api.Deps) {})
		p := w.holder(w.acme, "Max")
		w.want(w.call(p.key, "POST", "/v1/withdrawals", inline(p, "Max")), 422, `"code":"inline_bank_refused"`, `"field":"destination.bank"`)
	})
	t.Run("no key", func(t *testing.T) {
		w := bankWorld(t, sqliteURL(t), func(d *api.Deps) {
			d.Rails = map[string]rail.Rail{"sepa": counter{Checker: sepa.Checker{Network: "sepa"}}}
		})
		p := w.holder(w.acme, "Max")
		w.want(w.call(p.key, "POST", "/v1/destinations", p.bank("Max", berlin, "")), 503, `"code":"sealing_key_missing"`, "seal.keys")
	})
	t.Run("a currency with a chain and a bank", func(t *testing.T) {
		w := bankWorld(t, sqliteURL(t), func(d *api.Deps) {
			d.Assets = maps.Clone(d.Assets)
			euro := d.Assets["EUR"]
			euro.Networks = []string{"ethereum", "sepa"}
			d.Assets["EUR"] = euro
		})
		p := w.holder(w.acme, "Max")
		w.fund(p, "EUR", "10")
		w.contract = nil // no rail of these tests pays EUR on a chain
		to := w.want(w.call(p.key, "POST", "/v1/destinations", p.bank("Max", berlin, "")), 201).get("id")
		w.want(w.call(p.key, "POST", "/v1/withdrawals", p.cash("one", "1", to, "")), 201, `"service":"normal"`)
		w.want(w.call(p.key, "POST", "/v1/withdrawals", p.cash("two", "1", unlike(id.Destination), `"payment":{}`)), 404, `"code":"destination_not_found"`)
	})
}

// The number of a bank account stands nowhere in the database, in the log, or in an
// event: not as typed, not as it is known, not as bytes.
func TestNoReadableAccountNumberIsKept(t *testing.T) {
	typed := "nl70 abna 0106 2950 04"
	life := func(t *testing.T, url string) (log *bytes.Buffer) {
		log = &bytes.Buffer{}
		var mu sync.Mutex
		w := bankWorld(t, url, func(d *api.Deps) {
			d.Bank.Inline = true
			d.Log = slog.New(slog.NewTextHandler(locked{&mu, log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		p := w.holder(w.bolt, "Max Mustermann")
		w.fund(p, "EUR", "100")
		to := w.want(w.call(p.key, "POST", "/v1/destinations", p.bank("Max Mustermann", typed, ""), fresh()), 201).get("id")
		w.want(w.call(p.key, "POST", "/v1/withdrawals", p.cash("one", "1", to, ""), fresh()), 201)
		body := fmt.Sprintf(`{"account":%q,"foreign_id":"two","currency":"EUR","amount":"1","destination":{"network":"sepa","bank":{"holder":"Max Mustermann","iban":%q}}}`, p.account, typed)
		made := w.want(w.call(p.key, "POST", "/v1/withdrawals", body, fresh()), 201)
		w.want(w.call(p.key, "POST", "/v1/withdrawals", strings.Replace(body, "nl70", "nl71", 1)), 400)
		w.want(w.call(p.key, "POST", "/v1/withdrawals/batch", `{"withdrawals":[`+strings.Replace(body, "two", "three", 1)+`]}`, fresh()), 200)
		w.want(w.call(p.key, "DELETE", "/v1/destinations/"+to, ""), 204)
		for _, path := range []string{"/v1/events", "/v1/destinations", "/v1/destinations/" + to, "/v1/withdrawals", "/v1/withdrawals/" + made.get("id") + "/timeline"} {
			unreadable(t, path, w.want(w.call(p.key, "GET", path, ""), 200).body, typed)
		}
		return log
	}
	t.Run("sqlite", func(t *testing.T) {
		url := sqliteURL(t)
		unreadable(t, "the log", life(t, url).Bytes(), typed)
		all := 0
		for _, suffix := range []string{"", "-wal"} {
			b, err := os.ReadFile(strings.TrimPrefix(url, "sqlite:") + suffix)
			if os.IsNotExist(err) {
				continue
			}
			must(t, err)
			all += len(b)
			unreadable(t, "the file"+suffix, b, typed)
		}
		if all < 1000 {
			t.Errorf("only %d bytes were looked at", all)
		}
	})
	t.Run("postgres", func(t *testing.T) {
		url := pgtest.URL(t)
		unreadable(t, "the log", life(t, url).Bytes(), typed)
		dump := dumpPostgres(t, url)
		if !bytes.Contains(dump, []byte("NL****5004")) {
			t.Error("the dump does not even hold the readable part")
		}
		unreadable(t, "the database", dump, typed)
	})
}

// unreadable fails if the number can be found in b in any of its forms.
func unreadable(t *testing.T, where string, b []byte, typed string) {
	t.Helper()
	number := strings.ToUpper(strings.ReplaceAll(typed, " ", ""))
	b = bytes.ToUpper(b)
	for _, form := range []string{number, strings.ToUpper(typed), number[4:], number[8:]} {
		if bytes.Contains(b, []byte(form)) || bytes.Contains(b, []byte(strings.ToUpper(hex.EncodeToString([]byte(form))))) {
			t.Errorf("%s holds %s", where, form)
		}
	}
}

// dumpPostgres reads every row of every table as text.
func dumpPostgres(t *testing.T, url string) []byte {
	t.Helper()
	db, err := sql.Open("pgx", url)
	must(t, err)
	defer db.Close() //nolint:errcheck // only read
	var out bytes.Buffer
	for _, table := range texts(t, db, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace") {
		for _, row := range texts(t, db, fmt.Sprintf("SELECT t::text FROM %q t", table)) {
			out.WriteString(row + "\n")
		}
	}
	return out.Bytes()
}

func texts(t *testing.T, db *sql.DB, query string) (out []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	must(t, err)
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		var s string
		must(t, rows.Scan(&s))
		out = append(out, s)
	}
	must(t, rows.Err())
	return out
}

// locked is a buffer for several writers.
type locked struct {
	mu *sync.Mutex
	b  *bytes.Buffer
}

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}
