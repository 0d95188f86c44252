package tronnode_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/internal/test/tronnode"
	"sluice/internal/test/tronnode/chain"
	"sluice/internal/test/tronnode/wire"
)

// TestBroadcastLies: what the client is told, and what becomes of the payment.
func TestBroadcastLies(t *testing.T) {
	cases := []struct {
		name   string
		lie    tronnode.Lie
		code   string
		pooled bool
		mined  bool
	}{
		{"the truth", tronnode.Lie{Path: "wallet/getnowblock"}, "SUCCESS", true, true},
		{"success and drop", tronnode.Lie{Code: chain.Success}, "SUCCESS", false, false},
		{"success and never in a block", tronnode.Lie{Local: true}, "SUCCESS", true, false},
		{"busy", tronnode.Lie{Code: chain.ServerBusy, Message: "Server busy."}, "SERVER_BUSY", false, false},
		{"busy, and it took it", tronnode.Lie{Code: chain.ServerBusy, Pushed: true}, "SERVER_BUSY", true, true},
		{"DUP of what it never saw", tronnode.Lie{Code: chain.DupTransactionError}, "DUP_TRANSACTION_ERROR", false, false},
		{"no peer heard it, and the pool has it", tronnode.Lie{Code: chain.NotEnoughConnections, Message: "P2P broadcast failed.", Pushed: true}, "NOT_ENOUGH_EFFECTIVE_CONNECTION", true, true},
		{"unsolidified", tronnode.Lie{Code: chain.BlockUnsolidified}, "BLOCK_UNSOLIDIFIED", false, false},
		{"expired, says a node whose head is ahead", tronnode.Lie{Code: chain.ExpirationError, Pushed: true}, "TRANSACTION_EXPIRATION_ERROR", true, true},
		{"a node that is behind does not know the reference", tronnode.Lie{Lag: 1}, "TAPOS_ERROR", false, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			n := start(t, tronnode.Options{})
			n.Chain.Produce(3)
			truth := n.Lie(c.lie)
			tx := n.signed(n.Transfer(n.payer, n.payee, 5))
			got := n.sendHex(tx)
			if at(got, "code") != c.code || at(got, "txid") != tx.ID().String() {
				t.Errorf("%v, want %s", got, c.code)
			}
			truth()
			if pooled := at(n.ask("wallet/gettransactionbyid", `{"value":"`+tx.ID().String()+`"}`), "txID") != nil; pooled != c.pooled {
				t.Errorf("in the pool %v", pooled)
			}
			n.Chain.Produce(1)
			if mined := n.Info(tx.ID()) != nil; mined != c.mined {
				t.Errorf("in a block %v", mined)
			}
		})
	}
}

// TestReadLies: what a client is told about the chain.
func TestReadLies(t *testing.T) {
	n := start(t, tronnode.Options{})
	other := start(t, tronnode.Options{Config: chain.Config{Name: "other"}})
	n.Chain.Produce(30)
	id, err := n.Send(n.Transfer(n.payer, n.payee, 5), n.key)
	n.must(err)
	n.Chain.Produce(1)
	side, err := n.Chain.Branch(chain.Reorg{Depth: 1, Empty: true})
	n.must(err)
	head, info := n.HeadNumber(), `{"value":"`+id.String()+`"}`
	const mined = "wallet/gettransactioninfobyid"
	cases := []struct {
		name       string
		lie        tronnode.Lie
		path, body string
		at         string
		want       any
	}{
		{"the truth", tronnode.Lie{}, mined, info, "blockNumber", head},
		{"{} for what is in a block", tronnode.Lie{Empty: true, ID: id}, mined, info, "", map[string]any{}},
		{"{} about another one only", tronnode.Lie{Empty: true, ID: wire.TxID{1}}, mined, info, "blockNumber", head},
		{"behind", tronnode.Lie{Lag: 5}, "wallet/getnowblock", "", "block_header.raw_data.number", head - 5},
		{"a solidity node that is behind", tronnode.Lie{Lag: 5}, "walletsolidity/getnowblock", "", "block_header.raw_data.number", head - 18 - 5},
		{"behind: the transaction is not there", tronnode.Lie{Lag: 5}, mined, info, "", map[string]any{}},
		{"on another branch", tronnode.Lie{Side: side}, mined, info, "", map[string]any{}},
		{"on another branch: another block", tronnode.Lie{Side: side}, "wallet/getblockbynum", fmt.Sprintf(`{"num":%d}`, head), "transactions", nil},
		{"another network", tronnode.Lie{Chain: other.Node}, "wallet/getblockbynum", `{"num":0}`, "blockID", at(other.ask("wallet/getblockbynum", `{"num":0}`), "blockID")},
		{"a field is missing", tronnode.Lie{Omit: "receipt.net_usage"}, mined, info, "receipt", map[string]any{}},
		{"a field is missing in a list", tronnode.Lie{Omit: "receipt"}, "wallet/gettransactioninfobyblocknum", fmt.Sprintf(`{"num":%d}`, head), "0.receipt", nil},
		{"a field that is not there is missing", tronnode.Lie{Omit: "no.such"}, mined, info, "blockNumber", head},
		{"an answer of one's own", tronnode.Lie{Replace: func(string, []byte) []byte { return []byte(`{"Error":"x"}`) }}, mined, info, "Error", "x"},
		{"about other paths only", tronnode.Lie{Path: "walletsolidity/", Empty: true}, mined, info, "blockNumber", head},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			truth := n.Lie(c.lie)
			defer truth()
			got := n.ask(c.path, c.body)
			if c.at != "" {
				got = at(got, c.at)
			}
			if !same(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// TestHTTPLies: statuses, silence and slowness.
func TestHTTPLies(t *testing.T) {
	n := start(t, tronnode.Options{})
	for _, want := range []int{403, 429, 503} {
		n.Lie(tronnode.Lie{Status: want, Body: "no", Times: 2})
		for round, expected := range []int{want, want, 200} {
			if status, _ := n.raw("wallet/getnowblock", ""); status != expected {
				t.Errorf("status %d in round %d, want %d", status, round, expected)
			}
		}
	}
	tx := n.signed(n.Transfer(n.payer, n.payee, 5))
	n.Lie(tronnode.Lie{Path: "wallet/broadcast", Silent: true, Pushed: true})
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.FullURL+"/wallet/broadcasthex", strings.NewReader(fmt.Sprintf(`{"transaction":"%x"}`, tx.Encode())))
	n.must(err)
	done := make(chan error, 1)
	go func() {
		resp, err := client.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		done <- err
	}()
	for deadline := time.Now().Add(time.Minute); ; {
		if at(n.ask("wallet/getpendingsize", ""), "pendingSize") == float64(1) {
			break // it was taken, and nobody said so
		}
		if time.Now().After(deadline) {
			t.Fatal("a silent node did not take the transaction")
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("a silent node answered: %v", err)
	}
	n.Truth()
	n.Lie(tronnode.Lie{Delay: time.Millisecond, Times: 1})
	n.ask("wallet/getnowblock", "")
	if got := n.Requests("wallet/broadcasthex"); got != 1 {
		t.Errorf("%d broadcasts counted", got)
	}
}

// TestAccess: keys, limits, and what is served where.
func TestAccess(t *testing.T) {
	locked := start(t, tronnode.Options{APIKey: "secret"})
	for key, want := range map[string]int{"": 403, "wrong": 403, "secret": 200} {
		if status, _ := locked.raw("wallet/getnowblock", "", tronnode.KeyHeader, key); status != want {
			t.Errorf("key %q: status %d, want %d", key, status, want)
		}
	}
	limited := start(t, tronnode.Options{PerSecond: 3})
	refused := 0
	for range 20 {
		if status, _ := limited.raw("wallet/getnowblock", ""); status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused == 0 {
		t.Error("20 requests at once at three per second were all answered")
	}
	n := start(t, tronnode.Options{})
	for path, want := range map[string]int{
		"wallet/getnowblock": 200, "walletsolidity/getnowblock": 200, "wallet/nosuchcall": 404, "walletsolidity/getaccountresource": 404,
		"walletsolidity/broadcasthex": 404, "": 404,
	} {
		if status, _ := n.raw(path, ""); status != want {
			t.Errorf("%s: status %d, want %d", path, status, want)
		}
	}
	gateway := start(t, tronnode.Options{Gateway: true})
	for _, base := range []string{gateway.FullURL, gateway.SolidURL} {
		for _, path := range []string{"/wallet/getnowblock", "/walletsolidity/getnowblock"} {
			resp, err := client.Get(base + path)
			gateway.must(err)
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("a gateway answers %s with %d", path, resp.StatusCode)
			}
		}
	}
}

// TestSolidNode shows what is solid and nothing else.
func TestSolidNode(t *testing.T) {
	n := start(t, tronnode.Options{})
	n.Chain.Produce(27)
	id, err := n.Send(n.Transfer(n.payer, n.payee, 5), n.key)
	n.must(err)
	n.Chain.Produce(1)
	height := n.HeadNumber()
	body, account := `{"value":"`+id.String()+`"}`, `{"address":"`+n.payee.Hex()+`"}`
	for n.SolidNumber() < height {
		if got := n.ask("walletsolidity/gettransactioninfobyid", body); !same(got, map[string]any{}) {
			t.Fatalf("%d of %d is solid: %v", n.SolidNumber(), height, got)
		}
		if got := number(n.ask("walletsolidity/getaccount", account), "balance"); got != 1 {
			t.Fatalf("balance %d", got)
		}
		n.Chain.Produce(1)
	}
	if behind := n.HeadNumber() - height; behind != 18 {
		t.Errorf("solid after %d blocks", behind)
	}
	if got := number(n.ask("walletsolidity/gettransactioninfobyid", body), "blockNumber"); got != height {
		t.Errorf("block %d", got)
	}
	if got := number(n.ask("walletsolidity/getaccount", account), "balance"); got != 6 {
		t.Errorf("balance %d", got)
	}
}

// TestRun makes blocks by the wall clock, on the grid of three virtual seconds.
func TestRun(t *testing.T) {
	n := start(t, tronnode.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); n.Node.Run(ctx, time.Millisecond) }()
	from := n.HeadNumber()
	for deadline := time.Now().Add(time.Minute); n.HeadNumber() < from+3; {
		if time.Now().After(deadline) {
			t.Fatal("no blocks")
		}
	}
	cancel()
	<-done
	n.Chain.Read(chain.View{}, func(r chain.Reader) {
		if gap := r.Block(from+3).Time() - r.Block(from).Time(); gap != 9000 {
			t.Errorf("three blocks in %d virtual ms", gap)
		}
	})
}
