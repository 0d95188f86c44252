package coinspaid

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"sluice/internal/dialect"
	"sluice/internal/money"
)

// places is how many decimals every amount of the wire has.
const places = 8

// request is a body, read once. What is wrong with it is collected by field.
type request struct {
	members map[string]json.RawMessage
	errors  []fieldError
}

// fieldError is one wrong field with the one text the wire has for it.
type fieldError struct{ field, text string }

var errFormat = errors.New("the body is no JSON object, list or null")

// parse reads a body. A list and null stand for an object without members. A key that
// stands there twice is refused: two readers could take different ones.
func parse(body []byte) (*request, error) {
	r := &request{members: map[string]json.RawMessage{}}
	if !utf8.Valid(body) || !json.Valid(body) {
		return nil, errFormat
	}
	switch text := bytes.TrimSpace(body); text[0] {
	case '[', 'n':
		return r, nil
	case '{':
	default:
		return nil, errFormat
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if _, err := d.Token(); err != nil {
		return nil, errFormat
	}
	for d.More() {
		key, err := d.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return nil, errFormat
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, errFormat
		}
		if _, twice := r.members[name]; twice {
			return nil, errFormat
		}
		r.members[name] = value
	}
	return r, nil
}

// wrong notes a wrong field.
func (r *request) wrong(field, text string) {
	r.errors = append(r.errors, fieldError{field, text})
}

// has tells whether a member is there with a value other than null or "".
func (r *request) has(name string) bool {
	v := string(r.members[name])
	return v != "" && v != "null" && v != `""`
}

// words writes a field's name as texts do: "foreign id".
func words(field string) string { return strings.ReplaceAll(field, "_", " ") }

// text is a member that is a text, or a whole number, which is taken as its digits.
func (r *request) text(name string, required bool, most int) string {
	if !r.has(name) {
		if required {
			r.wrong(name, "The "+words(name)+" field is required.")
		}
		return ""
	}
	raw := r.members[name]
	var s string
	if json.Unmarshal(raw, &s) != nil {
		if _, err := strconv.ParseInt(string(raw), 10, 64); err != nil {
			r.wrong(name, "The "+words(name)+" must be a string.")
			return ""
		}
		s = string(raw)
	}
	if len(s) > most {
		r.wrong(name, "The "+words(name)+" may not be greater than "+strconv.Itoa(most)+" characters.")
		return ""
	}
	if strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f || c == utf8.RuneError }) {
		r.wrong(name, "The "+words(name)+" format is invalid.")
		return ""
	}
	return s
}

// object is a member that is an object, as it was written without blanks.
func (r *request) object(name string) string {
	if !r.has(name) {
		return ""
	}
	var b bytes.Buffer
	if raw := r.members[name]; raw[0] != '{' || json.Compact(&b, raw) != nil {
		r.wrong(name, "The "+words(name)+" must be an object.")
		return ""
	}
	return b.String()
}

// amount is a member that is an amount above zero: a text or a number of any form,
// read exactly.
func (r *request) amount(name string, asset money.Asset) money.Amount {
	raw := r.members[name]
	var s string
	if json.Unmarshal(raw, &s) != nil {
		s = string(raw)
	}
	plain, ok := decimal(s)
	if !ok {
		r.wrong(name, "The "+words(name)+" must be a number.")
		return money.Amount{}
	}
	if asset.Code == "" {
		return money.Amount{} // the currency is wrong, and said to be
	}
	if _, frac, _ := strings.Cut(plain, "."); len(frac) > min(places, asset.Scale) {
		r.wrong(name, "The "+words(name)+" may have at most "+strconv.Itoa(min(places, asset.Scale))+" decimal places.")
		return money.Amount{}
	}
	a, err := asset.Parse(plain)
	switch {
	case err != nil:
		r.wrong(name, "The "+words(name)+" is too large.")
	case a.IsZero():
		r.wrong(name, "The "+words(name)+" must be greater than 0.")
	}
	return a
}

// decimal writes a number in any form of JSON, or a text of one, as digits with an
// optional point, exactly and without zeros that say nothing. Signs are refused.
func decimal(s string) (string, bool) {
	digits := strings.TrimLeft(s, "0") // zeros in front are taken here
	if digits == "" || digits[0] < '0' || digits[0] > '9' {
		digits = strings.Repeat("0", min(1, len(s)-len(digits))) + digits
	}
	return dialect.Decimal(digits)
}

// integer is a member that is a whole number from 1, or a text of one; 0 otherwise.
func (r *request) integer(name string) int64 {
	s := strings.Trim(string(r.members[name]), `"`)
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0
	}
	return n
}

// eight writes an amount with eight decimals. What is finer is left out, or with up
// rounded up: amounts are never shown larger than they are, charges never smaller.
func eight(asset money.Asset, a money.Amount, up bool) string {
	s := asset.Format(a)
	whole, frac, _ := strings.Cut(s, ".")
	if len(frac) <= places {
		return whole + "." + frac + strings.Repeat("0", places-len(frac))
	}
	short := whole + "." + frac[:places]
	if !up || strings.Trim(frac[places:], "0") == "" {
		return short
	}
	wire := money.Asset{Code: asset.Code, Scale: places}
	v, err := wire.Parse(short)
	if err == nil {
		v, err = v.Add(money.Of(1))
	}
	if err != nil {
		return short // 39 digits of nines: there is no such charge
	}
	return wire.Format(v)
}
