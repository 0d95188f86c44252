// Package rail is the port of every way out. A rail turns a sealed list of payouts
// into exact bytes, sends those bytes as often as it takes, and reads the outside
// world until the outcome is proved. It decides nothing about money: dispatch does,
// from what a rail proves. Every rail passes the suite in rail/railtest.
package rail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice/internal/money"
	"sluice/internal/signer"
)

// Target is a checked destination, in the forms that a rail needs.
type Target struct {
	Network   string // as configured: "ethereum", "bitcoin", "sepa"
	Typed     string // as the user wrote it
	Canonical string // the one form we show and compare
	Decoded   []byte // what is signed; fixed when the destination was checked
	Tag       string // destination tag or memo, where the network has one
	// Prints are, for a bank account, the fingerprints of its number under every key of
	// the installation, the newest first. BankChecker says what the others are then.
	Prints []string
}

// Payout is one withdrawal as a rail sees it.
type Payout struct {
	Ref    string // the withdrawal's public id; for logs and for rails that carry a reference
	Asset  string
	To     []byte // Target.Decoded
	Amount money.Amount
	// Payment is what a bank is told beside recipient and amount; zero on chains.
	Payment Payment
	// Approval is the proof that somebody who holds the approval key agreed; "" for
	// none. The signer checks it, nobody else relies on it.
	Approval string
	// Acceptance is what the process that accepted the withdrawal signed for the signer;
	// "" for nothing.
	Acceptance string
	// Memo is what the signer keeps of it in its log, see signer.Output. Rails do nothing with it.
	Memo string
}

// Payment is what a payment at a bank carries beside recipient and amount.
type Payment struct {
	Remittance string `json:"remittance,omitempty"` // unstructured, in the bank's character set
	Typed      string `json:"typed,omitempty"`      // the remittance as the user wrote it; "" when the bank gets the same
	Purpose    string `json:"purpose,omitempty"`    // code of the ISO 20022 external list
	Service    string `json:"service,omitempty"`    // "normal" or "instant"; "" for the rail's default
}

// Text is the payment as it is stored: JSON, or "" for the zero value.
func (p Payment) Text() string {
	if p == (Payment{}) {
		return ""
	}
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // three texts: cannot happen
	}
	return string(b)
}

// ParsePayment reads what Text wrote.
func ParsePayment(s string) (p Payment, err error) {
	if s != "" {
		err = json.Unmarshal([]byte(s), &p)
	}
	return p, err
}

// Slot is the outside resource that makes all attempts for it exclusive: on an
// account chain a nonce of a wallet, on a coin chain the coins that every attempt
// spends, at a bank the id of the message.
type Slot struct {
	Wallet string `json:"wallet"` // what pays, as the network writes it
	Nonce  uint64 `json:"nonce,omitempty"`
	Coins  []Coin `json:"coins,omitempty"`
	Ref    string `json:"ref,omitempty"`
}

// Coin is an unspent output of a coin chain.
type Coin struct {
	TxID   string `json:"txid"`
	Index  uint32 `json:"index"`
	Minor  string `json:"minor"`  // what it is worth, in minor units
	Script []byte `json:"script"` // what locks it
	// Needs says, for a coin whose transaction was in no block when it was picked, which
	// coins must be spent by which transactions (key to txid) for it to come to be. It
	// is kept with the slot: when a final block holds another use of one of them, the
	// coin will never exist.
	Needs map[string]string `json:"needs,omitempty"`
}

// Key names the coin among all coins of its network.
func (c Coin) Key() string { return fmt.Sprintf("%s:%d", c.TxID, c.Index) }

// InFlight is a slot that is claimed and not final. Feasible needs the slot, since a
// payout that a block already holds is out of the wallet's balance as well, and
// must not be counted twice.
type InFlight struct {
	Slot    Slot
	Payouts []Payout
	MaxFee  money.Amount // the largest Fee among its attempts; zero before the first
	// Attempts are the slot's, oldest first; a rail may need to know how they pay.
	Attempts []Attempt
}

// Attempt is exact signed bytes. They are stored before the first of them leaves,
// and every repeat sends the same bytes.
type Attempt struct {
	TxID string // what the network will call it
	Raw  []byte
	Fee  money.Amount // the most it can cost, in the network's fee asset
	At   time.Time    // when it was stored; zero before that
	// Fence and Bound are those of an intent, for rails that ask the signer again before
	// the bytes leave.
	Fence int64
	Bound string
}

// Feasibility says whether a wallet could pay now. A wallet that cannot is no
// failure of the payout: it stays queued with the reason until the wallet can.
type Feasibility struct {
	OK     bool
	Reason string // for a person: what is missing, how much, where to send it
	Code   string // stable: one of those of Wait
	Cause  error  // for the operator, without secrets; nil where Reason says it all
}

// Stage is how far an attempt has come.
type Stage string

// The stages. Only StageFinal is an outcome; everything else may change.
const (
	StageUnknown Stage = "unknown" // nothing is established; never a reason to fail
	StageSent    Stage = "sent"    // in no block; the network may or may not hold the bytes, so keep sending them
	StageMined   Stage = "mined"   // in a block that may still go away
	StageFinal   Stage = "final"   // in a final block: every payout's fate is proved
)

// Observation is what the network shows of a slot now.
type Observation struct {
	Stage         Stage
	TxID          string // of the attempt that is in a block, else of the latest one
	Block         string // its block, as the network names it; "" without one
	BlockNumber   uint64
	Confirmations uint64
	Fee           money.Amount // what it really cost, in the fee asset; proved at StageFinal
	// Paid tells for each payout of the slot, in order, whether a final block
	// pays it. Only read at StageFinal. false there is proof of death.
	Paid []bool
	// Reasons says for each payout that is not paid why, for a person.
	Reasons []string
	// Decided tells, before StageFinal, which payouts of the slot have met their end
	// already: one fate for each payout, in order, or none at all. Only rails whose
	// payouts end one by one give it; a fate that was proved never changes.
	Decided []Fate
	// Lost is set at StageSent when the node holds none of the attempts: its bytes must be
	// sent again before anything else helps.
	Lost bool
	Note string // for the timeline and the log; it names no node and repeats no words of one
	// Why says what keeps a slot from going on that only time or an operator can end; nil
	// for nothing. Cause is for the operator's log, without secrets.
	Why   *Wait
	Cause error
}

// Fate is what is proved of one payout while its slot is not final.
type Fate struct {
	Known  bool // false: still open
	Paid   bool
	Reason string // of one that is not paid, for a person
}

// Rail is one way out of one network. All methods may be called from several
// goroutines. Errors are never proof of anything.
type Rail interface {
	// Network is the name under which assets and destinations refer to it.
	Network() string
	// FeeAsset is the asset in which the network takes its fees.
	FeeAsset() string
	// Assets lists the asset codes it can pay.
	Assets() []string
	// Check decodes and checks a destination typed by a user. It asks no network:
	// it stands in the way of every withdrawal. A refusal is a fault of kind Invalid.
	Check(ctx context.Context, typed, tag, asset string) (Target, error)
	// Warn looks at a checked target on the network and gives what a person should
	// know about it ("the address is a contract"). It refuses nothing, and a network
	// that does not answer gives no warning.
	Warn(ctx context.Context, t Target) []string
	// Feasible asks whether the wallet could pay these payouts, on top of what
	// it has in flight.
	Feasible(ctx context.Context, wallet string, inFlight []InFlight, payouts []Payout) (Feasibility, error)
	// NextNonce is the first nonce of the wallet that no block has used, for a
	// wallet that Sluice has not seen before.
	NextNonce(ctx context.Context, wallet string) (uint64, error)
	// Prepare builds the intent for a slot. previous holds the attempts the slot
	// has already; a new one must replace them. The caller sets Fence and Bound.
	// A *Refusal says that the network itself refuses these payouts; it is given
	// only while previous is empty. ErrSlotTaken says that another slot is needed.
	// Any other error wraps ErrUnavailable or is a fault: nothing is decided.
	Prepare(ctx context.Context, slot Slot, payouts []Payout, previous []Attempt) (signer.Intent, error)
	// Submit hands over stored bytes. It is safe to repeat. nil means the network
	// has them or had them already; an error means look (Observe), not failed, and
	// wraps ErrLook where the network says that the slot moved on.
	Submit(ctx context.Context, a Attempt) error
	// Observe reads the fate of a slot from the network. attempts are all bytes
	// ever stored for it. An error leaves everything as it was, like StageUnknown.
	Observe(ctx context.Context, slot Slot, payouts []Payout, attempts []Attempt) (Observation, error)
	// Balance is what the wallet holds on the network, by asset code.
	Balance(ctx context.Context, wallet string) (map[string]money.Amount, error)
	// PollEvery is how often Observe is worth asking.
	PollEvery() time.Duration
}

// Tagger is a Rail on whose network payouts carry a destination tag or memo. On others a
// tag means nothing.
type Tagger interface {
	// Tags tells whether payouts of an asset carry one.
	Tags(asset string) bool
}

// Grouper is a rail that pays several payouts in one slot.
type Grouper interface {
	// GroupMax is how many payouts are worth looking at for one slot.
	GroupMax() int
	// Group says which payouts to pay together: lists of indexes into payouts, each
	// index in at most one list. One that is in none waits.
	Group(ctx context.Context, wallet string, payouts []Payout) ([][]int, error)
}

// Canceller is a rail that can use a slot up for nothing, so that none of its attempts
// can pay any more. Whether that came in time, Observe tells like every other outcome.
type Canceller interface {
	// Cancel builds the intent that takes the place of the attempts of a slot. Only an
	// operator's order leads to it. Its errors are those of Prepare.
	Cancel(ctx context.Context, slot Slot, payouts []Payout, previous []Attempt) (signer.Intent, error)
}

// SlotPicker is a rail whose slots are not counted from a nonce. Pick chooses the
// slot for a new list of payouts; ref is a text of at most 35 letters and digits
// that belongs to the dispatch alone, and held are the keys of the wallet that live
// slots hold. keys are what the slot holds until its end: nothing else may use them.
type SlotPicker interface {
	Pick(ctx context.Context, wallet, ref string, payouts []Payout, held map[string]bool) (slot Slot, keys []string, err error)
}

// Writer is a rail whose attempts are files, like orders to a bank. There is never a second
// attempt for a slot: Prepare fails with previous ones. Its slots belong to one dispatch and
// serve no other, so that one without an attempt ends with its dispatch.
type Writer interface {
	// Keep gives the attempt that is stored of a file that the signer agreed to. Submit
	// takes it, and hands over nothing that the signer does not agree to once more.
	Keep(file signer.Signed) (Attempt, error)
	// Outputs are payouts as the signer sees them: what only the rail can open is open.
	Outputs(payouts []Payout) ([]signer.Output, error)
}

// Live is a slot that is not final, with everything stored about it.
type Live struct {
	Slot     Slot
	Payouts  []Payout
	Attempts []Attempt
}

// Rememberer is a rail that must know what else of a wallet is in flight before it
// decides about one slot. It is told all of it at the start of each round, oldest
// first, by whoever holds the wallet.
type Rememberer interface {
	Remember(wallet string, live []Live)
}

// Refusal is the network's own refusal of payouts that nothing was signed for yet.
type Refusal struct{ Reason string }

// Error implements error.
func (r *Refusal) Error() string { return "the network refuses the payout: " + r.Reason }

// ErrUnavailable says that the node did not answer or does not know; try later.
var ErrUnavailable = errors.New("the node does not answer")

// ErrSlotTaken says that a block already holds another use of the slot, before
// anything of ours was signed for it: take another slot.
var ErrSlotTaken = errors.New("the slot is used already")

// ErrLook says that sending was refused in a way that may mean it was done before:
// ask Observe before anything else.
var ErrLook = errors.New("the network's answer leaves open whether it has the payout: look")
