package coinspaid_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"sluice/internal/dialect/dialecttest"
	"sluice/internal/money"
	"sluice/internal/pricing"
	"sluice/internal/pricing/fee"
)

// testdata/flow.http, exchange by exchange, byte by byte. A part is a request and its
// answer, or a step of the world ("! confirm") and the callback that follows.
func TestTranscript(t *testing.T) {
	text, err := os.ReadFile("testdata/flow.http")
	if err != nil {
		t.Fatal(err)
	}
	all := strings.NewReplacer("{address}", dialecttest.Alice, "{txid}", dialecttest.TxID).Replace(string(text))
	w := dialecttest.New(t, wire, dialecttest.Options{Terms: &pricing.Book{
		FeeAssets: map[string]money.Asset{"ethereum": dialecttest.Assets["ETH"]},
		Fees:      []fee.Schedule{{Fixed: money.Of(1e14), Carry: fee.Cost, CarryAmount: money.Of(1e16)}},
	}})
	w.Fund(w.A, "ETH", "10")
	told := 0
	for part := range strings.SplitSeq(all, "### ") {
		lines := strings.Split(strings.TrimSpace(part), "\n")
		if len(lines) < 4 {
			continue
		}
		name, first := lines[0], lines[1]
		t.Log(name)
		if step, ok := strings.CutPrefix(first, "! "); ok {
			x, _ := newest(w)
			switch step {
			case "confirm":
				w.Confirm(w.A, x.Seq)
			case "release":
				w.Release(w.A, x.Seq)
			case "reject":
				w.Reject(w.A, x.Seq, "not known")
			}
			told++
			if got := (driver{}).Read(w, w.A, w.Callbacks(told)[told-1]).Body; got != lines[3] {
				t.Fatalf("%s: told\n%s\nwant\n%s", name, got, lines[3])
			}
			continue
		}
		method, path, _ := strings.Cut(first, " ")
		status, err := strconv.Atoi(strings.TrimPrefix(lines[3], "< "))
		w.Must(err)
		want(w, send(w, w.A, w.A.Secret, method, path, lines[2]), status, lines[4])
	}
	if told != 3 {
		t.Errorf("%d callbacks", told)
	}
}
