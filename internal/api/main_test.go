package api_test

import (
	"testing"

	"go.uber.org/goleak"

	"sluice/internal/store/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Wrap(m)) }
