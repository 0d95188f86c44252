package sepa_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	bankbook "sluice/internal/bank"
	"sluice/internal/bank/message"
	"sluice/internal/bank/sepa"
	"sluice/internal/bank/sepa/channel"
)

// writeDebits writes a statement of debits of one euro that name payments, with full texts
// if they are to be large.
func writeDebits(t testing.TB, path string, count int, name func(n int) string, more string) {
	t.Helper()
	f, err := os.Create(path)
	check(t, err)
	w := bufio.NewWriter(f)
	_, _ = w.WriteString(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>B1</MsgId></GrpHdr><Stmt><Id>S1</Id><ElctrncSeqNb>1</ElctrncSeqNb><Acct><Id><IBAN>` + ours + `</IBAN></Id></Acct>`)
	for kind, euro := range map[string]int{"OPBD": 2 * count, "CLBD": count} {
		_, _ = fmt.Fprintf(w, `<Bal><Tp><CdOrPrtry><Cd>%s</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">%d.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>`, kind, euro)
	}
	for n := range count {
		_, _ = fmt.Fprintf(w, `<Ntry><Amt Ccy="EUR">1.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt><AcctSvcrRef>BANK-%d</AcctSvcrRef><BkTxCd/><NtryDtls><TxDtls><Refs><EndToEndId>%s</EndToEndId></Refs>%s</TxDtls></NtryDtls></Ntry>`,
			n, name(n), more)
	}
	_, _ = w.WriteString(`</Stmt></BkToCstmrStmt></Document>`)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	check(t, f.Close())
}

// heap is what is in use after everything else was thrown away.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestLargeStatement: the 100,001 single bookings that a bank makes of the largest order are
// read as a stream: memory is that of the packed file.
func TestLargeStatement(t *testing.T) {
	const count, most = 100_001, 24 << 20
	dir := t.TempDir()
	ch, err := channel.OpenFolder(dir, channel.FolderOptions{})
	check(t, err)
	defer func() { check(t, ch.Close()) }()
	text := "<RltdPties><Cdtr><Pty><Nm>" + strings.Repeat("n", 70) + "</Nm></Pty></Cdtr></RltdPties><RmtInf><Ustrd>" + strings.Repeat("t", 140) + "</Ustrd></RmtInf><AddtlTxInf>" + strings.Repeat("a", 105) + "</AddtlTxInf>"
	writeDebits(t, filepath.Join(dir, "inbox", "large.xml"), count, func(n int) string { return fmt.Sprintf("PAYMENT-%032d", n) }, text)
	info, err := os.Stat(filepath.Join(dir, "inbox", "large.xml"))
	if err != nil || info.Size() < 64<<20 {
		t.Fatalf("the file has %d bytes: %v", info.Size(), err)
	}
	before, peak, seen := heap(), uint64(0), 0
	look := func() { peak = max(peak, heap()) }
	refused, err := sepa.Intake{Channel: ch, Limits: message.DefaultLimits, Own: func(n string) bool { return n == ours }, Take: func(_ context.Context, d sepa.Delivery) error {
		look()
		r, err := d.Content.Open()
		if err != nil {
			return err
		}
		keys := message.NewKeys(message.Statement, ours, "S")
		_, _, err = message.Walk(r, message.DefaultLimits, func(_ *message.File, _ *message.Account, n message.Entry) error {
			b := n.Booking(message.Statement, ours)
			b.Place = keys.Place(n)
			_, _ = keys.Of(b)
			if seen++; seen%20_000 == 0 {
				look()
			}
			return nil
		})
		return err
	}}.Run(t.Context())
	if err != nil || len(refused) > 0 || seen != count {
		t.Fatalf("%d bookings, refused %v, %v", seen, refused, err)
	}
	if used := int64(peak) - int64(before); used > most {
		t.Errorf("%d bytes are in use for a file of %d, at most %d are expected", used, info.Size(), most)
	}
}

// interleaved sends orders of equal size and takes in one statement whose bookings name
// their payments in turn.
func interleaved(t testing.TB, orders, each int) *field {
	t.Helper()
	c := fieldCase{IBAN: ours}
	for n := range orders {
		o := fieldOrder{ID: fmt.Sprintf("M%d", n+1)}
		for range each {
			o.Payments = append(o.Payments, fieldPayment{Cents: 100})
		}
		c.Orders = append(c.Orders, o)
	}
	d := openField(t, c)
	writeDebits(t, filepath.Join(d.inbox, "1.xml"), orders*each, func(n int) string { return endToEndOf(n%orders*each + n/orders + 1) }, "")
	return d
}

// TestInterleavedBookings: what a statement costs grows with its bookings, however many orders
// they are of, and in whatever turn.
func TestInterleavedBookings(t *testing.T) {
	cost := func(each int) float64 {
		d := interleaved(t, 10, each)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		check(t, d.rail.Round(t.Context()))
		runtime.ReadMemStats(&after)
		confirmed := 0
		check(t, d.db.EachBankPayment(t.Context(), func(p bankbook.Payment) error {
			if p.State == "confirmed" {
				confirmed++
			}
			return nil
		}))
		if confirmed != 10*each {
			t.Fatalf("%d of %d payments are confirmed", confirmed, 10*each)
		}
		return float64(after.TotalAlloc - before.TotalAlloc)
	}
	small, large := cost(40), cost(160)
	if large > 6*small {
		t.Errorf("four times the bookings take %.1f times the memory", large/small)
	}
}

// BenchmarkInterleaved takes in 10,000 bookings of ten orders in turn.
func BenchmarkInterleaved(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		d := interleaved(b, 10, 1000)
		b.StartTimer()
		check(b, d.rail.Round(b.Context()))
	}
	b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds(), "bookings/s")
}

// BenchmarkLargeStatement takes in 100,001 bookings that name nothing.
func BenchmarkLargeStatement(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		d := openField(b, fieldCase{IBAN: ours})
		writeDebits(b, filepath.Join(d.inbox, "1.xml"), 100_001, func(n int) string { return fmt.Sprintf("PAYMENT-%032d", n) }, "")
		b.StartTimer()
		check(b, d.rail.Round(b.Context()))
	}
	b.ReportMetric(100_001*float64(b.N)/b.Elapsed().Seconds(), "bookings/s")
}
