package outage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/fault/outage"
)

// book makes a book whose log is kept, without times.
func book(level slog.Level) (*outage.Book, *slog.Logger, *bytes.Buffer) {
	var text bytes.Buffer
	h := slog.NewTextHandler(&text, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	b := outage.New(slog.New(h))
	return b, slog.New(b.Handler(h)), &text
}

func TestOneLineAtTheBeginAndOneAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _, text := book(slog.LevelInfo)
		node := outage.Subject{What: outage.Node, Name: "ethereum"}
		b.OK(node)
		for n := range 60 { // every other time it works
			b.Note(node, map[bool]error{true: errors.New("refused")}[n%2 == 0])
			time.Sleep(time.Second)
		}
		if open := b.Open(); len(open) != 1 || open[0] != node {
			t.Errorf("out: %v", open)
		}
		b.OK(outage.Subject{What: outage.Node, Name: "bitcoin"})
		time.Sleep(outage.Quiet)
		b.OK(node)
		b.OK(node)
		b.Fail(node, context.Canceled) // somebody gave up: that proves nothing
		want := `level=WARN msg="a node does not answer: payouts on its network wait" node=ethereum error=refused
level=WARN msg="a node answers again" node=ethereum lasted=1m5s
`
		if text.String() != want || len(b.Open()) != 0 {
			t.Errorf("got\n%s\nwant\n%s(out: %v)", text, want, b.Open())
		}
	})
}

// What others log about something that is out is out of the log; everything else is not.
func TestHandlerFoldsWhatIsMarked(t *testing.T) {
	down := outage.Mark(outage.Subject{What: outage.Database}, errors.New("connection refused"))
	for level, lines := range map[slog.Level]int{slog.LevelInfo: 4, slog.LevelDebug: 7} {
		b, log, text := book(level)
		for range 3 {
			log.Error("a list cannot be read", "error", fmt.Errorf("read wallet: %w", down))
		}
		log.Error("a list is wrong", "error", errors.New("a bug"))
		log.Warn("something else", "wallet", "wal_1")
		log.Info("a deposit was booked", "error", down)
		if got := strings.Count(text.String(), "\n"); got != lines || strings.Count(text.String(), "the database does not answer") != 1 {
			t.Errorf("at %s %d lines, want %d:\n%s", level, got, lines, text)
		}
		if len(b.Open()) != 1 {
			t.Errorf("out: %v", b.Open())
		}
	}
}
