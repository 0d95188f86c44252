package upvest

import (
	"time"

	"sluice/internal/dialect"
	"sluice/internal/withdrawal/intake"
)

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
	c := &call{Dialect: &Dialect{Deps: dialect.Deps{Desk: &intake.Intake{}}}, body: body, party: &dialect.Party{}}
	p := profileOf(c.members())
	_ = p.check(time.Unix(1700000000, 0))
	c.registration(c.members())
	c.crediting(c.members(), "cash_amount")
	c.funding(c.members())
	c.members().webhookRequest(options{})
	_, _ = c.order()
}

// Calls lists the calls that are served.
func Calls() []string {
	var out []string
	for _, r := range routes {
		out = append(out, r.method+" "+r.path)
	}
	return out
}
