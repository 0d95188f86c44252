package cli

import (
	"crypto/rand"
	"io"
	"slices"
	"strings"
	"time"

	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/payout"
	"sluice/internal/store"
)

type keyCmd struct {
	Create keyCreateCmd `cmd:"" help:"Make an API key. Its secret is printed once and never again."`
	List   keyListCmd   `cmd:"" help:"List API keys."`
	Revoke keyRevokeCmd `cmd:"" help:"End an API key. Servers stop taking it within a second."`
}

// keyOut is a key as it is printed.
type keyOut struct {
	ID        string     `json:"id"`
	Merchant  string     `json:"merchant,omitempty"` // none: the operator's
	Mode      string     `json:"mode"`
	Name      string     `json:"name"`
	Secret    string     `json:"secret,omitempty"` // only when it is made
	Shown     string     `json:"shown"`
	Scopes    []string   `json:"scopes"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"`
	RevokedAt *time.Time `json:"revoked_at"`
}

func showKey(k merchant.Key) keyOut {
	return keyOut{
		ID: id.ID{Shard: payout.OperatorShard, Seq: k.Seq}.Text(id.Key), Merchant: k.Owner.Text(id.Merchant), Mode: string(k.Mode), Name: k.Name,
		Shown: k.Prefix + "_..." + k.Last4, Scopes: strings.Fields(k.Scopes), CreatedAt: k.CreatedAt, ExpiresAt: maybe(k.ExpiresAt), RevokedAt: maybe(k.RevokedAt),
	}
}

func maybe(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

type keyCreateCmd struct {
	Merchant  string        `placeholder:"ID" help:"Whose key: mer_..."`
	Operator  bool          `help:"A key of the operator instead: it reads everything of all merchants, and decides what waits for the operator."`
	Name      string        `help:"What it is for."`
	Scopes    []string      `placeholder:"SCOPE" help:"What it may do, separated by commas: ${scopes}; or all of them: all. An operator's key may have ${operator_scopes}; default: operator, which is all it can do."`
	ExpiresIn time.Duration `placeholder:"DURATION" help:"After that it stops working, like 720h. Default: never."`
}

// Run implements the command.
func (c *keyCreateCmd) Run(e *env) error {
	if (c.Merchant == "") != c.Operator {
		return fault.New(fault.Invalid, "usage", "name whose key it is: --merchant mer_... or --operator")
	}
	return e.open(func(t *tool) error {
		cmd, err := c.command(t)
		if err != nil {
			return err
		}
		if c.ExpiresIn > 0 {
			cmd.ExpiresAt = time.Now().Add(c.ExpiresIn)
		}
		if cmd.Secret, err = merchant.NewSecret(cmd.Mode, rand.Reader); err != nil {
			return err
		}
		var k merchant.Key
		if err := t.write(func(loop *commit.Loop) (err error) {
			k, err = commit.Do(t.ctx, loop, payout.OperatorShard, cmd)
			return err
		}); err != nil {
			return err
		}
		out := showKey(k)
		out.Secret = cmd.Secret
		return e.print(out, func(w io.Writer) {
			p := printer{w}
			p.f("id\t%s\nfor\t%s\nmode\t%s\nscopes\t%s\nexpires\t%s\n\n", out.ID, or(out.Merchant, "the operator"), out.Mode, strings.Join(out.Scopes, " "), when(k.ExpiresAt))
			p.f("%s\n\nThis is the only time that the key is shown. Send it as `Authorization: Bearer %s...`.\n", out.Secret, k.Prefix+"_")
		})
	})
}

func (c *keyCreateCmd) command(t *tool) (cmd merchant.CreateKey, err error) {
	cmd = merchant.CreateKey{Name: c.Name, Mode: merchant.Live}
	if c.ExpiresIn < 0 {
		// Zero means never, and a negative time must not come near that.
		return cmd, fault.New(fault.Invalid, "usage", "--expires-in %s: a key can only expire in the future; leave it out for one that never does", c.ExpiresIn)
	}
	if c.Operator {
		if t.conf.Mode == config.Dev {
			cmd.Mode = merchant.Test
		}
		cmd.Scopes, err = c.scopes("an operator's key", merchant.OperatorScopes, []merchant.Scope{merchant.Operate})
		if len(c.Scopes) == 0 {
			cmd.Scopes, err = []merchant.Scope{merchant.Operate}, nil
		}
		return cmd, err
	}
	owner, err := parseID(id.Merchant, c.Merchant)
	if err != nil {
		return cmd, err
	}
	m, found, err := t.db.Merchant(t.ctx, owner)
	if err != nil {
		return cmd, err
	}
	if err := need(found, "merchant", c.Merchant); err != nil {
		return cmd, err
	}
	cmd.Owner, cmd.Mode = owner, m.Mode // live or test is the merchant's, never the key's own
	cmd.Scopes, err = c.scopes("a merchant's key", merchant.MerchantScopes, merchant.MerchantScopes)
	return cmd, err
}

// scopes reads --scopes: those that may be named for a key, and what all stands for.
func (c *keyCreateCmd) scopes(whose string, allowed, all []merchant.Scope) ([]merchant.Scope, error) {
	var out []merchant.Scope
	for _, s := range c.Scopes {
		if s == "all" {
			if len(c.Scopes) > 1 {
				return nil, fault.New(fault.Invalid, "usage", "--scopes all stands alone: it is every scope that %s may have", whose)
			}
			return all, nil
		}
		if !slices.Contains(allowed, merchant.Scope(s)) {
			return nil, fault.New(fault.Invalid, "usage", "--scopes %s: %s may have %s", s, whose, scopeNames(allowed))
		}
		out = append(out, merchant.Scope(s))
	}
	if len(out) == 0 {
		return nil, fault.New(fault.Invalid, "usage", "a key may do nothing by default: name its scopes, like --scopes withdrawals:read,withdrawals:create, or --scopes all")
	}
	return out, nil
}

type keyListCmd struct {
	Merchant string `placeholder:"ID" help:"Whose keys: mer_..."`
	Operator bool   `help:"The operator's keys."`
}

// Run implements the command.
func (c *keyListCmd) Run(e *env) error {
	if (c.Merchant == "") != c.Operator {
		return fault.New(fault.Invalid, "usage", "name whose keys: --merchant mer_... or --operator")
	}
	var owner id.ID
	if !c.Operator {
		var err error
		if owner, err = parseID(id.Merchant, c.Merchant); err != nil {
			return err
		}
	}
	return e.open(func(t *tool) error {
		rows, err := t.db.Keys(t.ctx, owner, store.PageMax)
		if err != nil {
			return err
		}
		var out []keyOut
		for _, k := range rows {
			out = append(out, showKey(k))
		}
		return list(e, out, "ID KEY +MODE NAME STATE +CREATED +EXPIRES +REVOKED SCOPES", func(k keyOut) []any {
			shown := k.Shown
			if !e.root.Wide {
				shown = shown[strings.LastIndex(shown, "_")+1:]
			}
			return []any{
				k.ID, shown, k.Mode, e.cut(or(k.Name, "-"), 12), stateOfKey(k.ExpiresAt, k.RevokedAt), when(k.CreatedAt), maybeWhen(k.ExpiresAt), maybeWhen(k.RevokedAt),
				strings.Join(k.Scopes, ", "),
			}
		})
	})
}

// stateOfKey says in one word whether a key works.
func stateOfKey(expires, revoked *time.Time) string {
	switch {
	case revoked != nil:
		return "revoked"
	case expires != nil && !time.Now().Before(*expires):
		return "expired"
	default:
		return "live"
	}
}

func maybeWhen(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return when(*t)
}

type keyRevokeCmd struct {
	ID string `arg:"" help:"The key, key_..."`
}

// Run implements the command.
func (c *keyRevokeCmd) Run(e *env) error {
	at, err := parseID(id.Key, c.ID)
	if err != nil {
		return err
	}
	return e.open(func(t *tool) error {
		var k merchant.Key
		if err := t.write(func(loop *commit.Loop) (err error) {
			k, err = commit.Do(t.ctx, loop, payout.OperatorShard, merchant.RevokeKey{Key: at.Seq})
			return err
		}); err != nil {
			return err
		}
		out := showKey(k)
		return e.print(out, func(w io.Writer) { printer{w}.f("%s was revoked at %s\n", out.ID, when(k.RevokedAt)) })
	})
}
