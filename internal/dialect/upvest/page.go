package upvest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
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
	q, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return p, q, bad("query", "cannot be read")
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
			return p, q, bad("sort", "must be one of %s", strings.Join(sorts, ", "))
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

// of answers with the page out of all rows, which are in ascending order.
func (p page) of(all []any) answer {
	if p.descending() {
		slices.Reverse(all)
	}
	from := min(p.Offset, len(all))
	return p.window(all[from:min(from+p.Limit, len(all))], int64(len(all)))
}
