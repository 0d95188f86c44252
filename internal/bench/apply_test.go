package bench

import (
	"context"
	"testing"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/merchant"
)

// void is a database that has every merchant, account and balance, and keeps
type void struct{}

func (void) Begin(_ context.Context, shard id.Shard, v *commit.View) (commit.Tx, error) {
	v.SetShard(commit.Shard{Number: shard})
	for _, m := range merchant.Merchants.Wanted(v) {
		merchant.Merchants.Fill(v, merchant.Merchant{Seq: m, Version: 1})
	}
	for _, a := range ledger.Accounts.Wanted(v) {
		ledger.Accounts.Fill(v, ledger.Account{Seq: a, Merchant: 1, Version: 1})
	}
	for _, k := range ledger.Balances.Wanted(v) {
		ledger.Balances.Fill(v, ledger.Balance{BalanceKey: k, Merchant: 1, Available: funds, Version: 1})
	}
	return void{}, nil
}

func (void) Load(context.Context, *commit.View) error   { return nil }
func (void) Commit(context.Context, *commit.View) error { return nil }
func (void) Rollback()                                  {}

// BenchmarkWritePathAboveTheDatabase is one withdrawal accepted by the commit loop,
// from 1,024 callers, without a database.
func BenchmarkWritePathAboveTheDatabase(b *testing.B) {
	loop := commit.New(void{}, 1, commit.Options{Log: silent})
	stop := background(b.Context(), loop.Run)
	defer stop() //nolint:errcheck // nothing can break
	bk := &book{merchant: id.ID{Seq: 1}, actor: "api:key_0123456789abcdef0123456789abcdef"}
	for n := range 10_000 {
		bk.accounts = append(bk.accounts, id.ID{Seq: id.Seq(n + 2)})
	}
	b.ReportAllocs()
	b.SetParallelism(1024)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		s := newSubmitter(loop, bk)
		for pb.Next() {
			if err := s.ask(b.Context()); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
