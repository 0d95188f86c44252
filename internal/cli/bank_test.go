package cli_test

import (
	"context"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"sluice/internal/app"
	"sluice/internal/bank"
	"sluice/internal/bank/iban"
	"sluice/internal/bank/message"
	"sluice/internal/cli"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/payout"
)

const bankConf = `mode = "dev"
[[assets]]
code = "EUR"
scale = 2
networks = ["sepa"]
[[banks]]
holder = "Example GmbH"
iban = "DE02100500000054540402"
folder = "bank"
[seal]
keys = "file:keys"
`

// dayOne is a statement with a top-up and a fee that nobody here ordered.
const dayOne = `<Document><BkToCstmrStmt><GrpHdr><MsgId>S1</MsgId></GrpHdr><Stmt><Id>S1</Id><ElctrncSeqNb>1</ElctrncSeqNb><Acct><Id><IBAN>DE02100500000054540402</IBAN></Id><Ccy>EUR</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">100.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">597.50</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>
<Ntry><Amt Ccy="EUR">500.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt><AcctSvcrRef>T1</AcctSvcrRef><NtryDtls><TxDtls><RltdPties><Dbtr><Pty><Nm>Example GmbH</Nm></Pty></Dbtr></RltdPties></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="EUR">2.50</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt><AcctSvcrRef>T2</AcctSvcrRef><AddtlNtryInf>charges</AddtlNtryInf></Ntry></Stmt></BkToCstmrStmt></Document>`

// TestBank walks an operator through what a bank sent: files, suspense, reconciliation.
func TestBank(t *testing.T) {
	s := newShell(t)
	for name, text := range map[string]string{"sluice.toml": bankConf, "keys": s.object("seal key --id test")["key"].(string)} { //nolint:errcheck,forcetypeassert // a panic fails the test as well
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.want(0, "migrate")
	if r := s.want(0, "bank files"); strings.Count(r.out, "\n") != 1 {
		t.Errorf("files before any: %s", r.out)
	}
	fill(t)

	back := cli.SayAtOnce()
	r := s.want(0, "reconcile bank")
	back()
	if !strings.Contains(r.err, "reconcile sepa: 1 of about 2 rows (50 %)") {
		t.Errorf("no progress:\n%s", r.err)
	}
	for _, part := range []string{"2026-11-20  100.00   497.50  497.50  0.00        597.50   suspense, suspense", "suspense 500.00 bke_", "Every difference is explained."} {
		if !strings.Contains(r.out, part) {
			t.Errorf("reconcile says no %q in\n%s", part, r.out)
		}
	}
	r = s.want(0, "bank suspense list")
	ids := regexp.MustCompile(`bke_[0-9a-f]{32}`).FindAllString(r.out, -1)
	if len(ids) != 2 || !strings.Contains(r.out, "Example GmbH") || !strings.Contains(r.out, "charges") {
		t.Fatalf("in suspense:\n%s", r.out)
	}
	s.want(2, "bank suspense resolve "+ids[0]+" --as magic --text x")
	s.want(1, "bank suspense resolve "+ids[0]+" --as return --withdrawal wd_1 --text x")
	s.want(2, "bank suspense resolve bke_0 --as fee --text x")
	s.want(0, "bank suspense resolve "+ids[0]+` --as funding --text "top-up"`)
	if got := s.object("bank suspense resolve " + ids[1] + ` --as fee --text "charges of November"`); got["state"] != "resolved" || got["resolution"] != "fee" {
		t.Errorf("resolved: %v", got)
	}
	s.want(1, "bank suspense resolve "+ids[1]+` --as funding --text "no, this"`)
	if r := s.want(0, "bank suspense list --json"); r.out != "" {
		t.Errorf("still in suspense: %s", r.out)
	}
	r = s.want(0, "bank files")
	if !strings.Contains(r.out, "day-one.xml") || !strings.Contains(r.out, "statement") || !strings.Contains(r.out, "bad.xml") || !strings.Contains(r.out, "refused") {
		t.Errorf("files:\n%s", r.out)
	}
	hash := regexp.MustCompile(`[0-9a-f]{64}`).FindAllString(r.out, -1)
	if r := s.want(0, "bank file "+hash[1]); r.out != dayOne {
		t.Errorf("the file comes back as %q", r.out)
	}
	s.want(1, "bank file 00")
	s.want(0, "bank orders")
	if r := s.want(0, "wallet status"); !strings.Contains(r.out, "597.50 EUR") {
		t.Errorf("the wallet:\n%s", r.out)
	}
	if r := s.run("doctor"); !strings.Contains(r.out, "bank sepa") {
		t.Errorf("doctor:\n%s%s", r.out, r.err)
	}
	s.want(0, "reconcile") // statements are another matter
	s.want(0, "verify")
}

// TestBankAssign: an operator says which withdrawals a debit and a credit of the bank are of.
func TestBankAssign(t *testing.T) {
	s := newShell(t)
	for name, text := range map[string]string{"sluice.toml": bankConf, "keys": s.object("seal key --id test")["key"].(string)} { //nolint:errcheck,forcetypeassert // a panic fails the test as well
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.want(0, "migrate")
	wd := func(n int) string { return id.ID{Seq: id.Seq(n)}.Text(id.Withdrawal) }
	withBook(t, func(ctx context.Context, wallet string, book *bank.Book) error {
		o := message.Order{ID: "M1", CreatedAt: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), Initiator: "Example GmbH"}
		us, _ := iban.Parse("DE02100500000054540402")
		them, _ := iban.Parse("NL70ABNA0106295004")
		b := message.Batch{ID: "M1-1", Service: message.Normal, Day: "2026-11-20", Debtor: message.Party{Name: "Example GmbH", IBAN: us}}
		for n := range 2 {
			b.Payouts = append(b.Payouts, message.Payout{EndToEndID: wd(n + 1)[3:], Amount: money.Of(uint64(100_00 * (n + 1))), Creditor: message.Party{Name: "Max Mustermann", IBAN: them}})
		}
		o.Batches = []message.Batch{b}
		if _, err := book.Sent(ctx, wallet, o); err != nil {
			return err
		}
		return take(ctx, book, wallet, "day-two.xml", strings.NewReplacer(
			`"EUR">500.00`, `"EUR">300.00`, `"EUR">2.50`, `"EUR">300.35`, "597.50", "99.65", "<RltdPties><Dbtr><Pty><Nm>Example GmbH</Nm></Pty></Dbtr></RltdPties>", "<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>",
		).Replace(dayOne))
	})
	r := s.want(0, "bank suspense list")
	ids := regexp.MustCompile(`bke_[0-9a-f]{32}`).FindAllString(r.out, -1)
	if len(ids) != 2 || !strings.Contains(r.out, "return_unnamed") || !strings.Contains(r.out, "AC04: account closed") {
		t.Fatalf("in suspense:\n%s", r.out)
	}
	back, out, both := ids[0], ids[1], wd(1)+","+wd(2)
	s.want(1, "bank suspense resolve "+out+" --as paid --text x --payments wd_1")
	s.want(2, "bank suspense resolve "+out+" --as paid --text x")
	if r := s.want(2, "bank suspense resolve "+out+" --as paid --text x --payments "+both); !strings.Contains(r.err, "the payments make 300.00 EUR, the booking is 300.35 EUR") {
		t.Errorf("it says %s", r.err)
	}
	s.want(2, "bank suspense resolve "+out+" --as paid --text x --charge 0.355 --payments "+both)
	s.want(2, "bank suspense resolve "+back+" --as return --text x --payments "+both) // not paid yet
	if got := s.object("bank suspense resolve " + out + ` --as paid --text "the bank's letter" --charge 0.35 --payments ` + both); got["state"] != "resolved" || got["resolution"] != "paid" {
		t.Errorf("resolved: %v", got)
	}
	if got := s.object("bank suspense resolve " + back + ` --as return --text "the bank's letter" --payments ` + both); got["resolution"] != "return" || got["reason"] != "AC04" {
		t.Errorf("resolved: %v", got)
	}
	if r := s.want(0, "bank suspense list --json"); r.out != "" {
		t.Errorf("still in suspense: %s", r.out)
	}
	s.want(0, "verify")
}

// take has a statement taken in.
func take(ctx context.Context, book *bank.Book, wallet, name, text string) error {
	f, err := message.Read(strings.NewReader(text), message.DefaultLimits)
	if err != nil {
		return err
	}
	if err := f.Check(func(string) bool { return true }); err != nil {
		return err
	}
	return book.Take(ctx, wallet, name, bank.PackBytes([]byte(text)), []*message.File{f}, nil)
}

// fill has the statement taken in, and another file refused.
func fill(t *testing.T) {
	t.Helper()
	withBook(t, func(ctx context.Context, wallet string, book *bank.Book) error {
		if err := take(ctx, book, wallet, "day-one.xml", dayOne); err != nil {
			return err
		}
		return book.Refuse(ctx, wallet, "bad.xml", 3, bank.PackBytes([]byte("bad")), "the bank's file is refused (malformed): it is no XML")
	})
}

// withBook opens the bank's book of the installation in the current folder.
func withBook(t *testing.T, work func(ctx context.Context, wallet string, book *bank.Book) error) {
	t.Helper()
	conf, _, err := config.Load(config.Source{})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := conf.Seal.Ring()
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	db, err := app.OpenStore(t.Context(), conf, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	err = app.Write(t.Context(), db, func(loop *commit.Loop) error {
		w, err := commit.Do(t.Context(), loop, app.Operator, payout.CreateWallet{Network: "sepa", Address: "DE02100500000054540402"})
		if err != nil {
			return err
		}
		return work(t.Context(), w.Text(), bank.New(loop, db, bank.Options{Keys: keys, Log: quiet}))
	})
	if err != nil {
		t.Fatal(err)
	}
}
