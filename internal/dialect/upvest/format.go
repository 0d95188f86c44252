package upvest

import (
	"bytes"
	"cmp"
	"context"
	"strings"
	"time"

	"sluice/internal/credential"
	"sluice/internal/customer"
	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/money"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal"
)

// format is how webhooks of this wire are told: packages of events.
type format struct{ *Dialect }

var _ webhook.Packager = format{}

// eventBody is one event of a package.
type eventBody struct {
	ID        string `json:"id"`
	CreatedAt string `json:"created_at"`
	Type      string `json:"type"`
	Object    any    `json:"object"`
	Webhook   string `json:"webhook_id"`
}

// telling is what Render works with.
type telling struct {
	format
	ctx         context.Context //nolint:containedctx // of one call
	shard       id.Shard
	endpoint    webhook.Endpoint
	euro        money.Asset
	withdrawals map[id.Seq]withdrawal.Withdrawal
	groups      map[id.Seq]*customer.Group // nil: the account is no group
}

// Render implements webhook.Format: of each message its events, joined by commas.
func (f format) Render(ctx context.Context, shard id.Shard, e webhook.Endpoint, messages []webhook.Message) ([]webhook.Outgoing, error) {
	t := &telling{
		format: f, ctx: ctx, shard: shard, endpoint: e, euro: f.Assets()[currency],
		withdrawals: map[id.Seq]withdrawal.Withdrawal{}, groups: map[id.Seq]*customer.Group{},
	}
	var seqs []id.Seq
	for _, m := range messages {
		if strings.HasPrefix(string(m.Event.Type), "withdrawal.") {
			seqs = append(seqs, m.Event.Subject)
		}
	}
	rows, err := f.Reads.WithdrawalsAt(ctx, shard, seqs)
	if err != nil {
		return nil, err
	}
	for _, w := range rows {
		t.withdrawals[w.Seq] = w
	}
	out := make([]webhook.Outgoing, len(messages))
	for i, m := range messages {
		events, err := t.events(m)
		if err != nil {
			return nil, err
		}
		if len(events) == 0 {
			continue
		}
		var parts [][]byte
		for _, e := range events {
			b, err := encode(e)
			if err != nil {
				return nil, err
			}
			parts = append(parts, b)
		}
		out[i].Body = bytes.Join(parts, []byte(","))
	}
	return out, nil
}

// Pack implements webhook.Packager.
func (format) Pack(bodies [][]byte) []byte {
	return append(append([]byte(`{"payload":[`), bytes.Join(bodies, []byte(","))...), "]}"...)
}

// Bounds implements webhook.Packager.
func (format) Bounds(e webhook.Endpoint) (wait time.Duration, size int) {
	o := optionsOf(e)
	return o.wait(), o.Config.MaxSize
}

// Keys implements webhook.Format: the installation signs.
func (f format) Keys(ctx context.Context, _ id.Shard, _ webhook.Endpoint, at time.Time) (webhook.Keys, time.Time, error) {
	k, err := f.signer.current(ctx, at)
	return signing{k}, at.Add(keysFor), err
}

// Missing implements webhook.Format: any 2xx acknowledges.
func (format) Missing(int64, []byte) string { return "" }

// Retry implements webhook.Format: longer and longer up to ten minutes, without end, and
// what comes later waits.
func (format) Retry() webhook.Retry { return webhook.Retry{Waits: waits, Forever: true, Blocks: true} }

var waits = func() []time.Duration {
	out := []time.Duration{0}
	for a, b := time.Second, 2*time.Second; a < 600*time.Second; a, b = b, a+b {
		out = append(out, a)
	}
	return append(out, 600*time.Second)
}()

// group finds the account group that an account is; nil for none.
func (t *telling) group(account id.Seq) (*customer.Group, error) {
	if g, known := t.groups[account]; known {
		return g, nil
	}
	g, found, err := t.Reads.CustomerGroup(t.ctx, id.ID{Shard: t.shard, Seq: account})
	if err != nil {
		return nil, err
	}
	t.groups[account] = nil
	if found {
		t.groups[account] = &g
	}
	return t.groups[account], nil
}

// Setting implements webhook.Varying: the options of the endpoint.
func (format) Setting(_ context.Context, _ id.Shard, e webhook.Endpoint) (string, error) {
	return cmp.Or(e.Options, credential.NoOptions), nil
}

// told makes an event, if the webhook is for its category. A message that tells of more
// than one thing numbers them by n.
func (t *telling) told(out []eventBody, m webhook.Message, n int, category, what string, object any) []eventBody {
	if !optionsOf(webhook.Endpoint{Options: cmp.Or(m.Setting, t.endpoint.Options)}).wants(category) {
		return out
	}
	kind := []id.Kind{id.Event, "ev2", "ev3"}[n]
	return append(out, eventBody{
		ID: uuid(kind, id.ID{Shard: t.shard, Seq: id.Seq(m.Event.Seq + m.Sub)}), CreatedAt: stamp(m.Event.At), Type: category + "." + what, Object: object,
		Webhook: uuid(id.Endpoint, id.ID{Shard: t.shard, Seq: t.endpoint.Seq}),
	})
}

// events are what a message tells on this wire.
func (t *telling) events(m webhook.Message) ([]eventBody, error) {
	e := m.Event
	typ := m.Type()
	if typ == event.EndpointTested {
		return []eventBody{{
			ID: uuid(id.Event, id.ID{Shard: t.shard, Seq: id.Seq(e.Seq)}), CreatedAt: stamp(e.At), Type: "TEST", Object: struct{}{},
			Webhook: uuid(id.Endpoint, id.ID{Shard: t.shard, Seq: t.endpoint.Seq}),
		}}, nil
	}
	if typ == event.BalanceUpdated {
		return t.balance(m)
	}
	if typ == event.CreditCreated {
		return t.credit(m)
	}
	if typ == event.AccountOpened {
		g, err := t.group(e.Subject)
		if g == nil || err != nil {
			return nil, err
		}
		b := groupOf(t.shard, g.AsCreated())
		return t.told(t.told(nil, m, 0, "ACCOUNT_GROUP", "CREATED", b), m, 1, "ACCOUNT_GROUP", "ACTIVATED", b), nil
	}
	if w, ok := t.withdrawals[e.Subject]; ok && m.Sub == 0 {
		return t.withdrawal(m, w)
	}
	return nil, nil
}

func (t *telling) balance(m webhook.Message) ([]eventBody, error) {
	e := m.Event
	g, err := t.group(e.Account)
	if g == nil || err != nil || e.Currency != currency {
		return nil, err
	}
	return t.told(nil, m, 0, "CASH_BALANCE", "UPDATED", balanceOf(t.shard, ledger.Balance{
		BalanceKey: ledger.BalanceKey{Account: e.Account, Currency: e.Currency}, Available: e.Available, Pending: e.Pending, Locked: e.Locked, Reserved: e.Reserved,
	}, t.euro)), nil
}

func (t *telling) credit(m webhook.Message) ([]eventBody, error) {
	g, err := t.group(m.Event.Account)
	if g == nil || err != nil || m.Event.Currency != currency {
		return nil, err
	}
	cr, found, err := t.Reads.Credit(t.ctx, id.ID{Shard: t.shard, Seq: m.Event.Subject})
	if err != nil || !found {
		return nil, err
	}
	out := t.told(nil, m, 0, "CASH_TRANSACTION", "EXECUTED", creditOf(t.shard, cr.AsCreated(), t.euro))
	if cr.Reference == topUpMark {
		out = t.told(out, m, 1, "TOPUP", "CONFIRMED", topUpOf(t.shard, cr.AsCreated(), t.Dialect))
	}
	return out, nil
}

// words are the events of a withdrawal.
var words = map[event.Type]string{
	event.WithdrawalCreated: statusNew, event.WithdrawalProcessing: statusProcessing, event.WithdrawalConfirmed: statusConfirmed,
	event.WithdrawalCancelled: statusCancelled, event.WithdrawalRejected: statusCancelled, event.WithdrawalFailed: statusCancelled,
}

func (t *telling) withdrawal(m webhook.Message, w withdrawal.Withdrawal) ([]eventBody, error) {
	if !expressible(w) {
		return nil, nil
	}
	g, err := t.group(w.Account)
	if g == nil || err != nil {
		return nil, err
	}
	if m.Event.Type == event.WithdrawalReturned {
		return t.returned(m, w)
	}
	word, ok := words[m.Event.Type]
	if !ok {
		return nil, nil
	}
	then, err := w.At(m.Event)
	if err != nil {
		return nil, err
	}
	b, err := withdrawalOf(t.shard, then, g.User, t.euro)
	if err != nil {
		return nil, err
	}
	out := t.told(nil, m, 0, "WITHDRAWAL", word, b)
	if word == statusConfirmed {
		out = t.told(out, m, 1, "CASH_TRANSACTION", "EXECUTED", payoutOf(t.shard, then, m.Event.At, t.euro))
	}
	return out, nil
}

// returned tells of money that came back: the withdrawal stays confirmed.
func (t *telling) returned(m webhook.Message, w withdrawal.Withdrawal) ([]eventBody, error) {
	transfers, err := t.Reads.TransfersOf(t.ctx, id.ID{Shard: t.shard, Seq: w.Seq})
	if err != nil {
		return nil, err
	}
	for _, x := range transfers {
		if x.Kind == ledger.KindReturn && x.At.Equal(m.Event.At) {
			return t.told(nil, m, 0, "CASH_TRANSACTION", "EXECUTED", returnOf(t.shard, w, x, t.euro)), nil
		}
	}
	return nil, nil
}
