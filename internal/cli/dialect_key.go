package cli

import (
	"io"
	"time"

	"sluice/internal/commit"
	"sluice/internal/dialect"
	"sluice/internal/dialect/upvest"
	"sluice/internal/merchant/credential"
)

type dialectWebhookKeyCmd struct {
	After time.Duration `default:"24h" help:"How long it is only published before it signs, so that receivers know it. The first key signs at once."`
}

// webhookKeyOut is a key for webhooks as it is printed: of its secret nothing.
type webhookKeyOut struct {
	Dialect string    `json:"dialect"`
	Key     string    `json:"key"`
	Number  int64     `json:"number"`
	UseFrom time.Time `json:"use_from"`
}

// Run implements the command.
func (c *dialectWebhookKeyCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		ring, err := t.conf.Seal.Ring()
		if err != nil {
			return err
		}
		have, err := t.db.SigningKeys(t.ctx, upvest.Name)
		if err != nil {
			return err
		}
		secret, err := upvest.NewSigningSecret(dialect.Deps{Seal: ring})
		if err != nil {
			return err
		}
		cmd := credential.AddSigningKey{SigningKeyID: credential.SigningKeyID{Wire: upvest.Name, Number: int64(len(have)) + 1}, Secret: secret}
		if len(have) > 0 {
			cmd.UseFrom = time.Now().Add(c.After)
		}
		var k credential.SigningKey
		if err := t.write(func(loop *commit.Loop) (err error) {
			k, err = commit.Do(t.ctx, loop, 0, cmd)
			return err
		}); err != nil {
			return err
		}
		out := webhookKeyOut{k.Wire, k.Public(), k.Number, k.UseFrom}
		return e.print(out, func(w io.Writer) {
			printer{w}.f("key\t%s\nsigns from\t%s\n", out.Key, when(out.UseFrom))
		})
	})
}
