package storetest

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/commit"
	"sluice/internal/merchant"
	"sluice/internal/store"
	"sluice/internal/store/chain"
	"sluice/internal/withdrawal"
)

// testA4Anchors: what was written down outside the database finds an end that was cut
// off, and a history that was written anew by the program itself.
func testA4Anchors(t *testing.T, e Engine) {
	x := newA4(t, e)
	ctx := t.Context()
	anchors := func() []chain.Anchor {
		t.Helper()
		all, err := x.DB.Anchors(ctx, time.Now(), "")
		if err != nil || len(all) != x.DB.Shards() {
			t.Fatal(all, err)
		}
		return all
	}
	pay := func(foreign string) { t.Helper(); do(x.node, x.create(foreign, "0.5")) }
	written := anchors()
	restore := x.keep(t, e)
	pay("after the first")
	written = append(written, anchors()...)
	first := store.VerifyOptions{Anchors: written[:x.DB.Shards()]}
	both := store.VerifyOptions{Anchors: written}
	pay("after the second")
	x.finds(t, both)

	t.Run("cut off", func(t *testing.T) {
		restore()
		x.finds(t, store.VerifyOptions{})
		x.finds(t, first)
		x.finds(t, both, "chain_anchor anchor of ")
		if behind, err := x.DB.Behind(ctx, written); err != nil || len(behind) != 1 || behind[0].Version != written[x.DB.Shards()].Version {
			t.Errorf("%d anchors are further than the database, %v", len(behind), err)
		}
	})
	t.Run("written anew", func(t *testing.T) {
		for _, foreign := range []string{"another", "and another", "and one more"} {
			pay(foreign)
		}
		x.finds(t, store.VerifyOptions{})
		x.finds(t, first)
		x.finds(t, both, "chain_anchor anchor of ")
		if behind, err := x.DB.Behind(ctx, written); err != nil || len(behind) != 0 {
			t.Errorf("%v, %v: the place alone shows nothing", behind, err)
		}
	})
	t.Run("another's anchor", func(t *testing.T) {
		forged := written[0]
		forged.LastEvent++
		x.finds(t, store.VerifyOptions{Anchors: []chain.Anchor{forged}}, "chain_anchor anchor of ")
		other := must(chain.ParseKey(chain.NewKey()))
		x.finds(t, store.VerifyOptions{Anchors: []chain.Anchor{other.Anchor(chain.NewLayout([]string{"a"}, []bool{false}), chain.Place{}, &chain.State{Parts: make([]chain.Part, 1)}, time.Now(), "")}},
			"chain_anchor anchor of ")
	})
	t.Run("a file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "new", "anchors")
		for n := range written {
			if err := chain.AppendAnchors(path, written[n:n+1]); err != nil {
				t.Fatal(err)
			}
		}
		read, err := chain.ReadAnchors(path)
		if err != nil || len(read) != len(written) || read[0].Check(chainKey.Public()) != nil {
			t.Fatalf("%d of %d anchors were read back, %v", len(read), len(written), err)
		}
	})
	t.Run("agreed to", func(t *testing.T) {
		agreed, err := x.DB.Anchors(ctx, time.Now(), "restored from a backup")
		if err != nil {
			t.Fatal(err)
		}
		x.finds(t, store.VerifyOptions{Anchors: append(written, agreed...)})
	})
}

// madeSince takes back what the migrations after the one that begins the chain have made.
var madeSince = []string{
	"DROP TABLE write_probe", "DROP TABLE wallet_stand", "DROP TABLE dispatch_lost", "DROP TABLE credit_allowance",
	"DROP TABLE webhook_tally", "DROP TABLE kept_foreign_id", "DROP TABLE installation", "ALTER TABLE shard DROP COLUMN looking",
	"ALTER TABLE wire_key DROP COLUMN version",
}

// testA4Begin: the chain begins with what is there, once, and only where it was never begun.
func testA4Begin(t *testing.T, e Engine) {
	url, ctx := e.URL(t), t.Context()
	plain := store.Options{Shards: 2, Log: quiet}
	if err := store.Migrate(ctx, url, plain); err != nil {
		t.Fatal(err)
	}
	old := join(t, url, plain, commit.Options{Log: quiet})
	x := &a4{fixture: fund(old, "m", "100"), db: outside(t, url)}
	x.paid = do(old, x.create("open", "3"))
	x.key = do(old, merchant.CreateKey{
		Owner: at(x.merchant), Mode: merchant.Test, Secret: must(merchant.NewSecret(merchant.Test, zeros{})), Scopes: []merchant.Scope{merchant.ReadAccounts},
	})
	ended := do(old, x.create("ended", "1"))
	do(old, withdrawal.NewCancel(x.merchant, ended.Seq, "test", ""))
	chained := plain
	chained.Chain = chainKey
	if _, err := store.Open(ctx, url, chained); err == nil || !strings.Contains(err.Error(), "sluice chain begin") {
		t.Errorf("opened with a key that the database does not know: %v", err)
	}
	// As if the database were older than the migration that begins chains.
	x.alter(t, "DELETE FROM schema_version WHERE version_id >= 22")
	for _, text := range madeSince {
		x.alter(t, text)
	}
	if begins, err := store.BeginsChain(ctx, url); err != nil || !begins {
		t.Errorf("%v %v", begins, err)
	}
	if err := store.Migrate(ctx, url, chained); err != nil {
		t.Fatal(err)
	}
	if begins, err := store.BeginsChain(ctx, url); err != nil || begins {
		t.Errorf("%v %v", begins, err)
	}
	old.halts = true
	if err := old.submit(step{nil, func(*commit.View) (any, error) { return nil, nil }}); err == nil {
		t.Error("a server without the key went on writing")
	}
	if _, err := store.Open(ctx, url, plain); err == nil || !strings.Contains(err.Error(), "chain.key") {
		t.Errorf("opened without the key: %v", err)
	}
	x.node = join(t, url, chained, commit.Options{Log: quiet})
	x.finds(t, store.VerifyOptions{})
	if _, ok, err := x.DB.KeyByHash(ctx, x.key.Hash); err != nil || !ok {
		t.Errorf("a key from before: %v %v", ok, err)
	}
	do(x.node, withdrawal.NewRelease(x.paid.Seq, "test"))
	do(x.node, withdrawal.NewClaim(x.paid.Seq, 7, "wal_1", "test"))
	before, err := x.DB.Anchors(ctx, time.Now(), "")
	if err != nil {
		t.Fatal(err)
	}
	x.alter(t, "UPDATE withdrawal SET txid = '0x2'")
	x.finds(t, store.VerifyOptions{}, "chain_rows withdrawal")

	// The key is lost, and somebody has looked at what differs.
	other := plain
	other.Chain = must(chain.ParseKey(chain.NewKey()))
	if _, err := store.Open(ctx, url, other); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("opened with another key: %v", err)
	}
	began, err := store.BeginChain(ctx, url, other, "the key was lost")
	if err != nil {
		t.Fatal(err)
	}
	x.node = join(t, url, other, commit.Options{Log: quiet})
	x.finds(t, store.VerifyOptions{Anchors: append(before, began...)})
	x.finds(t, store.VerifyOptions{Anchors: before}, "chain_anchor anchor of ")
	do(x.node, x.create("new", "1"))
	x.finds(t, store.VerifyOptions{Anchors: began})
}
