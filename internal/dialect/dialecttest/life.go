package dialecttest

import (
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/withdrawal"
)

// TxID is the transaction that pays in these worlds.
const TxID = "0x1ccb9fa0ef5e8cf7d4cc2a23fe8119170a2a3d08fba36036665a12c88d7bcccb"

// Release lets the time of a withdrawal come: it is queued, or in review.
func (w *World) Release(p Party, seq id.Seq) withdrawal.Withdrawal {
	w.Helper()
	return Do(w, p.ID.Shard, withdrawal.NewRelease(seq, "test"))
}

// Process takes a withdrawal as far as the network.
func (w *World) Process(p Party, seq id.Seq) withdrawal.Withdrawal {
	w.Helper()
	w.Release(p, seq)
	w.dispatch++
	Do(w, p.ID.Shard, withdrawal.NewClaim(seq, w.dispatch, "wal_test", "test"))
	return Do(w, p.ID.Shard, withdrawal.NewProgress(seq, w.dispatch, rail.StageSent, TxID, "", "test"))
}

// Confirm pays a withdrawal; the network takes a fee of 21,000 gwei.
func (w *World) Confirm(p Party, seq id.Seq) withdrawal.Withdrawal {
	w.Helper()
	x := w.Process(p, seq)
	return Do(w, p.ID.Shard, withdrawal.NewConfirm(seq, x.Dispatch, TxID, money.Of(21_000_000_000_000), "ETH", "test"))
}

// Fail proves that a withdrawal was not paid.
func (w *World) Fail(p Party, seq id.Seq, reason string) withdrawal.Withdrawal {
	w.Helper()
	x := w.Process(p, seq)
	return Do(w, p.ID.Shard, withdrawal.NewFail(seq, x.Dispatch, "", reason, "test"))
}

// Cancel takes a withdrawal back, as its merchant does by another API.
func (w *World) Cancel(p Party, seq id.Seq) withdrawal.Withdrawal {
	w.Helper()
	return Do(w, p.ID.Shard, withdrawal.NewCancel(p.ID.Seq, seq, "test", ""))
}

// Reject refuses a withdrawal, as the operator does.
func (w *World) Reject(p Party, seq id.Seq, reason string) withdrawal.Withdrawal {
	w.Helper()
	return Do(w, p.ID.Shard, withdrawal.NewReject(seq, reason, "test"))
}

// Approve lets a withdrawal in review go on.
func (w *World) Approve(p Party, seq id.Seq) withdrawal.Withdrawal {
	w.Helper()
	return Do(w, p.ID.Shard, withdrawal.NewApprove(seq, "proof", "", "test"))
}
