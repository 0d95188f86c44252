package cli

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"

	"sluice/internal/fault"
)

type healthCmd struct {
	URL   string `placeholder:"URL" help:"Where the server is, like http://127.0.0.1:8080. Default: the port of listen in the configuration, on this machine."`
	Ready bool   `help:"Ask whether it may take traffic too (/readyz), not only whether it answers (/healthz)."`
}

// healthTimeout bounds the wait for an answer.
const healthTimeout = 5 * time.Second

// Run implements the command. It is what a container, which has no curl, checks itself with.
func (c healthCmd) Run(e *env) error {
	at := c.URL
	if at == "" {
		conf, _, err := e.config(nil)
		if err != nil {
			return err
		}
		host, port, err := net.SplitHostPort(conf.Listen)
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "usage", "listen %q is no host:port; --url says where the server is", conf.Listen)
		}
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			host = "127.0.0.1"
		}
		at = "http://" + net.JoinHostPort(host, port)
	}
	path := "/healthz"
	if c.Ready {
		path = "/readyz"
	}
	at += path
	ctx, cancel := context.WithTimeout(e.ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "usage", "--url %q is no URL", c.URL)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fault.New(fault.Unavailable, "no_answer", "nothing answers at %s: is the server running there?", at)
	}
	defer res.Body.Close() //nolint:errcheck // read to its end, or given up
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return fault.New(fault.Unavailable, "no_answer", "the answer of %s ended before its end", at)
	}
	printer{e.Stdout}.text(string(body))
	if res.StatusCode != http.StatusOK {
		return quiet{ExitNo}
	}
	return nil
}
