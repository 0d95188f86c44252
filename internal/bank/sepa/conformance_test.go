package sepa_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	bankbook "sluice/internal/bank"
	"sluice/internal/bank/message"
	"sluice/internal/bank/sepa"
	"sluice/internal/bank/sepa/channel"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/railtest"
	"sluice/internal/signer"
	"sluice/internal/store"
	"sluice/internal/test/harness"
)

// flaky is a channel that can be out of reach.
type flaky struct {
	sepa.Channel
	gone atomic.Bool
}

func (f *flaky) Send(ctx context.Context, name string, file []byte) error {
	if f.gone.Load() {
		return errors.New("the line is dead")
	}
	return f.Channel.Send(ctx, name, file)
}

// counter is a rail with its book and a folder, without dispatch.
type counter struct {
	t      *testing.T
	dir    string
	rail   *sepa.Rail
	closed *sepa.Rail
	line   *flaky
	book   *bankbook.Book
	sign   signer.Signer
	db     *store.DB
	made   int
	files  int
}

func openCounter(t *testing.T, limits message.Limits, ch func(dir string) sepa.Channel) *counter {
	t.Helper()
	c := &counter{t: t, dir: t.TempDir()}
	opened := harness.Open(t, harness.Options{})
	c.db = opened.DB
	bankDir := filepath.Join(c.dir, "bank")
	folder, err := channel.OpenFolder(bankDir, channel.FolderOptions{})
	check(t, err)
	c.line = &flaky{Channel: folder}
	if ch != nil {
		c.line.Channel = ch(bankDir)
	}
	t.Cleanup(func() { check(t, folder.Close()) })
	cfg := sepa.Config{Checker: sepa.Checker{Network: "sepa", Ring: ring(t)}, Bank: bankOf(), Channel: c.line, Wallet: "wal_1", Limits: limits}
	cfg.Bank.CutOff = sepa.CutOff{Hour: 23, Minute: 59}
	book := bankbook.New(opened.Loop, c.db, bankbook.Options{Keys: cfg.Ring})
	c.book = book
	c.rail = sepa.New(cfg)
	c.sign = agreeing(t, ours)
	c.rail.Connect(book, c.sign)
	cfg.Bank.CutOff = sepa.CutOff{} // over before the day begins
	c.closed = sepa.New(cfg)
	c.closed.Connect(book, c.sign)
	return c
}

func (c *counter) payout(t *testing.T, amount money.Amount, instant bool) rail.Payout {
	t.Helper()
	to, err := c.rail.CheckRecipient(t.Context(), rail.Recipient{Holder: "Max Mustermann", IBAN: theirs}, "EUR")
	check(t, err)
	c.made++
	p := rail.Payout{Ref: id.ID{Seq: id.Seq(c.made)}.Text(id.Withdrawal), Asset: "EUR", To: to.Decoded, Amount: amount}
	if instant {
		p.Payment.Service = "instant"
	}
	return p
}

// arrive puts a file of the bank into the inbox and has it taken in.
func (c *counter) arrive(t *testing.T, text string) {
	t.Helper()
	c.files++
	check(t, os.WriteFile(filepath.Join(c.dir, "bank", "inbox", fmt.Sprintf("f%03d.xml", c.files)), []byte(text), 0o600))
	check(t, c.rail.Round(t.Context()))
}

func endToEnd(p rail.Payout) string { return p.Ref[3:] }

// TestConformance holds the rail against what every rail that writes files must do.
func TestConformance(t *testing.T) {
	railtest.RunFiles(t, func(t *testing.T) railtest.Files {
		c := openCounter(t, message.Limits{}, nil)
		return railtest.Files{
			Rail: c.rail, Signer: c.sign, Wallet: ours, Asset: "EUR", Payout: c.payout, Closed: c.closed,
			Bad: func(t *testing.T) (rail.Payout, string) {
				p := c.payout(t, money.Of(100), true)
				p.Amount = money.Of(100_000_000_000)
				return p, "999"
			},
			Taken: func(t *testing.T) [][]byte {
				names, err := filepath.Glob(filepath.Join(c.dir, "bank", "outbox", "*.xml"))
				check(t, err)
				var out [][]byte
				for _, n := range names {
					b, err := os.ReadFile(n)
					check(t, err)
					out = append(out, b)
				}
				return out
			},
			Unreachable: func(*testing.T) func() {
				c.line.gone.Store(true)
				return func() { c.line.gone.Store(false) }
			},
			Book: func(t *testing.T, _ rail.Slot, p rail.Payout) {
				c.arrive(t, fmt.Sprintf(`<Document><BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>N%d</MsgId></GrpHdr><Ntfctn><Id>N</Id><Acct><Id><IBAN>%s</IBAN></Id></Acct><Ntry><Amt Ccy="EUR">%s</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><AcctSvcrRef>B%d</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>%s</EndToEndId></Refs></TxDtls></NtryDtls></Ntry></Ntfctn></BkToCstmrDbtCdtNtfctn></Document>`,
					c.files, ours, message.Euro.Format(p.Amount), c.files, endToEnd(p)))
			},
			Reject: func(t *testing.T, s rail.Slot, p rail.Payout) {
				c.arrive(t, fmt.Sprintf(`<Document><CstmrPmtStsRpt><GrpHdr><MsgId>R%d</MsgId></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>%s</OrgnlMsgId><OrgnlMsgNmId>pain.001</OrgnlMsgNmId></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>%s-1</OrgnlPmtInfId><TxInfAndSts><OrgnlEndToEndId>%s</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf></TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>`,
					c.files, s.Ref, s.Ref, endToEnd(p)))
			},
		}
	})
}

// TestHostileFiles: whatever is wrong with a file, it is refused whole, with the reason,
// nothing of it is used, and it is kept.
// case-52
func TestHostileFiles(t *testing.T) {
	limits := message.DefaultLimits
	limits.Bytes = 64 << 10
	c := openCounter(t, limits, nil)
	entry := `<Ntry><Amt Ccy="EUR">5.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><AcctSvcrRef>X</AcctSvcrRef></Ntry>`
	statement := func(account, currency, entries string) string {
		return `<Document><BkToCstmrStmt><GrpHdr><MsgId>S</MsgId></GrpHdr><Stmt><Id>S</Id><Acct><Id><IBAN>` + account + `</IBAN></Id><Ccy>` + currency + `</Ccy></Acct>` + entries + `</Stmt></BkToCstmrStmt></Document>`
	}
	inbox := filepath.Join(c.dir, "bank", "inbox")
	large, err := os.Create(filepath.Join(inbox, "large.xml"))
	check(t, err)
	check(t, large.Truncate(1<<30)) // takes no room on the disk
	check(t, large.Close())
	for name, text := range map[string]string{
		"bomb.xml":     `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><Document>&b;</Document>`,
		"currency.xml": statement(ours, "USD", entry), "account.xml": statement(theirs, "EUR", entry), "truncated.xml": statement(ours, "EUR", entry)[:200], "text.xml": "hello",
	} {
		check(t, os.WriteFile(filepath.Join(inbox, name), []byte(text), 0o600))
	}
	check(t, os.WriteFile(filepath.Join(inbox, "sum.xml"), []byte(statement(ours, "EUR", entry)+" "), 0o600))
	check(t, os.WriteFile(filepath.Join(inbox, "sum.xml.sha256"), []byte("00"+fmt.Sprintf("%062d", 0)+"  sum.xml\n"), 0o600))
	check(t, os.WriteFile(filepath.Join(inbox, "good.xml"), []byte(statement(ours, "EUR", entry)), 0o600))
	for range 2 { // the second time there is nothing left to do
		check(t, c.rail.Round(t.Context()))
	}
	files, err := c.db.BankFiles(t.Context(), 100)
	check(t, err)
	got := map[string]bankbook.File{}
	for _, f := range files {
		got[f.Name] = f
	}
	for name, cause := range map[string]string{
		"large.xml": "too_large", "bomb.xml": "hostile", "currency.xml": "wrong_currency", "account.xml": "wrong_account", "truncated.xml": "truncated", "text.xml": "malformed", "sum.xml": "checksum",
	} {
		if f := got[name]; f.State != bankbook.FileRefused || !strings.Contains(f.Reason, cause) {
			t.Errorf("%s is %s: %s, want it refused as %s", name, f.State, f.Reason, cause)
		}
		if list, err := filepath.Glob(filepath.Join(c.dir, "bank", "quarantine", name+"*")); err != nil || len(list) == 0 {
			t.Errorf("%s is not kept in quarantine: %v", name, err)
		}
		if kept, ok, err := c.db.BankFileBytes(t.Context(), got[name].Hash); name != "large.xml" && (err != nil || !ok || len(kept.Raw) == 0 || !kept.Sealed) {
			t.Errorf("the content of %s is not kept: %v %v", name, ok, err)
		}
	}
	if f := got["good.xml"]; f.State != bankbook.FileTaken || f.Entries != 1 {
		t.Errorf("the good one: %+v", f)
	}
	if list, err := c.db.BankSuspense(t.Context(), 10); err != nil || len(list) != 1 {
		t.Errorf("%d in suspense, want the entry of the good file alone: %v", len(list), err)
	}
}

// TestSamples: the public sample statements are taken in whole, every entry is there.
func TestSamples(t *testing.T) {
	for _, name := range []string{"camt053.v8.xml", "camt054.v8.xml", "camt054.v8-with-UETR.xml"} {
		raw, err := os.ReadFile(filepath.Join("..", "message", "testdata", name))
		check(t, err)
		c := openCounter(t, message.Limits{}, nil)
		want := 0
		files, _, err := message.Walk(bytes.NewReader(raw), message.DefaultLimits, func(_ *message.File, _ *message.Account, n message.Entry) error {
			want++ // none of them has details that make it
			return nil
		})
		check(t, err)
		check(t, c.book.Take(t.Context(), "wal_1", name, bankbook.PackBytes(raw), files, nil))
		kept := 0
		check(t, c.db.EachBankEntry(t.Context(), func(bankbook.Entry) error { kept++; return nil }))
		if kept != want || want == 0 {
			t.Errorf("%s: %d bookings are kept, want %d", name, kept, want)
		}
	}
}
