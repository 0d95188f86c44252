package tylt

import (
	"context"
	"net/http"
	"strings"

	"sluice/internal/dialect"
	"sluice/internal/fault"
)

// refusal is an answer that is no success.
type refusal struct {
	status int
	code   int64
	text   string
}

// Error implements error.
func (r *refusal) Error() string { return r.text }

// body is the refusal on the wire.
func (r *refusal) body() []byte {
	w := &writer{}
	w.Open().Key("data").Open().Close().Int("errorCode", r.code).Text("msg", r.text).Close()
	return w.Bytes()
}

// The refusals. Code 4 with its text is the vendor's, the others are ours.
var (
	errKey          = &refusal{http.StatusUnauthorized, 1001, "Invalid API key"}
	errSignature    = &refusal{http.StatusUnauthorized, 1002, "Invalid signature"}
	errPermission   = &refusal{http.StatusForbidden, 1004, "Permission denied"}
	errCombination  = &refusal{http.StatusBadRequest, 4, "Given settledCurrency and networkSymbol combination does not exist"}
	errAddress      = &refusal{http.StatusBadRequest, 1011, "Invalid address"}
	errMinimum      = &refusal{http.StatusBadRequest, 1012, "Amount below minimum"}
	errMaximum      = &refusal{http.StatusBadRequest, 1012, "Amount above maximum"}
	errConversion   = &refusal{http.StatusBadRequest, 1014, "Conversion is not available"}
	errBalance      = &refusal{http.StatusBadRequest, 1020, "Insufficient balance"}
	errDuplicate    = &refusal{http.StatusBadRequest, 1021, "merchantOrderId already exists"}
	errNotFound     = &refusal{http.StatusNotFound, 1022, "Transaction not found"}
	errTooMany      = &refusal{http.StatusTooManyRequests, 1029, "Too many requests"}
	errDown         = &refusal{http.StatusServiceUnavailable, 1050, "Not available, nothing was done; try again"}
	errOurs         = &refusal{http.StatusInternalServerError, 1050, "Internal error"}
	errNotSupported = &refusal{http.StatusNotFound, 1404, "Not supported"}
)

// invalid refuses a field.
func invalid(field string) *refusal {
	return &refusal{http.StatusBadRequest, 1010, field + " is invalid"}
}

func required(field string) *refusal {
	return &refusal{http.StatusBadRequest, 1010, field + " is required"}
}

// refused is the answer for a fault.
func refused(err error) *refusal {
	if r, ok := err.(*refusal); ok { //nolint:errorlint // made in this package, never wrapped
		return r
	}
	f := fault.Of(err)
	switch {
	case f.Unknown:
		return errOurs // the client has to look before it sends again
	case f.Code == "duplicate_foreign_id":
		return errDuplicate
	case f.Code == "insufficient_funds", f.Code == dialect.ErrNoAccount.Code:
		return errBalance
	case f.Code == "amount_too_small", f.Code == "amount_below_fee":
		return errMinimum
	case f.Code == "amount_too_large", f.Code == "amount_overflow":
		return errMaximum
	case f.Code == "exchange_unavailable", strings.HasPrefix(f.Code, "rate_"), strings.HasPrefix(f.Code, "liquidity_"), strings.HasPrefix(f.Code, "quote_"):
		return errConversion
	case f.Code == "wrong_network":
		return errCombination
	case strings.HasPrefix(f.Code, "idempotency_"):
		return invalid("Idempotency-Key")
	case f.Kind == fault.Busy || f.Kind == fault.Unavailable:
		return errDown
	case f.Kind == fault.Forbidden:
		return errPermission
	case f.Kind == fault.Internal || len(f.Fields) == 0:
		return errOurs
	}
	_, field, nested := strings.Cut(f.Fields[0].Path, ".")
	if !nested {
		field = f.Fields[0].Path
	}
	switch field {
	case "address":
		return errAddress
	case "amount":
		return invalid("baseAmount")
	case "metadata":
		return invalid("comments")
	case "foreign_id":
		return invalid("merchantOrderId")
	}
	return invalid(field)
}

// ours tells whether the operator should read of a failure.
func ours(ctx context.Context, err error) bool {
	_, said := err.(*refusal) //nolint:errorlint // as above
	return !said && dialect.Ours(ctx, err)
}
