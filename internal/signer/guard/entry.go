package guard

import (
	"encoding/hex"
	"errors"

	"sluice/internal/bank/iban"
	"sluice/internal/rail"
	"sluice/internal/signer"
)

// The kinds of entries.
const (
	kindBind   = "bind"   // a slot was given to outputs, or to a cancel
	kindAgain  = "again"  // a slot was signed again
	kindStop   = "stop"   // the stop file was there
	kindResume = "resume" // it was gone again
	kindNext   = "next"   // the log goes on in the next file
	kindAlive  = "alive"  // nothing was signed for a day, or the log is written again after an error
	// What an operator decided: see Correct.
	kindClock = "clock"
	kindFence = "fence"
	kindNonce = "nonce"
	kindCoins = "coins"
)

// entry is one fact of the log. Everything that the state is made of is in it, and
// what a person wants to know about it later.
type entry struct {
	Kind    string   `json:"kind"`
	At      int64    `json:"at"` // milliseconds since 1970
	Network string   `json:"network,omitempty"`
	Wallet  string   `json:"wallet,omitempty"` // purse
	Fence   int64    `json:"fence,omitempty"`
	Nonce   *uint64  `json:"nonce,omitempty"`
	Order   string   `json:"order,omitempty"`  // id of a message to a bank
	Moment  string   `json:"moment,omitempty"` // when the order was made and is to be executed
	Coins   []string `json:"coins,omitempty"`
	Amounts []string `json:"amounts,omitempty"` // of the coins, in minor units, where the log had none yet
	Digest  string   `json:"digest,omitempty"`
	Bound   string   `json:"bound,omitempty"`
	Cancel  bool     `json:"cancel,omitempty"`
	Change  string   `json:"change,omitempty"` // what goes back to the wallet, in minor units
	Fee     string   `json:"fee,omitempty"`    // the most it may cost, in minor units
	Tx      string   `json:"tx,omitempty"`     // names exactly what was signed: signer.Unsigned.Hash
	Payouts []payout `json:"payouts,omitempty"`
	Note    string   `json:"note,omitempty"` // why, by whom, for a person
}

type payout struct {
	Ref   string `json:"ref"`
	Asset string `json:"asset"`
	To    string `json:"to"`
	Token string `json:"token,omitempty"`
	Minor string `json:"minor"`
	// Approval is the id of the proof that this payout used up.
	Approval string `json:"approval,omitempty"`
	Memo     string `json:"memo,omitempty"` // see signer.Output
}

// payoutOf is what the log keeps of an output. Of a bank account it keeps the country and
// the last four characters, like everybody else; the hash of the file binds all of it.
func (n Network) payoutOf(o signer.Output) payout {
	to := o.To
	if number, err := iban.Parse(string(to)); n.Account != "" && err == nil {
		to = []byte(rail.Hide(number.Ends()))
	}
	return payout{Ref: o.Ref, Asset: o.Asset, To: hex.EncodeToString(to), Token: hex.EncodeToString(o.Token), Minor: o.Amount.Minor(), Memo: o.Memo}
}

var (
	errOrder  = errors.New("the entries are not in the order of time")
	errKind   = errors.New("an entry of a kind that this version does not know")
	errDigest = errors.New("an entry has no digest")
	errAmount = errors.New("an entry gives a coin a second amount, or has another number of them than of coins")
)

func parseDigest(text string) (digest, error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(digest{}) {
		return digest{}, errDigest
	}
	return digest(raw), nil
}
