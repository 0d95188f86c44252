package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/merchant/destination"
	"sluice/internal/store"
)

// The columns of a new row that are empty stand in the text of its INSERT. However
// many forms that makes, every row is kept as it was.
func TestRowsWithEveryMixOfEmptyColumns(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "forms.db")
	if err := store.Migrate(t.Context(), url, store.Options{}); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	loop := commit.New(db, db.Shards(), commit.Options{})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- loop.Run(ctx) }()
	defer func() {
		stop()
		if err := errors.Join(<-ended, db.Close()); err != nil {
			t.Error(err)
		}
	}()
	text := func(mix, bit int) string {
		if mix>>bit&1 == 1 {
			return "filled"
		}
		return ""
	}
	var rows []destination.Destination
	for mix := range 1 << 7 {
		rows = append(rows, destination.Destination{
			Seq: id.Seq(mix + 1), Merchant: id.Seq(mix & 1), Account: id.Seq(mix >> 1 & 1), Typed: text(mix, 2), Tag: text(mix, 3), Label: text(mix, 4),
			Decoded: []byte(text(mix, 5)), Canonical: text(mix, 6), Version: 1,
		})
	}
	if _, err := commit.Do(ctx, loop, 0, insertAll(rows)); err != nil {
		t.Fatal(err)
	}
	got, err := commit.Do(ctx, loop, 0, readAll(len(rows)))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range rows {
		have := got[i]
		if string(have.Decoded) != string(want.Decoded) {
			t.Errorf("row %d has bytes %q, want %q", i, have.Decoded, want.Decoded)
		}
		have.Decoded, want.Decoded = nil, nil
		if have.Seq != want.Seq || have.Merchant != want.Merchant || have.Account != want.Account || have.Typed != want.Typed ||
			have.Tag != want.Tag || have.Label != want.Label || have.Canonical != want.Canonical || !have.CreatedAt.IsZero() {
			t.Errorf("row %d is %+v, want %+v", i, have, want)
		}
	}
}

type insertAll []destination.Destination

func (insertAll) Reads(*commit.Wants) {}

func (c insertAll) Apply(v *commit.View) (commit.Nothing, error) {
	for _, d := range c {
		destination.Destinations.Insert(v, d)
	}
	return commit.Nothing{}, nil
}

type readAll int

func (c readAll) Reads(w *commit.Wants) {
	for n := range int(c) {
		destination.Destinations.Want(w, id.Seq(n+1))
	}
}

func (c readAll) Apply(v *commit.View) ([]destination.Destination, error) {
	var out []destination.Destination
	for n := range int(c) {
		d, _ := destination.Destinations.Get(v, id.Seq(n+1))
		out = append(out, d)
	}
	return out, nil
}
