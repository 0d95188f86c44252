package api_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice/internal/api"
	"sluice/internal/commit"
	"sluice/internal/merchant"
)

// A full queue pushes back, and an ended one says so: 503, to be repeated.
func TestFullAndEndedQueuesAreAnswered503(t *testing.T) {
	w := newWorld(t)
	w.contract = newContract(t)
	idle := commit.New(w.db, 1, commit.Options{Queue: 1}) // nobody takes commands out
	h := api.New(api.Deps{Loop: idle, Reads: w.db, Assets: assets, Now: w.clock.Now, Log: slog.New(slog.DiscardHandler)})
	ask := func(ctx context.Context, method, path string) answer {
		r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader("{}"))
		r.Header.Set("Authorization", "Bearer "+w.acme.key)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		a := answer{rec.Code, rec.Result().Header, rec.Body.Bytes()}
		if err := w.contract.check(r, "{}", a); err != nil {
			t.Error(err)
		}
		return a
	}
	post := func(ctx context.Context) answer { return ask(ctx, "POST", "/v1/accounts") }
	w.want(ask(t.Context(), "GET", "/v1/ping"), 200) // now the key is known without a look-up
	gone, leave := context.WithCancel(t.Context())
	leave()
	w.want(post(gone), 503, `"code":"outcome_unknown"`, `"outcome":"unknown"`, `"retryable":true`) // it waits in the queue
	full := w.want(post(t.Context()), 503, `"code":"overloaded"`, `"retryable":true`)
	if full.header.Get("Retry-After") != "1" {
		t.Errorf("%v", full.header)
	}
	ended := make(chan error, 1)
	go func() { ended <- idle.Run(gone) }()
	must(t, <-ended)
	w.want(post(t.Context()), 503, `"code":"shutting_down"`, `"retryable":true`)
}

// broken is a database that cannot be read.
type broken struct{ api.Reads }

func (broken) KeyByHash(context.Context, string) (merchant.Key, bool, error) {
	return merchant.Key{}, false, errors.New("secret detail of the database")
}

func TestUnreadableDatabaseIs503WithoutDetail(t *testing.T) {
	w := newWorld(t)
	h := api.New(api.Deps{Loop: w.loop, Reads: broken{w.db}, Assets: assets, Now: w.clock.Now, Log: slog.New(slog.DiscardHandler)})
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/ping", nil)
	r.Header.Set("Authorization", "Bearer "+w.acme.key)
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	if rec.Code != http.StatusServiceUnavailable || strings.Contains(rec.Body.String(), "secret") || !strings.Contains(rec.Body.String(), "store_unavailable") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}
