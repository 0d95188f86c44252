package cli_test

import (
	"strings"
	"testing"
)

// A credential is made with its endpoint, listed without its secret, changed and ended.
func TestDialectCredentials(t *testing.T) {
	s, merchant, _ := books(t)
	made := s.object("dialect add --merchant " + merchant + " --dialect coinspaid --callback-url http://localhost/told --option generation=old")
	text := func(name string) string { v, _ := made[name].(string); return v }
	secret, id := text("secret"), text("id")
	if len(secret) != 48 || !strings.HasPrefix(id, "dck_") || len(text("key")) != 32 || !strings.HasPrefix(text("endpoint"), "whk_") {
		t.Fatalf("%v", made)
	}
	list := s.want(0, "dialect list --merchant "+merchant)
	if !strings.Contains(list.out, text("key")) || !strings.Contains(list.out, "generation=old") || strings.Contains(list.out, secret) {
		t.Errorf("%s", list.out)
	}
	if r := s.want(0, "dialect set "+id+" --option generation=new"); !strings.Contains(r.out, "generation=new") {
		t.Errorf("%s", r.out)
	}
	s.want(2, "dialect set "+id+" --option colour=red")
	s.want(2, "dialect add --merchant "+merchant+" --dialect morse")
	s.want(2, "dialect add --merchant "+merchant+" --dialect coinspaid --callback-url ftp://x")
	s.want(2, "dialect revoke dck_00000000000000000000000000000000")
	s.want(0, "dialect revoke "+id)
	if r := s.want(0, "dialect list --json --merchant "+merchant); !strings.Contains(r.out, `"revoked_at":"2`) || strings.Count(r.out, "\n") != 1 {
		t.Errorf("%s", r.out)
	}
	s.want(1, "dialect set "+id+" --option generation=old")
}

// The wires that pay from the merchant's own account find one: it is opened if there is none.
func TestDialectAddOpensTheMerchantsAccount(t *testing.T) {
	s, _, _ := books(t)
	merchant, _ := s.object("merchant create --name fresh --mode test")["id"].(string)
	first := s.object("dialect add --merchant " + merchant + " --dialect coinspaid")
	again := s.object("dialect add --merchant " + merchant + " --dialect tylt --callback-url http://localhost/told --own-only")
	if at, _ := first["account"].(string); !strings.HasPrefix(at, "acc_") || again["account"] != first["account"] {
		t.Errorf("%v and %v", first["account"], again["account"])
	}
}
