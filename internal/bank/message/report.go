package message

import (
	"time"

	"sluice/internal/bank/code"
	"sluice/internal/money"
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

// File is one message of a bank. A file that a bank sends holds one or several.
type File struct {
	Kind      Kind
	Version   string // like "camt.053.001.08"; "" if the message does not say
	Index     int    // place in the file, from 0
	MessageID string
	CreatedAt time.Time      // zero if the message does not say or says it unreadably
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

// Account is what a message says about one account: a statement, a notification or an
// intraday report.
type Account struct {
	Index          int // place in the message, from 0
	ID             string
	Created        string // CreDtTm, as the bank wrote it
	Period         string // FrToDt, as the bank wrote it
	Sequence       uint64 // ElctrncSeqNb; 0 if there is none
	Legal          uint64 // LglSeqNb; 0 if there is none
	Page           Page   // of the statement; of the message where that says so: see Sift
	Copy           string // COPY, CODU or DUPL: repeats what was sent before
	Number         string // IBAN or what the bank calls the account, without blanks
	Currency       string // of the account; "" if the message does not say
	Owner          string
	Balances       []Balance
	Entries        []Entry // only what Read was asked for
	CountSaid      int     // entries by the message's own summary
	CountSaidKnown bool    // false without a summary
	Sums           Sums    // of the entries

	// What Sift makes of it.
	Left    string // why nothing of it is used; "" for one of ours
	OldSign bool   // reversals carry the side of what they undo
}

// Sums is what the entries of a part amount to. Money is that of booked entries in euro.
type Sums struct {
	Entries    int // all of them
	Details    int
	Foreign    int          // booked in another currency
	In, Out    money.Amount // reversals too, on the side that the bank wrote
	ReversedIn money.Amount // the reversals among In
	ReversedOut,
	Total money.Amount // In and Out
	First, Last Day  // days of booking; "" without one
	Unique      bool // every entry has a reference of the bank that can be unique
	// Content is the same for parts with the same entries, in whatever order.
	Content [32]byte
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
	ServicerRef string // AcctSvcrRef: the bank's own reference; "" for a placeholder
	Code        TransactionCode
	Batches     []BatchInfo
	Charges     []money.Amount // what the bank says it charged in Amount: sums, each a reading
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

// Detail is one payment inside an entry. References are "" where the bank wrote a
// placeholder.
type Detail struct {
	Index         int // place in the entry, from 0
	MessageID     string
	BatchID       string // PmtInfId
	InstructionID string
	EndToEndID    string
	TransactionID string
	UETR          string
	ServicerRef   string
	Amount        money.Amount   // in the currency of the entry
	Known         bool           // the detail has an amount in the currency of the entry
	Charges       []money.Amount // like those of an entry
	Side          Side           // as the bank wrote it; the entry's side counts
	Debtor        Counterparty
	Creditor      Counterparty
	Texts         []string // unstructured remittance
	References    []string // structured ones
	Purpose       string
	Return        *Return
	Code          TransactionCode
	Text          string // AddtlTxInf

	amounts, charges []*node // until the currency of the entry is known
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
