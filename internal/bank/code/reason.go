package code

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed reasons.txt
var reasonFile string

// Audience says who can do something about a reason.
type Audience int

// The audiences.
const (
	User     Audience = iota // the user can correct something
	Operator                 // the user cannot: an operator must look
	Neutral                  // the user reads no details: law, blocking, death
)

// Proof says what a rejection for a reason proves.
type Proof string

// The proofs.
const (
	Unlisted      Proof = ""        // the code is not on the list: nothing
	Open          Proof = "open"    // the payment may be paid, or may be later, whatever else is said
	Silent        Proof = "silent"  // nothing; another reason beside it may
	ProvesPayment Proof = "payment" // said of a payment, that it is not and will not be paid; of a file or a batch, nothing
	Proves        Proof = "unpaid"  // that nothing was or will be paid
)

// Reason is why a bank rejected a payment or sent it back, as an ISO
// ExternalStatusReason1Code or ExternalReturnReason1Code.
type Reason struct {
	Code string // as the bank wrote it; may be unknown or a bank's own
	// Meaning is for operators and logs.
	Meaning string
	// Text is for the user who waits for the money: one or two sentences in English
	// without banking terms.
	Text     string
	Audience Audience
	// Proof is what a rejection for this reason proves. Money that comes back is back
	// whatever it says.
	Proof Proof
}

// texts are what users read, by the third column of reasons.txt.
var texts = map[string]struct {
	text string
	to   Audience
}{
	"internal": {"We could not send the payment. We are looking into it.", Operator},
	"later":    {"The recipient's bank did not answer in time. We are looking into it.", Operator},
	"neutral":  {"The payment could not be made. Please contact us.", Neutral},
	"declined": {"The bank declined the payment without giving a reason. Please check the account or use another one.", User},
	"account":  {"The bank account number is not valid. Please check it.", User},
	"closed":   {"This bank account is closed. Please add another one.", User},
	"blocked":  {"This account cannot receive the payment. Please use another one.", User},
	"kind":     {"This account cannot receive this kind of payment. Please use another one.", User},
	"bank":     {"The recipient's bank cannot be reached for this kind of payment. Please use an account at another bank.", User},
	"name":     {"The name does not fit the bank account. Please check both.", User},
	"address":  {"Your address is missing or not complete. Please check it.", User},
	"bic":      {"The bank identifier is not valid. Please check it.", User},
	"above":    {"The amount is above what the bank allows. Please choose a smaller one.", User},
	"small":    {"The amount is too small. Please choose a larger one.", User},
	"customer": {"The recipient sent the payment back.", User},
	"recalled": {"The payment was called back and the money is here again.", User},
}

var reasons = func() map[string]Reason {
	list := map[string]Reason{}
	for line := range strings.Lines(reasonFile) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.SplitN(line, " ", 4)
		if len(f) < 4 {
			panic(fmt.Sprintf("reasons.txt: %q has not four columns", line))
		}
		text, ok := texts[f[2]]
		proof := Proof(f[1])
		if _, twice := list[f[0]]; twice || !ok || proof != Open && proof != Silent && proof != ProvesPayment && proof != Proves {
			panic(fmt.Sprintf("reasons.txt: %q is there twice, or has an unknown proof or text", line))
		}
		list[f[0]] = Reason{Code: f[0], Meaning: f[3], Text: text.text, Audience: text.to, Proof: proof}
	}
	return list
}()

// ReasonOf explains a reason code of a bank. An unknown code, a bank's own, and
// none at all read like MS03, declined without a reason, and prove nothing; Code keeps
// what was there.
func ReasonOf(code string) Reason {
	r, ok := reasons[code]
	if !ok {
		r = reasons["MS03"]
		r.Meaning, r.Proof = "a reason that is not on the list of ISO 20022", Unlisted
		if code == "" {
			r.Meaning = "the bank gave no reason"
		}
	}
	r.Code = code
	return r
}
