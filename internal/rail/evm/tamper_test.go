package evm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/rpc"

	"sluice/internal/rail/evm"
	"sluice/internal/rail/node"
	"sluice/internal/rail/railtest"
)

type (
	request = railtest.Question
	raw     = json.RawMessage
	answer  = func() (raw, error)
	// tamper stands between the rail and the node. It answers by itself, or passes the
	// call on and changes what comes back.
	tamper = railtest.Tamper
)

// rpcError is an answer of the node that is an error.
type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    string `json:"data,omitempty"`
}

func (e *rpcError) Error() string { return e.Message }

// tampering puts a tamper into a client.
type tampering tamper

// RoundTrip implements http.RoundTripper.
func (f tampering) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var call struct {
		ID     json.RawMessage   `json:"id"`
		Method string            `json:"method"`
		Params []json.RawMessage `json:"params"`
	}
	if err := json.Unmarshal(body, &call); err != nil {
		return nil, err
	}
	result, err := f(r.Context(), request{Method: call.Method, Params: call.Params}, func() (json.RawMessage, error) { return forward(r, body) })
	reply := map[string]any{"jsonrpc": "2.0", "id": call.ID, "result": result}
	res := &http.Response{StatusCode: http.StatusOK, Request: r, Header: http.Header{"Content-Type": {"application/json"}}}
	var coded *rpcError
	var refused *node.Refusal
	var busy *node.Busy
	switch {
	case errors.As(err, &refused):
		coded = &rpcError{Code: refused.Code, Message: refused.Message, Data: refused.Data}
	case errors.As(err, &busy):
		res.StatusCode = http.StatusTooManyRequests
		res.Header.Set("Retry-After", strconv.Itoa(int(busy.After.Seconds())))
	case err != nil && !errors.As(err, &coded):
		return nil, err
	}
	if coded != nil {
		delete(reply, "result")
		reply["error"] = coded
	}
	text, err := json.Marshal(reply)
	res.Body = io.NopCloser(bytes.NewReader(text))
	return res, err
}

func forward(r *http.Request, body []byte) (json.RawMessage, error) {
	out := r.Clone(r.Context())
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	var reply struct {
		Result json.RawMessage
		Error  *rpcError
	}
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		return nil, err
	}
	if reply.Error != nil {
		return nil, reply.Error
	}
	return reply.Result, nil
}

// tampered is a rail whose calls go through f.
func tampered(t *testing.T, conf evm.Config, url string, f tamper) *evm.Rail {
	t.Helper()
	client, err := rpc.DialOptions(t.Context(), url, rpc.WithHTTPClient(&http.Client{Transport: tampering(f)}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	r, err := evm.New(conf, client)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// on changes the answers of the methods that begin with a prefix.
func on(prefix string, f tamper) tamper {
	return func(ctx context.Context, r request, node answer) (raw, error) {
		if strings.HasPrefix(r.Method, prefix) {
			return f(ctx, r, node)
		}
		return node()
	}
}

// always gives the same answer.
func always(result string, err error) tamper {
	return func(context.Context, request, answer) (raw, error) {
		return json.RawMessage(result), err
	}
}

// hang never answers.
func hang(ctx context.Context, _ request, _ answer) (raw, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// loseAnswer passes the call on and drops what comes back.
func loseAnswer(_ context.Context, _ request, node answer) (raw, error) {
	if _, err := node(); err != nil {
		return nil, err
	}
	return nil, io.ErrUnexpectedEOF
}

// anotherBlock moves a receipt into a block that does not exist.
func anotherBlock(_ context.Context, _ request, node answer) (raw, error) {
	result, err := node()
	var receipt map[string]any
	if err != nil || json.Unmarshal(result, &receipt) != nil || receipt == nil {
		return result, err
	}
	receipt["blockHash"] = "0x" + strings.Repeat("ab", 32)
	return json.Marshal(receipt)
}

// noBlocks denies whole blocks and gives headers.
func noBlocks(_ context.Context, r request, node answer) (raw, error) {
	if len(r.Params) == 2 && string(r.Params[1]) == "true" {
		return nil, &rpcError{Code: -32000, Message: "pruned history unavailable"}
	}
	return node()
}
