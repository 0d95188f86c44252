package evm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"

	"sluice/internal/rail"
	"sluice/internal/rail/node"
)

// This file asks a node and makes sure that what comes back answers the question: what is
// missing is never taken for a zero. The types of answers are in answer.go.

// Node is a connection to a node of a chain; *rpc.Client is one.
type Node interface {
	CallContext(ctx context.Context, result any, method string, params ...any) error
}

var _ Node = (*rpc.Client)(nil)

// caller tells the node's answers from its silence.
type caller struct{ Node }

// Call implements node.Caller.
func (c caller) Call(ctx context.Context, result any, method string, params ...any) error {
	var head heads
	err := c.CallContext(context.WithValue(ctx, headsKey{}, &head), result, method, params...)
	var coded rpc.Error
	var status rpc.HTTPError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &coded):
		return refusal(coded)
	case errors.As(err, &status):
		return byStatus(status, head.retryAfter)
	}
	return err
}

func refusal(err rpc.Error) *node.Refusal {
	out := &node.Refusal{Code: err.ErrorCode(), Message: err.Error()}
	var data rpc.DataError
	if errors.As(err, &data) {
		out.Data, _ = data.ErrorData().(string)
	}
	return out
}

// byStatus reads an answer that came with another status than success. Some nodes send
// their refusals so.
func byStatus(err rpc.HTTPError, retryAfter string) error {
	after := node.RetryAfter(retryAfter, time.Now())
	if err.StatusCode == http.StatusTooManyRequests || err.StatusCode == http.StatusServiceUnavailable && after > 0 {
		return &node.Busy{After: after, Said: fmt.Sprintf("status %d", err.StatusCode)}
	}
	var answer struct {
		Error *struct {
			Code    int
			Message string
			Data    any
		}
	}
	if json.Unmarshal(err.Body, &answer) == nil && answer.Error != nil {
		data, _ := answer.Error.Data.(string)
		return &node.Refusal{Code: answer.Error.Code, Message: answer.Error.Message, Data: data}
	}
	return fmt.Errorf("the answer has the status %d", err.StatusCode)
}

// heads is what the transport keeps of an answer's headers.
type heads struct{ retryAfter string }

type headsKey struct{}

// answerMax bounds an answer, in bytes: a full block with all its transactions, with room.
const answerMax = 64 << 20

// transport notes headers that the client library drops, and bounds answers.
type transport struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if h, ok := r.Context().Value(headsKey{}).(*heads); ok {
		h.retryAfter = res.Header.Get("Retry-After")
	}
	res.Body = http.MaxBytesReader(nil, res.Body, answerMax)
	return res, nil
}

// errNothing is the answer null: the node knows no such thing.
var errNothing = errors.New("the node knows no such thing")

// ask asks for something. The error is errNothing, a *node.Refusal, or a *rail.Wait.
func (r *Rail) ask(ctx context.Context, into any, method string, params ...any) error {
	var raw json.RawMessage
	err := r.client.Call(ctx, &raw, method, params...)
	switch {
	case errors.Is(err, rpc.ErrNoResult):
		return node.Incomplete(method, "it has neither a result nor an error")
	case err != nil:
		return err
	case len(raw) == 0 || string(raw) == "null":
		return errNothing
	}
	if err := json.Unmarshal(raw, into); err != nil {
		var lacks *rail.Wait
		if errors.As(err, &lacks) {
			return lacks
		}
		return node.Incomplete(method, node.Printable(err.Error()))
	}
	return nil
}

// must is ask for what every node has: no answer to it is an answer.
func (r *Rail) must(ctx context.Context, into any, doing, method string, params ...any) error {
	err := r.ask(ctx, into, method, params...)
	if errors.Is(err, errNothing) {
		return node.Incomplete(method, "it is null")
	}
	return unavailable(err, doing)
}

// quantity asks for one number.
func (r *Rail) quantity(ctx context.Context, doing, method string, params ...any) (*big.Int, error) {
	var q quantity
	err := r.must(ctx, &q, doing, method, params...)
	return q.v, err
}

// chainID is the chain that the node is on now.
func (r *Rail) chainID(ctx context.Context) (*big.Int, error) {
	return r.quantity(ctx, "ask for the chain id", "eth_chainId")
}

func at(block *big.Int) string {
	if block == nil {
		return "latest"
	}
	return hexutil.EncodeBig(block)
}

// number asks for a block by its number, with the hashes of its transactions.
func (r *Rail) number(ctx context.Context, n uint64) (*block, error) {
	b, err := r.block(ctx, at(new(big.Int).SetUint64(n)), fmt.Sprintf("read block %d", n))
	if err == nil && b.number != n {
		return nil, node.Incomplete("eth_getBlockByNumber", fmt.Sprintf("it is about block %d, not %d", b.number, n))
	}
	return b, err
}

// block asks for a block by a number or a tag. errNothing says that there is none.
func (r *Rail) block(ctx context.Context, which, doing string) (*block, error) {
	b := new(block)
	err := r.ask(ctx, b, "eth_getBlockByNumber", which, false)
	var refused *node.Refusal
	switch {
	case errors.As(err, &refused) && node.Says(refused, "block not found", "header not found", "unknown block"):
		return nil, errNothing
	case errors.Is(err, errNothing):
		return nil, errNothing
	case err != nil:
		return nil, unavailable(err, doing)
	}
	return b, nil
}

// head is the latest block, as the round saw it first.
func (r *Rail) head(ctx context.Context) (*block, error) {
	return rail.Once(ctx, r.key("head"), func() (*block, error) {
		b, err := r.block(ctx, "latest", "read the latest block")
		if errors.Is(err, errNothing) {
			return nil, node.Incomplete("eth_getBlockByNumber", "there is no latest block")
		}
		return b, err
	})
}

// key names a question of this rail in the memory of a round.
func (r *Rail) key(question string, about ...any) any {
	return roundKey{r, question, fmt.Sprint(about...)}
}

type roundKey struct {
	rail     *Rail
	question string
	about    string
}

// nonceAt is the first nonce of an account that no block up to one has used.
func (r *Rail) nonceAt(ctx context.Context, who common.Address, block *big.Int) (uint64, error) {
	return rail.Once(ctx, r.key("nonce", who, block), func() (uint64, error) {
		return r.nonce(ctx, who, at(block))
	})
}

func (r *Rail) nonce(ctx context.Context, who common.Address, which string) (uint64, error) {
	n, err := r.quantity(ctx, fmt.Sprintf("read the nonce of %s at %s", who, which), "eth_getTransactionCount", who, which)
	if err == nil && !n.IsUint64() {
		err = node.Incomplete("eth_getTransactionCount", "it is no nonce")
	}
	if err != nil {
		return 0, err
	}
	return n.Uint64(), nil
}

// coins is what an account holds of the native coin at a block.
func (r *Rail) coins(ctx context.Context, who common.Address, block *big.Int) (*big.Int, error) {
	return rail.Once(ctx, r.key("coins", who, block), func() (*big.Int, error) {
		return r.quantity(ctx, "read the balance of "+who.Hex(), "eth_getBalance", who, at(block))
	})
}

// codeAt is the code of an account; empty for none.
func (r *Rail) codeAt(ctx context.Context, who common.Address, block *big.Int) ([]byte, error) {
	var code hexutil.Bytes
	err := r.must(ctx, &code, "look for code at "+who.Hex(), "eth_getCode", who, at(block))
	return code, err
}

// call simulates a call at a block. The error is a *node.Refusal or a *rail.Wait.
func (r *Rail) callAt(ctx context.Context, msg ethereum.CallMsg, block *big.Int) ([]byte, error) {
	return rail.Once(ctx, r.key("call", fields(msg), block), func() ([]byte, error) {
		var out hexutil.Bytes
		err := r.ask(ctx, &out, "eth_call", fields(msg), at(block))
		if errors.Is(err, errNothing) {
			err = node.Incomplete("eth_call", "it is null")
		}
		return out, err
	})
}

// estimate is the least gas with which a call works at a block. The error is a
// *node.Refusal or a *rail.Wait.
func (r *Rail) estimate(ctx context.Context, msg ethereum.CallMsg, block *big.Int) (uint64, error) {
	return rail.Once(ctx, r.key("gas", fields(msg), block), func() (uint64, error) {
		var q quantity
		err := r.ask(ctx, &q, "eth_estimateGas", fields(msg), at(block))
		switch {
		case errors.Is(err, errNothing):
			return 0, node.Incomplete("eth_estimateGas", "it is null")
		case err != nil:
			return 0, err
		case !q.v.IsUint64() || q.v.Uint64() < plainGas:
			return 0, node.Incomplete("eth_estimateGas", "no transaction works with so little gas")
		}
		return q.v.Uint64(), nil
	})
}

// fields writes a call as nodes read it.
func fields(msg ethereum.CallMsg) map[string]any {
	out := map[string]any{}
	if msg.From != (common.Address{}) {
		out["from"] = msg.From
	}
	if msg.To != nil {
		out["to"] = msg.To.Hex()
	}
	if len(msg.Data) > 0 {
		out["input"] = hexutil.Encode(msg.Data)
	}
	if msg.Value != nil && msg.Value.Sign() > 0 {
		out["value"] = hexutil.EncodeBig(msg.Value)
	}
	if msg.Gas > 0 {
		out["gas"] = hexutil.EncodeUint64(msg.Gas)
	}
	return out
}

// send hands over signed bytes. The error is a *node.Refusal or a *rail.Wait.
func (r *Rail) send(ctx context.Context, raw []byte) error {
	var hash json.RawMessage // some nodes answer null, or another hash: looking shows what became of it
	err := r.ask(ctx, &hash, "eth_sendRawTransaction", hexutil.Encode(raw))
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// receiptOf asks for a receipt. errNothing says that no block has the transaction.
func (r *Rail) receiptOf(ctx context.Context, hash common.Hash) (*receipt, error) {
	out := new(receipt)
	err := r.ask(ctx, out, "eth_getTransactionReceipt", hash)
	switch {
	case errors.Is(err, errNothing):
		return nil, errNothing
	case err != nil:
		return nil, unavailable(err, "read the receipt of "+hash.Hex())
	case out.tx != hash:
		return nil, node.Incomplete("eth_getTransactionReceipt", "it is about another transaction")
	}
	return out, nil
}

// transaction asks for a transaction in a block or in the pool. errNothing says that the
// node knows none.
func (r *Rail) transaction(ctx context.Context, hash common.Hash) (*transaction, error) {
	out := new(transaction)
	err := r.ask(ctx, out, "eth_getTransactionByHash", hash)
	switch {
	case errors.Is(err, errNothing):
		return nil, errNothing
	case err != nil:
		return nil, unavailable(err, "look for "+hash.Hex())
	case out.hash != hash:
		return nil, node.Incomplete("eth_getTransactionByHash", "it is about another transaction")
	}
	return out, nil
}
