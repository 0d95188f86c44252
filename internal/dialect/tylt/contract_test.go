package tylt_test

import (
	"net/http"

	"sluice/internal/dialect/dialecttest"
)

func proved(*dialecttest.World, *http.Request, string, *http.Response, []byte) {}
