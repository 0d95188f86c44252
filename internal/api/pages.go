package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the contract and its page
	"encoding/base64"
	"net/http"
)

//go:embed openapi.yaml
var openAPI []byte

// docsPage is written from openapi.yaml by go generate.
//
//go:embed docs.html
var docsPage []byte

// pages serves the contract, for programs and for people. It is public: what it
// says is in the source, too. The page may use its one style and its one script, and nothing else.
func (s *server) pages() {
	policy := "default-src 'none'; style-src '" + hashOf("style") + "'; script-src '" + hashOf("script") +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	serve := func(pattern, contentType string, body []byte) {
		s.mux.HandleFunc(pattern, func(rw http.ResponseWriter, _ *http.Request) {
			h := rw.Header()
			h.Set("Content-Type", contentType)
			h.Set("Content-Security-Policy", policy)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "no-referrer")
			_, _ = rw.Write(body)
		})
	}
	serve("GET /openapi.yaml", "application/yaml", openAPI)
	serve("GET /docs", "text/html; charset=utf-8", docsPage)
}

// hashOf names what is in the page's one element of a tag, for a Content-Security-Policy.
func hashOf(tag string) string {
	_, rest, _ := bytes.Cut(docsPage, []byte("<"+tag+">"))
	inside, _, _ := bytes.Cut(rest, []byte("</"+tag+">"))
	sum := sha256.Sum256(inside)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
