package deliver

import (
	"context"
	"net"
	"net/http"
	"time"

	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/webhook"
)

// DialWith replaces the dialer, guard included, by pipes inside the process: the
// virtual clock of a test does not run while a socket is waited for.
func (w *Worker) DialWith(dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	if t, ok := w.sender.client.Transport.(*http.Transport); ok {
		t.DialContext = dial
	}
}

// Send makes one attempt as a worker with these options would.
func Send(ctx context.Context, o Options, url string, body []byte, sign *webhook.Signer) (webhook.Attempt, time.Duration) {
	o, err := o.withDefaults()
	if err != nil {
		panic(err)
	}
	s := newSender(o)
	defer s.close()
	return s.send(ctx, message{id: "evt_test", body: body, url: url, keys: sign, missing: webhook.Native(nil, nil).Missing})
}

// Dialable asks the guard about an address.
func Dialable(o Options, network, address string) error {
	o, err := o.withDefaults()
	if err != nil {
		panic(err)
	}
	return newGuard(o).check(network, address)
}

// RenderWith replaces the renderer of a format.
func (w *Worker) RenderWith(format string, r webhook.Renderer) {
	w.formats[format] = webhook.Native(r, nil)
}

// SpeakWith replaces a format.
func (w *Worker) SpeakWith(format string, f webhook.Format) { w.formats[format] = f }

// Lanes is how many lanes of URLs an endpoint has.
func (w *Worker) Lanes(at id.ID) int {
	w.mu.Lock()
	l := w.lanes[at]
	w.mu.Unlock()
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.urls)
}

// LanesKept is how many of them stay although they are idle.
const LanesKept = lanesKept

// PortionMax is how many deliveries one command makes.
const PortionMax = portionMax

// Portion cuts a plan.
func Portion(plan []webhook.NewDelivery, events []event.Event) ([]webhook.NewDelivery, int64) {
	return portion(plan, events)
}
