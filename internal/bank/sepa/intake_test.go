package sepa_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/internal/bank/message"
	"sluice/internal/bank/sepa"
	"sluice/internal/bank/sepa/channel"
)

const ours = "DE02100500000054540402"

// TestIntake: good files are taken in and archived, bad ones put into quarantine whole,
// and what could not be kept comes again.
func TestIntake(t *testing.T) {
	dir := t.TempDir()
	ch, err := channel.OpenFolder(dir, channel.FolderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ch.Close() }()
	load := func(name string) string {
		data, err := os.ReadFile(filepath.Join("..", "message", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	day := load("camt053-day.xml")
	for name, text := range map[string]string{
		"1-good.xml":           day,
		"2-status.xml":         load("pain002-mixed.xml"),
		"3-other-account.xml":  strings.Replace(day, ours, "DE95500105173934555844", 1),
		"4-dollars.xml":        strings.Replace(day, "<Ccy>EUR</Ccy>", "<Ccy>USD</Ccy>", 1),
		"5-cut.xml":            day[:1000],
		"6-bomb.xml":           strings.Replace(day, "<Document", `<!DOCTYPE d [<!ENTITY a "aaa">]><Document`, 1),
		"7-unbalanced.xml":     strings.Replace(day, `"EUR">494.50`, `"EUR">494.51`, 1),
		"8-changed.xml":        day,
		"8-changed.xml.sha256": fmt.Sprintf("%x  8-changed.xml\n", sha256.Sum256([]byte("x"))),
		"9-later.xml":          strings.Replace(day, "STMT-226", "LATER", 1),
	} {
		if err := os.WriteFile(filepath.Join(dir, "inbox", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	big, err := os.Create(filepath.Join(dir, "inbox", "a-gigabyte.xml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(big.Truncate(1<<30), big.Close()); err != nil {
		t.Fatal(err)
	}
	var taken []string
	full := errors.New("the database is full")
	in := sepa.Intake{Channel: ch, Own: func(n string) bool { return n == ours }, Limits: message.DefaultLimits, Take: func(_ context.Context, d sepa.Delivery) error {
		if len(d.Files[0].Accounts) > 0 && d.Files[0].Accounts[0].ID == "LATER" && full != nil {
			return full
		}
		if d.Name == "1-good.xml" && d.Content.Hash != fmt.Sprintf("%x", sha256.Sum256([]byte(day))) {
			t.Errorf("sum %s", d.Content.Hash)
		}
		taken = append(taken, d.Name)
		return nil
	}}
	refused, err := in.Run(t.Context())
	if !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	want := map[string]message.Cause{
		"3-other-account.xml": message.WrongAccount, "4-dollars.xml": message.WrongCurrency, "5-cut.xml": message.Truncated, "6-bomb.xml": message.Hostile,
		"7-unbalanced.xml": message.Unbalanced, "8-changed.xml": "", "a-gigabyte.xml": message.TooLarge,
	}
	for _, r := range refused {
		var why *message.Refusal
		cause, expected := want[r.Name]
		if errors.As(r.Reason, &why) && why.Cause != cause || !errors.As(r.Reason, &why) && !errors.Is(r.Reason, sepa.ErrChecksum) || !expected {
			t.Errorf("%s: %v", r.Name, r.Reason)
		}
		text, err := os.ReadFile(filepath.Join(dir, "quarantine", r.Name+".reason.txt"))
		if err != nil || !strings.Contains(string(text), r.Reason.Error()) {
			t.Errorf("%s: reason %q, %v", r.Name, text, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "quarantine", r.Name)); err != nil {
			t.Error(err)
		}
		delete(want, r.Name)
	}
	if len(want) > 0 {
		t.Errorf("not refused: %v", want)
	}
	full = nil
	if refused, err := in.Run(t.Context()); err != nil || len(refused) > 0 {
		t.Errorf("%v, %v", refused, err)
	}
	if !slices.Equal(taken, []string{"1-good.xml", "2-status.xml", "9-later.xml"}) {
		t.Errorf("taken in: %v", taken)
	}
	if left, err := ch.Inbox(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
