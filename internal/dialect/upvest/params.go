package upvest

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// maxSignatureHeader bounds the headers of a signature in bytes.
const maxSignatureHeader = 8 << 10

// maxComponents bounds how much of a request one signature names.
const maxComponents = 64

// input is the first member of a signature-input header.
type input struct {
	label      string
	components []string
	raw        string // list and parameters as they were sent: what is signed
	keyID      string
	nonce      string
	created    time.Time // zero: none
	expires    time.Time // zero: none
}

var errSignature = errors.New("the headers of the signature cannot be read")

// scanner reads structured fields (RFC 8941) as far as signatures use them.
type scanner struct {
	s  string
	at int
}

func (p *scanner) peek() byte {
	if p.at < len(p.s) {
		return p.s[p.at]
	}
	return 0
}

func (p *scanner) take(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.at++
	return true
}

func (p *scanner) blanks() {
	for p.peek() == ' ' || p.peek() == '\t' {
		p.at++
	}
}

// key reads the name of a member or of a parameter.
func (p *scanner) key() (string, bool) {
	from := p.at
	for {
		c := p.peek()
		ok := c >= 'a' && c <= 'z' || c == '*' || p.at > from && (c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.')
		if !ok {
			return p.s[from:p.at], p.at > from
		}
		p.at++
	}
}

// text reads a string in quotes.
func (p *scanner) text() (string, bool) {
	if !p.take('"') {
		return "", false
	}
	var b strings.Builder
	for p.at < len(p.s) {
		c := p.s[p.at]
		p.at++
		switch {
		case c == '"':
			return b.String(), true
		case c == '\\':
			if n := p.peek(); n != '"' && n != '\\' {
				return "", false
			}
			b.WriteByte(p.s[p.at])
			p.at++
		case c < 0x20 || c > 0x7e:
			return "", false
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// number reads an integer of at most 15 digits.
func (p *scanner) number() (int64, bool) {
	from := p.at
	p.take('-')
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.at++
	}
	if p.at-from > 15 {
		return 0, false
	}
	n, err := strconv.ParseInt(p.s[from:p.at], 10, 64)
	return n, err == nil
}

// parseInput reads the first member of a signature-input header. Several labels are
// several signatures of one request; the first is the one that counts.
func parseInput(s string) (input, error) {
	var in input
	if len(s) > maxSignatureHeader {
		return in, errSignature
	}
	p := &scanner{s: s}
	p.blanks()
	var ok bool
	if in.label, ok = p.key(); !ok || !p.take('=') {
		return in, errSignature
	}
	from := p.at
	if !in.list(p) {
		return in, errSignature
	}
	for p.take(';') {
		p.blanks()
		if !in.param(p) {
			return in, errSignature
		}
	}
	in.raw = s[from:p.at]
	p.blanks()
	if p.at < len(s) && p.peek() != ',' {
		return in, errSignature
	}
	return in, nil
}

// list reads the names of what is covered. A name with parameters means another part
// of a request than the name alone does, so it is refused.
func (in *input) list(p *scanner) bool {
	if !p.take('(') {
		return false
	}
	seen := map[string]bool{}
	for {
		for p.peek() == ' ' {
			p.at++
		}
		if p.take(')') {
			return true
		}
		name, ok := p.text()
		if !ok || name == "" || seen[name] || len(in.components) >= maxComponents || strings.ToLower(name) != name {
			return false
		}
		if c := p.peek(); c != ' ' && c != ')' {
			return false
		}
		seen[name] = true
		in.components = append(in.components, name)
	}
}

// param reads one parameter.
func (in *input) param(p *scanner) bool {
	name, ok := p.key()
	if !ok {
		return false
	}
	if !p.take('=') {
		return name != "keyid" && name != "nonce" && name != "created" && name != "expires" // a bare name is true
	}
	if p.peek() == '"' {
		text, ok := p.text()
		switch name {
		case "keyid":
			in.keyID = text
		case "nonce":
			in.nonce = text
		case "created", "expires":
			return false
		}
		return ok
	}
	n, ok := p.number()
	switch name {
	case "created":
		in.created = time.Unix(n, 0)
	case "expires":
		in.expires = time.Unix(n, 0)
	case "keyid", "nonce":
		return false
	}
	return ok
}

// parseSignature reads the member of a signature header that has a label.
func parseSignature(s, label string) ([]byte, error) {
	if len(s) > maxSignatureHeader {
		return nil, errSignature
	}
	p := &scanner{s: s}
	for {
		p.blanks()
		name, ok := p.key()
		if !ok || !p.take('=') || !p.take(':') {
			return nil, errSignature
		}
		end := strings.IndexByte(p.s[p.at:], ':')
		if end < 0 {
			return nil, errSignature
		}
		value, err := base64.StdEncoding.DecodeString(p.s[p.at : p.at+end])
		if err != nil {
			return nil, errSignature
		}
		p.at += end + 1
		if name == label {
			return value, nil
		}
		p.blanks()
		if !p.take(',') {
			return nil, errSignature
		}
	}
}
