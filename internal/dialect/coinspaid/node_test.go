package coinspaid_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"sluice/internal/dialect/coinspaid"
	"sluice/internal/dialect/dialecttest"
	"sluice/internal/webhook"
)

// A client in another language, which knows the wire and nothing of this program,
// creates a withdrawal and believes its callback.
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
	cmd := exec.CommandContext(ctx, node, "testdata/client.mjs", w.Server.URL+"/api/v2", w.A.Key, w.A.Secret, dialecttest.Alice)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	w.Must(err)
	out, err := cmd.StdoutPipe()
	w.Must(err)
	w.Must(cmd.Start())
	lines := bufio.NewScanner(out)
	read := func(into any) {
		t.Helper()
		if !lines.Scan() {
			t.Fatal("the client said no more")
		}
		w.Must(json.Unmarshal(lines.Bytes(), into))
	}
	var at struct{ Port int }
	read(&at)
	dialecttest.Do(w, w.A.ID.Shard, webhook.CreateEndpoint{
		Merchant: w.A.ID.Seq, URL: fmt.Sprintf("http://127.0.0.1:%d/told", at.Port), Types: []string{"*"}, Format: coinspaid.Name, AllowHTTP: true,
	})
	_, err = fmt.Fprintln(in, "go")
	w.Must(err)
	var said struct {
		Made, Twice struct {
			Status int
			Body   struct {
				Data struct {
					ID             int
					Status, Amount string
				}
				Errors map[string]string
			}
		}
		Callback struct {
			ID             int
			Status         string
			Genuine, Again bool
		}
	}
	read(&said)
	if m := said.Made; m.Status != 201 || m.Body.Data.ID != 1 || m.Body.Data.Status != "processing" || m.Body.Data.Amount != "0.50000010" {
		t.Fatalf("made: %+v", m)
	}
	read(&said)
	if m := said.Twice; m.Status != 400 || m.Body.Errors["foreign_id"] == "" {
		t.Fatalf("twice: %+v", m)
	}
	x, _ := newest(w)
	w.Confirm(w.A, x.Seq)
	read(&said)
	if c := said.Callback; c.ID != 1 || c.Status != "confirmed" || !c.Genuine || !c.Again {
		t.Fatalf("callback: %+v", c)
	}
	w.Must(cmd.Wait())
}
