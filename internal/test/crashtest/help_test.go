package crashtest_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/internal/app"
	"sluice/internal/money"
)

// serve runs a handler on a free port of this machine until the test ends.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Second}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

// none tells whether a text is an amount of nothing.
func none(amount any) bool {
	text, ok := amount.(string)
	return ok && text != "" && strings.Trim(text, "0.") == ""
}

func amount(t *testing.T, asset money.Asset, text string) money.Amount {
	t.Helper()
	a, err := asset.Parse(text)
	must(t, err)
	return a
}

// left is what the account must have when everything that was wanted is paid.
func (s *site) left() map[string]string {
	s.t.Helper()
	out := map[string]string{}
	for _, asset := range s.assets {
		rest := amount(s.t, asset, credited)
		for _, o := range s.orders {
			if o.currency != asset.Code {
				continue
			}
			var err error
			rest, err = rest.Sub(amount(s.t, asset, o.amount))
			must(s.t, err)
		}
		out[asset.Code] = asset.Format(rest)
	}
	return out
}

// verified recomputes every balance of the database from its transfers.
func (s *site) verified() {
	s.t.Helper()
	ctx := context.WithoutCancel(s.t.Context())
	db, err := app.OpenStore(ctx, s.load(), slog.New(slog.DiscardHandler))
	must(s.t, err)
	defer db.Close() //nolint:errcheck // only read
	report, err := db.Verify(ctx)
	must(s.t, err)
	if !report.OK() {
		s.t.Errorf("the books are wrong: %+v", report)
	}
}
