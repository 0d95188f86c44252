package app

import (
	"net/http"
	"slices"
	"strings"

	"sluice/internal/api"
	"sluice/internal/api/straight"
	"sluice/internal/config"
	"sluice/internal/dialect"
	"sluice/internal/dialect/coinspaid"
	"sluice/internal/dialect/tylt"
	"sluice/internal/dialect/upvest"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal/intake"
)

// wires makes every dialect, served or not: what one has to tell is told all the same.
var wires = []func(dialect.Deps, config.Config) dialect.Dialect{
	func(d dialect.Deps, _ config.Config) dialect.Dialect { return coinspaid.New(d) },
	func(d dialect.Deps, conf config.Config) dialect.Dialect { return tylt.New(d, conf.Symbols()) },
	func(d dialect.Deps, _ config.Config) dialect.Dialect { return upvest.New(d) },
}

// newDialects makes the wires of other providers. Terms and rails are there.
func (a *App) newDialects() error {
	var err error
	if a.ring, err = a.conf.Seal.Ring(); err != nil {
		return err
	}
	d := dialect.Deps{
		Loop: a.Loop, Reads: a.Store, Log: a.log, Version: Version(), AllowHTTP: a.conf.Mode == config.Dev, Ranges: a.conf.Webhooks.Ranges(), EndpointsMax: int64(a.conf.Webhooks.EndpointsMax), Seal: a.ring,
		Bank: a.conf.Bank.Policy(), OwnCredits: a.conf.OwnCredits(),
		Desk: &intake.Intake{Assets: a.Assets, Rails: a.rails, Terms: a.terms, ReviewAbove: a.conf.ReviewAbove()},
	}
	for _, wire := range wires {
		a.dialects = append(a.dialects, wire(d, a.conf))
	}
	return nil
}

// mountDialects serves those that are not switched off, and native what is left. The paths
// of those that are get the native answer: another dialect may have a path above them.
// What it gives answers every path in the form of its surface.
func (a *App) mountDialects(main *http.ServeMux, native http.Handler) http.Handler {
	rest := native
	for _, d := range a.dialects {
		h := native
		if a.conf.Dialects.On(d.Name()) {
			h = a.metrics.serve(d)
			rest = dialect.Claim(d, h, rest)
		}
		for _, pattern := range d.Patterns() {
			main.Handle(pattern, h)
			if root := strings.TrimSuffix(pattern, "/"); !slices.Contains(d.Patterns(), root) {
				main.Handle(root, h) // which would be redirected
			}
		}
	}
	main.Handle("/v1", native)
	main.Handle("/v1/", native)
	main.Handle("/", rest)
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if straight.Is(r.URL.Path) {
			main.ServeHTTP(rw, r)
			return
		}
		clean := r.Clone(r.Context())
		clean.URL.Path, clean.URL.RawPath = straight.Clean(r.URL.Path), ""
		surface, _ := main.Handler(clean)
		surface.ServeHTTP(rw, r)
	})
}

// formats are all ways in which endpoints are told.
func (a *App) formats() map[string]webhook.Format {
	out := map[string]webhook.Format{webhook.FormatNative: webhook.Native(api.NewRenderer(a.Store, a.Assets), a.ring)}
	for _, d := range a.dialects {
		out[d.Name()] = d.Format()
	}
	return out
}
