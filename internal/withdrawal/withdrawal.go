package withdrawal

import (
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/store/chain"
)

// Withdrawal is the aggregate. What a merchant asked for never changes; the part
// below the line does, and every change raises Version.
type Withdrawal struct {
	Seq       id.Seq
	Merchant  id.Seq
	Account   id.Seq
	ForeignID string // the merchant's own id, unique per merchant for ever
	Currency  string // of the balance
	Amount    money.Amount
	Fee       money.Amount // processing fee, held beside the amount
	FeeInside bool         // the merchant named amount and fee as one sum; else the fee came on top
	// NetworkHold is the most of the network's fee that is passed on, in Currency; held
	// beside amount and fee. NetworkRate says how: "" not at all; "flat" exactly
	// NetworkHold; else at cost, a fraction of minor units of Currency for one minor
	// unit of the network's fee asset.
	NetworkHold money.Amount
	NetworkRate string
	// What is paid out: Currency and Amount, unless they are exchanged on the way.
	ReceiveCurrency string
	Receive         money.Amount
	Quote           id.Seq // the price of the exchange; 0 without one
	Payment         string // what a bank is told, rail.Payment.Text; "" on chains
	Review          string // why a person must approve it before it is queued; "" for no reason
	Origin          string // the format of the endpoints of the surface that it came in by; "" for one made before that was kept
	Network         string
	Destination     id.Seq // the registered destination; 0 when given inline
	Typed           string // the address as the user wrote it; "" when that is Canonical
	Canonical       string
	Decoded         []byte // what is signed
	Tag             string
	Metadata        string    // JSON object of texts, the merchant's; "" for none
	ReleaseAt       time.Time // not queued before: not_before and the merchant's cancel window
	CreatedAt       time.Time
	Mark            []byte // of all of this, see Accepted; nil where no marks are kept

	State         State
	Stage         rail.Stage   // inside processing; "" before
	Attention     string       // stable code of what keeps it; "" for nothing
	AttentionText string       // the same for a person
	Reason        string       // why it ended as it did, for a person
	Dispatch      id.Seq       // the dispatch that claimed it, in the operator's shard; 0 for none
	Wallet        string       // public id of the wallet that pays it
	TxID          string       // of the instruction, as the network names it
	NetworkFee    money.Amount // what the network took for it, in FeeAsset; known at the end
	FeeAsset      string
	NetworkCharge money.Amount // what of it was passed on, in Currency; known at the end
	Approval      string       // proof of an approval, for the signer; "" for none
	UpdatedAt     time.Time
	EndedAt       time.Time // zero until the state is final
	Version       int64
}

// Accepted is what Mark is made of: the withdrawal as it was accepted, all of it. What
// is paid must be what this says.
func (w Withdrawal) Accepted(shard id.Shard) []byte {
	return chain.NewRecord("withdrawal 1", shard, w.Seq).Ints(int64(w.Merchant), int64(w.Account), int64(w.Destination), int64(w.Quote)).
		Texts(w.ForeignID, w.Currency, w.ReceiveCurrency, w.NetworkRate, w.Payment, w.Review, w.Network, w.Typed, w.Canonical, w.Tag, w.Metadata, w.Origin).
		Amounts(w.Amount, w.Fee, w.NetworkHold, w.Receive).Bools(w.FeeInside).Bytes(w.Decoded).Times(w.ReleaseAt, w.CreatedAt)
}

// Held is what is reserved for it while it is not final.
func (w Withdrawal) Held() money.Amount {
	sum, err := w.held()
	if err != nil {
		panic(err) // passed the same check when it was accepted
	}
	return sum
}

func (w Withdrawal) held() (money.Amount, error) {
	sum, err := w.Amount.Add(w.Fee)
	if err != nil {
		return sum, err
	}
	return sum.Add(w.NetworkHold)
}

// Converted tells whether it pays out another currency than it takes.
func (w Withdrawal) Converted() bool { return w.ReceiveCurrency != w.Currency }

// AsCreated is the withdrawal as it was when it was accepted: what a repeat of the
// request is answered with.
func (w Withdrawal) AsCreated() Withdrawal {
	w.State, w.Stage, w.Attention, w.AttentionText, w.Reason = New, "", "", "", ""
	w.Dispatch, w.Wallet, w.TxID, w.NetworkFee, w.FeeAsset = 0, "", "", money.Amount{}, ""
	w.NetworkCharge, w.Approval = money.Amount{}, ""
	w.UpdatedAt, w.EndedAt, w.Version = w.CreatedAt, time.Time{}, 1
	return w
}

// Answer implements commit.Answerer.
func (w Withdrawal) Answer() commit.Answer { return commit.Answer{Ref: w.Seq} }

// Withdrawals is the table of withdrawals.
var Withdrawals = commit.NewTable("withdrawal", func(w *Withdrawal) id.Seq { return w.Seq })

// ForeignKey finds a withdrawal by the merchant's own id.
type ForeignKey struct {
	Merchant  id.Seq
	ForeignID string
}

// ForeignID says which withdrawal has a merchant's own id. It is read from the
// withdrawal table; writing it changes only the view.
type ForeignID struct {
	ForeignKey
	Withdrawal id.Seq
}

// ForeignIDs is the look-up of withdrawals by foreign id.
var ForeignIDs = commit.NewTable("withdrawal_foreign_id", func(f *ForeignID) ForeignKey { return f.ForeignKey })

// change writes a new version of w in state to, with its event, and with the balance in
// currency where that changed ("" for none). It is the only way a state changes: the
// edge must be in the table, or the command is refused with Conflict and the state that
// the withdrawal is in.
func change(v *commit.View, w Withdrawal, to State, actor, reason, currency string) (Withdrawal, error) {
	edge, ok := find(w.State, to)
	if !ok {
		return w, wrongState(v, w, to)
	}
	w.State = to
	if to.Final() {
		w.EndedAt, w.Reason, w.Attention, w.AttentionText = v.Now(), reason, "", ""
	}
	return record(v, w, edge.Event, actor, reason, currency), nil
}

// wrongState is the refusal of a change that the state does not allow.
func wrongState(v *commit.View, w Withdrawal, to State) error {
	return fault.New(fault.Conflict, "wrong_state", "the withdrawal is %s and cannot become %s", w.State, to).
		With("state", string(w.State)).With("withdrawal", v.ID(w.Seq).Text(id.Withdrawal))
}

// record writes w with its next version and an event, with the balance in currency
// where that changed ("" for none).
func record(v *commit.View, w Withdrawal, typ event.Type, actor, reason, currency string) Withdrawal {
	w.UpdatedAt, w.Version = v.Now(), w.Version+1
	Withdrawals.Put(v, w)
	e := event.Event{
		Type: typ, Merchant: w.Merchant, Account: w.Account, Subject: w.Seq, Version: w.Version, State: string(w.State),
		Actor: actor, Reason: reason, Data: w.detail(v.Now(), reason), Origin: w.Origin,
	}
	if currency != "" {
		e = account.Snapshot(v, e, w.Account, currency)
	}
	event.Append(v, e)
	return w
}

// release gives held money back.
func release(v *commit.View, w Withdrawal, amount money.Amount) error {
	if amount.IsZero() {
		return nil
	}
	_, err := ledger.Post(v, ledger.Transfer{
		Kind: ledger.KindRelease, Currency: w.Currency, Amount: amount, Debit: ledger.Of(w.Account, ledger.Reserved),
		Credit: ledger.Of(w.Account, ledger.Available), Withdrawal: w.Seq,
	})
	return mustHold(err)
}
