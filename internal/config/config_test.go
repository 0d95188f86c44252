package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/config"
	"sluice/internal/fault"
)

// write puts a file into a folder of its own.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sluice.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const network = `
[[assets]]
code = "ETH"
scale = 18
networks = ["ethereum"]
[[assets]]
code = "USDT"
scale = 6
networks = ["ethereum"]
[[networks]]
name = "ethereum"
url = "http://127.0.0.1:8545"
chain_id = 1
tokens = { USDT = "0xdAC17F958D2ee523a2206206994597C13D831ec7" }
`

const bankAccount = `
[[banks]]
holder = "Example GmbH"
iban = "DE02100500000054540402"
folder = "bank"
`

func TestLayers(t *testing.T) {
	cases := []struct {
		name  string
		file  string
		env   []string
		flags map[string]string
		want  func(c config.Config) (got, want any)
	}{
		{"default", "", nil, nil, func(c config.Config) (any, any) { return c.Commit.BatchMax, 1024 }},
		{"file over default", "[commit]\nbatch_max = 7\n", nil, nil, func(c config.Config) (any, any) { return c.Commit.BatchMax, 7 }},
		{
			"environment over file", "[commit]\nbatch_max = 7\n",
			[]string{"SLUICE_COMMIT_BATCH_MAX=8"},
			nil, func(c config.Config) (any, any) { return c.Commit.BatchMax, 8 },
		},
		{
			"flag over environment", "[commit]\nbatch_max = 7\n",
			[]string{"SLUICE_COMMIT_BATCH_MAX=8"},
			map[string]string{"commit.batch_max": "9"},
			func(c config.Config) (any, any) { return c.Commit.BatchMax, 9 },
		},
		{"duration", "[commit]\nbatch_wait = \"2ms\"\n", nil, nil, func(c config.Config) (any, any) { return c.Commit.BatchWait.Std(), 2 * time.Millisecond }},
		{"live waits before it stops", "", nil, nil, func(c config.Config) (any, any) { return c.StopDelay.Std(), 5 * time.Second }},
		{"dev does not", "mode = \"dev\"\n", nil, nil, func(c config.Config) (any, any) { return c.StopDelay.Std(), time.Duration(0) }},
		{"the mode of the environment decides defaults", "mode = \"live\"\n", []string{"SLUICE_MODE=dev"}, nil, func(c config.Config) (any, any) { return c.MetricsOnMain, true }},
		{"what is set wins over the mode's default", "mode = \"dev\"\nmetrics_on_main = false\n", nil, nil, func(c config.Config) (any, any) { return c.MetricsOnMain, false }},
		{"lists from the environment", "", []string{"SLUICE_WEBHOOKS_ALLOW=10.0.0.0/8, fd00::/8"}, nil, func(c config.Config) (any, any) { return len(c.Webhooks.Allow), 2 }},
		{"defaults of a network", network, nil, nil, func(c config.Config) (any, any) { return c.Networks[0].Finality, "finalized" }},
		{
			"variables that Kubernetes makes are not ours", "",
			[]string{"SLUICE_PORT=tcp://10.0.0.1:80", "SLUICE_SERVICE_HOST=10.0.0.1", "SLUICE_ADMIN_PORT_8081_TCP_ADDR=10.0.0.1"},
			nil, func(c config.Config) (any, any) { return c.Listen, "127.0.0.1:8080" },
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			conf, _, err := config.Load(config.Source{File: write(t, c.file), Environ: c.env, Flags: c.flags})
			if err != nil {
				t.Fatal(err)
			}
			if got, want := c.want(conf); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	cases := []struct {
		name  string
		file  string
		env   []string
		flags map[string]string
		want  []string // all of them in the message
	}{
		{"unknown key", "lisen = \":80\"\n", nil, nil, []string{"sluice.toml:1: lisen", "unknown key", "did you mean listen?"}},
		{"unknown key in a table", "[commit]\nbatchmax = 3\n", nil, nil, []string{"commit.batchmax", "did you mean commit.batch_max?"}},
		{"unknown key in a list", network + "finalty = \"safe\"\n", nil, nil, []string{"networks.finalty", "did you mean networks.finality?"}},
		{"unknown variable", "", []string{"SLUICE_DATABSE_URL=sqlite:x"}, nil, []string{"SLUICE_DATABSE_URL", "did you mean SLUICE_DATABASE_URL?"}},
		{"unknown flag key", "", nil, map[string]string{"commit.queu": "1"}, []string{"commit.queu", "did you mean commit.queue?"}},
		{"nothing near", "zzzzzzzzzzzz = 1\n", nil, nil, []string{"zzzzzzzzzzzz", "docs/configuration.md"}},
		{"broken file", "mode = \n", nil, nil, []string{"sluice.toml:1"}},
		{"wrong type", "shards = \"four\"\n", nil, nil, []string{"sluice.toml:1"}},
		{"wrong number", "", []string{"SLUICE_SHARDS=four"}, nil, []string{"SLUICE_SHARDS", "whole number"}},
		{"wrong duration", "stop_delay = \"5\"\n", nil, nil, []string{"5s"}},
		{"negative duration", "stop_delay = \"-5s\"\n", nil, nil, []string{"no duration"}},
		{"mode", "mode = \"prod\"\n", nil, nil, []string{"mode: must be live or dev", "prod"}},
		{"listen", "listen = \"8080\"\n", nil, nil, []string{"listen: must be host:port"}},
		{"database", "database_url = \"mysql://x\"\n", nil, nil, []string{"database_url: must be sqlite:PATH or postgres://"}},
		{"log level", "[log]\nlevel = \"loud\"\n", nil, nil, []string{"log.level"}},
		{"queue below batch", "[commit]\nbatch_max = 100\nqueue = 10\n", nil, nil, []string{"commit.queue", "commit.batch_max (100)"}},
		{"name match", "[bank]\nname_match = \"close\"\n", nil, nil, []string{"bank.name_match", "exact or relaxed or off"}},
		{"cool-down", "[bank]\ncool_down = \"3000h\"\n", nil, nil, []string{"bank.cool_down"}},
		{"bank accounts", "[bank]\nmax_per_account = -1\n", nil, nil, []string{"bank.max_per_account"}},
		{"inline goes round the cool-down", "[bank]\ninline = true\ncool_down = \"24h\"\n", nil, nil, []string{"bank.inline", "bank.cool_down"}},
		{"inline goes round the limit", "[bank]\ninline = true\nmax_per_account = 2\n", nil, nil, []string{"bank.inline", "bank.max_per_account"}},
		{"sealing key", "[seal]\nkeys = \"a:AAAA\"\n", nil, nil, []string{"seal.keys", "32 bytes"}},
		{"sealing key that is not there", "[seal]\nkeys = \"file:/nowhere/seal.keys\"\n", nil, nil, []string{"seal.keys", "/nowhere/seal.keys cannot be read"}},
		{"asset code", "[[assets]]\ncode = \"eur\"\nscale = 2\n", nil, nil, []string{"assets[0]", "upper-case"}},
		{"asset scale", "[[assets]]\ncode = \"EUR\"\nscale = 19\n", nil, nil, []string{"assets[0]", "scale 19"}},
		{"asset twice", "[[assets]]\ncode = \"EUR\"\nscale = 2\n[[assets]]\ncode = \"EUR\"\nscale = 2\n", nil, nil, []string{"assets[1].code", "twice"}},
		{"asset on no network", "[[assets]]\ncode = \"ETH\"\nscale = 18\nnetworks = [\"ethereum\"]\n", nil, nil, []string{"assets[0].networks", `no network "ethereum"`}},
		{"asset that the network does not pay", strings.Replace(network, "tokens = {", "#", 1), nil, nil, []string{"assets[1].networks", "add its contract"}},
		{"network kind", strings.Replace(network, "chain_id", "kind = \"bank\"\nchain_id", 1), nil, nil, []string{"networks[0].kind"}},
		{"finality", network + "finality = \"soon\"\n", nil, nil, []string{"networks[0].finality", "number of confirmations"}},
		{"fee asset unknown", network + "fee_asset = \"POL\"\n", nil, nil, []string{"networks[0].fee_asset", "POL"}},
		{"fee ceiling", network + "fee_ceiling = \"-1\"\n", nil, nil, []string{"networks[0].fee_ceiling"}},
		{"max fee", network + "max_fee = \"1e3\"\n", nil, nil, []string{"networks[0].max_fee"}},
		{"token without asset", network + "tokens.DAI = \"0xdAC17F958D2ee523a2206206994597C13D831ec7\"\n", nil, nil, []string{"sluice.toml"}},
		{"token address", strings.Replace(network, "0xdAC17F", "", 1), nil, nil, []string{"networks[0].tokens.USDT", "40 hex"}},
		{"webhook range", "[webhooks]\nallow = [\"10.0.0.1\"]\n", nil, nil, []string{"webhooks.allow[0]", "10.0.0.1"}},
		{"address of no town", bankAccount + "send_address = \"always\"\ncountry = \"DE\"\n", nil, nil, []string{"banks[0].town", "send_address"}},
		{"address when", bankAccount + "send_address = \"sometimes\"\n", nil, nil, []string{"banks[0].send_address", "never or outside_eea or always"}},
		{"country", bankAccount + "send_address = \"always\"\ntown = \"Berlin\"\ncountry = \"de\"\n", nil, nil, []string{"banks[0].country"}},
		{"result of a verification", bankAccount + "payee_alerts = [\"nope\"]\n", nil, nil, []string{"banks[0].payee_alerts[0]", "close or mismatch"}},
		{"short lease", "[dispatch]\nlease_for = \"5s\"\n", nil, nil, []string{"dispatch.lease_for"}},
		{"secret file missing", "[keystore]\npassphrase = \"file:/nowhere/at-all\"\n", nil, nil, []string{"keystore.passphrase", "/nowhere/at-all"}},
		{"secret variable missing", "[keystore]\npassphrase = \"env:NOT_SET\"\n", nil, nil, []string{"keystore.passphrase", "NOT_SET"}},
		{"all problems at once", "mode = \"prod\"\nlisten = \"x\"\n", nil, nil, []string{"2 problems", "mode", "listen"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := config.Load(config.Source{File: write(t, c.file), Environ: c.env, Flags: c.flags})
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("got %v, want a fault of kind Invalid", err)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

func TestFileThatIsNamedMustExist(t *testing.T) {
	for _, src := range []config.Source{{File: "/nowhere/x.toml"}, {Environ: []string{"SLUICE_CONFIG=/nowhere/x.toml"}}} {
		if _, _, err := config.Load(src); fault.CodeOf(err) != "config_missing" {
			t.Errorf("%+v: got %v", src, err)
		}
	}
	t.Chdir(t.TempDir())
	if _, file, err := config.Load(config.Source{}); err != nil || file != "" {
		t.Errorf("without a file: got %q, %v", file, err)
	}
}

func TestTemplateWorksAsWritten(t *testing.T) {
	for _, m := range []config.Mode{config.Live, config.Dev} {
		conf, _, err := config.Load(config.Source{File: write(t, config.Template(m))})
		if err != nil {
			t.Fatalf("%s: %v", m, err)
		}
		want := config.Default(m)
		if conf.Mode != m || conf.StopDelay != want.StopDelay || len(conf.Assets) != 1 || len(conf.Networks) != 0 {
			t.Errorf("%s: got %+v", m, conf)
		}
		// Every commented line is a key with its default: reading all of them changes nothing.
		all := strings.ReplaceAll(config.Template(m), "\n#", "\n")
		var keys []string
		for _, line := range strings.Split(all, "\n") {
			if !strings.HasPrefix(line, " ") && line != "" {
				keys = append(keys, line)
			}
		}
		full, _, err := config.Load(config.Source{File: write(t, strings.Join(keys, "\n")), Environ: []string{"ETHEREUM_RPC_URL=http://127.0.0.1:8545", "BITCOIN_RPC_URL=http://u:p@127.0.0.1:8332", "RATES_KEY=x"}})
		if err != nil {
			t.Fatalf("%s, every key: %v\n%s", m, err, strings.Join(keys, "\n"))
		}
		full.Banks, full.Assets, full.Networks, want.Assets, want.Networks = nil, nil, nil, nil, nil
		full.Fees, full.Exchange.Pairs, full.Exchange.Sources = nil, nil, nil
		want.Webhooks.Allow, full.Webhooks.Allow, full.Treasury.Low = nil, nil, nil
		if fmt.Sprintf("%+v", full) != fmt.Sprintf("%+v", want) {
			t.Errorf("%s: the defaults in the file are not the defaults:\n%+v\n%+v", m, full, want)
		}
	}
}

func TestTemplateNamesEveryKey(t *testing.T) {
	text := config.Template(config.Live)
	for _, k := range config.Keys() {
		if k.Doc == "" {
			t.Errorf("%s has no explanation", k.Path)
		}
		name := k.Path[strings.LastIndexByte(k.Path, '.')+1:]
		if !strings.Contains(text, "\n"+name+" = ") && !strings.Contains(text, "\n#"+name+" = ") {
			t.Errorf("the template does not name %s", k.Path)
		}
		if k.Env != "" && !strings.Contains(text, "("+k.Env+")") {
			t.Errorf("the template does not name %s", k.Env)
		}
	}
}

func TestSecretsComeFromFilesAndTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "passphrase")
	if err := os.WriteFile(path, []byte("open sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	put := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for name, c := range map[string]struct {
		text string
		env  []string
	}{
		"plain":                {"open sesame", nil},
		"file":                 {"file:" + path, nil},
		"f21 byte order mark":  {"file:" + put("bom", "\ufeffopen sesame\n"), nil},
		"f21 carriage return":  {"file:" + put("crlf", "open sesame\r\n"), nil},
		"f21 two newlines":     {"file:" + put("two", "open sesame\n\n"), nil},
		"f21 all of them":      {"file:" + put("all", "\ufeffopen sesame\r\n\r\n\n"), nil},
		"f21 a variable":       {"env:PASS", []string{"PASS=open sesame\n"}},
		"environment":          {"env:PASS", []string{"PASS=open sesame"}},
		"variable that names":  {"", []string{"SLUICE_KEYSTORE_PASSPHRASE=file:" + path}},
		"the last one decides": {"env:PASS", []string{"PASS=wrong", "PASS=open sesame"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := ""
			if c.text != "" {
				file = fmt.Sprintf("[keystore]\npassphrase = %q\n", c.text)
			}
			conf, _, err := config.Load(config.Source{File: write(t, file), Environ: c.env})
			if err != nil {
				t.Fatal(err)
			}
			if got := conf.Keystore.Passphrase.Reveal(); got != "open sesame" {
				t.Errorf("got %q", got)
			}
		})
	}
}

// TestF21_secrets_as_they_were: what an older version read of a file is known, so that keys
// which were made with it still open; what is no text is refused.
func TestF21_secrets_as_they_were(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passphrase")
	for _, c := range []struct{ text, earlier, bad string }{
		{"open\n", "", ""},
		{"open\r\n", "", ""},
		{"open\n\n", "open\n", ""},
		{"\ufeffopen\n", "\ufeffopen", ""},
		{" open \n", "", ""}, // blanks may be meant
		{"\xff\xfeo\x00p\x00", "", "save it as UTF-8"},
		{"o\x00p\x00", "", "save it as UTF-8"},
		{"\ufeff\n", "", "is empty"},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		conf, _, err := config.Load(config.Source{File: write(t, fmt.Sprintf("[keystore]\npassphrase = %q\n", "file:"+path))})
		if (c.bad != "") != (err != nil) || err != nil && !strings.Contains(err.Error(), c.bad) {
			t.Errorf("%q: %v", c.text, err)
		}
		if got := strings.Join(conf.Keystore.Passphrase.Earlier(), "|"); err == nil && got != c.earlier {
			t.Errorf("%q was read as %q before, want %q", c.text, got, c.earlier)
		}
	}
}

// planted is a word that must never appear in anything that prints a configuration.
const planted = "correct-horse-battery"

func TestSecretsDoNotPrint(t *testing.T) {
	conf := config.Default(config.Live)
	conf.Keystore.Passphrase = config.NewSecret(planted)
	conf.DatabaseURL = config.NewSecret("postgres://sluice:" + planted + "@db/sluice?password=" + planted)
	conf.Networks = []config.Network{{Name: "ethereum", URL: config.NewSecret("https://node/" + planted)}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		fmt.Fprintf(&out, verb+"\n", conf)
		fmt.Fprintf(&out, verb+"\n", &conf)
		fmt.Fprintf(&out, verb+"\n", conf.Keystore.Passphrase)
	}
	for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(h).Info("x", "conf", conf, "secret", conf.Keystore.Passphrase, "pointer", &conf.Keystore)
	}
	if err := json.NewEncoder(&out).Encode(conf); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(&out, conf.DatabaseName())
	fmt.Fprintln(&out, conf.Validate())
	for _, form := range []string{planted, fmt.Sprintf("%x", planted), fmt.Sprintf("%d", []byte(planted))} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the secret was printed:\n%s", out.String())
		}
	}
	if !strings.Contains(out.String(), config.Redacted) {
		t.Error("nothing says that there is a secret")
	}
}

func TestErrorsDoNotRepeatSecrets(t *testing.T) {
	_, _, err := config.Load(config.Source{File: write(t, ""), Environ: []string{
		"SLUICE_DATABASE_URL=postgres://u:" + planted + "%zz@h/d", "SLUICE_MODE=dev",
	}})
	if err == nil || strings.Contains(err.Error(), planted) {
		t.Errorf("got %v", err)
	}
	_, _, err = config.Load(config.Source{File: write(t, "[keystore]\npassphrase = [\""+planted+"\"]\n")})
	if err == nil || strings.Contains(err.Error(), planted) {
		t.Errorf("got %v", err)
	}
}
