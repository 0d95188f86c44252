package bank_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"sluice/internal/bank"
	"sluice/internal/bank/iban"
	"sluice/internal/bank/match"
	"sluice/internal/bank/message"
	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/store"
	"sluice/internal/test/harness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ours = "DE02100500000054540402"

// desk is a book with a store of its own.
type desk struct {
	t    testing.TB
	db   *store.DB
	loop *commit.Loop
	book *bank.Book
	stop func()
}

func open(t testing.TB, dir string, opt bank.Options) *desk {
	t.Helper()
	return openObserved(t, dir, opt, nil)
}

// openObserved opens a desk whose commits are observed.
func openObserved(t testing.TB, dir string, opt bank.Options, observe func(commit.Batch)) *desk {
	t.Helper()
	b := harness.Open(t, harness.Options{URL: "sqlite:" + filepath.Join(dir, "x.db"), Commit: commit.Options{Observe: observe}})
	opt.Log = harness.Quiet
	return &desk{t, b.DB, b.Loop, bank.New(b.Loop, b.DB, opt), b.Close}
}

func number(s string) iban.IBAN {
	n, err := iban.Parse(s)
	if err != nil {
		panic(err)
	}
	return n
}

// ref is the end-to-end id of the n-th withdrawal.
func ref(n int) string {
	return id.ID{Shard: 0, Seq: id.Seq(n + 1)}.Text(id.Withdrawal)[3:]
}

func order(name string, first, count int) message.Order {
	o := message.Order{ID: name, CreatedAt: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), Initiator: "Example GmbH"}
	b := message.Batch{ID: name + "-1", Service: message.Normal, Day: "2026-11-20", Debtor: message.Party{Name: "Example GmbH", IBAN: number(ours)}}
	for n := range count {
		b.Payouts = append(b.Payouts, message.Payout{
			EndToEndID: ref(first + n), Amount: money.Of(uint64(100 * (first + n + 1))), Creditor: message.Party{Name: "Max Mustermann", IBAN: number("NL70ABNA0106295004")},
		})
	}
	o.Batches = []message.Batch{b}
	return o
}

// entry writes one entry of a camt.
type entry struct {
	ref, e2e, side, reason string
	cents                  int
}

func (e entry) xml() string {
	back, party := "", ""
	if e.reason != "" {
		back = "<RtrInf><Rsn><Cd>" + e.reason + "</Cd></Rsn></RtrInf>"
	}
	if e.side == "DBIT" && e.e2e != "" {
		party = "<RltdPties><CdtrAcct><Id><IBAN>NL70ABNA0106295004</IBAN></Id></CdtrAcct></RltdPties>"
	}
	refs := ""
	if e.e2e != "" {
		refs = "<Refs><EndToEndId>" + e.e2e + "</EndToEndId></Refs>"
	}
	return fmt.Sprintf(`<Ntry><Amt Ccy="EUR">%d.%02d</Amt><CdtDbtInd>%s</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt><AcctSvcrRef>%s</AcctSvcrRef><NtryDtls><TxDtls>%s%s%s</TxDtls></NtryDtls></Ntry>`,
		e.cents/100, e.cents%100, e.side, e.ref, refs, party, back)
}

func statement(seq, opening int, list ...entry) string {
	text, closing := "", opening
	for _, e := range list {
		text += e.xml()
		if e.side == "CRDT" {
			closing += e.cents
		} else {
			closing -= e.cents
		}
	}
	bal := func(kind string, v int) string {
		side := "CRDT"
		if v < 0 {
			side, v = "DBIT", -v
		}
		return fmt.Sprintf(`<Bal><Tp><CdOrPrtry><Cd>%s</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">%d.%02d</Amt><CdtDbtInd>%s</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>`, kind, v/100, v%100, side)
	}
	return fmt.Sprintf(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>S%d</MsgId><CreDtTm>2026-11-20T20:00:00Z</CreDtTm></GrpHdr><Stmt><Id>S%d</Id><ElctrncSeqNb>%d</ElctrncSeqNb><Acct><Id><IBAN>%s</IBAN></Id><Ccy>EUR</Ccy></Acct>%s%s%s</Stmt></BkToCstmrStmt></Document>`,
		seq, seq, seq, ours, bal("OPBD", opening), bal("CLBD", closing), text)
}

func notice(n int, e entry) string {
	return fmt.Sprintf(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>N%d</MsgId><CreDtTm>2026-11-20T20:00:00Z</CreDtTm></GrpHdr><Ntfctn><Id>N%d</Id><Acct><Id><IBAN>%s</IBAN></Id></Acct>%s</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>`, n, n, ours, e.xml())
}

func reject(order, e2e, code string) string {
	return fmt.Sprintf(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt><GrpHdr><MsgId>R-%s</MsgId><CreDtTm>2026-11-20T20:00:00Z</CreDtTm></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>%s</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>%s-1</OrgnlPmtInfId><TxInfAndSts><OrgnlEndToEndId>%s</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>%s</Cd></Rsn></StsRsnInf></TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>`, e2e, order, order, e2e, code)
}

func (d *desk) take(text string) {
	d.t.Helper()
	if err := d.tryTake(context.Background(), text); err != nil {
		d.t.Fatal(err)
	}
}

// tryTake takes a file in, as far as ctx lets it.
func (d *desk) tryTake(ctx context.Context, text string) error {
	d.t.Helper()
	files, _, err := message.Walk(strings.NewReader(text), message.DefaultLimits, func(*message.File, *message.Account, message.Entry) error { return nil })
	var left []string
	if err == nil {
		left, err = message.Sift(files, func(n string) bool { return n == ours })
	}
	if err == nil {
		err = d.book.Take(ctx, "wal_1", "file.xml", bank.PackBytes([]byte(text)), files, left)
	}
	return err
}

func (d *desk) sent(o message.Order) {
	d.t.Helper()
	if _, err := d.book.Sent(context.Background(), "wal_1", o); err != nil {
		d.t.Fatal(err)
	}
}

// picture is everything that must not depend on the order of the files.
func (d *desk) picture() string {
	d.t.Helper()
	ctx := context.Background()
	var b strings.Builder
	must := func(err error) {
		if err != nil {
			d.t.Fatal(err)
		}
	}
	must(d.db.EachBankPayment(ctx, func(p bank.Payment) error {
		fmt.Fprintf(&b, "%s %s back %s %s\n", p.EndToEnd, p.State, p.Back, p.BackReason)
		return nil
	}))
	lines := map[string]string{}
	must(d.db.EachBankEntry(ctx, func(e bank.Entry) error {
		lines[e.Key] = fmt.Sprintf("%s %s %s\n", e.Key, e.State, e.Cause)
		return nil
	}))
	for _, k := range slices.Sorted(maps.Keys(lines)) {
		b.WriteString(lines[k])
	}
	list, err := d.db.BankStatements(ctx)
	must(err)
	states := map[string]string{}
	for _, s := range list {
		states[s.Key] = fmt.Sprintf("%s %s gap %v\n", s.Name(), s.State, s.Gap)
	}
	for _, k := range slices.Sorted(maps.Keys(states)) {
		b.WriteString(states[k])
	}
	houses, err := d.db.Houses(ctx, bank.Shard)
	must(err)
	for _, h := range houses {
		fmt.Fprintf(&b, "%s in %s out %s\n", h.Name, h.In, h.Out)
	}
	r, err := d.db.Verify(ctx)
	must(err)
	for _, s := range r.Shards {
		if s.Count > 0 {
			d.t.Errorf("the books are wrong: %+v", s.Differences)
		}
	}
	return b.String()
}

// answers are the files of a bank about an order of five payments: one is booked, one
// rejected, one booked and returned, one returned twice, one never heard of; and a
// top-up that names nothing.
func answers() []string {
	return []string{
		notice(1, entry{"B1", ref(0), "DBIT", "", 100}),
		reject("M1", ref(1), "AC01"),
		statement(1, 100000, entry{"B1", ref(0), "DBIT", "", 100}, entry{"B3", ref(2), "DBIT", "", 300}, entry{"B4", ref(3), "DBIT", "", 400}),
		statement(2, 99200, entry{"B5", ref(2), "CRDT", "AC04", 300}, entry{"B6", "", "CRDT", "", 77700}),
		statement(3, 177200, entry{"B7", ref(3), "CRDT", "MD07", 350}, entry{"B8", ref(3), "CRDT", "MD07", 350}),
	}
}

// TestCase27_AnyOrder: whatever the order in which a bank's files come, and how often,
// payments, suspense, statements and ledger end the same.
func TestCase27_AnyOrder(t *testing.T) {
	root := t.TempDir()
	runs := 0
	run := func(tb testing.TB, files []string) string {
		runs++
		dir := filepath.Join(root, fmt.Sprint(runs))
		if err := os.Mkdir(dir, 0o700); err != nil {
			tb.Fatal(err)
		}
		d := open(tb, dir, bank.Options{})
		defer d.stop()
		d.sent(order("M1", 0, 5))
		for _, f := range files {
			d.take(f)
		}
		return d.picture()
	}
	want := run(t, answers())
	for _, part := range []string{
		ref(0) + " confirmed", ref(1) + " failed", ref(2) + " returned back 300 AC04", ref(3) + " returned back 350 MD07", ref(4) + " held",
		"suspense unmatched", "suspense second", "3 balanced gap false",
	} {
		if !strings.Contains(want, part) {
			t.Errorf("no %q in\n%s", part, want)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		files := answers()
		for range rapid.IntRange(0, 3).Draw(r, "again") {
			files = append(files, files[rapid.IntRange(0, len(files)-1).Draw(r, "which")])
		}
		if got := run(t, rapid.Permutation(files).Draw(r, "order")); got != want {
			r.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
}

// TestSuspense: each way to resolve a booking ends with nothing in suspense but what
// was only explained.
func TestSuspense(t *testing.T) {
	d := open(t, t.TempDir(), bank.Options{Policy: match.Policy{}})
	defer d.stop()
	d.sent(order("M1", 0, 2))
	d.take(statement(1, 0, entry{"T1", "", "CRDT", "", 50000}, entry{"T2", "", "DBIT", "", 250}, entry{"T3", "", "CRDT", "", 99}, entry{"T4", "", "DBIT", "", 99},
		entry{"B1", ref(0), "DBIT", "", 100}, entry{"R1", "", "CRDT", "", 100}, entry{"X1", "", "CRDT", "", 5}))
	ctx := t.Context()
	list, err := d.db.BankSuspense(ctx, 100)
	if err != nil || len(list) != 6 {
		t.Fatalf("%d in suspense, %v", len(list), err)
	}
	resolve := func(n int, as string, more func(*bank.Resolve)) error {
		c := bank.Resolve{Entry: list[n].Key, As: as, Text: "because", Actor: "operator:test"}
		if more != nil {
			more(&c)
		}
		_, err := commit.Do(ctx, d.loop, bank.Shard, c)
		return err
	}
	payment, ok, err := d.db.BankPayment(ctx, ref(0))
	if err != nil || !ok || payment.State != match.Confirmed {
		t.Fatalf("%+v %v", payment, err)
	}
	for name, c := range map[string]error{
		"unknown":      resolve(0, "magic", nil),
		"no text":      resolve(0, bank.AsFunding, func(c *bank.Resolve) { c.Text = "" }),
		"wrong offset": resolve(0, bank.AsOffset, func(c *bank.Resolve) { c.With = list[1].Key }),
		"wrong return": resolve(0, bank.AsReturn, func(c *bank.Resolve) { c.Payments = []bank.PaymentKey{payment.PaymentKey} }),
	} {
		if c == nil {
			t.Errorf("%s is taken", name)
		}
	}
	for n, c := range []error{
		resolve(0, bank.AsFunding, nil), resolve(1, bank.AsFee, nil), resolve(2, bank.AsOffset, func(c *bank.Resolve) { c.With = list[3].Key }),
		resolve(4, bank.AsReturn, func(c *bank.Resolve) { c.Payments = []bank.PaymentKey{payment.PaymentKey} }), resolve(5, bank.AsExplained, nil), resolve(0, bank.AsFunding, nil),
	} {
		if c != nil {
			t.Errorf("resolution %d: %v", n, c)
		}
	}
	if err := resolve(0, bank.AsFee, nil); err == nil {
		t.Error("a resolved booking is resolved otherwise")
	}
	if left, err := d.db.BankSuspense(ctx, 100); err != nil || len(left) > 0 {
		t.Errorf("%d left, %v", len(left), err)
	}
	// 500.00 of funding and the 0.05 that were explained came in, the fee and the payment
	// went out; what came back is back in the account, and again out for its withdrawal.
	for _, line := range []string{"suspense in 50454 out 50449", "external in 50000 out 0", "network_fees in 0 out 250"} {
		if got := d.picture(); !strings.Contains(got, line) {
			t.Errorf("no %q in\n%s", line, got)
		}
	}
	// The return that a person found is told like any other, and a second one is a second one.
	due, err := d.db.BankReturns(ctx, 10)
	if err != nil || len(due) != 1 || due[0].EndToEnd != ref(0) {
		t.Errorf("%v, %v", due, err)
	}
	d.take(statement(2, 49755, entry{"R2", ref(0), "CRDT", "AC04", 100}))
	if left, err := d.db.BankSuspense(ctx, 100); err != nil || len(left) != 1 || left[0].Cause != string(match.Second) {
		t.Errorf("%+v, %v", left, err)
	}
	d.picture()
}

// TestGaps: a missing statement is noticed, and no longer missed once it comes.
// case-48
func TestGaps(t *testing.T) {
	d := open(t, t.TempDir(), bank.Options{})
	defer d.stop()
	gaps := func() (out string) {
		list, err := d.db.BankStatements(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			out += fmt.Sprintf("%d:%v ", s.Sequence, s.Gap)
		}
		return out
	}
	d.take(statement(7, 0))
	d.take(statement(9, 0))
	if got := gaps(); got != "7:false 9:true " {
		t.Errorf("got %s", got)
	}
	d.take(statement(8, 0))
	if got := gaps(); got != "7:false 9:false 8:false " {
		t.Errorf("got %s", got)
	}
}
