package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/merchant/credential"
)

// CredentialReads reads who speaks a dialect.
type CredentialReads interface {
	Credential(ctx context.Context, at id.ID) (credential.Credential, bool, error)
	// Credentials lists those of a merchant, revoked ones too, newest first; dialect "" means all.
	Credentials(ctx context.Context, owner id.ID, dialect string, limit int) ([]credential.Credential, error)
	// OwnAccount finds the account of the merchant itself.
	OwnAccount(ctx context.Context, owner id.ID) (ledger.Account, bool, error)
}

// credentialsMax is how many credentials one answer lists.
const credentialsMax = 500

var errNoCredential = fault.New(fault.NotFound, "credential_not_found", "no such credential")

// credential writes a credential; secret is set only when it has just been made.
func (o objects) credential(x credential.Credential, secret string) {
	at := id.ID{Shard: o.shard, Seq: x.Seq}
	o.head(id.Credential, "credential", x.Seq, x.Version)
	o.ref("merchant", id.Merchant, x.Merchant)
	o.plain("dialect", x.Dialect)
	o.maybe("name", x.Name)
	if x.Dialect == credential.Upvest {
		o.plain("key", credential.KeyUUID(at))
	} else {
		o.plain("key", credential.KeyID(at))
	}
	if secret != "" {
		o.plain("secret", secret)
	}
	o.maybe("public_key", x.PublicKey)
	o.list("scopes")
	for s := range strings.FieldsSeq(x.Scopes) {
		o.item(s)
	}
	o.endList()
	o.object("options")
	for _, option := range credential.Dialects[x.Dialect] {
		o.text(option.Name, x.Option(option.Name))
	}
	o.close()
	o.time("created_at", x.CreatedAt)
	o.time("revoked_at", x.RevokedAt)
	o.close()
}

func listCredentials(c *call) (int, error) {
	at, err := c.anyMerchant()
	if err != nil {
		return 0, err
	}
	rows, err := c.Reads.Credentials(c.ctx(), at, "", credentialsMax)
	if err != nil {
		return 0, unavailable(err)
	}
	o := c.objects()
	o.shard = at.Shard
	o.open()
	o.plain("object", "list")
	o.list("data")
	for _, x := range rows {
		o.credential(x, "")
	}
	o.endList()
	o.null("next_cursor")
	o.close()
	return http.StatusOK, nil
}

// createCredential makes a credential. Its secret is in this one answer and nowhere else.
func createCredential(c *call) (int, error) {
	at, err := c.anyMerchant()
	if err != nil {
		return 0, err
	}
	b := c.doc.body()
	cmd := credential.Create{Merchant: at.Seq, Dialect: b.text("dialect"), Name: b.optional("name"), PublicKey: b.optional("public_key"), Scopes: merchant.MerchantScopes}
	if only, _ := b.boolean("read_only"); only {
		cmd.Scopes = slices.DeleteFunc(slices.Clone(cmd.Scopes), func(s merchant.Scope) bool { return !strings.HasSuffix(string(s), ":read") })
	}
	if text := b.metadata("options"); text != "" {
		if err := json.Unmarshal([]byte(text), &cmd.Options); err != nil {
			return 0, err
		}
	}
	b.end()
	if err := c.doc.err(); err != nil {
		return 0, err
	}
	secret, err := credential.NewSecret(rand.Reader)
	if err != nil {
		return 0, err
	}
	if cmd.Secret, err = credential.SealSecret(c.Seal, secret); err != nil {
		return 0, err
	}
	if credential.PaysFromOwn(cmd.Dialect) { // first: a failure must not hide the secret of a credential that was made
		if err := c.openOwn(at); err != nil {
			return 0, err
		}
	}
	x, err := commit.Do(c.ctx(), c.Loop, at.Shard, cmd)
	if err != nil {
		return 0, err
	}
	o := c.objects()
	o.shard = at.Shard
	o.credential(x, secret)
	return http.StatusCreated, nil
}

// openOwn opens the merchant's own account, if there is none.
func (c *call) openOwn(owner id.ID) error {
	_, found, err := c.Reads.OwnAccount(c.ctx(), owner)
	if err != nil || found {
		return unavailable(err)
	}
	_, err = commit.Do(c.ctx(), c.Loop, owner.Shard, account.Open{Merchant: owner.Seq, Kind: ledger.KindMerchant, Actor: c.who.actor})
	return err
}

// revokeCredential ends a credential; one that has ended is answered the same.
func revokeCredential(c *call) (int, error) {
	if c.doc != nil {
		c.doc.body().end()
		if err := c.doc.err(); err != nil {
			return 0, err
		}
	}
	at, err := id.Parse(id.Credential, c.r.PathValue("id"))
	if err != nil {
		return 0, errNoCredential
	}
	have, found, err := maybe(c.Reads.Credential(c.ctx(), at))
	if err == nil && !found {
		err = errNoCredential
	}
	if err != nil {
		return 0, err
	}
	x, err := commit.Do(c.ctx(), c.Loop, at.Shard, credential.NewRevoke(have.Merchant, at.Seq))
	if err != nil {
		return 0, err
	}
	o := c.objects()
	o.shard = at.Shard
	o.credential(x, "")
	return http.StatusOK, nil
}
