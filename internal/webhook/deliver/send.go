package deliver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sluice/internal/webhook"
)

// Bounds of one attempt.
const (
	connectTimeout  = 5 * time.Second
	totalTimeout    = 15 * time.Second // one deadline over connecting, headers and body
	maxResponse     = 64 << 10         // more of an answer is not read
	maxHeaders      = 64 << 10
	idleTimeout     = 90 * time.Second
	idlePerEndpoint = 64
	userAgent       = "Sluice-Webhook/1"
)

// sender makes single attempts.
type sender struct {
	client http.Client
	plain  bool // plain http may be sent
}

func newSender(o Options) *sender {
	dialer := &net.Dialer{Timeout: connectTimeout, ControlContext: newGuard(o).control, Resolver: o.Resolver}
	return &sender{
		plain: o.AllowHTTP,
		client: http.Client{
			Transport: &http.Transport{
				Proxy:                  nil, // a proxy of the environment would be dialled instead of the checked address
				DialContext:            dialer.DialContext,
				TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
				TLSHandshakeTimeout:    connectTimeout,
				ForceAttemptHTTP2:      true, // an own dialer turns it off otherwise
				DisableCompression:     true, // what we read is what was sent: no bombs
				MaxIdleConnsPerHost:    idlePerEndpoint,
				IdleConnTimeout:        idleTimeout,
				MaxResponseHeaderBytes: maxHeaders,
			},
			// A redirect is an answer that is not 2xx, and so a failure. Following one
			// would send signed messages where nobody wanted them.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// message is what one attempt sends.
type message struct {
	id      string
	body    []byte
	url     string
	key     string // for the signature, of the format
	keys    webhook.Keys
	missing func(status int64, body []byte) string // of the format
}

// send makes one attempt and tells what came of it. It takes at most totalTimeout
// and never fails itself: a failure is the result.
func (s *sender) send(ctx context.Context, m message) (a webhook.Attempt, retryAfter time.Duration) {
	start := time.Now()
	sum := sha256.Sum256(m.body)
	a = webhook.Attempt{At: start.UTC().Truncate(time.Microsecond), SignedAt: start.Unix(), SentHash: sum[:], SentBytes: int64(len(m.body))}
	ctx, cancel := context.WithTimeout(ctx, totalTimeout)
	defer cancel()
	var conn dialled
	retryAfter, err := s.exchange(context.WithValue(ctx, dialledKey{}, &conn), m, start, &conn, &a)
	a.Address, a.DurationMicros = conn.get(), time.Since(start).Microseconds()
	switch {
	case err != nil:
		a.ErrorClass, a.ErrorText = string(classify(ctx, err)), printable(err.Error())
	case !a.Succeeded():
		a.ErrorClass, a.ErrorText = string(webhook.ClassStatus), "answered "+strconv.FormatInt(a.Status, 10)
	default:
		if text := m.missing(a.Status, a.Body); text != "" {
			a.ErrorClass, a.ErrorText = string(webhook.ClassAnswer), text
		}
	}
	return a, retryAfter
}

// errKeys are keys that do not sign.
var errKeys = errors.New("the message cannot be signed")

// errURL is a URL that is not sent to, whatever it was when it was saved.
var errURL = errors.New("only https URLs are sent to")

func (s *sender) exchange(ctx context.Context, m message, at time.Time, conn *dialled, a *webhook.Attempt) (time.Duration, error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { conn.set(i.Conn.RemoteAddr().String()) }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url, bytes.NewReader(m.body))
	if err != nil || req.URL.Scheme != "https" && (req.URL.Scheme != "http" || !s.plain) {
		return 0, errURL
	}
	headers, err := m.keys.Headers(webhook.Signed{ID: m.id, At: at, URL: m.url, Key: m.key, Body: m.body})
	if err != nil {
		return 0, errors.Join(errKeys, err)
	}
	req.Header = http.Header{"Content-Type": {"application/json"}, "User-Agent": {userAgent}}
	for _, h := range headers {
		req.Header.Set(h.Name, h.Value)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0, unwrapURL(err)
	}
	defer res.Body.Close() //nolint:errcheck // only read from
	a.Status = int64(res.StatusCode)
	retryAfter := parseRetryAfter(res.Header.Get("Retry-After"), at)
	a.Body, err = readBody(res.Body)
	return retryAfter, err
}

// readBody reads an answer as far as we read any and gives the part that is kept.
// An answer that is longer is none the worse: its status said what we need.
func readBody(r io.Reader) ([]byte, error) {
	kept, err := io.ReadAll(io.LimitReader(r, webhook.MaxStoredBody))
	if err != nil || len(kept) < webhook.MaxStoredBody {
		return kept, err
	}
	// Reading on lets the connection be used again.
	_, err = io.CopyN(io.Discard, r, maxResponse-webhook.MaxStoredBody)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return kept, err
}

// parseRetryAfter reads seconds or a date (RFC 9110, 10.2.3); 0 for anything else.
func parseRetryAfter(s string, now time.Time) time.Duration {
	if s == "" {
		return 0
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Duration(min(max(n, 0), int64(webhook.MaxRetryAfter/time.Second))) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return min(max(t.Sub(now), 0), webhook.MaxRetryAfter)
	}
	return 0
}

// unwrapURL drops the method and URL that net/http puts before its errors.
func unwrapURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// classify names a failure without an answer.
func classify(ctx context.Context, err error) webhook.Class {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var unknown x509.UnknownAuthorityError
	var op *net.OpError
	var netErr net.Error
	switch {
	case errors.Is(err, errURL):
		return webhook.ClassURL
	case errors.Is(err, errKeys):
		return webhook.ClassKeys
	case errors.Is(err, errBlocked):
		return webhook.ClassBlocked
	case errors.As(err, &dns):
		return webhook.ClassDNS
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return webhook.ClassTimeout
	case errors.As(err, &cert), errors.As(err, &record), errors.As(err, &alert), errors.As(err, &unknown):
		return webhook.ClassTLS
	case errors.As(err, &op) && op.Op == "dial":
		return webhook.ClassConnect
	}
	return webhook.ClassNetwork
}

// printable keeps what a database takes as text: an answer may hold anything, and
// parts of it are in errors.
func printable(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
}

// close lets go of idle connections.
func (s *sender) close() { s.client.CloseIdleConnections() }
