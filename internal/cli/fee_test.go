package cli_test

import (
	"strings"
	"testing"
)

func TestFee(t *testing.T) {
	s, merchant, _ := books(t)
	of := " --merchant " + merchant
	if r := s.want(0, "fee list"+of); strings.Contains(r.out, "merchant ") {
		t.Errorf("nothing was set yet: %s", r.out)
	}
	s.want(0, "fee set"+of+" --currency EUR --kind exchange --percent 0.8 --minimum 0.50 --inside --network-fee cost --network-fee-amount 3")
	r := s.want(0, "fee list"+of)
	for _, want := range []string{"EUR", "exchange", "0.8", "0.50", "amount", "cost 3.00"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %q in\n%s", want, r.out)
		}
	}
	for _, bad := range []string{
		"fee set" + of + " --percent 100", "fee set" + of + " --fixed 1", "fee set" + of + " --currency EUR --minimum 2 --maximum 1",
		"fee set" + of + " --currency XAU --fixed 1", "fee set" + of + " --currency EUR --network-fee flat", "fee set" + of + " --currency EUR --fixed 0.001",
	} {
		if r := s.run(strings.Fields(bad)...); r.code == 0 {
			t.Errorf("%s worked: %s", bad, r.out)
		}
	}
	s.want(0, "fee remove"+of+" --currency EUR --kind exchange")
	if r := s.run(strings.Fields("fee remove" + of + " --currency EUR --kind exchange")...); r.code == 0 {
		t.Error("it was removed twice")
	}
	if r := s.want(0, "fee list"+of); strings.Contains(r.out, "cost") {
		t.Errorf("it is still there: %s", r.out)
	}
}
