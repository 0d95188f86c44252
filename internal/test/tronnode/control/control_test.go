package control_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"sluice/internal/test/tronnode/control"
	"sluice/internal/test/tronnode/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// program runs the program until the test ends, with blocks on order only.
func program(t *testing.T) control.Started {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- control.Main(ctx, []string{"--listen=127.0.0.1:0", "--solid=127.0.0.1:0", "--control=127.0.0.1:0", "--interval=0s"}, in)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	var started control.Started
	if err := json.NewDecoder(out).Decode(&started); err != nil {
		t.Fatal(err)
	}
	return started
}

func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// TestProgram gives one order after the other, as a person does with curl.
func TestProgram(t *testing.T) {
	started := program(t)
	somebody := wire.KeyFromSeed("somebody").Address()
	steps := []struct {
		order, body string
		status      int
		want        string // part of the answer
	}{
		{"produce", `{"Blocks":30}`, 200, `{"head":31,"solid":13}`},
		{"fund", fmt.Sprintf(`{"Address":%q,"Amount":5000000}`, somebody), 200, `"head":31`},
		{"issue", fmt.Sprintf(`{"Token":%q,"Address":%q,"Amount":7}`, started.Dollar, somebody), 200, `"head":31`},
		{"issue", fmt.Sprintf(`{"Token":%q,"Address":%q,"Amount":7}`, somebody, somebody), 400, "is no token"},
		{"stake", fmt.Sprintf(`{"Address":%q,"Energy":1000000}`, somebody), 200, ""},
		{"stake", fmt.Sprintf(`{"Address":%q,"Energy":100000000}`, somebody), 400, "has 4000000 sun"},
		{"delegate", fmt.Sprintf(`{"Address":%q,"To":%q,"Energy":1000000}`, somebody, started.Faucet), 200, ""},
		{"set", `{"Key":"getEnergyFee","Value":210}`, 200, ""},
		{"set", `{"Key":"getNothing","Value":210}`, 400, "no chain parameter"},
		{"fork", `{"Depth":2}`, 200, `"head":32`},
		{"fork", `{"Depth":25}`, 400, "solid"},
		{"miss", `{"Blocks":2}`, 200, ""},
		{"advance", `{"Seconds":60}`, 200, ""},
		{"lie", `{"Lie":{"Empty":true,"Times":1}}`, 200, ""},
		{"lie", `{"Lie":{"Emty":true}}`, 400, "unknown field"},
		{"produce", `{"Blocks":`, 400, ""},
		{"nothing", ``, 400, "no order /nothing"},
	}
	for _, s := range steps {
		status, answer := post(t, started.Control+"/"+s.order, s.body)
		if status != s.status || !strings.Contains(answer, s.want) {
			t.Errorf("%s %s: %d %s, want %d %s", s.order, s.body, status, answer, s.status, s.want)
		}
	}
	body := fmt.Sprintf(`{"address":%q}`, somebody.Hex())
	if _, answer := post(t, started.Full+"/wallet/getaccount", body); answer != "{}\n" {
		t.Errorf("the lie was not told: %s", answer)
	}
	if _, answer := post(t, started.Full+"/wallet/getaccount", body); !strings.Contains(answer, `"balance":4000000`) {
		t.Errorf("account %s", answer)
	}
	if _, answer := post(t, started.Control+"/truth", `{}`); !strings.Contains(answer, `"head":32`) {
		t.Errorf("truth: %s", answer)
	}
	if status, _ := post(t, started.Solid+"/walletsolidity/getnowblock", ""); status != 200 {
		t.Errorf("solidity node: %d", status)
	}
}
