package cli

import (
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/dialect/upvest"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/merchant/credential"
	"sluice/internal/seal"
	"sluice/internal/store"
	"sluice/internal/webhook"
)

type dialectCmd struct {
	Add        dialectAddCmd        `cmd:"" help:"Make a credential, and with --callback-url the endpoint that is told; also the merchant's own account, if the dialect pays from it and there is none. Its secret is printed once and never again."`
	List       dialectListCmd       `cmd:"" help:"List credentials."`
	Set        dialectSetCmd        `cmd:"" help:"Change options of a credential."`
	WebhookKey dialectWebhookKeyCmd `cmd:"" name:"webhook-key" help:"Make the next key with which webhooks of the Upvest wire are signed."`
	Revoke     dialectRevokeCmd     `cmd:"" help:"End a credential. Servers stop taking it within a second."`
}

func dialectNames() string { return strings.Join(credential.Names(), ", ") }

// optionNames are all options with their values, for help.
func optionNames() string {
	var out []string
	for _, name := range credential.Names() {
		for _, o := range credential.Dialects[name] {
			out = append(out, fmt.Sprintf("%s %s=%s", name, o.Name, strings.Join(o.Values, " or ")))
		}
	}
	return strings.Join(out, "; ")
}

// credentialOut is a credential as it is printed.
type credentialOut struct {
	ID        string            `json:"id"`
	Merchant  string            `json:"merchant"`
	Dialect   string            `json:"dialect"`
	Name      string            `json:"name"`
	Key       string            `json:"key"`
	Secret    string            `json:"secret,omitempty"` // only when it is made
	PublicKey string            `json:"public_key,omitempty"`
	Endpoint  string            `json:"endpoint,omitempty"` // that was made with it
	Account   string            `json:"account,omitempty"`  // that it pays from, where that is the merchant's own
	Scopes    []string          `json:"scopes"`
	Options   map[string]string `json:"options"`
	CreatedAt time.Time         `json:"created_at"`
	RevokedAt *time.Time        `json:"revoked_at"`
}

func showCredential(at id.ID, c credential.Credential) credentialOut {
	out := credentialOut{
		ID: at.Text(id.Credential), Merchant: id.ID{Shard: at.Shard, Seq: c.Merchant}.Text(id.Merchant), Dialect: c.Dialect, Name: c.Name,
		Key: credential.KeyID(at), PublicKey: c.PublicKey, Scopes: strings.Fields(c.Scopes), Options: map[string]string{},
		CreatedAt: c.CreatedAt, RevokedAt: maybe(c.RevokedAt),
	}
	if c.Dialect == credential.Upvest {
		out.Key = credential.KeyUUID(at)
	}
	for _, o := range credential.Dialects[c.Dialect] {
		out.Options[o.Name] = c.Option(o.Name)
	}
	return out
}

type dialectAddCmd struct {
	Merchant    string            `required:"" placeholder:"ID" help:"Whose credential: mer_..."`
	Dialect     string            `required:"" placeholder:"NAME" help:"Which wire: ${dialects}."`
	Name        string            `help:"What it is for."`
	ReadOnly    bool              `help:"It may look and change nothing. Default: it may do all that a merchant may."`
	PublicKey   string            `placeholder:"PATH" type:"path" help:"A file with the public key that the client signs with, where the dialect uses one."`
	CallbackURL string            `name:"callback-url" placeholder:"URL" help:"Where the merchant is told, in the format of the dialect."`
	OwnOnly     bool              `help:"With --callback-url: only of withdrawals that come in over this dialect. Default: of all withdrawals of the merchant."`
	Option      map[string]string `placeholder:"NAME=VALUE" help:"Options: ${options}."`
}

// Run implements the command.
func (c *dialectAddCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		owner, err := t.merchant(c.Merchant)
		if err != nil {
			return err
		}
		ring, err := t.conf.Seal.Ring()
		if err != nil {
			return err
		}
		cmd, secret, err := c.command(owner, ring)
		if err != nil {
			return err
		}
		var made credential.Credential
		var told webhook.Endpoint
		own, err := c.own(t, owner)
		if err != nil {
			return err
		}
		if err := t.write(func(loop *commit.Loop) (err error) {
			if c.CallbackURL != "" { // first: a URL that is refused must not leave a credential that nobody saw
				told, err = commit.Do(t.ctx, loop, owner.Shard, webhook.CreateEndpoint{
					Merchant: owner.Seq, URL: c.CallbackURL, Types: []string{"*"}, Format: c.Dialect, AllowHTTP: t.conf.Mode == config.Dev,
					Ranges: t.conf.Webhooks.Ranges(), OwnOnly: c.OwnOnly, Limit: int64(t.conf.Webhooks.EndpointsMax), Actor: "cli",
				})
				if err != nil {
					return err
				}
			}
			if own == 0 && credential.PaysFromOwn(c.Dialect) {
				opened, err := commit.Do(t.ctx, loop, owner.Shard, account.Open{Merchant: owner.Seq, Kind: ledger.KindMerchant, Actor: "cli"})
				if err != nil {
					return err
				}
				own = opened.Seq
			}
			made, err = commit.Do(t.ctx, loop, owner.Shard, cmd)
			return err
		}); err != nil {
			return err
		}
		out := showCredential(id.ID{Shard: owner.Shard, Seq: made.Seq}, made)
		out.Secret = secret
		if own != 0 {
			out.Account = id.ID{Shard: owner.Shard, Seq: own}.Text(id.Account)
		}
		if told.Seq != 0 {
			out.Endpoint = id.ID{Shard: owner.Shard, Seq: told.Seq}.Text(id.Endpoint)
		}
		return e.print(out, func(w io.Writer) { printCredential(printer{w}, out) })
	})
}

func printCredential(p printer, out credentialOut) {
	p.f("id\t%s\nfor\t%s\ndialect\t%s\nkey\t%s\nscopes\t%s\noptions\t%s\n", out.ID, out.Merchant, out.Dialect, out.Key, strings.Join(out.Scopes, " "), optionsText(out.Options))
	if out.Account != "" {
		p.f("pays from\t%s\n", out.Account)
	}
	if out.Endpoint != "" {
		p.f("told at\t%s\n", out.Endpoint)
	}
	if out.Secret != "" {
		p.f("\n%s\n\nThis is the only time that the secret is shown. Put key and secret into the client, and the address of this server as its base URL.\n", out.Secret)
	}
}

func optionsText(all map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, name+"="+all[name])
	}
	return or(strings.Join(out, " "), "-")
}

// own finds the merchant's own account, which some dialects pay from; 0: there is none yet,
// or the dialect needs none.
func (c *dialectAddCmd) own(t *tool, owner id.ID) (id.Seq, error) {
	if !credential.PaysFromOwn(c.Dialect) {
		return 0, nil
	}
	a, _, err := t.db.OwnAccount(t.ctx, owner)
	return a.Seq, err
}

// command makes the command and the secret to show.
func (c *dialectAddCmd) command(owner id.ID, ring *seal.Ring) (credential.Create, string, error) {
	cmd := credential.Create{Merchant: owner.Seq, Dialect: c.Dialect, Name: c.Name, Options: c.Option, Scopes: merchant.MerchantScopes}
	if _, ok := credential.Dialects[c.Dialect]; !ok {
		return cmd, "", fault.New(fault.Invalid, "usage", "--dialect %s: there are %s", c.Dialect, dialectNames())
	}
	if c.ReadOnly {
		cmd.Scopes = nil
		for _, s := range merchant.MerchantScopes {
			if strings.HasSuffix(string(s), ":read") {
				cmd.Scopes = append(cmd.Scopes, s)
			}
		}
	}
	if c.PublicKey != "" {
		b, err := os.ReadFile(c.PublicKey)
		if err != nil {
			return cmd, "", fault.New(fault.Invalid, "usage", "--public-key: %v", err)
		}
		cmd.PublicKey = string(b)
	}
	if c.Dialect == credential.Upvest { // its requests are signed with it
		if _, err := upvest.ParsePublicKey(cmd.PublicKey); err != nil {
			return cmd, "", fault.New(fault.Invalid, "usage", "--public-key: %v", err)
		}
	}
	secret, err := credential.NewSecret(rand.Reader)
	if err != nil {
		return cmd, "", err
	}
	cmd.Secret, err = credential.SealSecret(ring, secret)
	return cmd, secret, err
}

// merchant finds a merchant by its id.
func (t *tool) merchant(text string) (id.ID, error) {
	owner, err := parseID(id.Merchant, text)
	if err != nil {
		return owner, err
	}
	_, found, err := t.db.Merchant(t.ctx, owner)
	if err != nil {
		return owner, err
	}
	return owner, need(found, "merchant", text)
}

type dialectListCmd struct {
	Merchant string `required:"" placeholder:"ID" help:"Whose credentials: mer_..."`
	Dialect  string `placeholder:"NAME" help:"Only those of one wire: ${dialects}."`
}

// Run implements the command.
func (c *dialectListCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		owner, err := t.merchant(c.Merchant)
		if err != nil {
			return err
		}
		rows, err := t.db.Credentials(t.ctx, owner, c.Dialect, store.PageMax)
		if err != nil {
			return err
		}
		var out []credentialOut
		for _, r := range rows {
			out = append(out, showCredential(id.ID{Shard: owner.Shard, Seq: r.Seq}, r))
		}
		return list(e, out, "ID DIALECT KEY NAME STATE +CREATED +REVOKED OPTIONS", func(x credentialOut) []any {
			return []any{x.ID, x.Dialect, x.Key, or(x.Name, "-"), stateOfKey(nil, x.RevokedAt), when(x.CreatedAt), maybeWhen(x.RevokedAt), optionsText(x.Options)}
		})
	})
}

type dialectSetCmd struct {
	ID     string            `arg:"" help:"The credential, dck_..."`
	Option map[string]string `required:"" placeholder:"NAME=VALUE" help:"Options: ${options}."`
}

// Run implements the command.
func (c *dialectSetCmd) Run(e *env) error {
	return e.credential(c.ID, func(merchant, at id.Seq) commit.Command[credential.Credential] {
		return credential.NewConfigure(merchant, at, c.Option)
	}, func(p printer, out credentialOut) {
		p.f("%s\t%s\n", out.ID, optionsText(out.Options))
	})
}

type dialectRevokeCmd struct {
	ID string `arg:"" help:"The credential, dck_..."`
}

// Run implements the command.
func (c *dialectRevokeCmd) Run(e *env) error {
	return e.credential(c.ID, func(merchant, at id.Seq) commit.Command[credential.Credential] {
		return credential.NewRevoke(merchant, at)
	}, func(p printer, out credentialOut) {
		p.f("%s was revoked at %s\n", out.ID, maybeWhen(out.RevokedAt))
	})
}

// credential runs a command on one credential and prints what came of it.
func (e *env) credential(text string, command func(merchant, at id.Seq) commit.Command[credential.Credential], show func(printer, credentialOut)) error {
	at, err := parseID(id.Credential, text)
	if err != nil {
		return err
	}
	return e.open(func(t *tool) error {
		have, found, err := t.db.Credential(t.ctx, at)
		if err != nil {
			return err
		}
		if err := need(found, "credential", text); err != nil {
			return err
		}
		var x credential.Credential
		if err := t.write(func(loop *commit.Loop) (err error) {
			x, err = commit.Do(t.ctx, loop, at.Shard, command(have.Merchant, at.Seq))
			return err
		}); err != nil {
			return err
		}
		out := showCredential(at, x)
		return e.print(out, func(w io.Writer) { show(printer{w}, out) })
	})
}
