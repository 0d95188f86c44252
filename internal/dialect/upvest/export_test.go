package upvest

import "time"

// The forms of signatures, for vectors.
var (
	BaseOf         = func(names, values []string, params string) string { return baseOf(pair(names, values), params) }
	WebhookBase    = func(names, values []string, params string) string { return webhookBase(pair(names, values), params) }
	Verifies       = verifies
	DigestOf       = digestOf
	WebhookDigest  = webhookDigest
	ParseSignature = parseSignature
	Waits          = waits
)

func pair(names, values []string) []part {
	out := make([]part, len(names))
	for i := range names {
		out[i] = part{names[i], values[i]}
	}
	return out
}

// Input is what ParseInput reads.
type Input struct {
	Label, Raw, KeyID, Nonce string
	Components               []string
	Created, Expires         int64
}

// ParseInput is parseInput.
func ParseInput(s string) (Input, error) {
	in, err := parseInput(s)
	return Input{in.label, in.raw, in.keyID, in.nonce, in.components, in.created.Unix(), in.expires.Unix()}, err
}

// Decoders reads a body with every decoder there is.
func Decoders(body []byte) {
	for _, into := range []any{new(profile), new(createReferenceBody), new(createWithdrawalBody), new(fundBody), new(webhookBody)} {
		c := &call{body: body}
		if c.decode(into) != nil {
			continue
		}
		switch b := into.(type) {
		case *profile:
			_ = b.check(time.Unix(1700000000, 0))
		case *createReferenceBody:
			_, _ = b.check()
		case *webhookBody:
			_, _ = b.change(options{})
		}
	}
}

// Calls lists the calls that are served.
func Calls() []string {
	var out []string
	for _, r := range routes {
		out = append(out, r.method+" "+r.path)
	}
	return out
}
