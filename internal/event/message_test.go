package event_test

import (
	"strings"
	"testing"

	"sluice/internal/event"
	"sluice/internal/id"
)

func TestMessageIDsReadBack(t *testing.T) {
	for _, c := range []struct {
		shard id.Shard
		seq   int64
		text  string
	}{
		{0, 1, "evt_00000000000000000001"},
		{7, 255, "evt_000700000000000000ff"},
		{id.MaxShards - 1, 1<<63 - 1, "evt_0fff7fffffffffffffff"},
	} {
		got := event.MessageID(c.shard, c.seq)
		if got != c.text || strings.Contains(got, ".") {
			t.Errorf("shard %d, sequence %d: %s, want %s", c.shard, c.seq, got, c.text)
		}
		if shard, seq, err := event.ParseMessageID(got); err != nil || shard != c.shard || seq != c.seq {
			t.Errorf("%s reads back as %d, %d, %v", got, shard, seq, err)
		}
	}
	for _, s := range []string{
		"", "evt_", "evt_0000000000000000000", "evt_000000000000000000001", "evt_00000000000000000000", "evt_0000800000000000000f",
		"evt_10000000000000000001", "evt_0000000000000000000g", "evt_0000000000000000000A", "wd_00000000000000000001",
	} {
		if shard, seq, err := event.ParseMessageID(s); err == nil {
			t.Errorf("%q was read as %d, %d", s, shard, seq)
		}
	}
}
