package utxo_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"sluice/internal/rail"
	"sluice/internal/rail/node"
	"sluice/internal/rail/railtest"
	"sluice/internal/rail/utxo"
)

// tampering is a node with a tamper before it.
type tampering struct {
	utxo.Node
	f railtest.Tamper
}

// Call implements utxo.Node.
func (w tampering) Call(ctx context.Context, result any, method string, params ...any) error {
	q := railtest.Question{Method: method}
	for _, p := range params {
		raw, err := json.Marshal(p)
		if err != nil {
			return err
		}
		q.Params = append(q.Params, raw)
	}
	raw, err := w.f(ctx, q, func() (raw json.RawMessage, err error) {
		err = w.Node.Call(ctx, &raw, method, params...)
		return raw, err
	})
	if err != nil || result == nil {
		return err
	}
	return json.Unmarshal(raw, result)
}

// wires is how the suite gets between the rail and its node.
func (w *world) wires() *railtest.Wires {
	const elsewhere = "000000000000000000000000000000000000000000000000000000000000beef"
	refuse := &node.Refusal{Code: -1, Message: "Block not available (pruned data)"}
	return &railtest.Wires{
		Open: func(t *testing.T, f railtest.Tamper) rail.Rail {
			t.Helper()
			conf := w.conf
			conf.Patience = time.Second
			r, err := utxo.New(conf, tampering{w.Node, f})
			must(t, err)
			return r
		},
		OtherChain: func(_ context.Context, q railtest.Question, ask func() (json.RawMessage, error)) (json.RawMessage, error) {
			if q.Method == "getblockhash" && string(q.Params[0]) == "0" {
				return json.RawMessage(`"` + elsewhere + `"`), nil
			}
			return ask()
		},
		Pruned: func(_ context.Context, q railtest.Question, ask func() (json.RawMessage, error)) (json.RawMessage, error) {
			if q.Method == "getblock" {
				return nil, refuse
			}
			return ask()
		},
		Send:    "sendrawtransaction",
		Scalars: nil,
		Refusals: []railtest.Said{
			{Words: "txn-already-in-mempool", Code: ""},
			{Words: "Transaction already in block chain", Code: ""},
			{Words: "txn-mempool-conflict", Code: "look"},
			{Words: "insufficient fee, rejecting replacement", Code: "look"},
			{Words: "bad-txns-inputs-missingorspent", Code: "look"},
			{Words: "min relay fee not met, 110 < 5500", Code: rail.CodeLowFee},
			{Words: "mempool min fee not met, 110 < 5500", Code: rail.CodeLowFee},
			{Words: "mempool full", Code: rail.CodePoolFull},
			{Words: "too-long-mempool-chain, too many unconfirmed ancestors [limit: 25]", Code: rail.CodePoolFull},
		},
	}
}
