package api

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/json"
	"sluice/internal/money"
)

// object reads the members of one JSON object of a document by name and type. A
// member of the wrong type or form is noted in the document; the getters then give
// the zero value, and the handler asks err once at the end. null is the same as
// leaving a member out.
type object struct {
	d    *document
	v    json.Value
	path string
}

// body is the document as an object.
func (d *document) body() object { return object{d: d, v: d.Root()} }

func (o object) key(name string) string { return json.Join(o.path, name) }

// has tells whether the member is there and not null.
func (o object) has(name string) bool { return o.v.Get(name).Exists() }

// need gives a member of a kind; one that is missing, null or of another kind is given
// as one that does not exist.
func (o object) need(name string, kind json.Kind, required bool) json.Value {
	v := o.v.Get(name)
	switch {
	case !v.Exists() && required:
		o.d.wrong("field_required", o.key(name), "is required")
	case v.Exists() && v.Kind() != kind:
		o.d.wrong("wrong_type", o.key(name), "must be %s, not %s", kind, v.Kind())
	case v.Exists():
		return v
	}
	return json.Value{}
}

// text is a required text that is not empty.
func (o object) text(name string) string {
	s := o.textOr(name, true)
	return s
}

// optional is a text that may be missing.
func (o object) optional(name string) string { return o.textOr(name, false) }

func (o object) textOr(name string, required bool) string {
	v := o.need(name, json.String, required)
	if !v.Exists() {
		return ""
	}
	if required && v.Text() == "" {
		o.d.wrong("field_required", o.key(name), "must not be empty")
	}
	if invisible(v.Text()) {
		o.d.wrong("invalid_text", o.key(name), "must not contain control characters")
		return ""
	}
	return v.Text()
}

// invisible tells whether a text holds control characters, or is not UTF-8: what a
// person cannot see must not tell two names apart.
func invisible(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError })
}

// boolean is an optional truth value.
func (o object) boolean(name string) (value, given bool) {
	v := o.need(name, json.Bool, false)
	return v.Text() == "true", v.Exists()
}

// integer is an optional whole number from low to high.
func (o object) integer(name string, low, high int64) (value int64, given bool) {
	v := o.need(name, json.Number, false)
	if !v.Exists() {
		return 0, false
	}
	n, err := strconv.ParseInt(v.Text(), 10, 64)
	if err != nil || n < low || n > high {
		o.d.wrong("out_of_range", o.key(name), "must be a whole number from %d to %d", low, high)
		return 0, false
	}
	return n, true
}

// amount is a required amount of an asset, in major units, as a text. A number is
// refused: between here and there, somebody's parser would have made it a float.
func (o object) amount(name string, asset money.Asset) money.Amount {
	v := o.v.Get(name)
	switch {
	case !v.Exists():
		o.d.wrong("field_required", o.key(name), "is required")
		return money.Amount{}
	case v.Kind() == json.Number:
		o.d.wrong("amount_not_text", o.key(name), "an amount is a text: write %q in quotes", v.Text())
		return money.Amount{}
	case v.Kind() != json.String:
		o.d.wrong("wrong_type", o.key(name), "must be a text, not %s", v.Kind())
		return money.Amount{}
	case asset.Code == "":
		return money.Amount{} // the currency is wrong, and said to be
	}
	a, err := asset.Parse(v.Text())
	if err == nil && a.IsZero() {
		o.d.wrong("amount_zero", o.key(name), "must be more than zero")
	}
	o.noted(name, err)
	return a
}

// asset is a required currency code.
func (o object) asset(name string, known money.Assets) money.Asset {
	code := o.text(name)
	if code == "" {
		return money.Asset{}
	}
	a, err := known.Get(code)
	o.noted(name, err)
	return a
}

// noted turns a fault about a value into a wrong field.
func (o object) noted(name string, err error) {
	if f := fault.Of(err); f != nil {
		o.d.wrong(f.Code, o.key(name), "%s", f.Message)
	}
}

// id is an id of a kind; the zero id when the member is missing or wrong.
func (o object) id(name string, kind id.Kind, required bool) id.ID {
	s := o.textOr(name, required)
	if s == "" {
		return id.ID{}
	}
	i, err := id.Parse(kind, s)
	if err != nil {
		o.d.wrong("invalid_id", o.key(name), "%s", err)
	}
	return i
}

// time is an optional moment in RFC 3339.
func (o object) time(name string) time.Time {
	s := o.optional(name)
	if s == "" {
		return time.Time{}
	}
	t, err := parseTime(s)
	if err != nil {
		o.d.wrong("invalid_time", o.key(name), "%s", err)
	}
	return t
}

// object is a member that is an object itself.
func (o object) object(name string, required bool) (object, bool) {
	v := o.need(name, json.Object, required)
	return object{o.d, v, o.key(name)}, v.Exists()
}

// texts is an optional list of texts.
func (o object) texts(name string, most int) []string {
	v := o.need(name, json.Array, false)
	if !v.Exists() {
		return nil
	}
	out := []string{}
	for _, m := range v.All() {
		if m.Kind() != json.String || m.Text() == "" {
			o.d.wrong("wrong_type", o.key(name)+"["+strconv.Itoa(len(out))+"]", "must be a text that is not empty")
		}
		out = append(out, m.Text())
	}
	if len(out) > most {
		o.d.wrong("too_many_items", o.key(name), "has at most %d items, this has %d", most, len(out))
	}
	return out
}

// objects is a required list of objects.
func (o object) objects(name string, most int) []object {
	v := o.need(name, json.Array, true)
	if !v.Exists() {
		return nil
	}
	var out []object
	for _, m := range v.All() {
		path := o.key(name) + "[" + strconv.Itoa(len(out)) + "]"
		if m.Kind() != json.Object {
			o.d.wrong("wrong_type", path, "must be an object, not %s", m.Kind())
		}
		if len(out) == most {
			o.d.wrong("too_many_items", o.key(name), "has at most %d items", most)
			return nil
		}
		out = append(out, object{o.d, m, path})
	}
	if len(out) == 0 {
		o.d.wrong("field_required", o.key(name), "must not be empty")
	}
	return out
}

// Bounds of metadata.
const (
	maxMetadataKeys  = 20
	maxMetadataKey   = 40
	maxMetadataValue = 500
)

// metadata is an optional object of texts, the merchant's own; what it gives is
// canonical JSON, or "" for none.
func (o object) metadata(name string) string {
	v := o.need(name, json.Object, false)
	if v.Len() == 0 {
		return ""
	}
	for key, m := range v.All() {
		path := o.key(name) + "." + key
		switch {
		case m.Kind() != json.String:
			o.d.wrong("wrong_type", path, "must be a text, not %s", m.Kind())
		case key == "" || len(key) > maxMetadataKey:
			o.d.wrong("invalid_metadata", path, "a key has 1 to %d bytes", maxMetadataKey)
		case len(m.Text()) > maxMetadataValue:
			o.d.wrong("invalid_metadata", path, "a value has at most %d bytes", maxMetadataValue)
		}
	}
	if v.Len() > maxMetadataKeys {
		o.d.wrong("invalid_metadata", o.key(name), "has at most %d keys", maxMetadataKeys)
	}
	return string(v.Canonical(nil))
}

// end notes every member that nobody asked for, in this object alone.
func (o object) end() {
	for name := range o.v.Unread() {
		o.d.wrong("unknown_field", o.key(name), "is not a field of this request")
	}
}

// parseTime reads a moment. Stores keep microseconds; years beyond four digits do
// not exist in RFC 3339, and before 2000 nothing here happens.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.Year() < 2000 {
		return time.Time{}, errTime
	}
	return t.UTC().Truncate(time.Microsecond), nil
}

var errTime = fault.New(fault.Invalid, "invalid_time", "a time looks like 2026-11-20T09:30:00Z (RFC 3339)")
