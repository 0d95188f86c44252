package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/pricing/fx"
	"sluice/internal/pricing/quote"
)

// testPages walks the lists that wires with numbered pages need: withdrawals without an
// id of the merchant's among them, and the quotes that were used.
func testPages(t *testing.T, e Engine) {
	n := start(t, e)
	a, b := fund(n, "a", "100"), fund(n, "b", "100")
	for i := range 5 {
		do(n, a.create(fmt.Sprint(i), "1"))
	}
	do(n, b.create("b", "1"))
	unnamed := a.create("", "1")
	unnamed.Unnamed = true
	last := do(n, unnamed)
	if last.ForeignID != at(last.Seq).Dashed(id.Withdrawal) {
		t.Errorf("it is called %q", last.ForeignID)
	}
	if _, err := commit.Do(t.Context(), n.Loop, 0, a.create(last.ForeignID, "1")); err == nil {
		t.Error("its name was given to another one")
	}
	if _, err := commit.Do(t.Context(), n.Loop, 0, a.create("", "1")); err == nil {
		t.Error("one without a name")
	}
	ethereum := []string{"bitcoin", "ethereum"}
	for _, c := range []struct {
		networks    []string
		skip, limit int
		want        string
	}{
		{ethereum, 0, 10, last.ForeignID + " 4 3 2 1 0"},
		{ethereum, 1, 2, "4 3"},
		{ethereum, 5, 2, "0"},
		{ethereum, 6, 2, ""},
		{ethereum[:1], 0, 10, ""},
		{nil, 0, 10, ""},
	} {
		list, err := n.DB.WithdrawalsOn(t.Context(), at(a.merchant), c.networks, c.skip, c.limit)
		if got := foreignIDs(list); got != c.want || err != nil {
			t.Errorf("%v from %d: %q, %v, want %q", c.networks, c.skip, got, err, c.want)
		}
	}
	testUsed(n, a, b)
}

// testUsed makes quotes, uses some of them, and lists those.
func testUsed(n *node, a, b fixture) {
	n.t.Helper()
	var prices []string
	offer := func(f fixture, from, to string, use bool) {
		q := do(n, quote.Create{Merchant: f.merchant, Deal: deal(from, to, uint64(len(prices)+1))})
		prices = append(prices, q.Send.Minor())
		if use {
			do(n, quote.Use{Merchant: f.merchant, Quote: q.Seq, By: q.Seq})
		}
	}
	offer(a, "EUR", "ETH", true)
	offer(a, "EUR", "ETH", false)
	offer(a, "USD", "ETH", true)
	offer(b, "EUR", "ETH", true)
	offer(a, "EUR", "ETH", true)
	for limit, want := range map[int]string{10: "5 1", 1: "5", 0: ""} {
		list, err := n.DB.QuotesUsed(context.Background(), at(a.merchant), "EUR", "ETH", limit)
		var got []string
		for _, q := range list {
			got = append(got, q.Send.Minor())
		}
		if strings.Join(got, " ") != want || err != nil {
			n.t.Errorf("up to %d: %v, %v, want %q", limit, got, err, want)
		}
	}
}

// deal exchanges one for one.
func deal(from, to string, minor uint64) fx.Deal {
	now := time.Now()
	one := fx.MustRate("1")
	return fx.Deal{
		From: money.Asset{Code: from, Scale: 18}, To: money.Asset{Code: to, Scale: 18}, Form: fx.SendForm, Send: money.Of(minor), Receive: money.Of(minor), Rate: one,
		Market: fx.Market{Base: from, Quote: to, Bid: one, Ask: one, At: now, GoodUntil: now.Add(time.Hour), Sources: []string{"test"}},
	}
}
