package upvest

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sluice/internal/dialect"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/json"
	"sluice/internal/money"
)

// members reads the members of an object of a request, as loosely as the vendor does: a
// number or truth value is taken as its text, null as nothing, and members that nobody asks
// for are ignored. The first mistake is kept for err.
type members struct {
	v     json.Value
	path  string
	wrong *error
}

// members reads the body of a request, which must be an object.
func (c *call) members() members {
	in := members{wrong: new(error)}
	v, err := dialect.ParseBody(c.body)
	switch {
	case err != nil && len(fault.Of(err).Fields) > 0:
		in.mistake(fault.Of(err).Fields[0].Path, "%s", fault.Of(err).Fields[0].Rule)
	case err != nil:
		in.mistake("body", "is not JSON")
	case v.Kind() != json.Object:
		in.mistake("body", "must be one JSON object")
	default:
		in.v = v
	}
	return in
}

// err is the first mistake.
func (in members) err() error { return *in.wrong }

func (in members) mistake(name, format string, args ...any) {
	in.note(bad(json.Join(in.path, name), format, args...))
}

// note keeps an error, if it is the first one.
func (in members) note(err error) {
	if *in.wrong == nil && err != nil {
		*in.wrong = err
	}
}

// has tells whether a member is there and not null.
func (in members) has(name string) bool { return in.v.Get(name).Exists() }

// text reads a text; "" where there is none.
func (in members) text(name string) string {
	s, ok := in.v.Get(name).Scalar()
	if !ok && in.has(name) {
		in.mistake(name, "must be a text")
	}
	return s
}

// optional reads a text, nil where there is none.
func (in members) optional(name string) *string {
	if !in.has(name) {
		return nil
	}
	s := in.text(name)
	return &s
}

// boolean reads a truth value, nil where there is none.
func (in members) boolean(name string) *bool {
	if !in.has(name) {
		return nil
	}
	b, err := strconv.ParseBool(strings.ToLower(in.text(name)))
	if err != nil {
		in.mistake(name, "must be true or false")
	}
	return &b
}

// integer reads a whole number, nil where there is none.
func (in members) integer(name string) *int {
	if !in.has(name) {
		return nil
	}
	n, err := strconv.Atoi(in.text(name))
	if err != nil {
		in.mistake(name, "must be a whole number")
	}
	return &n
}

// texts reads a list of texts, nil where there is none; a text alone is a list of one.
func (in members) texts(name string) []string {
	v := in.v.Get(name)
	if s, ok := v.Scalar(); ok {
		return []string{s}
	}
	if v.Exists() && v.Kind() != json.Array {
		in.mistake(name, "must be a list of texts")
		return nil
	}
	var out []string
	for _, m := range v.All() {
		s, ok := m.Scalar()
		if !ok {
			in.mistake(name, "must be a list of texts")
		}
		out = append(out, s)
	}
	return out
}

// object reads an object inside; an empty list, as some languages write an empty object, is
// one without members.
func (in members) object(name string) members {
	v := in.v.Get(name)
	if v.Exists() && v.Kind() != json.Object && (v.Kind() != json.Array || v.Len() > 0) {
		in.mistake(name, "must be an object")
	}
	return members{v, json.Join(in.path, name), in.wrong}
}

// raw gives an object as JSON, nil where there is none.
func (in members) raw(name string) []byte {
	if !in.has(name) {
		return nil
	}
	if in.v.Get(name).Kind() != json.Object {
		in.mistake(name, "must be an object")
	}
	return in.v.Get(name).Append(nil)
}

var uuidPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$`)

// reference is an id in a request. What it names may not be there: that is said after
// mistakes of form.
type reference struct {
	at      id.ID
	given   bool
	missing bool
}

// id reads an id. A text that is no UUID is a mistake of form.
func (c *call) id(in members, k id.Kind, name string, required bool) (r reference) {
	text := in.text(name)
	switch {
	case text == "" && required:
		in.mistake(name, "is required")
	case text == "":
	case !uuidPattern.MatchString(text):
		in.mistake(name, "must be a UUID")
	default:
		var err error
		r.at, err = c.parseID(k, text)
		r.given, r.missing = true, err != nil
	}
	return r
}

// there refuses ids that name nothing.
func there(all ...reference) error {
	for _, r := range all {
		if r.missing {
			return errNotFound
		}
	}
	return nil
}

// parseID reads an id of the wire. An id that names nothing of this merchant's is not found.
func (c *call) parseID(k id.Kind, text string) (id.ID, error) {
	if !uuidPattern.MatchString(text) {
		return id.ID{}, errNotFound
	}
	at, err := id.Parse(k, string(k)+"_"+strings.ToLower(strings.ReplaceAll(text, "-", "")))
	if err != nil || at.Shard != c.party.Merchant.Shard {
		return id.ID{}, errNotFound
	}
	return at, nil
}

// amount reads an amount above zero, of at most nine digits before the point. A text has all
// decimals of the currency or none; a number has lost the zeros at its end.
func (in members) amount(name string, asset money.Asset) money.Amount {
	text := in.text(name)
	whole, frac, point := strings.Cut(text, ".")
	number := in.v.Get(name).Kind() == json.Number
	ok := whole != "" && len(whole) <= 9 && len(frac) <= asset.Scale && strings.Trim(whole+frac, "0123456789") == ""
	if !ok || point && (frac == "" || !number && len(frac) < asset.Scale) {
		in.mistake(name, `must be a text like %q: up to nine digits, and %d decimals or none`, asset.Format(money.Of(20000)), asset.Scale)
		return money.Amount{}
	}
	whole = strings.TrimLeft(whole[:len(whole)-1], "0") + whole[len(whole)-1:]
	if point {
		whole += "." + frac
	}
	a, err := asset.Parse(whole)
	if err == nil && a.IsZero() {
		err = bad(name, "must be more than zero")
	}
	in.note(err)
	return a
}

// moment reads a time.
func (in members) moment(name, what string) time.Time {
	at, err := time.Parse(time.RFC3339, in.text(name))
	if err != nil {
		in.mistake(name, "must be %s, like 2020-08-24T14:15:22Z", what)
	}
	return at
}

// form reads the fields of a form or a query. A name that appears twice, in any case, is
// refused: two readers could take different ones.
func form(text, what string) (url.Values, error) {
	q, err := url.ParseQuery(text)
	if err != nil {
		return q, bad(what, "cannot be read")
	}
	seen := map[string]bool{}
	for name, values := range q {
		if folded := strings.ToLower(name); len(values) > 1 || seen[folded] {
			return q, bad(name, "appears twice")
		} else {
			seen[folded] = true
		}
	}
	return q, nil
}
