package store

import (
	"testing"
	"time"

	"sluice/internal/event"
	"sluice/internal/ledger"
	"sluice/internal/money"
	"sluice/internal/store/chain"
	"sluice/internal/withdrawal"
)

// BenchmarkChainOfAWithdrawal is what the chain adds to accepting one withdrawal.
func BenchmarkChainOfAWithdrawal(b *testing.B) {
	key, err := chain.ParseKey(chain.NewKey())
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	l := &link{of: newLinks(key), state: *layout.NewState(chain.Begin{})}
	marker := key.NewMarker()
	w := withdrawal.Withdrawal{
		Seq: 1 << 60, Merchant: 1 << 59, Account: 1 << 58, ForeignID: "payout-4711-2026", Currency: "USDT", Amount: money.Of(1_000_000), ReceiveCurrency: "USDT", Receive: money.Of(1_000_000),
		Network: "ethereum", Canonical: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", Decoded: make([]byte, 20), ReleaseAt: now, CreatedAt: now, UpdatedAt: now, State: "new", Version: 1,
	}
	e := event.Event{
		Seq: 77, At: now, Type: event.WithdrawalCreated, Merchant: 1 << 59, Account: 1 << 58, Subject: 1 << 60, Version: 1, State: "new",
		Actor: "api:key_0123456789abcdef0123456789abcdef", Currency: "USDT", Available: money.Of(1 << 40), Reserved: money.Of(1 << 30), BalanceVersion: 5,
	}
	tr := ledger.Transfer{
		Seq: 1 << 60, At: now, Kind: ledger.KindReserve, Currency: "USDT", Amount: money.Of(1_000_000), Withdrawal: 1 << 60,
		Debit: ledger.Of(1<<58, ledger.Available), Credit: ledger.Of(1<<58, ledger.Reserved),
	}
	bal := ledger.Balance{BalanceKey: ledger.BalanceKey{Account: 1 << 58, Currency: "USDT"}, Merchant: 1 << 59, Available: money.Of(1 << 40), Reserved: money.Of(1 << 30), UpdatedAt: now, Version: 6}
	buf := make([]any, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		w.Mark = marker.Mark(w.Accepted(0))
		l.inserted(0, &withdrawals.meta, 0, withdrawals.fields(&w, buf[:0]))
		l.inserted(1, &events.meta, 0, events.fields(&e, buf[:0]))
		l.inserted(2, &transfers.meta, 0, transfers.fields(&tr, buf[:0]))
		l.replaces(3, &balances.meta, 0, balances.fields(&bal, buf[:0]))
		l.inserted(3, &balances.meta, 0, balances.fields(&bal, buf[:0]))
	}
}

// BenchmarkChainOfACommit is what the chain adds to a commit, whatever it holds.
func BenchmarkChainOfACommit(b *testing.B) {
	key, err := chain.ParseKey(chain.NewKey())
	if err != nil {
		b.Fatal(err)
	}
	state := layout.NewState(chain.Begin{})
	for i := range state.Parts {
		state.Parts[i].Rows = 1000
	}
	b.ReportAllocs()
	var into chain.State
	for b.Loop() {
		state.Clone(&into)
		_ = key.NewMarker()
		if len(key.Seal(layout, chain.Place{}, &into)) == 0 {
			b.Fatal("nothing")
		}
	}
}
