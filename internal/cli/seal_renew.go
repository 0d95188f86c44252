package cli

import (
	"io"
	"maps"
	"slices"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/store"
)

type sealRenewCmd struct{}

// sealRenewOut is how many rows were sealed again, by kind, and how many open withdrawals
// still hold a value of the old form.
type sealRenewOut struct {
	Renewed map[string]int `json:"renewed"`
	Waiting int            `json:"waiting"`
}

// Run implements the command.
func (sealRenewCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		if t.conf.Seal.Keys.IsZero() {
			return fault.Bad("config_invalid", "seal.keys", "is needed: values are sealed with it; `sluice seal key` makes one")
		}
		rows, err := t.db.SealRenewals(t.ctx)
		if err != nil {
			return err
		}
		out := sealRenewOut{Renewed: map[string]int{}}
		progress := e.slowly(len(rows), "sealing again", "rows")
		err = t.write(func(loop *commit.Loop) error {
			for _, r := range rows {
				if r.Command == nil {
					out.Waiting++
				} else if _, err := commit.Do(t.ctx, loop, r.Shard, r.Command); err != nil {
					return err
				} else {
					out.Renewed[r.What]++
				}
				progress.step()
			}
			return nil
		})
		if err != nil {
			return err
		}
		return e.print(out, func(w io.Writer) {
			p := printer{w}
			p.line("SEALED-AGAIN\tROWS")
			for _, what := range slices.Sorted(maps.Keys(out.Renewed)) {
				p.f("%s\t%d\n", what, out.Renewed[what])
			}
			if out.Waiting > 0 {
				p.f("\n%d open withdrawals keep the old form until they end\n", out.Waiting)
			}
		})
	})
}

// sealed looks for values that are readable, bound to no row, or under an older key.
func (d *doctor) sealed(t *tool) error {
	if d.conf.Seal.Keys.IsZero() {
		return nil
	}
	old, err := t.db.SealRenewals(t.ctx)
	if err != nil {
		return err
	}
	old = slices.DeleteFunc(old, func(r store.Renewal) bool { return r.Command == nil })
	if len(old) > 0 {
		d.warn("sealed values", "`sluice seal renew` seals them again, beside the running server", "%d rows are readable, bound to no row, or under an older key of seal.keys", len(old))
		return nil
	}
	d.ok("sealed values", "all are under the first key of seal.keys and bound to their rows")
	return nil
}
