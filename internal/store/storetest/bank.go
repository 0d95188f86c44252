package storetest

import (
	"context"
	"testing"

	"sluice/internal/bank"
	"sluice/internal/bank/match"
	"sluice/internal/commit"
	"sluice/internal/id"
)

// bankRows are the tables about banks.
func bankRows(t *testing.T, n *node) {
	t.Helper()
	rows(t, n, bank.Files, func(r *bank.File) string { return r.Hash }, func(r *bank.File) { r.State = bank.FileTaken })
	rows(t, n, bank.Orders, func(r *bank.Order) string { return r.ID }, nil)
	rows(t, n, bank.Payments, func(r *bank.Payment) bank.PaymentKey { return r.PaymentKey }, func(r *bank.Payment) {
		r.State, r.Shard = match.Held, id.MaxShards-1
	})
	rows(t, n, bank.Names, func(r *bank.Name) string { return r.Name }, nil)
	rows(t, n, bank.Entries, func(r *bank.Entry) string { return r.Key }, func(r *bank.Entry) { r.State = bank.EntryResolved })
	rows(t, n, bank.Statements, func(r *bank.Statement) string { return r.Key }, func(r *bank.Statement) { r.State = bank.StatementBalanced })
	rows(t, n, bank.Links, func(r *bank.Link) string { return r.Name }, nil)
	rows(t, n, bank.Lumps, func(r *bank.Lump) string { return r.Name }, nil)
	t.Run("bank_file_bytes", func(t *testing.T) {
		kept := extreme[bank.FileBytes](false)
		if err := n.submit(step{nil, func(v *commit.View) (any, error) { bank.Bytes.Append(v, kept); return nil, nil }}); err != nil {
			t.Fatal(err)
		}
		got, _, err := n.DB.BankFileBytes(context.Background(), kept.Hash)
		equal(t, "bytes of a file", got, kept, err)
	})
}
