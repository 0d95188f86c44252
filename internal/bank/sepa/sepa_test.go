package sepa_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/internal/bank/calendar"
	"sluice/internal/bank/iban"
	"sluice/internal/bank/message"
	"sluice/internal/bank/sepa"
	"sluice/internal/bank/sepatest"
	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail"
)

func zone(name string) *time.Location {
	l, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return l
}

func number(s string) iban.IBAN {
	i, err := iban.Parse(s)
	if err != nil {
		panic(err)
	}
	return i
}

func bank() sepa.Bank {
	return sepa.Bank{
		Account:   message.Party{Name: "Example GmbH", IBAN: number("DE02100500000054540402")},
		Initiator: "Example GmbH", Zone: zone("Europe/Berlin"), CutOff: sepa.CutOff{Hour: 14, Minute: 30},
	}
}

func TestWindow(t *testing.T) {
	berlin := bank()
	helsinki := bank()
	helsinki.Zone = zone("Europe/Helsinki")
	cases := []struct {
		name    string
		bank    sepa.Bank
		now     string
		service message.Service
		want    string
	}{
		{"before the cut-off", berlin, "2026-11-20T14:29:59+01:00", message.Normal, "2026-11-20 until 2026-11-20T14:30:00+01:00"},
		{"at the cut-off, on a Friday", berlin, "2026-11-20T14:30:00+01:00", message.Normal, "2026-11-23 until 2026-11-23T14:30:00+01:00"},
		{"on a Saturday", berlin, "2026-11-21T08:00:00+01:00", message.Normal, "2026-11-23 until 2026-11-23T14:30:00+01:00"},
		{"on a Sunday night", berlin, "2026-11-22T23:59:59+01:00", message.Normal, "2026-11-23 until 2026-11-23T14:30:00+01:00"},
		{"over Easter 2026", berlin, "2026-04-02T15:00:00+02:00", message.Normal, "2026-04-07 until 2026-04-07T14:30:00+02:00"},
		{"over Easter 2027", berlin, "2027-03-25T15:00:00+01:00", message.Normal, "2027-03-30 until 2027-03-30T14:30:00+02:00"},
		{"over Easter 2028", berlin, "2028-04-13T15:00:00+02:00", message.Normal, "2028-04-18 until 2028-04-18T14:30:00+02:00"},
		{"over Easter 2029", berlin, "2029-03-29T15:00:00+02:00", message.Normal, "2029-04-03 until 2029-04-03T14:30:00+02:00"},
		{"over Easter 2030", berlin, "2030-04-18T15:00:00+02:00", message.Normal, "2030-04-23 until 2030-04-23T14:30:00+02:00"},
		{"over Christmas", berlin, "2026-12-24T15:00:00+01:00", message.Normal, "2026-12-28 until 2026-12-28T14:30:00+01:00"},
		{"over New Year", berlin, "2026-12-31T15:00:00+01:00", message.Normal, "2027-01-04 until 2027-01-04T14:30:00+01:00"},
		{"German unity is no holiday of T2", berlin, "2025-10-03T09:00:00+02:00", message.Normal, "2025-10-03 until 2025-10-03T14:30:00+02:00"},
		{"the morning the clock goes forward", berlin, "2026-03-27T15:00:00+01:00", message.Normal, "2026-03-30 until 2026-03-30T14:30:00+02:00"},
		{"the bank's day, not ours", helsinki, "2026-11-20T13:00:00+01:00", message.Normal, "2026-11-20 until 2026-11-20T14:30:00+02:00"},
		{"the bank's cut-off, not ours", helsinki, "2026-11-20T13:30:00+01:00", message.Normal, "2026-11-23 until 2026-11-23T14:30:00+02:00"},
		{"just after the bank's midnight", helsinki, "2026-11-19T22:30:00Z", message.Normal, "2026-11-20 until 2026-11-20T14:30:00+02:00"},
		{"instant, after the cut-off", berlin, "2026-11-20T20:00:00+01:00", message.Instant, "2026-11-20 until 2026-11-21T00:00:00+01:00"},
		{"instant, on Christmas", berlin, "2026-12-25T12:00:00+01:00", message.Instant, "2026-12-25 until 2026-12-26T00:00:00+01:00"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, c.now)
			if err != nil {
				t.Fatal(err)
			}
			w := c.bank.Window(now, c.service)
			if got := fmt.Sprintf("%s until %s", w.Day, w.Closes.Format(time.RFC3339)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestWindowOfAnyMoment: the window is open now, it closes at the cut-off of a day on
// which T2 is open, and no business day in between is passed over.
func TestWindowOfAnyMoment(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := bank()
		b.Zone = rapid.SampledFrom([]*time.Location{zone("Europe/Berlin"), zone("Europe/Lisbon"), zone("Europe/Athens"), time.UTC}).Draw(r, "zone")
		b.CutOff = sepa.CutOff{Hour: rapid.IntRange(0, 23).Draw(r, "hour"), Minute: rapid.IntRange(0, 59).Draw(r, "minute")}
		now := time.Unix(rapid.Int64Range(1767225600, 1924991999).Draw(r, "now"), 0) // 2026 to 2030
		w := b.Window(now, message.Normal)
		if !now.Before(w.Closes) || message.DayOf(w.Closes.In(b.Zone)) != w.Day || !calendar.IsBusinessDay(w.Day.Time()) {
			r.Fatalf("%s gives %s until %s", now, w.Day, w.Closes)
		}
		for d := message.DayOf(now.In(b.Zone)); d < w.Day; d = message.DayOf(d.Time().AddDate(0, 0, 1)) {
			first := d == message.DayOf(now.In(b.Zone))
			if calendar.IsBusinessDay(d.Time()) && !first {
				r.Fatalf("%s gives %s and passes %s over", now, w.Day, d)
			}
		}
	})
}

func TestCutOff(t *testing.T) {
	for in, ok := range map[string]bool{"14:30": true, "00:00": true, "24:00": false, "9:00": false, "14:60": false, "": false, "14:30:00": false} {
		c, err := sepa.ParseCutOff(in)
		if (err == nil) != ok || ok && c.String() != in {
			t.Errorf("%q: %v, %v", in, c, err)
		}
	}
}

func instruction(id string, euro uint64, s message.Service) sepa.Instruction {
	return sepa.Instruction{Service: s, Payout: message.Payout{
		EndToEndID: id, Amount: money.Of(euro * 100), Creditor: message.Party{Name: "Max Mustermann", IBAN: number("NL70ABNA0106295004")},
	}}
}

func TestGroup(t *testing.T) {
	b := bank()
	b.FileMax, b.InstantMax = 2, money.Of(100_00)
	n, i := message.Normal, message.Instant
	list := []sepa.Instruction{
		instruction("0", 1, n), instruction("1", 1, i), instruction("2", 1, n), instruction("3", 1, n), instruction("4", 101, i), instruction("5", 100, i), instruction("6", 1, i),
	}
	// 4 is too large to be instant and goes with the normal ones.
	if got, err := b.Group(list); err != nil || fmt.Sprint(got) != "[[0 2] [1 5] [3 4] [6]]" {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := b.Group(nil); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
	b.FileMax = 0
	if got, err := b.Group(make([]sepa.Instruction, 1001)); err != nil || len(got) != 2 || len(got[0]) != 1000 {
		t.Errorf("%d groups, %v", len(got), err)
	}
}

// TestGroupCountsBytes: however many payments may share a file, the file is one that can be
// handed over; and the count is that of the bytes that are written.
func TestGroupCountsBytes(t *testing.T) {
	b := bank()
	b.FileMax, b.BytesMax = 100_000, 40_000
	created := time.Date(2026, 11, 20, 9, 0, 0, 0, b.Zone)
	var list []sepa.Instruction
	for n := range 300 {
		p := instruction(fmt.Sprintf("E%d", n), 200, message.Normal)
		switch n % 3 {
		case 1: // the longest that there is
			p.Creditor.Name, p.Text, p.Purpose = strings.Repeat("'", 70), strings.Repeat("'", 140), "SUPP"
			p.Creditor.BIC = bicOf("ABNANL2AXXX")
		case 2:
			p.Reference, p.InstructionID = "RF18539007547034", "i-1"
		}
		list = append(list, p)
	}
	groups, err := b.Group(list)
	if err != nil || len(groups) < 5 {
		t.Fatalf("%d groups, %v", len(groups), err)
	}
	seen := 0
	for k, g := range groups {
		var part []sepa.Instruction
		size := 0
		for _, n := range g {
			part = append(part, list[n])
			one, err := list[n].Size()
			if err != nil {
				t.Fatal(err)
			}
			size += one
		}
		seen += len(g)
		o, err := b.Order("M", created, b.Window(created, message.Normal), part)
		if err != nil {
			t.Fatal(err)
		}
		file, err := o.Encode()
		if err != nil || len(file) > b.BytesMax || len(file) < size || len(file) > size+message.FrameSize {
			t.Errorf("group %d of %d payments: %d bytes, counted %d: %v", k, len(g), len(file), size, err)
		}
		if k < len(groups)-1 && len(file) < b.BytesMax/2 {
			t.Errorf("group %d is half empty: %d bytes", k, len(file))
		}
	}
	if seen != len(list) {
		t.Errorf("%d of %d payments are in a group", seen, len(list))
	}
}

func bicOf(s string) iban.BIC {
	b, err := iban.ParseBIC(s)
	if err != nil {
		panic(err)
	}
	return b
}

// outsideEEA are recipients in SEPA and outside the European Economic Area: one for each country.
var outsideEEA = []string{
	"GB29NWBK60161331926819", "CH9300762011623852957", "MC5811222000010123456789030", "SM86U0322509800000000270100", "AD1200012030200359100100", "VA59001123000012345678",
	"GI75NWBK000000007099453", "AL47212110090000000235698741", "MD24AG000225100013104168", "ME25505000012345678951", "RS35260005601001611379", "MK07250120000058984",
}

// TestOutsideEEA: where the bank wants it, an order to a recipient outside the European
// Economic Area has the recipient's BIC and our address, and is valid.
func TestOutsideEEA(t *testing.T) {
	address := message.Address{Street: "Hauptstrasse", Building: "1", PostCode: "10115", Town: "Berlin", Country: "DE"}
	created := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	order := func(b sepa.Bank, to, bic string) ([]byte, error) {
		p := instruction("P1", 200, message.Normal)
		p.Creditor.IBAN = number(to)
		if bic != "" {
			p.Creditor.BIC = bicOf(bic)
		}
		o, err := b.Order("M1", created, b.Window(created, message.Normal), []sepa.Instruction{instruction("P0", 1, message.Normal), p})
		if err != nil {
			return nil, err
		}
		file, err := o.Encode()
		if err == nil {
			_, err = message.ReadOrder(file)
		}
		return file, err
	}
	for _, to := range outsideEEA {
		b := bank()
		b.Address = address
		for _, c := range []struct {
			when      sepa.AddressRule
			needs     bool
			bic, code string
			address   bool
		}{
			{sepa.AddressNever, false, "", "", false},
			{sepa.AddressOutsideEEA, false, "", "", true},
			{sepa.AddressOutsideEEA, true, "", "bic_required", true},
			{sepa.AddressOutsideEEA, true, "NWBKGB2L", "", true},
			{sepa.AddressAlways, false, "NWBKGB2LXXX", "", true},
		} {
			b.When, b.BICOutsideEEA = c.when, c.needs
			file, err := order(b, to, c.bic)
			if fault.CodeOf(err) != c.code {
				t.Errorf("%s %+v: %v", to, c, err)
			}
			_, err = sepa.Checker{Ring: newRing(t, "a"), BICOutsideEEA: c.needs}.CheckRecipient(t.Context(), rail.Recipient{Holder: "Max", IBAN: to, BIC: c.bic}, "EUR")
			if fault.CodeOf(err) != c.code || err != nil && fault.Of(err).Fields[0].Path != "bic" {
				t.Errorf("%s %+v: accepted with %v", to, c, err)
			}
			if c.code != "" {
				continue
			}
			sepatest.MustBeValid(t, sepatest.Payment, file)
			want := "<PstlAdr>\n     <StrtNm>Hauptstrasse</StrtNm>\n     <BldgNb>1</BldgNb>\n     <PstCd>10115</PstCd>\n     <TwnNm>Berlin</TwnNm>\n     <Ctry>DE</Ctry>"
			if bytes.Contains(file, []byte(want)) != c.address || bytes.Contains(file, []byte("<BICFI>"+c.bic+"<")) != (c.bic != "") {
				t.Errorf("%s %+v:\n%s", to, c, file)
			}
		}
	}
	// Inside, neither is asked for.
	b := bank()
	b.Address, b.When, b.BICOutsideEEA = address, sepa.AddressOutsideEEA, true
	for _, to := range []string{"NL70ABNA0106295004", "NO9386011117947", "LI21088100002324013AA", "IS140159260076545510730339"} {
		if file, err := order(b, to, ""); err != nil || bytes.Contains(file, []byte("PstlAdr")) {
			t.Errorf("%s: %v\n%s", to, err, file)
		}
	}
}

func TestOrder(t *testing.T) {
	b := bank()
	created := time.Date(2026, 11, 20, 15, 0, 0, 999, b.Zone)
	for _, s := range []message.Service{message.Normal, message.Instant} {
		id := strings.Repeat("a", 32)
		list := []sepa.Instruction{instruction("P1", 200, s), instruction("P2", 1, s)}
		o, err := b.Order(id, created, b.Window(created, s), list)
		if err != nil {
			t.Fatal(err)
		}
		one, err := o.Encode()
		if err != nil {
			t.Fatal(err)
		}
		sepatest.MustBeValid(t, sepatest.Payment, one)
		// From the same stored inputs, on another day: the same bytes.
		again, err := b.Order(id, created, sepa.Window{Day: o.Batches[0].Day}, list)
		if err != nil {
			t.Fatal(err)
		}
		if two, err := again.Encode(); err != nil || !bytes.Equal(one, two) {
			t.Errorf("other bytes: %v", err)
		}
		if got := sepa.FileName(o.ID); got != "pain.001."+id+".xml" {
			t.Errorf("file name %s", got)
		}
	}
	w := b.Window(created, message.Normal)
	if _, err := b.Order("a", created, w, nil); err == nil {
		t.Error("an order without payments")
	}
	if _, err := b.Order("a", created, w, []sepa.Instruction{instruction("P1", 1, message.Normal), instruction("P2", 1, message.Instant)}); err == nil {
		t.Error("an order of two services")
	}
	if _, err := b.Order(strings.Repeat("a", 34), created, w, []sepa.Instruction{instruction("P1", 1, message.Normal)}); fault.CodeOf(err) != "sepa_reference" {
		t.Errorf("an id that is too long: %v", err)
	}
}

func TestCheckRecipient(t *testing.T) {
	r, err := sepa.CheckRecipient("Jürgen Müller", "nl70 abna 0106 2950 04", "abnanl2a")
	if err != nil || r.Name != "Jürgen Müller" || r.BankName != "Juergen Mueller" || !r.NameShown || r.IBAN.String() != "NL70ABNA0106295004" || r.BIC.String() != "ABNANL2A" {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, c := range []struct{ name, iban, bic, field, code string }{
		{"Max", "NL71ABNA0106295004", "", "iban", "iban_check_digits"},
		{"Max", "TR330006100519786457841326", "", "iban", "iban_not_sepa"},
		{"Max", "NL70ABNA0106295004", "ABNA", "bic", "bic_malformed"},
		{"", "NL70ABNA0106295004", "", "holder", "name_empty"},
		{strings.Repeat("x", 71), "NL70ABNA0106295004", "", "holder", "name_too_long"},
	} {
		_, err := sepa.CheckRecipient(c.name, c.iban, c.bic)
		if f := fault.Of(err).Fields; fault.CodeOf(err) != c.code || len(f) != 1 || f[0].Path != c.field {
			t.Errorf("%v: got %v, %v", c, err, f)
		}
	}
}
