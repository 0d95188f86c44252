package code

// Status is what a bank says of a payment in a pain.002, as an ISO
// ExternalPaymentTransactionStatus1Code. Banks owe us only RJCT; everything else
// is a courtesy, and its absence means nothing.
type Status string

// The statuses that mean something to us.
const (
	Received          Status = "RCVD"
	Pending           Status = "PDNG"
	SyntaxValid       Status = "ACTC"
	ProfileValid      Status = "ACCP"
	FundsChecked      Status = "ACFC"
	NeedsSignature    Status = "PATC" // some signatures are there, more are needed
	AcceptedChanged   Status = "ACWC" // accepted with a change, often of the date
	AcceptedUnposted  Status = "ACWP"
	InProcess         Status = "ACSP"
	SettledDebtor     Status = "ACSC" // settled on our side: final, but no booking
	SettledCreditor   Status = "ACCC" // the creditor has it
	PartlyAccepted    Status = "PART" // group and payment level: read the transactions
	Rejected          Status = "RJCT"
	Cancelled         Status = "CANC"
	Blocked           Status = "BLCK"
	VerifyCompleted   Status = "RCVC" // verification of payee: all names match
	VerifyMismatch    Status = "RVNM"
	VerifyClose       Status = "RVMC"
	VerifyNone        Status = "RVNA"
	VerifyMixed       Status = "RVCM"
	VerifyNotFinished Status = "RVNC"
)

// Effect is what a status asks of us.
type Effect int

// The effects.
const (
	Nothing   Effect = iota // kept as a note
	Look                    // an operator must look; money stays held
	Settled                 // final and good; money may count as paid where the operator says so
	Unpaid                  // final: it was not and will not be paid
	Elsewhere               // the levels below say
	Verified                // a result of the verification of the payee: see Status.Payee
)

// statuses gives each status its meaning, its place on the way, and its effect. A
// status with a lower place than one before it changes nothing.
var statuses = map[Status]struct {
	place  int
	effect Effect
	text   string
}{
	Received:          {1, Nothing, "the bank has received it"},
	VerifyCompleted:   {0, Verified, "the payee's name matches"},
	VerifyClose:       {0, Verified, "the payee's name matches closely"},
	VerifyMismatch:    {0, Verified, "the payee's name does not match"},
	VerifyNone:        {0, Verified, "the payee's name could not be verified"},
	VerifyMixed:       {0, Verified, "the names of several payees were verified with different results"},
	VerifyNotFinished: {1, Nothing, "the verification of the payee goes on"},
	Pending:           {2, Nothing, "the bank has not decided yet"},
	NeedsSignature:    {3, Look, "the bank waits for more signatures"},
	SyntaxValid:       {4, Nothing, "the file is well formed"},
	ProfileValid:      {5, Nothing, "the order is acceptable"},
	FundsChecked:      {6, Nothing, "the account has the money"},
	AcceptedChanged:   {7, Nothing, "accepted with a change, often of the date"},
	AcceptedUnposted:  {8, Nothing, "accepted, not yet posted to the creditor"},
	InProcess:         {9, Nothing, "the bank is executing it"},
	SettledDebtor:     {10, Settled, "settled on our side"},
	SettledCreditor:   {11, Settled, "the creditor's account has been credited"},
	PartlyAccepted:    {0, Elsewhere, "some payments were accepted, others not"},
	Rejected:          {20, Unpaid, "rejected by the bank"},
	Cancelled:         {20, Unpaid, "cancelled at the bank"},
	Blocked:           {19, Look, "blocked by the bank: ask it before anything else"},
}

// Known tells whether the status is on the list. An unknown one is kept as a note.
func (s Status) Known() bool { _, ok := statuses[s]; return ok }

// Place orders statuses: a later one is larger. 0 for an unknown status.
func (s Status) Place() int { return statuses[s].place }

// Effect is what the status asks of us; Nothing for an unknown one.
func (s Status) Effect() Effect { return statuses[s].effect }

// Text says for an operator what the status means.
func (s Status) Text() string {
	if m, ok := statuses[s]; ok {
		return m.text
	}
	return "a status that is not on the list of ISO 20022"
}

// Payee is a result of the verification of a payee (VoP): whether the name in the order
// is that of the account's holder. It says nothing about whether the payment is paid.
type Payee string

// The results.
const (
	PayeeMatch       Payee = "match"
	PayeeClose       Payee = "close"       // the bank may give the right name in the text of the report
	PayeeMismatch    Payee = "mismatch"    // another name
	PayeeUnavailable Payee = "unavailable" // not possible: the bank takes no part, or the account is closed
	PayeeMixed       Payee = "mixed"       // of an order: several results
)

var payees = map[Status]Payee{
	VerifyCompleted: PayeeMatch, VerifyClose: PayeeClose, VerifyMismatch: PayeeMismatch, VerifyNone: PayeeUnavailable, VerifyMixed: PayeeMixed,
}

// Payee is the result that the status stands for, "" if it is no such status.
func (s Status) Payee() Payee { return payees[s] }

// payeeReasons are the results as some banks write them: as a reason beside another status,
// by the scheme's own codes or those of ISO ExternalVerificationReason1Code.
var payeeReasons = map[string]Payee{
	"MTCH": PayeeMatch, "CMTC": PayeeClose, "NMTC": PayeeMismatch, "NOAP": PayeeUnavailable,
	"PN01": PayeeMismatch, "PN02": PayeeClose, "NR01": PayeeUnavailable, "NORR": PayeeUnavailable,
}

// PayeeOf is the result that a reason code stands for, "" for any other code.
func PayeeOf(reason string) Payee { return payeeReasons[reason] }
