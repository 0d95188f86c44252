package api_test

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// row is a request that may be repeated with one key, and one that differs.
type repeatable struct{ name, path, body, other string }

func (w *world) repeatables(p party) []repeatable {
	c := w.want(w.call(p.key, "POST", "/v1/credits", fmt.Sprintf(`{"account":%q,"currency":"USDT","amount":"5","pending":true}`, p.account), fresh()), 201).get("id")
	cancel := w.want(w.call(p.key, "POST", "/v1/withdrawals", p.payout("to-cancel", "1")), 201).get("id")
	move := fmt.Sprintf(`{"account":%q,"currency":"USDT","amount":"2"}`, p.account)
	to := fmt.Sprintf(`{"network":"ethereum","address":%q}`, alice)
	return []repeatable{
		{"credit", "/v1/credits", p.credit(`"settles_in":2`), p.credit(`"settles_in":3`)},
		{"settle", "/v1/credits/" + c + "/settle", "", ""},
		{"lock", "/v1/locks", move, strings.Replace(move, `"2"`, `"3"`, 1)},
		{"unlock", "/v1/unlocks", strings.Replace(move, `"2"`, `"0.5"`, 1), strings.Replace(move, `"2"`, `"0.6"`, 1)},
		{"account", "/v1/accounts", `{"name":"one"}`, `{"name":"two"}`},
		{"destination", "/v1/destinations", to, strings.Replace(to, "}", `,"label":"x"}`, 1)},
		{"withdrawal", "/v1/withdrawals", p.payout("w-1", "1"), p.payout("w-1", "2")},
		{"withdrawals", "/v1/withdrawals/batch", `{"withdrawals":[` + p.payout("b-1", "1") + "," + p.payout("b-2", "1000000") + `]}`, `{"withdrawals":[` + p.payout("b-1", "1") + "," + p.payout("b-3", "1") + `]}`},
		{"cancel", "/v1/withdrawals/" + cancel + "/cancel", `{"reason":"typo"}`, `{"reason":"other"}`},
	}
}

// Case 8 and 12: on every route that moves money, a repeat gets the same bytes and
// moves nothing, and another body under the same key is refused and moves nothing.
func TestCase08SameKeySameAnswer(t *testing.T) {
	w := newWorld(t)
	w.contract = newContract(t)
	a := w.acme
	w.fund(a, "USDT", "100")
	for _, c := range w.repeatables(a) {
		t.Run(c.name, func(t *testing.T) {
			w := *w
			w.t = t
			key := fresh()
			first := w.call(a.key, "POST", c.path, c.body, key)
			if first.status >= 300 || first.header.Get("Idempotent-Replayed") != "" {
				t.Fatalf("%d %v %s", first.status, first.header, first.body)
			}
			_, mark := w.events(a, 0)
			again := w.want(w.call(a.key, "POST", c.path, " "+cmp.Or(c.body, "{}")+"\n", key), first.status)
			if !bytes.Equal(again.body, first.body) {
				t.Errorf("the repeat is\n%s\nnot\n%s", again.body, first.body)
			}
			if again.header.Get("Idempotent-Replayed") != "true" || again.header.Get("Location") != first.header.Get("Location") {
				t.Errorf("headers of the repeat: %v", again.header)
			}
			if c.other != "" {
				w.want(w.call(a.key, "POST", c.path, c.other, key), 422, `"code":"idempotency_key_reused"`)
			}
			if types, _ := w.events(a, mark); len(types) > 0 {
				t.Errorf("repeats left %v", types)
			}
		})
	}
}

// A repeat is answered as the first time also when the thing has moved on since.
func TestCase08RepeatShowsTheFirstAnswer(t *testing.T) {
	w := newWorld(t)
	w.contract = newContract(t)
	a := w.acme
	w.fund(a, "USDT", "100")
	credit, key := a.credit(`"pending":true`), fresh()
	first := w.want(w.call(a.key, "POST", "/v1/credits", credit, key), 201, `"state":"pending"`)
	w.want(w.call(a.key, "POST", "/v1/credits/"+first.get("id")+"/settle", "", fresh()), 200)
	w.want(w.call(a.key, "POST", "/v1/credits", credit, key), 201, string(first.body))

	lock := fmt.Sprintf(`{"account":%q,"currency":"USDT","amount":"2"}`, a.account)
	locked := w.want(w.call(a.key, "POST", "/v1/locks", lock, key), 201)
	w.want(w.call(a.key, "POST", "/v1/locks", lock, fresh()), 201)
	w.want(w.call(a.key, "POST", "/v1/locks", lock, key), 201, string(locked.body))

	batch := `{"withdrawals":[` + a.payout("b-1", "1") + "," + a.payout("b-2", "2") + "," + a.payout("b-3", "1000000") + `]}`
	many := w.want(w.call(a.key, "POST", "/v1/withdrawals/batch", batch, key), 200, `"accepted":2,"refused":1`, `"foreign_id":"b-1"`, `"foreign_id":"b-2"`)
	w.want(w.call(a.key, "POST", "/v1/withdrawals/"+many.get("results.0.withdrawal.id")+"/cancel", ""), 200)
	w.want(w.call(a.key, "POST", "/v1/withdrawals/batch", batch, key), 200, string(many.body))
}

func TestCase12SameKeyOtherAmount(t *testing.T) {
	w := newWorld(t)
	w.fund(w.acme, "USDT", "100")
	key := fresh()
	w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("w-1", "1"), key), 201)
	// The fields in another order are the same request, another amount is not.
	body := fmt.Sprintf(`{"amount":"1","destination":{"address":%q,"network":"ethereum"},"foreign_id":"w-1","currency":"USDT","account":%q}`, alice, w.acme.account)
	w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", body, key), 201)
	w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("w-1", "10"), key), 422, `"code":"idempotency_key_reused"`)
	if got := w.balance(w.acme, "reserved"); got != "1.000000" {
		t.Errorf("reserved %s", got)
	}
}

// Case 9: a refusal is an answer too, and stays it after the money has come; a
// cancelled withdrawal does not re-open its key.
func TestCase09TerminalKeyNeverRunsAgain(t *testing.T) {
	w := newWorld(t)
	w.contract = newContract(t)
	key := fresh()
	first := w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("w-1", "50"), key), 422, `"available":"0.000000"`)
	w.fund(w.acme, "USDT", "100")
	again := w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("w-1", "50"), key), 422, `"available":"0.000000"`)
	if again.header.Get("Idempotent-Replayed") != "true" || again.get("detail") != first.get("detail") {
		t.Errorf("%v %s", again.header, again.body)
	}
	paid := fresh()
	made := w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("w-2", "50"), paid), 201)
	w.want(w.call(w.acme.key, "POST", "/v1/withdrawals/"+made.get("id")+"/cancel", ""), 200)
	replay := w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("w-2", "50"), paid), 201)
	if !bytes.Equal(replay.body, made.body) {
		t.Errorf("the repeat is\n%s\nnot\n%s", replay.body, made.body)
	}
	w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("w-2", "50")), 409, made.get("id"))
	if got := w.balance(w.acme, "available_for_withdrawal"); got != "100.000000" {
		t.Errorf("available %s", got)
	}
}

// Case 7 and 11: without a key, and long after any key is forgotten, the merchant's
// own id still names the first withdrawal.
// case-07
func TestCase11ForeignIDNamesTheFirst(t *testing.T) {
	w := newWorld(t)
	w.contract = newContract(t)
	w.fund(w.acme, "USDT", "100")
	first := w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("w-1", "1")), 201)
	for _, body := range []string{w.acme.payout("w-1", "1"), w.acme.payout("w-1", "2")} {
		got := w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", body, fresh()), 409, `"code":"duplicate_foreign_id"`, `"field":"foreign_id"`)
		if got.get("withdrawal") != first.get("id") || got.header.Get("Location") != "/v1/withdrawals/"+first.get("id") {
			t.Errorf("%v %s", got.header, got.body)
		}
		w.want(w.call(w.acme.key, "GET", got.header.Get("Location"), ""), 200, string(first.body))
	}
	if got := w.balance(w.acme, "reserved"); got != "1.000000" {
		t.Errorf("reserved %s", got)
	}
}

// Case 14: the same key and the same foreign id at two merchants are strangers.
func TestCase14SameKeyAtTwoMerchants(t *testing.T) {
	w := newWorld(t)
	w.fund(w.acme, "USDT", "10")
	w.fund(w.bolt, "USDT", "10")
	one := w.want(w.call(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("w-1", "1"), "Idempotency-Key: same"), 201)
	two := w.want(w.call(w.bolt.key, "POST", "/v1/withdrawals", w.bolt.payout("w-1", "2"), "Idempotency-Key: same"), 201)
	if one.get("id") == two.get("id") || two.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("%s\n%s", one.body, two.body)
	}
	w.want(w.call(w.bolt.key, "GET", "/v1/foreign_ids/w-1/withdrawal", ""), 200, two.get("id"))
}

// together makes n calls at once and counts the statuses.
func (w *world) together(n int, call func(n int) (answer, error)) (map[int]int, []answer) {
	w.t.Helper()
	var wg sync.WaitGroup
	start := make(chan struct{})
	answers, errs := make([]answer, n), make([]error, n)
	for i := range n {
		wg.Go(func() {
			<-start
			answers[i], errs[i] = call(i)
		})
	}
	close(start)
	wg.Wait()
	count := map[int]int{}
	for i := range n {
		must(w.t, errs[i])
		count[answers[i].status]++
	}
	return count, answers
}

// Case 13: 64 identical requests at once make one row, with a key and without.
// case-10: a double click, with a key and without.
func TestCase13SameRequestSixtyFourTimesAtOnce(t *testing.T) {
	w := newWorld(t)
	w.fund(w.acme, "USDT", "1000")
	count, answers := w.together(64, func(int) (answer, error) {
		return w.try(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("keyed", "1"), "Idempotency-Key: one")
	})
	if count[201] != 64 {
		t.Fatalf("with a key: %v", count)
	}
	firsts := 0
	for _, a := range answers {
		if !bytes.Equal(a.body, answers[0].body) {
			t.Errorf("two answers:\n%s\n%s", a.body, answers[0].body)
		}
		if a.header.Get("Idempotent-Replayed") == "" {
			firsts++
		}
	}
	if firsts != 1 {
		t.Errorf("%d answers are not marked as repeats", firsts)
	}
	count, answers = w.together(64, func(int) (answer, error) {
		return w.try(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout("unkeyed", "1"))
	})
	if count[201] != 1 || count[409] != 63 {
		t.Errorf("without a key: %v", count)
	}
	for _, a := range answers {
		if a.status == 409 && a.get("code") != "duplicate_foreign_id" {
			t.Errorf("%s", a.body)
		}
	}
	list := w.want(w.call(w.acme.key, "GET", "/v1/withdrawals", ""), 200)
	if strings.Count(string(list.body), `"object":"withdrawal"`) != 2 {
		t.Errorf("%s", list.body)
	}
	if got := w.balance(w.acme, "reserved"); got != "2.000000" {
		t.Errorf("reserved %s", got)
	}
}

// Case 1: of many withdrawals of the whole balance at once, one is accepted.
func TestCase01ParallelWithdrawalsOfTheWholeBalance(t *testing.T) {
	w := newWorld(t)
	w.fund(w.acme, "USDT", "100")
	count, _ := w.together(64, func(n int) (answer, error) {
		return w.try(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout(fmt.Sprintf("w-%d", n), "100"))
	})
	if count[201] != 1 || count[422] != 63 {
		t.Errorf("%v", count)
	}
	if got := w.balance(w.acme, "available_for_withdrawal") + " " + w.balance(w.acme, "reserved"); got != "0.000000 100.000000" {
		t.Errorf("available and reserved: %s", got)
	}
}

// Two batches of 1,000 that share half of their ids, at once: every id is accepted once.
// case-19: a batch that is run again.
func TestCase07BatchesAtOnceAcceptEachForeignIDOnce(t *testing.T) {
	w := newWorld(t)
	w.fund(w.acme, "USDT", "10000")
	batch := func(from int) string {
		var items []string
		for n := range 1000 {
			items = append(items, w.acme.payout(fmt.Sprintf("w-%d", from+n), "1"))
		}
		return `{"withdrawals":[` + strings.Join(items, ",") + "]}"
	}
	_, answers := w.together(2, func(n int) (answer, error) {
		return w.try(w.acme.key, "POST", "/v1/withdrawals/batch", batch(500*n))
	})
	accepted := 0
	for _, a := range answers {
		w.want(a, 200)
		n := strings.Count(string(a.body), `"status":201`)
		accepted += n
		if fmt.Sprint(n) != a.get("accepted") || n+strings.Count(string(a.body), `"code":"duplicate_foreign_id"`) != 1000 {
			t.Errorf("accepted %s, %d results", a.get("accepted"), n)
		}
	}
	if accepted != 1500 {
		t.Errorf("%d accepted", accepted)
	}
	if got := w.balance(w.acme, "reserved"); got != "1500.000000" {
		t.Errorf("reserved %s", got)
	}
}
