package utxo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"sluice/internal/fault/redact"
	"sluice/internal/rail/node"
)

// Dialect says whose JSON-RPC a node speaks.
type Dialect string

// The dialects. They differ where their programs do: in how fees are estimated, how
// the coins of an address are found, and what their refusals are called.
const (
	Bitcoind  Dialect = "bitcoind"
	Btcd      Dialect = "btcd"
	Litecoind Dialect = "litecoind"
)

// core tells whether the node descends from Bitcoin Core.
func (d Dialect) core() bool { return d != Btcd }

// Node is what the rail asks of a chain: one JSON-RPC call. See node.Caller for its errors.
type Node = node.Caller

// RPCError is a refusal by the node.
type RPCError = node.Refusal

// answerMax bounds an answer: a block of four million bytes in hex, with room.
const answerMax = 40 << 20

// Client speaks JSON-RPC over HTTP. It is safe for concurrent use.
type Client struct {
	at      string
	Secrets redact.Secrets // of its URL
	user    *url.Userinfo
	cookie  string
	http    *http.Client
	close   func()
	n       atomic.Uint64
}

// Dial makes a client for a URL like http://user:password@127.0.0.1:8332. cookie is
// the path of a cookie file, which the node writes anew at each start; it wins over
// the URL. Nothing is asked yet.
func Dial(at, cookie string) (*Client, error) {
	u, err := url.Parse(at)
	if err != nil || u.Host == "" {
		return nil, errors.New("the URL of the node cannot be read") // err may hold the password
	}
	c := &Client{user: u.User, cookie: cookie, Secrets: redact.Of(at)}
	u.User = nil
	c.at = u.String()
	// A transport of our own, so that Close leaves no connection open.
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute}
	c.http, c.close = &http.Client{Transport: transport}, transport.CloseIdleConnections
	return c, nil
}

// Close ends its connections.
func (c *Client) Close() { c.close() }

// Call implements Node.
func (c *Client) Call(ctx context.Context, result any, method string, params ...any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "1.0", "id": c.n.Add(1), "method": method, "params": params})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.at, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if err := c.authorize(r); err != nil {
		return err
	}
	res, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // read to its end or given up
	text, err := io.ReadAll(io.LimitReader(res.Body, answerMax))
	if err != nil {
		return err
	}
	return read(res, text, method, result)
}

func (c *Client) authorize(r *http.Request) error {
	if c.cookie != "" {
		text, err := os.ReadFile(c.cookie)
		if err != nil {
			return fmt.Errorf("read the cookie of the node: %w", err)
		}
		user, password, _ := strings.Cut(strings.TrimSpace(string(text)), ":")
		r.SetBasicAuth(user, password)
		return nil
	}
	if c.user != nil {
		password, _ := c.user.Password()
		r.SetBasicAuth(c.user.Username(), password)
	}
	return nil
}

// read takes an answer apart. Nodes send refusals with status 500 and a body.
func read(res *http.Response, text []byte, method string, result any) error {
	var answer struct {
		Result json.RawMessage
		Error  *struct {
			Code    int
			Message string
		}
	}
	err := json.Unmarshal(text, &answer)
	after := node.RetryAfter(res.Header.Get("Retry-After"), time.Now())
	switch {
	case res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusServiceUnavailable && (after > 0 || bytes.Contains(text, []byte(depthExceeded))):
		return &node.Busy{After: after, Said: fmt.Sprintf("status %d", res.StatusCode)}
	case err == nil && answer.Error != nil:
		// Starting up is not an answer to what was asked.
		if answer.Error.Code == warmingUp {
			return errors.New("the node is starting: " + node.Printable(answer.Error.Message))
		}
		return &node.Refusal{Code: answer.Error.Code, Message: answer.Error.Message}
	case res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden:
		return errors.New("the node does not accept user and password: check the URL or the cookie")
	case err != nil || res.StatusCode != http.StatusOK:
		return fmt.Errorf("the node answered with status %d and no JSON-RPC", res.StatusCode)
	case answer.Result == nil:
		return fmt.Errorf("the answer to %s has neither a result nor an error", method)
	case result == nil:
		return nil
	}
	if err := json.Unmarshal(answer.Result, result); err != nil {
		return fmt.Errorf("the answer to %s is not what it should be", method)
	}
	return nil
}

// depthExceeded is what Core says when its queue of calls is full.
const depthExceeded = "Work queue depth exceeded"

// warmingUp is Core's code while it loads (RPC_IN_WARMUP).
const warmingUp = -28

// coins reads a JSON number of whole coins as minor units, without floats.
func coins(n json.Number) (uint64, error) {
	r, ok := new(big.Rat).SetString(n.String())
	if !ok || len(n) > 40 {
		return 0, fmt.Errorf("%q is no amount", node.Printable(n.String()))
	}
	r.Mul(r, big.NewRat(100_000_000, 1))
	if !r.IsInt() || r.Sign() < 0 || !r.Num().IsUint64() {
		return 0, fmt.Errorf("%q is no amount of coins", node.Printable(n.String()))
	}
	return r.Num().Uint64(), nil
}
