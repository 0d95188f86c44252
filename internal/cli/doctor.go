package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"sluice/internal/app"
	"sluice/internal/config"
	"sluice/internal/signer/keystore"
	"sluice/internal/store"
)

type doctorCmd struct{}

// finding is one line of the doctor.
type finding struct {
	Check  string `json:"check"`
	State  string `json:"state"` // ok, warn, fail
	Detail string `json:"detail"`
	Next   string `json:"next,omitempty"` // what to do
}

type doctor struct {
	*env
	conf     config.Config
	findings []finding
}

// Run implements the command.
func (doctorCmd) Run(e *env) error {
	d := &doctor{env: e}
	conf, file, err := e.config(nil)
	if err != nil {
		d.fail("configuration", err.Error(), "correct it; `sluice init` writes an example, docs/configuration.md lists all keys")
		return d.end()
	}
	d.conf = conf
	d.ok("configuration", "%s, mode %s", or(file, "defaults and environment"), conf.Mode)
	for _, w := range conf.Warnings() {
		d.warn("configuration", "it would be refused in live, where it opens keys", "%s", w)
	}
	steps := []func(){d.database, d.keys, d.ports}
	if d.conf.Signer.Policy != "" {
		steps = append(steps, d.policy)
	}
	for _, n := range conf.Networks {
		steps = append(steps, func() { d.node(n) })
	}
	for _, b := range conf.Banks {
		steps = append(steps, func() { d.bank(b) })
	}
	steps = append(steps, d.books, d.rates)
	progress := e.slowly(len(steps), "checking", "checks")
	for _, s := range steps {
		s()
		progress.step()
	}
	return d.end()
}

func (d *doctor) add(state, check, next, format string, args ...any) {
	d.findings = append(d.findings, finding{check, state, fmt.Sprintf(format, args...), next})
}

func (d *doctor) ok(check, format string, args ...any) { d.add("ok", check, "", format, args...) }
func (d *doctor) warn(check, next, f string, a ...any) { d.add("warn", check, next, f, a...) }
func (d *doctor) fail(check, detail, next string)      { d.add("fail", check, next, "%s", detail) }
func (d *doctor) end() error {
	if err := list(d.env, d.findings, "STATE CHECK DETAIL", func(f finding) []any {
		detail := f.Detail
		if f.Next != "" {
			detail += " -- " + f.Next
		}
		return []any{f.State, f.Check, detail}
	}); err != nil {
		return err
	}
	if slices.ContainsFunc(d.findings, func(f finding) bool { return f.State == "fail" }) {
		return quiet{ExitNo}
	}
	return nil
}

func (d *doctor) database() {
	name := d.conf.DatabaseName()
	if err := store.Writable(d.conf.DatabaseURL.Reveal()); err != nil {
		d.fail("database", "database_url: "+name+" cannot be used: "+err.Error(), "")
		return
	}
	if path, ok := strings.CutPrefix(name, "sqlite:"); ok {
		if _, err := os.Stat(path); os.IsNotExist(err) {
			d.warn("database", "`sluice serve` or `sluice migrate` makes it", "%s does not exist yet", name)
			return
		}
	}
	err := d.open(func(t *tool) error {
		version, err := t.db.EngineVersion(t.ctx)
		if err != nil {
			return err
		}
		d.ok("database", "%s, %s %s, %d shards, schema is current", name, t.db.Engine(), version, t.db.Shards())
		d.assets(t)
		d.wallets(t)
		return d.sealed(t)
	})
	if err != nil {
		d.fail("database", err.Error(), "")
	}
}

func (d *doctor) assets(t *tool) {
	known, err := t.db.KnownAssets(t.ctx)
	if err != nil {
		d.fail("assets", err.Error(), "is the database damaged? `sluice verify` reads all of it")
		return
	}
	assets := d.conf.Money()
	for _, k := range known {
		a, ok := assets[k.Code]
		switch {
		case !ok:
			d.warn("assets", "add it under [[assets]]", "%s was used in this database and is not configured", k.Code)
		case a.Scale != int(k.Scale):
			d.fail("assets", fmt.Sprintf("%s has scale %d in the configuration and %d in the database", k.Code, a.Scale, k.Scale), "put the scale back")
		}
	}
	d.ok("assets", "%s", or(strings.Join(assets.Codes(), ", "), "none configured"))
}

func (d *doctor) wallets(t *tool) {
	rows, err := t.db.Wallets(t.ctx)
	if err != nil {
		d.fail("wallets", err.Error(), "is the database damaged? `sluice verify` reads all of it")
		return
	}
	have := d.addresses() // what is wrong is told by the check of the keystore
	for _, w := range rows {
		if !slices.ContainsFunc(have, func(a string) bool { return strings.EqualFold(a, w.Address) }) {
			d.warn("wallets", "put its key into keystore.dir, or run a process that has it", "%s on %s has no key here", w.Address, w.Network)
		}
	}
	d.ok("wallets", "%d known", len(rows))
}

func (d *doctor) keys() {
	if d.conf.Signer.Socket != "" {
		d.signer()
		return
	}
	k := d.conf.Keystore
	if len(d.conf.Networks) > 0 && k.Dir != "" {
		if err := app.LogFolder(d.conf); err != nil {
			d.fail("signer log", err.Error(), "")
		}
	}
	if k.Dir == "" {
		d.warn("keystore", "set keystore.dir where payouts are to be signed", "none: this process cannot sign")
		return
	}
	have, err := keystore.List(k.Dir)
	switch {
	case len(have) == 0 && err != nil:
		d.fail("keystore", err.Error(), "move other files out of the folder, and let this user read it")
	case len(have) == 0:
		d.warn("keystore", "`sluice wallet create` makes a key", "%s holds no key", k.Dir)
	case k.Passphrase.IsZero():
		d.fail("keystore", fmt.Sprintf("%d keys, but no passphrase", len(have)), "set keystore.passphrase, best as file:PATH or env:NAME")
	default:
		keys, err := keystore.Open(k.Dir, k.Passphrase.Reveal(), k.Passphrase.Earlier()...)
		if err != nil {
			d.fail("keystore", err.Error(), "correct keystore.passphrase")
			return
		}
		whole := true
		keys.Report(func(l keystore.Locked) {
			whole = false
			d.fail("keystore", l.Err.Error(), "nothing is paid from its wallet: put the file back from a backup, or correct its passphrase; other files do not belong into the folder")
		})
		if whole {
			d.ok("keystore", "%s opens: %s", k.Dir, strings.Join(have, ", "))
		}
	}
}

func (d *doctor) ports() {
	for _, x := range [][2]string{{"listen", d.conf.Listen}, {"admin_listen", d.conf.AdminListen}} {
		key, address := x[0], x[1]
		if address == "" {
			continue
		}
		var lc net.ListenConfig
		l, err := lc.Listen(d.ctx, "tcp", address)
		switch {
		case err == nil:
		case d.serves(address):
			d.ok(key, "%s is held by a running sluice", address)
			continue
		default:
			d.fail(key, app.WhyNotListen(address, err), "")
			continue
		}
		_ = l.Close()
		d.ok(key, "%s is free", address)
	}
}

// serves tells whether a sluice answers at an address.
func (d *doctor) serves(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(d.ctx, servesTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return false
	}
	r.Close = true
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close() //nolint:errcheck // read only
	var said struct {
		Checks []struct{ Name string }
	}
	err = json.NewDecoder(io.LimitReader(answer.Body, answerMax)).Decode(&said)
	return err == nil && slices.ContainsFunc(said.Checks, func(c struct{ Name string }) bool { return c.Name == "write_path" })
}

// servesTimeout bounds the look at who holds a port.
const servesTimeout = 2 * time.Second

// nodeTimeout bounds the check of one node.
const nodeTimeout = 15 * time.Second

func (d *doctor) node(n config.Network) {
	check := "network " + n.Name
	ctx, cancel := context.WithTimeout(d.ctx, nodeTimeout)
	defer cancel()
	r, err := app.OpenRail(ctx, n, d.conf.Money())
	if err != nil {
		d.fail(check, err.Error(), "")
		return
	}
	defer r.Close()
	on := fmt.Sprintf("chain %d", n.ChainID)
	if n.Kind == config.KindBitcoin {
		on = n.Coin.Chain
	}
	warnings, err := r.Reach(ctx)
	if err != nil {
		d.fail(check, err.Error(), "start the node or correct networks.url; withdrawals wait until then")
		return
	}
	for _, w := range warnings {
		d.warn(check, "payouts go on all the same", "%s", w)
	}
	d.ok(check, "the node answers and is on %s; it pays %s", on, strings.Join(r.Assets(), ", "))
}
