package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sluice/internal/app"
	"sluice/internal/bank"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/id"
)

type bankCmd struct {
	Suspense bankSuspenseCmd `cmd:"" help:"Bookings of a bank that nobody here ordered."`
	Files    bankFilesCmd    `cmd:"" help:"List the files that banks sent, newest first."`
	File     bankFileCmd     `cmd:"" help:"Print what was in a file, as it came."`
	Orders   bankOrdersCmd   `cmd:"" help:"List the files of payments that banks got, newest first."`
}

type bankSuspenseCmd struct {
	List    suspenseListCmd    `cmd:"" help:"List what waits for a person, oldest first."`
	Resolve suspenseResolveCmd `cmd:"" help:"Say what a booking was; the ledger follows."`
}

type suspenseListCmd struct {
	Limit int `default:"100" help:"How many."`
}

// bankEntryOut is a booking as it is printed.
type bankEntryOut struct {
	ID           string    `json:"id"`
	Wallet       string    `json:"wallet"`
	Day          string    `json:"day"`
	Side         string    `json:"side"`
	Amount       string    `json:"amount"`
	Currency     string    `json:"currency"`
	Counterparty string    `json:"counterparty,omitempty"`
	Withdrawal   string    `json:"withdrawal,omitempty"`
	Cause        string    `json:"cause"`
	Reason       string    `json:"reason,omitempty"`
	Text         string    `json:"text"`
	State        string    `json:"state"`
	Resolution   string    `json:"resolution,omitempty"`
	ResolvedBy   string    `json:"resolved_by,omitempty"`
	File         string    `json:"file"`
	CreatedAt    time.Time `json:"created_at"`
}

func showBankEntry(x bank.Entry) bankEntryOut {
	side := "in"
	if x.Side == "DBIT" {
		side = "out"
	}
	out := bankEntryOut{
		ID: id.ID{Shard: bank.Shard, Seq: x.Seq}.Text(id.BankEntry), Wallet: x.Wallet, Day: x.Day, Side: side, Amount: bank.Currency.Format(x.Amount), Currency: x.Currency,
		Cause: x.Cause, Reason: x.Reason, Text: x.Text, State: string(x.State), Resolution: x.Resolution, ResolvedBy: x.ResolvedBy, File: x.File, CreatedAt: x.CreatedAt,
	}
	if _, err := id.Parse(id.Withdrawal, "wd_"+x.EndToEnd); err == nil {
		out.Withdrawal = "wd_" + x.EndToEnd
	}
	return out
}

// Run implements the command.
func (c *suspenseListCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		rows, err := t.db.BankSuspense(t.ctx, c.Limit)
		if err != nil {
			return err
		}
		keys, err := t.conf.Seal.Ring()
		if err != nil {
			return err
		}
		book := bank.New(nil, t.db, bank.Options{Keys: keys})
		out := make([]bankEntryOut, 0, len(rows))
		for _, x := range rows {
			shown := showBankEntry(x)
			side, err := book.Side(x)
			if err != nil {
				side.Name = "(cannot be opened: " + err.Error() + ")"
			}
			if shown.Counterparty = side.Name; side.Text != "" {
				shown.Text += " (the bank says: " + side.Text + ")"
			}
			out = append(out, shown)
		}
		return list(e, out, "ID DAY SIDE AMOUNT CAUSE COUNTERPARTY WHAT", func(x bankEntryOut) []any {
			return []any{x.ID, x.Day, x.Side, x.Amount + " " + x.Currency, x.Cause, or(x.Counterparty, "-"), x.Text}
		})
	})
}

type suspenseResolveCmd struct {
	ID       string   `arg:"" help:"The booking, bke_..."`
	As       string   `required:"" enum:"paid,return,funding,fee,offset,explained" help:"paid: the debit of payments of ours, which it does not name. return: payments of ours that came back without naming them. funding: our own money went in or out. fee: charges or interest of the bank. offset: it and another one cancel each other. explained: the text says where it is accounted for."`
	Text     string   `required:"" help:"Why, for whoever asks later. The books keep it for ever."`
	With     string   `help:"The other booking, for offset."`
	Payments []string `aliases:"withdrawal" placeholder:"WD,..." help:"The withdrawals that it is of, for paid and return. Together they must make its amount; one that came back alone may be less."`
	Charge   string   `placeholder:"AMOUNT" help:"What the bank charged in the same booking beside the payments, for paid and return."`
}

// Run implements the command.
func (c *suspenseResolveCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		cmd := bank.Resolve{As: c.As, Text: c.Text, Actor: operator()}
		var err error
		if cmd.Entry, err = t.bankEntry(c.ID); err != nil {
			return err
		}
		if c.With != "" {
			if cmd.With, err = t.bankEntry(c.With); err != nil {
				return err
			}
		}
		if cmd.Payments, err = t.bankPayments(c.Payments); err != nil {
			return err
		}
		if c.Charge != "" {
			if cmd.Fee, err = bank.Currency.Parse(c.Charge); err != nil {
				return fault.Of(err).At("charge")
			}
		}
		var x bank.Entry
		if err := t.write(func(loop *commit.Loop) (err error) {
			x, err = commit.Do(t.ctx, loop, bank.Shard, cmd)
			return err
		}); err != nil {
			return err
		}
		out := showBankEntry(x)
		return e.print(out, func(w io.Writer) {
			printer{w}.f("%s of %s %s is resolved as %s\n", out.ID, out.Amount, out.Currency, out.Resolution)
		})
	})
}

// bankPayments finds payments by the public ids of their withdrawals.
func (t *tool) bankPayments(ids []string) (out []bank.PaymentKey, err error) {
	for _, ref := range ids {
		p, ok, err := t.db.BankPayment(t.ctx, strings.TrimPrefix(ref, "wd_"))
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fault.New(fault.NotFound, "payment_not_found", "no bank was ever ordered to pay the withdrawal %q: name withdrawals with --payments", ref)
		}
		out = append(out, p.PaymentKey)
	}
	return out, nil
}

// bankEntry finds the key of a booking by its public id.
func (t *tool) bankEntry(text string) (string, error) {
	at, err := id.Parse(id.BankEntry, text)
	if err != nil {
		return "", fault.New(fault.Invalid, "invalid_id", "%q is no booking: %v; `sluice bank suspense list` shows them", text, err)
	}
	x, ok, err := t.db.BankEntry(t.ctx, int64(at.Seq))
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "entry_not_found", "there is no booking %s; `sluice bank suspense list` shows them", text)
	}
	return x.Key, err
}

type bankFilesCmd struct {
	Limit int `default:"50" help:"How many."`
}

// bankFileOut is a file as it is printed.
type bankFileOut struct {
	Hash      string    `json:"sha256"`
	Name      string    `json:"name"`
	Kind      string    `json:"kind,omitempty"`
	State     string    `json:"state"`
	Reason    string    `json:"reason,omitempty"`
	Size      int64     `json:"size"`
	Entries   int64     `json:"entries"`
	Problems  int64     `json:"problems"`
	Wallet    string    `json:"wallet"`
	CreatedAt time.Time `json:"created_at"`
}

// Run implements the command.
func (c *bankFilesCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		rows, err := t.db.BankFiles(t.ctx, c.Limit)
		if err != nil {
			return err
		}
		out := make([]bankFileOut, 0, len(rows))
		for _, f := range rows {
			out = append(out, bankFileOut{f.Hash, f.Name, f.Kind, string(f.State), f.Reason, f.Size, f.Entries, f.Problems, f.Wallet, f.CreatedAt})
		}
		return list(e, out, "RECEIVED NAME KIND STATE ENTRIES PROBLEMS SHA-256 REASON", func(f bankFileOut) []any {
			return []any{when(f.CreatedAt), f.Name, or(f.Kind, "-"), f.State, f.Entries, f.Problems, f.Hash, or(f.Reason, "-")}
		})
	})
}

type bankFileCmd struct {
	Hash string `arg:"" help:"SHA-256 of the file, as sluice bank files shows it."`
}

// Run implements the command.
func (c *bankFileCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		kept, ok, err := t.db.BankFileBytes(t.ctx, c.Hash)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.NotFound, "file_not_found", "the content of %s is not kept here: too large, or never received. A refused file also lies in the folder quarantine", c.Hash)
		}
		keys, err := t.conf.Seal.Ring()
		if err != nil {
			return err
		}
		content, err := bank.New(nil, t.db, bank.Options{Keys: keys}).Content(kept)
		if err != nil {
			return err
		}
		r, err := content.Open()
		if err != nil {
			return err
		}
		defer r.Close() //nolint:errcheck // only read from
		_, err = io.Copy(e.Stdout, r)
		return err
	})
}

type bankOrdersCmd struct {
	Limit int `default:"50" help:"How many."`
}

// bankOrderOut is an order as it is printed.
type bankOrderOut struct {
	ID        string     `json:"id"`
	Wallet    string     `json:"wallet"`
	Service   string     `json:"service"`
	Day       string     `json:"day"`
	Payments  int64      `json:"payments"`
	Total     string     `json:"total"`
	Open      int64      `json:"open"`
	HandedAt  *time.Time `json:"handed_at"`
	CreatedAt time.Time  `json:"created_at"`
}

// Run implements the command.
func (c *bankOrdersCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		rows, err := t.db.BankOrders(t.ctx, c.Limit)
		if err != nil {
			return err
		}
		out := make([]bankOrderOut, 0, len(rows))
		for _, o := range rows {
			x := bankOrderOut{ID: o.ID, Wallet: o.Wallet, Service: o.Service, Day: o.Day, Payments: o.Count, Total: bank.Currency.Format(o.Total), CreatedAt: o.CreatedAt}
			if !o.HandedAt.IsZero() {
				x.HandedAt = &o.HandedAt
			}
			payments, err := t.db.BankPayments(t.ctx, o.ID)
			if err != nil {
				return err
			}
			for _, p := range payments {
				if p.State == "held" {
					x.Open++
				}
			}
			out = append(out, x)
		}
		return list(e, out, "MESSAGE-ID DAY SERVICE PAYMENTS TOTAL OPEN +HANDED-OVER", func(o bankOrderOut) []any {
			handed := "not yet"
			if o.HandedAt != nil {
				handed = o.HandedAt.Format(time.RFC3339)
			}
			return []any{o.ID, o.Day, o.Service, o.Payments, o.Total, o.Open, handed}
		})
	})
}

// bankStatus is what the last statement says about an account at a bank.
func (t *tool) bankStatus(out walletOut) walletOut {
	st, ok, err := bank.Closing(t.ctx, t.db, out.ID)
	switch {
	case err != nil:
		out.Problem = err.Error()
	case !ok:
		out.Problem = "the bank has sent no statement yet"
	default:
		sign := ""
		if st.ClosingSide == "DBIT" {
			sign = "-"
		}
		out.Balances = map[string]string{bank.Currency.Code: sign + bank.Currency.Format(st.Closing)}
	}
	return out
}

// bank looks whether the files of a bank can be reached.
func (d *doctor) bank(b config.BankAccount) {
	check := "bank " + b.Name
	if d.conf.Seal.Keys.IsZero() {
		d.fail(check, "seal.keys is not set: bank accounts cannot be kept", "sluice seal key makes a key")
		return
	}
	if !slices.ContainsFunc(d.conf.Assets, func(a config.Asset) bool { return slices.Contains(a.Networks, b.Name) }) {
		d.warn(check, fmt.Sprintf("add networks = [%q] to the asset EUR, else no withdrawal can name it", b.Name), "no asset goes to it")
	}
	line, err := app.OpenChannel(b)
	if err != nil {
		d.fail(check, err.Error(), "correct the bank's folder, or its server and keys")
		return
	}
	defer line.Close() //nolint:errcheck // only looked at
	waiting, err := line.Inbox(d.ctx)
	if err != nil {
		d.fail(check, err.Error(), "make the bank's files reachable; payments wait until then, their money stays held")
		return
	}
	d.ok(check, "account %s, %d files wait to be taken in", maskAccount(b.IBAN), len(waiting))
}
