package api

import (
	"net/http/httptest"
	"testing"
	"time"

	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/withdrawal"
)

// What the edge adds to a withdrawal: reading the request and writing the answer,
// without HTTP and without the commit.
func BenchmarkWithdrawalEdge(b *testing.B) {
	account := id.ID{Seq: 1 << 40}.Text(id.Account)
	body := []byte(`{"account":"` + account + `","foreign_id":"order-1234567","currency":"USDT","amount":"12.5",` +
		`"destination":{"network":"ethereum","address":"0x52908400098527886E0F7030069857D2E4169EE7"}}`)
	s := &server{Deps: Deps{
		Assets: money.Assets{"USDT": {Code: "USDT", Scale: 6, Networks: []string{"ethereum"}}}, Rails: map[string]rail.Rail{"ethereum": paper{}},
	}}
	c := &call{server: s, r: httptest.NewRequest("POST", "/", nil), who: &caller{merchant: id.ID{Seq: 1}}}
	x := withdrawal.Withdrawal{
		Seq: 1 << 41, Account: 1 << 40, ForeignID: "order-1234567", Currency: "USDT", Amount: money.Of(12_500_000), Network: "ethereum",
		Canonical: "0x52908400098527886E0F7030069857D2E4169EE7", State: withdrawal.New, CreatedAt: time.Now(), UpdatedAt: time.Now(), ReleaseAt: time.Now(),
	}
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if c.doc, err = parse(body); err != nil {
			b.Fatal(err)
		}
		if _, err = c.withdrawal(c.doc.body()); err != nil {
			b.Fatal(err)
		}
		c.w.b = c.w.b[:0]
		c.objects().withdrawal(x)
	}
}
