package api_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/api"
	"sluice/internal/bank/sepa"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/seal"
	"sluice/internal/store/pgtest"
	"sluice/internal/withdrawal"
)

const (
	berlin    = "DE02100500000054540402"
	dutch     = "NL70ABNA0106295004"
	frankfurt = "DE95500105173934555844"
)

// counter is the part of a bank rail that the API asks: no file leaves in these tests.
type counter struct {
	rail.Rail
	sepa.Checker
}

func (c counter) Check(ctx context.Context, typed, tag, asset string) (rail.Target, error) {
	return c.Checker.Check(ctx, typed, tag, asset)
}

func (counter) Network() string { return "sepa" }

func (counter) Warn(context.Context, rail.Target) []string { return []string{} }

// bankWorld is a world in which EUR goes to bank accounts.
func bankWorld(t testing.TB, url string, change func(*api.Deps)) *world {
	t.Helper()
	key, err := seal.NewKey("2026")
	must(t, err)
	ring, err := seal.NewRing(key)
	must(t, err)
	w := newWorldWith(t, url, func(d *api.Deps) {
		d.Assets = maps.Clone(d.Assets)
		d.Assets["EUR"] = money.Asset{Code: "EUR", Scale: 2, Networks: []string{"sepa"}}
		d.Rails = maps.Clone(d.Rails)
		d.Rails["sepa"] = counter{Checker: sepa.Checker{Network: "sepa", Ring: ring}}
		change(d)
	})
	w.contract = newContract(t)
	return w
}

func sqliteURL(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "sluice.db") }

// holder opens an account of a merchant for a person.
func (w *world) holder(p party, name string) party {
	w.t.Helper()
	a := doIn(w, p.id.Shard, account.Open{Merchant: p.id.Seq, Kind: ledger.KindCustomer, Name: name})
	p.account = id.ID{Shard: p.id.Shard, Seq: a.Seq}.Text(id.Account)
	return p
}

// bank is the body that registers a bank account.
func (p party) bank(holder, iban, more string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf(`{"network":"sepa","account":%q,"bank":{"holder":%q,"iban":%q}%s}`, p.account, holder, iban, more)
}

func (p party) cash(foreign, amount, destination, more string) string {
	if more != "" {
		more = "," + more
	}
	return fmt.Sprintf(`{"account":%q,"foreign_id":%q,"currency":"EUR","amount":%q,"destination_id":%q%s}`, p.account, foreign, amount, destination, more)
}

// onBothStores runs a test on SQLite, and on PostgreSQL with two shards.
func onBothStores(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, sqliteURL(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, pgtest.URL(t)) })
}

// The guide's example: 200.00 leave a balance of 200.00, seen figure by figure; and
// a sale settles, is partly locked again, and the rest can be withdrawn.
func TestCashBalanceOfTheGuide(t *testing.T) {
	onBothStores(t, func(t *testing.T, url string) {
		w := bankWorld(t, url, func(*api.Deps) {})
		p := w.holder(w.bolt, "Max Mustermann")
		w.want(w.call(p.key, "GET", "/v1/accounts/"+p.account+"/balances/EUR", ""), 200, `"balance":"0.00"`)
		f := figures{w: w, p: p}
		f.step("before", "", "0.00", "0.00", "0.00", "0.00", "0.00")
		w.fund(p, "EUR", "200.00")
		f.step("top-up", "credit.created", "200.00", "200.00", "0.00", "0.00", "200.00")
		to := w.want(w.call(p.key, "POST", "/v1/destinations", p.bank("Max Mustermann", berlin, "")), 201).get("id")
		f.step("a reference account", "", "200.00", "200.00", "0.00", "0.00", "200.00")

		made := w.want(w.call(p.key, "POST", "/v1/withdrawals", p.cash("first", "200.00", to, "")), 201, `"state":"new"`)
		f.step("new", "withdrawal.created", "200.00", "0.00", "0.00", "0.00", "0.00")
		at := "/v1/withdrawals/" + made.get("id")
		w.want(w.call(p.key, "POST", at+"/cancel", ""), 200, `"state":"cancelled"`)
		f.step("cancelled while new", "withdrawal.cancelled", "200.00", "200.00", "0.00", "0.00", "200.00")

		made = w.want(w.call(p.key, "POST", "/v1/withdrawals", p.cash("second", "200.00", to, "")), 201)
		f.step("new again", "withdrawal.created", "200.00", "0.00", "0.00", "0.00", "0.00")
		seq, err := id.Parse(id.Withdrawal, made.get("id"))
		must(t, err)
		doIn(w, p.id.Shard, withdrawal.NewRelease(seq.Seq, "worker"))
		doIn(w, p.id.Shard, withdrawal.NewClaim(seq.Seq, 7, "wal_x", "worker"))
		f.step("processing", "", "200.00", "0.00", "0.00", "0.00", "0.00")
		w.want(w.call(p.key, "POST", "/v1/withdrawals/"+made.get("id")+"/cancel", ""), 409, `"code":"not_cancellable"`)
		doIn(w, p.id.Shard, withdrawal.NewConfirm(seq.Seq, 7, "SLC-1", money.Amount{}, "EUR", "worker"))
		f.step("confirmed", "withdrawal.confirmed", "0.00", "0.00", "0.00", "0.00", "0.00")

		sale := w.want(w.call(p.key, "POST", "/v1/credits", fmt.Sprintf(`{"account":%q,"currency":"EUR","amount":"828.75","settles_in":2}`, p.account), fresh()), 201)
		f.step("sold", "credit.created", "828.75", "0.00", "828.75", "0.00", "828.75")
		w.want(w.call(p.key, "POST", "/v1/withdrawals", p.cash("early", "0.01", to, "")), 422, `"code":"insufficient_funds"`, `"available":"0.00"`)
		w.want(w.call(p.key, "POST", "/v1/credits/"+sale.get("id")+"/settle", "", fresh()), 200)
		f.step("settled", "credit.settled", "828.75", "828.75", "0.00", "0.00", "828.75")
		w.want(w.call(p.key, "POST", "/v1/locks", fmt.Sprintf(`{"account":%q,"currency":"EUR","amount":"700"}`, p.account), fresh()), 201)
		f.step("locked to buy again", "funds.locked", "828.75", "128.75", "0.00", "700.00", "128.75")
		w.want(w.call(p.key, "POST", "/v1/withdrawals", p.cash("locked", "128.76", to, "")), 422, `"available":"128.75"`)
		w.want(w.call(p.key, "POST", "/v1/withdrawals", p.cash("rest", "128.75", to, "")), 201)
		f.step("the rest withdrawn", "withdrawal.created", "828.75", "0.00", "0.00", "700.00", "0.00")
	})
}

// figures follows a balance and its events.
type figures struct {
	w    *world
	p    party
	mark int64
}

// step holds the balance against what it must be, and what happened since the last step
// against one fact (or none) and the whole balance that goes with it.
func (f *figures) step(name, fact, balance, withdrawable, pending, locked, tradable string) {
	t := f.w.t
	t.Helper()
	now := f.w.want(f.w.call(f.p.key, "GET", "/v1/accounts/"+f.p.account+"/balances/EUR", ""), 200)
	for figure, want := range map[string]string{
		"balance": balance, "available_for_withdrawal": withdrawable, "pending_settlement": pending, "locked_for_trading": locked, "available_for_trading": tradable,
	} {
		if got := now.get(figure); got != want {
			t.Errorf("%s: %s is %s, want %s", name, figure, got, want)
		}
	}
	types, last := f.w.events(f.p, f.mark)
	f.mark = last
	moved := ""
	for _, x := range types {
		if x == "balance.updated" {
			moved = x
		}
	}
	if fact == "" && moved != "" || fact != "" && (len(types) != 2 || types[0] != fact || types[1] != "balance.updated") {
		t.Errorf("%s: events %v, want %s and the balance", name, types, fact)
	}
	if fact == "" {
		return
	}
	page := f.w.want(f.w.call(f.p.key, "GET", "/v1/events?types=balance.updated&limit=200", ""), 200)
	if all := strings.TrimSpace(string(now.body)); !bytes.Contains(page.body, []byte(all)) {
		t.Errorf("%s: no event carries the balance %s", name, all)
	}
}

// A bank account is registered, shown without its number, listed and deleted.
func TestReferenceAccounts(t *testing.T) {
	onBothStores(t, func(t *testing.T, url string) {
		w := bankWorld(t, url, func(*api.Deps) {})
		p := w.holder(w.bolt, "Jürgen Müller")
		other := w.holder(w.bolt, "Jürgen Müller")
		w.fund(p, "EUR", "100")
		body := fmt.Sprintf(`{"network":"sepa","account":%q,"label":"home","confirmed_at":"2026-11-01T10:00:00Z","bank":{"holder":"Dr. Mueller, Juergen","iban":"de02 1005 0000 0054 5404 02","bic":"beladebe"}}`, p.account)
		made := w.want(w.call(p.key, "POST", "/v1/destinations", body), 201, `"address":"DE****0402"`, `"bank":{"holder":"Dr. Mueller, Juergen","bic":"BELADEBE"}`,
			`"tag":null`, `"confirmed_at":"2026-11-01T10:00:00.000000Z"`, `"usable_at":null`, `"deleted_at":null`, `"label":"home"`)
		to, where := made.get("id"), made.header.Get("Location")
		again := w.want(w.call(p.key, "POST", "/v1/destinations", p.bank("Juergen Mueller", berlin, "")), 409, `"code":"duplicate_destination"`, to)
		if again.header.Get("Location") != where {
			t.Errorf("Location %q", again.header.Get("Location"))
		}
		w.want(w.call(p.key, "POST", "/v1/destinations", other.bank("Juergen Mueller", berlin, "")), 201)
		second := w.want(w.call(p.key, "POST", "/v1/destinations", p.bank("Juergen Mueller", dutch, "")), 201).get("id")
		mine := w.want(w.call(p.key, "GET", "/v1/destinations?account="+p.account, ""), 200)
		if mine.get("data.0.id") != second || mine.get("data.1.id") != to || mine.get("data.2.id") != "" {
			t.Errorf("%s", mine.body)
		}
		w.want(w.call(p.key, "GET", "/v1/destinations?account="+w.acme.account, ""), 404)
		paid := w.want(w.call(p.key, "POST", "/v1/withdrawals", p.cash("one", "10", to, `"payment":{"remittance":"Für Zoë; 1/2","purpose":"OTHR","service":"instant"}`)), 201,
			`"address":"DE****0402"`, `"bank":{"holder":"Dr. Mueller, Juergen","bic":"BELADEBE"}`,
			`"payment":{"remittance":"Fuer Zoe, 1/2","remittance_typed":"Für Zoë; 1/2","purpose":"OTHR","service":"instant"}`)
		w.want(w.call(p.key, "POST", "/v1/withdrawals", other.cash("two", "10", to, "")), 404, `"code":"destination_not_found"`)

		w.want(w.call(p.key, "DELETE", where, ""), 204)
		w.want(w.call(p.key, "DELETE", where, ""), 204)
		if gone := w.want(w.call(p.key, "GET", where, ""), 200, `"address":"DE****0402"`); gone.get("deleted_at") == "" {
			t.Errorf("%s", gone.body)
		}
		w.want(w.call(p.key, "GET", "/v1/destinations?account="+p.account, ""), 200, second)
		w.want(w.call(p.key, "POST", "/v1/withdrawals", p.cash("three", "10", to, "")), 422, `"code":"destination_deleted"`, `"field":"destination_id"`)
		// That it was registered and deleted is told, without the number.
		facts := w.want(w.call(p.key, "GET", "/v1/events?types=destination.registered,destination.deleted&limit=200", ""), 200)
		first, last := facts.get("data.0.data.address"), facts.get("data.3.data.deleted_at")
		if first != "DE****0402" || last == "" || facts.get("data.0.data.deleted_at") != "" || facts.get("data.4.id") != "" {
			t.Errorf("%s", facts.body)
		}
		// The withdrawal that named it has what it needs.
		w.want(w.call(p.key, "GET", "/v1/withdrawals/"+paid.get("id"), ""), 200, `"address":"DE****0402"`, `"Dr. Mueller, Juergen"`)
		row, _, err := w.db.Withdrawal(t.Context(), parse(t, id.Withdrawal, paid.get("id")))
		must(t, err)
		if len(row.Decoded) == 0 {
			t.Error("the recipient of the withdrawal is gone")
		}
		d, _, err := w.db.Destination(t.Context(), parse(t, id.Destination, to))
		must(t, err)
		if len(d.Decoded) != 0 {
			t.Error("the number of a deleted bank account is kept")
		}
		// It can be registered again.
		w.want(w.call(p.key, "POST", "/v1/destinations", p.bank("Juergen Mueller", berlin, "")), 201)
	})
}

func parse(t testing.TB, kind id.Kind, text string) id.ID {
	t.Helper()
	at, err := id.Parse(kind, text)
	must(t, err)
	return at
}

// Requests about bank accounts that must be refused: each names the field and the rule.
func TestRefusedBankAccounts(t *testing.T) {
	w := bankWorld(t, sqliteURL(t), func(d *api.Deps) { d.Bank.Inline = true })
	p := w.holder(w.acme, "Max Mustermann")
	w.fund(p, "EUR", "100")
	w.fund(p, "USDT", "100")
	to := w.want(w.call(p.key, "POST", "/v1/destinations", p.bank("Max Mustermann", berlin, "")), 201).get("id")
	const register, pay = "POST /v1/destinations", "POST /v1/withdrawals"
	swap := func(body, from, to string) string {
		if !strings.Contains(body, from) {
			t.Fatalf("%s is not in %s", from, body)
		}
		return strings.Replace(body, from, to, 1)
	}
	good := p.bank("Max Mustermann", dutch, "")
	inline := swap(p.cash("x", "1", to, ""), `"destination_id":"`+to+`"`, `"destination":{"network":"sepa","bank":{"holder":"Max Mustermann","iban":"`+dutch+`"}}`)
	with := func(payment string) string { return p.cash("x", "1", to, `"payment":{`+payment+`}`) }
	for _, c := range []struct {
		name, route, body string
		status            int
		code, field       string
	}{
		{"check digits", register, swap(good, "NL70", "NL71"), 400, "iban_check_digits", "bank.iban"},
		{"length", register, swap(good, "5004", "500"), 400, "iban_length", "bank.iban"},
		{"letters", register, swap(good, "ABNA", "AB-A"), 400, "iban_malformed", "bank.iban"},
		{"no country", register, swap(good, dutch, "XX70ABNA0106295004"), 400, "iban_country_unknown", "bank.iban"},
		{"not in SEPA", register, swap(good, dutch, "TR330006100519786457841326"), 400, "iban_not_sepa", "bank.iban"},
		{"BIC", register, swap(good, `"iban"`, `"bic":"ABNA","iban"`), 400, "bic_malformed", "bank.bic"},
		{"no IBAN", register, swap(good, dutch, ""), 400, "field_required", "bank.iban"},
		{"no holder", register, swap(good, "Max Mustermann", ""), 400, "field_required", "bank.holder"},
		{"a holder in no letters", register, swap(good, "Max Mustermann", "---"), 400, "name_empty", "bank.holder"},
		{"a long holder", register, swap(good, "Max Mustermann", strings.Repeat("x", 71)), 400, "name_too_long", "bank.holder"},
		{"another holder", register, swap(good, "Max Mustermann", "Erika Mustermann"), 422, "holder_mismatch", "bank.holder"},
		{"no account", register, swap(good, fmt.Sprintf(`"account":%q,`, p.account), ""), 400, "account_required", "account"},
		{"an unknown part", register, swap(good, `"iban"`, `"name":"x","iban"`), 400, "unknown_field", "bank.name"},
		{"bank as a text", register, `{"network":"sepa","bank":"` + dutch + `"}`, 400, "wrong_type", "bank"},
		{"an address", register, `{"network":"sepa","address":"` + dutch + `"}`, 400, "field_required", "bank"},
		{"both", register, swap(good, `"bank"`, `"address":"x","bank"`), 400, "destination_ambiguous", "address"},
		{"a bank on a chain", register, swap(good, "sepa", "ethereum"), 400, "bank_not_supported", "bank"},
		{"a bank on no network", register, swap(good, "sepa", "swift"), 400, "unknown_network", "network"},
		{"agreed to tomorrow", register, p.bank("Max Mustermann", dutch, `"confirmed_at":"2999-01-01T00:00:00Z"`), 400, "confirmed_in_future", "confirmed_at"},
		{"agreed to at some time", register, p.bank("Max Mustermann", dutch, `"confirmed_at":"yesterday"`), 400, "invalid_time", "confirmed_at"},
		{"a long label", register, p.bank("Max Mustermann", dutch, `"label":"`+strings.Repeat("x", 201)+`"`), 400, "invalid_label", "label"},
		{"the same again", register, swap(good, dutch, "de02100500000054540402"), 409, "duplicate_destination", "bank.iban"},

		{"inline check digits", pay, swap(inline, "NL70", "NL71"), 400, "iban_check_digits", "destination.bank.iban"},
		{"inline another holder", pay, swap(inline, "Max", "Moritz"), 422, "holder_mismatch", "destination.bank.holder"},
		{"inline of another currency", pay, swap(inline, "EUR", "USDT"), 400, "wrong_network", "destination.network"},
		{"a chain for euro", pay, swap(inline, `"network":"sepa"`, `"network":"ethereum"`), 400, "bank_not_supported", "destination.bank"},
		{"too long a text", pay, with(`"remittance":"` + strings.Repeat("x", 141) + `"`), 400, "remittance_too_long", "payment.remittance"},
		{"a text that grows too long", pay, with(`"remittance":"` + strings.Repeat("ß", 71) + `"`), 400, "remittance_too_long", "payment.remittance"},
		{"two lines", pay, with(`"remittance":"a\nb"`), 400, "invalid_text", "payment.remittance"},
		{"purpose in lower case", pay, with(`"purpose":"othr"`), 400, "purpose_malformed", "payment.purpose"},
		{"no such purpose", pay, with(`"purpose":"XXXX"`), 400, "purpose_unknown", "payment.purpose"},
		{"no such service", pay, with(`"service":"fast"`), 400, "service_unknown", "payment.service"},
		{"an unknown detail", pay, with(`"text":"x"`), 400, "unknown_field", "payment.text"},
		{"a text on a chain", pay, swap(p.payout("x", "1"), `"currency"`, `"payment":{},"currency"`), 400, "payment_not_supported", "payment"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := *w
			w.t = t
			method, path, _ := strings.Cut(c.route, " ")
			got := w.want(w.call(p.key, method, path, c.body), c.status, `"code":"`+c.code+`"`, `"field":"`+c.field+`"`)
			for _, number := range []string{dutch, berlin, dutch[4:]} {
				if strings.Contains(string(got.body), number) {
					t.Errorf("the answer repeats the number: %s", got.body)
				}
			}
		})
	}
	w.want(w.call(p.key, "POST", "/v1/withdrawals", inline), 201, `"address":"NL****5004"`, `"service":"normal"`)
}
