package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"syscall"
	"time"

	"sluice/internal/api"
	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/fault/outage"
	"sluice/internal/id"
	"sluice/internal/payout"
)

// The bounds of a connection. A body may take a while over a bad line; a head may not.
const (
	headTimeout  = 10 * time.Second
	readTimeout  = 60 * time.Second
	writeTimeout = 90 * time.Second
	idleTimeout  = 2 * time.Minute
	headBytes    = 64 << 10
)

// listen opens the ports and makes their servers. A port that is taken is found
// out before anything has started.
func (a *App) listen(ctx context.Context) (err error) {
	main := http.NewServeMux()
	main.HandleFunc("GET /healthz", healthz)
	main.HandleFunc("GET /readyz", a.readyz)
	if a.conf.MetricsOnMain {
		main.Handle("GET /metrics", a.metrics.handler())
	}
	native := a.metrics.serve(api.New(api.Deps{
		Loop: a.Loop, Reads: a.Store, Assets: a.Assets, Rails: a.rails, Terms: a.terms, Treasury: a.survey, Log: a.log, Version: Version(),
		Webhooks:    api.WebhookRules{AllowHTTP: a.conf.Mode == config.Dev, Ranges: a.conf.Webhooks.Ranges(), Limit: int64(a.conf.Webhooks.EndpointsMax)},
		ReviewAbove: a.conf.ReviewAbove(), OwnCredits: a.conf.OwnCredits(),
		Bank: api.BankRules{Policy: a.conf.Bank.Policy(), Inline: a.conf.Bank.Inline}, Seal: a.ring,
	}))
	all := a.mountDialects(main, native)
	if a.listener, err = a.open(ctx, "listen", a.conf.Listen); err != nil {
		return err
	}
	a.server = a.newServer(all)
	if a.conf.AdminListen == "" {
		return nil
	}
	admin := http.NewServeMux()
	admin.HandleFunc("GET /healthz", healthz)
	admin.HandleFunc("GET /readyz", a.readyz)
	admin.Handle("GET /metrics", a.metrics.handler())
	admin.HandleFunc("/debug/pprof/", pprof.Index)
	admin.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	admin.HandleFunc("/debug/pprof/profile", pprof.Profile)
	admin.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	admin.HandleFunc("/debug/pprof/trace", pprof.Trace)
	if a.adminListener, err = a.open(ctx, "admin_listen", a.conf.AdminListen); err != nil {
		return err
	}
	a.adminServer = a.newServer(admin)
	a.adminServer.WriteTimeout = 0 // a profile takes as long as was asked for
	return nil
}

func (a *App) open(ctx context.Context, key, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fault.New(fault.Invalid, "cannot_listen", "%s: %s", key, WhyNotListen(address, err))
	}
	a.closers = append(a.closers, func() error {
		_ = l.Close() // the server has closed it already, if it ran
		return nil
	})
	return watchedListener{l, a.outages, outage.Subject{What: outage.Port, Name: key}}, nil
}

// watchedListener notes whether connections can be accepted, which they cannot without
// file descriptors. http.Server waits and tries again.
type watchedListener struct {
	net.Listener
	outages *outage.Book
	port    outage.Subject
}

// Accept implements net.Listener.
func (l watchedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if !errors.Is(err, net.ErrClosed) {
		l.outages.Note(l.port, err)
	}
	return c, err
}

// WhyNotListen says why an address cannot be listened at, and what to do.
func WhyNotListen(address string, err error) string {
	var name *net.DNSError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return address + " is held by another program: end it, or choose another port"
	case errors.Is(err, syscall.EADDRNOTAVAIL), errors.As(err, &name):
		return address + " is no address of this machine: use 127.0.0.1, one of its own, or none for all, like :8080"
	case errors.Is(err, syscall.EACCES):
		return address + " is not for this user: ports below 1024 need rights of their own; choose another and put a proxy in front"
	default:
		return address + " cannot be opened: " + err.Error()
	}
}

func (a *App) newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: headBytes, ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
}

// healthz answers as long as the process does.
func healthz(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintln(rw, `{"status":"ok"}`) // the client is gone: nobody to tell
}

// check is one reason for which a process may take no traffic.
type check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty"`
}

// readyTimeout bounds the look at the database.
const readyTimeout = 2 * time.Second

// Checks tells whether this process may take traffic, and why not.
func (a *App) checks(ctx context.Context) (ready bool, all []check) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	add := func(name string, err error, text string) {
		c := check{Name: name, OK: err == nil}
		if err != nil {
			c.Reason = text // err may name hosts and users: it is for the log, which has it once
		}
		all = append(all, c)
	}
	add("database", a.Store.Ping(ctx), "the database does not answer")
	unwritable := a.writes.ask(ctx)
	add("writes", unwritable, a.writes.text(unwritable))
	add("schema", nil, "") // an unknown schema is refused at the start
	add("write_path", a.Loop.Broken(), "a broken invariant stopped the write path; see the log")
	if a.health != nil {
		err := a.health.ask(ctx)
		add("signer", err, "the signer signs nothing ("+fault.CodeOf(err)+"); see the log")
	}
	var older error
	if a.books.Looking() {
		older = errLooking
	}
	add("books", older, "looking only: the database was restored and is being compared with what was paid since; see `sluice recover`")
	var stopping error
	if a.draining.Load() {
		stopping = errDraining
	}
	add("running", stopping, "the process is stopping")
	ready = true
	for _, c := range all {
		ready = ready && c.OK
	}
	return ready, all
}

var errLooking = fault.New(fault.Unavailable, "looking_only", "the books are only looked at")

var errDraining = fault.New(fault.Unavailable, "shutting_down", "the process is stopping")

// halted is a wallet that pays nothing new before an operator has looked.
type halted struct {
	Wallet string `json:"wallet"`
	Reason string `json:"reason"`
}

// halted lists the wallets whose chain has undone payouts that were final. This process may
// take traffic all the same: other wallets pay.
func (a *App) halted(ctx context.Context) (out []halted) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	rows, err := a.Store.Halted(ctx)
	if err != nil {
		return nil // the database is a check of its own
	}
	for _, s := range rows {
		out = append(out, halted{
			id.ID{Shard: payout.OperatorShard, Seq: s.Wallet}.Text(id.Wallet),
			fmt.Sprintf("%d payouts were final and are gone from the chain; see sluice reconcile and sluice wallet resume", s.Lost),
		})
	}
	return out
}

// readyz answers 200 while this process may take traffic, else 503 with the reasons.
func (a *App) readyz(rw http.ResponseWriter, r *http.Request) {
	ready, all := a.checks(r.Context())
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("Cache-Control", "no-store")
	if !ready {
		rw.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(rw).Encode(struct { // the client is gone: nobody to tell
		Ready  bool     `json:"ready"`
		Checks []check  `json:"checks"`
		Halted []halted `json:"halted,omitempty"`
	}{ready, all, a.halted(r.Context())})
}
