package message

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// Limits bound what a file may cost to read.
type Limits struct {
	Bytes   int64 // of the file, unpacked
	Records int   // entries and their details, or statuses
	Details int   // of one entry, or statuses of one report: they are in memory at once. 0: as Records
	Depth   int   // of elements in elements
	Text    int   // bytes of one piece of markup or text
}

// DefaultLimits are far above what banks send in a day and far below what hurts. A
// hundred thousand single bookings with full texts have some 72 MiB.
var DefaultLimits = Limits{Bytes: 512 << 20, Records: 2_000_000, Details: 200_000, Depth: 40, Text: 64 << 10}

// nodesMax bounds the elements of one record.
const nodesMax = 5000

// records are the elements that must never be passed over: one in a place where
// nobody looks would be money that nobody sees.
var records = map[string]bool{"Ntry": true, "TxDtls": true, "Stmt": true, "Ntfctn": true, "Rpt": true, "TxInfAndSts": true, "OrgnlPmtInfAndSts": true}

// scan walks through a file element by element. It keeps nothing that it passed, so
// the memory it needs is that of the result.
type scan struct {
	dec     *xml.Decoder
	in      *guard
	lim     Limits
	depth   int
	count   int
	details int
	// refused is set by what the decoder calls and whose errors it would rewrite.
	refused *Refusal
	charset string // the encoding that was declared; "" for none
	begun   bool   // an element was read: another declaration begins another document
	// What was read, and the root elements of documents that hold no message of ours.
	files   []*File
	unknown []string
	visit   Visit
}

// guard counts what is read: in all, and since the last token.
type guard struct {
	r           io.Reader
	total, text int64
	lim         Limits
}

func (g *guard) Read(p []byte) (int, error) {
	n, err := g.r.Read(p[:min(len(p), 4096)])
	g.total, g.text = g.total+int64(n), g.text+int64(n)
	switch {
	case g.total > g.lim.Bytes:
		return 0, refuse(TooLarge, "the file has more than %d bytes", g.lim.Bytes)
	case g.text > int64(g.lim.Text)+4096: // what is read ahead does not count
		return 0, refuse(TooLarge, "the file has a text or a tag of more than %d bytes", g.lim.Text)
	}
	return n, err
}

func newScan(r io.Reader, lim Limits) (*scan, error) {
	s := &scan{lim: lim}
	head := bufio.NewReader(r)
	mark, err := head.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.Equal(mark, []byte("\xef\xbb\xbf")):
		_, _ = head.Discard(3) // it was peeked at
	case bytes.HasPrefix(mark, []byte("\xff\xfe")) || bytes.HasPrefix(mark, []byte("\xfe\xff")) || bytes.HasPrefix(mark, []byte("<\x00")) || bytes.HasPrefix(mark, []byte("\x00<")):
		return nil, refuse(BadEncoding, "the file is written in UTF-16: ask the bank for UTF-8")
	}
	s.in = &guard{r: head, lim: lim}
	s.dec = xml.NewDecoder(s.in)
	s.dec.CharsetReader = s.decode
	return s, nil
}

// decode takes the encodings that banks use besides UTF-8.
func (s *scan) decode(label string, r io.Reader) (io.Reader, error) {
	label = strings.ToLower(label)
	switch {
	case s.depth > 0:
		s.refused = refuse(Hostile, "the file has a second XML declaration")
		return nil, s.refused
	case s.charset == label:
		return r, nil // the documents before this one were in the same encoding
	case s.begun:
		s.refused = refuse(BadEncoding, "one of the documents in the file is written in %.40q and those before it are not", label)
		return nil, s.refused
	}
	s.charset = label
	switch label {
	case "iso-8859-1", "latin1", "iso8859-1", "iso_8859-1":
		return charmap.ISO8859_1.NewDecoder().Reader(r), nil
	case "iso-8859-15", "latin9":
		return charmap.ISO8859_15.NewDecoder().Reader(r), nil
	case "windows-1252", "cp1252":
		return charmap.Windows1252.NewDecoder().Reader(r), nil
	case "us-ascii", "ascii", "utf8":
		return r, nil
	}
	s.refused = refuse(BadEncoding, "the file is written in %.40q, which is not read here: ask the bank for UTF-8", label)
	return nil, s.refused
}

// next gives the next tag or text. Every error is a *Refusal, io.EOF at the proper
// end, or the reader's own.
func (s *scan) next() (xml.Token, error) {
	for {
		t, err := s.dec.Token()
		s.in.text = 0
		if err != nil {
			return nil, s.explain(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			s.begun = true
			if s.depth++; s.depth > s.lim.Depth {
				return nil, s.at(refuse(TooLarge, "elements are nested deeper than %d", s.lim.Depth))
			}
			return t, nil
		case xml.EndElement:
			s.depth--
			return t, nil
		case xml.CharData:
			return t, nil
		case xml.Directive:
			return nil, s.at(refuse(Hostile, "the file declares a document type or entities, which no bank message has"))
		case xml.ProcInst:
			if t.Target == "xml" && s.depth > 0 {
				return nil, s.at(refuse(Hostile, "the file has a second XML declaration"))
			}
		}
	}
}

func (s *scan) at(r *Refusal) *Refusal {
	r.Line, _ = s.dec.InputPos()
	return r
}

func (s *scan) explain(err error) error {
	var mine *Refusal
	var syntax *xml.SyntaxError
	switch {
	case s.refused != nil:
		return s.at(s.refused)
	case errors.As(err, &mine):
		return s.at(mine)
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.As(err, &syntax) && syntax.Msg == "unexpected EOF" || errors.Is(err, io.ErrUnexpectedEOF):
		return s.at(refuse(Truncated, "the file ends in the middle: it was cut off on its way"))
	case errors.As(err, &syntax) && strings.HasPrefix(syntax.Msg, "invalid UTF-8"):
		return s.at(refuse(BadEncoding, "the file says that it is UTF-8 and has bytes that are not"))
	case errors.As(err, &syntax) && strings.HasPrefix(syntax.Msg, "invalid character entity"):
		return s.at(refuse(Hostile, "the file uses an entity that XML does not define"))
	case errors.As(err, &syntax):
		return s.at(refuse(Malformed, "the file is not well-formed XML: %s", syntax.Msg))
	case strings.HasPrefix(err.Error(), "xml: "):
		return s.at(refuse(Malformed, "the file is not well-formed XML: %s", err))
	}
	return fmt.Errorf("read the bank's file: %w", err)
}

// children calls f for every element directly inside the current one, until that
// ends. f must read its element to the end: with children, tree or skip.
func (s *scan) children(f func(xml.StartElement) error) error {
	for {
		t, err := s.next()
		if err != nil {
			return s.inside(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if err := f(t.Copy()); err != nil {
				return err
			}
		case xml.EndElement:
			return nil
		}
	}
}

// inside says what the end of the file means before the end of an element.
func (s *scan) inside(err error) error {
	if errors.Is(err, io.EOF) {
		return s.at(refuse(Truncated, "the file ends in the middle: it was cut off on its way"))
	}
	return err
}

// skip passes over the current element, which must hold no record.
func (s *scan) skip() error {
	return s.children(func(e xml.StartElement) error {
		if records[e.Name.Local] {
			return s.at(refuse(Malformed, "%s stands where it cannot be read", e.Name.Local))
		}
		return s.skip()
	})
}

// record counts one more entry, detail or status.
func (s *scan) record() error {
	if s.count++; s.count > s.lim.Records {
		return s.at(refuse(TooLarge, "the file has more than %d entries and details", s.lim.Records))
	}
	return nil
}

// held counts one more detail of an entry, or status of a report. Whoever begins one sets
// s.details to 0.
func (s *scan) held() error {
	if s.details++; s.lim.Details > 0 && s.details > s.lim.Details {
		return s.at(refuse(TooLarge, "one entry or report has more than %d details", s.lim.Details))
	}
	return s.record()
}

// node is an element with what is in it.
type node struct {
	name string
	attr []xml.Attr
	text string
	kids []*node
}

// tree reads the current element whole. start is its start tag.
func (s *scan) tree(start xml.StartElement) (*node, error) {
	left := nodesMax
	return s.grow(start, &left)
}

func (s *scan) grow(start xml.StartElement, left *int) (*node, error) {
	if *left--; *left < 0 {
		return nil, s.at(refuse(TooLarge, "one record has more than %d elements", nodesMax))
	}
	n := &node{name: start.Name.Local, attr: start.Attr}
	var text strings.Builder
	for {
		t, err := s.next()
		if err != nil {
			return nil, s.inside(err)
		}
		switch t := t.(type) {
		case xml.CharData:
			if text.Len()+len(t) > s.lim.Text {
				return nil, s.at(refuse(TooLarge, "the file has a text of more than %d bytes", s.lim.Text))
			}
			text.Write(t)
		case xml.StartElement:
			kid, err := s.grow(t.Copy(), left)
			if err != nil {
				return nil, err
			}
			n.kids = append(n.kids, kid)
		case xml.EndElement:
			n.text = strings.TrimSpace(text.String())
			return n, nil
		}
	}
}

// at finds the first element on a path below; nil if there is none. It may be
// called on nil.
func (n *node) at(path ...string) *node {
	for _, name := range path {
		if n == nil {
			return nil
		}
		var found *node
		for _, k := range n.kids {
			if k.name == name {
				found = k
				break
			}
		}
		n = found
	}
	return n
}

// get is the text on a path, "" without one.
func (n *node) get(path ...string) string {
	if n = n.at(path...); n == nil {
		return ""
	}
	return n.text
}

// first is the first text that is there.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// all gives every element of a name directly below.
func (n *node) all(name string) []*node {
	var out []*node
	if n != nil {
		for _, k := range n.kids {
			if k.name == name {
				out = append(out, k)
			}
		}
	}
	return out
}

// attribute is the value of an attribute, "" without one.
func (n *node) attribute(name string) string {
	if n != nil {
		for _, a := range n.attr {
			if a.Name.Local == name {
				return a.Value
			}
		}
	}
	return ""
}
