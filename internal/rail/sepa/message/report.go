package message

import (
	"time"

	"sluice/internal/money"
	"sluice/internal/rail/sepa/code"
)

// Kind says what a bank's file is.
type Kind string

// The kinds.
const (
	Statement    Kind = "statement"    // camt.053: booked, end of day; the truth
	Notification Kind = "notification" // camt.054: debits and credits during the day
	Intraday     Kind = "intraday"     // camt.052: provisional
	StatusReport Kind = "status"       // pain.002
	Resolution   Kind = "resolution"   // camt.029: the answer to a recall
)

// File is what a bank sent in one file.
type File struct {
	Kind      Kind
	Version   string // like "camt.053.001.08"; "" if the file does not say
	MessageID string
	CreatedAt time.Time      // zero if the file does not say or says it unreadably
	Page      Page           // of the message
	Accounts  []Account      // for statements, notifications and intraday reports
	Status    *Status        // for status reports
	Answers   []CancelAnswer // for resolutions
}

// Page is the place of a part. The zero value says that there are no pages.
type Page struct {
	Number int
	Last   bool
}

// Account is what a file says about one account: a statement, a notification or an
// intraday report.
type Account struct {
	ID             string
	Sequence       uint64 // ElctrncSeqNb; 0 if there is none
	Legal          uint64 // LglSeqNb; 0 if there is none
	Page           Page   // of the statement, else of the message
	Copy           string // COPY, CODU or DUPL: repeats what was sent before
	Number         string // IBAN or what the bank calls the account, without blanks
	Currency       string // of the account; "" if the file does not say
	Owner          string
	Balances       []Balance
	Entries        []Entry
	CountSaid      int  // entries by the file's own summary
	CountSaidKnown bool // false without a summary
}

// Balance is what the account held.
type Balance struct {
	Type     string // OPBD, CLBD, PRCD, ITBD, OPAV, CLAV ...
	Amount   money.Amount
	Currency string
	Side     Side // Debit: overdrawn
	Day      Day
}

// EntryStatus says how real an entry is. Only Booked moves money.
type EntryStatus string

// The statuses of entries.
const (
	Booked  EntryStatus = "BOOK"
	Waiting EntryStatus = "PDNG"
	Info    EntryStatus = "INFO"
	Future  EntryStatus = "FUTR"
)

// Entry is one movement of the account.
type Entry struct {
	Index       int    // place in the statement, from 0
	Reference   string // NtryRef
	Amount      money.Amount
	Currency    string
	Side        Side
	Reversal    bool // undoes an earlier entry of the other side
	Status      EntryStatus
	Day         Day // of booking; "" if the file does not say
	Value       Day
	ServicerRef string // AcctSvcrRef: the bank's own reference
	Code        TransactionCode
	Batches     []BatchInfo
	Details     []Detail
	Text        string // AddtlNtryInf
}

// TransactionCode says what kind of movement it is.
type TransactionCode struct{ Domain, Family, SubFamily, Own string }

// Returned tells whether the code says that a credit transfer came back. Banks
// differ: its absence says nothing.
func (c TransactionCode) Returned() bool {
	return c.Domain == "PMNT" && c.SubFamily == "RRTN"
}

// BatchInfo is what an entry says about the batch it books at once.
type BatchInfo struct {
	MessageID string
	BatchID   string // PmtInfId
	Count     int    // 0 if the file does not say
	Total     money.Amount
	Currency  string // of Total; "" if there is no total
	Side      Side
}

// Detail is one payment inside an entry.
type Detail struct {
	Index         int // place in the entry, from 0
	MessageID     string
	BatchID       string // PmtInfId
	InstructionID string
	EndToEndID    string // "" also when the bank wrote NOTPROVIDED
	TransactionID string
	UETR          string
	ServicerRef   string
	Amount        money.Amount // in Currency, which may differ from the entry's
	Currency      string       // "" if the detail has no amount
	Side          Side         // as the bank wrote it; the entry's side counts
	Debtor        Counterparty
	Creditor      Counterparty
	Texts         []string // unstructured remittance
	References    []string // structured ones
	Purpose       string
	Return        *Return
	Code          TransactionCode
	Text          string // AddtlTxInf
}

// Counterparty is a party as the bank writes it: nothing of it is checked.
type Counterparty struct{ Name, Account string }

// Return is why money came back.
type Return struct {
	Code   string // ISO code, or the bank's own
	Origin string // who returned it: a name or a BIC
	Text   string
}

// Reason explains the code.
func (r Return) Reason() code.Reason { return code.ReasonOf(r.Code) }

// Status is a status report about one of our orders.
type Status struct {
	OrderID   string // OrgnlMsgId
	OrderKind string // OrgnlMsgNmId, like pain.001.001.09
	Verdict
	Batches []BatchStatus
}

// BatchStatus is what a report says about one batch of the order.
type BatchStatus struct {
	BatchID string // OrgnlPmtInfId; "" when the payments stand without a batch
	Verdict
	Payouts []PayoutStatus
}

// PayoutStatus is what a report says about one payment.
type PayoutStatus struct {
	InstructionID string
	EndToEndID    string
	UETR          string
	ServicerRef   string
	Amount        money.Amount
	Currency      string // "" if the report does not repeat the amount
	Verdict
}

// Verdict is a status with its reasons. The zero value says nothing.
type Verdict struct {
	Status  code.Status
	Reasons []StatusReason
}

// StatusReason is why a bank gave a status.
type StatusReason struct {
	Code   string // ISO code, or the bank's own
	Origin string
	Text   string
}

// Reason explains the first reason that has a code.
func (v Verdict) Reason() code.Reason {
	for _, r := range v.Reasons {
		if r.Code != "" {
			return code.ReasonOf(r.Code)
		}
	}
	return code.ReasonOf("")
}

// Level says how closely a status means a payment.
type Level string

// The levels, from the whole order to the payment.
const (
	OrderLevel  Level = "order"
	BatchLevel  Level = "batch"
	PayoutLevel Level = "payout"
)

// For gives what the report says of one payment of the order: the most specific level
// that says something wins. ok is false if the report says nothing of it.
func (s Status) For(batchID, endToEndID, instructionID string) (v Verdict, at Level, p PayoutStatus, ok bool) {
	for _, b := range s.Batches {
		if b.BatchID != "" && b.BatchID != batchID {
			continue
		}
		for _, t := range b.Payouts {
			if t.is(endToEndID, instructionID) && t.says() && t.Status.Place() >= v.Status.Place() {
				v, at, p, ok = t.Verdict, PayoutLevel, t, true
			}
		}
	}
	if ok {
		return v, at, p, ok
	}
	for _, b := range s.Batches {
		if b.BatchID == batchID && batchID != "" && b.says() && b.Status.Place() >= v.Status.Place() {
			v, at, ok = b.Verdict, BatchLevel, true
		}
	}
	if ok {
		return v, at, p, ok
	}
	return s.Verdict, OrderLevel, p, s.says()
}

// says tells whether a level decides anything itself.
func (v Verdict) says() bool { return v.Status != "" && v.Status.Effect() != code.Elsewhere }

func (t PayoutStatus) is(endToEndID, instructionID string) bool {
	if t.EndToEndID != "" && t.EndToEndID != notProvided {
		return t.EndToEndID == endToEndID
	}
	return t.InstructionID != "" && t.InstructionID == instructionID
}
