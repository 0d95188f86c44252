// Package node is what rails share when they ask a node questions over JSON-RPC: answers
// that are told apart from silence, patience with nodes that take only so many questions,
// and errors that carry no secret of the node's URL.
package node

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"sluice/internal/fault/redact"
	"sluice/internal/rail"
)

// Caller asks a node. Its error is a *Refusal for the node's own answer, a *Busy for its
// call for patience, and anything else for no answer at all.
type Caller interface {
	Call(ctx context.Context, result any, method string, params ...any) error
}

// Refusal is a node's own answer that is an error.
type Refusal struct {
	Code    int
	Message string // printable, at most MessageMax characters, without secrets
	Data    string // what executed code said, in hex; "" for nothing
}

// Error implements error.
func (r *Refusal) Error() string { return fmt.Sprintf("the node refuses: %s (%d)", r.Message, r.Code) }

// Busy says that a node takes no more questions for now.
type Busy struct {
	After time.Duration // when to ask again; 0: the node did not say
	Said  string        // for the operator
}

// Error implements error.
func (b *Busy) Error() string { return "the node takes no more questions for now: " + b.Said }

// MessageMax is the most characters that are kept of what a node says.
const MessageMax = 300

// Printable makes a stranger's text fit to be shown and stored.
func Printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > MessageMax {
		return string(runes[:MessageMax]) + "..."
	}
	return s
}

// Options of a Client. Zero values take the defaults named here.
type Options struct {
	Timeout  time.Duration // of one question. 10 s
	Patience time.Duration // how long a question waits for a busy node. 20 s
	Parallel int           // how many questions are out at the same time. 16
	Secrets  redact.Secrets
}

// Client asks a node with patience: it keeps to the pace that the node shows, repeats
// what the node was too busy for, and lets no secret out. It is safe for concurrent use.
type Client struct {
	ask  Caller
	opt  Options
	pace pace
	turn chan struct{}
}

// New makes a client over a caller.
func New(ask Caller, opt Options) *Client {
	if opt.Timeout <= 0 {
		opt.Timeout = 10 * time.Second
	}
	if opt.Patience <= 0 {
		opt.Patience = 20 * time.Second
	}
	if opt.Parallel <= 0 {
		opt.Parallel = 16
	}
	return &Client{ask: ask, opt: opt, turn: make(chan struct{}, opt.Parallel)}
}

// Call asks once, or as often as a busy node needs it. Everything that rails ask may be
// repeated, stored bytes included. The error is a *Refusal or a *rail.Wait.
func (c *Client) Call(ctx context.Context, result any, method string, params ...any) error {
	until := time.Now().Add(c.opt.Patience)
	for {
		err := c.once(ctx, until, result, method, params)
		var busy *Busy
		if !errors.As(err, &busy) {
			return err
		}
		c.pace.refused(busy.After)
		if !c.pace.worth(until) || ctx.Err() != nil {
			return &rail.Wait{Code: rail.CodeBusy, Text: textBusy, Cause: fmt.Errorf("%s: %s", method, c.opt.Secrets.Text(Printable(busy.Error())))}
		}
	}
}

// WithTimeout returns a context in which questions may take another time than usual.
func WithTimeout(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, timeoutKey{}, d)
}

type timeoutKey struct{}

const textBusy = "the network takes only so many questions at a time; the withdrawal waits for its turn, its money stays held"

// once waits for its turn and asks.
func (c *Client) once(ctx context.Context, until time.Time, result any, method string, params []any) error {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return c.waited(ctx.Err(), method)
	}
	if err := c.pace.wait(ctx, until); err != nil {
		return c.waited(err, method)
	}
	timeout := c.opt.Timeout
	if longer, ok := ctx.Value(timeoutKey{}).(time.Duration); ok {
		timeout = longer
	}
	one, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := c.ask.Call(one, result, method, params...)
	var refusal *Refusal
	var busy *Busy
	switch {
	case err == nil:
		c.pace.answered()
		return nil
	case errors.As(err, &busy):
		return busy
	case errors.As(err, &refusal):
		if limited(refusal) {
			return &Busy{Said: refusal.Message}
		}
		c.pace.answered()
		return &Refusal{Code: refusal.Code, Message: c.opt.Secrets.Text(Printable(refusal.Message)), Data: refusal.Data}
	}
	return Silent(c.opt.Secrets.Error(err), method)
}

// waited is the end of a question that never left: not the node's fault.
func (c *Client) waited(err error, method string) error {
	if c.pace.slow() {
		return &rail.Wait{Code: rail.CodeBusy, Text: textBusy, Cause: fmt.Errorf("%s waited for its turn: %w", method, err)}
	}
	return Silent(err, method+" waited for earlier questions")
}

// Silent is the Wait for a node that gave no answer. err must carry no secret.
func Silent(err error, doing string) *rail.Wait {
	return &rail.Wait{Code: rail.CodeSilent, Text: rail.TextSilent, Cause: fmt.Errorf("%s: %w", doing, err)}
}

// Failed says what was being done when a node gave no answer that decides anything; nil
// for nil. A refusal is named for what it is, by name, and never called silence.
func Failed(err error, doing string, name func(*Refusal) (code, text string)) error {
	var refused *Refusal
	var w *rail.Wait
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		code, text := name(refused)
		return &rail.Wait{Code: code, Text: text, Cause: fmt.Errorf("%s: %w", doing, err)}
	case errors.As(err, &w) && w.Cause != nil:
		return &rail.Wait{Code: w.Code, Text: w.Text, Cause: fmt.Errorf("%s: %w", doing, w.Cause)}
	case w != nil:
		return w
	}
	return Silent(err, doing)
}

// TextRefuses is what merchants read when a node says no for a reason of its own.
const TextRefuses = "the network's node refuses, for a reason that an operator sees; the withdrawal waits, its money stays held"

// TextPruned is what they read when a node has forgotten what must be looked up.
const TextPruned = "the network's node no longer has what must be looked up; the withdrawal waits, its money stays held"

// Incomplete says that an answer lacks something that nothing else can stand for.
func Incomplete(method, what string) *rail.Wait {
	return &rail.Wait{
		Code: rail.CodeIncomplete, Text: "the network's answer is incomplete or contradicts itself; the withdrawal waits, its money stays held",
		Cause: fmt.Errorf("the answer to %s cannot be used: %s", method, what),
	}
}

// NotYet is a reason to wait that is not the node's fault.
func NotYet(format string, args ...any) *rail.Wait {
	return &rail.Wait{Code: rail.CodeNotYet, Text: fmt.Sprintf(format, args...)}
}

// TooDear is a Wait for the price that the network asks for.
func TooDear(format string, args ...any) *rail.Wait {
	return &rail.Wait{Code: rail.CodeHighFee, Text: fmt.Sprintf(format, args...)}
}

// Says tells whether a node's refusal has one of the phrases.
func Says(err error, phrases ...string) bool { return Which(err, phrases...) != "" }

// Which is the first of the phrases that a node's refusal has, "" for none. Codes of nodes
// agree on very little, their words on a bit more: only letters and digits are compared.
func Which(err error, phrases ...string) string {
	var refused *Refusal
	if !errors.As(err, &refused) {
		return ""
	}
	said := letters(refused.Message)
	for _, p := range phrases {
		if strings.Contains(said, letters(p)) {
			return p
		}
	}
	return ""
}

// letters is a text in lower case with nothing but letters and digits.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(s))
}

// Behind is the Wait for a node that does not know the present.
func Behind(format string, args ...any) *rail.Wait {
	return &rail.Wait{Code: rail.CodeSilent, Text: fmt.Sprintf(format, args...)}
}

// limited recognizes a refusal that asks for patience, by the codes and words of
// providers. What is about gas is not.
func limited(r *Refusal) bool {
	if r.Code == 429 || r.Code == -32005 || r.Code == -32029 {
		return true
	}
	text := strings.ToLower(r.Message)
	for _, words := range []string{
		"rate limit", "rate-limit", "ratelimit", "too many request", "request limit", "requests per", "request rate", "request count",
		"compute unit", "throttle", "capacity exceeded", "quota exceeded", "exceeded your", "slow down",
	} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// RetryAfter reads what a node's HTTP header of that name says, in seconds or as a date
// (RFC 9110, 10.2.3); 0 for anything else.
func RetryAfter(header string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", header); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
