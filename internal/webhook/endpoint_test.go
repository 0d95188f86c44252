package webhook_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/webhook"
)

func TestEndpointsAreChecked(t *testing.T) {
	b := open(t)
	long := "https://shop.example/" + strings.Repeat("x", webhook.MaxURL)
	cases := []struct {
		name string
		edit func(c *webhook.CreateEndpoint)
		code string // "" for accepted
	}{
		{"plain", func(*webhook.CreateEndpoint) {}, ""},
		{"with port and query", func(c *webhook.CreateEndpoint) { c.URL = "https://shop.example:8443/hook?a=b" }, ""},
		{"some types", func(c *webhook.CreateEndpoint) { c.Types = []string{"withdrawal.created", "balance.updated"} }, ""},
		{"http where allowed", func(c *webhook.CreateEndpoint) { c.URL, c.AllowHTTP = "http://localhost:1/x", true }, ""},
		{"http", func(c *webhook.CreateEndpoint) { c.URL = "http://shop.example" }, "invalid_url"},
		{"other scheme", func(c *webhook.CreateEndpoint) { c.URL, c.AllowHTTP = "file:///etc/passwd", true }, "invalid_url"},
		{"no host", func(c *webhook.CreateEndpoint) { c.URL = "https:///hook" }, "invalid_url"},
		{"opaque", func(c *webhook.CreateEndpoint) { c.URL = "https:shop.example" }, "invalid_url"},
		{"empty", func(c *webhook.CreateEndpoint) { c.URL = "" }, "invalid_url"},
		{"password", func(c *webhook.CreateEndpoint) { c.URL = "https://a:b@shop.example" }, "invalid_url"},
		{"fragment", func(c *webhook.CreateEndpoint) { c.URL = "https://shop.example/#x" }, "invalid_url"},
		{"line break", func(c *webhook.CreateEndpoint) { c.URL = "https://shop.example/\n" }, "invalid_url"},
		{"too long", func(c *webhook.CreateEndpoint) { c.URL = long }, "invalid_url"},
		{"no types", func(c *webhook.CreateEndpoint) { c.Types = nil }, "event_types_required"},
		{"empty types", func(c *webhook.CreateEndpoint) { c.Types = []string{} }, "event_types_required"},
		{"unknown type", func(c *webhook.CreateEndpoint) { c.Types = []string{"withdrawal.vanished"} }, "unknown_event_type"},
		{"all and one", func(c *webhook.CreateEndpoint) { c.Types = []string{"*", "balance.updated"} }, "unknown_event_type"},
		{"twice", func(c *webhook.CreateEndpoint) { c.Types = []string{"balance.updated", "balance.updated"} }, "duplicate_event_type"},
		{"unknown format", func(c *webhook.CreateEndpoint) { c.Format = "telegram" }, "unknown_format"},
		{"negative rate", func(c *webhook.CreateEndpoint) { c.RatePerSecond = -1 }, "invalid_rate"},
		{"large rate", func(c *webhook.CreateEndpoint) { c.RatePerSecond = webhook.MaxRate + 1 }, "invalid_rate"},
		{"long description", func(c *webhook.CreateEndpoint) { c.Description = strings.Repeat("x", webhook.MaxDescription+1) }, "description_too_long"},
		{"no secret", func(c *webhook.CreateEndpoint) { c.Secret = "" }, "invalid_key"},
		{"no signing key", func(c *webhook.CreateEndpoint) { c.SigningKey = "" }, "invalid_key"},
		{"nobody's", func(c *webhook.CreateEndpoint) { c.Merchant = 1 }, "not_found"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			x := b.create("*")
			c.edit(&x)
			if c.code != "" {
				refused(b, c.code, x)
				return
			}
			if e := must(b, x); e.State != webhook.Enabled || e.Format != webhook.FormatNative {
				t.Errorf("%s %s", e.State, e.Format)
			}
		})
	}
}

func TestEndpointsDoNotPrintTheirKeys(t *testing.T) {
	e := webhook.Endpoint{URL: "https://shop.example", Secret: vectorSecret, SigningKey: vectorKey, PreviousSecret: vectorSecret}
	for _, s := range []string{e.String(), fmt.Sprintf("%v %+v %s", e, e, e), e.LogValue().String(), fmt.Sprint(webhook.Recorded{Endpoint: e})} {
		if strings.Contains(s, vectorSecret[6:]) || strings.Contains(s, vectorKey[5:]) {
			t.Errorf("printed a key: %s", s)
		}
	}
}

// TestCase50_OneMerchantCannotTouchAnothersEndpoint, whichever command it tries.
func TestCase50_OneMerchantCannotTouchAnothersEndpoint(t *testing.T) {
	b := open(t)
	e := b.endpoint("*")
	d := b.one()
	other := must(b, merchant.Create{Name: "Other", Mode: merchant.Test}).Seq
	s, k, _ := newKeys(t)
	refused(b, "endpoint_not_found", webhook.NewUpdateEndpoint(other, e.Seq, "x"))
	refused(b, "endpoint_not_found", webhook.NewDeleteEndpoint(other, e.Seq, "x"))
	refused(b, "endpoint_not_found", webhook.NewRotateSecret(other, e.Seq, s, k, 0, "x"))
	refused(b, "endpoint_not_found", webhook.NewSendTest(other, e.Seq, "x"))
	refused(b, "endpoint_not_found", webhook.NewStartReplay(other, e.Seq, "x"))
	refused(b, "delivery_not_found", webhook.ReplayOne{Merchant: other, Delivery: d.Seq})
	// Events of one go to endpoints of the same one only.
	must(b, happen{merchant: other, events: []event.Event{{Type: event.AccountOpened}}})
	if got := b.fanOut(); len(got) != 0 {
		t.Errorf("told of somebody else's event: %v", got)
	}
}

func TestRotateKeepsTheOldKeysForTheOverlap(t *testing.T) {
	b := open(t)
	e := b.endpoint("*")
	s, k, _ := newKeys(t)
	refused(b, "invalid_overlap", webhook.NewRotateSecret(b.merchant, e.Seq, s, k, webhook.MaxOverlap+1, "x"))
	refused(b, "invalid_overlap", webhook.NewRotateSecret(b.merchant, e.Seq, s, k, -1, "x"))
	refused(b, "invalid_key", webhook.NewRotateSecret(b.merchant, e.Seq, "", k, time.Hour, "x"))
	got := must(b, webhook.NewRotateSecret(b.merchant, e.Seq, s, k, webhook.DefaultOverlap, "x"))
	if got.Secret != s || got.SigningKey != k || got.PreviousSecret != e.Secret || got.PreviousSigningKey != e.SigningKey ||
		!got.PreviousUntil.Equal(got.UpdatedAt.Add(24*time.Hour)) {
		t.Errorf("previous until %s", got.PreviousUntil)
	}
	s2, k2, _ := newKeys(t)
	got = must(b, webhook.NewRotateSecret(b.merchant, e.Seq, s2, k2, 0, "x"))
	if got.Secret != s2 || got.PreviousSecret != "" || got.PreviousSigningKey != "" || !got.PreviousUntil.IsZero() {
		t.Error("an overlap of nothing left old keys")
	}
}

func TestDeletedEndpointsAreForgottenAndSkipped(t *testing.T) {
	b := open(t)
	e := b.endpoint("*")
	d := b.one()
	got := must(b, webhook.NewDeleteEndpoint(b.merchant, e.Seq, "x"))
	if got.State != webhook.Deleted || got.Secret+got.SigningKey+got.PreviousSecret+got.PreviousSigningKey != "" {
		t.Errorf("deleted: %s, keys kept", got.State)
	}
	must(b, webhook.NewDeleteEndpoint(b.merchant, e.Seq, "x"))
	refused(b, "endpoint_not_found", webhook.NewSendTest(b.merchant, e.Seq, "x"))
	b.happens(event.AccountOpened)
	if got := b.fanOut(); len(got) != 0 {
		t.Errorf("claimed for a deleted endpoint: %v", got)
	}
	must(b, webhook.Release{Deliveries: []webhook.Held{{Seq: d.Seq, Version: d.Version}}})
	if c := must(b, webhook.Claim{Deliveries: []id.Seq{d.Seq}, Until: time.Now().Add(time.Minute)}); len(c.Deliveries) != 0 || c.Skipped != 1 {
		t.Errorf("claimed %v, skipped %d", c.Deliveries, c.Skipped)
	}
}

// TestWhoIsToldWhat: an endpoint hears what it asked for, from its birth on, and a
// test message reaches only the one it is for.
func TestWhoIsToldWhat(t *testing.T) {
	b := open(t)
	b.happens(event.WithdrawalCreated) // before anybody listens
	all := b.endpoint("*")
	some := b.endpoint("withdrawal.created", "balance.updated")
	names := map[id.Seq]string{all.Seq: "all", some.Seq: "some"}
	must(b, happen{merchant: b.merchant, events: []event.Event{
		{Type: event.AccountOpened},
		{Type: event.WithdrawalCreated, Currency: "ETH"}, // two messages
		{Type: event.BalanceUpdated, Currency: "ETH"},    // one
	}})
	must(b, webhook.NewSendTest(b.merchant, some.Seq, "x"))
	var got []string
	seen := map[string]bool{}
	for _, d := range b.fanOut() {
		got = append(got, names[d.Endpoint]+" "+d.Type)
		key := fmt.Sprint(d.Endpoint, " ", event.MessageID(0, d.Message()))
		if seen[key] {
			t.Errorf("message %s twice", key)
		}
		seen[key] = true
	}
	want := []string{
		"all account.opened", "all withdrawal.created", "some withdrawal.created", "all balance.updated", "some balance.updated",
		"all balance.updated", "some balance.updated", "some webhook_endpoint.tested",
	}
	if !slices.Equal(got, want) {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestOneStretchIsFannedOutOnce(t *testing.T) {
	b := open(t)
	b.endpoint("*")
	b.happens(event.AccountOpened, event.AccountOpened)
	plan := b.plan()
	if got := must(b, plan); len(got.Claimed) != 2 {
		t.Errorf("claimed %d, want 2", len(got.Claimed))
	}
	refused(b, "fanned_out", plan)
	if at, err := b.db.FannedOut(context.Background(), 0); err != nil || at != plan.To {
		t.Errorf("the cursor is at %d, %v, want %d", at, err, plan.To)
	}
}

func TestTwoClaimsGiveADeliveryOnce(t *testing.T) {
	b := open(t)
	b.endpoint("*")
	b.happens(event.AccountOpened)
	plan := b.plan()
	plan.Deliveries[0].Claim = false
	must(b, plan)
	waiting, err := b.db.WaitingEndpoints(context.Background(), 0)
	if err != nil || len(waiting) != 1 || waiting[0].At[webhook.LaneNew].IsZero() || len(waiting[0].At) != 1 {
		t.Fatalf("waiting %v, %v", waiting, err)
	}
	due, err := b.db.DueDeliveries(context.Background(), 0, waiting[0].Endpoint.Seq, webhook.LaneNew, time.Now(), 10)
	if err != nil || len(due) != 1 {
		t.Fatalf("due %v, %v", due, err)
	}
	c := webhook.Claim{Deliveries: []id.Seq{due[0].Seq, 12345}, Until: time.Now().Add(time.Minute)}
	if got := must(b, c); len(got.Deliveries) != 1 || len(got.Endpoints) != 1 {
		t.Errorf("first claim %v", got)
	}
	if got := must(b, c); len(got.Deliveries) != 0 {
		t.Errorf("second claim %v", got)
	}
}

func TestReplay(t *testing.T) {
	b := open(t)
	e := b.endpoint("*")
	var all []webhook.Delivery
	for range 3 {
		all = append(all, b.one())
	}
	done := b.answered(all[0], 200, 0).Delivery
	for n := range webhook.MaxAttempts {
		r := b.answered(all[1], 500, 0)
		if all[1] = r.Delivery; n%3 == 0 {
			b.answered(b.one(), 200, 0) // keeps the breaker out of it
		}
	}
	if all[1].State != webhook.Dead {
		t.Fatalf("not dead: %+v", all[1])
	}
	// One: the same row, so the same message id; the whole schedule anew.
	again := must(b, webhook.ReplayOne{Merchant: b.merchant, Delivery: done.Seq})
	if again.State != webhook.Pending || again.Message() != done.Message() || again.Round != again.Attempts || !again.DoneAt.IsZero() {
		t.Errorf("replayed: %+v", again)
	}
	if r := b.answered(again, 500, 0); r.Delivery.State != webhook.Pending || r.Delivery.Attempts != 2 {
		t.Errorf("after a failure: %+v", r.Delivery)
	}
	// By filter: what is dead, page by page, once.
	start := webhook.NewStartReplay(b.merchant, e.Seq, "x")
	start.Want = webhook.Dead
	r := must(b, start)
	page, err := b.db.ReplayPage(context.Background(), 0, r, 10)
	if err != nil || !slices.Equal(page, []id.Seq{all[1].Seq}) {
		t.Fatalf("page %v, %v", page, err)
	}
	carry := webhook.ReplayPage{Replay: r.Seq, After: r.After, Deliveries: page}
	r = must(b, carry)
	refused(b, "replayed", carry)
	if page, err = b.db.ReplayPage(context.Background(), 0, r, 10); err != nil || len(page) != 0 {
		t.Fatalf("second page %v, %v", page, err)
	}
	r = must(b, webhook.ReplayPage{Replay: r.Seq, After: r.After})
	if r.State != webhook.ReplayDone || r.Deliveries != 1 {
		t.Errorf("replay %+v", r)
	}
	due, err := b.db.DueDeliveries(context.Background(), 0, e.Seq, webhook.LaneReplay, time.Now(), 10)
	if err != nil || len(due) != 1 || due[0].Message() != all[1].Message() {
		t.Errorf("due %v, %v", due, err)
	}
	// Bad filters.
	for code, edit := range map[string]func(c *webhook.StartReplay){
		"invalid_state":      func(c *webhook.StartReplay) { c.Want = webhook.Pending },
		"unknown_event_type": func(c *webhook.StartReplay) { c.Type = "x" },
		"invalid_range":      func(c *webhook.StartReplay) { c.Since = time.Now().Add(time.Hour) },
	} {
		c := webhook.NewStartReplay(b.merchant, e.Seq, "x")
		edit(&c)
		refused(b, code, c)
	}
	u := webhook.NewUpdateEndpoint(b.merchant, e.Seq, "x")
	u.State = webhook.Disabled
	must(b, u)
	refused(b, "endpoint_disabled", webhook.NewStartReplay(b.merchant, e.Seq, "x"))
	refused(b, "endpoint_disabled", webhook.ReplayOne{Merchant: b.merchant, Delivery: done.Seq})
	refused(b, "endpoint_disabled", webhook.NewSendTest(b.merchant, e.Seq, "x"))
}

func TestToldIsAskedOfTheEndpointItself(t *testing.T) {
	e := webhook.Endpoint{Seq: 5, Merchant: 1, Types: "account.opened", State: webhook.Enabled, FirstEvent: 10}
	m := webhook.Message{Event: event.Event{Seq: 10, Merchant: 1, Type: event.AccountOpened}}
	if !e.Told(m) {
		t.Error("not told of its own event")
	}
	for name, edit := range map[string]func(e *webhook.Endpoint, m *webhook.Message){
		"somebody else's":  func(_ *webhook.Endpoint, m *webhook.Message) { m.Event.Merchant = 2 },
		"before its birth": func(_ *webhook.Endpoint, m *webhook.Message) { m.Event.Seq = 9 },
		"another type":     func(_ *webhook.Endpoint, m *webhook.Message) { m.Event.Type = event.CreditCreated },
		"deleted":          func(e *webhook.Endpoint, _ *webhook.Message) { e.State = webhook.Deleted },
		"another's test":   func(_ *webhook.Endpoint, m *webhook.Message) { m.Event.Type, m.Event.Subject = event.EndpointTested, 6 },
	} {
		e, m := e, m
		edit(&e, &m)
		if e.Told(m) {
			t.Errorf("told of an event: %s", name)
		}
	}
}

// TestA5_TenThousandEndpointsCannotBeMade: a merchant has at most as many as the operator says.
func TestA5_TenThousandEndpointsCannotBeMade(t *testing.T) {
	b := open(t)
	c := b.create("*")
	c.Limit = 3
	var last webhook.Endpoint
	for range c.Limit {
		last = must(b, c)
	}
	refused(b, "too_many_endpoints", c)
	// A deleted one makes room for one, once; another merchant has its own number.
	must(b, webhook.NewDeleteEndpoint(b.merchant, last.Seq, "x"))
	must(b, webhook.NewDeleteEndpoint(b.merchant, last.Seq, "x"))
	must(b, c)
	refused(b, "too_many_endpoints", c)
	c.Merchant = must(b, merchant.Create{Name: "Other", Mode: merchant.Test}).Seq
	must(b, c)
	// Without a number of the operator there is one all the same.
	c.Limit = 0
	for range webhook.DefaultEndpoints - 1 {
		must(b, c)
	}
	refused(b, "too_many_endpoints", c)
}

// TestA5_NoticesGoToNoEndpoint: they stand in the list of events. Sent to every endpoint of the
// merchant, those of many that fail would multiply.
func TestA5_NoticesGoToNoEndpoint(t *testing.T) {
	b := open(t)
	b.endpoint("*")
	b.endpoint("*")
	for _, typ := range []event.Type{event.EndpointPaused, event.EndpointFailing, event.EndpointDisabled} {
		b.happens(typ)
		if got := b.plan().Deliveries; len(got) != 0 {
			t.Errorf("%s goes to %d endpoints", typ, len(got))
		}
		refused(b, "event_type_not_sent", b.create(string(typ)))
	}
}
