package coinspaid

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"sluice/internal/dialect"
	"sluice/internal/json"
	"sluice/internal/money"
)

// places is how many decimals every amount of the wire has.
const places = 8

// request is a body, read once. What is wrong with it is collected by field. Members that
// nobody asks for are ignored.
type request struct {
	body   json.Value
	errors []fieldError
}

// fieldError is one wrong field with the one text the wire has for it.
type fieldError struct{ field, text string }

var errFormat = errors.New("the body is no JSON object, list or null")

// parse reads a body. Nothing, a list and null stand for an object without members.
func parse(body []byte) (*request, error) {
	v, err := dialect.ParseBody(body)
	switch {
	case err != nil:
		return nil, err
	case v.Kind() == json.Array || v.Kind() == json.Null:
		v = json.Empty().Root()
	case v.Kind() != json.Object:
		return nil, errFormat
	}
	return &request{body: v}, nil
}

// wrong notes a wrong field.
func (r *request) wrong(field, text string) {
	r.errors = append(r.errors, fieldError{field, text})
}

// has tells whether a member is there with a value other than null or "".
func (r *request) has(name string) bool {
	v := r.body.Get(name)
	return v.Exists() && (v.Kind() != json.String || v.Text() != "")
}

// words writes a field's name as texts do: "foreign id".
func words(field string) string { return strings.ReplaceAll(field, "_", " ") }

// text is a member that is a text; a number or a truth value is taken as it was written.
func (r *request) text(name string, required bool, most int) string {
	if !r.has(name) {
		if required {
			r.wrong(name, "The "+words(name)+" field is required.")
		}
		return ""
	}
	s, ok := r.body.Get(name).Scalar()
	if !ok {
		r.wrong(name, "The "+words(name)+" must be a string.")
		return ""
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

// object is a member that is an object, as it was written without blanks; "" for an empty
// list, which is how some languages write an empty object.
func (r *request) object(name string) string {
	v := r.body.Get(name)
	switch {
	case !r.has(name), v.Kind() == json.Array && v.Len() == 0:
		return ""
	case v.Kind() != json.Object:
		r.wrong(name, "The "+words(name)+" must be an object.")
		return ""
	}
	return string(v.Append(nil))
}

// amount is a member that is an amount above zero: a text or a number of any form, read
// exactly. Up to eight decimals are taken for every currency, as the wire shows them;
// what is finer than the currency is cut off, so that never more is paid than was asked for.
func (r *request) amount(name string, asset money.Asset) money.Amount {
	s, ok := r.body.Get(name).Scalar()
	plain, number := decimal(s)
	if !ok || !number {
		r.wrong(name, "The "+words(name)+" must be a number.")
		return money.Amount{}
	}
	if asset.Code == "" {
		return money.Amount{} // the currency is wrong, and said to be
	}
	if plain == "0" {
		r.wrong(name, "The "+words(name)+" must be greater than 0.")
		return money.Amount{}
	}
	whole, frac, _ := strings.Cut(plain, ".")
	if len(frac) > places {
		r.wrong(name, "The "+words(name)+" may have at most "+strconv.Itoa(places)+" decimal places.")
		return money.Amount{}
	}
	if cut := strings.TrimRight(frac[:min(len(frac), asset.Scale)], "0"); cut != "" {
		plain = whole + "." + cut
	} else {
		plain = whole
	}
	a, err := asset.Parse(plain)
	switch {
	case err != nil:
		r.wrong(name, "The "+words(name)+" is too large.")
	case a.IsZero():
		r.wrong(name, "The "+words(name)+" must be at least "+eightPlaces(asset, money.Of(1), true)+".")
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
	s, _ := r.body.Get(name).Scalar()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0
	}
	return n
}

// eightPlaces writes an amount with eight decimals. What is finer is left out, or with up
// rounded up: amounts are never shown larger than they are, charges never smaller.
func eightPlaces(asset money.Asset, a money.Amount, up bool) string {
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

// exact writes an amount with at least eight decimals, and with as many as it has: for the
// list of transactions, whose amounts have no fixed number of them.
func exact(asset money.Asset, a money.Amount) string {
	s := asset.Format(a)
	if whole, frac, _ := strings.Cut(s, "."); len(strings.TrimRight(frac, "0")) > places {
		return whole + "." + strings.TrimRight(frac, "0")
	}
	return eightPlaces(asset, a, false)
}
