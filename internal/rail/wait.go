package rail

import "errors"

// The codes of Wait, which a withdrawal shows as its attention.
const (
	CodeSilent     = "node_unavailable" // the node does not answer, or does not know the present
	CodeBusy       = "node_busy"        // the node asks for patience
	CodeRefuses    = "node_refuses"     // the node's answer is no, for a reason of its own
	CodeIncomplete = "node_incomplete"  // the node's answer lacks something, or contradicts itself
	CodePruned     = "node_lacks_history"
	CodeWrongChain = "node_on_wrong_chain"
	CodeConfig     = "rail_config"    // the network is not as it is configured
	CodeNoFinality = "no_final_block" // nothing is sent before the node names a final block
	CodeLookAgain  = "looked_at_again"
	CodeLowFee     = "fee_too_low"  // the node takes nothing at the price that was offered
	CodeHighFee    = "fee_too_high" // the network asks for more than may be offered
	CodeFeeCap     = "fee_above_node_limit"
	CodeFeeModel   = "fee_model" // the network takes other transactions than those that are made
	CodeGasLimit   = "gas_limit" // the transaction wants more gas than a block has
	CodePoolFull   = "pool_full"
	CodeNotYet     = "not_yet" // the text says for what it waits
	CodeNoFunds    = "wallet_out_of_funds"
	CodeNoGas      = "wallet_out_of_gas"
)

// PassingCodes are all of them: what a withdrawal shows with one of them is over once the
// network has answered.
var PassingCodes = []string{
	CodeSilent, CodeBusy, CodeRefuses, CodeIncomplete, CodePruned, CodeWrongChain, CodeConfig, CodeNoFinality, CodeLookAgain, CodeLowFee, CodeHighFee,
	CodeFeeCap, CodeFeeModel, CodeGasLimit, CodePoolFull, CodeNotYet, CodeNoFunds, CodeNoGas,
}

// EverybodyWaits tells whether a code concerns all payouts of a wallet, and not the one
// that it was found with.
func EverybodyWaits(code string) bool {
	switch code {
	case CodeSilent, CodeBusy, CodeWrongChain, CodeConfig, CodeNoFinality, CodeHighFee, CodeFeeModel:
		return true
	}
	return false
}

// Wait is why a rail cannot go on now. Nothing is decided by it: whatever was held stays
// held. It counts as ErrUnavailable.
type Wait struct {
	Code string // stable
	// Text is for everybody, merchants included: it names no node and repeats no words of one.
	Text string
	// Cause is for the operator: what was asked, and what came back, without secrets. It
	// may be nil.
	Cause error
}

// Error implements error, for the operator: the cause, or the text where that says it all.
func (w *Wait) Error() string {
	if w.Cause == nil {
		return w.Text
	}
	return w.Cause.Error()
}

// Is makes every Wait an ErrUnavailable.
func (w *Wait) Is(target error) bool { return target == ErrUnavailable }

// Unwrap returns the cause.
func (w *Wait) Unwrap() error { return w.Cause }

// Why returns the code and the text that a withdrawal shows while err keeps it; ok is
// false for an error that is no Wait.
func Why(err error) (code, text string, ok bool) {
	var w *Wait
	if errors.As(err, &w) {
		return w.Code, w.Text, true
	}
	if errors.Is(err, ErrUnavailable) {
		return CodeSilent, TextSilent, true
	}
	return "", "", false
}

// TextSilent is what merchants read while a node does not answer.
const TextSilent = "the network does not answer; the withdrawal waits, its money stays held"

// NotNow makes a reason to wait the answer of Feasible; other errors stay errors.
func NotNow(f Feasibility, err error) (Feasibility, error) {
	code, text, ok := Why(err)
	if !ok {
		return f, err
	}
	return Feasibility{Code: code, Reason: text, Cause: err}, nil
}

// Has tells whether an error is a Wait with a code.
func Has(err error, code string) bool {
	got, _, ok := Why(err)
	return ok && got == code
}
