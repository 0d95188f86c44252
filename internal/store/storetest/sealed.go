package storetest

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/merchant/credential"
	"sluice/internal/merchant/destination"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/seal"
	"sluice/internal/store"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal"
)

var eur = money.Asset{Code: "EUR", Scale: 2, Networks: []string{"sepa"}}

// sealing is one of every row that holds a sealed value, twice, so that values can be swapped.
type sealing struct {
	fixture
	ring  *seal.Ring
	n     int
	first withdrawal.Withdrawal // it goes to a bank account that is bound to no row
}

// fill adds one more of every row. The keys of the loop seal what may be stored readable.
func (x *sealing) fill() (w withdrawal.Withdrawal) {
	x.t.Helper()
	x.n++
	n := string(rune('a' + x.n))
	sealed, err := x.ring.Seal(rail.RecipientPurpose, []byte("recipient "+n))
	secret := must(webhook.NewSecret(rand.Reader))
	signing := must(webhook.NewSigningKey(rand.Reader))
	if err != nil {
		x.t.Fatal(err)
	}
	to := rail.Target{Network: "sepa", Typed: "N", Canonical: rail.Hide("NL", "430"+n), Decoded: sealed, Prints: []string{n}}
	d := do(x.node, destination.Register{Merchant: x.merchant, Target: to, Policy: destination.Policy{Names: destination.NameOff}, Actor: "test"})
	do(x.node, credential.Create{Merchant: x.merchant, Dialect: credential.CoinsPaid, Secret: []byte("plain secret " + n), Scopes: merchant.MerchantScopes})
	do(x.node, credential.AddSigningKey{SigningKeyID: credential.SigningKeyID{Wire: credential.Upvest, Number: int64(x.n)}, Secret: []byte("0 plain key " + n)})
	do(x.node, webhook.CreateEndpoint{
		Merchant: x.merchant, URL: "https://example.com/" + n, Types: []string{"*"}, Secret: secret, SigningKey: signing, Actor: "test",
	})
	return do(x.node, withdrawal.Create{
		Merchant: x.merchant, Account: x.account, ForeignID: "sealed " + n, Asset: eur, Amount: money.Of(100), Destination: d.Seq, Actor: "test",
	})
}

// readable counts the values of a database that can be read without a key.
func (x *sealing) readable() (n int) {
	x.t.Helper()
	for _, from := range []string{
		"credential WHERE substr(secret, 1, 5) = ", "wire_key WHERE substr(secret, 1, 7) = ", "webhook_endpoint WHERE substr(secret, 1, 6) = 'whsec_' AND '' <> ",
	} {
		value := map[byte]string{'c': "plain", 'w': "0 plain"}[from[0]]
		if strings.HasPrefix(from, "webhook") {
			value = "x"
		}
		n += count(x.t, x.url, from+x.bytes(value))
	}
	return n
}

// bytes is a string as bytes in SQL, or as it is where the column holds strings.
func (x *sealing) bytes(s string) string {
	if s == "x" {
		return "'x'"
	}
	if x.DB.Engine() == "sqlite" {
		return "CAST('" + s + "' AS BLOB)"
	}
	return "'" + s + "'::bytea"
}

func (x *sealing) differs() (have []string) {
	x.t.Helper()
	r, err := x.DB.Verify(x.t.Context())
	if err != nil {
		x.t.Fatal(err)
	}
	for _, s := range r.Shards {
		for _, d := range s.Differences {
			if d.Check == "sealed_for_row" {
				have = append(have, d.Where)
			}
		}
	}
	return have
}

// renew seals again what is old, as `sluice seal renew` does.
func (x *sealing) renew() (rows int) {
	x.t.Helper()
	all, err := x.DB.SealRenewals(x.t.Context())
	if err != nil {
		x.t.Fatal(err)
	}
	for _, r := range all {
		if r.Command == nil {
			continue // an open withdrawal
		}
		rows++
		if _, err := commit.Do(context.Background(), x.Loop, r.Shard, r.Command); err != nil {
			x.t.Fatalf("%s: %v", r.What, err)
		}
	}
	return rows
}

// testA13SecretsAreSealed: what was stored readable or bound to no row, before there were
// keys, stays usable, and is sealed for its row by renewing it; what comes later is at once.
func testA13SecretsAreSealed(t *testing.T, e Engine) {
	x := newSealing(t, e)
	if n := x.readable(); n != 3 {
		t.Fatalf("%d readable values without keys, want 3", n)
	}
	x.with(t, x.ring)
	if n := x.renew(); n != 4 {
		t.Errorf("%d rows sealed again, want the 4 that were there", n)
	}
	x.fill()
	if n, again := x.readable(), x.renew(); n != 0 || again != 0 {
		t.Errorf("%d readable values and %d old ones, want none", n, again)
	}
	x.verify()
	next, err := seal.NewKey("next")
	if err != nil {
		t.Fatal(err)
	}
	both, err := seal.ParseRing(next.Reveal() + "," + sealKey)
	if err != nil {
		t.Fatal(err)
	}
	x.with(t, both)
	if n := x.renew(); n != 8 {
		t.Errorf("%d rows sealed again under the next key, want all 8", n)
	}
	do(x.node, withdrawal.NewCancel(x.merchant, x.first.Seq, "test", "")) // its recipient stays under the first key
	alone, err := seal.NewRing(next)
	if err != nil {
		t.Fatal(err)
	}
	x.with(t, alone.Strict())
	x.verify()
}

// testA3SealedForItsRow: a sealed value that was copied from another row opens nowhere, and
// Verify names the row.
func testA3SealedForItsRow(t *testing.T, e Engine) {
	x := newSealing(t, e)
	x.with(t, x.ring)
	x.renew()
	mine, hers := x.fill(), x.fill()
	if have := x.differs(); len(have) > 0 {
		t.Fatalf("nothing was swapped, and differs: %q", have)
	}
	for _, c := range []struct{ table, column string }{
		{"withdrawal", "decoded"}, {"destination", "decoded"}, {"credential", "secret"}, {"wire_key", "secret"}, {"webhook_endpoint", "secret"}, {"webhook_endpoint", "signing_key"},
	} {
		t.Run(c.table+"."+c.column, func(t *testing.T) {
			spoil(t, x.url,
				"CREATE TABLE was AS SELECT seq, "+c.column+" AS v FROM "+c.table,
				"UPDATE "+c.table+" SET "+c.column+" = (SELECT v FROM was ORDER BY seq DESC LIMIT 1) WHERE seq = (SELECT seq FROM was ORDER BY seq LIMIT 1)")
			if have := x.differs(); len(have) != 1 {
				t.Errorf("one value was swapped, and these differ: %q", have)
			}
			spoil(t, x.url, "UPDATE "+c.table+" SET "+c.column+" = (SELECT v FROM was WHERE was.seq = "+c.table+".seq)", "DROP TABLE was")
			if have := x.differs(); len(have) > 0 {
				t.Errorf("all is as it was, and differs: %q", have)
			}
		})
	}
	at := rail.PayoutPlace(at(mine.Seq).Text(id.Withdrawal))
	if plain, err := x.ring.OpenAt(rail.RecipientPurpose, at, mine.Decoded); err != nil || !strings.HasPrefix(string(plain), "recipient ") {
		t.Errorf("its own: %q, %v", plain, err)
	}
	if _, err := x.ring.Move(rail.RecipientPurpose, at, at, hers.Decoded); fault.CodeOf(err) != "sealed_altered" {
		t.Errorf("another withdrawal's recipient: %v, want sealed_altered", err)
	}
	if _, err := x.ring.OpenAt("another purpose", at, mine.Decoded); err == nil {
		t.Error("opened as something else")
	}
}

const sealKey = "one:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="

// newSealing is a database that was filled before values were bound to rows: without keys
// in the write path.
func newSealing(t *testing.T, e Engine) *sealing {
	t.Helper()
	ring, err := seal.ParseRing(sealKey)
	if err != nil {
		t.Fatal(err)
	}
	x := &sealing{fixture: fund(start(t, e), "m", "100"), ring: ring}
	do(x.node, account.AddCredit{Merchant: x.merchant, Account: x.account, Asset: eur, Amount: money.Of(100_000)})
	x.first = x.fill()
	return x
}

// with goes on with these keys.
func (x *sealing) with(t *testing.T, ring *seal.Ring) {
	t.Helper()
	x.node = join(t, x.url, store.Options{Log: quiet, Chain: chainKey, Seal: ring}, commit.Options{Log: quiet})
}
