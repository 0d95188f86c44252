package withdrawal

import (
	"slices"
	"strings"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/money"
	"sluice/internal/rail"
)

// onWithdrawal is the part that all commands on one existing withdrawal share: they declare
// it, and then the balance of its account.
type onWithdrawal struct{ Withdrawal id.Seq }

// Reads implements commit.Command.
func (c onWithdrawal) Reads(w *commit.Wants) { Withdrawals.Want(w, c.Withdrawal) }

// Follow implements commit.Follower.
func (c onWithdrawal) Follow(v *commit.View, w *commit.Wants) {
	if x, ok := Withdrawals.Get(v, c.Withdrawal); ok {
		ledger.WantBalance(w, x.Account, x.Currency)
	}
}

func (c onWithdrawal) get(v *commit.View, merchant id.Seq) (Withdrawal, error) {
	w, ok := Withdrawals.Get(v, c.Withdrawal)
	if !ok || merchant != 0 && w.Merchant != merchant {
		return w, fault.New(fault.NotFound, "withdrawal_not_found", "no such withdrawal")
	}
	return w, nil
}

// Cancel takes a withdrawal back that no dispatch has claimed. A cancelled one
// stays cancelled and is answered the same.
type Cancel struct {
	onWithdrawal
	Merchant id.Seq
	Reason   string
	Actor    string
}

// NewCancel makes the command.
func NewCancel(merchant, withdrawal id.Seq, actor, reason string) Cancel {
	return Cancel{onWithdrawal{withdrawal}, merchant, reason, actor}
}

// Apply implements commit.Command.
func (c Cancel) Apply(v *commit.View) (Withdrawal, error) {
	w, err := c.get(v, c.Merchant)
	if err != nil || w.State == Cancelled {
		return w, err
	}
	if err := v.Accepts(); err != nil {
		return Withdrawal{}, err
	}
	if !w.State.Cancellable() {
		return Withdrawal{}, fault.New(fault.Conflict, "not_cancellable", "the withdrawal is %s: only one that is new, in review or queued can be cancelled", w.State).
			With("state", string(w.State)).With("withdrawal", v.ID(w.Seq).Text(id.Withdrawal))
	}
	if err := release(v, w, w.Held()); err != nil {
		return Withdrawal{}, err
	}
	return change(v, w, Cancelled, c.Actor, c.Reason, w.Currency)
}

// Release queues a withdrawal whose time has come. It does nothing to one that is
// not new or not due: the worker's list may be old.
type Release struct {
	onWithdrawal
	Actor string
}

// NewRelease makes the command.
func NewRelease(withdrawal id.Seq, actor string) Release {
	return Release{onWithdrawal{withdrawal}, actor}
}

// Apply implements commit.Command.
func (c Release) Apply(v *commit.View) (Withdrawal, error) {
	w, err := c.get(v, 0)
	if err != nil || w.State != New || w.ReleaseAt.After(v.Now()) {
		return w, err
	}
	if w.Review != "" && w.Approval == "" {
		return change(v, w, Review, c.Actor, w.Review, "")
	}
	return change(v, w, Queued, c.Actor, "", "")
}

// Approve lets a withdrawal go on that waits for a person, and keeps the proof that
// the signer may ask for. One that is open already only gets the proof: the signer
// may have asked for it late. Approving it again is answered the same.
type Approve struct {
	onWithdrawal
	Merchant id.Seq // not 0: a merchant hands in a proof of its own withdrawal, and decides nothing
	Proof    string // for the signer, up to account.MaxText bytes; what it must be is the signer's to say. "": only the review ends
	Reason   string
	Actor    string
}

// NewApprove makes the command of an operator.
func NewApprove(withdrawal id.Seq, proof, reason, actor string) Approve {
	return Approve{onWithdrawal{withdrawal}, 0, proof, reason, actor}
}

// NewHandIn makes the command of a merchant that has a proof.
func NewHandIn(merchant, withdrawal id.Seq, proof, actor string) Approve {
	return Approve{onWithdrawal{withdrawal}, merchant, proof, "", actor}
}

// unsigned begins what is kept of an approval without a proof: who gave it.
const unsigned = "unsigned "

// Proof is what a signer that wants an approval is shown; "" where there is none.
func (w Withdrawal) Proof() string {
	if strings.HasPrefix(w.Approval, unsigned) {
		return ""
	}
	return w.Approval
}

// Apply implements commit.Command.
func (c Approve) Apply(v *commit.View) (Withdrawal, error) {
	w, err := c.get(v, c.Merchant)
	if err != nil {
		return Withdrawal{}, err
	}
	if len(c.Proof) > account.MaxText || c.Merchant != 0 && c.Proof == "" {
		return Withdrawal{}, fault.Bad("invalid_approval", "approval", "an approval needs its proof, 1 to %d bytes", account.MaxText)
	}
	if err := c.allowed(v, w); err != nil {
		return Withdrawal{}, err
	}
	if w.Approval != "" && w.State != Review && (c.Proof == "" || c.Proof == w.Approval) {
		return w, nil
	}
	// What waited for the proof waits no more; the worker says so if it still does.
	w.Attention, w.AttentionText = "", ""
	switch {
	case c.Proof != "":
		w.Approval = c.Proof
	case w.Approval == "":
		w.Approval = unsigned + c.Actor
	}
	if w.State == Review {
		return change(v, w, Queued, c.Actor, c.Reason, "")
	}
	return record(v, w, event.WithdrawalApproved, c.Actor, c.Reason, ""), nil
}

// allowed tells whether there is anything that the approval would end.
func (c Approve) allowed(v *commit.View, w Withdrawal) error {
	asked := func(e *fault.Error) error {
		return e.With("state", string(w.State)).With("withdrawal", v.ID(w.Seq).Text(id.Withdrawal))
	}
	reviewed := w.Review == "" || w.Approval != ""
	switch {
	case w.State.Final():
		return asked(fault.New(fault.Conflict, "wrong_state", "the withdrawal is %s: only an open one can be approved", w.State))
	case c.Merchant != 0 && !reviewed:
		return asked(fault.New(fault.Conflict, "review_pending", "the operator has to approve this withdrawal; a proof can be added to it afterwards"))
	case c.Proof == "" && w.Review == "":
		return asked(fault.New(fault.Conflict, "approval_missing",
			"no operator's review holds this withdrawal. Where the signer asks for an approval, give its proof: `sluice approver sign` makes one"))
	}
	return nil
}

// Reject refuses a withdrawal that no dispatch has claimed: its money goes back. A
// rejected one stays rejected and is answered the same.
type Reject struct {
	onWithdrawal
	Reason string // for the merchant
	Actor  string
}

// NewReject makes the command.
func NewReject(withdrawal id.Seq, reason, actor string) Reject {
	return Reject{onWithdrawal{withdrawal}, reason, actor}
}

// Apply implements commit.Command.
func (c Reject) Apply(v *commit.View) (Withdrawal, error) {
	w, err := c.get(v, 0)
	if err != nil || w.State == Rejected {
		return w, err
	}
	if err := v.Accepts(); err != nil {
		return Withdrawal{}, err
	}
	if !w.State.Cancellable() {
		return Withdrawal{}, wrongState(v, w, Rejected)
	}
	if err := release(v, w, w.Held()); err != nil {
		return Withdrawal{}, err
	}
	return change(v, w, Rejected, c.Actor, c.Reason, w.Currency)
}

// Claim binds a queued withdrawal to a dispatch: from here on it can only be
// confirmed, or fail on proof. Claiming it again for the same dispatch is answered
// the same; for another one it is refused.
type Claim struct {
	onWithdrawal
	Dispatch id.Seq
	Wallet   string
	Actor    string
}

// NewClaim makes the command.
func NewClaim(withdrawal, dispatch id.Seq, wallet, actor string) Claim {
	return Claim{onWithdrawal{withdrawal}, dispatch, wallet, actor}
}

// Apply implements commit.Command.
func (c Claim) Apply(v *commit.View) (Withdrawal, error) {
	w, err := c.get(v, 0)
	if err != nil {
		return Withdrawal{}, err
	}
	if w.Dispatch == c.Dispatch {
		return w, nil
	}
	if err := v.Accepts(); err != nil {
		return Withdrawal{}, err
	}
	if w.State != Queued {
		return Withdrawal{}, wrongState(v, w, Processing)
	}
	if !v.Holds(w.Accepted(v.Shard()), w.Mark) {
		return Withdrawal{}, commit.Altered("withdrawal", v.ID(w.Seq).Text(id.Withdrawal))
	}
	// The reservation is checked again here, before anything is signed.
	b, ok := ledger.Balances.Get(v, ledger.BalanceKey{Account: w.Account, Currency: w.Currency})
	if !ok || b.Reserved.Less(w.Held()) {
		return Withdrawal{}, mustHold(money.ErrNegative)
	}
	w.Dispatch, w.Wallet, w.Attention, w.AttentionText = c.Dispatch, c.Wallet, "", ""
	return change(v, w, Processing, c.Actor, "", "")
}

// Progress notes how far the instruction has come: sent, in a block, or out of one
// again. It moves no money.
type Progress struct {
	onWithdrawal
	Dispatch id.Seq
	Stage    rail.Stage
	TxID     string
	Note     string
	Actor    string
}

// NewProgress makes the command.
func NewProgress(withdrawal, dispatch id.Seq, stage rail.Stage, txid, note, actor string) Progress {
	return Progress{onWithdrawal{withdrawal}, dispatch, stage, txid, note, actor}
}

// Apply implements commit.Command.
func (c Progress) Apply(v *commit.View) (Withdrawal, error) {
	w, err := c.get(v, 0)
	if err != nil {
		return Withdrawal{}, err
	}
	if w.State != Processing || w.Dispatch != c.Dispatch || w.Stage == c.Stage && w.TxID == c.TxID {
		return w, nil
	}
	typ := event.WithdrawalBroadcast
	switch {
	case c.Stage == rail.StageMined:
		typ = event.WithdrawalMined
	case c.Stage == rail.StageSent && w.Stage == rail.StageMined:
		typ = event.WithdrawalDropped
	}
	w.Stage, w.TxID, w.Attention, w.AttentionText = c.Stage, c.TxID, "", ""
	return record(v, w, typ, c.Actor, c.Note, ""), nil
}

// Attend notes what keeps a withdrawal, or with an empty code that nothing does any
// more. It moves no money and changes no state.
type Attend struct {
	onWithdrawal
	Code  string
	Text  string
	Ended bool // it is about a confirmed withdrawal; otherwise about an open one
	Actor string
}

// NewAttend makes the command.
func NewAttend(withdrawal id.Seq, code, text, actor string) Attend {
	return Attend{onWithdrawal{withdrawal}, code, text, false, actor}
}

// NewGone makes the command for a confirmed withdrawal whose payout the network no longer
// shows. An empty code takes it back.
func NewGone(withdrawal id.Seq, code, text, actor string) Attend {
	return Attend{onWithdrawal{withdrawal}, code, text, true, actor}
}

// Apply implements commit.Command.
func (c Attend) Apply(v *commit.View) (Withdrawal, error) {
	w, err := c.get(v, 0)
	if err != nil {
		return Withdrawal{}, err
	}
	if c.Ended && w.State != Confirmed || !c.Ended && w.State.Final() || w.Attention == c.Code {
		return w, nil
	}
	w.Attention, w.AttentionText = c.Code, c.Text
	return record(v, w, event.WithdrawalAttention, c.Actor, c.Text, ""), nil
}

// Calm notes that nothing keeps a withdrawal any more, when what is noted has one of the
// codes. It moves no money and changes no state. Result: Withdrawal.
type Calm struct {
	onWithdrawal
	Codes []string
	Actor string
}

// NewCalm makes the command.
func NewCalm(withdrawal id.Seq, codes []string, actor string) Calm {
	return Calm{onWithdrawal{withdrawal}, codes, actor}
}

// Apply implements commit.Command.
func (c Calm) Apply(v *commit.View) (Withdrawal, error) {
	w, err := c.get(v, 0)
	if err != nil {
		return Withdrawal{}, err
	}
	if w.State.Final() || w.Attention == "" || !slices.Contains(c.Codes, w.Attention) {
		return w, nil
	}
	w.Attention, w.AttentionText = "", ""
	return record(v, w, event.WithdrawalAttention, c.Actor, "", ""), nil
}
