package cli

import (
	"io"
	"log/slog"
	"strings"
	"time"

	"sluice/internal/app"
	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/payout/recovery"
	"sluice/internal/treasury"
)

type recoverCmd struct {
	Show     recoverShowCmd     `cmd:"" default:"withargs" help:"Show whether the books are only looked at, why, and every payout that the signer's log has beyond them."`
	Take     recoverTakeCmd     `cmd:"" help:"Take in what was found: each payout is booked to its withdrawal, which is made again where its row was lost, and is followed to its proof. May be repeated."`
	WriteOff recoverWriteOffCmd `cmd:"" help:"Go on without the withdrawal of a payout that cannot be taken in. Its foreign_id stays taken."`
	Open     recoverOpenCmd     `cmd:"" help:"Accept and pay again."`
	Look     recoverLookCmd     `cmd:"" help:"Accept and pay nothing until open."`
}

// recovery opens what is compared with the books for the time of fn.
func (e *env) recovery(fn func(*tool, *app.Recovery) error) error {
	return e.open(func(t *tool) error {
		return t.survey(func(s treasury.Survey) error {
			log, closing := app.SignerLog(t.conf)
			defer closing() //nolint:errcheck // it was only read
			r := app.NewRecovery(t.db, s.Rails, log, t.conf, slog.New(slog.DiscardHandler))
			r.Read = e.reading("the signer's log", "records", 0)
			return fn(t, r)
		})
	})
}

// foundOut is one payout beyond the books, as it is printed.
type foundOut struct {
	Withdrawal string    `json:"withdrawal"`
	Merchant   string    `json:"merchant,omitempty"`
	ForeignID  string    `json:"foreign_id,omitempty"`
	Amount     string    `json:"amount"`
	Currency   string    `json:"currency"`
	Network    string    `json:"network"`
	Wallet     string    `json:"wallet"`
	Dispatch   string    `json:"dispatch"`
	SignedAt   time.Time `json:"signed_at"`
	// Books is the state that the withdrawal has in the books; "lost" where they have none.
	Books string `json:"books"`
	// Chain is the transaction that has used the slot, "" for none, and Unsure why nobody
	// knows now whether there is one.
	Chain  string `json:"chain"`
	Unsure string `json:"unsure,omitempty"`
}

// recoverOut is what recover prints as JSON.
type recoverOut struct {
	State  recovery.State `json:"state"`
	Reason string         `json:"reason"`
	Since  *time.Time     `json:"since,omitempty"`
	Found  []foundOut     `json:"found"`
	Why    []string       `json:"why"` // what else speaks against opening
}

func (t *tool) found(all []app.Found) ([]foundOut, error) {
	assets, err := t.assets()
	out := []foundOut{}
	for _, f := range all {
		for _, p := range f.Payouts {
			o := foundOut{
				Withdrawal: p.Ref, ForeignID: p.Was.ForeignID, Amount: assets[p.Asset].Format(p.Amount), Currency: p.Asset, Network: f.Network, Wallet: f.Wallet,
				Dispatch: id.ID{Shard: app.Operator, Seq: f.Dispatch}.Text(id.Dispatch), SignedAt: f.At, Books: string(p.State), Unsure: f.Unsure,
			}
			if p.Was.Merchant != 0 {
				o.Merchant = id.ID{Shard: p.ID.Shard, Seq: p.Was.Merchant}.Text(id.Merchant)
			}
			switch {
			case p.Kept:
				o.Books = "written off"
			case p.Lost():
				o.Books = "lost"
			}
			if f.Attempt != nil {
				o.Chain = f.Attempt.TxID
			}
			out = append(out, o)
		}
	}
	return out, err
}

type recoverShowCmd struct{}

// Run implements the command.
func (recoverShowCmd) Run(e *env) error {
	return e.recovery(func(t *tool, r *app.Recovery) error {
		i, err := t.db.Installation(t.ctx)
		if err != nil {
			return err
		}
		out := recoverOut{State: recovery.Open, Reason: i.Reason, Since: maybe(i.Since), Why: []string{}}
		if i.State != "" {
			out.State = i.State
		}
		all, err := r.Find(t.ctx)
		if err != nil {
			return err
		}
		if out.Found, err = t.found(all); err != nil {
			return err
		}
		behind, unknown, err := r.Why(t.ctx)
		if err != nil {
			return err
		}
		out.Why = append(append(out.Why, behind...), unknown...)
		return e.print(out, func(w io.Writer) { out.table(printer{w}) })
	})
}

func (o recoverOut) table(p printer) {
	p.f("the books are\t%s\n", map[recovery.State]string{recovery.Open: "open", recovery.Looking: "only looked at: nothing is accepted, taken back or paid"}[o.State])
	if o.Reason != "" {
		p.f("because\t%s\n", o.Reason)
	}
	for _, why := range o.Why {
		p.f("still\t%s\n", why)
	}
	if len(o.Found) == 0 {
		p.line("\nThe signer's log has no payout that is not in the books.")
		return
	}
	p.line("\nWITHDRAWAL\tFOREIGN ID\tAMOUNT\tON\tBOOKS\tPAID BY")
	for _, f := range o.Found {
		p.f("%s\t%s\t%s %s\t%s\t%s\t%s\n", f.Withdrawal, or(f.ForeignID, "-"), f.Amount, f.Currency, f.Network, f.Books, or(f.Chain, or(f.Unsure, "no block yet")))
	}
	p.line("\n`sluice recover take` takes them in, `sluice recover open --reason ...` accepts and pays again.")
}

type recoverTakeCmd struct{}

// Run implements the command.
func (recoverTakeCmd) Run(e *env) error {
	return e.recovery(func(t *tool, r *app.Recovery) error {
		all, err := r.Find(t.ctx)
		if err != nil {
			return err
		}
		progress := e.slowly(len(all), "taking in", "slots")
		err = t.write(func(loop *commit.Loop) error {
			for _, f := range all {
				if err := r.Take(t.ctx, loop, f, actor); err != nil {
					return err
				}
				progress.step()
			}
			return nil
		})
		if err != nil {
			return err
		}
		out, err := t.found(all)
		if err != nil {
			return err
		}
		return list(e, out, "WITHDRAWAL FOREIGN_ID AMOUNT CURRENCY PAID_BY", func(f foundOut) []any {
			return []any{f.Withdrawal, or(f.ForeignID, "-"), f.Amount, f.Currency, or(f.Chain, "no block yet")}
		})
	})
}

type recoverWriteOffCmd struct {
	Withdrawal string `arg:"" help:"As recover shows it: wd_..."`
	Reason     string `required:"" help:"Why, for whoever reads the books later."`
}

// Run implements the command.
func (c recoverWriteOffCmd) Run(e *env) error {
	return e.recovery(func(t *tool, r *app.Recovery) error {
		all, err := r.Find(t.ctx)
		if err != nil {
			return err
		}
		for _, f := range all {
			for _, p := range f.Payouts {
				if p.Ref != c.Withdrawal {
					continue
				}
				if err := t.write(func(loop *commit.Loop) error { return r.WriteOff(t.ctx, loop, f, p, c.Reason, actor) }); err != nil {
					return err
				}
				return e.print(map[string]string{"withdrawal": p.Ref, "written_off": c.Reason}, func(w io.Writer) { printer{w}.f("%s is written off; its foreign_id stays taken\n", p.Ref) })
			}
		}
		return fault.New(fault.NotFound, "not_found_outside", "%s is none of the payouts that `sluice recover` shows", c.Withdrawal)
	})
}

type recoverOpenCmd struct {
	Reason     string `required:"" help:"Why, for whoever reads the books later."`
	Regardless bool   `help:"Open although something that was found is not taken in, or the signer's log cannot be read: what was paid may be paid again."`
}

// Run implements the command.
func (c recoverOpenCmd) Run(e *env) error {
	return e.recovery(func(t *tool, r *app.Recovery) error {
		if err := t.write(func(loop *commit.Loop) error { return r.Open(t.ctx, loop, c.Reason, actor, c.Regardless) }); err != nil {
			return err
		}
		return e.printRecovery(t)
	})
}

type recoverLookCmd struct {
	Reason string `required:"" help:"Why, for whoever reads the books later."`
}

// Run implements the command.
func (c recoverLookCmd) Run(e *env) error {
	if c.Reason = strings.TrimSpace(c.Reason); c.Reason == "" {
		return fault.Bad("invalid_reason", "reason", "say why")
	}
	return e.recovery(func(t *tool, r *app.Recovery) error {
		if err := t.write(func(loop *commit.Loop) error { return r.Look(t.ctx, loop, c.Reason, actor) }); err != nil {
			return err
		}
		return e.printRecovery(t)
	})
}

// printRecovery prints what the books are now.
func (e *env) printRecovery(t *tool) error {
	i, err := t.db.Installation(t.ctx)
	if err != nil {
		return err
	}
	return e.print(map[string]string{"state": string(i.State), "reason": i.Reason}, func(w io.Writer) { printer{w}.f("the books are %s\n", i.State) })
}
