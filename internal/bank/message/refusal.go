package message

import "fmt"

// Cause says what kind of reason a file is refused for. It is stable.
type Cause string

// The causes.
const (
	TooLarge      Cause = "too_large"      // more bytes, entries or depth than the limits allow
	Hostile       Cause = "hostile"        // a document type, entities, a second XML declaration
	BadEncoding   Cause = "bad_encoding"   // characters that are not what the file says they are
	Truncated     Cause = "truncated"      // the file ends in the middle
	Malformed     Cause = "malformed"      // no XML, or values that cannot be what they should be
	UnknownKind   Cause = "unknown_kind"   // no message that we read
	WrongAccount  Cause = "wrong_account"  // about an account that is not ours
	WrongCurrency Cause = "wrong_currency" // about other money than the account holds
	Unbalanced    Cause = "unbalanced"     // opening balance and entries do not make the closing balance
	Incomplete    Cause = "incomplete"     // other numbers of entries than the file itself says
	NoFile        Cause = "no_file"        // a folder, a link, or what is left of an upload
)

// Refusal is why a whole file is refused. Nothing of it may be used; the file is
// kept for a person.
type Refusal struct {
	Cause Cause
	Text  string // one sentence for a person
	Line  int    // in the file; 0 where it has no place
}

// Error implements error.
func (r *Refusal) Error() string {
	if r.Line > 0 {
		return fmt.Sprintf("the bank's file is refused (%s, line %d): %s", r.Cause, r.Line, r.Text)
	}
	return fmt.Sprintf("the bank's file is refused (%s): %s", r.Cause, r.Text)
}

func refuse(cause Cause, format string, args ...any) *Refusal {
	return &Refusal{Cause: cause, Text: fmt.Sprintf(format, args...)}
}
