package storetest

import (
	"testing"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/webhook"
)

// testHeldBack: the endpoints that are held back are found by their cursors, and what waits for one is
// counted up to a bound.
func testHeldBack(t *testing.T, e Engine) {
	n := start(t, e)
	if err := n.submit(step{nil, func(v *commit.View) (any, error) {
		webhook.Cursors.Insert(v, webhook.Cursor{Name: webhook.CursorName, Event: 9, Version: 1})
		for s, at := range map[id.Seq]int64{11: 0, 12: -1, 1 << 60: 7} { // 12 goes with the others again
			webhook.Endpoints.Insert(v, webhook.Endpoint{Seq: s, State: webhook.Enabled, Version: 1})
			webhook.Cursors.Insert(v, webhook.Cursor{Name: webhook.BehindName(s), Event: at, Version: 1})
		}
		for s := range id.Seq(5) {
			d := webhook.Delivery{Seq: 100 + s, Endpoint: 11, EventSeq: int64(s) + 1, State: webhook.Pending, Version: 1}
			if s == 4 {
				d.State, d.DoneAt = webhook.Delivered, v.Now()
			}
			webhook.Deliveries.Insert(v, d)
		}
		return nil, nil
	}}); err != nil {
		t.Fatal(err)
	}
	type held struct {
		Endpoint id.Seq
		After    int64
	}
	var got []held
	list, err := n.DB.HeldBack(t.Context(), 0)
	for _, b := range list {
		got = append(got, held{b.Endpoint.Seq, b.After})
	}
	equal(t, "held back", got, []held{{11, 0}, {1 << 60, 7}}, err)
	for _, c := range []struct {
		endpoint    id.Seq
		limit, want int64
	}{{11, 10, 4}, {11, 3, 3}, {12, 10, 0}} {
		pending, err := n.DB.PendingOf(t.Context(), 0, c.endpoint, c.limit)
		equal(t, "pending", pending, c.want, err)
	}
}
