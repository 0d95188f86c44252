package destination_test

import (
	"testing"

	"go.uber.org/goleak"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/merchant/destination"
	"sluice/internal/rail"
	"sluice/internal/test/harness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// book is a write path over a fresh file, with an account of Max.
type book struct {
	t        *testing.T
	loop     *commit.Loop
	merchant id.Seq
	max      id.Seq
}

func newBook(t *testing.T) *book {
	t.Helper()
	b := &book{t: t, loop: harness.Open(t, harness.Options{}).Loop}
	m, err := commit.Do(t.Context(), b.loop, 0, merchant.Create{Name: "shop", Mode: merchant.Live})
	if err != nil {
		t.Fatal(err)
	}
	b.merchant = m.Seq
	a, err := commit.Do(t.Context(), b.loop, 0, account.Open{Merchant: m.Seq, Kind: ledger.KindCustomer, Name: "Max"})
	if err != nil {
		t.Fatal(err)
	}
	b.max = a.Seq
	return b
}

// register registers a bank account of Max with these fingerprints; code is the refusal.
func (b *book) register(code string, policy destination.Policy, prints ...string) id.Seq {
	b.t.Helper()
	d, err := commit.Do(b.t.Context(), b.loop, 0, destination.Register{
		Merchant: b.merchant, Account: b.max, Policy: policy,
		Target: rail.Target{Network: "sepa", Typed: "Max", Canonical: rail.Hide("DE", "0402"), Decoded: []byte("sealed"), Prints: prints},
	})
	b.refused(err, code)
	return d.Seq
}

func (b *book) remove(code string, seq id.Seq, keepLast bool) {
	b.t.Helper()
	_, err := commit.Do(b.t.Context(), b.loop, 0, destination.Delete{Merchant: b.merchant, Destination: seq, KeepLast: keepLast})
	b.refused(err, code)
}

func (b *book) refused(err error, code string) {
	b.t.Helper()
	if err == nil && code != "" || err != nil && fault.CodeOf(err) != code {
		b.t.Fatalf("%v, want %q", err, code)
	}
}

// A number that was registered under an old key is known again under a new one.
func TestDuplicateAcrossARotation(t *testing.T) {
	b := newBook(t)
	free := destination.Policy{}
	first := b.register("", free, "old:1")
	b.register("duplicate_destination", free, "old:1")
	b.register("duplicate_destination", free, "new:9", "old:1")
	b.register("", free, "new:8", "old:2")
	b.register("duplicate_destination", free, "new:8", "old:2")
	b.remove("", first, false)
	b.register("", free, "new:9", "old:1")
}

// The last bank account of an account stays where the caller asks for that.
func TestKeepLast(t *testing.T) {
	b := newBook(t)
	two := destination.Policy{Most: 2}
	first, second := b.register("", two, "k:1"), b.register("", two, "k:2")
	b.register("too_many_destinations", two, "k:3")
	b.remove("", first, true)
	b.remove("", first, true) // done already
	b.remove("last_destination", second, true)
	third := b.register("", two, "k:3")
	b.remove("", second, true)
	b.remove("", third, false)
	b.remove("destination_not_found", id.Seq(1), false)
}
