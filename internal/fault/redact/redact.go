// Package redact keeps the secrets of URLs out of texts. The URL of a node, of a source
// of prices or of a webhook's receiver is a secret beyond its host: providers put keys
// into user, password, path, query and fragment. Every error of a client of such a URL
// passes through here before anybody logs, stores or shows it.
package redact

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
)

// Mark stands in a text where a secret was.
const Mark = "[redacted]"

// URL returns what of a URL anybody may read: scheme, host and port. A text that is no
// URL with a host becomes Mark.
func URL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return Mark
	}
	return u.Scheme + "://" + u.Host
}

// Secrets are the texts that must not be shown. The zero value knows none.
type Secrets struct{ parts []string }

// partMin is the length from which a part of a URL is replaced wherever it stands: a
// password of one letter would tear every word apart. Together with its neighbours
// ("u:p", "/v3/x") a shorter one is replaced all the same.
const partMin = 4

// Of returns the secrets of URLs. A text that cannot be parsed as a URL is a secret as
// a whole.
func Of(urls ...string) Secrets {
	var s Secrets
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			s.add(text)
			continue
		}
		if u.User != nil {
			password, _ := u.User.Password()
			pair := u.User.Username() + ":" + password
			s.add(u.User.String(), pair, base64.StdEncoding.EncodeToString([]byte(pair)))
			s.long(u.User.Username(), password)
		}
		if u.Path != "/" {
			s.add(u.EscapedPath(), u.Path)
		}
		s.long(strings.Split(u.Path, "/")...)
		s.add(u.RawQuery)
		for name, values := range u.Query() {
			s.long(values...)
			if values[0] == "" { // "?KEY" names it alone
				s.long(name)
			}
		}
		s.add(u.Fragment)
	}
	// The longest first: a part of another must not leave the rest of it behind.
	slices.SortFunc(s.parts, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	s.parts = slices.Compact(s.parts)
	return s
}

// add takes texts of any length but the shortest.
func (s *Secrets) add(texts ...string) {
	for _, t := range texts {
		if len(t) > 1 {
			s.parts = append(s.parts, t)
		}
	}
}

// long takes texts that are replaced wherever they stand, as they are and escaped.
func (s *Secrets) long(texts ...string) {
	for _, t := range texts {
		if len(t) >= partMin {
			s.add(t, url.QueryEscape(t), url.PathEscape(t))
		}
	}
}

// Text returns a text with Mark in place of every secret.
func (s Secrets) Text(text string) string {
	for _, p := range s.parts {
		text = strings.ReplaceAll(text, p, Mark)
	}
	return text
}

// Error returns an error that says the same without the secrets, nil for nil. URLs that
// net/http puts before its errors go as a whole. Of the chain behind the error only the
// reasons that decide something are kept for errors.Is: a context's end, and io.EOF.
func (s Secrets) Error(err error) error {
	if err == nil {
		return nil
	}
	clean := &cleanError{}
	for _, reason := range []error{context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, reason) {
			clean.reasons = append(clean.reasons, reason)
		}
	}
	for u := (*url.Error)(nil); errors.As(err, &u); {
		err = u.Err
	}
	clean.text = s.Text(err.Error())
	return clean
}

// cleanError is an error that cannot carry a secret.
type cleanError struct {
	text    string
	reasons []error
}

func (e *cleanError) Error() string   { return e.text }
func (e *cleanError) Unwrap() []error { return e.reasons }
