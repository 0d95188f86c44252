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
	const bank = "dir = \"log\"\n[[banks]]\nname = \"sepa\"\niban = \"DE02 1005 0000 0054 5404 02\"\n"
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
		{"a bank", bank + "per_payment = \"500.00\"\ncount_per_day = 10\ndestinations = [\"NL70 ABNA 0106 2950 04\"]\n", ""},
		{"a bank alone, open", bank + "open = true\n", ""},
		{"a bank without a number", "[[banks]]\nname = \"sepa\"\n", "banks[0].iban"},
		{"a bank without a name", "[[banks]]\niban = \"DE02100500000054540402\"\n", "banks[0].name"},
		{"a bank that is open and limited", bank + "open = true\nper_day = \"5\"\n", "banks[0].open"},
		{"a part of a cent", bank + "per_day = \"0.001\"\n", "banks[0].per_day"},
		{"a count below zero", bank + "count_per_hour = -1\n", "banks[0].count_per_hour"},
		{"a recipient that is none", bank + "destinations = [\"Max\"]\n", "banks[0].destinations[0]"},
		{"a fingerprint without its key", bank + "destinations = [\"a:00\"]\n", "banks[0].destinations[0]"},
		{"a fingerprint of another key", bank + "destinations = [\"a:00\"]\nprints = \"b:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=\"\n", "under the key"},
		{"a fingerprint", bank + "destinations = [\"b:00\"]\nprints = \"b:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=\"\n", ""},
		{"fees of a day", good + "fee_per_day = \"x\"\n", "networks[0].fee_per_day"},
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
