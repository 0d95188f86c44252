package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sluice/internal/config"
)

// insides are words of Go and of the TOML library.
var insides = regexp.MustCompile(`(?i)(^|[^.\w])(toml:|struct|unmarshal|decode|strconv|float64|int64|reflect|nil|U\+[0-9A-F]{4}|parsing|invalid syntax|syscall|map\[)`)

// What is wrong with a file is told by line, key, value and cure, in words that somebody
// understands who has never read the program.
func TestWhatIsWrongWithAFileIsToldInPlainWords(t *testing.T) {
	asset := "[[assets]]\ncode = \"EUR\"\nscale = 2\n"
	for _, c := range []struct {
		name, file string
		want       []string
	}{
		{"text without quotes", "mode = dev\n", []string{"sluice.toml:1: mode", "is dev", `mode = "dev"`}},
		{"address without quotes", "\n# a\nlisten = 127.0.0.1:8080 # here\n", []string{"sluice.toml:3: listen", `listen = "127.0.0.1:8080"`}},
		{"code without quotes", "[[assets]]\ncode = EUR\n", []string{"sluice.toml:2: assets.code", `code = "EUR"`}},
		{"no closing quote", "mode = \"dev\nlisten = \":80\"\n", []string{"sluice.toml:1: mode", "no closing quote"}},
		{"yes for true", "auto_migrate = yes\n", []string{"sluice.toml:1: auto_migrate", "is yes", "true or false"}},
		{"true in quotes", "auto_migrate = \"true\"\n", []string{"auto_migrate", `is "true"`, "true or false, without quotes"}},
		{"float where an amount belongs", asset + "review_above = 1000.50\n", []string{"sluice.toml:4: assets[0].review_above", "is 1000.50", `write it in quotes, "1000.50"`}},
		{"number where an amount belongs", network + "max_fee = 1\n", []string{"networks[0].max_fee", "is 1", `"1"`}},
		{"number where a duration belongs", "stop_delay = 5\n", []string{"sluice.toml:1: stop_delay", "is 5", `"5s"`}},
		{"fraction of a duration", "[treasury]\nevery = 0.5\n", []string{"sluice.toml:2: treasury.every", "is 0.5", `"1m30s"`}},
		{"text where a number belongs", "shards = \"4\"\n", []string{"shards", `is the string "4"`, "without quotes, 4"}},
		{"fraction where a number belongs", "shards = 4.5\n", []string{"shards", "is 4.5", "whole number"}},
		{"one text where a list belongs", asset + "networks = \"sepa\"\n", []string{"assets[0].networks", `["sepa"]`}},
		{"number in a list", "[webhooks]\nallow = [10]\n", []string{"webhooks.allow[0]", "string"}},
		{"list of ranges without quotes", "[webhooks]\nallow = [10.0.0.0/8]\n", []string{"webhooks.allow", "each string in quotes"}},
		{"list that does not end", "[webhooks]\nallow = [\"10.0.0.0/8\",\n", []string{"webhooks.allow", "list is not complete"}},
		{"value where a table belongs", "log = 3\n", []string{"sluice.toml:1: log", "is 3", "[log]"}},
		{"table where a list belongs", "[assets]\ncode = \"EUR\"\nscale = 2\n", []string{"assets", "[[assets]]"}},
		{"list where a table belongs", strings.Replace(network, `{ USDT = "0xdAC17F958D2ee523a2206206994597C13D831ec7" }`, `["USDT"]`, 1), []string{"networks[0].tokens", "{ NAME ="}},
		{"brackets that do not match", "[[networks]\nname = \"x\"\n", []string{"sluice.toml:1", "brackets do not match", "[[networks]"}},
		{"table twice", "[log]\nlevel = \"info\"\n[log]\nformat = \"text\"\n", []string{"sluice.toml:3", "twice", "[log]"}},
		{"key twice", "mode = \"dev\"\nmode = \"live\"\n", []string{"sluice.toml:2: mode", "twice"}},
		{"no value", "listen\n", []string{"sluice.toml:1", "key = value"}},
		{"no key", "= 3\n", []string{"sluice.toml:1", "key = value"}},
		{"a blank in a key", "stop delay = \"5s\"\n", []string{"sluice.toml:1", "key = value"}},
		{"number too large", "shards = 99999999999999999999\n", []string{"sluice.toml:1: shards", "99999999999999999999"}},
		{"date", "listen = 2026-01-01\n", []string{"listen", "is 2026-01-01", "in quotes"}},
		{"not UTF-8", "\xff\xfe=1\n", []string{"sluice.toml:1"}},
		{"two networks on one chain", network + "[[networks]]\nname = \"other\"\nurl = \"http://127.0.0.1:8546\"\nchain_id = 1\n", []string{"networks[1].chain_id", "1 is the chain of networks[0]", "one chain is one network"}},
		{"token that is no address", strings.Replace(network, "0xdAC17F958D2ee523a2206206994597C13D831ec7", "0x12", 1), []string{"networks[0].tokens.USDT", "0x and 40 hex digits", "0x12"}},
		{"value of a rule", "listen = \"8080\"\n", []string{"listen: must be host:port", "8080"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := config.Load(config.Source{File: write(t, c.file)})
			if err == nil {
				t.Fatal("it is taken")
			}
			text := regexp.MustCompile(`\S*/sluice\.toml`).ReplaceAllString(err.Error(), "sluice.toml")
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			if m := insides.FindString(text); m != "" {
				t.Errorf("%q in\n%s", m, text)
			}
		})
	}
}

// A secret is not shown, however its line is broken.
func TestBrokenLinesDoNotShowSecrets(t *testing.T) {
	for _, file := range []string{
		"[keystore]\npassphrase = hunter2\n", "[keystore]\npassphrase = \"hunter2\n", "[keystore]\npassphrase = [\"hunter2\"]\n", "[keystore]\npassphrase = 'hunter2\n",
		"[keystore]\npasphrase = hunter2\n", "database_url = postgres://a:hunter2@b/c\n", "[[networks]]\nurl = https://node/hunter2\n",
		"[[networks]]\nurl = [\"https://node/hunter2\"]\n", "[keystore]\npassphrase = \"a\"\npassphrase = \"hunter2\"\n",
	} {
		_, _, err := config.Load(config.Source{File: write(t, file)})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", file, err)
		}
	}
}

// A file that opens keys and that others can read is a warning, in live an error; what is
// no key is a warning.
func TestSecretFilesThatOthersCanRead(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"open": 0o644, "group": 0o640, "own": 0o600} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("https://node.example.com/key\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	load := func(mode, key, file string) (config.Config, error) {
		conf, _, err := config.Load(config.Source{Flags: map[string]string{"mode": mode, key: "file:" + filepath.Join(dir, file)}})
		return conf, err
	}
	for _, c := range []struct {
		mode, file string
		refused    bool
		warned     bool
	}{
		{"live", "open", true, false},
		{"dev", "open", false, true},
		{"live", "group", false, false},
		{"live", "own", false, false},
		{"dev", "own", false, false},
	} {
		conf, err := load(c.mode, "keystore.passphrase", c.file)
		if (err != nil) != c.refused || (len(conf.Warnings()) > 0) != c.warned {
			t.Errorf("%s, %s: %v, warnings %q", c.mode, c.file, err, conf.Warnings())
		}
		for _, text := range append(conf.Warnings(), errorText(err)) {
			if text != "" && (!strings.Contains(text, "keystore.passphrase") || !strings.Contains(text, "mode 0644") || !strings.Contains(text, "chmod 600")) {
				t.Errorf("%s, %s: %s", c.mode, c.file, text)
			}
		}
	}
	conf, _, err := config.Load(config.Source{File: write(t, network)})
	if err != nil || len(conf.Warnings()) > 0 {
		t.Errorf("%v %q", err, conf.Warnings())
	}
	text := strings.Replace(network, `url = "`, `url = "file:`+filepath.Join(dir, "open")+`" #`, 1)
	conf, _, err = config.Load(config.Source{File: write(t, text)})
	if err != nil || len(conf.Warnings()) != 1 || !strings.Contains(conf.Warnings()[0], "networks[0].url") {
		t.Errorf("a URL: %v %q", err, conf.Warnings())
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
