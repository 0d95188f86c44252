package upvest_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"testing"
	"time"

	"sluice/internal/dialect/dialecttest"
)

// A client in another language, which knows the wire and nothing of this program, goes
// the whole way and believes what it is told. With both kinds of keys.
func TestNodeClient(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("node is not installed")
		}
		t.Skip("node is not installed: the client of another language is not run")
	}
	w := dialecttest.New(t, wire, options())
	for name, c := range map[string]struct {
		p   dialecttest.Party
		key crypto.Signer
	}{"P-521": {w.A, acmeKey}, "Ed25519": {w.B, boltKey}} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(c.key))})
			x := &client{World: w, p: c.p}
			cmd := exec.CommandContext(ctx, node, "testdata/client.mjs", w.Server.URL, x.id(), c.p.Secret, string(private))
			var problems bytes.Buffer
			cmd.Stderr = &problems
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, problems.String())
			}
			var said struct {
				Made, Listed, Status, Balance, ID string
				Genuine                           bool
				Events                            int
			}
			for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
				if err := json.Unmarshal(lines.Bytes(), &said); err != nil {
					t.Fatal(err)
				}
			}
			if said.Made == "" || said.Listed != said.Made || said.ID != said.Made || said.Status != "NEW" || said.Balance != "0" || !said.Genuine || said.Events < 2 {
				t.Errorf("%+v", said)
			}
		})
	}
}
