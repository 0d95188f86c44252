package id_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/internal/id"
)

// The public form is a valid UUIDv7 that holds shard, time and number.
func TestIDsCarryTheirAddress(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMilli(rapid.Int64Range(1_600_000_000_000, 4_000_000_000_000).Draw(t, "ms"))
		i := id.ID{
			Shard: id.Shard(rapid.IntRange(0, id.MaxShards-1).Draw(t, "shard")),
			Seq:   id.Next(0, at) + id.Seq(rapid.IntRange(0, 1<<20-1).Draw(t, "count")),
		}
		back, err := id.Parse(id.Withdrawal, i.Text(id.Withdrawal))
		if err != nil || back != i {
			t.Fatalf("%v -> %s -> %v, %v", i, i.Text(id.Withdrawal), back, err)
		}
		if !i.Seq.Time().Equal(at) {
			t.Fatalf("time of %v is %v, want %v", i, i.Seq.Time(), at)
		}
		u := i.UUID(id.Withdrawal)
		if u[6]>>4 != 7 || u[8]>>6 != 2 {
			t.Fatalf("%x is no UUIDv7", u)
		}
		if _, err := id.FromUUID(id.Account, u); err == nil {
			t.Fatalf("a withdrawal's digits were taken for an account")
		}
	})
}

func TestNextGrowsWithAClockThatDoesNot(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	last := id.Next(0, now)
	for _, at := range []time.Time{now, now, now.Add(-time.Hour), now.Add(time.Millisecond), now} {
		next := id.Next(last, at)
		if next <= last {
			t.Fatalf("%d after %d", next, last)
		}
		last = next
	}
}

func TestParseRefusesWhatWasNotIssued(t *testing.T) {
	good := id.ID{Shard: 3, Seq: id.Next(0, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))}.Text(id.Account)
	last := "0"
	if strings.HasSuffix(good, "0") {
		last = "1"
	}
	for name, s := range map[string]string{
		"empty":            "",
		"another kind":     "wd_" + good[4:],
		"one digit wrong":  good[:len(good)-1] + last,
		"upper case":       strings.ToUpper(good),
		"too short":        good[:len(good)-1],
		"too long":         good + "0",
		"not hex":          "acc_" + strings.Repeat("g", 32),
		"zeros":            "acc_" + strings.Repeat("0", 32),
		"path":             "acc_../../../../../../../../../../..",
		"no prefix":        good[4:],
		"random version 4": "acc_9b2f0f0e4c3d4b6a8f1e2d3c4b5a6978",
	} {
		if got, err := id.Parse(id.Account, s); err == nil {
			t.Errorf("%s: %q read as %v", name, s, got)
		}
	}
}
