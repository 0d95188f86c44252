package withdrawal

import (
	"encoding/json"
	"errors"
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/rail"
)

// detail is the changing part of a withdrawal beyond its state, as an event keeps it.
type detail struct {
	Stage         rail.Stage `json:"stage,omitempty"`
	Attention     string     `json:"attention,omitempty"`
	AttentionText string     `json:"attention_text,omitempty"`
	Dispatch      id.Seq     `json:"dispatch,omitempty"`
	Wallet        string     `json:"wallet,omitempty"`
	TxID          string     `json:"txid,omitempty"`
	NetworkFee    string     `json:"network_fee,omitempty"`
	FeeAsset      string     `json:"fee_asset,omitempty"`
	NetworkCharge string     `json:"network_charge,omitempty"`
	Approval      string     `json:"approval,omitempty"`
	// When and why it ended, in an event after that.
	EndedAt     int64  `json:"ended_at,omitempty"` // microseconds since 1970
	EndedReason string `json:"ended_reason,omitempty"`
}

// detail is what an event keeps that is written at a time with a reason.
func (w Withdrawal) detail(at time.Time, reason string) []byte {
	d := detail{
		Stage: w.Stage, Attention: w.Attention, AttentionText: w.AttentionText, Dispatch: w.Dispatch, Wallet: w.Wallet, TxID: w.TxID, FeeAsset: w.FeeAsset,
		Approval: w.Approval,
	}
	if !w.NetworkFee.IsZero() {
		d.NetworkFee = w.NetworkFee.Minor()
	}
	if !w.NetworkCharge.IsZero() {
		d.NetworkCharge = w.NetworkCharge.Minor()
	}
	if !w.EndedAt.IsZero() && (!w.EndedAt.Equal(at) || w.Reason != reason) {
		d.EndedAt, d.EndedReason = w.EndedAt.UnixMicro(), w.Reason
	}
	if d == (detail{}) {
		return nil
	}
	b, err := json.Marshal(d)
	if err != nil {
		panic(err) // texts and a number: cannot happen
	}
	return b
}

// At gives the withdrawal as it was after an event about it: what the event's
// message carries. w may be any later version; nothing of it counts that may change.
func (w Withdrawal) At(e event.Event) (Withdrawal, error) {
	out := w.AsCreated()
	out.State, out.Version, out.UpdatedAt = State(e.State), e.Version, e.At
	if out.State.Final() {
		out.EndedAt, out.Reason = e.At, e.Reason
	}
	if len(e.Data) == 0 {
		return out, nil
	}
	var d detail
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return out, err
	}
	out.Stage, out.Attention, out.AttentionText, out.Dispatch = d.Stage, d.Attention, d.AttentionText, d.Dispatch
	out.Wallet, out.TxID, out.FeeAsset, out.Approval = d.Wallet, d.TxID, d.FeeAsset, d.Approval
	if d.EndedAt != 0 {
		out.EndedAt, out.Reason = time.UnixMicro(d.EndedAt).UTC(), d.EndedReason
	}
	var err error
	if out.NetworkFee, err = minor(d.NetworkFee); err != nil {
		return out, err
	}
	if out.NetworkCharge, err = minor(d.NetworkCharge); err != nil {
		return out, err
	}
	return out, nil
}

// minor reads an amount that is left out when it is zero.
func minor(s string) (money.Amount, error) {
	if s == "" {
		return money.Amount{}, nil
	}
	return money.ParseMinor(s)
}

// mustHold turns a refusal of the ledger on reserved money into a broken invariant:
// what a withdrawal holds is there until it ends.
func mustHold(err error) error {
	if err != nil {
		return errors.Join(commit.ErrInvariant, err)
	}
	return nil
}

// micro is the precision that stores keep.
func micro(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Microsecond)
}
