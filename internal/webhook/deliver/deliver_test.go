package deliver_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/event"
	"sluice/internal/webhook"
	"sluice/internal/webhook/deliver"
)

func TestMessagesArriveSignedAndAreLogged(t *testing.T) {
	b := open(t)
	r := b.receiver(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "thanks") })
	e := b.endpoint(r.url, "*")
	var seen atomic.Int64
	b.start(deliver.Options{Observe: func(o deliver.Observation) {
		if o.Result == "ok" && o.Status == 200 {
			seen.Add(1)
		}
	}})
	b.happens(event.WithdrawalCreated, 20)
	b.until("20 deliveries", func() bool { return b.states(e)[webhook.Delivered] == 20 })

	public, err := webhook.PublicKey(e.SigningKey)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]received{}
	for _, key := range []string{e.Secret, public} {
		v, err := webhook.NewVerifier(key)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range r.all() {
			if err := v.Verify(m.header.Get, m.body, m.at); err != nil {
				t.Errorf("message %s: %v", m.id(), err)
			}
			ids[m.id()] = m
		}
	}
	if len(ids) != 20 || r.count() != 20 || seen.Load() != 20 {
		t.Errorf("%d messages, %d requests, %d observed, want 20", len(ids), r.count(), seen.Load())
	}
	for _, d := range b.deliveries(e) {
		m, ok := ids[event.MessageID(0, d.Message())]
		if !ok {
			t.Fatalf("delivery %d was marked and never arrived", d.Seq)
		}
		log := b.attempts(d)
		if len(log) != 1 {
			t.Fatalf("%d attempts", len(log))
		}
		a, sum := log[0], sha256.Sum256(m.body)
		if a.Number != 1 || a.Status != 200 || a.ErrorClass != "" || string(a.Body) != "thanks" || "http://"+a.Address != r.url ||
			strconv.FormatInt(a.SignedAt, 10) != m.header.Get(webhook.HeaderTimestamp) || !bytes.Equal(a.SentHash, sum[:]) || a.SentBytes != int64(len(m.body)) {
			t.Errorf("logged %+v", a)
		}
	}
}

// TestFailuresAreRetriedOnSchedule with the real worker, in virtual days.

// TestCase56_HugeAnswer: two gigabytes offered, 64 KiB taken, 4 KiB kept, delivered once.

func TestCase56_HugeAnswer(t *testing.T) {
	b := open(t)
	var sent atomic.Int64
	closed := make(chan struct{})
	r := b.receiver(func(w http.ResponseWriter, _ *http.Request) {
		defer close(closed)
		chunk := bytes.Repeat([]byte("x"), 1<<20)
		for range 2 << 10 {
			n, err := w.Write(chunk)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	e := b.endpoint(r.url, "*")
	b.start(deliver.Options{})
	b.happens(event.WithdrawalCreated, 1)
	b.until("the delivery", func() bool { return b.states(e)[webhook.Delivered] == 1 })
	<-closed
	// What the two sockets buffer is not ours to bound.
	if sent.Load() > 64<<20 {
		t.Errorf("%d bytes were taken", sent.Load())
	}
	if a := b.attempts(b.deliveries(e)[0]); len(a) != 1 || len(a[0].Body) != webhook.MaxStoredBody {
		t.Errorf("%d attempts, %d bytes kept", len(a), len(a[0].Body))
	}
}

// TestCase56_SlowAnswers: one deadline over everything, so neither silence nor a

// byte a second holds a request for longer, and attempts stay bounded.

// TestOneBadEndpointDelaysNobody: hanging, refusing and failing ones stand beside

// healthy ones, with a backlog each, and every healthy one is served while the

// hanging ones still hang.

func TestOneBadEndpointDelaysNobody(t *testing.T) {
	b := open(t)
	release := make(chan struct{})
	var hanging, most atomic.Int64
	hang := b.receiver(func(_ http.ResponseWriter, r *http.Request) {
		if n := hanging.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer hanging.Add(-1)
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	bad := []webhook.Endpoint{
		b.endpoint(hang.url+"/1", "*"), b.endpoint(hang.url+"/2", "*"), b.endpoint("http://127.0.0.1:1/", "*"),
		b.endpoint("http://10.0.0.1/", "*"), b.endpoint(b.receiver(status(500)).url, "*"),
	}
	const events = 100
	b.happens(event.AccountOpened, events) // the bad ones have a backlog before anybody else is there
	w, _ := b.start(deliver.Options{Queue: 64})
	b.until("the hanging ones to hang", func() bool { return hang.count() >= 2 })
	var good []webhook.Endpoint
	for range 20 {
		good = append(good, b.endpoint(b.receiver(nil).url, "withdrawal.created"))
	}
	b.happens(event.WithdrawalCreated, events)
	for _, e := range good {
		b.until("a healthy endpoint", func() bool { return b.states(e)[webhook.Delivered] == events })
	}
	if n := most.Load(); n > 2*4 {
		t.Errorf("hanging endpoints held %d requests at once", n)
	}
	if n := w.Stats().Queued; n > 64+int64(len(bad)+len(good)) {
		t.Errorf("%d held in memory", n)
	}
	for _, e := range bad {
		if n := b.states(e)[webhook.Delivered]; n != 0 {
			t.Errorf("delivered %d to a bad endpoint", n)
		}
	}
}

// TestCase55_OpenBreakerSendsNothing and loses nothing: a dead endpoint costs a

// handful of attempts, and everything arrives when it is back.

// TestDisabledMeansDisabled: pending deliveries are skipped, nothing is sent, and

// a replay after enabling it again brings everything, under the same ids.

// TestReplayKeepsTheMessageID with a new time and a valid signature.

// TestNothingIsLostBetweenSendingAndRecording: a process that claimed, perhaps

// sent, and died without a record leaves a claim that ends by itself.

// TestStopFinishesWhatIsUnderWay and gives back what it has not begun, for the

// next process to send at once.

// TestNewMessagesGoBeforeReplays: an old million does not hold up a new one.

// TestTwoWorkersShareTheWork: nothing twice, nothing left.

func TestTwoWorkersShareTheWork(t *testing.T) {
	b := open(t)
	r := b.receiver(nil)
	e := b.endpoint(r.url, "*")
	b.start(deliver.Options{Poll: 5 * time.Millisecond})
	b.start(deliver.Options{Poll: 5 * time.Millisecond})
	const total = 2000
	for range 20 {
		b.happens(event.WithdrawalCreated, total/20)
	}
	b.until("all deliveries", func() bool { return b.states(e)[webhook.Delivered] == total })
	ids := map[string]int{}
	for _, m := range r.all() {
		ids[m.id()]++
	}
	if len(ids) != total || r.count() != total {
		t.Errorf("%d messages in %d requests, want %d", len(ids), r.count(), total)
	}
}

// TestKeysOfARotationSignAtOnce, without a restart.
