package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/config"
	"sluice/internal/fault"
)

func TestSignerFile(t *testing.T) {
	const good = "dir = \"log\"\n[[networks]]\nname = \"ethereum\"\nchain_id = 1\n"
	path := filepath.Join(t.TempDir(), "signer.toml")
	for _, c := range []struct{ name, text, want string }{
		{"good", good, ""},
		{"bitcoin", good + "[[networks]]\nname = \"btc\"\nkind = \"bitcoin\"\ncoin = \"bitcoin\"\nmax_fee = \"0.00100000\"\n", ""},
		{"unknown key", good + "max_fees = \"1\"\n", "max_fees"},
		{"no network", "dir = \"log\"\n", "networks"},
		{"no chain", "[[networks]]\nname = \"x\"\n", "networks[0].chain_id"},
		{"no coin", "[[networks]]\nname = \"x\"\nkind = \"bitcoin\"\n", "networks[0].coin"},
		{"no TOML", "hello", "signer.toml"},
		{"open and lists", good + "open = true\nvaults = [\"0x00000000000000000000000000000000000000aa\"]\n", "networks[0].open"},
		{"a short vault", good + "vaults = [\"0xaa\"]\n", "networks[0].vaults[0]"},
		{"everybody may ask", "socket_mode = \"0666\"\n" + good, "socket_mode"},
		{"a number as limit", good + "max_fee = \"1e3\"\n", "networks[0].max_fee"},
		{"too many decimals", good + "[[networks.assets]]\ncode = \"USDT\"\nscale = 6\nper_day = \"0.0000001\"\n", "networks[0].assets[0].per_day"},
		{"missing secret", good + "[keystore]\ndir = \"k\"\npassphrase = \"env:NOT_SET\"\n", "keystore.passphrase"},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.LoadSigner(path, nil)
		if (c.want == "") != (err == nil) || err != nil && (fault.CodeOf(err) != "config_invalid" || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := config.LoadSigner(path+".missing", nil); fault.CodeOf(err) != "config_missing" {
		t.Errorf("missing: %v", err)
	}
}
