package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// Redacted is what every way of printing a Secret gives.
const Redacted = "[redacted]"

// Secret is a text that does not print itself: not by fmt with any verb, not by
// slog, not as JSON or TOML. In a file, the environment or a flag it may be
// file:PATH or env:NAME, which names where the text is.
type Secret struct {
	text    string
	earlier string // as an older version read it, if that differs
}

// NewSecret wraps a text as it is, without looking at file: or env:.
func NewSecret(text string) Secret { return Secret{text: text} }

// Reveal gives the text.
func (s Secret) Reveal() string { return s.text }

// Earlier is how an older version read the text, where that differs: what was locked with
// it then still opens. It is for keys alone; nothing new is locked with it.
func (s Secret) Earlier() []string {
	if s.earlier == "" || s.earlier == s.text {
		return nil
	}
	return []string{s.earlier}
}

// IsZero tells whether there is no text.
func (s Secret) IsZero() bool { return s.text == "" }

// UnmarshalText implements encoding.TextUnmarshaler. What the text names is read later.
func (s *Secret) UnmarshalText(b []byte) error { s.text = string(b); return nil }

// MarshalText implements encoding.TextMarshaler: JSON and TOML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return Redacted
}

// Format implements fmt.Formatter: without it %d or %#v would look inside.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// resolve replaces file:PATH and env:NAME by what is there. What editors put around a text
// is not part of the secret: a byte order mark, and newlines at the end.
func (s *Secret) resolve(getenv func(string) (string, bool)) error {
	if path, ok := strings.CutPrefix(s.text, "file:"); ok {
		b, err := os.ReadFile(path) //nolint:gosec // the operator names the file
		if err != nil {
			var p *os.PathError
			if errors.As(err, &p) {
				err = p.Err
			}
			return fmt.Errorf("the file %s cannot be read (%w)", path, err)
		}
		if strings.HasPrefix(string(b), "\xff\xfe") || strings.HasPrefix(string(b), "\xfe\xff") || strings.IndexByte(string(b), 0) >= 0 {
			return fmt.Errorf("the file %s is no UTF-8 text: save it as UTF-8", path)
		}
		s.text, s.earlier = plain(string(b)), strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
		if s.text == "" {
			return fmt.Errorf("the file %s is empty", path)
		}
		return nil
	}
	if name, ok := strings.CutPrefix(s.text, "env:"); ok {
		v, set := getenv(name)
		if !set || v == "" {
			return fmt.Errorf("the environment has no %s", name)
		}
		s.text, s.earlier = plain(v), v
		if s.text == "" {
			return fmt.Errorf("%s is empty in the environment", name)
		}
	}
	return nil
}

// plain is a text without what editors put around it.
func plain(text string) string {
	return strings.TrimRight(strings.TrimPrefix(text, "\ufeff"), "\r\n")
}
