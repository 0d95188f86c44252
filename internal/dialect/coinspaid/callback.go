package coinspaid

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"sluice/internal/dialect"
	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant/credential"
	"sluice/internal/rail"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal"
)

// format is how CoinsPaid endpoints are told.
type format struct{ *Dialect }

// Render implements webhook.Format.
func (f format) Render(ctx context.Context, shard id.Shard, e webhook.Endpoint, messages []webhook.Message) ([]webhook.Outgoing, error) {
	owner := id.ID{Shard: shard, Seq: e.Merchant}
	now, err := f.Setting(ctx, shard, e)
	if err != nil {
		return nil, err
	}
	rows, err := f.rows(ctx, shard, messages)
	if err != nil {
		return nil, err
	}
	out := make([]webhook.Outgoing, len(messages))
	for n, m := range messages {
		s := shapeOf(credential.Credential{Options: cmp.Or(m.Setting, now)})
		if out[n].Body, err = f.callback(ctx, s, owner, rows, m); err != nil {
			return nil, err
		}
		if s.old {
			out[n].Retry = &oldRetries
		}
	}
	return out, nil
}

// Setting implements webhook.Varying: the options of the newest live credential.
func (f format) Setting(ctx context.Context, shard id.Shard, e webhook.Endpoint) (string, error) {
	p, err := f.keys.Newest(ctx, id.ID{Shard: shard, Seq: e.Merchant})
	if err != nil || p == nil {
		return credential.NoOptions, err
	}
	return cmp.Or(p.Credential.Options, credential.NoOptions), nil
}

// rows reads the withdrawals that messages are about.
func (f format) rows(ctx context.Context, shard id.Shard, messages []webhook.Message) (map[id.Seq]withdrawal.Withdrawal, error) {
	var seqs []id.Seq
	for _, m := range messages {
		if m.Type() != event.ConversionCompleted {
			seqs = append(seqs, m.Event.Subject)
		}
	}
	slices.Sort(seqs)
	got, err := f.Reads.WithdrawalsAt(ctx, shard, slices.Compact(seqs))
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	out := map[id.Seq]withdrawal.Withdrawal{}
	for _, x := range got {
		out[x.Seq] = x
	}
	return out, nil
}

// callback is the body for a message; nil where the wire has none.
func (f format) callback(ctx context.Context, s shape, owner id.ID, rows map[id.Seq]withdrawal.Withdrawal, m webhook.Message) ([]byte, error) {
	if m.Type() == event.ConversionCompleted {
		x, err := account.ConversionOf(m.Event)
		if err != nil {
			return nil, err
		}
		a, err := f.numberOf(ctx, owner, x.Seq, kindExchange)
		if err != nil {
			return nil, err
		}
		return f.conversion(s, x, a), nil
	}
	x, found := rows[m.Event.Subject]
	if !found || m.Sub != 0 || rail.Hidden(x.Canonical) {
		return nil, nil
	}
	then, err := x.At(m.Event)
	if err != nil || !hasCallback(s, m.Type(), then) {
		return nil, err
	}
	a, err := f.numberOf(ctx, owner, x.Seq, kindWithdrawal)
	if err != nil {
		return nil, err
	}
	return f.withdrawal(s, f.payment(then, a), statusOf(then, s.early)), nil
}

// hasCallback says whether the merchant is told of an event.
func hasCallback(s shape, t event.Type, x withdrawal.Withdrawal) bool {
	switch t { //nolint:exhaustive // the others are not told of
	case event.WithdrawalReview, event.WithdrawalCancelled, event.WithdrawalRejected:
		return true
	case event.WithdrawalProcessing:
		return s.progress
	case event.WithdrawalBroadcast:
		return s.early
	case event.WithdrawalConfirmed:
		return !s.early
	case event.WithdrawalFailed:
		return !s.early || x.TxID == "" // it was told to be confirmed already: the wire has no word for that
	}
	return false
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

// minutes are the waits before each attempt, the first of which is made at once.
func minutes(m ...int) []time.Duration {
	out := []time.Duration{0}
	for _, n := range m {
		out = append(out, time.Duration(n)*time.Minute)
	}
	return out
}

var (
	retries    = minutes(1, 5, 15, 30, 60, 90, 120, 180, 240, 240, 240, 240)
	oldRetries = webhook.Retry{Waits: minutes(1, 5, 10, 15, 20, 30, 60, 90, 120, 150, 180, 210, 240)}
)

// Retry implements webhook.Format.
func (format) Retry() webhook.Retry { return webhook.Retry{Waits: retries} }
