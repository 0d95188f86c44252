package tronnode_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
	"time"

	"sluice/internal/test/tronnode"
	"sluice/internal/test/tronnode/chain"
	"sluice/internal/test/tronnode/wire"
)

// vector is a transaction of a public network.
type vector struct {
	Name        string `json:"name"`
	TxID        string `json:"txid"`
	Raw         string `json:"raw"`
	Signature   string `json:"signature"`
	Owner       string `json:"owner"`
	Signer      string `json:"signer"`
	Recoverable bool   `json:"recoverable"`
}

func readVectors(t *testing.T) []vector {
	t.Helper()
	file, err := os.ReadFile("wire/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(file, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestVectors sends V1 to V9 to a node of their time. Size, expiration and signature are
// good, so what is left is the reference, to a block of another network. V9 is not signed,
// and V3 is signed by whom an active permission names.
func TestVectors(t *testing.T) {
	for _, v := range readVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			data, err := hex.DecodeString(v.Raw)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := wire.DecodeRaw(data)
			if err != nil {
				t.Fatal(err)
			}
			n := start(t, tronnode.Options{Config: chain.Config{Genesis: time.UnixMilli(raw.Expiration - 20_000)}})
			tx := wire.NewTransaction(raw)
			want := map[string]string{"V9": "SIGERROR"}[v.Name]
			if v.Signature != "" {
				want = "TAPOS_ERROR"
				sig, err := hex.DecodeString(v.Signature)
				n.must(err)
				tx.Signatures = [][]byte{sig}
			}
			if v.Name == "V3" {
				owner, signer := wire.MustAddress(v.Owner), wire.MustAddress(v.Signer)
				if got := at(n.sendHex(tx), "code"); got != "SIGERROR" {
					t.Errorf("before the permission is set: %v", got)
				}
				n.must(n.Fund(owner, trx))
				n.must(n.Chain.SetPermissions(owner, chain.Permission{Threshold: 1, Keys: []chain.Weight{{Address: owner, Weight: 1}}}, chain.Permission{
					Threshold: 1, Keys: []chain.Weight{{Address: signer, Weight: 1}}, Operations: chain.Operations(wire.TypeTransfer, wire.TypeTrigger),
				}))
			}
			if got := n.sendHex(tx); at(got, "code") != want || at(got, "txid") != v.TxID {
				t.Errorf("%v, want %s and txid %s", got, want, v.TxID)
			}
		})
	}
}
