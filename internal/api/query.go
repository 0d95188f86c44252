package api

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/id"
)

// Bounds of a page.
const (
	pageDefault = 50
	pageMax     = 200
)

// query reads the parameters of a list strictly: unknown and repeated ones are
// errors, since a filter that is ignored shows somebody the wrong rows.
type query struct {
	values url.Values
	known  []string
	doc    document // collects what is wrong
}

func (c *call) query() *query {
	values, err := url.ParseQuery(c.r.URL.RawQuery)
	q := &query{values: values}
	if c.who.operator() && c.route.reads() {
		q.text("merchant") // was looked at already
	}
	if err != nil {
		q.doc.wrong("invalid_query", "query", "is not encoded as URLs are")
	}
	return q
}

// text is an optional parameter.
func (q *query) text(name string) string {
	q.known = append(q.known, name)
	v := q.values[name]
	if len(v) == 0 {
		return ""
	}
	if len(v) > 1 {
		q.doc.wrong("repeated_parameter", name, "appears more than once")
	}
	if v[0] == "" || len(v[0]) > 2048 || invisible(v[0]) {
		q.doc.wrong("invalid_parameter", name, "must be a text that is not empty, without control characters")
	}
	return v[0]
}

// choice is an optional parameter with fixed values.
func (q *query) choice(name string, of ...string) string {
	v := q.text(name)
	if v != "" && !slices.Contains(of, v) {
		q.doc.wrong("invalid_parameter", name, "must be one of %s", strings.Join(of, ", "))
	}
	return v
}

func (q *query) id(name string, kind id.Kind) id.ID {
	v := q.text(name)
	if v == "" {
		return id.ID{}
	}
	i, err := id.Parse(kind, v)
	if err != nil {
		q.doc.wrong("invalid_id", name, "%s", err)
	}
	return i
}

// account is an optional account to filter by. One of another shard is no row's, so
// that it lists nothing, as an account that does not exist does.
func (q *query) account(c *call) id.Seq {
	i := q.id("account", id.Account)
	if !i.IsZero() && i.Shard != c.who.merchant.Shard {
		return -1
	}
	return i.Seq
}

func (q *query) time(name string) time.Time {
	v := q.text(name)
	if v == "" {
		return time.Time{}
	}
	t, err := parseTime(v)
	if err != nil {
		q.doc.wrong("invalid_time", name, "%s", err)
	}
	return t
}

func (q *query) limit() int {
	v := q.text("limit")
	if v == "" {
		return pageDefault
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > pageMax || strconv.Itoa(n) != v {
		q.doc.wrong("out_of_range", "limit", "must be a whole number from 1 to %d", pageMax)
		return pageDefault
	}
	return n
}

// page is where a list goes on, and how long it is. It is read last: its cursor is
// bound to the other parameters.
type page struct {
	before id.Seq
	limit  int
	mark   uint32
}

func (q *query) page(path string) (page, error) {
	p := page{limit: q.limit(), mark: q.mark(path)}
	if v := q.text("cursor"); v != "" {
		before, err := parseCursor(v, p.mark)
		if err != nil {
			q.doc.wrong("invalid_cursor", "cursor", "%s", err)
		}
		p.before = before
	}
	return p, q.end()
}

// mark tells lists with different filters apart.
func (q *query) mark(path string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(path))
	for _, name := range q.known {
		if name != "limit" {
			_, _ = h.Write([]byte("\x00" + name + "\x00" + q.values.Get(name)))
		}
	}
	return h.Sum32()
}

func (q *query) end() error {
	names := make([]string, 0, len(q.values))
	for name := range q.values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !slices.Contains(q.known, name) {
			q.doc.wrong("unknown_parameter", name, "is not a parameter of this list; there are %s", strings.Join(q.known, ", "))
		}
	}
	return q.doc.err()
}

// cursorLen is the version of the form, the row, and the mark of the list.
const cursorLen = 1 + 8 + 4

func cursorText(before id.Seq, mark uint32) string {
	b := []byte{1}
	b = binary.BigEndian.AppendUint64(b, uint64(before)) //nolint:gosec // a Seq is positive
	b = binary.BigEndian.AppendUint32(b, mark)
	return base64.RawURLEncoding.EncodeToString(b)
}

var errCursor = fault.New(fault.Invalid, "invalid_cursor", "is no cursor of this list: send back next_cursor as it came, with the same filters")

func parseCursor(s string, mark uint32) (id.Seq, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != cursorLen || b[0] != 1 || binary.BigEndian.Uint32(b[9:]) != mark {
		return 0, errCursor
	}
	before := id.Seq(binary.BigEndian.Uint64(b[1:])) //nolint:gosec // checked on the next line
	if before <= 0 {
		return 0, errCursor
	}
	return before, nil
}

// list writes a page. rows holds one more than the page when there is a next one.
func list[R any](c *call, p page, rows []R, seq func(R) id.Seq, write func(objects, R)) (int, error) {
	more := len(rows) > p.limit
	if more {
		rows = rows[:p.limit]
	}
	o := c.objects()
	o.open()
	o.plain("object", "list")
	o.list("data")
	for _, r := range rows {
		write(o, r)
	}
	o.endList()
	if more {
		o.plain("next_cursor", cursorText(seq(rows[len(rows)-1]), p.mark))
	} else {
		o.null("next_cursor")
	}
	o.close()
	return 200, nil
}
