package bench_test

import (
	"testing"

	"go.uber.org/goleak"

	"sluice/internal/demo/devnet"
	"sluice/internal/store/pgtest"
)

func TestMain(m *testing.M) {
	var ignore []goleak.Option
	for _, f := range devnet.LeftBehind {
		ignore = append(ignore, goleak.IgnoreTopFunction(f))
	}
	goleak.VerifyTestMain(pgtest.Wrap(m), ignore...)
}
