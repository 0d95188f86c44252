package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"sluice/internal/demo/bank"
)

// bankFlags are the flags of `sluice-demo bank`.
type bankFlags struct {
	Dir         string        `required:"" type:"path" help:"Folder that the bank shares with its customer: outbox and inbox are in it. It is banks.folder of the server."`
	Account     string        `required:"" help:"The customer's IBAN: banks.iban of the server."`
	Owner       string        `default:"Example GmbH" help:"Who holds the account."`
	BIC         string        `name:"bic" default:"BELADEBEXXX" help:"The bank's own BIC."`
	Opening     string        `default:"100000.00" help:"What the account holds at the start."`
	Zone        string        `default:"Europe/Berlin" help:"The bank's time zone."`
	StatementAt string        `default:"20:00" help:"When the day ends and its statement is made."`
	Every       time.Duration `default:"500ms" help:"How often the bank looks into the outbox."`
	Faster      int           `default:"1" help:"How much faster than ours the bank's clock runs: with 1440 a day takes a minute."`
	Seed        uint64        `help:"Decides which payments have the fates that percentages give."`

	Rule          []string `sep:"none" placeholder:"AMOUNT=FATE" help:"What becomes of payments of an amount: 1.00=reject:AC01, 2.00=return:AC04:2 (after two business days), 3.00=return-twice:MD07:1, 4.00=keep:FOCR:1:0.50 (comes back short), 5.00=reverse:MS03, 6.00=lost. May be repeated; * is every amount."`
	RejectPercent int      `help:"How many of the other payments are rejected."`
	ReturnPercent int      `help:"How many of the other payments come back."`
	Positive      bool     `help:"Report also what was accepted and executed."`
	Silent        bool     `help:"Report nothing, not even rejects."`
	Notify        bool     `default:"true" negatable:"" help:"Send a notification for each booking."`
	Twice         bool     `help:"Leave every file twice."`
	Details       bool     `help:"List the payments of a batch that is booked at once."`
	PageSize      int      `help:"Entries on a page of a statement. 0: all on one."`
	JSON          bool     `name:"json" help:"Print one JSON object per event."`
}

const bankPurpose = "A bank to try payments with: takes orders from a folder, books them on an account in memory, and answers with status reports, notifications and statements."

// bankMain is the program `sluice-demo bank`.
func bankMain(args []string, stdout, stderr *os.File) int {
	var f bankFlags
	code := -1
	parser, err := kong.New(&f, kong.Name("sluice-demo bank"), kong.Description(bankPurpose), kong.Writers(stdout, stderr), kong.Exit(func(c int) { code = c }))
	if err == nil {
		_, err = parser.Parse(args)
	}
	if code >= 0 {
		return code // --help has been printed
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
		defer stop()
		err = f.run(ctx, stdout)
		if err == nil {
			return 0
		}
	}
	_, _ = fmt.Fprintln(stderr, "sluice-demo bank:", err)
	return 2
}

func (f bankFlags) config(start time.Time) (cfg bank.Config, err error) {
	cfg = bank.Config{
		Dir: f.Dir, Account: f.Account, Owner: f.Owner, BIC: f.BIC, Start: start, Seed: f.Seed, RejectPercent: f.RejectPercent, ReturnPercent: f.ReturnPercent,
		Positive: f.Positive, Silent: f.Silent, Notify: f.Notify, Twice: f.Twice, Details: f.Details, PageSize: f.PageSize, Ahead: f.Faster > 1,
	}
	if cfg.Opening, err = centsOf(f.Opening); err != nil {
		return cfg, err
	}
	if cfg.Zone, err = time.LoadLocation(f.Zone); err != nil {
		return cfg, err
	}
	at, err := time.Parse("15:04", f.StatementAt)
	if err != nil {
		return cfg, fmt.Errorf("--statement-at: %q is no time like 20:00", f.StatementAt)
	}
	cfg.StatementAt = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	for _, text := range f.Rule {
		r, err := ruleOf(text)
		if err != nil {
			return cfg, fmt.Errorf("--rule %q: %w", text, err)
		}
		cfg.Rules = append(cfg.Rules, r)
	}
	return cfg, nil
}

// centsOf reads euros with two decimals.
func centsOf(text string) (int64, error) {
	whole, frac, ok := strings.Cut(text, ".")
	if !ok || len(frac) != 2 {
		return 0, fmt.Errorf("%q is no amount like 12.50", text)
	}
	return strconv.ParseInt(whole+frac, 10, 64)
}

var errRule = errors.New("want AMOUNT=reject:CODE, return:CODE:DAYS, return-twice:CODE:DAYS, keep:CODE:DAYS:AMOUNT, reverse:CODE or lost")

func ruleOf(text string) (r bank.Rule, err error) {
	amount, fate, ok := strings.Cut(text, "=")
	if !ok {
		return r, errRule
	}
	if amount != "*" {
		if r.Cents, err = centsOf(amount); err != nil {
			return r, err
		}
	}
	part := append(strings.Split(fate, ":"), "", "", "")
	days := 0
	if part[2] != "" {
		if days, err = strconv.Atoi(part[2]); err != nil {
			return r, errRule
		}
	}
	switch part[0] {
	case "reject":
		r.Fate.Reject = part[1]
	case "reverse":
		r.Fate.Reverse = part[1]
	case "return", "return-twice":
		r.Fate.Return, r.Fate.ReturnDays, r.Fate.ReturnTwice = part[1], days, part[0] == "return-twice"
	case "keep":
		r.Fate.Return, r.Fate.ReturnDays = part[1], days
		r.Fate.Kept, err = centsOf(part[3])
	case "lost":
		r.Fate.Lost = true
		return r, nil
	default:
		return r, errRule
	}
	if part[1] == "" {
		return r, errRule
	}
	return r, err
}

// run lets the bank work until ctx ends.
func (f bankFlags) run(ctx context.Context, out io.Writer) error {
	start := time.Now()
	cfg, err := f.config(start)
	if err != nil {
		return err
	}
	b, err := bank.Open(cfg)
	if err != nil {
		return err
	}
	if !f.JSON {
		_, _ = fmt.Fprintf(out, "The bank of %s is open: it takes orders from %s/outbox and answers in %s/inbox. Ctrl-C closes it.\n", f.Account, f.Dir, f.Dir)
	}
	tick := time.NewTicker(f.Every)
	defer tick.Stop()
	for {
		events, err := b.Tick(start.Add(time.Since(start) * time.Duration(max(f.Faster, 1))))
		for _, e := range events {
			if err := f.show(out, cfg.Zone, e); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (f bankFlags) show(out io.Writer, zone *time.Location, e bank.Event) error {
	at := e.At.In(zone).Format("2006-01-02 15:04:05")
	if f.JSON {
		return json.NewEncoder(out).Encode(map[string]string{"at": e.At.Format(time.RFC3339), "kind": e.Kind, "id": e.ID, "text": e.Text})
	}
	_, err := fmt.Fprintf(out, "%s  %-9s  %s  %s\n", at, e.Kind, e.ID, e.Text)
	return err
}
