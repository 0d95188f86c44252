package cli

import (
	"fmt"
	"slices"

	"sluice/internal/app"
	"sluice/internal/payout/recovery"
)

// books compares the books with the signer's log and the chains, which a database that was
// restored lags behind.
func (d *doctor) books() {
	if !slices.ContainsFunc(d.findings, func(f finding) bool { return f.Check == "database" && f.State == "ok" }) {
		return // that was said
	}
	const next = "`sluice recover` shows what was paid beyond the books; pay nothing before it is taken in"
	err := d.recovery(func(t *tool, r *app.Recovery) error {
		i, err := t.db.Installation(t.ctx)
		if err != nil {
			return err
		}
		left, err := r.Find(t.ctx)
		if err != nil {
			return err
		}
		behind, unknown, err := r.Why(t.ctx)
		if err != nil {
			return err
		}
		if len(left) > 0 {
			behind = append(behind, fmt.Sprintf("the signer's log has %d slots bound for payouts that the books do not know, the first for %s", len(left), left[0].Payouts[0].Ref))
		}
		for _, why := range behind {
			d.fail("books", why, next)
		}
		for _, why := range unknown {
			d.warn("books", "ask again when the node answers", "%s", why)
		}
		switch {
		case i.State == recovery.Looking:
			d.warn("books", "`sluice recover`", "looking only since %s: %s", when(i.Since), i.Reason)
		case len(behind)+len(unknown) == 0:
			d.ok("books", "nothing was paid beyond them")
		}
		return nil
	})
	if err != nil {
		d.fail("books", err.Error(), "")
	}
}
