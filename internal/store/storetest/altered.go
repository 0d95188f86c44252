package storetest

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/merchant/credential"
	"sluice/internal/merchant/destination"
	"sluice/internal/payout"
	"sluice/internal/payout/recovery"
	"sluice/internal/rail"
	"sluice/internal/store"
	"sluice/internal/withdrawal"
)

// a4 is a small installation with one of everything that decides where money goes.
type a4 struct {
	fixture
	db         *sql.DB
	key        merchant.Key
	credential credential.Credential
	to         destination.Destination
	paid       withdrawal.Withdrawal // to the registered destination, in a dispatch
}

func newA4(t *testing.T, e Engine) *a4 {
	n := start(t, e)
	x := &a4{fixture: fund(n, "m", "100"), db: outside(t, n.url)}
	x.key = do(n, merchant.CreateKey{
		Owner: at(x.merchant), Mode: merchant.Test, Secret: must(merchant.NewSecret(merchant.Test, zeros{})), Scopes: []merchant.Scope{merchant.ReadAccounts},
	})
	x.credential = do(n, credential.Create{Merchant: x.merchant, Dialect: credential.CoinsPaid, Secret: []byte("secret"), Scopes: merchant.MerchantScopes})
	x.to = do(n, destination.Register{
		Merchant: x.merchant, Target: rail.Target{Network: "ethereum", Typed: "0xab", Canonical: "0xAb", Decoded: []byte{0xab}}, Actor: "test",
	})
	c := x.create("paid", "3")
	c.Destination, c.Target = x.to.Seq, rail.Target{}
	w := do(n, c)
	do(n, withdrawal.NewRelease(w.Seq, "test"))
	wallet := do(n, payout.CreateWallet{Network: "ethereum", Address: "0xaa"})
	leased := do(n, payout.Lease{Wallet: wallet.Seq, Owner: "me", For: time.Hour})
	d := do(n, payout.Plan{Wallet: wallet.Seq, Fence: leased.Fence, Network: "ethereum", Items: []payout.Item{
		{Withdrawal: w.Seq, Asset: eth.Code, To: w.Decoded, Amount: w.Receive},
	}})
	x.paid = do(n, withdrawal.NewClaim(w.Seq, d.Seq, wallet.Text(), "test"))
	do(n, account.AddCredit{Merchant: x.merchant, Account: x.account, Asset: eth, Amount: amount("7"), Pending: true})
	n.verify()
	return x
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// alter runs statements of a stranger.
func (x *a4) alter(t *testing.T, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := x.db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// kept keeps all tables as they are until restore puts them back.
func (x *a4) keep(t *testing.T, e Engine) (restore func()) {
	t.Helper()
	tables := slices.DeleteFunc(tablesOf(t, e, x.db), func(table editable) bool {
		return table.name == "schema_version" || strings.HasPrefix(table.name, "kept_")
	})
	for _, table := range tables {
		x.alter(t, "DROP TABLE IF EXISTS kept_"+table.name, "CREATE TABLE kept_"+table.name+" AS SELECT * FROM "+table.name)
	}
	return func() {
		for _, table := range tables {
			x.alter(t, "DELETE FROM "+table.name, "INSERT INTO "+table.name+" SELECT * FROM kept_"+table.name)
		}
	}
}

// finds requires that Verify names every one of the differences given as "check where".
func (x *a4) finds(t *testing.T, opt store.VerifyOptions, want ...string) {
	t.Helper()
	r, err := x.DB.VerifyWith(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, s := range r.Shards {
		for _, d := range s.Differences {
			have = append(have, d.Check+" "+d.Where)
		}
	}
	for _, w := range want {
		if !slices.ContainsFunc(have, func(h string) bool { return strings.HasPrefix(h, w) }) {
			t.Errorf("want %q, have %q", w, have)
		}
	}
	if len(want) == 0 && !r.OK() {
		t.Errorf("want nothing, have %q", have)
	}
}

// testA4Edits is a table of edits of somebody who can write the database and wants to
// be paid. Each one is found, and named as far as that can be.
func testA4Edits(t *testing.T, e Engine) {
	x := newA4(t, e)
	restore := x.keep(t, e)
	paid := x.paid
	for _, c := range []struct {
		name  string
		alter []string
		want  []string
	}{
		{
			"the destination of a withdrawal",
			[]string{"UPDATE withdrawal SET canonical = '0xEe' WHERE foreign_id = 'paid'"},
			[]string{"chain_rows withdrawal", "record_mark " + at(paid.Seq).Text(id.Withdrawal), "withdrawal_equals_destination " + at(paid.Seq).Text(id.Withdrawal)},
		},
		{
			"its amount",
			[]string{"UPDATE withdrawal SET amount = '1', receive = '1' WHERE foreign_id = 'paid'"},
			[]string{"chain_rows withdrawal", "record_mark " + at(paid.Seq).Text(id.Withdrawal), "item_equals_withdrawal"},
		},
		{"its account", []string{"UPDATE withdrawal SET account = account - 1 WHERE foreign_id = 'paid'"}, []string{"chain_rows withdrawal", "record_mark " + at(paid.Seq).Text(id.Withdrawal)}},
		{"its end", []string{"UPDATE withdrawal SET txid = '0x1' WHERE foreign_id = 'paid'"}, []string{"chain_rows withdrawal"}},
		{"a mark", []string{"UPDATE withdrawal SET mark = mark || mark WHERE foreign_id = 'paid'"}, []string{"chain_rows withdrawal"}},
		{"a withdrawal is gone", []string{"DELETE FROM withdrawal"}, []string{"chain_rows withdrawal", "item_equals_withdrawal"}},
		{"what a dispatch pays", []string{"UPDATE dispatch_item SET amount = '9'"}, []string{"chain_rows dispatch_item", "item_equals_withdrawal"}},
		{"whom a dispatch pays", []string{"UPDATE dispatch_item SET recipient = (SELECT hash FROM api_key LIMIT 1)"}, []string{"chain_rows dispatch_item", "item_equals_withdrawal"}},
		{"an item is gone", []string{"DELETE FROM dispatch_item"}, []string{"chain_rows dispatch_item"}},
		{
			"a registered destination",
			[]string{"UPDATE destination SET canonical = '0xEe'"},
			[]string{"chain_rows destination", "record_mark " + at(x.to.Seq).Text(id.Destination), "withdrawal_equals_destination"},
		},
		{"a key for more", []string{"UPDATE api_key SET scopes = 'operator'"}, []string{"chain_rows api_key", "record_mark " + at(x.key.Seq).Text(id.Key)}},
		{"a key of his own", []string{"INSERT INTO api_key (shard, seq, owner_shard, owner, mode, name, hash, prefix, last4, scopes, created_at, expires_at, revoked_at, version, mark) " +
			"SELECT shard, seq + 1, owner_shard, owner, mode, name, substr(hash, 2), prefix, last4, scopes, created_at, expires_at, revoked_at, version, mark FROM api_key"}, []string{"chain_rows api_key", "record_mark key_"}},
		{"a credential", []string{"UPDATE credential SET public_key = 'x'"}, []string{"chain_rows credential", "record_mark " + at(x.credential.Seq).Text(id.Credential)}},
		{"a credit from nowhere", []string{
			"UPDATE credit SET amount = '99000000000000000000'", "UPDATE transfer SET amount = '99000000000000000000' WHERE kind = 'credit'",
		}, []string{"chain_rows credit", "chain_log transfer"}},
		{"a credit without its transfer", []string{"UPDATE credit SET amount = '5' WHERE state = 'pending'"}, []string{"chain_rows credit", "credit_equals_transfers"}},
		{"a credit that nobody made", []string{"DELETE FROM credit WHERE state = 'pending'"}, []string{"chain_rows credit", "credit_equals_transfers"}},
		{"a balance with its transfers", []string{"UPDATE balance SET version = version + 1"}, []string{"chain_rows balance"}},
		{"an event", []string{"UPDATE event SET actor = 'somebody' WHERE type = '" + string(event.WithdrawalCreated) + "'"}, []string{"chain_log event"}},
		{"the last event", []string{"DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)"}, []string{"chain_log event", "event_sequence"}},
		{"an event between", []string{"DELETE FROM event WHERE seq = (SELECT min(seq) FROM event)"}, []string{"chain_log event", "event_sequence"}},
		{"how long one can cancel", []string{"UPDATE merchant SET cancel_window_ns = 0, version = version + 1"}, []string{"chain_rows merchant"}},
		{"the head of the chain", []string{"UPDATE shard SET last_event = last_event - 1 WHERE number = 0"}, []string{"chain_state shard"}},
		{"the chain is gone", []string{"UPDATE shard SET chain = ''"}, []string{"chain_state shard"}},
		{"an unreadable amount", []string{"UPDATE event SET available = '07'"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if e.Name == "sqlite" {
				c.alter = slices.Clone(c.alter)
				for i := range c.alter {
					c.alter[i] = strings.NewReplacer("SET chain = ''", "SET chain = x''", "mark || mark", "CAST(mark || mark AS BLOB)").Replace(c.alter[i])
				}
			} else if c.want == nil {
				return // PostgreSQL keeps amounts as numbers
			}
			if c.want == nil {
				c.want = []string{"row_readable event"}
			}
			x.alter(t, c.alter...)
			x.finds(t, store.VerifyOptions{}, c.want...)
			restore()
			x.finds(t, store.VerifyOptions{})
		})
	}
}

// testA4Refused: what another hand wrote is not believed, long before Verify runs.
func testA4Refused(t *testing.T, e Engine) {
	x := newA4(t, e)
	restore := x.keep(t, e)
	ctx := t.Context()
	to := x.create("later", "1")
	to.Destination, to.Target = x.to.Seq, rail.Target{}
	for _, c := range []struct {
		name, alter string
		try         func() error
	}{
		{"a key", "UPDATE api_key SET scopes = 'operator'", func() error { _, _, err := x.DB.KeyByHash(ctx, x.key.Hash); return err }},
		{"a key that was revoked", "UPDATE api_key SET expires_at = 4102444800000000", func() error { _, _, err := x.DB.KeyByHash(ctx, x.key.Hash); return err }},
		{"a credential", "UPDATE credential SET scopes = 'all'", func() error { _, _, err := x.DB.Credential(ctx, at(x.credential.Seq)); return err }},
		{"a credential that is changed", "UPDATE credential SET scopes = 'all'", func() error {
			_, err := commit.Do(ctx, x.Loop, 0, credential.NewConfigure(x.merchant, x.credential.Seq, nil))
			return err
		}},
		{"a destination", "UPDATE destination SET canonical = '0xEe'", func() error { _, err := commit.Do(ctx, x.Loop, 0, to); return err }},
		{"a destination that is deleted", "UPDATE destination SET canonical = '0xEe'", func() error {
			_, err := commit.Do(ctx, x.Loop, 0, destination.Delete{Merchant: x.merchant, Destination: x.to.Seq})
			return err
		}},
		{"a withdrawal that is claimed", "UPDATE withdrawal SET canonical = '0xEe', state = 'queued', dispatch = 0", func() error {
			_, err := commit.Do(ctx, x.Loop, 0, withdrawal.NewClaim(x.paid.Seq, 99, "wal_1", "test"))
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x.alter(t, c.alter)
			if err := c.try(); fault.CodeOf(err) != "record_altered" || !strings.Contains(err.Error(), "sluice verify") {
				t.Errorf("%v, want record_altered", err)
			}
			restore()
			if fault.CodeOf(c.try()) == "record_altered" {
				t.Error("it is as it was, and refused")
			}
			restore()
		})
	}
	x.halts = true
	x.alter(t, "UPDATE shard SET last_seq = last_seq + 1 WHERE number = 0")
	if _, err := commit.Do(ctx, x.Loop, 0, to); fault.CodeOf(err) != "halted" {
		t.Errorf("over a changed shard: %v, want halted", err)
	}
}

// testA4Looking: whether a shard only looks is what the program wrote, or it is found; one that another
// hand opened writes nothing.
func testA4Looking(t *testing.T, e Engine) {
	x := newA4(t, e)
	for _, on := range []bool{true, false} {
		x.alter(t, fmt.Sprintf("UPDATE shard SET looking = %s WHERE number = 0", boolean(e, on)))
		x.finds(t, store.VerifyOptions{Chain: true}, "chain_state shard")
		x.alter(t, fmt.Sprintf("UPDATE shard SET looking = %s WHERE number = 0", boolean(e, !on)))
		x.finds(t, store.VerifyOptions{Chain: true})
		if !on {
			break
		}
		do(x.node, recovery.Look{Reason: "restored", Actor: "test"})
		x.finds(t, store.VerifyOptions{Chain: true})
	}
	x.halts = true
	x.alter(t, fmt.Sprintf("UPDATE shard SET looking = %s WHERE number = 0", boolean(e, false)))
	if _, err := commit.Do(t.Context(), x.Loop, 0, x.create("opened by another hand", "1")); !errors.Is(err, commit.ErrInvariant) {
		t.Errorf("%v, want a broken invariant", err)
	}
}

// boolean writes a truth value as an engine has it.
func boolean(e Engine, on bool) string {
	switch {
	case e.Name != "sqlite":
		return fmt.Sprint(on)
	case on:
		return "1"
	}
	return "0"
}
