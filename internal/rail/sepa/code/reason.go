package code

// Audience says who can do something about a reason.
type Audience int

// The audiences.
const (
	User     Audience = iota // the user can correct something
	Operator                 // the user cannot: an operator must look
	Neutral                  // the user is told no details: law, blocking, death
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
	// Open says that a rejection for this reason is no proof that nothing was paid: a
	// duplicate is evidence of an earlier one that may be alive, and after a time-out
	// nobody knows yet. Money that comes back is back all the same.
	Open bool
}

// The texts that several codes share.
const (
	textInternal = "We could not send the payment. We are looking into it."
	textNeutral  = "The payment could not be made. Please contact us."
	textDeclined = "The bank declined the payment without giving a reason. Please check the account or use another one."
	textAccount  = "The bank account number is not valid. Please check it."
	textClosed   = "This bank account is closed. Please add another one."
	textBlocked  = "This account cannot receive the payment. Please use another one."
	textKind     = "This account cannot receive this kind of payment. Please use another one."
	textBank     = "The recipient's bank cannot be reached for this kind of payment. Please use an account at another bank."
	textName     = "The name does not fit the bank account. Please check both."
	textLater    = "The recipient's bank did not answer in time. We are looking into it."
)

// reasons is the table. Meanings follow the ISO external code sets and EPC135-18;
// texts are our own words.
var reasons = map[string]Reason{
	"AB05": {Meaning: "time-out at the creditor's bank", Text: textLater, Audience: Operator, Open: true},
	"AB06": {Meaning: "time-out at the instructed bank", Text: textLater, Audience: Operator, Open: true},
	"AB07": {Meaning: "the creditor's bank is not online", Text: textLater, Audience: Operator},
	"AB08": {Meaning: "the creditor's bank is offline", Text: textLater, Audience: Operator},
	"AB09": {Meaning: "error at the creditor's bank", Text: textDeclined, Audience: Operator},
	"AB10": {Meaning: "error at the instructed bank", Text: textInternal, Audience: Operator},
	"AC01": {Meaning: "account number incorrect", Text: textAccount},
	"AC02": {Meaning: "our own account number is not valid at this bank", Text: textInternal, Audience: Operator},
	"AC03": {Meaning: "the creditor's account number is not valid", Text: textAccount},
	"AC04": {Meaning: "account closed", Text: textClosed},
	"AC05": {Meaning: "our own account is closed", Text: textInternal, Audience: Operator},
	"AC06": {Meaning: "account blocked", Text: textBlocked},
	"AC07": {Meaning: "the creditor's account is closed", Text: textClosed},
	"AC13": {Meaning: "wrong kind of debtor account", Text: textInternal, Audience: Operator},
	"AC14": {Meaning: "wrong kind of creditor account", Text: textKind},
	"AG01": {Meaning: "transfers are not allowed on this account", Text: textKind},
	"AG02": {Meaning: "bank operation code not valid", Text: textInternal, Audience: Operator},
	"AG03": {Meaning: "kind of transaction not supported", Text: textInternal, Audience: Operator},
	"AG09": {Meaning: "the payment was not received", Text: textInternal, Audience: Operator},
	"AG10": {Meaning: "the bank is suspended", Text: textBank},
	"AG11": {Meaning: "the creditor's bank is suspended", Text: textBank},
	"AGNT": {Meaning: "wrong bank in the payment", Text: textBank, Audience: Operator},
	"AM01": {Meaning: "amount is zero", Text: textInternal, Audience: Operator},
	"AM02": {Meaning: "amount above the limit", Text: "The amount is above what the bank allows. Please choose a smaller one."},
	"AM03": {Meaning: "currency not supported", Text: textInternal, Audience: Operator},
	"AM04": {Meaning: "not enough money on our account", Text: textInternal, Audience: Operator},
	"AM05": {Meaning: "duplicate", Text: textInternal, Audience: Operator, Open: true},
	"AM06": {Meaning: "amount too low", Text: "The amount is too small. Please choose a larger one."},
	"AM07": {Meaning: "the money is blocked", Text: textNeutral, Audience: Neutral},
	"AM09": {Meaning: "wrong amount", Text: textInternal, Audience: Operator},
	"AM10": {Meaning: "the control sum does not fit", Text: textInternal, Audience: Operator},
	"AM14": {Meaning: "amount above the agreed limit", Text: "The amount is above what the bank allows. Please choose a smaller one."},
	"AM18": {Meaning: "number of transactions not valid", Text: textInternal, Audience: Operator},
	"AM23": {Meaning: "amount above the settlement limit", Text: textInternal, Audience: Operator},
	"ARDT": {Meaning: "already returned", Text: textInternal, Audience: Operator},
	"BE01": {Meaning: "name and account do not belong together", Text: textName},
	"BE04": {Meaning: "the creditor's address is missing or wrong", Text: "Your address is missing or not complete. Please check it."},
	"BE05": {Meaning: "we are not known as initiating party", Text: textInternal, Audience: Operator},
	"BE06": {Meaning: "the recipient is not known at this bank", Text: textName},
	"BE07": {Meaning: "our own address is missing", Text: textInternal, Audience: Operator},
	"CERI": {Meaning: "check of the extended remittance information failed", Text: textInternal, Audience: Operator},
	"CH03": {Meaning: "execution date too far away", Text: textInternal, Audience: Operator},
	"CH16": {Meaning: "the content is not valid", Text: textInternal, Audience: Operator},
	"CNOR": {Meaning: "the creditor's bank is not registered", Text: textBank},
	"CURR": {Meaning: "currency not supported", Text: textInternal, Audience: Operator},
	"CUST": {Meaning: "at the customer's request", Text: "The recipient sent the payment back."},
	"DNOR": {Meaning: "our bank is not registered", Text: textInternal, Audience: Operator},
	"DS02": {Meaning: "the order was cancelled", Text: textInternal, Audience: Operator},
	"DS0H": {Meaning: "the signer may not sign for this account", Text: textInternal, Audience: Operator},
	"DT01": {Meaning: "date not valid", Text: textInternal, Audience: Operator},
	"DT02": {Meaning: "creation date not valid", Text: textInternal, Audience: Operator},
	"DU01": {Meaning: "message id not unique", Text: textInternal, Audience: Operator, Open: true},
	"DU02": {Meaning: "payment information id not unique", Text: textInternal, Audience: Operator, Open: true},
	"DU03": {Meaning: "transaction not unique", Text: textInternal, Audience: Operator, Open: true},
	"DU04": {Meaning: "end-to-end id not unique", Text: textInternal, Audience: Operator, Open: true},
	"DU05": {Meaning: "instruction id not unique", Text: textInternal, Audience: Operator, Open: true},
	"DUPL": {Meaning: "duplicate", Text: textInternal, Audience: Operator, Open: true},
	"ED05": {Meaning: "settlement failed", Text: textInternal, Audience: Operator},
	"ERIN": {Meaning: "extended remittance information not supported", Text: textInternal, Audience: Operator},
	"FF01": {Meaning: "file format not valid", Text: textInternal, Audience: Operator},
	"FF05": {Meaning: "local instrument not valid", Text: textInternal, Audience: Operator},
	"FF10": {Meaning: "file cannot be processed for technical reasons", Text: textInternal, Audience: Operator},
	"FOCR": {Meaning: "sent back after a recall", Text: "The payment was called back and the money is here again."},
	"FR01": {Meaning: "fraud suspected", Text: textNeutral, Audience: Neutral},
	"FRAD": {Meaning: "recalled as fraudulent", Text: textNeutral, Audience: Neutral},
	"LEGL": {Meaning: "legal decision", Text: textNeutral, Audience: Neutral},
	"MD07": {Meaning: "the recipient has died", Text: textNeutral, Audience: Neutral},
	"MS02": {Meaning: "declined by the customer, without a reason", Text: textDeclined},
	"MS03": {Meaning: "declined by the bank, without a reason", Text: textDeclined},
	"NARR": {Meaning: "see the text that comes with it", Text: textDeclined, Audience: Operator},
	"NERI": {Meaning: "extended remittance information missing", Text: textInternal, Audience: Operator},
	"NOAS": {Meaning: "the recipient did not answer the recall", Text: textInternal, Audience: Operator},
	"NOOR": {Meaning: "the original payment was never received", Text: textInternal, Audience: Operator},
	"RC01": {Meaning: "BIC not valid", Text: "The bank identifier is not valid. Please check it."},
	"RC04": {Meaning: "the creditor's bank identifier is not valid", Text: "The bank identifier is not valid. Please check it."},
	"RC07": {Meaning: "the creditor's BIC is not valid", Text: "The bank identifier is not valid. Please check it."},
	"RC11": {Meaning: "intermediary bank not valid", Text: textInternal, Audience: Operator},
	"RR01": {Meaning: "debtor data missing, which law asks for", Text: textNeutral, Audience: Neutral},
	"RR02": {Meaning: "debtor name or address missing, which law asks for", Text: textNeutral, Audience: Neutral},
	"RR03": {Meaning: "creditor name or address missing, which law asks for", Text: textNeutral, Audience: Neutral},
	"RR04": {Meaning: "regulatory reason", Text: textNeutral, Audience: Neutral},
	"RR12": {Meaning: "identification missing, which law asks for", Text: textNeutral, Audience: Neutral},
	"TECH": {Meaning: "technical problem, payment sent by mistake", Text: textInternal, Audience: Operator},
	"TM01": {Meaning: "received after the cut-off", Text: textInternal, Audience: Operator},
	"UPAY": {Meaning: "payment is not due", Text: textInternal, Audience: Operator},
}

// ReasonOf explains a reason code of a bank. An unknown code, a bank's own, and
// none at all read like MS03: declined without a reason; Code keeps what was there.
func ReasonOf(code string) Reason {
	r, ok := reasons[code]
	if !ok {
		r = reasons["MS03"]
		r.Meaning = "a reason that is not on the list of ISO 20022"
		if code == "" {
			r.Meaning = "the bank gave no reason"
		}
	}
	r.Code = code
	return r
}
