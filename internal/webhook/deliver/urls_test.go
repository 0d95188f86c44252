package deliver_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/webhook"
	"sluice/internal/webhook/deliver"
)

// bringing is a format whose messages bring their URL.
type bringing struct {
	webhook.Format
	url func(m webhook.Message) string
}

func (f bringing) Render(ctx context.Context, shard id.Shard, e webhook.Endpoint, messages []webhook.Message) ([]webhook.Outgoing, error) {
	out, err := f.Format.Render(ctx, shard, e, messages)
	for n := range out {
		out[n].URL = f.url(messages[n])
	}
	return out, err
}

// bring makes messages of a worker bring the URL that their type stands for; "" for none.
func bring(to map[event.Type]string) func(*deliver.Worker) {
	return func(w *deliver.Worker) {
		w.SpeakWith(webhook.FormatNative, bringing{webhook.Native(plain{}, nil), func(m webhook.Message) string { return to[m.Type()] }})
	}
}

// of gives the deliveries of one type.
func (b *book) of(e webhook.Endpoint, typ event.Type) (out []webhook.Delivery) {
	b.Helper()
	for _, d := range b.deliveries(e) {
		if d.Type == string(typ) {
			out = append(out, d)
		}
	}
	return out
}

func (b *book) row(e webhook.Endpoint) webhook.Endpoint {
	b.Helper()
	now, _, err := b.db.Endpoint(context.Background(), id.ID{Seq: e.Seq})
	if err != nil {
		b.Fatal(err)
	}
	return now
}

// TestTylt5_a_URL_that_is_gone ends the message that brought it and nothing else: neither
// what goes to other URLs, nor later messages to the same one.
func TestTylt5_a_URL_that_is_gone(t *testing.T) {
	virtual(t, func(b *book) {
		var net pipes
		gone, good, own := net.receiver(b, "gone", status(410)), net.receiver(b, "good", nil), net.receiver(b, "own", nil)
		e := b.endpoint(own.url, "*")
		b.start(deliver.Options{Poll: time.Minute}, net.worker, bring(map[event.Type]string{event.WithdrawalFailed: gone.url, event.WithdrawalConfirmed: good.url}))
		b.happens(event.WithdrawalFailed, 7) // more than open a breaker
		b.happens(event.WithdrawalConfirmed, 3)
		b.happens(event.WithdrawalCreated, 2)
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, d := range b.of(e, event.WithdrawalFailed) {
			if d.State != webhook.Dead || d.Attempts != 1 || d.LastStatus != 410 {
				b.Errorf("to the URL that is gone: %s after %d attempts", d.State, d.Attempts)
			}
		}
		if now := b.row(e); now.State != webhook.Enabled || now.Failures != 0 || now.Version != 1 || good.count() != 3 || own.count() != 2 {
			b.Errorf("the endpoint is %s with %d failures; %d and %d arrived", now.State, now.Failures, good.count(), own.count())
		}
		gone.answers(nil) // a later payout with the same URL is told
		b.happens(event.WithdrawalFailed, 1)
		time.Sleep(time.Minute)
		if d := b.of(e, event.WithdrawalFailed)[0]; d.State != webhook.Delivered || gone.count() != 8 {
			b.Errorf("the next one is %s", d.State)
		}
	})
}

// TestTylt5_each_URL_has_a_breaker lets one URL fail with hundreds of messages waiting for it.
func TestTylt5_each_URL_has_a_breaker(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"refuses": status(500), "asks for a pause": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(503)
		}, "hangs": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(b *book) {
				var net pipes
				bad, good, own := net.receiver(b, "bad", answer), net.receiver(b, "good", nil), net.receiver(b, "own", nil)
				e := b.endpoint(own.url, "*")
				w, _ := b.start(deliver.Options{}, net.worker, bring(map[event.Type]string{event.WithdrawalFailed: bad.url, event.WithdrawalConfirmed: good.url}))
				b.happens(event.WithdrawalFailed, 500)
				b.happens(event.WithdrawalConfirmed, 50)
				b.happens(event.WithdrawalCreated, 50)
				time.Sleep(2 * time.Minute)
				if good.count() != 50 || own.count() != 50 {
					b.Errorf("behind a URL that fails %d and %d of 50 arrived", good.count(), own.count())
				}
				if bad.count() > 40 {
					b.Errorf("%d requests in two minutes to a URL that fails", bad.count())
				}
				if now := b.row(e); now.Version != 1 {
					b.Errorf("the endpoint was changed: %+v", now.Breaker)
				}
				claims := int64(0)
				for _, d := range b.of(e, event.WithdrawalFailed) {
					claims += d.Version
				}
				if claims > 500*20 {
					b.Errorf("%d claims of messages that wait for a URL at rest", claims)
				}
				if w.Lanes(id.ID{Seq: e.Seq}) != 2 {
					b.Errorf("%d lanes", w.Lanes(id.ID{Seq: e.Seq}))
				}
				bad.answers(nil)
				time.Sleep(6 * time.Hour)
				if n := len(b.of(e, event.WithdrawalFailed)); n != 500 || b.states(e)[webhook.Delivered] != 600 {
					b.Errorf("%d of 600 arrived when it was back", b.states(e)[webhook.Delivered])
				}
			})
		})
	}
}

// TestTylt5_URLs_without_end gives every message a URL of its own: what is remembered of
// them stays bounded.
func TestTylt5_URLs_without_end(t *testing.T) {
	virtual(t, func(b *book) {
		var net pipes
		shop := net.receiver(b, "shop", nil)
		e := b.endpoint(shop.url, "*")
		w, _ := b.start(deliver.Options{}, net.worker, func(w *deliver.Worker) {
			w.SpeakWith(webhook.FormatNative, bringing{webhook.Native(plain{}, nil), func(m webhook.Message) string { return fmt.Sprintf("http://shop/%d", m.Event.Seq) }})
		})
		for range 5 {
			b.happens(event.WithdrawalConfirmed, deliver.LanesKept/2)
			time.Sleep(time.Minute)
		}
		if shop.count() != 5*deliver.LanesKept/2 {
			b.Errorf("%d arrived", shop.count())
		}
		if n := w.Lanes(id.ID{Seq: e.Seq}); n > deliver.LanesKept {
			b.Errorf("%d lanes are kept", n)
		}
	})
}
