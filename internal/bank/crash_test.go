package bank_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"sluice/internal/bank"
	"sluice/internal/commit"
)

// longFile is two statements in one message: hundreds of bookings that nothing tells apart
// but their places, payments of ours between them, and a return.
func longFile() string {
	var one, two []entry
	for n := range 250 {
		switch n {
		case 101, 152, 224:
			one = append(one, entry{"NONREF", ref(n % 5), "DBIT", "", 100 * (n%5 + 1)})
		default:
			one = append(one, entry{"NONREF", "", "CRDT", "", 5000})
		}
	}
	two = append(two, entry{"NONREF", ref(1), "CRDT", "AC04", 200}, entry{"NONREF", "", "CRDT", "", 5000})
	closing := 100000
	for _, e := range one {
		if e.side == "CRDT" {
			closing += e.cents
		} else {
			closing -= e.cents
		}
	}
	first, second := statement(1, 100000, one...), statement(2, closing, two...)
	stmt := second[strings.Index(second, "<Stmt>"):strings.Index(second, "</BkToCstmrStmt>")]
	return strings.Replace(first, "</BkToCstmrStmt>", stmt+"</BkToCstmrStmt>", 1)
}

// TestCrashInAFile stops in the middle of a file, after each of its commits, starts again,
// and finds what a run without a crash finds.
func TestCrashInAFile(t *testing.T) {
	text := longFile()
	commits := 0
	d := openObserved(t, t.TempDir(), bank.Options{}, func(commit.Batch) { commits++ })
	d.sent(order("M1", 0, 5))
	before := commits
	d.take(text)
	want := d.picture()
	d.stop()
	if count := strings.Count(want, " suspense "); count != 248 || !strings.Contains(want, ref(1)+" returned") {
		t.Fatalf("a run without a crash has %d bookings in suspense:\n%s", count, want)
	}
	for k := 1; k < commits-before; k++ {
		t.Run(fmt.Sprint("after commit ", k), func(t *testing.T) {
			dir := t.TempDir()
			ctx, crash := context.WithCancel(context.Background())
			defer crash()
			left := before + k
			d := openObserved(t, dir, bank.Options{}, func(commit.Batch) {
				if left--; left == 0 {
					crash()
				}
			})
			d.sent(order("M1", 0, 5))
			if err := d.tryTake(ctx, text); err == nil {
				t.Error("the file was taken in whole")
			}
			d.stop()
			d = open(t, dir, bank.Options{})
			defer d.stop()
			d.take(text)
			d.take(text)
			if got := d.picture(); got != want {
				t.Errorf("after a crash:\n%s\nwithout:\n%s", got, want)
			}
			if r := d.reconcile(); strings.Contains(open1(r), bank.CauseBalance) {
				t.Errorf("open: %s", open1(r))
			}
		})
	}
}
