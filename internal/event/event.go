// Package event is the log of what happened. A fact is one row, written in the same
// commit as the change it tells of; the sequence of a shard has no gaps. A row
// holds only what is not written elsewhere (what changed, and the balance after it):
// the whole objects that consumers get are built from it and from rows that never change.
package event

import (
	"time"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/money"
)

// Type names a fact, in the past tense.
type Type string

// The catalogue of what merchants are told. Every type stands here; the documentation
// page and the API description are checked against All.
const (
	AccountOpened         Type = "account.opened"
	AccountClosed         Type = "account.closed"
	DestinationRegistered Type = "destination.registered"
	DestinationDeleted    Type = "destination.deleted"
	CreditCreated         Type = "credit.created"
	CreditSettled         Type = "credit.settled"
	CreditTakenBack       Type = "credit.taken_back"
	FundsLocked           Type = "funds.locked"
	FundsUnlocked         Type = "funds.unlocked"
	ConversionCompleted   Type = "conversion.completed"
	BalanceUpdated        Type = "balance.updated" // accompanies every fact that changed a balance
	WithdrawalCreated     Type = "withdrawal.created"
	WithdrawalQueued      Type = "withdrawal.queued"
	WithdrawalProcessing  Type = "withdrawal.processing"
	WithdrawalBroadcast   Type = "withdrawal.broadcast" // the network has the instruction
	WithdrawalMined       Type = "withdrawal.mined"     // in a block that is not final yet
	WithdrawalReported    Type = "withdrawal.reported"  // the network or bank says something; nothing changed
	WithdrawalDropped     Type = "withdrawal.dropped"   // the block went away; nothing is paid twice, we resend
	WithdrawalAttention   Type = "withdrawal.attention" // something needs a look, or no longer does
	WithdrawalConfirmed   Type = "withdrawal.confirmed"
	WithdrawalFailed      Type = "withdrawal.failed"
	WithdrawalCancelled   Type = "withdrawal.cancelled"
	WithdrawalRejected    Type = "withdrawal.rejected"
	WithdrawalReturned    Type = "withdrawal.returned"
	WithdrawalReview      Type = "withdrawal.review"
	WithdrawalApproved    Type = "withdrawal.approved"      // a proof was added; the state stays
	EndpointFailing       Type = "webhook_endpoint.failing" // on its way to being disabled
	EndpointPaused        Type = "webhook_endpoint.paused"  // its circuit breaker opened
	EndpointDisabled      Type = "webhook_endpoint.disabled"
	EndpointTested        Type = "webhook_endpoint.tested"
	BankAlert             Type = "bank.alert"    // for the operator
	BankResolved          Type = "bank.resolved" // for the operator
)

// What concerns the operator alone. These facts have no merchant, and no webhook and
// no merchant's list ever carries them: they are not in All.
const (
	WalletFunded    Type = "wallet.funded"    // a deposit to a wallet was booked
	WalletOutflow   Type = "wallet.outflow"   // money left a wallet without a payout of ours
	WalletExplained Type = "wallet.explained" // an operator booked such an outflow with a reason
	WalletRegained  Type = "wallet.regained"  // such an outflow is back, or never was: the alarm is over
	WalletLow       Type = "wallet.low"       // a wallet can pay less than its threshold
	WalletOK        Type = "wallet.ok"        // it no longer does
	WalletHalted    Type = "wallet.halted"    // payouts that were final are gone from the chain: it plans no more
	WalletTakenUp   Type = "wallet.taken_up"  // an operator had the same bytes sent again
	WalletResumed   Type = "wallet.resumed"   // all that was gone is final again
	BooksLooking    Type = "books.looking"    // the books may be older than what was paid: they are only looked at
	// BooksOpened says that they are used again. Its Version is how many numbers of
	// messages it stands for: those that were given out after the backup, and are not
	// given out again.
	BooksOpened Type = "books.opened"
)

// All lists the catalogue with one line each for documentation.
var All = []struct {
	Type Type
	Text string
}{
	{AccountOpened, "an account was opened"},
	{AccountClosed, "an account was closed: it holds no money and gets none any more"},
	{DestinationRegistered, "a destination was registered to be paid to"},
	{DestinationDeleted, "a destination was deleted: no further withdrawal can name it"},
	{CreditCreated, "money was credited to an account, settled or not"},
	{CreditSettled, "a credit settled: its money can be withdrawn"},
	{CreditTakenBack, "a credit was taken back: its money is gone from the account"},
	{FundsLocked, "money was locked"},
	{FundsUnlocked, "locked money was freed"},
	{ConversionCompleted, "money of an account was exchanged into another of its balances"},
	{BalanceUpdated, "a balance changed; carries the whole balance"},
	{WithdrawalCreated, "a withdrawal was accepted and its money is held"},
	{WithdrawalQueued, "a withdrawal is ready to be paid"},
	{WithdrawalReview, "a withdrawal waits for a person"},
	{WithdrawalApproved, "the proof of an approval was added to a withdrawal"},
	{WithdrawalProcessing, "an instruction that may pay the withdrawal exists"},
	{WithdrawalBroadcast, "the network has the instruction"},
	{WithdrawalMined, "the instruction is in a block that is not final yet"},
	{WithdrawalReported, "the network or bank says something of it; nothing changed"},
	{WithdrawalDropped, "the block went away; the same instruction is sent again"},
	{WithdrawalAttention, "a withdrawal needs a look, or no longer does"},
	{WithdrawalConfirmed, "a withdrawal was paid, finally"},
	{WithdrawalFailed, "a withdrawal was proved not paid; its money is back"},
	{WithdrawalCancelled, "a withdrawal was cancelled; its money is back"},
	{WithdrawalRejected, "a withdrawal was rejected; its money is back"},
	{WithdrawalReturned, "a paid withdrawal came back; its money is back"},
	{EndpointFailing, "a webhook endpoint has failed for long and will be disabled"},
	{EndpointPaused, "a webhook endpoint failed several times in a row and is given a rest; nothing is lost"},
	{EndpointDisabled, "a webhook endpoint was disabled"},
	{EndpointTested, "a test message for one webhook endpoint"},
	{BankAlert, "something in a bank's answers needs the operator"},
	{BankResolved, "the operator resolved a booking in suspense"},
}

// Event is one row of the log.
type Event struct {
	// Seq is the sequence of the first message of this row in its shard. A row
	// is two messages, Seq and Seq+1, when it carries a balance and is not itself BalanceUpdated.
	Seq      int64
	At       time.Time
	Type     Type
	Merchant id.Seq // 0: concerns the operator
	Account  id.Seq // 0: none
	Subject  id.Seq // the withdrawal, credit, endpoint it is about; 0 for a balance alone
	Version  int64  // of the subject, after the change
	State    string // of the subject, after the change
	Actor    string // who did it: "api:key_...", "worker", "operator:..."
	Reason   string // why, for a person; "" if nothing is to be said
	Data     []byte // JSON of further fields of the subject that changed; empty for none
	Origin   string // of a withdrawal: the API that it came in by, as webhook formats are named; "" if not known
	// The balance after the change; Currency is "" when none changed.
	Currency       string
	Available      money.Amount
	Pending        money.Amount
	Locked         money.Amount
	Reserved       money.Amount
	Tradable       money.Amount // see ledger.Balance
	BalanceVersion int64
}

// Log is the log of events.
var Log = commit.NewLog[Event]("event")

// Messages is how many messages the row is: 1, or 2 with the balance that changed along.
// BooksOpened stands for many, none of which is sent.
func (e Event) Messages() int64 {
	if e.Type == BooksOpened {
		return e.Version
	}
	if e.Currency != "" && e.Type != BalanceUpdated {
		return 2
	}
	return 1
}

// Append writes a fact with the next sequence and the batch's time.
func Append(v *commit.View, e Event) {
	e.Seq, e.At = v.NextEvents(e.Messages()), v.Now()
	Log.Append(v, e)
}
