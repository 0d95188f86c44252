package api_test

import (
	"strings"
	"testing"

	"sluice/internal/api"
	"sluice/internal/payout"
)

// previews asks for previews and for the treasury, without a node that answers.
func (w *world) previews(a party) {
	t := w.t
	const path = "/v1/withdrawals/preview"
	balances := "/v1/accounts/" + a.account + "/balances"
	before := string(w.want(w.call(a.key, "GET", balances, ""), 200).body)
	w.want(w.call(a.key, "POST", path, a.payout("v-1", "2.5")), 200, `"object":"withdrawal_preview"`, `"amount":"2.500000"`, `"held":"2.500000"`,
		`"network_fee":null`, `"payable_now":false`, `"waits_for":"no_wallet"`, alice)
	wal := do(w, payout.CreateWallet{Network: "ethereum", Address: alice, Label: "hot"})
	w.want(w.call(a.key, "POST", path, a.payout("v-1", "2.5")), 200, `"waits_for":"node_unavailable"`)
	// What would be refused is refused, with the same code.
	w.want(w.call(a.key, "POST", path, a.payout("v-1", "1000000")), 422, `"code":"insufficient_funds"`)
	w.want(w.call(a.key, "POST", path, a.payout("p-3", "1")), 409, `"code":"duplicate_foreign_id"`)
	w.want(w.call(a.key, "POST", path, `{}`), 400)
	if after := string(w.want(w.call(a.key, "GET", balances, ""), 200).body); after != before {
		t.Errorf("a preview changed something:\n%s\n%s", before, after)
	}
	w.want(w.call(a.key, "GET", "/v1/withdrawals?foreign_id=v-1", ""), 200, `"data":[]`)

	w.want(w.call(w.operator, "GET", "/v1/wallets/"+wal.Text(), ""), 200, `"label":"hot"`, `"figures":[]`, `"problem":"`, `"reconciliation":[]`)
	w.want(w.call(w.operator, "GET", "/v1/wallets/wal_1", ""), 404, `"code":"wallet_not_found"`)
	w.want(w.call(w.operator, "GET", "/v1/treasury", ""), 200, `"object":"treasury"`, wal.Text())
}

// A withdrawal that a person must approve is not payable now, whatever the wallets hold.
func TestPreviewTellsOfReview(t *testing.T) {
	w := newWorld(t)
	body := strings.Replace(w.acme.payout("v", "2.5"), `"USDT"`, `"ETH"`, 1)
	w.want(w.call(w.acme.key, "POST", "/v1/withdrawals/preview", body), 422, `"code":"insufficient_funds"`)
	w.want(w.call(w.acme.key, "POST", "/v1/credits", `{"account":"`+w.acme.account+`","currency":"ETH","amount":"5"}`, fresh()), 201)
	w.want(w.call(w.acme.key, "POST", "/v1/withdrawals/preview", body), 200, `"review":"above 2.0`, `"waits_for":"review"`, `"payable_now":false`, `"available_after":"2.500000000000000000"`)
}

func TestWithoutNetworksThereIsNoTreasury(t *testing.T) {
	w := newWorldWith(t, "sqlite:"+t.TempDir()+"/x.db", func(d *api.Deps) { d.Treasury = nil })
	wal := do(w, payout.CreateWallet{Network: "ethereum", Address: alice})
	for _, path := range []string{"/v1/treasury", "/v1/wallets/" + wal.Text()} {
		w.want(w.call(w.operator, "GET", path, ""), 503, `"code":"treasury_unavailable"`)
	}
}
