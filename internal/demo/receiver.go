package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"sluice/internal/webhook"
)

// message is a webhook that arrived and whose signatures hold.
type message struct {
	ID   string          `json:"-"`
	Type string          `json:"type"`
	At   time.Time       `json:"timestamp"`
	Data json.RawMessage `json:"data"`

	about string // id of its object; for a balance that of the account
}

// receiver is a merchant's end of webhooks: it takes nothing that is not signed by
// both keys of its endpoint, and acts once on a message that comes twice.
type receiver struct {
	base   string // address of the receiver
	url    string // where native messages go
	calls  callbacks
	server *http.Server
	ended  chan error

	keyed  chan struct{} // closed when the keys are known
	shared *webhook.Verifier
	public *webhook.Verifier
	memory webhook.Memory

	mu      sync.Mutex
	got     []message
	repeats int
	refused []string      // why messages were turned away
	more    chan struct{} // closed when something came, and replaced
}

// messageMax bounds the body of a webhook.
const messageMax = 1 << 20

func newReceiver(ctx context.Context) (*receiver, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for webhooks: %w", err)
	}
	r := &receiver{
		base: "http://" + l.Addr().String(), url: "http://" + l.Addr().String() + "/webhooks", ended: make(chan error, 1), keyed: make(chan struct{}), more: make(chan struct{}),
		memory: webhook.Memory{Life: 24 * time.Hour},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/webhooks", r.receive)
	mux.HandleFunc(callbackPath, r.calls.receive)
	r.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { r.ended <- r.server.Serve(l) }()
	return r, nil
}

// keys tells the receiver what its endpoint was made with. Messages that came
// before wait for it.
func (r *receiver) keys(secret, public string) (err error) {
	if r.shared, err = webhook.NewVerifier(secret); err != nil {
		return err
	}
	if r.public, err = webhook.NewVerifier(public); err != nil {
		return err
	}
	close(r.keyed)
	return nil
}

func (r *receiver) receive(w http.ResponseWriter, req *http.Request) {
	m, err := r.read(req)
	if errors.Is(err, webhook.ErrSeen) {
		r.mu.Lock()
		r.repeats++
		r.mu.Unlock()
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.refused = append(r.refused, err.Error())
		http.Error(w, err.Error(), http.StatusBadRequest)
	} else {
		r.got = append(r.got, m)
	}
	close(r.more)
	r.more = make(chan struct{})
}

// read takes a message in and believes nothing of it before both signatures hold:
// v1 with the shared secret, and v1a with the public key.
func (r *receiver) read(req *http.Request) (message, error) {
	body, err := io.ReadAll(io.LimitReader(req.Body, messageMax))
	if err != nil {
		return message{}, err
	}
	select {
	case <-r.keyed:
	case <-req.Context().Done():
		return message{}, req.Context().Err()
	}
	if err := r.shared.Verify(req.Header.Get, body, time.Now()); err != nil {
		return message{}, fmt.Errorf("signature v1: %w", err)
	}
	if err := r.public.Verify(req.Header.Get, body, time.Now()); err != nil {
		return message{}, fmt.Errorf("signature v1a: %w", err)
	}
	m := message{ID: req.Header.Get(webhook.HeaderID)}
	if err := json.Unmarshal(body, &m); err != nil {
		return message{}, fmt.Errorf("message %s: %w", m.ID, err)
	}
	var d struct{ ID, Account, Object string }
	_ = json.Unmarshal(m.Data, &d) // it is JSON; a foreign form is about nothing
	if m.about = d.ID; d.Object == "balance" {
		m.about = d.Account
	}
	return m, r.memory.Once(m.ID, time.Now())
}

// since gives the messages from a place on, and a channel that is closed when
// there are more.
func (r *receiver) since(n int) ([]message, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got[n:len(r.got):len(r.got)], r.more
}

// faults is what was turned away.
func (r *receiver) faults() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.refused...)
}

func (r *receiver) close() error {
	err := r.server.Close()
	if ended := <-r.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
