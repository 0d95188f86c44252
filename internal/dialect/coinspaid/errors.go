package coinspaid

import (
	"net/http"
	"strings"

	"sluice/internal/fault"
	"sluice/internal/json"
)

// refusal is an answer that is no success.
type refusal struct {
	status int
	body   []byte
}

// Error implements error.
func (r *refusal) Error() string { return string(r.body) }

// coded is a refusal with a text and a code.
func coded(status int, text, name string) *refusal {
	w := &json.Writer{}
	w.Open().Text("error", text).Text("code", name).Close()
	return &refusal{status, w.Bytes()}
}

// both is a refusal that clients of either form can read.
func both(status int, text, name string) *refusal {
	w := &json.Writer{}
	w.Open().Text("error", text).Text("code", name).Key("errors").Open().Text("request", text).Close().Close()
	return &refusal{status, w.Bytes()}
}

// fields is a refusal that names fields, each with one text.
func fields(status int, all ...fieldError) *refusal {
	w := &json.Writer{}
	w.Open().Key("errors").Open()
	for _, f := range all {
		w.Text(f.field, f.text)
	}
	w.Close().Close()
	return &refusal{status, w.Bytes()}
}

func invalid(field, text string) *refusal {
	return fields(http.StatusBadRequest, fieldError{field, text})
}

// The refusals of the way in, in the order of the checks.
var (
	errNoKey       = coded(http.StatusForbidden, "No key header", "required_header_key")
	errBadKey      = coded(http.StatusForbidden, "Bad key header", "bad_header_key")
	errNoSignature = coded(http.StatusForbidden, "No signature header", "required_header_signature")
	errSignature   = coded(http.StatusForbidden, "Bad signature header", "bad_header_signature")
	errContent     = coded(http.StatusBadRequest, "Bad content format", "bad_content_format")
	errForbidden   = coded(http.StatusForbidden, "Permission denied", "permission_denied")
	errTooLarge    = both(http.StatusRequestEntityTooLarge, "The body is too large.", "body_too_large")
	errTooMany     = fields(http.StatusTooManyRequests, fieldError{"request", "Too many requests."})
	errUnsupported = both(http.StatusNotFound, "Not supported.", "not_supported")
	errDeposits    = both(http.StatusNotFound, "This installation takes no deposits: there is no provider of deposit addresses.", "not_supported")
	errInvoices    = both(http.StatusNotFound, "This installation makes payouts only: there are no invoices.", "not_supported")
	errDown        = both(http.StatusServiceUnavailable, "The service is not available; nothing was done. Repeat the request after a moment.", "service_unavailable")
	errUnknown     = both(http.StatusServiceUnavailable, "The outcome is not known. Ask transactions/info with the foreign id before you send it again.", "outcome_unknown")
	errOurs        = both(http.StatusInternalServerError, "Something went wrong on our side.", "internal_error")
)

const (
	textTaken   = "The foreign id has already been taken."
	textFunds   = "Not enough money on balance"
	textPair    = "Exchange is unavailable for given currencies"
	textPrice   = "The price is expired or invalid."
	textAddress = "The address is invalid."
)

// asked names the fields of a request that native faults are about.
type asked struct {
	amount   string // the amount that was given
	exchange string // what to blame where an exchange is not possible
}

// bounded names the amount that a bound is about: the one that was given, or the one on the
// other side of an exchange.
func (a asked) bounded(f *fault.Error) string {
	received := a.amount == "amount_to" || a.amount == "receiver_amount"
	switch path := f.Fields[0].Path; {
	case path == "receive_amount" && !received:
		return "The receiver amount"
	case path == "send_amount" && received:
		return "The sender amount"
	}
	return "The amount"
}

// refused is the answer for a fault.
func refused(err error, a asked) *refusal {
	if r, ok := err.(*refusal); ok { //nolint:errorlint // made in this package, never wrapped
		return r
	}
	f := fault.Of(err)
	switch {
	case f.Unknown:
		return errUnknown
	case f.Code == "duplicate_foreign_id":
		return invalid("foreign_id", textTaken)
	case f.Code == "insufficient_funds", f.Code == "merchant_account_missing":
		return invalid(a.amount, textFunds)
	case f.Code == "amount_too_small":
		return invalid(a.amount, a.bounded(f)+" must be at least "+f.Extra["minimum"]+".")
	case f.Code == "amount_too_large":
		return invalid(a.amount, a.bounded(f)+" must be at most "+f.Extra["maximum"]+".")
	case f.Code == "amount_below_fee", f.Code == "amount_overflow", f.Code == "amount_zero":
		return invalid(a.amount, "The amount is invalid.")
	case f.Code == "exchange_unavailable", f.Code == "same_currency", strings.HasPrefix(f.Code, "rate_"), strings.HasPrefix(f.Code, "liquidity_"):
		return invalid(a.exchange, textPair)
	case strings.HasPrefix(f.Code, "quote_"):
		return invalid("price", textPrice)
	case f.Kind == fault.Busy || f.Kind == fault.Unavailable:
		return errDown
	case f.Kind == fault.Internal:
		return errOurs
	case f.Kind == fault.Forbidden:
		return errForbidden
	}
	return native(f)
}

// native is the answer for a fault that the wire has no words for.
func native(f *fault.Error) *refusal {
	field, text := "request", f.Message
	if len(f.Fields) > 0 {
		field, text = f.Fields[0].Path, f.Fields[0].Rule
	}
	_, last, nested := strings.Cut(field, ".")
	if nested {
		field = last
	}
	switch field {
	case "address", "network":
		return invalid("address", textAddress)
	case "tag":
		return invalid("tag", "The tag is invalid.")
	}
	return invalid(field, plainASCII(text))
}
