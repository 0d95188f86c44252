package tylt

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"sluice/internal/dialect"
	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/merchant/credential"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal"
)

// format is how Tylt endpoints are told.
type format struct{ *Dialect }

// once is the schedule without a retry.
var once = &webhook.Retry{Waits: []time.Duration{0}}

// The settings of Tylt endpoints: one without a URL tells of payouts that bring theirs,
// one with a URL of the others.
const (
	tellsOwn    = "payouts with a URL of their own"
	tellsOthers = "payouts without a URL"
)

// Setting implements webhook.Varying.
func (format) Setting(_ context.Context, _ id.Shard, e webhook.Endpoint) (string, error) {
	if e.URL == "" {
		return tellsOwn, nil
	}
	return tellsOthers, nil
}

// Render implements webhook.Format.
func (f format) Render(ctx context.Context, shard id.Shard, e webhook.Endpoint, messages []webhook.Message) ([]webhook.Outgoing, error) {
	newest, err := f.keys.Newest(ctx, id.ID{Shard: shard, Seq: e.Merchant})
	if err != nil {
		return nil, err
	}
	of := credential.Credential{Dialect: Name}
	if newest != nil {
		of = newest.Credential
	}
	rows, err := f.rows(ctx, shard, messages)
	if err != nil {
		return nil, err
	}
	now, err := f.Setting(ctx, shard, e)
	if err != nil {
		return nil, err
	}
	out := make([]webhook.Outgoing, len(messages))
	for n, m := range messages {
		x, found := rows[m.Event.Subject]
		if !found || !hasCallback(m) || f.symbol(x.Network) == "" {
			continue
		}
		own := kept(x)
		if setting := cmp.Or(m.Setting, now); (own[keptCallback] != "") != (setting == tellsOwn) {
			continue
		}
		if out[n].Body, err = f.callback(of, shard, x, m); err != nil {
			return nil, err
		}
		out[n].URL, out[n].Key = own[keptCallback], own[keptKey]
		if of.Option("retries") == "off" {
			out[n].Retry = once
		}
	}
	return out, nil
}

// hasCallback says whether the wire has a callback for a message.
func hasCallback(m webhook.Message) bool {
	switch m.Type() { //nolint:exhaustive // the others are not told of
	case event.WithdrawalConfirmed, event.WithdrawalFailed, event.WithdrawalCancelled, event.WithdrawalRejected:
		return true
	}
	return false
}

// rows reads the withdrawals that messages are about.
func (f format) rows(ctx context.Context, shard id.Shard, messages []webhook.Message) (map[id.Seq]withdrawal.Withdrawal, error) {
	var seqs []id.Seq
	for _, m := range messages {
		if hasCallback(m) {
			seqs = append(seqs, m.Event.Subject)
		}
	}
	out := map[id.Seq]withdrawal.Withdrawal{}
	if len(seqs) == 0 {
		return out, nil
	}
	slices.Sort(seqs)
	got, err := f.Reads.WithdrawalsAt(ctx, shard, slices.Compact(seqs))
	if err != nil {
		return nil, dialect.Unavailable(err)
	}
	for _, x := range got {
		out[x.Seq] = x
	}
	return out, nil
}

// callback is the body for a message.
func (f format) callback(of credential.Credential, shard id.Shard, x withdrawal.Withdrawal, m webhook.Message) ([]byte, error) {
	then, err := x.At(m.Event)
	if err != nil {
		return nil, err
	}
	w := &writer{}
	w.Open().Key("data")
	if err := f.payout(w, of, shard, then); err != nil {
		return nil, err
	}
	w.flag("isFinal", then.State.Final())
	w.flag("isDebited", then.State == withdrawal.Confirmed)
	w.Close().Text("type", "pay-out").Close()
	return w.Bytes(), nil
}

// keysFor bounds how long a secret is used for callbacks after another credential became the newest.
const keysFor = 10 * time.Second

// signing are the keys of one merchant.
type signing struct {
	format
	newest *dialect.Party
}

// Keys implements webhook.Format.
func (f format) Keys(ctx context.Context, shard id.Shard, e webhook.Endpoint, at time.Time) (webhook.Keys, time.Time, error) {
	p, err := f.keys.Newest(ctx, id.ID{Shard: shard, Seq: e.Merchant})
	switch {
	case err != nil:
		return nil, time.Time{}, err
	case p == nil:
		return nil, time.Time{}, errors.New("the merchant has no live credential of this dialect to sign with")
	}
	return signing{f, p}, at.Add(keysFor), nil
}

// Headers implements webhook.Keys: the key that made the payout signs, or the newest
// one where that was revoked or there is none.
func (s signing) Headers(m webhook.Signed) ([]webhook.Header, error) {
	who := s.newest
	if m.Key != "" {
		switch p, err := s.keys.Find(context.Background(), m.Key); {
		case err == nil && p.Merchant == who.Merchant:
			who = p
		case err != nil && !errors.Is(err, dialect.ErrUnknownKey):
			return nil, err
		}
	}
	return []webhook.Header{{Name: headerSignature, Value: Sign(who.Secret, m.Body)}}, nil
}

// Missing implements webhook.Format: 200 with the text ok acknowledges.
func (format) Missing(status int64, body []byte) string {
	if status != 200 {
		return "only 200 acknowledges a callback of this format"
	}
	if !strings.EqualFold(string(bytes.TrimSpace(body)), "ok") {
		return "a callback of this format is acknowledged by the text ok"
	}
	return ""
}

// Retry implements webhook.Format: the schedule of the native format.
func (format) Retry() webhook.Retry { return webhook.Retry{} }
