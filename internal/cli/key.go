package cli

import (
	"crypto/rand"
	"io"
	"slices"
	"strings"
	"time"

	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/dispatch"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/merchant"
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
		ID: id.ID{Shard: dispatch.OperatorShard, Seq: k.Seq}.Text(id.Key), Merchant: k.Owner.Text(id.Merchant), Mode: string(k.Mode), Name: k.Name,
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
	Operator  bool          `help:"A key of the operator instead: it reads what belongs to the installation."`
	Name      string        `help:"What it is for."`
	Scopes    []string      `placeholder:"SCOPE" help:"What it may do, separated by commas: ${scopes}; or all of them: all. An operator's key has the scope operator."`
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
			k, err = commit.Do[merchant.Key](t.ctx, loop, dispatch.OperatorShard, cmd)
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

func (c *keyCreateCmd) command(t *tool) (merchant.CreateKey, error) {
	cmd := merchant.CreateKey{Name: c.Name, Mode: merchant.Live}
	if c.ExpiresIn < 0 {
		// Zero means never, and a negative time must not come near that.
		return cmd, fault.New(fault.Invalid, "usage", "--expires-in %s: a key can only expire in the future; leave it out for one that never does", c.ExpiresIn)
	}
	if c.Operator {
		cmd.Scopes = []merchant.Scope{merchant.Operate}
		if t.conf.Mode == config.Dev {
			cmd.Mode = merchant.Test
		}
		return cmd, nil
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
	for _, s := range c.Scopes {
		if s == "all" {
			if len(c.Scopes) > 1 {
				return cmd, fault.New(fault.Invalid, "usage", "--scopes all stands alone: it is every scope that a merchant's key may have")
			}
			cmd.Scopes = merchant.MerchantScopes
			break
		}
		if !slices.Contains(merchant.MerchantScopes, merchant.Scope(s)) {
			return cmd, fault.New(fault.Invalid, "usage", "--scopes %s: a merchant's key may have %s", s, scopeNames())
		}
		cmd.Scopes = append(cmd.Scopes, merchant.Scope(s))
	}
	if len(cmd.Scopes) == 0 {
		return cmd, fault.New(fault.Invalid, "usage", "a key may do nothing by default: name its scopes, like --scopes withdrawals:read,withdrawals:create, or --scopes all")
	}
	return cmd, nil
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
		return list(e, out, "ID KEY MODE NAME CREATED EXPIRES REVOKED SCOPES", func(k keyOut) []any {
			return []any{k.ID, k.Shown, k.Mode, or(k.Name, "-"), when(k.CreatedAt), maybeWhen(k.ExpiresAt), maybeWhen(k.RevokedAt), strings.Join(k.Scopes, ",")}
		})
	})
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
			k, err = commit.Do[merchant.Key](t.ctx, loop, dispatch.OperatorShard, merchant.RevokeKey{Key: at.Seq})
			return err
		}); err != nil {
			return err
		}
		out := showKey(k)
		return e.print(out, func(w io.Writer) { printer{w}.f("%s was revoked at %s\n", out.ID, when(k.RevokedAt)) })
	})
}
