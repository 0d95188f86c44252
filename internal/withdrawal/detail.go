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
}

func (w Withdrawal) detail() []byte {
	d := detail{
		Stage: w.Stage, Attention: w.Attention, AttentionText: w.AttentionText, Dispatch: w.Dispatch, Wallet: w.Wallet, TxID: w.TxID, FeeAsset: w.FeeAsset,
	}
	if !w.NetworkFee.IsZero() {
		d.NetworkFee = w.NetworkFee.Minor()
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
// message carries. w may be any later version.
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
	out.Wallet, out.TxID, out.FeeAsset = d.Wallet, d.TxID, d.FeeAsset
	if d.NetworkFee != "" {
		fee, err := money.ParseMinor(d.NetworkFee)
		if err != nil {
			return out, err
		}
		out.NetworkFee = fee
	}
	if !w.EndedAt.IsZero() && out.State.Final() && w.State == out.State {
		out.EndedAt = w.EndedAt
	}
	return out, nil
}

// held turns a refusal of the ledger on reserved money into a broken invariant:
// what a withdrawal holds is there until it ends.
func held(err error) error {
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
