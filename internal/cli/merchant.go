package cli

import (
	"crypto/rand"
	"io"
	"math/big"
	"time"

	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/store"
)

type merchantCmd struct {
	Create merchantCreateCmd `cmd:"" help:"Make a merchant."`
	List   merchantListCmd   `cmd:"" help:"List all merchants."`
	Set    merchantSetCmd    `cmd:"" help:"Change a merchant."`
}

// merchantOut is a merchant as it is printed.
type merchantOut struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Mode         string    `json:"mode"`
	CancelWindow string    `json:"cancel_window"`
	Shard        int       `json:"shard"`
	CreatedAt    time.Time `json:"created_at"`
}

func showMerchant(shard id.Shard, m merchant.Merchant) merchantOut {
	return merchantOut{id.ID{Shard: shard, Seq: m.Seq}.Text(id.Merchant), m.Name, string(m.Mode), m.CancelWindow.String(), int(shard), m.CreatedAt}
}

func (m merchantOut) table(w io.Writer) {
	printer{w}.f("id\t%s\nname\t%s\nmode\t%s\ncancel window\t%s\nshard\t%d\n", m.ID, m.Name, m.Mode, m.CancelWindow, m.Shard)
}

type merchantCreateCmd struct {
	Name         string        `required:"" help:"What people call it."`
	Mode         string        `placeholder:"MODE" enum:",live,test" default:"" help:"live or test, for ever. Default: test in dev mode, else live."`
	CancelWindow time.Duration `default:"0s" help:"Keep every new withdrawal cancellable for that long."`
	Shard        int           `default:"-1" placeholder:"N" help:"Where its rows live. Default: any."`
}

// Run implements the command.
func (c *merchantCreateCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		shard, err := c.shard(t.db)
		if err != nil {
			return err
		}
		mode := merchant.Mode(c.Mode)
		if mode == "" {
			mode = merchant.Live
			if t.conf.Mode == config.Dev {
				mode = merchant.Test
			}
		}
		var m merchant.Merchant
		if err := t.write(func(loop *commit.Loop) (err error) {
			m, err = commit.Do(t.ctx, loop, shard, merchant.Create{Name: c.Name, Mode: mode, CancelWindow: c.CancelWindow})
			return err
		}); err != nil {
			return err
		}
		out := showMerchant(shard, m)
		return e.print(out, func(w io.Writer) {
			out.table(w)
			p := printer{w}
			p.f("\nNext: sluice key create --merchant %s --scopes all\n", out.ID)
			p.f("Its own account, which the wires of CoinsPaid and Tylt work on:\n      sluice account open --merchant %s --kind merchant --name %q\n", out.ID, out.Name)
		})
	})
}

// shard picks where a merchant lives. At random, merchants spread evenly.
func (c *merchantCreateCmd) shard(db *store.DB) (id.Shard, error) {
	if c.Shard >= db.Shards() {
		return 0, fault.New(fault.Invalid, "usage", "--shard %d: this database has shards 0 to %d", c.Shard, db.Shards()-1)
	}
	if c.Shard >= 0 {
		return id.Shard(c.Shard), nil //nolint:gosec // checked above
	}
	n, err := rand.Int(rand.Reader, big.NewInt(int64(db.Shards())))
	if err != nil {
		return 0, err
	}
	return id.Shard(n.Int64()), nil //nolint:gosec // below Shards
}

type merchantListCmd struct{}

// Run implements the command.
func (merchantListCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		var out []merchantOut
		for n := range t.db.Shards() {
			shard := id.Shard(n)
			rows, err := everything(func(before id.Seq) ([]merchant.Merchant, error) {
				return t.db.Merchants(t.ctx, shard, before, store.PageMax)
			}, func(m merchant.Merchant) id.Seq { return m.Seq })
			if err != nil {
				return err
			}
			for _, m := range rows {
				out = append(out, showMerchant(shard, m))
			}
		}
		return list(e, out, "ID NAME MODE CANCEL-WINDOW +SHARD +CREATED", func(m merchantOut) []any {
			return []any{m.ID, e.cut(m.Name, 36), m.Mode, m.CancelWindow, m.Shard, when(m.CreatedAt)}
		})
	})
}

// everything reads a list page by page.
func everything[R any](page func(before id.Seq) ([]R, error), seq func(R) id.Seq) ([]R, error) {
	var out []R
	for before := id.Seq(0); ; {
		rows, err := page(before)
		if err != nil || len(rows) == 0 {
			return out, err
		}
		out = append(out, rows...)
		before = seq(rows[len(rows)-1])
	}
}

type merchantSetCmd struct {
	ID           string         `arg:"" help:"The merchant, mer_..."`
	CancelWindow *time.Duration `required:"" help:"Keep new withdrawals cancellable for that long. Those that exist keep theirs."`
}

// Run implements the command.
func (c *merchantSetCmd) Run(e *env) error {
	at, err := parseID(id.Merchant, c.ID)
	if err != nil {
		return err
	}
	return e.open(func(t *tool) error {
		var m merchant.Merchant
		if err := t.write(func(loop *commit.Loop) (err error) {
			m, err = commit.Do(t.ctx, loop, at.Shard, merchant.SetCancelWindow{Merchant: at.Seq, CancelWindow: *c.CancelWindow})
			return err
		}); err != nil {
			return err
		}
		out := showMerchant(at.Shard, m)
		return e.print(out, out.table)
	})
}

func parseID(k id.Kind, text string) (id.ID, error) {
	at, err := id.Parse(k, text)
	if err != nil {
		return at, fault.New(fault.Invalid, "usage", "%q: %s", text, err)
	}
	return at, nil
}

// when writes a moment for people.
func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// or writes a text that may be empty.
func or(s, none string) string {
	if s == "" {
		return none
	}
	return s
}

// need is the refusal of a thing that does not exist.
func need(found bool, what, which string) error {
	if found {
		return nil
	}
	return fault.New(fault.NotFound, "not_found", "there is no %s %s in this database; --database-url names another", what, which)
}
