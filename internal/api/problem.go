package api

import (
	"cmp"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"sluice/internal/fault"
)

// statuses is the one place where a kind of fault becomes an HTTP status.
var statuses = map[fault.Kind]int{
	fault.Invalid:         http.StatusBadRequest,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.Refused:         http.StatusUnprocessableEntity,
	fault.Busy:            http.StatusServiceUnavailable,
	fault.Unavailable:     http.StatusServiceUnavailable,
	fault.Internal:        http.StatusInternalServerError,
}

// httpStatuses are faults of HTTP itself, for which it has numbers of its own.
var httpStatuses = map[string]int{
	"body_too_large":     http.StatusRequestEntityTooLarge,
	"method_not_allowed": http.StatusMethodNotAllowed,
	"too_many_guesses":   http.StatusTooManyRequests,
}

// retryAfterSeconds is what is asked of a client after Busy and Unavailable. A full
// queue empties in well under a second.
const retryAfterSeconds = "1"

func statusOf(f *fault.Error) int {
	if s, ok := httpStatuses[f.Code]; ok {
		return s
	}
	if s, ok := statuses[f.Kind]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// appendProblem writes RFC 9457 problem details. instance and request may be "":
// the problem of one item of many has neither.
func appendProblem(w *writer, f *fault.Error, instance, request string) {
	w.open()
	w.plain("type", "/docs#"+f.Code)
	w.text("title", title(f.Code))
	w.number("status", int64(statusOf(f)))
	w.text("detail", f.Message)
	if instance != "" {
		w.text("instance", instance)
	}
	w.plain("code", f.Code)
	w.boolean("retryable", f.Kind == fault.Busy || f.Kind == fault.Unavailable)
	if f.Unknown {
		w.plain("outcome", "unknown")
	}
	if request != "" {
		w.plain("request_id", request)
	}
	if len(f.Fields) > 0 {
		w.list("errors")
		for _, e := range f.Fields {
			w.open()
			w.text("field", e.Path)
			w.text("rule", e.Rule)
			w.close()
		}
		w.endList()
	}
	for _, k := range slices.SortedFunc(maps.Keys(f.Extra), cmp.Compare[string]) {
		w.text(k, f.Extra[k])
	}
	w.close()
}

// title is the code as words, so that a new code has one.
func title(code string) string {
	s := strings.ReplaceAll(code, "_", " ")
	return strings.ToUpper(s[:1]) + s[1:]
}

// fail answers with a problem, and logs what is our fault.
func (s *server) fail(rw http.ResponseWriter, r *http.Request, request string, err error) {
	f := fault.Of(err)
	status := statusOf(f)
	if status >= http.StatusInternalServerError && f.Kind != fault.Busy {
		level := slog.LevelError
		if r.Context().Err() != nil {
			level = slog.LevelDebug // the client hung up
		}
		s.log.LogAttrs(r.Context(), level, "a request failed", slog.String("request", request),
			slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.String("code", f.Code), slog.Any("error", err))
	}
	h := rw.Header()
	h["Content-Type"] = problemType
	h["Cache-Control"] = noStore
	switch f.Kind {
	case fault.Busy, fault.Unavailable:
		h["Retry-After"] = []string{retryAfterSeconds}
	case fault.Unauthenticated:
		h["Www-Authenticate"] = []string{`Bearer realm="sluice"`}
	case fault.Invalid, fault.Forbidden, fault.NotFound, fault.Conflict, fault.Refused, fault.Internal:
	}
	var w writer
	appendProblem(&w, f, r.URL.Path, request)
	rw.WriteHeader(status)
	_, _ = rw.Write(w.b) // the client is gone: nobody to tell
}
