package payout

import "sluice/internal/rail"

// Shares is how a dispatch splits what it cost.
var Shares = Work.shares

// SealTo is the command that seals a dispatch of one item into a picked slot.
func SealTo(d Dispatch, fence int64, slot []byte, keys ...string) Seal {
	return Seal{onDispatch: on(d, fence), Claimed: []bool{true}, Slot: slot, Keys: keys}
}

// RepickTo is the command that moves a dispatch from what it holds to another slot.
func RepickTo(d Dispatch, fence int64, slot []byte, old []string, keys ...string) Repick {
	return Repick{SealTo(d, fence, slot, keys...), old}
}

// Record is the command that stores the first attempt.
func Record(d Dispatch, fence int64, a rail.Attempt) RecordAttempt {
	return RecordAttempt{onDispatch: on(d, fence), Number: 1, Rail: a}
}
