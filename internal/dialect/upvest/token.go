package upvest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/merchant"
	"sluice/internal/merchant/credential"
)

// tokenLife is how long a token is good.
const tokenLife = 1800 * time.Second

// granted are the scopes of the wire, with the rights that a credential needs for each.
var grants = map[string][]merchant.Scope{
	"payments:admin":           {merchant.CreateWithdrawals, merchant.CancelWithdrawals, merchant.ReadWithdrawals},
	"payments:read":            {merchant.ReadWithdrawals},
	"reference_accounts:admin": {merchant.WriteDestinations, merchant.ReadDestinations},
	"reference_accounts:read":  {merchant.ReadDestinations},
	"positions:read":           {merchant.ReadAccounts},
	"users:admin":              {merchant.WriteAccounts, merchant.ReadAccounts},
	"users:read":               {merchant.ReadAccounts},
	"accounts:admin":           {merchant.WriteAccounts, merchant.ReadAccounts},
	"accounts:read":            {merchant.ReadAccounts},
	"webhooks:admin":           {merchant.WriteWebhooks, merchant.ReadWebhooks},
	"webhooks:read":            {merchant.ReadWebhooks},
	"transactions:read":        {merchant.ReadAccounts, merchant.ReadWithdrawals},
	"topups:admin":             {merchant.WriteCredits},
	"topups:read":              {merchant.ReadAccounts},
	"tests:admin":              {merchant.WriteCredits},
}

// tokenBody is the answer to a client that asks for a token.
type tokenBody struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	TokenType   string `json:"token_type"`
	Scope       string `json:"scope"`
}

// createToken gives a token to a client that knows its secret.
func createToken(c *call) (answer, error) {
	none := answer{}
	f, err := form(string(c.body), "body")
	if err != nil {
		return none, err
	}
	if got := f.Get("grant_type"); got != "client_credentials" {
		return none, bad("grant_type", "must be client_credentials")
	}
	if len(f.Get("client_secret")) > 1000 || len(f.Get("scope")) > 1000 {
		return none, bad("scope", "scope and client_secret have at most 1000 characters")
	}
	who, ok := credential.ParseKey(f.Get("client_id"))
	if !ok || credential.KeyUUID(who) != c.client || len(c.party.Secret) == 0 ||
		subtle.ConstantTimeCompare([]byte(f.Get("client_secret")), c.party.Secret) != 1 {
		return none, errBadCredentials
	}
	scopes, err := c.granted(strings.Fields(f.Get("scope")))
	if err != nil {
		return none, err
	}
	slices.Sort(scopes)
	scopes = slices.Compact(scopes)
	t := newToken(c.party.Secret, c.client, c.Now().Add(tokenLife), scopes)
	return answer{http.StatusOK, tokenBody{t, int(tokenLife / time.Second), "bearer", strings.Join(scopes, " ")}}, nil
}

// granted are those of some scopes that are served here and that the credential has the
// rights for. Asking for more is no mistake: a client names the scopes of all products that
// it uses. Asking for none of these is one.
func (c *call) granted(asked []string) (out []string, err error) {
	if len(asked) == 0 {
		return nil, bad("scope", "is required")
	}
	var served []string
	for _, s := range asked {
		rights, ok := grants[s]
		if !ok {
			continue
		}
		served = append(served, s)
		if !slices.ContainsFunc(rights, func(r merchant.Scope) bool { return !c.party.Credential.Can(r) }) {
			out = append(out, s)
		}
	}
	switch {
	case len(served) == 0:
		return nil, bad("scope", "none of these scopes is served here; there are %s", strings.Join(slices.Sorted(maps.Keys(grants)), ", "))
	case len(out) == 0:
		return nil, problem(http.StatusForbidden, "forbidden", "This client is not granted the scope %s", strings.Join(served, ", "))
	}
	return out, nil
}

// A token says for itself until when it is good and for what; its code shows that the
// holder of the client's secret (this installation) wrote it. So every node knows it, and
// it ends with the credential.
func newToken(secret []byte, client string, until time.Time, scopes []string) string {
	salt := make([]byte, 9)
	_, _ = rand.Read(salt) // never fails
	text := strconv.FormatInt(until.Unix(), 10) + " " + base64.RawURLEncoding.EncodeToString(salt) + " " + strings.Join(scopes, " ")
	body := base64.RawURLEncoding.EncodeToString([]byte(text))
	return body + "." + tokenCode(secret, client, body)
}

func tokenCode(secret []byte, client, body string) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("sluice upvest token\n" + client + "\n" + body))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// token checks the token of a request and gives its scopes.
func (c *call) token() ([]string, error) {
	kind, text, ok := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(kind, "bearer") || len(c.party.Secret) == 0 {
		return nil, errBadToken
	}
	body, code, ok := strings.Cut(strings.TrimSpace(text), ".")
	if !ok || subtle.ConstantTimeCompare([]byte(code), []byte(tokenCode(c.party.Secret, c.client, body))) != 1 {
		return nil, errBadToken
	}
	said, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return nil, errBadToken
	}
	words := strings.Fields(string(said))
	if len(words) < 2 {
		return nil, errBadToken
	}
	until, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil || !c.Now().Before(time.Unix(until, 0)) {
		return nil, errBadToken
	}
	return words[2:], nil
}
