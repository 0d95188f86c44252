// Package bank is what is kept about payments at banks: the files that were
// handed over and what became of each of their payments, every file that a bank sent,
// every booking in it, the statements, and the list of bookings that nobody here
// ordered (suspense). What the answers mean is decided by package match; here it is
// loaded, applied, and written by commands of the operator's shard.
//
// Nothing that a bank books is dropped: a booking of a statement is part of a payment
// of ours, or it is in suspense until a person resolves it. The same booking counts
// once, whatever files repeat it and in whatever order they come. It is known again by
// a reference that the bank makes unique, else by its place in a statement; and never if
// the balances prove that it is another one: see identity.go.
package bank

import (
	"strconv"
	"time"

	"sluice/internal/bank/match"
	"sluice/internal/bank/message"
	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/money"
)

// Shard is where everything about banks lives: the operator's.
const Shard id.Shard = 0

// Currency is what the accounts hold.
var Currency = message.Euro

// FileState says what became of a file of a bank.
type FileState string

// The states of files.
const (
	FileBegun   FileState = "begun"   // kept; its content is being taken in
	FileTaken   FileState = "taken"   // everything in it was taken in
	FileRefused FileState = "refused" // nothing of it was used; a person should look
)

// File is a file that a bank sent.
type File struct {
	Hash      string // SHA-256 of its bytes, in hex; of name and size for one that is too large to be read
	Seq       id.Seq
	Wallet    string // public id of the wallet whose channel it came through
	Name      string
	Kind      string // a message.Kind; "" for one that could not be read
	MessageID string
	State     FileState
	Reason    string // of FileRefused why; of FileTaken what of it was not used or was known
	Size      int64  // in bytes
	Entries   int64  // bookings or payments that it tells of
	Problems  int64  // alerts and suspended bookings that it led to
	CreatedAt time.Time
	DoneAt    time.Time // zero while begun
	Version   int64
}

// Files is the table of files.
var Files = commit.NewTable("bank_file", func(f *File) string { return f.Hash })

// FileBytes is what was in a file: packed, and sealed where the installation has keys.
// It is written once.
type FileBytes struct {
	Seq    id.Seq
	Hash   string
	Sealed bool
	Raw    []byte
}

// Bytes is the log of files' contents.
var Bytes = commit.NewLog[FileBytes]("bank_file_bytes")

// Order is a file of payments that was handed over, or is about to be.
type Order struct {
	ID        string // MsgId
	Seq       id.Seq
	Wallet    string // public id
	Service   string
	Day       string // of execution, as 2026-11-20
	Count     int64
	Total     money.Amount
	Waiting   []byte    // bookings of the whole that do not fit yet; see encodeBookings
	HandedAt  time.Time // when the bank could take it for the first time; zero before
	CreatedAt time.Time
	Version   int64
}

// Orders is the table of orders.
var Orders = commit.NewTable("bank_order", func(o *Order) string { return o.ID })

// PaymentKey names a payment by its place in its order.
type PaymentKey struct {
	Order string
	Place int64
}

// Payment is one payment of an order and what is known of it; see match.Payment.
type Payment struct {
	PaymentKey
	EndToEnd    string
	Batch       string
	Instruction string
	Shard       int64 // of the withdrawal it pays
	Withdrawal  id.Seq
	Amount      money.Amount
	Creditor    string // the mark of the recipient's account: see Book.marks
	Account     []byte // the recipient's account, sealed; nil in rows of older versions and without keys
	State       match.State
	Status      string
	Payee       string // what the verification of the payee found; a code.Payee
	ServicerRef string
	Rejected    bool
	Reason      string
	Evidence    []byte       // which bookings say that money moved; see encodeEvidence
	Back        money.Amount // what came back, once it is returned
	BackReason  string       // code of the bank
	Told        bool         // the return was told to its withdrawal
	UpdatedAt   time.Time
	Version     int64
}

// Payments is the table of payments.
var Payments = commit.NewTable("bank_payment", func(p *Payment) PaymentKey { return p.PaymentKey })

// Name leads from a name that a bank may use to the order that it means; see
// match.Order.Names. The first order with a name keeps it. Names are folded, so that case and
// blanks do not matter.
type Name struct {
	Name  string
	Order string
}

// Names is the table of names.
var Names = commit.NewTable("bank_name", func(n *Name) string { return n.Name })

// EntryState says what became of a booking.
type EntryState string

// The states of entries.
const (
	EntryNote     EntryState = "note"     // moves nothing: expected only, or a statement will tell of it again
	EntryMatched  EntryState = "matched"  // of a payment of ours
	EntrySuspense EntryState = "suspense" // waits for a person
	EntryResolved EntryState = "resolved" // a person has decided what it was
)

// Entry is a booking of a bank, or the part of one that belongs to one payment.
type Entry struct {
	Key          string // kind and message.Booking.Key: the same in every file that repeats it
	Statement    string // key of the statement it stands in; "" for other messages, and in rows of older versions
	Place        string // where in the message; see message.Booking.Place
	Seq          id.Seq
	Wallet       string
	Kind         string // a message.Kind
	File         string // hash of the first file that told of it
	Order        string // "" when it names none of ours
	EndToEnd     string
	Amount       money.Amount
	Currency     string
	Side         string
	Booked       bool
	Part         bool   // a part of another entry: not to be added up beside it
	Day          string // of booking
	State        EntryState
	Cause        string // why it is in suspense; a match.Cause
	Reason       string // the bank's code of why it came back; "" for none
	Text         string
	Counterparty string // who the other side is and what the bank says; see Book.Side
	Resolution   string
	ResolvedBy   string
	ResolvedAt   time.Time
	CreatedAt    time.Time
	Version      int64
}

// Entries is the table of entries.
var Entries = commit.NewTable("bank_entry", func(e *Entry) string { return e.Key })

// Statement is a statement with all its pages.
type Statement struct {
	Key      string // account, and a digest of balances and entries; in older rows, year and number
	Seq      id.Seq
	Wallet   string
	Ident    string // Stmt/Id: what the bank calls it. Banks use an id again
	Year     string // of its last day
	Sequence int64  // 0: the bank numbers them not. Banks use a number again
	Day      string // the last one
	State    StatementState
	// The balances are unsigned; Debit says overdrawn. They count once all pages are there.
	Opening     money.Amount
	OpeningSide string // "" if the bank does not say
	Closing     money.Amount
	ClosingSide string
	In, Out     money.Amount // booked entries of all pages so far
	Gap         bool         // the statement before it is missing, by its number
	Pages       []byte       // see page
	CreatedAt   time.Time
	Version     int64
}

// Name is what a person calls the statement: its number, else what the bank calls it.
func (s Statement) Name() string {
	if s.Sequence > 0 {
		return s.Year + "/" + strconv.FormatInt(s.Sequence, 10)
	}
	return s.Ident
}

// StatementState says whether a statement may be believed.
type StatementState string

// The states of statements.
const (
	StatementOpen       StatementState = "open"       // pages are missing
	StatementBalanced   StatementState = "balanced"   // opening balance and entries make the closing balance
	StatementUnbalanced StatementState = "unbalanced" // they do not
	StatementBare       StatementState = "bare"       // it has no balances to hold against each other
)

// Statements is the table of statements.
var Statements = commit.NewTable("bank_statement", func(s *Statement) string { return s.Key })

// Link is what statements have in common with the ones beside them: a balance at which
// one ends and the next begins, or a number. See chain.go.
type Link struct {
	Name    string
	Ends    []byte // keys of statements that end here and that no other one follows; see tip
	Starts  []byte // keys of statements that begin here and that follow no other one, or that have the number
	Version int64
}

// Links is the table of links.
var Links = commit.NewTable("bank_link", func(l *Link) string { return l.Name })

// Lump is movements that a statement tells of as a whole and another message in their
// details, known by the bank's reference. See lump.go.
type Lump struct {
	Name    string
	Parts   []byte // what other messages told, and no statement has booked; see told
	Entries string // keys of bookings of the statement that wait in suspense, as JSON
	Version int64
}

// Lumps is the table of lumps.
var Lumps = commit.NewTable("bank_lump", func(l *Lump) string { return l.Name })

// treasury is the house account of a bank account.
func treasury(wallet string) ledger.Side { return ledger.AtHouse(ledger.Treasury(wallet)) }

// entryKey names the entry of a booking.
func entryKey(kind message.Kind, key string) string { return string(kind) + "|" + key }
