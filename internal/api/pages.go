package api

import (
	_ "embed"
	"net/http"
)

//go:embed openapi.yaml
var openAPI []byte

// pages serves the contract. It is public: what it says is in the source, too.
func (s *server) pages() {
	s.mux.HandleFunc("GET /openapi.yaml", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header()["Content-Type"] = []string{"application/yaml"}
		_, _ = rw.Write(openAPI)
	})
}
