package waiting

import "strings"

// rule says what ends a reason for which withdrawals wait.
type rule struct {
	kind Kind
	// passes: nobody has to do anything; it goes on by itself when the cause is gone.
	passes bool
	// together makes one item of all withdrawals that wait for it: one act ends it for them all.
	together func(Group) Item
	// commands end it for one withdrawal; end is what gives the withdrawal up.
	commands func(subject, end string) []string
}

// rules are the reasons that are known by name. What is not here waits for a person who
// looks at that one withdrawal.
var rules = map[string]rule{
	InReview: {kind: Review, commands: func(subject, end string) []string {
		return []string{"sluice withdrawal approve " + subject, end}
	}},

	"approval_missing":   approval,
	"approval_invalid":   approval,
	"sign_approval_old":  approval,
	"sign_approval_used": approval,

	"no_wallet":           missing("a wallet to pay from", "sluice wallet create --network NETWORK"),
	"no_wallet_key":       missing("a process that can sign for a wallet", "sluice wallet import --network NETWORK"),
	"wallet_out_of_funds": missing("money in the wallet", "sluice wallet fund-address"),
	"wallet_out_of_gas":   missing("the network's own coin in the wallet", "sluice wallet fund-address"),
	"wallet_halted":       missing("an operator's word: payouts that were final are gone from the chain", "sluice wallet resume wal_... --reason TEXT"),
	"sign_stopped":        missing("the signer, which was stopped", "sluice signer resume --policy PATH"),

	// Giving one of these up could pay it twice: somebody has to look first.
	"outcome_unknown": look,
	"sign_paid":       look,

	"gas_limit":            look,
	"rail_config":          look,
	"fee_model":            look,
	"fee_above_node_limit": look,

	"node_unavailable":    {passes: true},
	"node_busy":           {passes: true},
	"node_refuses":        {passes: true},
	"node_incomplete":     {passes: true},
	"node_lacks_history":  {passes: true},
	"node_on_wrong_chain": {passes: true},
	"no_final_block":      {passes: true},
	"looked_at_again":     {passes: true},
	"fee_too_low":         {passes: true},
	"pool_full":           {passes: true},
	"not_yet":             {passes: true},
	"signer_unavailable":  {passes: true},
	"fee_too_high":        {passes: true},
	"bank_closed":         {passes: true},
	"sign_limit_hour":     {passes: true},
	"sign_limit_day":      {passes: true},
	"sign_fence":          {passes: true},
	"not_advancing":       {passes: true},
	"waits_behind":        {passes: true},
}

var approval = rule{kind: Approval, commands: func(subject, end string) []string {
	return []string{"sluice approver sign " + subject + " --key FILE --scale DECIMALS --url URL --send", end}
}}

var look = rule{kind: Outcome, commands: func(subject, _ string) []string {
	return []string{"sluice withdrawal timeline " + subject}
}}

func missing(what, command string) rule {
	return rule{kind: Wallet, together: func(g Group) Item {
		return Item{
			Kind: Wallet, Subject: g.Network, Network: g.Network, Count: g.Count, Reason: g.Reason, Since: g.Since,
			Text: "withdrawals wait for " + what, Commands: []string{strings.ReplaceAll(command, "NETWORK", g.Network)},
		}
	}}
}

func ruleOf(reason string) rule {
	if r, ok := rules[reason]; ok {
		return r
	}
	if strings.HasPrefix(reason, "bank_") {
		return look
	}
	return rule{kind: Refusal, commands: func(_, end string) []string { return []string{end} }}
}

// Passes tells whether what waits for a reason needs no person.
func Passes(reason string) bool { return ruleOf(reason).passes }

// ToMerchant returns what a merchant reads of a reason for which a withdrawal waits. text
// is the operator's: it may name wallets, nodes, limits and what is in them, none of which
// is the merchant's. What a bank says about a payment is for both.
func ToMerchant(reason, text string) string {
	if strings.HasPrefix(reason, "bank_") {
		return text
	}
	what := "it waits for the operator"
	switch how := ruleOf(reason); {
	case reason == "node_unavailable":
		what = "the network cannot be reached at the moment; it goes on by itself"
	case reason == "waits_behind":
		what = "an earlier payout has to go first; it goes on by itself"
	case reason == "fee_too_high":
		what = "the network asks for more than the operator pays for now; it goes on by itself"
	case how.passes:
		what = "it cannot be paid at the moment; it goes on by itself"
	case how.kind == Approval:
		what = "it waits for an approval"
	case how.kind == Outcome:
		what = "whether it was paid is being looked into"
	}
	return what + ". Its money stays held"
}
