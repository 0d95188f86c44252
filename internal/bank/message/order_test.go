package message_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/internal/bank/iban"
	"sluice/internal/bank/message"
	"sluice/internal/bank/sepatest"
	"sluice/internal/fault"
	"sluice/internal/money"
)

var update = flag.Bool("update", false, "write the golden files")

func account(s string) iban.IBAN {
	i, err := iban.Parse(s)
	if err != nil {
		panic(err)
	}
	return i
}

func bic(s string) iban.BIC {
	b, err := iban.ParseBIC(s)
	if err != nil {
		panic(err)
	}
	return b
}

// order is a fresh order that obeys every rule.
func order() message.Order {
	return message.Order{
		ID: "SLC-20261120-0001", CreatedAt: time.Date(2026, 11, 20, 9, 0, 0, 123, time.UTC), Initiator: "Example GmbH",
		Batches: []message.Batch{{
			ID: "SLC-20261120-0001-1", Service: message.Normal, Day: "2026-11-20",
			Debtor: message.Party{Name: "Example GmbH", IBAN: account("DE02100500000054540402")},
			Payouts: []message.Payout{
				{EndToEndID: "PO-0001", Amount: money.Of(200_00), Creditor: message.Party{Name: "Max Mustermann", IBAN: account("NL70ABNA0106295004")}, Purpose: "OTHR", Text: "Payout PO-0001"},
			},
		}},
	}
}

// mixed has everything an order can have.
func mixed() message.Order {
	o := order()
	b := o.Batches[0]
	b.Payouts = append(b.Payouts,
		message.Payout{EndToEndID: "PO-0002", InstructionID: "I/2", Amount: money.Of(1), Creditor: message.Party{Name: "Erika O'Neill", IBAN: account("FR1420041010050500013M02606"), BIC: bic("PSSTFRPPXXX")}, Reference: "RF18539007547034"},
		message.Payout{EndToEndID: "PO-0003", Amount: message.AmountMax, Creditor: message.Party{Name: "Ana (Lisboa) + Filhos", IBAN: account("PT50000201231234567890154")}},
	)
	b.OneBooking = true
	now := message.Batch{
		ID: "SLC-20261120-0001-2", Service: message.Instant, Day: "2026-11-21", // a Saturday
		Debtor:  message.Party{Name: "Example GmbH", IBAN: account("DE95500105173934555844"), BIC: bic("INGDDEFF")},
		Payouts: []message.Payout{{EndToEndID: "PO-0004", Amount: money.Of(10), Creditor: message.Party{Name: "Max Mustermann", IBAN: account("NL70ABNA0106295004")}, Text: "a.b,c"}},
	}
	o.Batches = []message.Batch{b, now}
	return o
}

func TestGoldenOrders(t *testing.T) {
	for name, o := range map[string]message.Order{"one": order(), "mixed": mixed()} {
		t.Run(name, func(t *testing.T) {
			got, err := o.Encode()
			if err != nil {
				t.Fatal(err)
			}
			sepatest.MustBeValid(t, sepatest.Payment, got)
			path := filepath.Join("testdata", "golden", "order-"+name+".xml")
			if *update {
				if err := os.WriteFile(path, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("differs from %s:\n%s", path, got)
			}
			if again, err := message.ReadOrder(got); err != nil || len(again.Batches) != len(o.Batches) {
				t.Errorf("read again: %+v, %v", again, err)
			}
		})
	}
}

// TestRules breaks each rule once. The order is otherwise fine, so what refuses it
// is that rule.
func TestRules(t *testing.T) {
	type o = message.Order
	first := func(f func(*message.Payout)) func(*o) {
		return func(x *o) { f(&x.Batches[0].Payouts[0]) }
	}
	batch := func(f func(*message.Batch)) func(*o) {
		return func(x *o) { f(&x.Batches[0]) }
	}
	long := strings.Repeat("x", 36)
	cases := []struct {
		name  string
		spoil func(*o)
		code  string
		field string
	}{
		{"no message id", func(x *o) { x.ID = "" }, "sepa_reference", "id"},
		{"message id of 36 characters", func(x *o) { x.ID = long }, "sepa_reference", "id"},
		{"message id with a slash in front", func(x *o) { x.ID = "/a" }, "sepa_reference", "id"},
		{"message id with two slashes", func(x *o) { x.ID = "a//b" }, "sepa_reference", "id"},
		{"message id outside the character set", func(x *o) { x.ID = "a_b" }, "sepa_reference", "id"},
		{"no time", func(x *o) { x.CreatedAt = time.Time{} }, "sepa_created_at", "created_at"},
		{"no initiator", func(x *o) { x.Initiator = " " }, "sepa_name_missing", "initiator"},
		{"no batch", func(x *o) { x.Batches = nil }, "sepa_empty", "batches"},
		{"batch id twice", func(x *o) { x.Batches = append(x.Batches, x.Batches[0]) }, "sepa_batch_id_twice", "batches[1].id"},
		{"no batch id", batch(func(b *message.Batch) { b.ID = "" }), "sepa_reference", "batches[0].id"},
		{"no service", batch(func(b *message.Batch) { b.Service = "" }), "sepa_service", "batches[0].service"},
		{"no day", batch(func(b *message.Batch) { b.Day = "" }), "sepa_day", "batches[0].day"},
		{"day with a time", batch(func(b *message.Batch) { b.Day = "2026-11-20T09:00:00" }), "sepa_day", "batches[0].day"},
		{"day in the past", batch(func(b *message.Batch) { b.Day = "2026-11-18" }), "sepa_day_past", "batches[0].day"},
		{"a Saturday", batch(func(b *message.Batch) { b.Day = "2026-11-21" }), "sepa_day_closed", "batches[0].day"},
		{"Good Friday", batch(func(b *message.Batch) { b.Day = "2027-03-26" }), "sepa_day_closed", "batches[0].day"},
		{"address without a town", batch(func(b *message.Batch) { b.Debtor.Address = message.Address{Country: "DE"} }), "sepa_address", "batches[0].debtor.address.town"},
		{"address without a country", batch(func(b *message.Batch) { b.Debtor.Address = message.Address{Town: "Berlin"} }), "sepa_address", "batches[0].debtor.address.country"},
		{"country in words", batch(func(b *message.Batch) { b.Debtor.Address = message.Address{Town: "Berlin", Country: "Germany"} }), "sepa_address", "batches[0].debtor.address.country"},
		{"a long town", batch(func(b *message.Batch) { b.Debtor.Address = message.Address{Town: long, Country: "DE"} }), "sepa_address", "batches[0].debtor.address.town"},
		{"a town outside the character set", batch(func(b *message.Batch) { b.Debtor.Address = message.Address{Town: "München", Country: "DE"} }), "sepa_characters", "batches[0].debtor.address.town"},
		{"a recipient's address", first(func(p *message.Payout) { p.Creditor.Address = message.Address{Town: "Berlin", Country: "DE"} }), "sepa_address", "batches[0].payouts[0].creditor.address"},
		{"no debtor name", batch(func(b *message.Batch) { b.Debtor.Name = "" }), "sepa_name_missing", "batches[0].debtor.name"},
		{"no debtor account", batch(func(b *message.Batch) { b.Debtor.IBAN = iban.IBAN{} }), "sepa_iban_missing", "batches[0].debtor.iban"},
		{"no payout", batch(func(b *message.Batch) { b.Payouts = nil }), "sepa_empty", "batches[0].payouts"},
		{"end-to-end id twice", batch(func(b *message.Batch) { b.Payouts = append(b.Payouts, b.Payouts[0]) }), "sepa_end_to_end_id_twice", "batches[0].payouts[1].end_to_end_id"},
		{"no end-to-end id", first(func(p *message.Payout) { p.EndToEndID = "" }), "sepa_reference", "batches[0].payouts[0].end_to_end_id"},
		{"end-to-end id of 36 characters", first(func(p *message.Payout) { p.EndToEndID = long }), "sepa_reference", "batches[0].payouts[0].end_to_end_id"},
		{"end-to-end id NOTPROVIDED", first(func(p *message.Payout) { p.EndToEndID = "NOTPROVIDED" }), "sepa_end_to_end_id", "batches[0].payouts[0].end_to_end_id"},
		{"instruction id with a slash behind", first(func(p *message.Payout) { p.InstructionID = "a/" }), "sepa_reference", "batches[0].payouts[0].instruction_id"},
		{"nothing to pay", first(func(p *message.Payout) { p.Amount = money.Amount{} }), "sepa_amount", "batches[0].payouts[0].amount"},
		{"a cent too much", first(func(p *message.Payout) { p.Amount = money.Of(100_000_000_000) }), "sepa_amount", "batches[0].payouts[0].amount"},
		{"no creditor name", first(func(p *message.Payout) { p.Creditor.Name = "" }), "sepa_name_missing", "batches[0].payouts[0].creditor.name"},
		{"creditor name of 71 characters", first(func(p *message.Payout) { p.Creditor.Name = strings.Repeat("x", 71) }), "sepa_name_length", "batches[0].payouts[0].creditor.name"},
		{"creditor name outside the character set", first(func(p *message.Payout) { p.Creditor.Name = "Jürgen" }), "sepa_characters", "batches[0].payouts[0].creditor.name"},
		{"no creditor account", first(func(p *message.Payout) { p.Creditor.IBAN = iban.IBAN{} }), "sepa_iban_missing", "batches[0].payouts[0].creditor.iban"},
		{"creditor outside SEPA", first(func(p *message.Payout) { p.Creditor.IBAN = account("TR330006100519786457841326") }), "sepa_iban_not_sepa", "batches[0].payouts[0].creditor.iban"},
		{"purpose of three letters", first(func(p *message.Payout) { p.Purpose = "OTH" }), "sepa_purpose", "batches[0].payouts[0].purpose"},
		{"purpose that does not exist", first(func(p *message.Payout) { p.Purpose = "ZZZZ" }), "sepa_purpose", "batches[0].payouts[0].purpose"},
		{"text of 141 characters", first(func(p *message.Payout) { p.Text = strings.Repeat("x", 141) }), "sepa_text_length", "batches[0].payouts[0].text"},
		{"text outside the character set", first(func(p *message.Payout) { p.Text = "a;b" }), "sepa_characters", "batches[0].payouts[0].text"},
		{"blank text", first(func(p *message.Payout) { p.Text = "  " }), "sepa_text_blank", "batches[0].payouts[0].text"},
		{"text and reference", first(func(p *message.Payout) { p.Reference = "RF18539007547034" }), "sepa_remittance_both", "batches[0].payouts[0].text"},
		{"reference with wrong check digits", first(func(p *message.Payout) { p.Text, p.Reference = "", "RF19539007547034" }), "sepa_creditor_reference", "batches[0].payouts[0].reference"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			x := order()
			c.spoil(&x)
			_, err := x.Encode()
			if fault.CodeOf(err) != c.code {
				t.Fatalf("got %v, want %s", err, c.code)
			}
			if f := fault.Of(err).Fields; len(f) != 1 || f[0].Path != c.field {
				t.Errorf("got fields %v, want %s", f, c.field)
			}
		})
	}
}

func TestSumThatNoSchemaHolds(t *testing.T) {
	o := order()
	b := o.Batches[0]
	p := b.Payouts[0]
	p.Amount = message.AmountMax
	b.Payouts = slices.Repeat([]message.Payout{p}, 1001)
	o.Batches = slices.Repeat([]message.Batch{b}, 1000)
	if err := o.Check(); fault.CodeOf(err) != "sepa_sum" {
		t.Errorf("got %v", err)
	}
}

// TestSchemaCatchesNot holds files that the ISO schema takes although the scheme
// does not: only our own reading refuses them.
func TestSchemaCatchesNot(t *testing.T) {
	good, err := mixed().Encode()
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct{ name, old, new, code string }{
		{"another currency", `<InstdAmt Ccy="EUR">200.00`, `<InstdAmt Ccy="USD">200.00`, "sepa_currency"},
		{"control sum of the header", `<CtrlSum>1000000200.10</CtrlSum>`, `<CtrlSum>1000000200.11</CtrlSum>`, "sepa_control_sum"},
		{"control sum of a batch", `<CtrlSum>1000000200.00</CtrlSum>`, `<CtrlSum>1000000200.01</CtrlSum>`, "sepa_control_sum"},
		{"count of the header", `<NbOfTxs>4</NbOfTxs>`, `<NbOfTxs>5</NbOfTxs>`, "sepa_count"},
		{"count of a batch", `<NbOfTxs>3</NbOfTxs>`, `<NbOfTxs>2</NbOfTxs>`, "sepa_count"},
		{"check digits of an IBAN", `NL70ABNA0106295004`, `NL71ABNA0106295004`, "sepa_iban"},
		{"length of an IBAN", `NL70ABNA0106295004`, `NL70ABNA010629500`, "sepa_iban"},
		{"three decimals", `<InstdAmt Ccy="EUR">200.00`, `<InstdAmt Ccy="EUR">200.000`, "sepa_amount"},
		{"no decimals", `<InstdAmt Ccy="EUR">200.00`, `<InstdAmt Ccy="EUR">200`, "sepa_foreign"},
		{"amount zero", `<InstdAmt Ccy="EUR">200.00`, `<InstdAmt Ccy="EUR">0.00`, "sepa_control_sum"},
		{"two texts", `<Ustrd>Payout PO-0001</Ustrd>`, `<Ustrd>a</Ustrd><Ustrd>Payout PO-0001</Ustrd>`, "sepa_foreign"},
		{"text and reference", `<Ustrd>Payout PO-0001</Ustrd>`, `<Ustrd>Payout PO-0001</Ustrd><Strd><CdtrRefInf><Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry></Tp><Ref>RF18539007547034</Ref></CdtrRefInf></Strd>`, "sepa_remittance_both"},
		{"another kind of reference", `<Cd>SCOR</Cd>`, `<Cd>RADM</Cd>`, "sepa_creditor_reference"},
		{"seven address lines", `<Nm>Max Mustermann</Nm>`, `<Nm>Max Mustermann</Nm><PstlAdr>` + strings.Repeat("<AdrLine>x</AdrLine>", 7) + `</PstlAdr>`, "sepa_foreign"},
		{"other characters", `Payout PO-0001`, `Grüße`, "sepa_characters"},
		{"another method", `<PmtMtd>TRF</PmtMtd>`, `<PmtMtd>CHK</PmtMtd>`, "sepa_method"},
		{"another service level", `<Cd>SEPA</Cd>`, `<Cd>URGP</Cd>`, "sepa_service"},
		{"another instrument", `<Cd>INST</Cd>`, `<Cd>CORE</Cd>`, "sepa_service"},
		{"shared charges", `<ChrgBr>SLEV</ChrgBr>`, `<ChrgBr>SHAR</ChrgBr>`, "sepa_charge_bearer"},
		{"end-to-end id twice", `<EndToEndId>PO-0002</EndToEndId>`, `<EndToEndId>PO-0001</EndToEndId>`, "sepa_end_to_end_id_twice"},
		{"slash at the end of an id", `<EndToEndId>PO-0002</EndToEndId>`, `<EndToEndId>PO-0002/</EndToEndId>`, "sepa_reference"},
		{"a holiday", `<Dt>2026-11-20</Dt>`, `<Dt>2026-12-25</Dt>`, "sepa_day_closed"},
		{"a time in another zone", `09:00:00Z`, `09:00:00+01:00`, "sepa_created_at"},
		{"another ultimate party", `<ChrgBr>SLEV</ChrgBr>`, `<UltmtDbtr><Nm>x</Nm></UltmtDbtr><ChrgBr>SLEV</ChrgBr>`, "sepa_foreign"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if !bytes.Contains(good, []byte(c.old)) {
				t.Fatalf("the file has no %s", c.old)
			}
			bad := bytes.Replace(good, []byte(c.old), []byte(c.new), 1)
			if err := sepatest.Validate(t, sepatest.Payment, bad); err != nil {
				t.Fatalf("the schema catches it: %v", err)
			}
			if _, err := message.ReadOrder(bad); fault.CodeOf(err) != c.code {
				t.Errorf("got %v, want %s", err, c.code)
			}
		})
	}
}

func TestReadOrderRefusesOtherFiles(t *testing.T) {
	good, err := order().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{
		"nothing":           nil,
		"half of it":        good[:len(good)/2],
		"another version":   bytes.ReplaceAll(good, []byte("001.09"), []byte("001.03")),
		"something behind":  append(bytes.Clone(good), "<!-- more -->"...),
		"a byte order mark": append([]byte("\xef\xbb\xbf"), good...),
		"an entity":         bytes.Replace(good, []byte("Max"), []byte("&max;"), 1),
	} {
		if _, err := message.ReadOrder(file); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestCreditorReference(t *testing.T) {
	for s, want := range map[string]bool{"RF18539007547034": true, "RF18000000000539007547034": true, "RF1853900754703": false, "RF18": false, "rf18539007547034": false, "RFA8539007547034": false, "": false} {
		if got := message.CreditorReference(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}

// TestAnyOrder: every order that passes the rules is valid, gives the same bytes each
// time, and is read back as it was.
func TestAnyOrder(t *testing.T) {
	valid := 0
	rapid.Check(t, func(r *rapid.T) {
		o := anyOrder(r)
		file, err := o.Encode()
		if err != nil {
			r.Fatalf("%v", err)
		}
		back, err := message.ReadOrder(file)
		if err != nil {
			r.Fatalf("%v\n%s", err, file)
		}
		again, err := back.Encode()
		if err != nil || !bytes.Equal(again, file) {
			r.Fatalf("other bytes the second time: %v", err)
		}
		if valid++; valid <= 25 { // each call starts a process
			sepatest.MustBeValid(t, sepatest.Payment, file)
		}
	})
}

func anyOrder(r *rapid.T) message.Order {
	accounts := []string{"DE02100500000054540402", "NL70ABNA0106295004", "FR1420041010050500013M02606", "MT84MALT011000012345MTLCAST001S", "NO9386011117947"}
	id := rapid.StringMatching(`[A-Za-z0-9?:().,'+-]{1,8}`)
	words := rapid.StringMatching(`[A-Za-z][A-Za-z0-9/?:().,'+ -]{0,60}[a-z]`)
	party := func(label string) message.Party {
		p := message.Party{Name: words.Draw(r, label), IBAN: account(rapid.SampledFrom(accounts).Draw(r, label+" account"))}
		if rapid.Bool().Draw(r, label+" has BIC") {
			p.BIC = bic("1234DEFFXXX")
		}
		return p
	}
	o := message.Order{ID: id.Draw(r, "id"), CreatedAt: time.Unix(rapid.Int64Range(1_700_000_000, 1_790_000_000).Draw(r, "time"), 0), Initiator: words.Draw(r, "initiator")}
	for n := range rapid.IntRange(1, 3).Draw(r, "batches") {
		b := message.Batch{
			ID: id.Draw(r, "batch") + strconv.Itoa(n), Service: rapid.SampledFrom([]message.Service{message.Normal, message.Instant}).Draw(r, "service"),
			Day: "2026-11-20", OneBooking: rapid.Bool().Draw(r, "one booking"), Debtor: party("debtor"),
		}
		if rapid.Bool().Draw(r, "address") {
			b.Debtor.Address = message.Address{Town: "Berlin", Country: "DE", Street: rapid.SampledFrom([]string{"", "Hauptstr. 1"}).Draw(r, "street")}
		}
		for m := range rapid.IntRange(1, 3).Draw(r, "payouts") {
			p := message.Payout{
				EndToEndID: id.Draw(r, "e2e") + strconv.Itoa(n*10+m+100), Amount: money.Of(rapid.Uint64Range(1, 99_999_999_999).Draw(r, "amount")), Creditor: party("creditor"),
				Purpose: rapid.SampledFrom([]string{"", "OTHR", "SALA"}).Draw(r, "purpose"), InstructionID: rapid.SampledFrom([]string{"", "i-1"}).Draw(r, "instr"),
			}
			switch rapid.IntRange(0, 2).Draw(r, "remittance") {
			case 1:
				p.Text = words.Draw(r, "text")
			case 2:
				p.Reference = "RF18539007547034"
			}
			b.Payouts = append(b.Payouts, p)
		}
		o.Batches = append(o.Batches, b)
	}
	return o
}

func FuzzReadOrder(f *testing.F) {
	for _, o := range []message.Order{order(), mixed()} {
		file, err := o.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		o, err := message.ReadOrder(file)
		if err != nil {
			return
		}
		if again, err := o.Encode(); err != nil || !bytes.Equal(again, file) {
			t.Errorf("accepted, but written otherwise: %v", err)
		}
	})
}
