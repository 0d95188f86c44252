package destination_test

import (
	"testing"
	"time"

	"sluice/internal/fault"
	"sluice/internal/ledger"
	"sluice/internal/merchant/destination"
)

func TestSameHolder(t *testing.T) {
	const exact, relaxed, off = destination.NameExact, destination.NameRelaxed, destination.NameOff
	for _, c := range []struct {
		rule            destination.NameRule
		account, holder string
		want            string // code of the refusal
	}{
		{exact, "Max Mustermann", "Max Mustermann", ""},
		{exact, "Max Mustermann", " Max  Mustermann ", ""},
		{exact, "Max Mustermann", "max mustermann", "holder_mismatch"},
		{exact, "Max Mustermann", "Mustermann Max", "holder_mismatch"},
		{exact, "Jürgen", "Juergen", "holder_mismatch"},
		{relaxed, "Max Mustermann", "MAX MUSTERMANN", ""},
		{relaxed, "Max Mustermann", "Mustermann, Max", ""},
		{relaxed, "Jürgen Müller", "Juergen Mueller", ""},
		{relaxed, "Jürgen Müller", "Jurgen Muller", ""},
		{relaxed, "Dr. Max Mustermann", "Max Mustermann", ""},
		{relaxed, "Max Mustermann", "Prof. Dr. Mustermann Max", ""},
		{relaxed, "José García", "JOSE GARCIA", ""},
		{relaxed, "Sean O'Neill", "Sean ONeill", ""},
		{relaxed, "Иван Петров", "Иван Петров", ""}, // the same letters are the same name in any script
		{relaxed, "Max Moritz Mustermann", "Max Mustermann", "holder_mismatch"},
		{relaxed, "Max Mustermann", "Erika Mustermann", "holder_mismatch"},
		{relaxed, "Example GmbH", "Example AG", "holder_mismatch"},
		{relaxed, "Dr", "Prof", "holder_mismatch"},
		{"", "Max Mustermann", "Erika Mustermann", "holder_mismatch"},
		{"", "Max Mustermann", "mustermann max", ""},
		{relaxed, "", "Max", "holder_unknown"},
		{exact, "", "Max", "holder_unknown"},
		{off, "", "Max", ""},
		{off, "Max", "Erika", ""},
	} {
		err := destination.SameHolder(c.rule, ledger.Account{Seq: 1, Name: c.account}, c.holder)
		if got := fault.CodeOf(err); err == nil && c.want != "" || err != nil && got != c.want {
			t.Errorf("%q: %q and %q: %v, want %q", c.rule, c.account, c.holder, err, c.want)
		}
	}
	if err := destination.SameHolder(relaxed, ledger.Account{}, "Max"); fault.CodeOf(err) != "account_required" {
		t.Errorf("without an account: %v", err)
	}
	if err := destination.SameHolder(off, ledger.Account{}, "Max"); err != nil {
		t.Errorf("without an account and without a rule: %v", err)
	}
}

func TestUsable(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		d    destination.Destination
		want string
	}{
		{destination.Destination{}, ""},
		{destination.Destination{UsableAt: now}, ""},
		{destination.Destination{UsableAt: now.Add(time.Microsecond)}, "destination_cooling_down"},
		{destination.Destination{UsableAt: now.Add(time.Hour), DeletedAt: now}, "destination_deleted"},
	} {
		if err := c.d.Usable(now); err == nil && c.want != "" || err != nil && fault.CodeOf(err) != c.want {
			t.Errorf("%+v: %v, want %q", c.d, err, c.want)
		}
	}
}
