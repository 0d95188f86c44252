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
// proofs cannot both be true.
type Confirm struct {
	onWithdrawal
	Dispatch   id.Seq
	TxID       string
	NetworkFee money.Amount // this withdrawal's share, in FeeAsset
	FeeAsset   string
	Actor      string
}

// NewConfirm makes the command.
func NewConfirm(withdrawal, dispatch id.Seq, txid string, networkFee money.Amount, feeAsset, actor string) Confirm {
	return Confirm{onWithdrawal{withdrawal}, dispatch, txid, networkFee, feeAsset, actor}
}

// Follow implements commit.Follower.
func (c Confirm) Follow(v *commit.View, w *commit.Wants) {
	c.onWithdrawal.Follow(v, w)
	if x, ok := Withdrawals.Get(v, c.Withdrawal); ok {
		ledger.WantHouse(w, ledger.Treasury(x.Wallet), x.ReceiveCurrency)
		ledger.WantHouse(w, ledger.Fees, x.Currency)
		ledger.WantHouse(w, ledger.NetworkFees, x.Currency)
		if x.Converted() {
			ledger.WantHouse(w, ledger.Exchange, x.Currency)
			ledger.WantHouse(w, ledger.Exchange, x.ReceiveCurrency)
		}
	}
}

// Apply implements commit.Command.
func (c Confirm) Apply(v *commit.View) (Withdrawal, error) {
	w, err := c.get(v, 0)
	if err != nil {
		return Withdrawal{}, err
	}
	if err := owner(v, w, c.Dispatch); err != nil || w.State == Confirmed || w.State == Returned {
		return w, err
	}
	if w.State != Processing {
		return Withdrawal{}, wrongState(v, w, Confirmed)
	}
	if w.NetworkCharge, err = charge(w.NetworkRate, w.NetworkHold, c.NetworkFee); err != nil {
		return Withdrawal{}, mustHold(err)
	}
	if err := pay(v, w, c.Dispatch); err != nil {
		return Withdrawal{}, mustHold(err)
	}
	w.Stage, w.TxID, w.NetworkFee, w.FeeAsset = "", c.TxID, c.NetworkFee, c.FeeAsset
	return change(v, w, Confirmed, c.Actor, "", w.Currency)
}

// pay books everything that a paid withdrawal moves: the amount, through the exchange
// accounts where it is exchanged, the fee, the network's fee as far as it is passed on,
// and what is left of the money held for that.
func pay(v *commit.View, w Withdrawal, dispatch id.Seq) error {
	from, treasury := ledger.Of(w.Account, ledger.Reserved), ledger.AtHouse(ledger.Treasury(w.Wallet))
	moves := []ledger.Transfer{
		{Kind: ledger.KindFee, Currency: w.Currency, Amount: w.Fee, Debit: from, Credit: ledger.AtHouse(ledger.Fees)},
		{Kind: ledger.KindNetworkFee, Currency: w.Currency, Amount: w.NetworkCharge, Debit: from, Credit: ledger.AtHouse(ledger.NetworkFees)},
	}
	if w.Converted() {
		exchange := ledger.AtHouse(ledger.Exchange)
		moves = append(moves, ledger.Transfer{Kind: ledger.KindExchange, Currency: w.Currency, Amount: w.Amount, Debit: from, Credit: exchange},
			ledger.Transfer{Kind: ledger.KindPayout, Currency: w.ReceiveCurrency, Amount: w.Receive, Debit: exchange, Credit: treasury})
	} else {
		moves = append(moves, ledger.Transfer{Kind: ledger.KindPayout, Currency: w.Currency, Amount: w.Amount, Debit: from, Credit: treasury})
	}
	for _, t := range moves {
		if t.Amount.IsZero() {
			continue
		}
		t.Withdrawal, t.Cause = w.Seq, dispatch
		if _, err := ledger.Post(v, t); err != nil {
			return err
		}
	}
	rest, err := w.NetworkHold.Sub(w.NetworkCharge)
	if err != nil {
		return err
	}
	return release(v, w, rest)
}

// Return records that a paid withdrawal came back, as bank payments do for weeks: the
// money that came goes to the account's available balance, in the currency that was
// paid out. Fees stay taken. Repeating it changes nothing.
type Return struct {
	onWithdrawal
	Amount money.Amount // what came back; at most what was paid out. Banks may keep a part
	Reason string       // for a person, with the bank's code
	Actor  string
}

// NewReturn makes the command.
func NewReturn(withdrawal id.Seq, amount money.Amount, reason, actor string) Return {
	return Return{onWithdrawal{withdrawal}, amount, reason, actor}
}

// Follow implements commit.Follower.
func (c Return) Follow(v *commit.View, w *commit.Wants) {
	c.onWithdrawal.Follow(v, w)
	if x, ok := Withdrawals.Get(v, c.Withdrawal); ok {
		ledger.WantHouse(w, ledger.Treasury(x.Wallet), x.ReceiveCurrency)
		ledger.Accounts.Want(w, x.Account) // its first balance in this currency may be made here
		ledger.WantBalance(w, x.Account, x.ReceiveCurrency)
		ledger.Accounts.Want(w, x.Account) // it may never have had the currency that comes back
	}
}

// Apply implements commit.Command.
func (c Return) Apply(v *commit.View) (Withdrawal, error) {
	w, err := c.get(v, 0)
	if err != nil || w.State == Returned {
		return w, err
	}
	if w.State != Confirmed {
		return Withdrawal{}, wrongState(v, w, Returned)
	}
	if c.Amount.IsZero() || w.Receive.Less(c.Amount) {
		return Withdrawal{}, fault.Bad("invalid_return", "amount", "between the smallest unit and what was paid out can come back")
	}
	if _, err := ledger.Post(v, ledger.Transfer{
		Kind: ledger.KindReturn, Currency: w.ReceiveCurrency, Amount: c.Amount, Debit: ledger.AtHouse(ledger.Treasury(w.Wallet)),
		Credit: ledger.Of(w.Account, ledger.Available), Withdrawal: w.Seq,
	}); err != nil {
		return Withdrawal{}, err
	}
	return change(v, w, Returned, c.Actor, c.Reason, w.ReceiveCurrency)
}

// Fail records proof that nothing was or can be paid: the held money goes back.
// Repeating it changes nothing; after Confirm it is refused.
type Fail struct {
	onWithdrawal
	Dispatch id.Seq
	TxID     string // of the instruction that died, if there was one
	Reason   string
	Actor    string
}

// NewFail makes the command.
func NewFail(withdrawal, dispatch id.Seq, txid, reason, actor string) Fail {
	return Fail{onWithdrawal{withdrawal}, dispatch, txid, reason, actor}
}

// Apply implements commit.Command.
func (c Fail) Apply(v *commit.View) (Withdrawal, error) {
	w, err := c.get(v, 0)
	if err != nil {
		return Withdrawal{}, err
	}
	if err := owner(v, w, c.Dispatch); err != nil || w.State == Failed {
		return w, err
	}
	if w.State != Processing {
		return Withdrawal{}, wrongState(v, w, Failed)
	}
	if err := release(v, w, w.Held()); err != nil {
		return Withdrawal{}, err
	}
	w.Stage, w.TxID = "", c.TxID
	return change(v, w, Failed, c.Actor, c.Reason, w.Currency)
}

// owner refuses an outcome that does not come from the dispatch that claimed the withdrawal.
func owner(v *commit.View, w Withdrawal, dispatch id.Seq) error {
	if w.Dispatch == 0 || w.Dispatch != dispatch {
		return fault.New(fault.Conflict, "wrong_dispatch", "withdrawal %s is not in this dispatch", v.ID(w.Seq).Text(id.Withdrawal))
	}
	return nil
}
