package storetest

import (
	"context"
	"testing"

	"sluice/internal/bankbook"
	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/rail/sepa/match"
)

// bankRows are the tables about banks.
func bankRows(t *testing.T, n *node) {
	t.Helper()
	rows(t, n, bankbook.Files, func(r *bankbook.File) string { return r.Hash }, func(r *bankbook.File) { r.State = bankbook.FileTaken })
	rows(t, n, bankbook.Orders, func(r *bankbook.Order) string { return r.ID }, nil)
	rows(t, n, bankbook.Payments, func(r *bankbook.Payment) bankbook.PaymentKey { return r.PaymentKey }, func(r *bankbook.Payment) {
		r.State, r.Shard = match.Held, id.MaxShards-1
	})
	rows(t, n, bankbook.Names, func(r *bankbook.Name) string { return r.Name }, nil)
	rows(t, n, bankbook.Entries, func(r *bankbook.Entry) string { return r.Key }, func(r *bankbook.Entry) { r.State = bankbook.EntryResolved })
	rows(t, n, bankbook.Statements, func(r *bankbook.Statement) string { return r.Key }, func(r *bankbook.Statement) { r.State = bankbook.StatementBalanced })
	rows(t, n, bankbook.Links, func(r *bankbook.Link) string { return r.Name }, nil)
	rows(t, n, bankbook.Lumps, func(r *bankbook.Lump) string { return r.Name }, nil)
	t.Run("bank_file_bytes", func(t *testing.T) {
		kept := extreme[bankbook.FileBytes](false)
		if err := n.submit(step{nil, func(v *commit.View) (any, error) { bankbook.Bytes.Append(v, kept); return nil, nil }}); err != nil {
			t.Fatal(err)
		}
		got, _, err := n.DB.BankFileBytes(context.Background(), kept.Hash)
		equal(t, "bytes of a file", got, kept, err)
	})
}
