package tronnode_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice/internal/test/tronnode"
	"sluice/internal/test/tronnode/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const trx = 1_000_000 // sun

// net is a node with somebody who pays and somebody who is paid.
type net struct {
	*testing.T
	*tronnode.Node
	key          wire.Key
	payer, payee wire.Address
}

func start(t *testing.T, options tronnode.Options) *net {
	t.Helper()
	node, err := tronnode.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	n := &net{T: t, Node: node, key: wire.KeyFromSeed("payer"), payee: wire.KeyFromSeed("payee").Address()}
	n.payer = n.key.Address()
	n.must(n.Fund(n.payer, 1000*trx))
	n.must(n.Fund(n.payee, 1))
	n.Chain.Produce(1)
	return n
}

func (n *net) must(err error) {
	n.Helper()
	if err != nil {
		n.Fatal(err)
	}
}

var client = &http.Client{Timeout: time.Minute}

// raw asks and returns status and body.
func (n *net) raw(path, body string, header ...string) (int, []byte) {
	n.Helper()
	base := n.FullURL
	if strings.HasPrefix(path, "walletsolidity/") {
		base = n.SolidURL
	}
	req, err := http.NewRequestWithContext(n.Context(), http.MethodPost, base+"/"+path, strings.NewReader(body))
	n.must(err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	n.must(err)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	n.must(err)
	return resp.StatusCode, answer
}

// ask asks, and wants status 200 and JSON.
func (n *net) ask(path, body string) any {
	n.Helper()
	status, answer := n.raw(path, body)
	if status != http.StatusOK {
		n.Fatalf("%s: status %d, %s", path, status, answer)
	}
	var v any
	if err := json.Unmarshal(answer, &v); err != nil {
		n.Fatalf("%s: %v: %s", path, err, answer)
	}
	return v
}

// at follows names and indexes into JSON: "raw_data.contract.0.type". Missing is nil.
func at(v any, names string) any {
	for _, name := range strings.Split(names, ".") {
		switch container := v.(type) {
		case map[string]any:
			v = container[name]
		case []any:
			i := int(name[0] - '0')
			if i >= len(container) {
				return nil
			}
			v = container[i]
		default:
			return nil
		}
	}
	return v
}

// text is a JSON string, "" when it is missing.
func text(v any, names string) string {
	s, _ := at(v, names).(string)
	return s
}

// number is a JSON number, 0 when it is missing.
func number(v any, names string) int64 {
	f, _ := at(v, names).(float64)
	return int64(f)
}

func (n *net) sendHex(tx *wire.Transaction) any {
	n.Helper()
	return n.ask("wallet/broadcasthex", `{"transaction":"`+hex.EncodeToString(tx.Encode())+`"}`)
}

func (n *net) signed(raw wire.Raw) *wire.Transaction { return wire.NewTransaction(raw).Sign(n.key) }

func (n *net) dollar() *tronnode.Token {
	n.Helper()
	token, err := n.DeployDollar()
	n.must(err)
	n.must(token.Issue(n.payer, big.NewInt(1_000_000)))
	return token
}

// same compares JSON values.
func same(a, b any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}
