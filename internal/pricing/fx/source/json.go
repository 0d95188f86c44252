package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluice/internal/pricing/fx"
)

// The ways in which a document may write a time.
const (
	TimeRFC3339    = "rfc3339" // "2026-11-20T12:00:00Z"
	TimeUnix       = "unix"    // whole seconds, as number or text
	TimeUnixMillis = "unix_ms" // whole milliseconds, as number or text
)

// Reading says where one price stands in a JSON document. Paths look like
// "$.data[0].rates.EUR" or "data.rates[\"BTC-EUR\"]".
type Reading struct {
	Base, Quote string
	Price       string // path of the only price; excludes Bid and Ask
	Bid, Ask    string // paths of both prices
	Time        string // path of the time; "": the moment of asking
	TimeFormat  string // one of the ways above; required with Time
}

// JSON reads any document over HTTP GET.
type JSON struct {
	name     string
	client   *client
	readings []reading
}

var _ fx.Source = (*JSON)(nil)

type reading struct {
	symbol   Symbol
	bid, ask jsonPath
	time     jsonPath
	format   string
}

// NewJSON makes a source; h.BaseURL is the whole address of the document.
func NewJSON(name string, h HTTP, readings []Reading) (*JSON, error) {
	c, err := newClient(h, "")
	if name == "" {
		err = errors.Join(err, errors.New("want a name"))
	}
	if len(readings) == 0 {
		err = errors.Join(err, errors.New("want at least one price to read"))
	}
	j := &JSON{name: name, client: c}
	for _, r := range readings {
		compiled, e := r.compile()
		err = errors.Join(err, e)
		j.readings = append(j.readings, compiled)
	}
	if err != nil {
		return nil, fmt.Errorf("json source %q: %w", name, err)
	}
	return j, nil
}

func (r Reading) compile() (reading, error) {
	out := reading{symbol: Symbol{Base: r.Base, Quote: r.Quote, Name: r.Base + "/" + r.Quote}, format: r.TimeFormat}
	bad := func(err error) (reading, error) { return out, fmt.Errorf("%s: %w", out.symbol.Name, err) }
	if err := checkSymbols([]Symbol{out.symbol}); err != nil {
		return bad(err)
	}
	bid, ask := r.Bid, r.Ask
	if r.Price != "" {
		if bid != "" || ask != "" {
			return bad(errors.New("want either a price or a bid and an ask"))
		}
		bid, ask = r.Price, r.Price
	}
	var err error
	if out.bid, err = parsePath(bid); err != nil {
		return bad(err)
	}
	if out.ask, err = parsePath(ask); err != nil {
		return bad(err)
	}
	if r.Time == "" {
		if r.TimeFormat != "" {
			return bad(errors.New("a time format needs the path of a time"))
		}
		return out, nil
	}
	if r.TimeFormat != TimeRFC3339 && r.TimeFormat != TimeUnix && r.TimeFormat != TimeUnixMillis {
		return bad(fmt.Errorf("time format %q: want %s, %s or %s", r.TimeFormat, TimeRFC3339, TimeUnix, TimeUnixMillis))
	}
	if out.time, err = parsePath(r.Time); err != nil {
		return bad(err)
	}
	return out, nil
}

// Name implements fx.Source.
func (j *JSON) Name() string { return j.name }

// Fetch implements fx.Source.
func (j *JSON) Fetch(ctx context.Context) ([]fx.Tick, error) {
	body, asked, err := j.client.get(ctx, "")
	if err != nil {
		return nil, err
	}
	var doc any
	if err := decode(body, &doc); err != nil {
		return nil, err
	}
	var out []fx.Tick
	var failed []error
	for _, r := range j.readings {
		t, err := r.read(j.name, doc, asked)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", r.symbol.Name, err))
			continue
		}
		out = append(out, t)
	}
	return out, errors.Join(failed...)
}

func (r reading) read(source string, doc any, at time.Time) (fx.Tick, error) {
	bid, err := r.bid.text(doc)
	if err != nil {
		return fx.Tick{}, err
	}
	ask, err := r.ask.text(doc)
	if err != nil {
		return fx.Tick{}, err
	}
	if r.time.steps != nil {
		s, err := r.time.text(doc)
		if err != nil {
			return fx.Tick{}, err
		}
		if at, err = parseTime(r.format, s); err != nil {
			return fx.Tick{}, err
		}
	}
	return tick(source, r.symbol, bid, ask, at)
}

func parseTime(format, s string) (time.Time, error) {
	if format == TimeRFC3339 {
		return time.Parse(time.RFC3339Nano, s)
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("time %.40q: want a whole number", s)
	}
	if format == TimeUnixMillis {
		return time.UnixMilli(n), nil
	}
	return time.Unix(n, 0), nil
}

// jsonPath is a parsed path expression.
type jsonPath struct {
	written string
	steps   []step // nil: no path
}

type step struct {
	key   string
	index int // into an array; -1: key of an object
}

// parsePath reads a path: an optional $, then names after points, whole numbers in
// brackets, and names in quotes in brackets.
func parsePath(s string) (jsonPath, error) {
	bad := fmt.Errorf("path %q: want something like $.data[0].price or rates[\"BTC-EUR\"]", s)
	p := jsonPath{written: s}
	rest := s
	if cut, ok := strings.CutPrefix(s, "$"); ok {
		rest = cut
	} else if s != "" && s[0] != '[' {
		rest = "." + s
	}
	for rest != "" {
		var at step
		var ok bool
		if at, rest, ok = nextStep(rest); !ok {
			return jsonPath{}, bad
		}
		p.steps = append(p.steps, at)
	}
	if len(p.steps) == 0 {
		return jsonPath{}, bad
	}
	return p, nil
}

// nextStep takes one step off a path that is not empty.
func nextStep(s string) (at step, rest string, ok bool) {
	if s[0] == '.' {
		s = s[1:]
		end := strings.IndexAny(s, ".[")
		if end < 0 {
			end = len(s)
		}
		return step{s[:end], -1}, s[end:], end > 0 && !strings.ContainsAny(s[:end], "]\"'")
	}
	if len(s) < 3 || s[0] != '[' {
		return at, s, false
	}
	if quote := s[1]; quote == '"' || quote == '\'' {
		end := strings.Index(s[2:], string(quote)+"]")
		if end <= 0 {
			return at, s, false
		}
		return step{s[2 : 2+end], -1}, s[2+end+2:], true
	}
	inside, rest, found := strings.Cut(s[1:], "]")
	n, err := strconv.ParseUint(inside, 10, 16)
	return step{"", int(n)}, rest, found && err == nil
}

// text follows the path and gives the number or text at its end.
func (p jsonPath) text(doc any) (string, error) {
	for _, s := range p.steps {
		found := false
		switch v := doc.(type) {
		case map[string]any:
			if s.index < 0 {
				doc, found = v[s.key]
			}
		case []any:
			if s.index >= 0 && s.index < len(v) {
				doc, found = v[s.index], true
			}
		}
		if !found {
			return "", fmt.Errorf("the answer has nothing at %s", p.written)
		}
	}
	switch v := doc.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	default:
		return "", fmt.Errorf("the answer has neither a number nor a text at %s", p.written)
	}
}
