package api

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"testing"

	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/rail"
)

var bodies = []string{
	`{}`, `{"a":"b"}`, `{"a":{"b":[1,-2.5e+3,true,false,null,"x"]}}`, `{"a":"\u00e9\ud83d\ude00\n\/"}`, `{"a":1,"A":2}`, `{"a":1,"a":2}`,
	`{"a":"` + "\xff" + `"}`, `{"a":"\ud800"}`, `{"a":01}`, `{"a":.5}`, `[{}]`, ` {"a" : [ ] , "b":{ } } `, `{"a":"x"}x`, `{"a":-}`, `{"K":"x","` + "\u212a" + `":"y"}`,
	`{"account":"acc_1","foreign_id":"p-1","currency":"USDT","amount":"12.5","destination":{"network":"ethereum","address":"0x1","tag":"7"},"not_before":"2027-01-01T00:00:00Z","metadata":{"k":"v"}}`,
	`{"currency":"USDT","amount":12.5}`, `{"metadata":{"a":{"b":"c"}}}`,
}

// paper is a way out of which only the check exists.
type paper struct{ rail.Rail }

func (paper) Check(_ context.Context, typed, tag, _ string) (rail.Target, error) {
	return rail.Target{Network: "ethereum", Typed: typed, Canonical: typed, Decoded: []byte(typed), Tag: tag}, nil
}

// A request for a withdrawal is taken with every rule kept, or refused; never a panic.
func FuzzWithdrawalRequest(f *testing.F) {
	account := id.ID{Seq: 1 << 40}.Text(id.Account)
	f.Add([]byte(`{"account":"` + account + `","foreign_id":"p-1","currency":"USDT","amount":"12.5","destination":{"network":"ethereum","address":"0x1"}}`))
	f.Add([]byte(`{"account":"` + account + `","foreign_id":"p-1","currency":"USDT","amount":"1e3","destination_id":"dst_1"}`))
	for _, b := range bodies {
		f.Add([]byte(b))
	}
	s := &server{Deps: Deps{
		Assets: money.Assets{"USDT": {Code: "USDT", Scale: 6, Networks: []string{"ethereum"}}}, Rails: map[string]rail.Rail{"ethereum": paper{}},
	}}
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := parse(body)
		if err != nil {
			return
		}
		c := &call{server: s, r: httptest.NewRequest("POST", "/", nil), who: &caller{merchant: id.ID{Seq: 1}}, doc: d}
		cmd, err := c.withdrawal(d.body())
		if err != nil {
			return
		}
		if cmd.Amount.IsZero() || cmd.ForeignID == "" || cmd.Asset.Code != "USDT" || cmd.Account == 0 || cmd.Destination == 0 && len(cmd.Target.Decoded) == 0 {
			t.Fatalf("%q was taken as %+v", body, cmd)
		}
		if cmd.Metadata != "" && !json.Valid([]byte(cmd.Metadata)) {
			t.Fatalf("metadata %q", cmd.Metadata)
		}
	})
}

// A cursor is what cursorText wrote, for the same list, or no cursor.
func FuzzParseCursor(f *testing.F) {
	f.Add(cursorText(1, 2), uint32(2))
	f.Add(cursorText(1<<62, 0), uint32(0))
	f.Add("", uint32(0))
	f.Add("AAAAAAAAAAAAAAAAAA", uint32(0))
	f.Fuzz(func(t *testing.T, text string, mark uint32) {
		before, err := parseCursor(text, mark)
		if err != nil {
			return
		}
		if before <= 0 || cursorText(before, mark) != text {
			t.Fatalf("%q is taken for %d, which is written %q", text, before, cursorText(before, mark))
		}
	})
}
