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
type Secret struct{ text string }

// NewSecret wraps a text as it is, without looking at file: or env:.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal gives the text.
func (s Secret) Reveal() string { return s.text }

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

// resolve replaces file:PATH and env:NAME by what is there. One trailing newline
// of a file is not part of the secret.
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
		s.text = strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
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
		s.text = v
	}
	return nil
}
