package approval_test

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/signer/approval"
)

func key(t *testing.T) (ed25519.PrivateKey, ed25519.PublicKey) {
	t.Helper()
	secret, text, err := approval.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	k, err := approval.ParseKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	public, err := approval.ParsePublic(text)
	if err != nil || !public.Equal(k.Public()) {
		t.Fatalf("%s (%v) is not the key's own", text, err)
	}
	return k, public
}

func statement() approval.Statement {
	return approval.Statement{Network: "ethereum", Ref: "wd_1", Asset: "USDT", Amount: money.Of(5), To: []byte{1, 2}}
}

// TestCase47_nothing_may_change holds a proof to every part of what was agreed to.
func TestCase47_nothing_may_change(t *testing.T) {
	k, public := key(t)
	at := time.Unix(1_800_000_000, 0)
	proof := approval.Sign(k, statement(), at)
	got, err := approval.Verify(proof, statement(), []ed25519.PublicKey{public})
	if err != nil || !got.At.Equal(at) || len(got.ID) != 32 {
		t.Fatalf("a good proof: %+v, %v", got, err)
	}
	for name, change := range map[string]func(*approval.Statement){
		"network":    func(s *approval.Statement) { s.Network = "polygon" },
		"withdrawal": func(s *approval.Statement) { s.Ref = "wd_2" },
		"asset":      func(s *approval.Statement) { s.Asset = "USDC" },
		"amount":     func(s *approval.Statement) { s.Amount = money.Of(6) },
		"recipient":  func(s *approval.Statement) { s.To = []byte{1, 3} },
		"border":     func(s *approval.Statement) { s.Ref, s.Asset = "wd_1U", "SDT" },
	} {
		s := statement()
		change(&s)
		if _, err := approval.Verify(proof, s, []ed25519.PublicKey{public}); fault.CodeOf(err) != "approval_invalid" {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if again := approval.Sign(k, statement(), at); again == proof {
		t.Error("two approvals are the same one")
	}
}

func TestCase42_only_known_keys_count(t *testing.T) {
	k, public := key(t)
	other, otherPublic := key(t)
	proof := approval.Sign(other, statement(), time.Now())
	cases := []struct {
		name, proof, code string
		keys              []ed25519.PublicKey
	}{
		{"missing", "", "approval_missing", []ed25519.PublicKey{public}},
		{"another key", proof, "approval_invalid", []ed25519.PublicKey{public}},
		{"no keys", proof, "approval_invalid", nil},
		{"no proof at all", "yes", "approval_invalid", []ed25519.PublicKey{public}},
		{"cut", proof[:len(proof)-4], "approval_invalid", []ed25519.PublicKey{otherPublic}},
		{"no version", strings.TrimPrefix(proof, "sap1_"), "approval_invalid", []ed25519.PublicKey{otherPublic}},
		{"one of two", proof, "", []ed25519.PublicKey{public, otherPublic}},
		{"the first of two", approval.Sign(k, statement(), time.Now()), "", []ed25519.PublicKey{public, otherPublic}},
	}
	for _, c := range cases {
		if _, err := approval.Verify(c.proof, statement(), c.keys); fault.CodeOf(err) != c.code {
			t.Errorf("%s: got %v, want code %q", c.name, err, c.code)
		}
	}
}

func TestKeysThatAreNone(t *testing.T) {
	for _, text := range []string{"", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if _, err := approval.ParseKey([]byte(text)); err == nil {
			t.Errorf("took %q as a key", text)
		}
		if _, err := approval.ParsePublic(text); err == nil {
			t.Errorf("took %q as a public key", text)
		}
	}
}
