package credential

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"sluice/internal/fault"
)

// Option is something that can be chosen for a credential.
type Option struct {
	Name   string
	Values []string // the first is the default; empty: any text up to maxOption bytes
	Doc    string
}

// Default is what holds when nothing is chosen.
func (o Option) Default() string {
	if len(o.Values) == 0 {
		return ""
	}
	return o.Values[0]
}

// maxOption bounds the value of an option that is a free text.
const maxOption = 500

// The dialects.
const (
	CoinsPaid = "coinspaid"
	Tylt      = "tylt"
	Upvest    = "upvest"
)

// NoOptions is the stored form of options where all are as by default and an empty text
// would mean something else.
const NoOptions = "{}"

// Values of options that are on or off.
var (
	offOn = []string{"off", "on"}
	onOff = []string{"on", "off"}
)

// PaysFromOwn reports whether a dialect pays from the merchant's own account: it needs one.
func PaysFromOwn(dialect string) bool { return dialect == CoinsPaid || dialect == Tylt }

// Dialects says what can be chosen in each dialect.
var Dialects = map[string][]Option{
	CoinsPaid: {
		{"generation", []string{"new", "old"}, "the wire of the documents since 2024, or of those before: order of the answer, form of conversions, words for fees, schedule of retries"},
		{"confirm_on", []string{"final", "broadcast"}, "when the callback confirmed is sent: when the payment is final, or when the network has it"},
		{"not_confirmed", offOn, "send callbacks with the status not_confirmed too"},
		{"omit_null_txid", offOn, "leave txid out of a callback where there is none, instead of null"},
		{"callback_words", []string{"lists", "samples"}, "names of fees and the type of confirmations: as in the vendor's lists (fee_crypto_withdrawal, \"12\"), or as in its samples (mining, withdrawal, 12)"},
		{"require_parties", offOn, "refuse a withdrawal without end_user_reference, sender_type and receiver_type"},
	},
	Tylt: {
		{"strict", offOn, "check signatures over the raw body or the raw query only"},
		{"base", []string{"price", "exchange"}, "a payout named in another currency than it settles in: price takes the settled currency's balance and uses the other one to compute the amount only, as the vendor does; exchange takes that other currency's balance and exchanges it"},
		{"unpaid", []string{"own", "failed"}, "what a payout is called that was cancelled or rejected: Cancelled and Rejected, or Failed as one that was not paid"},
		{"retries", onOff, "send a callback again until it is acknowledged"},
	},
	Upvest: {
		{"returned", []string{"cancelled", "confirmed"}, "what a withdrawal is that a bank gave back after it was paid: CANCELLED with the reason CANCELLED_BY_BANK, as the vendor has it, or CONFIRMED with a cash transaction"},
		{"service", []string{"normal", "instant"}, "how withdrawals leave: as normal credit transfers, or as instant ones, where amount and bank allow"},
	},
}

// Names lists the dialects in alphabetical order.
func Names() []string { return slices.Sorted(maps.Keys(Dialects)) }

// options gives the stored form of what was chosen before and is chosen now.
func options(dialect string, before, now map[string]string) (string, error) {
	all := maps.Clone(before)
	if all == nil {
		all = map[string]string{}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		value := now[name]
		i := slices.IndexFunc(Dialects[dialect], func(o Option) bool { return o.Name == name })
		if i < 0 {
			return "", fault.Bad("unknown_option", "options."+name, "is not an option of %s; there are %s", dialect, strings.Join(optionNames(dialect), ", "))
		}
		o := Dialects[dialect][i]
		switch {
		case value == "" || value == o.Default():
			delete(all, name)
			continue
		case len(o.Values) > 0 && !slices.Contains(o.Values, value):
			return "", fault.Bad("invalid_option", "options."+name, "must be %s", strings.Join(o.Values, " or "))
		case len(value) > maxOption:
			return "", fault.Bad("invalid_option", "options."+name, "has at most %d bytes", maxOption)
		}
		all[name] = value
	}
	if len(all) == 0 {
		return "", nil
	}
	b, err := json.Marshal(all)
	return string(b), err
}

func optionNames(dialect string) []string {
	var out []string
	for _, o := range Dialects[dialect] {
		out = append(out, o.Name)
	}
	return out
}
