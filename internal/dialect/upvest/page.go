package upvest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/dialect/upvest/customer"
)

// Bounds of a page.
const (
	pageDefault = 100
	pageMax     = 1000
)

// page is which part of a list is wanted.
type page struct {
	Offset     int    `json:"offset"`
	Limit      int    `json:"limit"`
	Count      int    `json:"count"`
	TotalCount int64  `json:"total_count"`
	Sort       string `json:"sort"`
	Order      string `json:"order"`
	sorted     bool   // by whoever read the rows
}

// listBody is a list as it is sent.
type listBody struct {
	Meta page  `json:"meta"`
	Data []any `json:"data"`
}

// page reads what part of a list is wanted. sorts are what it can be sorted by, the
// first of them if nothing is said.
func (c *call) page(sorts ...string) (page, url.Values, error) {
	p := page{Limit: pageDefault, Sort: sorts[0], Order: "ASC"}
	q, err := form(c.r.URL.RawQuery, "query")
	if err != nil {
		return p, q, err
	}
	for _, n := range []struct {
		name string
		to   *int
		max  int
	}{{"limit", &p.Limit, pageMax}, {"offset", &p.Offset, 1 << 30}} {
		text := q.Get(n.name)
		if text == "" {
			continue
		}
		v, err := strconv.Atoi(text)
		if err != nil || v < 0 || v > n.max {
			return p, q, bad(n.name, "must be a number from 0 to %d", n.max)
		}
		*n.to = v
	}
	if s := q.Get("sort"); s != "" {
		if !slices.Contains(sorts, s) {
			return p, q, bad("sort", "must be one of %s", list(sorts))
		}
		p.Sort = s
	}
	if o := strings.ToUpper(q.Get("order")); o != "" {
		if o != "ASC" && o != "DESC" {
			return p, q, bad("order", "must be ASC or DESC")
		}
		p.Order = o
	}
	return p, q, nil
}

// part is the part of a list as the store reads it.
func (p page) part() customer.Window {
	return customer.Window{Offset: p.Offset, Limit: p.Limit, NewestFirst: p.descending(), ByChange: p.Sort == "updated_at"}
}

// list writes words for a person.
func list(words []string) string { return strings.Join(words, ", ") }

// descending tells whether the last comes first.
func (p page) descending() bool { return p.Order == "DESC" }

// window answers with rows that are the page already.
func (p page) window(rows []any, total int64) answer {
	if rows == nil {
		rows = []any{}
	}
	p.Count, p.TotalCount = len(rows), total
	return answer{http.StatusOK, listBody{p, rows}}
}

// row is an object of a list with what it can be sorted by.
type row struct {
	body          any
	made, changed time.Time
}

// of answers with the page out of all rows, which come in the order in which they were made.
func (p page) of(all []row) answer {
	if p.Sort == "updated_at" && !p.sorted {
		slices.SortStableFunc(all, func(a, b row) int { return a.changed.Compare(b.changed) })
	}
	if p.descending() {
		slices.Reverse(all)
	}
	from := min(p.Offset, len(all))
	var out []any
	for _, r := range all[from:min(from+p.Limit, len(all))] {
		out = append(out, r.body)
	}
	return p.window(out, int64(len(all)))
}
