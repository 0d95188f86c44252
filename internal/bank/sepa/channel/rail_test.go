package channel_test

import (
	"context"
	"testing"
	"time"

	bankbook "sluice/internal/bank"
	"sluice/internal/bank/iban"
	"sluice/internal/bank/message"
	"sluice/internal/bank/sepa"
	"sluice/internal/bank/sepa/channel"
	"sluice/internal/demo/bank"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/seal"
	"sluice/internal/signer"
	"sluice/internal/signer/build"
	"sluice/internal/signer/guard"
	"sluice/internal/test/harness"
)

const ours = "DE02100500000054540402"

// TestTheRailOverSFTP: a file goes over a real SSH connection to a bank, and what the
// bank answers comes back over it and decides.
func TestTheRailOverSFTP(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	folders(t, dir)
	line, err := channel.OpenSFTP(config(serve(t, dir)))
	must(err)
	defer func() { must(line.Close()) }()
	theBank, err := bank.Open(bank.Config{
		Dir: dir, Account: ours, Owner: "Example GmbH", BIC: "BELADEBE", Opening: 1000_00, Start: time.Now(), Zone: time.UTC, StatementAt: 24 * time.Hour, Notify: true,
		Rules: []bank.Rule{{Cents: 2_00, Fate: bank.Fate{Reject: "AC04"}}},
	})
	must(err)

	b, ctx := harness.Open(t, harness.Options{}), t.Context()
	key, err := seal.NewKey("test")
	must(err)
	ring, err := seal.NewRing(key)
	must(err)
	account, err := iban.Parse(ours)
	must(err)
	r := sepa.New(sepa.Config{
		Checker: sepa.Checker{Network: "sepa", Ring: ring}, Wallet: "wal_1", Channel: line,
		Bank: sepa.Bank{Account: message.Party{Name: "Example GmbH", IBAN: account}, Initiator: "Example GmbH", Zone: time.UTC},
	})
	sign, err := guard.Open(ctx, guard.Options{Build: build.Builder{}, Keys: nobody{}, Policy: guard.Policy{
		Networks: []guard.Network{{Network: signer.Network{Name: "sepa", Family: build.Bank, Account: ours}, Open: true}},
	}})
	must(err)
	r.Connect(bankbook.New(b.Loop, b.DB, bankbook.Options{Keys: ring}), sign)

	var payouts []rail.Payout
	for n := range 2 {
		to, err := r.CheckRecipient(ctx, rail.Recipient{Holder: "Max Mustermann", IBAN: "NL70ABNA0106295004"}, "EUR")
		must(err)
		payouts = append(payouts, rail.Payout{
			Ref: id.ID{Seq: id.Seq(n + 1)}.Text(id.Withdrawal), Asset: "EUR", To: to.Decoded, Amount: money.Of(uint64(n+1) * 100), Payment: rail.Payment{Service: "instant"},
		})
	}
	slot, _, err := r.Pick(ctx, ours, "00000000000000000000000000000001", payouts, nil)
	must(err)
	in, err := r.Prepare(ctx, slot, payouts, nil)
	must(err)
	file, err := sign.Sign(ctx, in)
	must(err)
	a, err := r.Keep(file)
	must(err)
	for range 2 {
		must(r.Submit(ctx, a))
	}
	_, err = theBank.Tick(time.Now())
	must(err)
	must(r.Round(ctx))
	o, err := r.Observe(ctx, slot, payouts, []rail.Attempt{a})
	must(err)
	if o.Stage != rail.StageFinal || !o.Paid[0] || o.Paid[1] || theBank.Balance() != 999_00 {
		t.Errorf("%+v, and the bank has %d", o, theBank.Balance())
	}
}

// nobody has no keys: an account at a bank needs none.
type nobody struct{ signer.Keys }

func (nobody) Public(context.Context) ([][]byte, error) { return nil, nil }
