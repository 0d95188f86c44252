package crashtest_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/app"
	"sluice/internal/commit"
	"sluice/internal/payout"
	"sluice/internal/signer/keystore"
)

// TestCase07_ThreeWalletsTwoProcesses pays from three wallets of one network side by
// side, by two servers at once, one of which is killed on the way. Every wallet is
// used, and nothing is paid twice.
func TestCase07_ThreeWalletsTwoProcesses(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := newSite(t, mining(t, newChain(t)), stores["postgres"](t, ""))
	all := []string{s.wallet}
	for range 2 {
		address, err := keystore.Create(filepath.Join(s.dir, "keys"), "secret", keystore.Light)
		must(t, err)
		must(t, s.chain.Mint(ctx, s.token, address, amount(t, s.usdt, "1000")))
		must(t, s.chain.Fund(ctx, address, amount(t, eth, "10")))
		all = append(all, address)
	}
	db, err := app.OpenStore(ctx, s.load(), slog.New(slog.DiscardHandler))
	must(t, err)
	must(t, app.Write(ctx, db, func(loop *commit.Loop) error {
		for _, address := range all {
			if _, err := commit.Do(ctx, loop, app.Operator, payout.CreateWallet{Network: network, Address: address}); err != nil {
				return err
			}
		}
		return nil
	}))
	must(t, db.Close())

	first, second := s.start().await(), s.start().await()
	s.want("USDT", "1.5", 60)
	eventually(t, "some are paid", func() bool {
		s.push(second.url())
		paid := 0
		for _, o := range s.orders {
			if o.state() == "confirmed" {
				paid++
			}
		}
		return paid > 5
	})
	first.kill()
	s.want("USDT", "2", 30)
	last := s.finish(second)
	last.stop()
	for _, line := range last.complaints() {
		t.Errorf("the server complains: %s", line)
	}
	var sent uint64
	for _, address := range all {
		n, err := s.chain.Client().NonceAt(t.Context(), common.HexToAddress(address), nil)
		must(t, err)
		if n == 0 {
			t.Errorf("the wallet %s paid nothing", address)
		}
		sent += n
	}
	if sent != uint64(len(s.orders)) {
		t.Errorf("the wallets sent %d transactions for %d payouts", sent, len(s.orders))
	}
	for _, o := range s.orders {
		if got := s.onChain(o.currency, o.to); o.state() != "confirmed" || got != o.answer["amount"] {
			t.Errorf("%s ended %s, and the chain holds %s for it", o.foreign, o.state(), got)
		}
	}
	s.verified()
}
