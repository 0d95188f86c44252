package guard_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"sluice/internal/bank/iban"
	"sluice/internal/bank/message"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/signer"
	"sluice/internal/signer/approval"
	"sluice/internal/signer/build"
	"sluice/internal/signer/guard"
)

const (
	payingAccount = "DE02100500000054540402"
	paidAccount   = "NL70ABNA0106295004"
	otherAccount  = "FR1420041010050500013M02606"
)

var bankNetwork = signer.Network{Name: "sepa", Family: build.Bank, Account: payingAccount}

func number(t *testing.T, s string) iban.IBAN {
	t.Helper()
	i, err := iban.Parse(s)
	must(t, err)
	return i
}

func bic(t *testing.T, s string) iban.BIC {
	t.Helper()
	b, err := iban.ParseBIC(s)
	must(t, err)
	return b
}

// payment is the n-th withdrawal of the tests, in cents.
func payment(t *testing.T, n, cents uint64, to string) message.Payout {
	t.Helper()
	return message.Payout{
		EndToEndID: id.ID{Seq: id.Seq(n)}.Text(id.Withdrawal)[3:], Amount: money.Of(cents), Creditor: message.Party{Name: "Max Mustermann", IBAN: number(t, to)}, Text: "Payout",
	}
}

// anOrder is a file of one batch.
func anOrder(t *testing.T, name string, payments ...message.Payout) message.Order {
	t.Helper()
	return message.Order{
		ID: name, CreatedAt: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), Initiator: "Example GmbH",
		Batches: []message.Batch{{
			ID: name + "-1", Service: message.Normal, Day: "2026-11-20", Debtor: message.Party{Name: "Example GmbH", IBAN: number(t, payingAccount)}, Payouts: payments,
		}},
	}
}

// asked is the intent of an order, as its rail makes it.
func asked(t *testing.T, o message.Order) signer.Intent {
	t.Helper()
	file, err := o.Encode()
	must(t, err)
	in := signer.Intent{Family: build.Bank, Network: "sepa", Wallet: payingAccount, File: file, Fence: 1, Bound: "dsp_1"}
	for _, b := range o.Batches {
		for _, p := range b.Payouts {
			in.Outputs = append(in.Outputs, signer.Output{Ref: "wd_" + p.EndToEndID, Asset: "EUR", To: []byte(p.Creditor.IBAN.String()), Amount: p.Amount})
		}
	}
	return in
}

// nobody has no keys: an account at a bank needs none.
type nobody struct{ signer.Keys }

func (nobody) Public(context.Context) ([][]byte, error) { return nil, nil }

// bankGuard agrees to orders; change sets the policy.
func bankGuard(t *testing.T, folder string, change ...func(*guard.Options)) *guard.Guard {
	t.Helper()
	opt := guard.Options{Keys: nobody{}, Build: build.Builder{}, Dir: folder}
	opt.Policy.Networks = []guard.Network{{Network: bankNetwork, Assets: []guard.Asset{{Code: "EUR"}}}}
	for _, f := range change {
		f(&opt)
	}
	g, err := guard.Open(t.Context(), opt)
	must(t, err)
	return g
}

// TestA3_an_order_has_one_file asks for one order again and again, at other times: the file
// is always the first one, to the byte. Another order under its id is refused, and so is
// one of its payments under another id.
func TestA3_an_order_has_one_file(t *testing.T) {
	folder := t.TempDir()
	g := bankGuard(t, folder)
	base := anOrder(t, "M1", payment(t, 1, 100_00, paidAccount), payment(t, 2, 50_00, otherAccount))
	want, err := g.Sign(t.Context(), asked(t, base))
	must(t, err)
	if file, _ := base.Encode(); want.TxID != "M1" || !bytes.Equal(want.Raw, file) {
		t.Fatalf("agreed to %s", want.Raw)
	}
	for range 2 {
		for name, change := range map[string]func(*message.Order){
			"at the same time":   func(*message.Order) {},
			"later":              func(o *message.Order) { o.CreatedAt = o.CreatedAt.Add(time.Hour) },
			"for the next day":   func(o *message.Order) { o.Batches[0].Day = "2026-11-23" },
			"after many a month": func(o *message.Order) { o.CreatedAt = o.CreatedAt.AddDate(0, 6, 0); o.Batches[0].Day = "2027-05-25" },
		} {
			o := anOrder(t, "M1", base.Batches[0].Payouts...)
			change(&o)
			got, err := g.Sign(t.Context(), asked(t, o))
			if err != nil || !bytes.Equal(got.Raw, want.Raw) || got.TxID != want.TxID {
				t.Errorf("%s: another file, %v:\n%s", name, err, got.Raw)
			}
		}
		_, err = g.Sign(t.Context(), asked(t, anOrder(t, "M1", payment(t, 3, 100_00, paidAccount))))
		code(t, err, "sign_slot")
		_, err = g.Sign(t.Context(), asked(t, anOrder(t, "M2", base.Batches[0].Payouts[0])))
		code(t, err, "sign_paid")
		must(t, g.Close())
		g = bankGuard(t, folder)
	}
	must(t, g.Close())
	text, err := os.ReadFile(logFiles(t, folder)[0])
	must(t, err)
	for _, part := range []string{paidAccount, otherAccount, "Mustermann"} {
		if bytes.Contains(text, []byte(part)) {
			t.Errorf("the log shows %q", part)
		}
	}
	if first, _, _ := strings.Cut(string(text), "\n"); !strings.Contains(first, `"order":"M1","moment":"2026-11-20T09:00:00Z 2026-11-20"`) {
		t.Errorf("the log says %s", first)
	}
}

// TestWhatAnOrderCommitsTo changes one part of an order at a time: all of it is bound to the
// id of the message but when it was made and is executed, which stay as they were first.
func TestWhatAnOrderCommitsTo(t *testing.T) {
	full := func() message.Order {
		a, b := payment(t, 1, 100_00, paidAccount), payment(t, 2, 50_00, otherAccount)
		a.InstructionID, a.Purpose, a.Creditor.BIC = "I1", "OTHR", bic(t, "ABNANL2A")
		b.Text, b.Reference = "", "RF18539007547034"
		o := anOrder(t, "M1", a, b)
		o.Batches[0].Debtor.BIC = bic(t, "BELADEBE")
		o.Batches[0].Debtor.Address = message.Address{Street: "Street", Building: "1", PostCode: "10115", Town: "Berlin", Country: "DE"}
		return o
	}
	batch := func(f func(*message.Batch)) func(*message.Order) { return func(o *message.Order) { f(&o.Batches[0]) } }
	first := func(f func(*message.Payout)) func(*message.Order) {
		return batch(func(b *message.Batch) { f(&b.Payouts[0]) })
	}
	parts := map[string]struct {
		became string
		change func(*message.Order)
	}{
		"ID":        {"sign_paid", func(o *message.Order) { o.ID = "M2" }}, // another message, and its payments are in M1
		"CreatedAt": {theSame, func(o *message.Order) { o.CreatedAt = o.CreatedAt.Add(time.Hour) }},
		"Initiator": {"sign_slot", func(o *message.Order) { o.Initiator = "Example AG" }},
		"Batches": {"sign_slot", func(o *message.Order) {
			b := o.Batches[0]
			b.ID, b.Payouts = "M1-2", []message.Payout{payment(t, 3, 1, paidAccount)}
			o.Batches = append(o.Batches, b)
		}},
		"Batches.ID":                      {"sign_slot", batch(func(b *message.Batch) { b.ID = "M1-x" })},
		"Batches.Service":                 {"sign_slot", batch(func(b *message.Batch) { b.Service = message.Instant })},
		"Batches.Day":                     {theSame, batch(func(b *message.Batch) { b.Day = "2026-11-23" })},
		"Batches.OneBooking":              {"sign_slot", batch(func(b *message.Batch) { b.OneBooking = true })},
		"Batches.Debtor.Name":             {"sign_slot", batch(func(b *message.Batch) { b.Debtor.Name = "Example AG" })},
		"Batches.Debtor.IBAN":             {"sign_wallet", batch(func(b *message.Batch) { b.Debtor.IBAN = number(t, "DE95500105173934555844") })},
		"Batches.Debtor.BIC":              {"sign_slot", batch(func(b *message.Batch) { b.Debtor.BIC = bic(t, "INGDDEFF") })},
		"Batches.Debtor.Address.Street":   {"sign_slot", batch(func(b *message.Batch) { b.Debtor.Address.Street = "Lane" })},
		"Batches.Debtor.Address.Building": {"sign_slot", batch(func(b *message.Batch) { b.Debtor.Address.Building = "2" })},
		"Batches.Debtor.Address.PostCode": {"sign_slot", batch(func(b *message.Batch) { b.Debtor.Address.PostCode = "10117" })},
		"Batches.Debtor.Address.Town":     {"sign_slot", batch(func(b *message.Batch) { b.Debtor.Address.Town = "Bonn" })},
		"Batches.Debtor.Address.Country":  {"sign_slot", batch(func(b *message.Batch) { b.Debtor.Address.Country = "FR" })},
		"Batches.Payouts":                 {"sign_slot", batch(func(b *message.Batch) { b.Payouts = append(b.Payouts, payment(t, 3, 1, paidAccount)) })},
		"Batches.Payouts.EndToEndID":      {"sign_slot", first(func(p *message.Payout) { p.EndToEndID = payment(t, 3, 1, paidAccount).EndToEndID })},
		"Batches.Payouts.InstructionID":   {"sign_slot", first(func(p *message.Payout) { p.InstructionID = "I2" })},
		"Batches.Payouts.Amount":          {"sign_slot", first(func(p *message.Payout) { p.Amount = money.Of(100_01) })},
		"Batches.Payouts.Creditor.Name":   {"sign_slot", first(func(p *message.Payout) { p.Creditor.Name = "Erika Mustermann" })},
		"Batches.Payouts.Creditor.IBAN":   {"sign_slot", first(func(p *message.Payout) { p.Creditor.IBAN = number(t, otherAccount) })},
		"Batches.Payouts.Creditor.BIC":    {"sign_slot", first(func(p *message.Payout) { p.Creditor.BIC = bic(t, "INGBNL2A") })},
		"Batches.Payouts.Purpose":         {"sign_slot", first(func(p *message.Payout) { p.Purpose = "SALA" })},
		"Batches.Payouts.Text":            {"sign_slot", first(func(p *message.Payout) { p.Text = "Another" })},
		"Batches.Payouts.Reference":       {"sign_slot", batch(func(b *message.Batch) { b.Payouts[1].Reference = "RF45G72UUR" })},
	}
	g := bankGuard(t, t.TempDir())
	defer g.Close() //nolint:errcheck // read only
	want, err := g.Sign(t.Context(), asked(t, full()))
	must(t, err)
	for _, path := range leaves("", reflect.TypeFor[message.Order]()) {
		p, known := parts[path]
		if !known {
			if !strings.HasPrefix(path, "Batches.Payouts.Creditor.Address") { // no order says it: Encode refuses
				t.Errorf("the table says nothing about %s", path)
			}
			continue
		}
		o := full()
		p.change(&o)
		got, err := g.Sign(t.Context(), asked(t, o))
		became := fault.CodeOf(err)
		if err == nil && bytes.Equal(got.Raw, want.Raw) {
			became = theSame
		}
		if became != p.became {
			t.Errorf("%-32s %q, want %q (%v)", path, became, p.became, err)
		}
	}
}

// leaves are the fields of a type down to single values; lists are a field themselves.
func leaves(path string, typ reflect.Type) (out []string) {
	single := typ == reflect.TypeFor[money.Amount]() || typ == reflect.TypeFor[time.Time]() || typ == reflect.TypeFor[iban.IBAN]() || typ == reflect.TypeFor[iban.BIC]()
	switch {
	case typ.Kind() == reflect.Slice:
		return append([]string{path}, leaves(path, typ.Elem())...)
	case typ.Kind() != reflect.Struct || single:
		return []string{path}
	}
	for i := range typ.NumField() {
		out = append(out, leaves(strings.TrimPrefix(path+"."+typ.Field(i).Name, "."), typ.Field(i).Type)...)
	}
	return out
}

// TestA3_files_that_are_no_orders: the signer reads what it agrees to, and believes nobody
// what is in it.
func TestA3_files_that_are_no_orders(t *testing.T) {
	base := anOrder(t, "M1", payment(t, 1, 100_00, paidAccount), payment(t, 2, 50_00, otherAccount))
	for name, c := range map[string]struct {
		code   string
		change func(*signer.Intent)
	}{
		"in order":     {"", func(*signer.Intent) {}},
		"no file":      {"sign_file", func(in *signer.Intent) { in.File = nil }},
		"a blank more": {"sign_file", func(in *signer.Intent) { in.File = append(bytes.Clone(in.File), ' ') }},
		"a comment in it": {"sign_file", func(in *signer.Intent) {
			in.File = bytes.Replace(in.File, []byte("<GrpHdr>"), []byte("<!-- --><GrpHdr>"), 1)
		}},
		"another sum":             {"sign_file", func(in *signer.Intent) { in.File = bytes.Replace(in.File, []byte("150.00"), []byte("150.01"), 1) }},
		"a payment not named":     {"sign_outputs", func(in *signer.Intent) { in.Outputs = in.Outputs[:1] }},
		"one that is not in it":   {"sign_outputs", func(in *signer.Intent) { in.Outputs = append(in.Outputs, in.Outputs[0]); in.Outputs[2].Ref = "wd_x" }},
		"in another order":        {"sign_outputs", func(in *signer.Intent) { in.Outputs[0], in.Outputs[1] = in.Outputs[1], in.Outputs[0] }},
		"a smaller amount":        {"sign_amount", func(in *signer.Intent) { in.Outputs[0].Amount = money.Of(1) }},
		"another recipient":       {"sign_recipient", func(in *signer.Intent) { in.Outputs[0].To = []byte(otherAccount) }},
		"another withdrawal":      {"sign_outputs", func(in *signer.Intent) { in.Outputs[0].Ref = "wd_" + strings.Repeat("0", 32) }},
		"another asset":           {"sign_amount", func(in *signer.Intent) { in.Outputs[0].Asset = "USD" }},
		"another account of ours": {"sign_wallet", func(in *signer.Intent) { in.Wallet = "DE95500105173934555844" }},
		"as a cancel":             {"sign_cancel", func(in *signer.Intent) { in.Cancel = true }},
		"with a nonce":            {"sign_outputs", func(in *signer.Intent) { in.Nonce = 1 }},
		"on a chain":              {"sign_family", func(in *signer.Intent) { in.Family = "evm" }},
	} {
		g := bankGuard(t, "")
		in := asked(t, base)
		c.change(&in)
		_, err := g.Sign(t.Context(), in)
		if fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %q", name, err, c.code)
		}
		if err != nil && (strings.Contains(err.Error(), paidAccount) || strings.Contains(err.Error(), otherAccount)) {
			t.Errorf("%s: the refusal shows an account: %v", name, err)
		}
	}
	_, err := bankGuard(t, "", func(o *guard.Options) { o.Policy.Networks[0].Name = "other" }).Sign(t.Context(), asked(t, base))
	if code(t, err, "sign_network"); err == nil || !strings.Contains(err.Error(), "account at a bank") {
		t.Errorf("an account that the policy does not have: %v", err)
	}
}

// TestA3_policy_of_a_bank holds each limit, the list of recipients, and approvals.
func TestA3_policy_of_a_bank(t *testing.T) {
	public, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	folder := t.TempDir()
	set := func(o *guard.Options) {
		o.Now = func() time.Time { return now }
		o.Policy.Approvers = []ed25519.PublicKey{public}
		n := &o.Policy.Networks[0]
		n.Assets = []guard.Asset{{Code: "EUR", PerPayout: minor(500_00), PerHour: minor(800_00), PerDay: minor(1000_00), CountPerHour: 4, CountPerDay: 6, ApprovalAbove: minor(200_00)}}
		n.MayGet = func(to []byte) bool { return string(to) != otherAccount }
	}
	g := bankGuard(t, folder, set)
	defer func() { must(t, g.Close()) }()
	next := uint64(0)
	agree := func(in *signer.Intent) {
		for n, o := range in.Outputs {
			in.Outputs[n].Approval = approval.Sign(key, approval.Statement{Network: "sepa", Ref: o.Ref, Asset: "EUR", Amount: o.Amount, To: o.To}, now)
		}
	}
	pay := func(to string, change func(*signer.Intent), cents ...uint64) error {
		t.Helper()
		var list []message.Payout
		for _, c := range cents {
			next++
			list = append(list, payment(t, next, c, to))
		}
		in := asked(t, anOrder(t, "M"+money.Of(next).Minor(), list...))
		if change != nil {
			change(&in)
		}
		before := g.May(t.Context(), "sepa", in.Outputs)
		_, err := g.Sign(t.Context(), in)
		if fault.CodeOf(before) != fault.CodeOf(err) {
			t.Errorf("beforehand: %v; then: %v", before, err)
		}
		return err
	}
	code(t, pay(paidAccount, agree, 500_01), "sign_limit_payout")
	code(t, pay(otherAccount, nil, 1), "sign_destination")
	code(t, pay(paidAccount, nil, 200_01), "approval_missing")
	code(t, pay(paidAccount, func(in *signer.Intent) { agree(in); in.Outputs[0].Approval = "sap1_x" }, 200_01), "approval_invalid")
	must(t, pay(paidAccount, agree, 400_00, 200_00))
	code(t, pay(paidAccount, nil, 200_00, 1), "sign_limit_hour") // 800.01
	code(t, pay(paidAccount, nil, 1, 1, 1), "sign_limit_hour")   // five payments
	must(t, pay(paidAccount, nil, 200_00))
	must(t, g.Close())
	g = bankGuard(t, folder, set)
	code(t, pay(paidAccount, nil, 1), "sign_limit_hour")
	now = now.Add(time.Hour)
	code(t, pay(paidAccount, nil, 100_00, 100_01), "sign_limit_day")
	must(t, pay(paidAccount, nil, 1, 1, 1))
	code(t, pay(paidAccount, nil, 1), "sign_limit_day") // seven payments
	now = now.Add(24 * time.Hour)
	must(t, pay(paidAccount, nil, 1, 1, 1, 1))
}
