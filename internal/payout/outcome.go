package payout

import (
	"fmt"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/ledger"
	"sluice/internal/rail"
)

// RecordAttempt stores signed bytes. Only after it has committed may they leave.
type RecordAttempt struct {
	onDispatch
	Number int64 // the attempt's number; recording the same number twice is refused
	Rail   rail.Attempt
}

// Apply implements commit.Command.
func (c RecordAttempt) Apply(v *commit.View) (Dispatch, error) {
	d, _, err := c.get(v)
	if err != nil {
		return Dispatch{}, err
	}
	if d.State != Sealed || d.Attempts != c.Number-1 {
		return Dispatch{}, fault.New(fault.Conflict, "attempt_out_of_order", "the dispatch is %s with %d attempts; attempt %d cannot be recorded", d.State, d.Attempts, c.Number)
	}
	Attempts.Append(v, Attempt{
		Seq: v.NewID(), Dispatch: d.Seq, Number: c.Number, TxID: c.Rail.TxID, Raw: c.Rail.Raw, MaxFee: c.Rail.Fee, Fence: c.Fence, CreatedAt: v.Now(),
	})
	d.Attempts, d.TxID = c.Number, c.Rail.TxID
	return put(v, d), nil
}

// Note keeps how far the network has come, when that changed.
type Note struct {
	onDispatch
	Stage rail.Stage
	TxID  string
	Block string
	Text  string
}

// Apply implements commit.Command.
func (c Note) Apply(v *commit.View) (Dispatch, error) {
	d, _, err := c.get(v)
	if err != nil || d.State != Sealed || d.Stage == c.Stage && d.TxID == c.TxID && d.Block == c.Block && d.Note == c.Text {
		return d, err
	}
	d.Stage, d.TxID, d.Block, d.Note = c.Stage, c.TxID, c.Block, c.Text
	return put(v, d), nil
}

// Decide records the proofs that are there while a dispatch is not final: rails whose
// payouts end one by one. What is proved never changes: a rail that takes it back
// breaks an invariant.
type Decide struct {
	onDispatch
	Fates []rail.Fate // for each item that was not dropped, in order
}

// Apply implements commit.Command.
func (c Decide) Apply(v *commit.View) (Dispatch, error) {
	d, _, err := c.get(v)
	if err != nil || d.State != Sealed {
		return d, err
	}
	if d.Attempts == 0 {
		return Dispatch{}, fault.New(fault.Conflict, "not_final", "nothing was sent for this dispatch: nothing is proved")
	}
	next := 0
	for n := range d.Items {
		it := c.item(v, n)
		if it.Outcome == OutcomeDropped {
			continue
		}
		if next >= len(c.Fates) {
			return Dispatch{}, fmt.Errorf("%w: the rail knows %d payouts of dispatch %d, which has more", commit.ErrInvariant, len(c.Fates), d.Seq)
		}
		f := c.Fates[next]
		next++
		if !f.Known {
			continue
		}
		if err := c.decide(v, it, f.Paid, f.Reason); err != nil {
			return Dispatch{}, err
		}
	}
	return d, nil
}

// decide writes the outcome of one item, once.
func (c onDispatch) decide(v *commit.View, it Item, paid bool, reason string) error {
	outcome := OutcomePaid
	if !paid {
		outcome = OutcomeUnpaid
	}
	if it.Outcome == outcome {
		return nil
	}
	if it.Outcome != OutcomeOpen {
		return fmt.Errorf("%w: item %d of dispatch %d was proved %s and now %s", commit.ErrInvariant, it.Place, it.Dispatch, it.Outcome, outcome)
	}
	it.Outcome = outcome
	if !paid {
		it.Reason = reason
	}
	putItem(v, it)
	return nil
}

// Conclude records the proof: which payouts a final block pays, which it never
// will, and what it cost. The cost is booked here.
type Conclude struct {
	onDispatch
	Seen     rail.Observation
	FeeAsset string
	Keys     []string // what its slot holds; a final block has used it up
}

// Reads implements commit.Command.
func (c Conclude) Reads(w *commit.Wants) {
	c.onDispatch.Reads(w)
	ledger.WantHouse(w, ledger.NetworkFees, c.FeeAsset)
	ledger.WantHouse(w, ledger.Treasury(walletText(c.Wallet)), c.FeeAsset)
	wantHolds(w, c.Wallet, c.Keys)
	Stands.Want(w, c.Wallet)
}

// Apply implements commit.Command.
func (c Conclude) Apply(v *commit.View) (Dispatch, error) {
	d, _, err := c.get(v)
	if err != nil || d.State == Final || d.State == Done {
		return d, err
	}
	if d.State != Sealed || d.Attempts == 0 || c.Seen.Stage != rail.StageFinal {
		return Dispatch{}, fault.New(fault.Conflict, "not_final", "the dispatch is %s and the network says %s: nothing is proved", d.State, c.Seen.Stage)
	}
	next := 0
	for n := range d.Items {
		it := c.item(v, n)
		if it.Outcome == OutcomeDropped {
			d.Settled++
			continue
		}
		if next >= len(c.Seen.Paid) {
			return Dispatch{}, fmt.Errorf("%w: the rail proves %d payouts of dispatch %d, which has more", commit.ErrInvariant, len(c.Seen.Paid), d.Seq)
		}
		reason := ""
		if next < len(c.Seen.Reasons) {
			reason = c.Seen.Reasons[next]
		}
		if err := c.decide(v, it, c.Seen.Paid[next], reason); err != nil {
			return Dispatch{}, err
		}
		next++
	}
	if !c.Seen.Fee.IsZero() {
		if _, err := ledger.Post(v, ledger.Transfer{
			Kind: ledger.KindNetworkFee, Currency: c.FeeAsset, Amount: c.Seen.Fee, Debit: ledger.AtHouse(ledger.NetworkFees),
			Credit: ledger.AtHouse(ledger.Treasury(walletText(c.Wallet))), Cause: d.Seq,
		}); err != nil {
			return Dispatch{}, err
		}
	}
	c.free(v, c.Keys)
	stood(v, c.Wallet, c.Seen.BlockNumber, c.Seen.Block)
	d.State = Final
	if d.Settled == d.Items { // all were told before, one by one
		d.State, d.EndedAt = Done, v.Now()
	}
	d.Stage, d.TxID, d.Block, d.Fee, d.FeeAsset, d.Note = rail.StageFinal, c.Seen.TxID, c.Seen.Block, c.Seen.Fee, c.FeeAsset, c.Seen.Note
	return put(v, d), nil
}

// MarkSettled notes that the withdrawals of items have been told their outcome. The
// last one ends the dispatch.
type MarkSettled struct {
	onDispatch
	Places []int64
}

// Apply implements commit.Command.
func (c MarkSettled) Apply(v *commit.View) (Dispatch, error) {
	d, _, err := c.get(v)
	if err != nil {
		return Dispatch{}, err
	}
	for _, place := range c.Places {
		it := c.item(v, place)
		if it.Settled || it.Outcome == OutcomeOpen {
			continue
		}
		it.Settled = true
		putItem(v, it)
		d.Settled++
	}
	if d.Settled == d.Items && d.State != Sealed {
		d.State, d.EndedAt = Done, v.Now()
	}
	return put(v, d), nil
}
