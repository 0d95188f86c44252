package credential_test

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"sluice/internal/id"
	"sluice/internal/merchant/credential"
	"sluice/internal/seal"
)

func TestPublicNames(t *testing.T) {
	at := id.ID{Shard: 3, Seq: id.Next(0, id.Seq(1<<58).Time())}
	for _, name := range []string{credential.KeyID(at), credential.KeyUUID(at), strings.ToUpper(credential.KeyID(at))} {
		if got, ok := credential.ParseKey(name); !ok || got != at {
			t.Errorf("%s is %v %v", name, got, ok)
		}
	}
	merchant := at.Text(id.Merchant)
	for _, name := range []string{"", "-", merchant, merchant[4:], strings.Repeat("-", 36), credential.KeyID(at)[:31] + "g"} {
		if got, ok := credential.ParseKey(name); ok {
			t.Errorf("%q is %v", name, got)
		}
	}
}

// A secret is read in whatever form it was stored, and only by whoever has the key.
func TestSecretsAtRest(t *testing.T) {
	key, err := seal.NewKey("a")
	must(t, err)
	ring, err := seal.NewRing(key)
	must(t, err)
	secret, err := credential.NewSecret(rand.Reader)
	must(t, err)
	if len(secret) != 48 || strings.Trim(secret, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
		t.Errorf("a secret of %d characters", len(secret))
	}
	plain, err := credential.SealSecret(nil, secret)
	must(t, err)
	sealed, err := credential.SealSecret(ring, secret)
	must(t, err)
	if strings.Contains(string(sealed), secret) {
		t.Error("a sealed secret can be read")
	}
	for _, stored := range [][]byte{plain, sealed} {
		if got, err := (credential.Credential{Secret: stored}).OpenSecret(ring, 0); err != nil || string(got) != secret {
			t.Errorf("%v", err)
		}
	}
	if got, err := (credential.Credential{Secret: sealed}).OpenSecret(nil, 0); err == nil {
		t.Errorf("opened without a key: %d bytes", len(got))
	}
	c := credential.Credential{Dialect: credential.CoinsPaid, Secret: plain}
	if text := fmt.Sprint(c, &c); strings.Contains(text, secret) {
		t.Errorf("printed: %s", text)
	}
}

func TestOptionsHaveDefaults(t *testing.T) {
	for name, all := range credential.Dialects {
		for _, o := range all {
			if got := (credential.Credential{Dialect: name}).Option(o.Name); got != o.Default() || o.Doc == "" {
				t.Errorf("%s %s is %q, explained as %q", name, o.Name, got, o.Doc)
			}
		}
	}
	c := credential.Credential{Dialect: credential.CoinsPaid, Options: `{"generation":"old"}`}
	if c.Option("generation") != "old" || c.Option("confirm_on") != "final" || c.Option("nothing") != "" {
		t.Errorf("%v", c.All())
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
