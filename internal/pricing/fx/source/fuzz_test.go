package source_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"sluice/internal/pricing/fx/source"
)

// Whatever a source answers, no adapter makes a price of it that is none, twice a
// price of one pair.
func FuzzAnswers(f *testing.F) {
	for _, a := range adapters {
		f.Add(recorded(f, a.recorded))
	}
	var body atomic.Value
	body.Store("")
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = rw.Write([]byte(body.Load().(string))) //nolint:errcheck // it is what was stored
	}))
	f.Cleanup(func() { server.Close(); http.DefaultClient.CloseIdleConnections() })
	f.Fuzz(func(t *testing.T, text string) {
		body.Store(text)
		for name, a := range adapters {
			s, err := a.open(source.HTTP{BaseURL: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			ticks, err := s.Fetch(t.Context())
			if err == nil && len(ticks) != len(a.want) {
				t.Errorf("%s: %d prices of %d, and no error", name, len(ticks), len(a.want))
			}
			seen := map[string]bool{}
			for _, k := range ticks {
				pair := k.Base + "/" + k.Quote
				if k.Validate() != nil || k.Source != name || k.At.IsZero() || seen[pair] {
					t.Errorf("%s tells %+v: %v", name, k, k.Validate())
				}
				seen[pair] = true
			}
		}
	})
}
