package message_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"sluice/internal/bank/message"
	"sluice/internal/bank/sepatest"
	"sluice/internal/money"
)

const ours = "DE02100500000054540402"

func own(number string) bool { return number == ours }

func load(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func read(t testing.TB, data []byte) *message.File {
	t.Helper()
	f, err := message.Read(bytes.NewReader(data), message.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// causeOf gives the cause of a refusal, "" for nil.
func causeOf(err error) message.Cause {
	var r *message.Refusal
	if errors.As(err, &r) {
		return r.Cause
	}
	return ""
}

// TestSamples: every entry and detail that the text of a sample has is in the
// answer, and every amount of every entry is accounted for by its bookings.
func TestSamples(t *testing.T) {
	cases := []struct {
		name    string
		kind    message.Kind
		account string
		entries []string // amount, currency, side
	}{
		{"camt053.v8.xml", message.Statement, "NL26VAYB8060476890", []string{"885 EUR CRDT"}},
		{"camt054.v8.xml", message.Notification, "CH2801234000123456789", []string{"20000000 SEK DBIT"}},
		{"camt054.v8-with-UETR.xml", message.Notification, "CH2801234000123456789", []string{"20000000 SEK DBIT"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			data := load(t, c.name)
			f := read(t, data)
			if f.Kind != c.kind || f.MessageID == "" || f.CreatedAt.IsZero() || len(f.Accounts) != 1 {
				t.Fatalf("%+v", f)
			}
			a := f.Accounts[0]
			if a.Number != c.account || a.ID == "" {
				t.Errorf("account %q, id %q", a.Number, a.ID)
			}
			count := func(tag string) int { return len(regexp.MustCompile("<"+tag+"[ >]").FindAll(data, -1)) }
			details, remittances := 0, 0
			for n, e := range a.Entries {
				if got := fmt.Sprint(e.Amount, " ", e.Currency, " ", e.Side); got != c.entries[n] || e.Status != message.Booked {
					t.Errorf("entry %d: %s %s", n, got, e.Status)
				}
				details += len(e.Details)
				for _, d := range e.Details {
					remittances += len(d.Texts) + len(d.References)
				}
			}
			if len(a.Entries) != count("Ntry") || details != count("TxDtls") || len(a.Balances) != count("Bal") || remittances != count("Ustrd")+count("CdtrRefInf") {
				t.Errorf("%d entries, %d details, %d balances, %d remittances", len(a.Entries), details, len(a.Balances), remittances)
			}
			accounted(t, f)
		})
	}
}

// accounted: the bookings of a file make its entries, to the cent.
func accounted(t testing.TB, f *message.File) {
	t.Helper()
	sum := func(list []money.Amount) (total money.Amount) {
		for _, a := range list {
			var err error
			if total, err = total.Add(a); err != nil {
				t.Fatal(err)
			}
		}
		return total
	}
	var entries, moved []money.Amount
	for _, a := range f.Accounts {
		for _, e := range a.Entries {
			entries = append(entries, e.Amount)
		}
	}
	keys := map[string]bool{}
	for _, b := range bookings(f) {
		moved = append(moved, b.Amount)
		if keys[b.Key] || b.Key == "" {
			t.Errorf("key %q twice", b.Key)
		}
		keys[b.Key] = true
	}
	if sum(entries) != sum(moved) {
		t.Errorf("entries make %s, bookings %s", sum(entries), sum(moved))
	}
}

func TestSampleDetails(t *testing.T) {
	f := read(t, load(t, "camt054.v8.xml"))
	a := f.Accounts[0]
	if a.Page != (message.Page{Number: 2, Last: true}) || a.Sequence != 12312 || a.Legal != 12312 || a.Copy != "CODU" || a.Owner != "UNIFITS GmbH" {
		t.Errorf("%+v", a)
	}
	e := a.Entries[0]
	if e.ServicerRef != "ACSR160617103200001" || e.Day != "2007-10-18" || e.Code != (message.TransactionCode{Domain: "PMNT", Family: "ICDT", SubFamily: "DMCT", Own: "Z24"}) || e.Text != "Order" {
		t.Errorf("%+v", e)
	}
	if len(e.Batches) != 1 || e.Batches[0].BatchID != "UXC06170000006PI00001" || e.Batches[0].Count != 2 || e.Batches[0].Total != money.Of(630) || e.Batches[0].Currency != "CHF" {
		t.Errorf("%+v", e.Batches)
	}
	// Two details carry the same end-to-end id, and all disagree with their entry: the
	// entry stays whole.
	if b := bookings(f); len(b) != 1 || b[0].Split || b[0].Detail.BatchID != "UXC06170000006PI00001" || b[0].Amount != money.Of(200000_00) {
		t.Errorf("%+v", b)
	}
	d := e.Details[2]
	if d.EndToEndID != "UXC06170000006PI00001EE00002" || d.Creditor.Name != "Example Creditor 3 - V3" || d.Creditor.Account != "CH7212345003232323232" || d.Debtor.Name != "UNIFITS GmbH" || len(d.Texts) != 2 || len(d.References) != 2 {
		t.Errorf("%+v", d)
	}
	if u := read(t, load(t, "camt054.v8-with-UETR.xml")).Accounts[0].Entries[0].Details[0].UETR; u != "255ae394-9965-4438-ac86-f406feada396" {
		t.Errorf("UETR %q", u)
	}
	// The one detail of the statement's entry is in another currency: the entry counts.
	if b := bookings(read(t, load(t, "camt053.v8.xml")))[0]; b.Amount != money.Of(885) || b.Currency != "EUR" || b.Detail.EndToEndID != "MUELL/FINP/RA12345" {
		t.Errorf("%+v", b)
	}
}

func TestADay(t *testing.T) {
	data := load(t, "camt053-day.xml")
	sepatest.MustBeValid(t, sepatest.Statement, data)
	f := read(t, data)
	if err := f.Check(own); err != nil {
		t.Fatal(err)
	}
	accounted(t, f)
	b := bookings(f)
	if len(b) != 6 {
		t.Fatalf("%d bookings", len(b))
	}
	if p := b[0]; p.Side != message.Debit || !p.Split || !p.Booked || p.Detail.EndToEndID != "PO-0001" || p.Detail.Creditor.Account != "NL70ABNA0106295004" || p.Returned() {
		t.Errorf("%+v", p)
	}
	if p := b[1]; p.Split || p.Batch.BatchID != "SLC-1-2" || p.Batch.Count != 3 || p.Batch.Total != money.Of(500_00) {
		t.Errorf("%+v", p)
	}
	if p := b[2]; p.Side != message.Credit || !p.Returned() || p.Amount != money.Of(195_00) ||
		p.Detail.Return.Code != "AC04" || p.Detail.Return.Origin != "ABNANL2A" || p.Detail.Return.Text != "account closed" || p.Detail.Return.Reason().Text == "" {
		t.Errorf("%+v %+v", p, p.Detail.Return)
	}
	if p := b[3]; p.Day != "2026-11-23" || p.Code.Own != "808" || p.Text != "Charges" {
		t.Errorf("%+v", p)
	}
	if p := b[4]; p.Booked || !p.Reversal {
		t.Errorf("%+v", p)
	}
	if p := b[5]; p.Split || p.Detail.EndToEndID != "" || p.Detail.BatchID != "" {
		t.Errorf("%+v", p)
	}
	if o, ok := f.Accounts[0].Opening(); !ok || o.Amount != money.Of(1000_00) {
		t.Errorf("%+v", o)
	}
}

// TestLooseness: the same day in the forms that banks really send.
func TestLooseness(t *testing.T) {
	day := string(load(t, "camt053-day.xml"))
	// Version 2 of the message: the status is a text, parties stand directly.
	old := strings.NewReplacer("053.001.08", "053.001.02", "<Sts><Cd>BOOK</Cd></Sts>", "<Sts>BOOK</Sts>", "<Sts><Cd>PDNG</Cd></Sts>", "<Sts>PDNG</Sts>",
		"<Pty>", "", "</Pty>", "", "AnyBIC", "BICOrBEI").Replace(day)
	latin1, err := charmap.ISO8859_1.NewEncoder().String(strings.Replace(strings.Replace(day, "Max Mustermann", "Jürgen Müller", 1), "UTF-8", "ISO-8859-1", 1))
	if err != nil {
		t.Fatal(err)
	}
	prefixed := regexp.MustCompile(`<(/?)([A-Z])`).ReplaceAllString(day, "<${1}ns2:$2")
	forms := map[string]string{
		"as in the schema":     day,
		"version 2":            old,
		"version 4":            strings.ReplaceAll(old, "053.001.02", "053.001.04"),
		"no namespace":         strings.Replace(day, ` xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"`, "", 1),
		"wrong namespace":      strings.Replace(day, "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08", "http://bank.example/x", 1),
		"prefix":               strings.Replace(prefixed, "xmlns=", "xmlns:ns2=", 1),
		"byte order mark":      "\xef\xbb\xbf" + day,
		"no XML declaration":   strings.SplitN(day, "\n", 2)[1],
		"Latin-1":              latin1,
		"blanks behind":        day + "\n\n<!-- end -->\n",
		"Windows line ends":    strings.ReplaceAll(day, "\n", "\r\n"),
		"envelope":             strings.Replace(day, "<Document", "<Envelope><AppHdr><Fr>x</Fr></AppHdr><Document", 1) + "</Envelope>",
		"number as Othr":       strings.Replace(day, "<IBAN>"+ours+"</IBAN>", "<Othr><Id>"+ours+"</Id></Othr>", 1),
		"number with blanks":   strings.Replace(day, ours, "DE02 1005 0000 0054 5404 02", 1),
		"padded amounts":       strings.ReplaceAll(day, `"EUR">200.00`, `"EUR">000200.0`),
		"unknown elements":     strings.Replace(day, "<Stmt>", "<Stmt><New><Thing/></New>", 1),
		"processing directive": strings.Replace(day, "<Document", "<?bank x?><Document", 1),
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			f := read(t, []byte(form))
			if err := f.Check(own); err != nil {
				t.Fatal(err)
			}
			b := bookings(f)
			if len(b) != 6 || b[0].Amount != money.Of(200_00) || !b[0].Booked || b[4].Booked || b[2].Detail.Return == nil || b[2].Detail.Return.Origin != "ABNANL2A" {
				t.Errorf("%+v", b)
			}
			want := "Max Mustermann"
			if name == "Latin-1" {
				want = "Jürgen Müller"
			}
			if got := b[0].Detail.Creditor.Name; got != want {
				t.Errorf("creditor %q, want %q", got, want)
			}
		})
	}
}

func TestNotificationsAndIntradayReports(t *testing.T) {
	day := string(load(t, "camt053-day.xml"))
	for kind, r := range map[message.Kind]*strings.Replacer{
		message.Notification: strings.NewReplacer("BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn", "<Stmt>", "<Ntfctn>", "</Stmt>", "</Ntfctn>", "camt.053", "camt.054"),
		message.Intraday:     strings.NewReplacer("BkToCstmrStmt", "BkToCstmrAcctRpt", "<Stmt>", "<Rpt>", "</Stmt>", "</Rpt>", "camt.053", "camt.052"),
	} {
		f := read(t, []byte(r.Replace(day)))
		if f.Kind != kind || len(bookings(f)) != 6 || bookings(f)[0].Kind != kind {
			t.Errorf("%s: %+v", kind, f)
		}
	}
}

// repeated gives a text over and over.
type repeated struct {
	text string
	next int
}

func endless(text string) io.Reader { return &repeated{text: text} }

func (e *repeated) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		c := copy(p[n:], e.text[e.next:])
		n, e.next = n+c, (e.next+c)%len(e.text)
	}
	return n, nil
}

func TestRefusals(t *testing.T) {
	day := string(load(t, "camt053-day.xml"))
	edit := func(old, replacement string) io.Reader {
		if !strings.Contains(day, old) {
			t.Fatalf("the file has no %s", old)
		}
		return strings.NewReader(strings.Replace(day, old, replacement, 1))
	}
	head, tail, _ := strings.Cut(day, "<Ntry>")
	bomb := `<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>`
	gig := int64(1 << 30)
	cases := []struct {
		name string
		file io.Reader
		want message.Cause
	}{
		{"entity bomb", edit("<Document", bomb+"<Document"), message.Hostile},
		{"external entity", edit("<Document", `<!DOCTYPE d SYSTEM "http://evil.example/x.dtd"><Document`), message.Hostile},
		{"unknown entity", edit("Max Mustermann", "&b;"), message.Hostile},
		{"a gigabyte of entries", io.LimitReader(io.MultiReader(strings.NewReader(head), endless("<Ntry>"+strings.SplitN(tail, "<Ntry>", 2)[0])), gig), message.TooLarge},
		{"a gigabyte of blanks", io.LimitReader(io.MultiReader(strings.NewReader(head), endless(" ")), gig), message.TooLarge},
		{"a gigabyte of one text", io.LimitReader(io.MultiReader(strings.NewReader(head+"<Ntry><AddtlNtryInf>"), endless("x")), gig), message.TooLarge},
		{"a gigabyte of one tag", io.LimitReader(io.MultiReader(strings.NewReader(head+"<N"), endless("x")), gig), message.TooLarge},
		{"a gigabyte of attributes", io.LimitReader(io.MultiReader(strings.NewReader(head+"<Ntry "), endless(`a="b" `)), gig), message.TooLarge},
		{"a gigabyte of one comment", io.LimitReader(io.MultiReader(strings.NewReader(head+"<!--"), endless("x")), gig), message.TooLarge},
		{"a gigabyte of small comments", io.LimitReader(io.MultiReader(strings.NewReader(head), endless("<!-- x -->")), gig), message.TooLarge},
		{"endless depth", io.LimitReader(io.MultiReader(strings.NewReader(head), endless("<a>")), gig), message.TooLarge},
		{"endless elements of one entry", io.LimitReader(io.MultiReader(strings.NewReader(head+"<Ntry>"), endless("<a/>")), gig), message.TooLarge},
		{"endless elements of one detail", io.LimitReader(io.MultiReader(strings.NewReader(head+"<Ntry><NtryDtls><TxDtls>"), endless("<a/>")), gig), message.TooLarge},
		{"endless pieces of one text", io.LimitReader(io.MultiReader(strings.NewReader(head+"<Ntry><AddtlNtryInf>"), endless("xxxxxxxxxxxxxxxx<!-- -->")), gig), message.TooLarge},
		{"cut off", strings.NewReader(day[:len(day)*2/3]), message.Truncated},
		{"cut off in a tag", strings.NewReader(day[:strings.Index(day, "<Ntry>")+3]), message.Truncated},
		{"cut off before the last tag", strings.NewReader(strings.TrimSuffix(strings.TrimSpace(day), "</Document>")), message.Truncated},
		{"empty", strings.NewReader(""), message.Truncated},
		{"blank", strings.NewReader(" \n"), message.Truncated},
		{"UTF-16", strings.NewReader("\xff\xfe<\x00D\x00"), message.BadEncoding},
		{"another encoding", edit("UTF-8", "Shift_JIS"), message.BadEncoding},
		{"Latin-1 that says UTF-8", edit("Max Mustermann", "J\xfcrgen"), message.BadEncoding},
		{"a second declaration", edit("<Stmt>", `<?xml version="1.0" encoding="ISO-8859-1"?><Stmt>`), message.Hostile},
		{"text", strings.NewReader("Account;Amount\n"), message.Malformed},
		{"crossed tags", edit("</Stmt>", "</Smtt>"), message.Malformed},
		{"another encoding in the second document", strings.NewReader(day + strings.Replace(day, "UTF-8", "ISO-8859-1", 1)), message.BadEncoding},
		{"two messages", edit("</BkToCstmrStmt>", "</BkToCstmrStmt><BkToCstmrStmt></BkToCstmrStmt>"), message.Malformed},
		{"text behind", strings.NewReader(day + "x"), message.Malformed},
		{"another message", strings.NewReader(`<Document><CstmrCdtTrfInitn><GrpHdr/></CstmrCdtTrfInitn></Document>`), message.UnknownKind},
		{"HTML", strings.NewReader(`<html><body><p>Log in</p></body></html>`), message.UnknownKind},
		{"an entry where none is looked for", edit("<GrpHdr>", "<Other><Ntry/></Other><GrpHdr>"), message.Malformed},
		{"a statement in a statement", edit("<Ntry>", "<Stmt></Stmt><Ntry>"), message.Malformed},
		{"a detail outside of its place", edit("<BkTxCd/>", "<TxDtls/>"), message.Malformed},
		{"no amount", edit(`<Amt Ccy="EUR">500.00</Amt>`, ``), message.Malformed},
		{"empty amount", edit(`"EUR">500.00`, `"EUR">`), message.Malformed},
		{"no currency", edit(`<Amt Ccy="EUR">500.00</Amt>`, `<Amt>500.00</Amt>`), message.Malformed},
		{"negative amount", edit(`"EUR">500.00`, `"EUR">-500.00`), message.Malformed},
		{"three decimals", edit(`"EUR">500.00`, `"EUR">500.001`), message.Malformed},
		{"exponent", edit(`"EUR">500.00`, `"EUR">5e2`), message.Malformed},
		{"comma", edit(`"EUR">500.00`, `"EUR">500,00`), message.Malformed},
		{"no side", edit(`500.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>`, `500.00</Amt>`), message.Malformed},
		{"another side", edit(`500.00</Amt><CdtDbtInd>DBIT`, `500.00</Amt><CdtDbtInd>C`), message.Malformed},
		{"no status", edit(`<Sts><Cd>BOOK</Cd></Sts>`, ``), message.Malformed},
		{"no date", edit(`<Dt>2026-11-23</Dt></BookgDt>`, `<Dt>23.11.2026</Dt></BookgDt>`), message.Malformed},
		{"impossible date", edit(`<Dt>2026-11-23</Dt></BookgDt>`, `<Dt>2026-02-30</Dt></BookgDt>`), message.Malformed},
		{"odd sequence number", edit(`<ElctrncSeqNb>226`, `<ElctrncSeqNb>22x`), message.Malformed},
		{"huge sequence number", edit(`<ElctrncSeqNb>226`, `<ElctrncSeqNb>99999999999999999999`), message.Malformed},
		{"odd reversal", edit(`<RvslInd>true`, `<RvslInd>maybe`), message.Malformed},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			lim := message.DefaultLimits
			lim.Bytes = 8 << 20 // a gigabyte is too much, and no more of it than this is read
			f, err := message.Read(c.file, lim)
			if f != nil || causeOf(err) != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestReaderErrorsAreNoRefusals(t *testing.T) {
	broken := errors.New("the line broke")
	_, err := message.Read(io.MultiReader(strings.NewReader("<Document>"), errorReader{broken}), message.DefaultLimits)
	if !errors.Is(err, broken) || causeOf(err) != "" {
		t.Errorf("got %v", err)
	}
}

type errorReader struct{ err error }

func (e errorReader) Read([]byte) (int, error) { return 0, e.err }

func TestSmallLimits(t *testing.T) {
	day := load(t, "camt053-day.xml")
	for name, lim := range map[string]message.Limits{
		"bytes":   {Bytes: 3000, Records: 100, Depth: 40, Text: 1000},
		"records": {Bytes: 1 << 20, Records: 9, Depth: 40, Text: 100_000}, // six entries, four details
		"depth":   {Bytes: 1 << 20, Records: 100, Depth: 8, Text: 100_000},
	} {
		if _, err := message.Read(bytes.NewReader(day), lim); causeOf(err) != message.TooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := message.Read(bytes.NewReader(day), message.Limits{Bytes: 1 << 20, Records: 10, Depth: 40, Text: 100_000}); err != nil {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"camt053-day.xml", "camt053.v8.xml", "camt054.v8.xml", "camt054.v8-with-UETR.xml", "pain002-mixed.xml"} {
		f.Add(load(f, name))
	}
	lim := message.Limits{Bytes: 1 << 20, Records: 1000, Depth: 40, Text: 1 << 16}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := message.Read(bytes.NewReader(data), lim)
		if err != nil {
			if causeOf(err) == "" {
				t.Errorf("no refusal: %v", err)
			}
			return
		}
		if file.Kind != message.StatusReport {
			accounted(t, file)
			_ = file.Check(func(string) bool { return true }) // must not panic
		}
	})
}
