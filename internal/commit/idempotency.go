package commit

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"time"

	"sluice/internal/fault"
	"sluice/internal/id"
)

// Key names one request so that a repeat of it does nothing. The scope is merchant
// and route; a key of one merchant says nothing about another's.
type Key struct {
	Merchant id.Seq
	Route    string
	Key      string
}

// Record is what is kept of an answered request, in the same commit as its effect.
type Record struct {
	Key
	Fingerprint []byte    // of method, path and canonical body
	Ref         id.Seq    // the row the command made, if that is enough to answer again
	Body        []byte    // otherwise what the result said of itself; or the refusal
	Refused     bool      // Body is a refusal
	At          time.Time // when it was answered; kept for KeyLife
}

// Records is the table of idempotency records.
var Records = NewTable("idempotency", func(r *Record) Key { return r.Key })

// Answer is the part of a result that a later repeat is answered from.
type Answer struct {
	Ref  id.Seq
	Body []byte
}

// Answerer is a result that can be replayed. Results of commands that are submitted
// with an idempotency key implement it.
type Answerer interface{ Answer() Answer }

// Request is a command on its way in.
type Request[R any] struct {
	Command     Command[R]
	Key         Key    // zero Key.Key: the request has no idempotency key
	Fingerprint []byte // of the request; only with a key
	// ForgetRefusals keeps the key free when the command is refused, as some
	// dialects promise. By default a refusal is the answer for ever.
	ForgetRefusals bool
}

// Outcome is the answer to a request.
type Outcome[R any] struct {
	Result   R      // of Apply; the zero value when replayed
	Answer   Answer // when replayed: what was kept
	Replayed bool
}

// fingerprintBytes of SHA-256 tell a mistaken repeat from the first request. They
// guard against nobody: who sends two bodies under one key can send them under two.
const fingerprintBytes = 16

// Fingerprint hashes the parts that make two requests the same.
func Fingerprint(parts ...[]byte) []byte {
	h := sha256.New()
	for _, p := range parts {
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write(p)
	}
	return h.Sum(nil)[:fingerprintBytes]
}

// replay answers a request from its record, or says that there is none.
func (r *Request[R]) replay(v *View) (Outcome[R], bool, error) {
	if r.Key.Key == "" {
		return Outcome[R]{}, false, nil
	}
	rec, ok := Records.Get(v, r.Key)
	if !ok {
		return Outcome[R]{}, false, nil
	}
	if !bytes.Equal(rec.Fingerprint, r.Fingerprint) {
		return Outcome[R]{}, true, fault.New(fault.Refused, "idempotency_key_reused",
			"this Idempotency-Key was used for a different request; nothing was done. Use a new key for a new request, the same body for a repeat")
	}
	if rec.Refused {
		return Outcome[R]{Replayed: true}, true, thaw(rec.Body)
	}
	return Outcome[R]{Replayed: true, Answer: Answer{Ref: rec.Ref, Body: rec.Body}}, true, nil
}

// record keeps the outcome, in the same commit. It runs after a refused command
// has been undone, so the record is all that a refusal leaves.
func (r *Request[R]) record(v *View, result R, err error) {
	if r.Key.Key == "" {
		return
	}
	rec := Record{Key: r.Key, Fingerprint: r.Fingerprint, At: v.Now()}
	switch f := fault.Of(err); {
	case f == nil:
		if a, ok := any(result).(Answerer); ok {
			ans := a.Answer()
			rec.Ref, rec.Body = ans.Ref, ans.Body
		}
	case r.ForgetRefusals || f.Kind == fault.Internal || f.Kind == fault.Busy || f.Kind == fault.Unavailable:
		return // not a definitive answer
	default:
		rec.Refused, rec.Body = true, freeze(f)
	}
	Records.Put(v, rec)
}

// frozen is the stored form of a refusal.
type frozen struct {
	Kind    fault.Kind        `json:"kind"`
	Code    string            `json:"code"`
	Message string            `json:"message"`
	Fields  []fault.Field     `json:"fields,omitempty"`
	Extra   map[string]string `json:"extra,omitempty"`
}

func freeze(f *fault.Error) []byte {
	b, err := json.Marshal(frozen{f.Kind, f.Code, f.Message, f.Fields, f.Extra})
	if err != nil {
		panic(err) // strings only: cannot happen
	}
	return b
}

func thaw(b []byte) error {
	var f frozen
	if err := json.Unmarshal(b, &f); err != nil {
		return fault.Wrap(err, fault.Internal, "internal", "a stored answer cannot be read; see the server log")
	}
	return &fault.Error{Kind: f.Kind, Code: f.Code, Message: f.Message, Fields: f.Fields, Extra: f.Extra}
}
