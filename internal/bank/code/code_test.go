package code_test

import (
	"strings"
	"testing"

	"sluice/internal/bank/code"
	"sluice/internal/fault"
)

func TestPurposes(t *testing.T) {
	for in, want := range map[string]string{
		"OTHR": "", "SALA": "", "RRCT": "", "MP2B": "", "TREA": "", "UNIT": "",
		"": "purpose_malformed", "othr": "purpose_malformed", "OTH": "purpose_malformed", "OTHER": "purpose_malformed", "ÖTHR": "purpose_malformed",
		"ZZZZ": "purpose_unknown",
	} {
		p, err := code.ParsePurpose(in)
		if fault.CodeOf(err) != want || err == nil && p.Code != in {
			t.Errorf("%q: got %v, %v, want %q", in, p, err, want)
		}
	}
	list := code.Purposes()
	if len(list) < 290 {
		t.Errorf("only %d codes", len(list))
	}
	for n, p := range list {
		if !code.WellFormed(p.Code) || n > 0 && list[n-1].Code >= p.Code {
			t.Errorf("code %q at %d", p.Code, n)
		}
	}
}

func TestStatuses(t *testing.T) {
	cases := []struct {
		status code.Status
		effect code.Effect
	}{
		{code.Received, code.Nothing},
		{code.InProcess, code.Nothing},
		{code.SettledDebtor, code.Settled},
		{code.SettledCreditor, code.Settled},
		{code.Rejected, code.Unpaid},
		{code.Cancelled, code.Unpaid},
		{code.Blocked, code.Look},
		{code.NeedsSignature, code.Look},
		{code.PartlyAccepted, code.Elsewhere},
		{"XXXX", code.Nothing},
	}
	for _, c := range cases {
		if got := c.status.Effect(); got != c.effect || c.status.Text() == "" {
			t.Errorf("%s: effect %v, want %v", c.status, got, c.effect)
		}
	}
	way := []code.Status{"XXXX", code.Received, code.Pending, code.SyntaxValid, code.ProfileValid, code.FundsChecked, code.InProcess, code.SettledDebtor, code.SettledCreditor}
	for n := 1; n < len(way); n++ {
		if way[n].Place() <= way[n-1].Place() {
			t.Errorf("%s does not come after %s", way[n], way[n-1])
		}
	}
}

func TestReasons(t *testing.T) {
	// What the schemes may send: a code that falls through to the default must be a decision.
	for _, c := range strings.Fields("AC01 AC04 AC06 AG01 AG02 AM04 AM05 BE04 CNOR MD07 MS02 MS03 RC01 RR01 RR02 RR03 RR04 ED05 CERI AB05 AB06 FOCR DUPL TECH FRAD CUST LEGL NOAS NOOR ARDT TM01") {
		r := code.ReasonOf(c)
		if r.Code != c || r.Meaning == "" || r.Text == "" || strings.Contains(r.Meaning, "not on the list") {
			t.Errorf("%s: %+v", c, r)
		}
	}
	for proof, list := range map[code.Proof]string{
		code.Open:          "AM05 DU01 DU02 DU03 DU04 DU05 DUPL RF01 DS15 AB01 AB02 AB03 AB04 AB05 AB06 AB09 AB10 AB11 FF10 DT06 AM07 G000",
		code.Silent:        "NARR CUST",
		code.ProvesPayment: "MS02 MS03",
		code.Proves:        "AC01 AC04 AG01 AM04 BE04 RC01 FF01 TM01 DS02 RR04 ED05",
		code.Unlisted:      "ZZ99 DUPLICATE",
	} {
		for _, c := range strings.Fields(list) {
			if got := code.ReasonOf(c).Proof; got != proof {
				t.Errorf("%s proves %q, want %q", c, got, proof)
			}
		}
	}
	// Data protection and law: no details for the user.
	for _, c := range []string{"MD07", "RR04", "FRAD", "LEGL", "FR01"} {
		if r := code.ReasonOf(c); r.Audience != code.Neutral || r.Text != code.ReasonOf("RR04").Text {
			t.Errorf("%s tells %q", c, r.Text)
		}
	}
	for _, c := range []string{"", "ZZ99", "bank's own text"} {
		if r := code.ReasonOf(c); r.Code != c || r.Text != code.ReasonOf("MS03").Text || r.Proof != code.Unlisted {
			t.Errorf("%q: %+v", c, r)
		}
	}
}
