package store_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/bank"
	"sluice/internal/bank/message"
	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/store"
)

// TestStatementsGoOn: statements that an earlier program took in are chained with those that
// come after the migration, and known again.
func TestStatementsGoOn(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			url, db := open(t)
			defer db.Close() //nolint:errcheck // the test is over
			const account = "DE02100500000054540402"
			for n, s := range []struct{ number, day, opening, closing string }{{"7", "2026-11-19", "1000", "2000"}, {"8", "2026-11-20", "2000", "3000"}} {
				_, err := db.Exec(`INSERT INTO bank_statement (shard, key, seq, wallet, year, sequence, day, state, opening, opening_side, closing, closing_side, total_in, total_out, gap, pages, created_at, version)
					VALUES (0, $1, $2, 'wal_1', '2026', $3, $4, 'balanced', $5, 'CRDT', $6, 'CRDT', '1000', '0', $7, $8, 1, 1)`,
					account+"/2026/"+s.number, n+1, s.number, s.day, s.opening, s.closing, false, []byte(`[{"number":1,"last":true,"in":"1000","out":"0","entries":1}]`))
				must(t, err)
			}
			files, err := filepath.Glob("migrations/" + engine + "/*_bank_identity.sql")
			must(t, err)
			text, err := os.ReadFile(files[0])
			must(t, err)
			_, rows, found := strings.Cut(string(text), "-- What is here already")
			if !found {
				t.Fatal("the migration keeps nothing of what is here")
			}
			_, err = db.Exec("--" + rows)
			must(t, err)

			ctx := context.Background()
			st, err := store.Open(ctx, url, store.Options{})
			must(t, err)
			defer func() { must(t, st.Close()) }()
			loop := commit.New(st, st.Shards(), commit.Options{})
			run, stop := context.WithCancel(ctx)
			done := make(chan error, 1)
			go func() { done <- loop.Run(run) }()
			defer func() { stop(); must(t, <-done) }()
			book := bank.New(loop, st, bank.Options{})
			take := func(number, day, opening, closing string) {
				raw := fmt.Appendf(nil, `<Document><BkToCstmrStmt><GrpHdr><MsgId>B</MsgId></GrpHdr><Stmt><Id>S</Id><ElctrncSeqNb>%s</ElctrncSeqNb><Acct><Id><IBAN>%s</IBAN></Id></Acct>`+
					`<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">%s</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>%s</Dt></Dt></Bal>`+
					`<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">%s</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>%s</Dt></Dt></Bal>`+
					`<Ntry><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>%s</Dt></BookgDt><AcctSvcrRef>NONREF</AcctSvcrRef></Ntry></Stmt></BkToCstmrStmt></Document>`,
					number, account, opening, day, closing, day, day)
				files, _, err := message.Walk(bytes.NewReader(raw), message.DefaultLimits, func(*message.File, *message.Account, message.Entry) error { return nil })
				must(t, err)
				_, err = message.Sift(files, func(string) bool { return true })
				must(t, err)
				must(t, book.Take(ctx, "wal_1", "x.xml", bank.PackBytes(raw), files, nil))
			}
			take("7", "2026-11-19", "10.00", "20.00") // sent again
			take("9", "2026-11-23", "30.00", "40.00")
			list, err := st.BankStatements(ctx)
			must(t, err)
			if len(list) != 3 || list[2].Name() != "2026/9" || list[2].Gap {
				t.Errorf("%d statements: %+v", len(list), list)
			}
			entries := 0
			must(t, st.EachBankEntry(ctx, func(bank.Entry) error { entries++; return nil }))
			if entries != 1 {
				t.Errorf("%d bookings are taken in, want that of the new statement", entries)
			}
			events, err := st.Events(ctx, 0, 0, 0, 100)
			must(t, err)
			for _, e := range events {
				if e.Type == event.BankAlert && e.Subject == 0 {
					t.Errorf("alert %s: %s", e.State, e.Reason)
				}
			}
			last, ok, err := bank.Closing(ctx, st, "wal_1")
			if err != nil || !ok || last.Closing.Minor() != "4000" {
				t.Errorf("the last balance is %+v, %v", last, err)
			}
		})
	}
}
