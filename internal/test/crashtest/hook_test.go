package crashtest_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/webhook"
)

// hook is the merchant's end of webhooks: it notes which messages came.
type hook struct {
	url string
	id  string // of the endpoint

	mu   sync.Mutex
	busy bool           // the first message is turned away, so that it is sent again
	came map[string]int // by message id
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{busy: true, came: map[string]int{}}
	h.url = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // a body that ends early is the sender's to repeat
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.busy {
			h.busy = false
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		h.came[r.Header.Get(webhook.HeaderID)]++
	}))
	return h
}

func (h *hook) has(message string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.came[message] > 0
}

// register makes the endpoint.
func (h *hook) register(ctx context.Context, loop *commit.Loop, owner id.ID) (string, error) {
	secret, err := webhook.NewSecret(rand.Reader)
	if err != nil {
		return "", err
	}
	key, err := webhook.NewSigningKey(rand.Reader)
	if err != nil {
		return "", err
	}
	e, err := commit.Do(ctx, loop, owner.Shard, webhook.CreateEndpoint{
		Merchant: owner.Seq, URL: h.url, Types: []string{"*"}, Secret: secret, SigningKey: key, AllowHTTP: true,
	})
	return id.ID{Shard: owner.Shard, Seq: e.Seq}.Text(id.Endpoint), err
}

// told holds what came against the log of events: no message is lost. What the
// process held that was killed is still claimed for a while; it is there to be sent
// when the claim ends, and nothing else is missing.
func (s *site) told(base string) {
	s.t.Helper()
	var events, deliveries struct {
		Data []struct {
			ID    string `json:"id"`
			Type  string `json:"type"`
			Event string `json:"event"`
			State string `json:"state"`
		} `json:"data"`
	}
	s.list(base, "/v1/events?limit=100", &events)
	eventually(s.t, "every event has come, or is claimed by the process that was killed", func() bool {
		s.list(base, "/v1/webhook_endpoints/"+s.hook.id+"/deliveries?limit=100", &deliveries)
		state := map[string]string{}
		for _, d := range deliveries.Data {
			state[d.Event] = d.State
		}
		for _, e := range events.Data {
			switch state[e.ID] {
			case "delivered":
				if !s.hook.has(e.ID) {
					s.t.Errorf("%s %s is said to be delivered and never came", e.Type, e.ID)
				}
			case "pending": // claimed by the process that was killed, or to be sent again
			default:
				return false
			}
		}
		return true
	})
}

func (s *site) list(base, path string, into any) {
	s.t.Helper()
	status, answer, err := s.call(base, http.MethodGet, path, nil)
	must(s.t, err)
	if status != http.StatusOK {
		s.t.Fatalf("%s: %d %v", path, status, answer)
	}
	text, err := json.Marshal(answer)
	must(s.t, err)
	must(s.t, json.Unmarshal(text, into))
}
