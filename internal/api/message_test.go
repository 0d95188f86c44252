package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/internal/api"
	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/webhook"
)

// Every type of the catalogue is written, and twice the same.
func TestEveryEventTypeIsRendered(t *testing.T) {
	w := newWorld(t)
	w.fund(w.acme, "USDT", "100")
	seq := func(kind id.Kind, text string) id.Seq {
		at, err := id.Parse(kind, text)
		must(t, err)
		return at.Seq
	}
	account := seq(id.Account, w.acme.account)
	credit := seq(id.Credit, w.want(w.call(w.acme.key, "POST", "/v1/credits", w.acme.credit(""), fresh()), 201).get("id"))
	payout := seq(id.Withdrawal, w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("w-1", "1")), 201).get("id"))
	target := seq(id.Destination, w.want(w.call(w.acme.key, "POST", "/v1/destinations", fmt.Sprintf(`{"network":"ethereum","address":%q}`, alice)), 201).get("id"))
	var messages []webhook.Message
	for n, k := range event.All {
		e := event.Event{
			Seq: int64(n + 1), At: w.clock.Now(), Type: k.Type, Merchant: w.acme.id.Seq, Account: account, Subject: payout, Version: 3, State: "new",
			Currency: "USDT", Available: money.Of(5), BalanceVersion: 2,
		}
		switch group, _, _ := strings.Cut(string(k.Type), "."); group {
		case "account":
			e.Subject = account
		case "credit":
			e.Subject = credit
		case "destination":
			e.Subject = target
		case "funds":
			e.Data = []byte(`{"amount":"7000000","currency":"USDT"}`)
		case "conversion":
			e.Data = []byte(`{"from":"USDT","send":"7","fee":"1","to":"EUR","receive":"5","price":"0.7"}`)
		case "webhook_endpoint":
			e.Data = []byte(`{"url":"https://example.com"}`)
		}
		messages = append(messages, webhook.Message{Event: e})
	}
	renderer := api.NewRenderer(w.db, assets)
	bodies, err := renderer.Render(t.Context(), messages)
	must(t, err)
	again, err := renderer.Render(t.Context(), messages)
	must(t, err)
	objects := map[string]string{
		"account": "account", "credit": "credit", "destination": "destination", "balance": "balance", "withdrawal": "withdrawal", "webhook_endpoint": "webhook_endpoint", "bank": "bank",
		"conversion": "conversion",
	}
	for n, body := range bodies {
		var m struct {
			Type      string
			Timestamp time.Time
			Data      struct{ Object string }
		}
		must(t, json.Unmarshal(body, &m))
		group, _, _ := strings.Cut(m.Type, ".")
		want := objects[group]
		if group == "funds" {
			want = strings.TrimSuffix(strings.TrimPrefix(m.Type, "funds."), "ed")
		}
		if m.Type != string(event.All[n].Type) || m.Data.Object != want || !bytes.Equal(body, again[n]) {
			t.Errorf("%s: %s", event.All[n].Type, body)
		}
	}
}

// A credit settles when its business day begins in Frankfurt: Maundy Thursday plus
// one is the Tuesday after Easter.
func TestCreditSettlesInBusinessDays(t *testing.T) {
	w := newWorld(t)
	at, err := time.Parse(time.RFC3339, "2045-04-06T10:00:00Z") // far enough ahead to be pending for the store's clock
	must(t, err)
	days := []string{"2045-04-05T22:00:00.000000Z", "2045-04-10T22:00:00.000000Z", "2045-04-11T22:00:00.000000Z"}
	for n, want := range days {
		w.clock.set(at)
		got := w.call(w.acme.key, "POST", "/v1/credits", w.acme.credit(fmt.Sprintf(`"settles_in":%d`, n)), fresh())
		w.want(got, 201, `"state":"pending"`, `"available_at":"`+want+`"`)
	}
	w.want(w.call(w.acme.key, "POST", "/v1/credits", w.acme.credit(`"available_at":"2020-01-01T00:00:00Z"`), fresh()), 201, `"state":"settled"`, `"available_at":null`)
}
