package coinspaid

import (
	"context"
	"errors"
	"time"

	"sluice/internal/id"
	"sluice/internal/webhook"
)

// format is how CoinsPaid endpoints are told.
type format struct{ *Dialect }

// Render implements webhook.Format.
func (f format) Render(_ context.Context, _ id.Shard, _ webhook.Endpoint, messages []webhook.Message) ([]webhook.Outgoing, error) {
	return make([]webhook.Outgoing, len(messages)), nil
}

// signing are the key and secret of a credential.
type signing struct {
	key    string
	secret []byte
}

// keysFor bounds how long a secret is used for callbacks after another credential became the newest.
const keysFor = 10 * time.Second

// Keys implements webhook.Format: the newest live credential of the merchant signs.
func (f format) Keys(ctx context.Context, shard id.Shard, e webhook.Endpoint, at time.Time) (webhook.Keys, time.Time, error) {
	p, err := f.keys.Newest(ctx, id.ID{Shard: shard, Seq: e.Merchant})
	switch {
	case err != nil:
		return nil, time.Time{}, err
	case p == nil:
		return nil, time.Time{}, errors.New("the merchant has no live credential of this dialect to sign with")
	}
	return signing{p.Key(), p.Secret}, at.Add(keysFor), nil
}

// Headers implements webhook.Keys.
func (s signing) Headers(m webhook.Signed) ([]webhook.Header, error) {
	return []webhook.Header{{Name: headerKey, Value: s.key}, {Name: headerSignature, Value: Sign(s.secret, m.Body)}}, nil
}

// Missing implements webhook.Format: 200 alone acknowledges.
func (format) Missing(status int64, _ []byte) string {
	if status != 200 {
		return "only 200 acknowledges a callback of this format"
	}
	return ""
}

// retries are the waits before each attempt.
func minutes(m ...int) []time.Duration {
	out := []time.Duration{0}
	for _, n := range m {
		out = append(out, time.Duration(n)*time.Minute)
	}
	return out
}

var retries = minutes(1, 5, 15, 30, 60, 90, 120, 180, 240, 240, 240, 240)

// Retry implements webhook.Format.
func (format) Retry() webhook.Retry { return webhook.Retry{Waits: retries} }
