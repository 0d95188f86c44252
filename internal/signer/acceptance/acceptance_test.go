package acceptance_test

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/signer/acceptance"
	"sluice/internal/store/chain/chaintest"
)

// A4: the record binds everything that it says: none of it can be another.
func TestA4TheRecordBindsAllOfIt(t *testing.T) {
	s := acceptance.Statement{
		Network: "ethereum", Ref: "wd_1", Asset: "USDT", Amount: money.Of(5), To: []byte{1, 2}, Merchant: "mer_1", Account: "acc_1", At: time.Unix(1_800_000_000, 0),
	}
	keys := []ed25519.PublicKey{chaintest.Key.Public()}
	record := acceptance.Sign(chaintest.Key.Sign, s)
	known := s
	known.Merchant, known.Account, known.At = "", "", time.Time{}
	if got, err := acceptance.Verify(record, known, keys); err != nil || got.Merchant != "mer_1" || got.Account != "acc_1" || !got.At.Equal(s.At) {
		t.Fatalf("%+v %v", got, err)
	}
	for name, change := range map[string]func(*acceptance.Statement){
		"network": func(s *acceptance.Statement) { s.Network = "polygon" }, "withdrawal": func(s *acceptance.Statement) { s.Ref = "wd_2" },
		"asset": func(s *acceptance.Statement) { s.Asset = "ETH" }, "amount": func(s *acceptance.Statement) { s.Amount = money.Of(6) },
		"recipient": func(s *acceptance.Statement) { s.To = []byte{1, 3} }, "a part moved": func(s *acceptance.Statement) { s.Network, s.Ref = "ethereumw", "d_1" },
	} {
		other := known
		change(&other)
		if _, err := acceptance.Verify(record, other, keys); fault.CodeOf(err) != "acceptance_invalid" {
			t.Errorf("another %s: %v", name, err)
		}
	}
	for name, c := range map[string]struct{ record, code string }{
		"none": {"", "acceptance_missing"}, "another merchant": {strings.Replace(record, "mer_1", "mer_2", 1), "acceptance_invalid"},
		"another account": {strings.Replace(record, "acc_1", "acc_2", 1), "acceptance_invalid"}, "cut": {record[:40], "acceptance_invalid"},
		"another time": {record[:5] + "AAAAAA" + record[11:], "acceptance_invalid"}, "nonsense": {"sap1_x.y.z", "acceptance_invalid"},
	} {
		if _, err := acceptance.Verify(c.record, known, keys); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	other, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := acceptance.Verify(record, known, []ed25519.PublicKey{other}); fault.CodeOf(err) != "acceptance_invalid" {
		t.Errorf("a key that does not count: %v", err)
	}
}
