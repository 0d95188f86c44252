package tylt_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"sluice/internal/dialect/dialecttest"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/pricing"
	"sluice/internal/pricing/fee"
	"sluice/internal/withdrawal"
)

// testdata/flow.http, exchange by exchange, byte by byte; its head says how it is written.
func TestTranscript(t *testing.T) {
	text, err := os.ReadFile("testdata/flow.http")
	if err != nil {
		t.Fatal(err)
	}
	w := dialecttest.New(t, wire, dialecttest.Options{Terms: &pricing.Book{
		FeeAssets: map[string]money.Asset{"ethereum": dialecttest.Assets["ETH"]},
		Fees:      []fee.Schedule{{Key: fee.Key{Currency: "ETH"}, Fixed: money.Of(1e14), Carry: fee.Cost, CarryAmount: money.Of(1e16)}},
	}, ReviewAbove: map[string]money.Amount{}, Option: map[string]string{"base": "exchange"}})
	w.Fund(w.A, "ETH", "12.0579")
	w.Fund(w.A, "EUR", "100")
	known := []string{"{address}", dialecttest.Alice, "{txid}", dialecttest.TxID, "{receiver}", w.Receiver.URL}
	payouts, told := 0, 0
	parts := strings.Split(string(text), "\n### ")[1:]
	for _, part := range parts {
		lines := strings.Split(strings.TrimRight(part, "\n"), "\n")
		name := lines[0]
		fill := func(n int) string { return strings.NewReplacer(known...).Replace(lines[n]) }
		if step, ok := strings.CutPrefix(lines[1], "! "); ok {
			x := w.Newest(w.A)
			switch step {
			case "process":
				w.Process(w.A, x.Seq)
				want(w, get(w, "getPayoutTransactionInformation", "orderId="+orderID(w, x)), 200, fill(4))
				continue
			case "confirm":
				dialecttest.Do(w, w.A.ID.Shard, withdrawal.NewConfirm(x.Seq, x.Dispatch, dialecttest.TxID, money.Of(21_000_000_000_000), "ETH", "test"))
			case "fail":
				w.Fail(w.A, x.Seq, "refused")
			}
			told++
			if got := (driver{}).Read(w, w.A, w.Callbacks(told)[told-1]).Body; got != fill(4) {
				t.Fatalf("%s: told\n%s\nwant\n%s", name, got, fill(4))
			}
			continue
		}
		method, target, _ := strings.Cut(fill(1), " ")
		path, query, _ := strings.Cut(target, "?")
		message := strings.TrimPrefix(fill(2), "~ ")
		got := do(w, w.A, request{method: method, path: path, query: query, body: fill(3), message: &message})
		if got.ID != "" && path == "createPayoutRequest" {
			payouts++
			x := w.Newest(w.A)
			known = append(known, fmt.Sprintf("{order%d}", payouts), orderID(w, x), fmt.Sprintf("{at%d}", payouts), x.CreatedAt.Format(moment))
		}
		status, err := strconv.Atoi(strings.TrimPrefix(lines[4], "< "))
		w.Must(err)
		t.Log(name)
		want(w, got, status, fill(5))
	}
	if len(parts) != 14 || payouts != 2 || told != 2 {
		t.Errorf("%d parts, %d payouts, %d callbacks", len(parts), payouts, told)
	}
}

// orderID is what the wire calls a withdrawal of the first merchant.
func orderID(w *dialecttest.World, x withdrawal.Withdrawal) string {
	return id.ID{Shard: w.A.ID.Shard, Seq: x.Seq}.Dashed(id.Withdrawal)
}
