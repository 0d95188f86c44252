package bench_test

import (
	"testing"
	"time"

	"sluice/internal/bench"
)

func TestMeasureSigner(t *testing.T) {
	r, err := bench.MeasureSigner(t.Context(), 8, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if r.Signatures == 0 || r.Commits == 0 || r.Commits > r.Signatures {
		t.Errorf("measured %+v", r)
	}
	t.Logf("%+v", r)
}
