package cli_test

import (
	"os"
	"strings"
	"testing"
)

// TestWalletOnCoinChain makes wallets of both kinds, one of them for a key that is there
// already, and lets doctor recognise them.
func TestWalletOnCoinChain(t *testing.T) {
	s := newShell(t)
	text := "mode = \"dev\"\ndatabase_url = \"sqlite:sluice.db\"\n[keystore]\ndir = \"keys\"\npassphrase = \"secret\"\n" +
		"[[assets]]\ncode = \"LTC\"\nscale = 8\nnetworks = [\"litecoin\"]\n[[networks]]\nname = \"litecoin\"\nkind = \"bitcoin\"\nurl = \"http://u:p@127.0.0.1:1\"\n" +
		"[networks.coin]\nchain = \"litecoin-regtest\"\n"
	if err := os.WriteFile("sluice.toml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.want(0, "migrate")
	first, _ := s.object("wallet create --network litecoin")["address"].(string)
	if !strings.HasPrefix(first, "rltc1q") || len(first) != 44 {
		t.Errorf("P2WPKH: %s", first)
	}
	entries, err := os.ReadDir("keys")
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v %v", entries, err)
	}
	key := "0x" + strings.TrimSuffix(entries[0].Name(), ".json")
	second, _ := s.object("wallet create --network litecoin --type p2tr --address " + key)["address"].(string)
	if !strings.HasPrefix(second, "rltc1p") || len(second) != 64 {
		t.Errorf("P2TR: %s", second)
	}
	if again, _ := s.object("wallet create --network litecoin --address " + key)["address"].(string); again != first {
		t.Errorf("the same key has the address %s, then %s", first, again)
	}
	if r := s.want(1, "doctor"); strings.Contains(r.out, "no key here") {
		t.Errorf("doctor does not know its own keys:\n%s", r.out)
	}
}
