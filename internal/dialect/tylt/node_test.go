package tylt_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"sluice/internal/dialect/dialecttest"
)

// A client in another language, which knows the wire and nothing of this program,
// creates a payout, finds it, and believes its callback.
func TestNodeClient(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("node is not installed")
		}
		t.Skip("node is not installed: the client of another language is not run")
	}
	w := dialecttest.New(t, wire, dialecttest.Options{})
	w.Fund(w.A, "ETH", "1")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "testdata/client.mjs", w.Server.URL+base, w.A.Key, w.A.Secret, dialecttest.Alice)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	w.Must(err)
	out, err := cmd.StdoutPipe()
	w.Must(err)
	w.Must(cmd.Start())
	lines := bufio.NewScanner(out)
	var said struct {
		Made struct {
			Status, ErrorCode int
			Data              struct {
				OrderID, Status, MerchantOrderID string
				BaseAmount                       json.Number
			}
		}
		Found   string
		History []string
		Balance []struct {
			CurrencySymbol string
			Balance        json.Number
		}
		Twice struct {
			Status, ErrorCode int
			Msg               string
		}
		Callback struct {
			Type, Status, OrderID, Hash string
			Genuine, Again, Fresh       bool
			Sent                        json.Number
			Final                       int
		}
	}
	read := func() {
		t.Helper()
		if !lines.Scan() {
			t.Fatal("the client said no more")
		}
		w.Must(json.Unmarshal(lines.Bytes(), &said))
	}
	read() // its receiver listens
	_, err = fmt.Fprintln(in, "go")
	w.Must(err)
	read()
	m := said.Made
	if m.Status != 200 || m.ErrorCode != 0 || m.Data.Status != "Pending" || m.Data.BaseAmount != "0.5000001" || m.Data.MerchantOrderID != "77" {
		t.Fatalf("made: %+v", m)
	}
	read()
	if said.Found != m.Data.OrderID || len(said.History) != 1 || said.History[0] != m.Data.OrderID || len(said.Balance) != 1 || said.Balance[0].Balance != "0.4999999" {
		t.Fatalf("%+v", said)
	}
	read()
	if x := said.Twice; x.Status != 400 || x.ErrorCode != 4 || x.Msg != "Given settledCurrency and networkSymbol combination does not exist" {
		t.Fatalf("%+v", x)
	}
	w.Confirm(w.A, w.Newest(w.A).Seq)
	read()
	c := said.Callback
	if c.Type != "pay-out" || c.Status != "completed" || c.OrderID != m.Data.OrderID || c.Hash != dialecttest.TxID || !c.Genuine || !c.Again || !c.Fresh || c.Sent != "0.5000001" || c.Final != 1 {
		t.Fatalf("callback: %+v", c)
	}
	w.Must(cmd.Wait())
}
