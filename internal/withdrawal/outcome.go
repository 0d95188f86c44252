package withdrawal

import (
	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/money"
)

// Confirm records proof that a withdrawal was paid: the held money leaves the
// account. Repeating it changes nothing; after Fail it is refused, because two
// proofs cannot both be true. Result: Withdrawal.
type Confirm struct {
	one
	Dispatch   id.Seq
	TxID       string
	NetworkFee money.Amount // this withdrawal's share, in FeeAsset
	FeeAsset   string
	Actor      string
}

// NewConfirm makes the command.
func NewConfirm(withdrawal, dispatch id.Seq, txid string, networkFee money.Amount, feeAsset, actor string) Confirm {
	return Confirm{one{withdrawal}, dispatch, txid, networkFee, feeAsset, actor}
}

// Follow implements commit.Follower.
func (c Confirm) Follow(v *commit.View, w *commit.Wants) {
	c.one.Follow(v, w)
	if x, ok := Withdrawals.Get(v, c.Withdrawal); ok {
		ledger.WantHouse(w, ledger.Treasury(x.Wallet), x.Currency)
		ledger.WantHouse(w, ledger.Fees, x.Currency)
	}
}

// Apply implements commit.Command.
func (c Confirm) Apply(v *commit.View) (any, error) {
	w, err := c.get(v, 0)
	if err != nil {
		return nil, err
	}
	if err := owner(v, w, c.Dispatch); err != nil || w.State == Confirmed || w.State == Returned {
		return w, err
	}
	if w.State != Processing {
		return nil, wrongState(v, w, Confirmed)
	}
	from := ledger.Of(w.Account, ledger.Reserved)
	moves := []ledger.Transfer{{Kind: ledger.KindPayout, Amount: w.Amount, Credit: ledger.AtHouse(ledger.Treasury(w.Wallet))}}
	if !w.Fee.IsZero() {
		moves = append(moves, ledger.Transfer{Kind: ledger.KindFee, Amount: w.Fee, Credit: ledger.AtHouse(ledger.Fees)})
	}
	for _, t := range moves {
		t.Currency, t.Debit, t.Withdrawal, t.Cause = w.Currency, from, w.Seq, c.Dispatch
		if _, err := ledger.Post(v, t); err != nil {
			return nil, held(err)
		}
	}
	w.Stage, w.TxID, w.NetworkFee, w.FeeAsset = "", c.TxID, c.NetworkFee, c.FeeAsset
	return change(v, w, Confirmed, c.Actor, "", true)
}

// Fail records proof that nothing was or can be paid: the held money goes back.
// Repeating it changes nothing; after Confirm it is refused. Result: Withdrawal.
type Fail struct {
	one
	Dispatch id.Seq
	TxID     string // of the instruction that died, if there was one
	Reason   string
	Actor    string
}

// NewFail makes the command.
func NewFail(withdrawal, dispatch id.Seq, txid, reason, actor string) Fail {
	return Fail{one{withdrawal}, dispatch, txid, reason, actor}
}

// Apply implements commit.Command.
func (c Fail) Apply(v *commit.View) (any, error) {
	w, err := c.get(v, 0)
	if err != nil {
		return nil, err
	}
	if err := owner(v, w, c.Dispatch); err != nil || w.State == Failed {
		return w, err
	}
	if w.State != Processing {
		return nil, wrongState(v, w, Failed)
	}
	if err := release(v, w); err != nil {
		return nil, err
	}
	w.Stage, w.TxID = "", c.TxID
	return change(v, w, Failed, c.Actor, c.Reason, true)
}

// owner refuses an outcome that does not come from the dispatch that claimed the withdrawal.
func owner(v *commit.View, w Withdrawal, dispatch id.Seq) error {
	if w.Dispatch == 0 || w.Dispatch != dispatch {
		return fault.New(fault.Conflict, "wrong_dispatch", "withdrawal %s is not in this dispatch", v.ID(w.Seq).Text(id.Withdrawal))
	}
	return nil
}
