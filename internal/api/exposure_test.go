package api_test

import (
	"context"
	"slices"
)

// exposed requires what exchange has left the house with: "currency done open total".
func (w *world) exposed(want ...string) {
	w.t.Helper()
	rows, err := w.db.Exposure(context.Background())
	must(w.t, err)
	var got []string
	for _, x := range rows {
		a := assets[x.Currency]
		got = append(got, x.Currency+" "+x.Done.Format(a)+" "+x.Open.Format(a)+" "+x.Total().Format(a))
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("exposed to %q; want %q", got, want)
	}
}
