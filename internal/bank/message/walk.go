package message

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// kinds are the messages that are read, by the element that holds one.
var kinds = map[string]Kind{
	"BkToCstmrStmt":         Statement,
	"BkToCstmrDbtCdtNtfctn": Notification,
	"BkToCstmrAcctRpt":      Intraday,
	"CstmrPmtStsRpt":        StatusReport,
	"RsltnOfInvstgtn":       Resolution,
	// The first versions named the element like the message.
	"camt.053.001": Statement,
	"camt.054.001": Notification,
	"camt.052.001": Intraday,
	"pain.002.001": StatusReport,
	"camt.029.001": Resolution,
}

// kindOf finds the message that an element holds. First versions carry their number:
// BkToCstmrStmtV01, pain.002.001.02.
func kindOf(element string) (Kind, bool) {
	if k, ok := kinds[element]; ok {
		return k, true
	}
	if n := len(element) - 3; n > 0 && (element[n] == 'V' || element[n] == '.') {
		k, ok := kinds[element[:n]]
		return k, ok
	}
	return "", false
}

// Visit is handed every entry of a statement, notification or intraday report in turn. f
// and a are what was read of its message and its account so far: in the order of the schema,
// everything but the entries. An error ends the walk and is its answer.
type Visit func(f *File, a *Account, n Entry) error

// Walk reads a bank's file: one message, or several behind each other or in one envelope.
// Entries are handed to visit and not kept, so memory is bounded by the largest entry.
// unknown are the elements that documents of other kinds begin with; if there is nothing
// else, the file is refused. An error is a *Refusal, visit's, or that of the reader. The
// answer is what the file says, not yet what may be believed: see Sift.
func Walk(r io.Reader, lim Limits, visit Visit) (files []*File, unknown []string, err error) {
	s, err := newScan(r, lim)
	if err != nil {
		return nil, nil, err
	}
	s.visit = visit
	for {
		t, err := s.start()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		before := len(s.files)
		if err := s.message(t, 2, ""); err != nil {
			return nil, nil, err
		}
		if len(s.files) == before {
			s.unknown = append(s.unknown, t.Name.Local)
		}
	}
	if len(s.files) == 0 {
		return nil, nil, refuse(UnknownKind, "the file is XML, but no pain.002, camt.029, camt.052, camt.053 or camt.054")
	}
	return s.files, s.unknown, nil
}

// Read reads a file of one message whole, with all its entries. The errors are those of Walk.
func Read(r io.Reader, lim Limits) (*File, error) {
	files, unknown, err := Walk(r, lim, func(_ *File, a *Account, n Entry) error {
		a.Entries = append(a.Entries, n)
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(files) > 1 || len(unknown) > 0:
		return nil, refuse(Malformed, "the file has %d messages", len(files)+len(unknown))
	}
	return files[0], nil
}

// start finds the first tag of the next document. The error is io.EOF behind the last.
func (s *scan) start() (xml.StartElement, error) {
	for {
		t, err := s.next()
		if errors.Is(err, io.EOF) && !s.begun {
			return xml.StartElement{}, refuse(Truncated, "the file is empty")
		}
		if err != nil {
			return xml.StartElement{}, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return t.Copy(), nil
		case xml.CharData:
			// Documents that were put behind each other may bring their byte order marks.
			if strings.Trim(string(t), " \t\r\n\ufeff") == "" {
				continue
			}
			if s.begun {
				return xml.StartElement{}, s.at(refuse(Malformed, "something follows after the end of the message"))
			}
			return xml.StartElement{}, s.at(refuse(Malformed, "the file is not XML"))
		}
	}
}

// message looks for messages in the current element, through at most so many
// envelopes. Namespaces are not compared: banks write them wrong, and the element
// names say enough.
func (s *scan) message(e xml.StartElement, envelopes int, in string) error {
	if e.Name.Local == "Document" {
		in = version(e)
	}
	return s.children(func(e xml.StartElement) error {
		kind, known := kindOf(e.Name.Local)
		switch {
		case known:
			f := &File{Kind: kind, Version: in, Index: len(s.files)}
			s.files = append(s.files, f)
			switch kind {
			case StatusReport:
				return s.status(f)
			case Resolution:
				return s.resolution(f)
			case Statement, Notification, Intraday:
			}
			return s.report(f)
		case envelopes > 0:
			return s.message(e, envelopes-1, in)
		}
		return s.skip()
	})
}

func version(e xml.StartElement) string {
	if n := strings.LastIndexByte(e.Name.Space, ':'); n >= 0 {
		return e.Name.Space[n+1:]
	}
	return ""
}

// header reads what begins every message.
func (s *scan) header(f *File, e xml.StartElement) error {
	h, err := s.tree(e)
	if err != nil {
		return err
	}
	f.MessageID, f.CreatedAt = h.get("MsgId"), readTime(h.get("CreDtTm"))
	f.Page, err = readPage(h.at("MsgPgntn"))
	return s.here(err)
}

// here adds the place in the file to what a value was refused for.
func (s *scan) here(err error) error {
	var r *Refusal
	if errors.As(err, &r) && r.Line == 0 {
		return s.at(r)
	}
	return err
}
