// Package fault is the one error type that crosses layers: a stable code, a
// message for a person, and the fields that were wrong. Edges (the native API,
// every dialect, the CLI) map a Kind to their own status once, in one table.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what class of thing went wrong. There are nine and no more: an edge
// that maps these nine maps every error.
type Kind string

// The nine kinds.
const (
	Invalid         Kind = "invalid"         // the request is malformed; repeating it unchanged cannot work
	Unauthenticated Kind = "unauthenticated" // no valid credentials
	Forbidden       Kind = "forbidden"       // valid credentials that may not do this
	NotFound        Kind = "not_found"       // no such thing, or not yours
	Conflict        Kind = "conflict"        // the thing exists already, or has moved on
	Refused         Kind = "refused"         // well-formed, but a rule of the business says no (funds, policy)
	Busy            Kind = "busy"            // too much at once; nothing happened; try again
	Unavailable     Kind = "unavailable"     // a part we need did not answer; nothing happened, or the outcome is unknown
	Internal        Kind = "internal"        // our fault; detail is in the log, never in the answer
)

// Field is one wrong part of a request. Path is written as the caller wrote it
// (`amount`, `items[3].destination.address`).
type Field struct {
	Path string `json:"field"`
	Rule string `json:"rule"`
}

// Error is what every layer returns for a failure that somebody else may see.
type Error struct {
	Kind    Kind
	Code    string            // stable, snake_case; part of the public contract
	Message string            // one or two sentences: what is wrong and what to do
	Fields  []Field           // the wrong parts of the request, if any
	Extra   map[string]string // facts the caller needs (available balance, first withdrawal)
	// Unknown is set when the outcome is not established: the same request must
	// be repeated with the same idempotency key, never with a new one.
	Unknown bool
	cause   error
}

// New makes an error without fields.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Bad makes an Invalid error about one field.
func Bad(code, path, format string, args ...any) *Error {
	rule := fmt.Sprintf(format, args...)
	return &Error{Kind: Invalid, Code: code, Message: path + ": " + rule, Fields: []Field{{Path: path, Rule: rule}}}
}

// Wrap makes an error that remembers its cause for the log. The cause is never
// shown to a caller.
func Wrap(cause error, kind Kind, code, format string, args ...any) *Error {
	e := New(kind, code, format, args...)
	e.cause = cause
	return e
}

// With adds a fact the caller needs.
func (e *Error) With(key, value string) *Error {
	if e.Extra == nil {
		e.Extra = map[string]string{}
	}
	e.Extra[key] = value
	return e
}

// At names the field the error is about, when the code that found it did not know.
func (e *Error) At(path string) *Error {
	e.Fields = append(e.Fields, Field{Path: path, Rule: e.Message})
	return e
}

// Error implements error.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Message + ": " + e.cause.Error()
	}
	return e.Message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.cause }

// Of finds the *Error in a chain. Anything else becomes Internal with its detail
// kept as cause, so that it reaches the log and not the caller.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return Wrap(err, Internal, "internal", "Something went wrong on our side. Nothing needs to change in your request; see the server log")
}

// CodeOf gives the stable code of an error, "" for nil.
func CodeOf(err error) string {
	if err == nil {
		return ""
	}
	return Of(err).Code
}

// KindOf gives the kind of an error, "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	return Of(err).Kind
}
