// Package cli is the program `sluice`: one file per command. Every command works
// beside a running server on the same database, prints for people or, with --json,
// for programs, and says in every error what to do next.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"sluice/internal/app"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/merchant"
	"sluice/internal/store"
)

// The exit codes. They are part of the contract with scripts.
const (
	ExitOK     = 0
	ExitNo     = 1 // the command ran, and the answer is no: differences, a refusal, no such thing
	ExitCannot = 2 // the command could not run: usage, configuration, database, node
)

const about = "Sluice pays users out: from its own double-entry ledger to a network, exactly once."

// root is every command with its flags. docs/cli.md is generated from it.
type root struct {
	Config      string      `short:"c" placeholder:"PATH" help:"Configuration file. Default: what SLUICE_CONFIG names, else sluice.toml if it exists."`
	DatabaseURL string      `placeholder:"URL" help:"sqlite:PATH or postgres://USER@HOST/DATABASE, over the configuration."`
	Set         []string    `sep:"none" placeholder:"KEY=VALUE" help:"Set any key of the configuration, like --set commit.batch_max=512. May be repeated."`
	Wide        bool        `help:"Show every column of a table, however wide it becomes. Without it tables keep to 100 columns."`
	ShowVersion versionFlag `name:"version" help:"Print what was built, and end."`
	JSON        bool        `name:"json" help:"Print JSON: one object, or for lists one object per line. Errors are an object on standard error."`

	Serve      serveCmd      `cmd:"" help:"Run the server until SIGTERM or Ctrl-C."`
	Init       initCmd       `cmd:"" help:"Write a commented configuration file."`
	Migrate    migrateCmd    `cmd:"" help:"Make the database, or bring its schema up to this program."`
	Merchant   merchantCmd   `cmd:"" help:"Merchants, the tenants of an installation."`
	Key        keyCmd        `cmd:"" help:"API keys."`
	Wallet     walletCmd     `cmd:"" help:"Wallets, what payouts are paid from."`
	Dispatch   dispatchCmd   `cmd:"" help:"Slots and what they pay: look, cancel."`
	Signer     signerCmd     `cmd:"" help:"The signer in a process of its own: it holds the keys, and a policy that no server can change."`
	Approver   approverCmd   `cmd:"" help:"Approvals: the proof that somebody with a key of their own agreed to a payout."`
	Waiting    waitingCmd    `cmd:"" help:"List everything that waits for a person, and which command ends it."`
	Withdrawal withdrawalCmd `cmd:"" help:"Withdrawals."`
	Account    accountCmd    `cmd:"" help:"Accounts and their balances."`
	Event      eventCmd      `cmd:"" help:"The log of what happened to a merchant."`
	Endpoint   endpointCmd   `cmd:"" help:"Webhook endpoints."`
	Delivery   deliveryCmd   `cmd:"" help:"What was sent to webhook endpoints."`
	Bank       bankCmd       `cmd:"" help:"What banks said."`
	Seal       sealCmd       `cmd:"" help:"Keys for what is kept encrypted."`
	Treasury   treasuryCmd   `cmd:"" help:"What the wallets have, what they owe, and how long it lasts."`
	Reconcile  reconcileCmd  `cmd:"" help:"Compare the wallets with the ledger, to the last unit."`
	Credit     creditCmd     `cmd:"" help:"Credit accounts, and say what merchants may credit by themselves."`
	Fee        feeCmd        `cmd:"" help:"What merchants are charged."`
	Dialect    dialectCmd    `cmd:"" help:"Who speaks the wires of other providers."`
	Verify     verifyCmd     `cmd:"" help:"Recompute every balance and the hash chain from the rows, and compare them with what is written and with what was written down outside the database. Exit code 1: something differs."`
	Chain      chainCmd      `cmd:"" help:"The hash chain of the books: who changes the database behind the program's back is found by verify."`
	Backup     backupCmd     `cmd:"" help:"Copy the SQLite database, beside a running server, and check the copy. Exit code 1: something in it differs. PostgreSQL has tools of its own."`
	Restore    restoreCmd    `cmd:"" help:"Check a backup before it is needed."`
	Recover    recoverCmd    `cmd:"" help:"After a restore: find what was paid beyond the books, take it in, and open them again."`
	Bench      benchCmd      `cmd:"" help:"Measure this machine."`
	Doctor     doctorCmd     `cmd:"" help:"Check configuration, database, nodes and keys. Exit code 1: something is wrong."`
	Health     healthCmd     `cmd:"" help:"Ask a running server whether it answers. Exit code 1: it says no; 2: it does not answer."`
	Version    versionCmd    `cmd:"" help:"Print what was built."`
	Docs       docsCmd       `cmd:"" hidden:"" help:"Write the generated pages of the documentation."`
}

// IO is what a command reads, writes and is told by its surroundings.
type IO struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Environ        []string
}

// env is what commands work with.
type env struct {
	IO
	ctx  context.Context
	root *root
}

// Main runs the program with the arguments of the process and gives its exit code.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// After the first signal the second one ends the process the hard way.
	context.AfterFunc(ctx, stop)
	return Run(ctx, os.Args[1:], IO{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ()})
}

// exited carries an exit code out of kong, which asks to end the process after --help.
type exited int

// Run runs one command and gives its exit code. ctx ends it.
func Run(ctx context.Context, args []string, files IO) (code int) {
	defer func() {
		if e, ok := recover().(exited); ok {
			code = int(e)
		}
	}()
	var r root
	parser, err := newParser(&r, files)
	if err != nil {
		_, _ = fmt.Fprintln(files.Stderr, "sluice:", err) // there is nowhere else to say it
		return ExitCannot
	}
	e := &env{IO: files, ctx: ctx, root: &r}
	// `sluice help serve` is what a newcomer types for `sluice serve --help`.
	switch {
	case len(args) == 0:
		args = []string{"--help"}
	case args[0] == "help":
		args = append(append([]string{}, args[1:]...), "--help")
	}
	k, err := parser.Parse(args)
	if err != nil {
		r.JSON = r.JSON || has(args, "--json")
		return e.fail(fault.New(fault.Invalid, "usage", "%s; `sluice %s--help` shows how", err, path(err)))
	}
	if err := k.Run(e); err != nil {
		return e.fail(err)
	}
	return ExitOK
}

func newParser(r *root, files IO) (*kong.Kong, error) {
	return kong.New(r, kong.Name("sluice"), kong.Description(about), kong.Writers(files.Stdout, files.Stderr),
		kong.Exit(func(code int) { panic(exited(code)) }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"scopes": scopeNames(merchant.MerchantScopes), "operator_scopes": scopeNames(merchant.OperatorScopes), "states": stateNames(), "dialects": dialectNames(), "options": optionNames()})
}

// path is the command that was misused, with a blank behind it, so that the hint
// names the right help.
func path(err error) string {
	var p *kong.ParseError
	if !errors.As(err, &p) || p.Context == nil || p.Context.Selected() == nil {
		return ""
	}
	return strings.TrimPrefix(commandPath(p.Context.Selected()), "sluice ") + " "
}

// commandPath is what one types for a command, without its other names.
func commandPath(n *kong.Node) string {
	var words []string
	for w := range strings.FieldsSeq(n.FullPath()) {
		if !strings.HasPrefix(w, "(") {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

func has(args []string, flag string) bool {
	for _, a := range args {
		if a == flag {
			return true
		}
	}
	return false
}

// quiet is an error that has been told already: only the exit code is left.
type quiet struct{ code int }

// Error implements error.
func (q quiet) Error() string { return fmt.Sprintf("exit code %d", q.code) }

// fail tells an error and gives the exit code.
func (e *env) fail(err error) int {
	var q quiet
	if errors.As(err, &q) {
		return q.code
	}
	f := fault.Of(err)
	text := err.Error()
	if e.root.JSON {
		_ = json.NewEncoder(e.Stderr).Encode(map[string]any{ // there is nowhere else to say it
			"error": map[string]any{"code": f.Code, "message": text, "fields": f.Fields},
		})
	} else {
		_, _ = fmt.Fprintln(e.Stderr, "sluice:", text) // there is nowhere else to say it
	}
	switch f.Kind {
	case fault.NotFound, fault.Conflict, fault.Refused, fault.Forbidden, fault.Unauthenticated:
		return ExitNo
	case fault.Invalid, fault.Busy, fault.Unavailable, fault.Internal:
	}
	return ExitCannot
}

// config loads the configuration. over are flags of the command itself.
func (e *env) config(over map[string]string) (config.Config, string, error) {
	flags := map[string]string{}
	for _, kv := range e.root.Set {
		k, v, ok := strings.Cut(kv, "=")
		if !ok {
			return config.Config{}, "", fault.New(fault.Invalid, "usage", "--set %s: write --set key=value, like --set commit.batch_max=512", kv)
		}
		flags[strings.TrimSpace(k)] = v
	}
	for k, v := range over {
		if v != "" {
			flags[k] = v
		}
	}
	if e.root.DatabaseURL != "" {
		flags["database_url"] = e.root.DatabaseURL
	}
	return config.Load(config.Source{File: e.root.Config, Environ: e.Environ, Flags: flags})
}

// logger writes to standard error as the configuration says.
func (e *env) logger(conf config.Config) *slog.Logger {
	opt := &slog.HandlerOptions{Level: conf.Log.SlogLevel(), ReplaceAttr: withUnits}
	if conf.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(e.Stderr, opt))
	}
	return slog.New(slog.NewTextHandler(e.Stderr, opt))
}

// withUnits writes durations as people do: a bare number would be nanoseconds.
func withUnits(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// tool is what a command on the database needs.
type tool struct {
	*env
	conf config.Config
	db   *store.DB
}

// open loads the configuration, opens the database for the time of fn, and never
// changes its schema.
func (e *env) open(fn func(*tool) error) error { return e.openAs(false, fn) }

// openAs is open; with look, a chain that is wrong is no reason not to.
func (e *env) openAs(look bool, fn func(*tool) error) error {
	conf, _, err := e.config(nil)
	if err != nil {
		return err
	}
	opt, err := app.StoreOptions(conf, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	opt.Look = look
	db, err := store.Open(e.ctx, conf.DatabaseURL.Reveal(), opt)
	if err != nil {
		return fault.New(fault.Unavailable, "no_database", "database_url: %s cannot be used: %v; --database-url or SLUICE_DATABASE_URL names another", conf.DatabaseName(), err)
	}
	return errors.Join(fn(&tool{e, conf, db}), db.Close())
}

// write runs a commit loop for the time of fn.
func (t *tool) write(fn func(*commit.Loop) error) error { return app.Write(t.ctx, t.db, fn) }

// print writes a result: v as JSON, or what text writes.
func (e *env) print(v any, text func(w io.Writer)) error {
	if !e.root.JSON {
		w := &tabulator{out: e.Stdout, wide: e.root.Wide}
		text(w)
		return w.Flush()
	}
	return json.NewEncoder(e.Stdout).Encode(v)
}

// list writes rows: one JSON object per line, or a table.
func list[T any](e *env, rows []T, head string, line func(T) []any) error {
	if e.root.JSON {
		enc := json.NewEncoder(e.Stdout)
		for _, r := range rows {
			if err := enc.Encode(r); err != nil {
				return err
			}
		}
		return nil
	}
	w := &tabulator{out: e.Stdout, wide: e.root.Wide}
	p := printer{w}
	p.line(strings.ReplaceAll(head, " ", "\t"))
	for _, r := range rows {
		cells := line(r)
		for i, c := range cells {
			if i > 0 {
				p.text("\t")
			}
			p.text(strings.NewReplacer("\t", " ", "\n", " ").Replace(fmt.Sprint(c)))
		}
		p.line("")
	}
	return w.Flush()
}

// printer writes texts to a terminal; a terminal that is gone is nobody to tell.
type printer struct{ io.Writer }

func (p printer) text(s string)             { _, _ = io.WriteString(p, s) }
func (p printer) line(s string)             { p.text(s + "\n") }
func (p printer) f(format string, a ...any) { _, _ = fmt.Fprintf(p, format, a...) }
func (e *env) progress(f string, a ...any)  { printer{e.Stderr}.f(f+"\n", a...) }
func (e *env) slowly(total int, what, unit string) *bar {
	return &bar{e: e, total: total, what: what, unit: unit, begin: time.Now()}
}

// bar tells on standard error how far a long operation has come, at most once per
// tenth of it.
type bar struct {
	e           *env
	what, unit  string
	total, done int
	begin       time.Time
}

func (b *bar) step() {
	b.done++
	if b.total >= 2 && b.done*10/b.total != (b.done-1)*10/b.total {
		now := time.Now()
		if now.Sub(b.begin) < stillAt { // nobody has waited yet
			b.e.progress("%s: %d of %d", b.what, b.done, b.total)
			return
		}
		p := store.Progress{Rows: int64(b.done), Of: int64(b.total), Since: b.begin}
		b.e.progress("%s: %s", b.what, pace(b.unit, p.Rows, p.Of, p.Rate(now), p.Left(now)))
	}
}

// reading returns a counter of what is read and how much there is, 0 for unknown. It says on
// standard error how far it has come, once every stillAt.
func (e *env) reading(what, unit string, of int64) func(more int) {
	p, last := store.Progress{Of: of, Since: time.Now()}, time.Now()
	return func(more int) {
		p.Rows += int64(more)
		if now := time.Now(); now.Sub(last) >= stillAt {
			last = now
			e.progress("%s: %s", what, pace(unit, p.Rows, p.Of, p.Rate(now), p.Left(now)))
		}
	}
}

// pace says how far something has come, how fast, and how long it will take.
func pace(unit string, done, of, rate int64, left time.Duration) string {
	text := fmt.Sprintf("%d %s", done, unit)
	if of > 0 {
		text = fmt.Sprintf("%d of about %d %s (%d %%)", done, of, unit, done*100/of)
	}
	if rate > 0 {
		text += fmt.Sprintf(", %d a second", rate)
	}
	if left >= time.Second {
		text += ", about " + left.Round(time.Second).String() + " left"
	}
	return text
}
