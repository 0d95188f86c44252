package upvest_test

import (
	"net/http"

	"sluice/internal/dialect/dialecttest"
)

type contract struct{}

func theContract(*dialecttest.World) *contract { return nil }

func (*contract) look(*http.Request, string, answer) error { return nil }

type transcript struct{}

func (*transcript) add(*request, answer) {}
