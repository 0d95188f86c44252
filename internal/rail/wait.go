package rail

import "errors"

// The codes of Wait, which a withdrawal shows as its attention. Rails add their own.
const (
	CodeSilent     = "node_unavailable" // the node does not answer, or not with anything that can be used
	CodeBusy       = "node_busy"        // the node asks for patience
	CodeRefuses    = "node_refuses"     // the node's answer is no, for a reason of its own
	CodeIncomplete = "node_incomplete"  // the node's answer lacks something, or contradicts itself
	CodeWrongChain = "node_on_wrong_chain"
	CodeNoFinality = "no_final_block" // nothing is sent before the node names a final block
	CodeLowFee     = "fee_too_low"    // the node takes nothing at the price that was offered
	CodeHighFee    = "fee_too_high"   // the network asks for more than may be offered
	CodeGasLimit   = "gas_limit"      // the transaction wants more gas than a block has
	CodeNotYet     = "not_yet"        // the text says for what it waits
	CodeNoFunds    = "wallet_out_of_funds"
	CodeNoGas      = "wallet_out_of_gas"
)

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
