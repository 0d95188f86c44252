package api

import (
	"fmt"

	"sluice/internal/fault"
	"sluice/internal/json"
)

// policy bounds a request body beyond its size. A full batch in which every withdrawal says
// all it can say has 31,000 values.
var policy = json.Policy{Depth: 8, Members: 64, Nodes: 1 << 16}

// document is a request body, parsed once and strictly. Wrong fields are collected, so
// that one answer names them all.
type document struct {
	*json.Document
	code   string // of the first wrong field
	fields []fault.Field
}

// parse reads a whole body. The error is a fault of kind Invalid.
func parse(body []byte) (*document, error) {
	d, err := json.Parse(body, policy)
	if err != nil {
		return nil, err
	}
	if kind := d.Root().Kind(); kind != json.Object {
		return nil, fault.New(fault.Invalid, "malformed_json", "the body is %s; this request needs a JSON object", kind)
	}
	return &document{Document: d}, nil
}

// wrong notes a wrong field. The first one names the code of the answer.
func (d *document) wrong(code, path, format string, args ...any) {
	if d.code == "" {
		d.code = code
	}
	if len(d.fields) < 100 {
		d.fields = append(d.fields, fault.Field{Path: path, Rule: fmt.Sprintf(format, args...)})
	}
}

// err is what is wrong so far, or nil.
func (d *document) err() error {
	if d.code == "" {
		return nil
	}
	f := &fault.Error{Kind: fault.Invalid, Code: d.code, Fields: d.fields}
	f.Message = d.fields[0].Path + ": " + d.fields[0].Rule
	if n := len(d.fields) - 1; n > 0 {
		f.Message += fmt.Sprintf(" (and %d more)", n)
	}
	return f
}
