package withdrawal_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"sluice/internal/id"
	"sluice/internal/ledger/account"
	"sluice/internal/money"
	"sluice/internal/signer"
	"sluice/internal/withdrawal"
)

// remarkable is a withdrawal with everything set that its memo keeps.
func remarkable() (id.ID, withdrawal.Withdrawal) {
	at := id.ID{Shard: 3, Seq: id.Next(0, time.UnixMilli(1_800_000_000_000))}
	created := time.Date(2026, 11, 30, 12, 0, 0, 123_000, time.UTC)
	return at, withdrawal.Withdrawal{
		Seq: at.Seq, Merchant: at.Seq - 7, Account: at.Seq - 6, Destination: at.Seq - 5, ForeignID: "order \"7\" ü", Currency: "EUR", Amount: money.Of(1234),
		Fee: money.Of(5), FeeInside: true, NetworkHold: money.Of(6), NetworkRate: "7/8", ReceiveCurrency: "USDT", Receive: money.Of(1_300_000), Payment: `{"remittance":"x"}`,
		Network: "ethereum", Typed: "0xABC", Canonical: "0xabc", Decoded: []byte{1, 2, 3}, Tag: "t", Metadata: `{"a":"\u003cb"}`, ReleaseAt: created.Add(time.Minute), CreatedAt: created,
		State: withdrawal.New, Version: 1,
	}
}

// TestMemo goes through the signer's log and back: whatever a memo keeps is the same.
func TestMemo(t *testing.T) {
	at, w := remarkable()
	paid := signer.Output{Ref: at.Text(id.Withdrawal), Asset: w.ReceiveCurrency, To: w.Decoded, Amount: w.Receive, Memo: withdrawal.Memo(at, w)}
	gotAt, got, err := withdrawal.Remembered(paid.Ref, w.Network, paid)
	if err != nil || gotAt != at || !reflect.DeepEqual(got, w) {
		t.Errorf("%v, %v\n got %+v\nwant %+v", err, gotAt, got, w)
	}
	bare := withdrawal.Withdrawal{
		Seq: at.Seq, Merchant: w.Merchant, Account: w.Account, ForeignID: "1", Currency: "USDT", Amount: money.Of(1), ReceiveCurrency: "USDT", Receive: money.Of(1),
		Network: "ethereum", Canonical: "0xabc", Decoded: []byte{1}, CreatedAt: w.CreatedAt, ReleaseAt: w.CreatedAt, State: withdrawal.New, Version: 1,
	}
	paid = signer.Output{Ref: paid.Ref, Asset: "USDT", To: bare.Decoded, Amount: bare.Receive, Memo: withdrawal.Memo(at, bare)}
	if _, got, err := withdrawal.Remembered(paid.Ref, "ethereum", paid); err != nil || !reflect.DeepEqual(got, bare) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, bare)
	}
}

// TestMemoFits makes each part as long as it may be: the signer must never refuse a
// payout for its memo, and the foreign id is in it in any case.
func TestMemoFits(t *testing.T) {
	at, w := remarkable()
	w.ForeignID = strings.Repeat("\"", account.MaxText) // each takes two bytes in JSON
	w.Typed, w.Canonical, w.Tag = strings.Repeat("t", 400), strings.Repeat("c", 100), strings.Repeat("g", 100)
	w.Payment, w.Metadata = strings.Repeat(`"`, 1000), `{"a":"`+strings.Repeat("m", withdrawal.MaxMetadata-8)+`"}`
	text := withdrawal.Memo(at, w)
	if text == "" || len(text) > signer.MemoMax {
		t.Fatalf("%d bytes", len(text))
	}
	_, got, err := withdrawal.Remembered(at.Text(id.Withdrawal), w.Network, signer.Output{Memo: text})
	if err != nil || got.ForeignID != w.ForeignID || got.Merchant != w.Merchant || got.Amount != w.Amount {
		t.Errorf("%v, %+v", err, got)
	}
}

func TestMemoRefused(t *testing.T) {
	at, w := remarkable()
	good := withdrawal.Memo(at, w)
	elsewhere := withdrawal.Memo(id.ID{Shard: 4, Seq: at.Seq}, w)
	for name, c := range map[string]struct{ ref, memo, want string }{
		"none":          {at.Text(id.Withdrawal), "", "does not say whose"},
		"no JSON":       {at.Text(id.Withdrawal), "{", "cannot be read"},
		"another shard": {at.Text(id.Withdrawal), elsewhere, "another shard"},
		"no amount":     {at.Text(id.Withdrawal), strings.Replace(good, `"1234"`, `"-1"`, 1), "has the amount"},
		"no id":         {"wd_1", good, "an id of this kind"},
	} {
		if _, _, err := withdrawal.Remembered(c.ref, "ethereum", signer.Output{Memo: c.memo}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
