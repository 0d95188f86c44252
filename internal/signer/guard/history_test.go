package guard_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/signer"
	"sluice/internal/signer/guard"
)

// TestHistory reads the log back, from any place in it, while it goes on in new files.
func TestHistory(t *testing.T) {
	keys, folder := imported(t), t.TempDir()
	if page, next, err := guard.History(folder, ""); err != nil || len(page) > 0 || next != "" {
		t.Fatalf("a log that was never written: %d records, next %q, %v", len(page), next, err)
	}
	g := open(t, keys, with(folder), func(o *guard.Options) { o.FileSize = 2000 })
	const slots = 40
	var places []string // after each record
	at := ""
	for n := range uint64(slots) {
		must(t, sign(t, g, func(in *signer.Intent) {
			in.Nonce, in.Bound = n, fmt.Sprintf("dsp_%d", n)
			in.Outputs[0].Ref, in.Outputs[0].Asset, in.Outputs[0].Memo = fmt.Sprintf("wd_%d", n), "ETH", strings.Repeat("é", 2000)
		}))
		page, next, err := g.History(t.Context(), at)
		must(t, err)
		if len(page) != 1 || *page[0].Nonce != n || page[0].Bound != fmt.Sprintf("dsp_%d", n) || page[0].Fence != 3 || page[0].Again || page[0].Network != "ethereum" {
			t.Fatalf("after %q: %+v", at, page)
		}
		want := signer.Output{Ref: fmt.Sprintf("wd_%d", n), Asset: "ETH", To: intent(t).Outputs[0].To, Token: []byte{}, Amount: money.Of(5), Memo: strings.Repeat("é", 2000)}
		if got := page[0].Payouts; len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(want) {
			t.Fatalf("payouts %+v, want %+v", got, want)
		}
		if !strings.EqualFold(page[0].Wallet, exampleAddress) {
			t.Fatalf("wallet %s", page[0].Wallet)
		}
		at = next
		places = append(places, at)
	}
	must(t, sign(t, g, func(in *signer.Intent) { in.Nonce, in.Cancel = 3, true }))
	must(t, g.Close())
	if n := len(logFiles(t, folder)); n < 3 {
		t.Fatalf("%d files: the test shows nothing", n)
	}
	// From each place the rest is there, and ends with the cancel.
	for n, from := range append([]string{""}, places...) {
		var got []signer.Record
		for {
			page, next, err := guard.History(folder, from)
			must(t, err)
			if len(page) == 0 {
				break
			}
			got, from = append(got, page...), next
		}
		if len(got) != slots-n+1 || !got[len(got)-1].Cancel || !got[len(got)-1].Again {
			t.Errorf("from place %d: %d records", n, len(got))
		}
	}
}

// TestHistoryOfAnotherLog gives a place that the log does not have: it was replaced, or
// cut back to an older copy.
func TestHistoryOfAnotherLog(t *testing.T) {
	keys := imported(t)
	folder, text := written(t, keys)
	_, end, err := guard.History(folder, "")
	must(t, err)
	lines := bytes.SplitAfter(text, []byte("\n"))
	for name, log := range map[string][]byte{
		"older": bytes.Join(lines[:2], nil), "torn": text[:len(text)-5], "another": bytes.Join([][]byte{lines[1], lines[0], lines[2]}, nil)[:len(text)-1],
	} {
		must(t, os.WriteFile(logFiles(t, folder)[0], log, 0o600))
		if _, _, err := guard.History(folder, end); fault.CodeOf(err) != "signer_log_other" {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, os.Remove(logFiles(t, folder)[0]))
	if _, _, err := guard.History(folder, end); fault.CodeOf(err) != "signer_log_other" {
		t.Errorf("gone: %v", err)
	}
	for _, bad := range []string{"x", "1:2:3:4", "0:0:" + strings.Repeat("00", 32) + ":0", "1:-1:" + strings.Repeat("00", 32) + ":0"} {
		if _, _, err := guard.History(folder, bad); fault.CodeOf(err) != "signer_log_place" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestHistoryPages splits a line that many asks share.
func TestHistoryPages(t *testing.T) {
	keys, folder := imported(t), t.TempDir()
	g := open(t, keys, with(folder))
	memo := strings.Repeat("m", signer.MemoMax)
	const slots = 1200 // of some 2.5 KB each: three pages
	errs := make(chan error, slots)
	for n := range uint64(slots) {
		go func() {
			in := intent(t)
			in.Nonce, in.Outputs[0].Memo = n, memo
			_, err := g.Sign(t.Context(), in)
			errs <- err
		}()
	}
	for range slots {
		must(t, <-errs)
	}
	must(t, g.Close())
	seen, pages, from := map[uint64]bool{}, 0, ""
	for {
		page, next, err := guard.History(folder, from)
		must(t, err)
		if len(page) == 0 {
			break
		}
		pages++
		for _, r := range page {
			if seen[*r.Nonce] {
				t.Fatalf("nonce %d was given twice", *r.Nonce)
			}
			seen[*r.Nonce] = true
		}
		from = next
	}
	if len(seen) != slots || pages < 3 {
		t.Errorf("%d slots on %d pages", len(seen), pages)
	}
	in := intent(t)
	in.Nonce, in.Outputs[0].Memo = slots, memo+"m"
	g = open(t, keys, with(folder))
	defer g.Close() //nolint:errcheck // nothing is written
	if _, err := g.Sign(t.Context(), in); fault.CodeOf(err) != "sign_malformed" {
		t.Errorf("a memo that is too long: %v", err)
	}
}
