package coinspaid_test

import (
	"net/http"

	"sluice/internal/dialect/dialecttest"
)

func check(*dialecttest.World, *http.Request, string, int, http.Header, []byte) {}
