package upvest

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"sluice/internal/fault"
)

// slugs begin the type of an error that the vendor knows too; ours begin otherwise.
const (
	slugs = "https://docs.upvest.co/errors/"
	ours  = "urn:sluice:problem:"
)

// refusal is an error with its place on the wire.
type refusal struct {
	status int
	slug   string // of the vendor
	detail string
}

// Error implements error.
func (r *refusal) Error() string { return r.detail }

func problem(status int, slug, format string, args ...any) error {
	return &refusal{status, slug, fmt.Sprintf(format, args...)}
}

var (
	errNotFound        = problem(http.StatusNotFound, "not_found", "There is no such object")
	errBadSignature    = problem(http.StatusUnauthorized, "unauthorised", "Signature is incorrect")
	errBadToken        = problem(http.StatusUnauthorized, "unauthorised", "Token is not valid")
	errNotCancellable  = problem(http.StatusUnprocessableEntity, "unprocessable_entity", "Only a withdrawal with the status NEW can be cancelled")
	errBadCredentials  = problem(http.StatusUnauthorized, "unauthorised", "Client id and secret do not belong together")
	errOnlyInTestMode  = problem(http.StatusForbidden, "forbidden", "This call is for merchants in test mode")
	errInternal        = &refusal{http.StatusInternalServerError, "internal_server_error", "Something went wrong on our side"}
	errServiceDisabled = &refusal{http.StatusServiceUnavailable, "service_unavailable", ""}
)

// problemBody is an error as it is sent (RFC 9457).
type problemBody struct {
	Type      string `json:"type"`
	Status    int    `json:"status"`
	Title     string `json:"title,omitempty"`
	Detail    string `json:"detail,omitempty"`
	Instance  string `json:"instance,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// own are refusals of ours that a client may want to tell from others, by code.
var own = map[string]string{
	"insufficient_funds":       "Insufficient funds",
	"idempotency_key_reused":   "Idempotency key reused",
	"account_group_not_active": "Account group not active",
}

// problem sends an error.
func (c *call) problem(b problemBody) {
	b.Detail = wireIDs(b.Detail)
	b.RequestID = c.rw.Header().Get("Upvest-Request-Id")
	b.Instance = c.r.URL.Path
	c.write(b.Status, "application/problem+json", b)
}

// nativeID is an id as the native API writes it.
var nativeID = regexp.MustCompile(`\b[a-z][a-z0-9]{0,5}_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})\b`)

// wireIDs writes the ids in a text as the wire has them.
func wireIDs(text string) string { return nativeID.ReplaceAllString(text, "$1-$2-$3-$4-$5") }

func problemOf(err error) problemBody {
	var r *refusal
	if !errors.As(err, &r) {
		f := fault.Of(err)
		if title, ok := own[f.Code]; ok {
			return problemBody{Type: ours + f.Code, Status: http.StatusBadRequest, Title: title, Detail: f.Message}
		}
		r = refusalOf(f)
	}
	return problemBody{Type: slugs + r.slug, Status: r.status, Title: http.StatusText(r.status), Detail: r.detail}
}

// refusalOf maps the kinds of errors. The wire types 400 for what is refused: its
// clients know no other code for it.
func refusalOf(f *fault.Error) *refusal {
	switch f.Kind {
	case fault.Invalid, fault.Refused:
		return &refusal{http.StatusBadRequest, "bad_request", f.Message}
	case fault.Unauthenticated:
		return &refusal{http.StatusUnauthorized, "unauthorised", f.Message}
	case fault.Forbidden:
		return &refusal{http.StatusForbidden, "forbidden", f.Message}
	case fault.NotFound:
		return &refusal{http.StatusNotFound, "not_found", f.Message}
	case fault.Conflict:
		return &refusal{http.StatusConflict, "conflict", f.Message}
	case fault.Busy, fault.Unavailable:
		return &refusal{http.StatusServiceUnavailable, errServiceDisabled.slug, f.Message}
	case fault.Internal:
	}
	return errInternal
}
