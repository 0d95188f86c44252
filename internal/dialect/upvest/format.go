package upvest

import (
	"bytes"
	"cmp"
	"context"
	"strings"
	"time"

	"sluice/internal/dialect/upvest/customer"
	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal"
)

// format is how webhooks of this wire are told: packages of events.
type format struct{ *Dialect }

var (
	_ webhook.Packager = format{}
	_ webhook.Varying  = format{}
)

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
	teller
	ctx         context.Context //nolint:containedctx // of one call
	endpoint    webhook.Endpoint
	options     options
	withdrawals map[id.Seq]withdrawal.Withdrawal
	groups      map[id.Seq]*customer.Group // nil: the account is no group
}

// Render implements webhook.Format: of each message its events, joined by commas.
func (f format) Render(ctx context.Context, shard id.Shard, e webhook.Endpoint, messages []webhook.Message) ([]webhook.Outgoing, error) {
	now, err := f.Setting(ctx, shard, e)
	if err != nil {
		return nil, err
	}
	t := &telling{
		format: f, teller: teller{assets: f.Assets(), shard: shard}, ctx: ctx, endpoint: e,
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
		t.options = optionsOf(webhook.Endpoint{Options: cmp.Or(m.Setting, now)})
		t.stays = t.options.Stays
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

// groupOf finds the account group that an account is; nil for none.
func (t *telling) groupOf(account id.Seq) (*customer.Group, error) {
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

// Setting implements webhook.Varying: the options of the endpoint, and of the newest live
// credential what concerns webhooks.
func (f format) Setting(ctx context.Context, shard id.Shard, e webhook.Endpoint) (string, error) {
	o := optionsOf(e)
	newest, err := f.keys.Newest(ctx, id.ID{Shard: shard, Seq: e.Merchant})
	if err != nil {
		return "", err
	}
	o.Stays = newest != nil && stays(newest.Credential)
	text, err := encode(o)
	return string(text), err
}

// told makes an event, if the webhook is for its category. A message that tells of more
// than one thing numbers them by n.
func (t *telling) told(out []eventBody, m webhook.Message, n int, category, what string, object any) []eventBody {
	if !t.options.wants(category) {
		return out
	}
	kind := []id.Kind{id.Event, "ev2", "ev3"}[n]
	return append(out, eventBody{
		ID: t.uuid(kind, id.Seq(m.Event.Seq+m.Sub)), CreatedAt: stamp(m.Event.At), Type: category + "." + what, Object: object,
		Webhook: t.uuid(id.Endpoint, t.endpoint.Seq),
	})
}

// writers write the events of messages by type; those of withdrawals are left out.
var writers = map[event.Type]func(*telling, webhook.Message) ([]eventBody, error){
	event.EndpointTested: (*telling).tested, event.BalanceUpdated: (*telling).balances, event.AccountOpened: (*telling).opened,
	event.AccountClosed: (*telling).closed, event.CreditCreated: (*telling).credits, event.CreditSettled: (*telling).credits,
	event.CreditTakenBack: (*telling).credits,
}

// events returns what a message says on this wire.
func (t *telling) events(m webhook.Message) ([]eventBody, error) {
	if write, ok := writers[m.Type()]; ok {
		return write(t, m)
	}
	if w, ok := t.withdrawals[m.Event.Subject]; ok && m.Sub == 0 {
		return t.withdrawalTold(m, w)
	}
	return nil, nil
}

func (t *telling) tested(m webhook.Message) ([]eventBody, error) {
	return []eventBody{{
		ID: t.uuid(id.Event, id.Seq(m.Event.Seq)), CreatedAt: stamp(m.Event.At), Type: "TEST", Object: struct{}{}, Webhook: t.uuid(id.Endpoint, t.endpoint.Seq),
	}}, nil
}

// opened tells of a user, an account group or an account that was made.
func (t *telling) opened(m webhook.Message) ([]eventBody, error) {
	made := func(category string, body any) []eventBody {
		return t.told(t.told(nil, m, 0, category, "CREATED", body), m, 1, category, "ACTIVATED", body)
	}
	g, err := t.groupOf(m.Event.Subject)
	if err != nil {
		return nil, err
	}
	if g != nil {
		return made("ACCOUNT_GROUP", t.group(g.AsCreated())), nil
	}
	at := id.ID{Shard: t.shard, Seq: m.Event.Subject}
	if a, found, err := t.Reads.CustomerTradingAccount(t.ctx, at); found || err != nil {
		return made("ACCOUNT", t.account(a.AsCreated())), err
	}
	u, found, err := t.Reads.CustomerUser(t.ctx, at)
	if !found || err != nil {
		return nil, err
	}
	b, err := t.userBody(t.teller, u.AsCreated())
	return made("USER", b), err
}

// closed tells of one that was ended.
func (t *telling) closed(m webhook.Message) ([]eventBody, error) {
	g, err := t.groupOf(m.Event.Subject)
	if err != nil {
		return nil, err
	}
	if g != nil {
		b := t.group(*g)
		return t.told(t.told(nil, m, 0, "ACCOUNT_GROUP", "CLOSING_INITIATED", b), m, 1, "ACCOUNT_GROUP", statusClosed, b), nil
	}
	at := id.ID{Shard: t.shard, Seq: m.Event.Subject}
	if a, found, err := t.Reads.CustomerTradingAccount(t.ctx, at); found || err != nil {
		return t.told(nil, m, 0, "ACCOUNT", statusClosed, t.account(a)), err
	}
	u, found, err := t.Reads.CustomerUser(t.ctx, at)
	if !found || err != nil {
		return nil, err
	}
	b, err := t.userBody(t.teller, u)
	return t.told(t.told(nil, m, 0, "USER", "OFFBOARDING_INITIATED", b), m, 1, "USER", "OFFBOARDED", b), err
}

func (t *telling) balances(m webhook.Message) ([]eventBody, error) {
	e := m.Event
	g, err := t.groupOf(e.Account)
	if g == nil || err != nil || !t.banked(e.Currency) {
		return nil, err
	}
	return t.told(nil, m, 0, "CASH_BALANCE", "UPDATED", t.balance(ledger.Balance{
		BalanceKey: ledger.BalanceKey{Account: e.Account, Currency: e.Currency}, Available: e.Available, Pending: e.Pending, Locked: e.Locked,
		Reserved: e.Reserved, Tradable: e.Tradable,
	})), nil
}

func (t *telling) credits(m webhook.Message) ([]eventBody, error) {
	g, err := t.groupOf(m.Event.Account)
	if g == nil || err != nil || m.Event.Currency != "" && !t.banked(m.Event.Currency) {
		return nil, err
	}
	cr, found, err := t.Reads.Credit(t.ctx, id.ID{Shard: t.shard, Seq: m.Event.Subject})
	if err != nil || !found {
		return nil, err
	}
	typ := m.Event.Type
	if typ == event.CreditTakenBack {
		return t.told(t.told(nil, m, 0, "CASH_TRANSACTION", "EXECUTED", t.takeBack(cr)), m, 1, "TOPUP", statusCancelled, t.topUp(cr)), nil
	}
	if typ == event.CreditCreated {
		cr = cr.AsCreated()
	} else if cr.Kind == account.KindSale {
		return nil, nil // sent when it was made
	}
	var out []eventBody
	if b, ok := t.credit(cr); ok {
		out = t.told(out, m, 0, "CASH_TRANSACTION", "EXECUTED", b)
	}
	if cr.Reference == topUpMark {
		out = t.told(out, m, 1, "TOPUP", statusConfirmed, t.topUp(cr.AsCreated()))
	}
	return out, nil
}

// words are the events of a withdrawal.
var words = map[event.Type]string{
	event.WithdrawalCreated: statusNew, event.WithdrawalProcessing: statusProcessing, event.WithdrawalConfirmed: statusConfirmed,
	event.WithdrawalCancelled: statusCancelled, event.WithdrawalRejected: statusCancelled, event.WithdrawalFailed: statusCancelled,
	event.WithdrawalReturned: statusCancelled,
}

func (t *telling) withdrawalTold(m webhook.Message, w withdrawal.Withdrawal) ([]eventBody, error) {
	word, ok := words[m.Event.Type]
	if !ok || !expressible(w) {
		return nil, nil
	}
	g, err := t.groupOf(w.Account)
	if g == nil || err != nil {
		return nil, err
	}
	then, err := w.At(m.Event)
	if err != nil {
		return nil, err
	}
	b, err := t.withdrawal(then, g.User)
	if err != nil {
		return nil, err
	}
	if m.Event.Type == event.WithdrawalReturned {
		return t.returned(m, w, b)
	}
	out := t.told(nil, m, 0, typeWithdrawal, word, b)
	if word == statusConfirmed {
		out = t.told(out, m, 1, "CASH_TRANSACTION", "EXECUTED", t.payout(then, m.Event.At))
	}
	return out, nil
}

// returned tells of money that came back from a bank: the withdrawal is cancelled, unless
// the client wants it to stay confirmed, and the money is booked.
func (t *telling) returned(m webhook.Message, w withdrawal.Withdrawal, b withdrawalBody) (out []eventBody, err error) {
	transfers, err := t.Reads.TransfersOf(t.ctx, id.ID{Shard: t.shard, Seq: w.Seq})
	if err != nil {
		return nil, err
	}
	if !t.stays {
		out = t.told(out, m, 1, typeWithdrawal, statusCancelled, b)
	}
	for _, x := range transfers {
		if x.Kind == ledger.KindReturn && x.At.Equal(m.Event.At) {
			return t.told(out, m, 0, "CASH_TRANSACTION", "EXECUTED", t.giveBack(w, x)), nil
		}
	}
	return out, nil
}
