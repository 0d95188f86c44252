package cli_test

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"sluice/internal/demo/devnet"
	"sluice/internal/money"
)

// TestDeployVault makes a vault on a chain, finds it again, and starts a rail with it.
func TestDeployVault(t *testing.T) {
	chain, err := devnet.New(devnet.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	ctx := t.Context()
	go func() { done <- chain.Run(ctx, 20*time.Millisecond) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := chain.Close(); err != nil {
			t.Error(err)
		}
	})
	s := newShell(t)
	write := func(more string) {
		t.Helper()
		text := fmt.Sprintf("mode = \"dev\"\ndatabase_url = \"sqlite:sluice.db\"\n[keystore]\ndir = \"keys\"\npassphrase = \"secret\"\n"+
			"[[assets]]\ncode = \"ETH\"\nscale = 18\nnetworks = [\"ethereum\"]\n[[networks]]\nname = \"ethereum\"\nurl = %q\nchain_id = %d\npoll = \"20ms\"\n%s\n", chain.URL(), chain.ID(), more)
		if err := os.WriteFile("sluice.toml", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("")
	s.want(0, "migrate")
	w := s.object("wallet create --network ethereum")
	id, _ := w["id"].(string)
	address, _ := w["address"].(string)
	if r := s.want(1, "wallet deploy-vault "+id); !strings.Contains(r.err, "send it coins first") {
		t.Errorf("without coins: %s", r.err)
	}
	if err := chain.Fund(t.Context(), address, money.Of(1_000_000_000_000_000_000)); err != nil {
		t.Fatal(err)
	}
	first := s.object("wallet deploy-vault " + id)
	vault, _ := first["vault"].(string)
	if first["txid"] == nil || first["cost"] == nil || first["configured"] != false || len(vault) != 42 {
		t.Fatalf("deployed: %v", first)
	}
	// Again: the same, and no other transaction.
	if again := s.object("wallet deploy-vault " + id); again["vault"] != vault || again["txid"] != nil {
		t.Errorf("again: %v, want %s without a transaction", again, vault)
	}
	line, _ := first["config"].(string)
	write(line)
	if last := s.object("wallet deploy-vault " + id); last["vault"] != vault || last["configured"] != true {
		t.Errorf("configured: %v", last)
	}
	if err := chain.Fund(t.Context(), vault, money.Of(2_000_000_000_000_000_000)); err != nil {
		t.Fatal(err)
	}
	if r := s.want(0, "wallet status "+id); !strings.Contains(r.out, " 2.99") {
		t.Errorf("status: %s", r.out)
	}
	// The same figures as `sluice treasury`, and fees from the address alone: the vault's
	// coins pay none.
	status := s.object("wallet status " + id)
	all, _ := s.object("treasury")["wallets"].([]any)
	same, _ := all[0].(map[string]any)
	if len(all) != 1 || status["figures"] == nil || !reflect.DeepEqual(status["figures"], same["figures"]) {
		t.Errorf("figures %v, treasury has %v", status["figures"], same["figures"])
	}
	if gas, _ := status["gas_reserve"].(string); !strings.HasPrefix(gas, "0.99") {
		t.Errorf("gas reserve %q of a wallet with less than 1 ETH and a vault with 2", gas)
	}
	s.want(1, "wallet deploy-vault wal_00000000-0000-7000-8000-000000000000")
}
