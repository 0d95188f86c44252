package dialecttest

import (
	"crypto/rand"
	"net/http"
	"regexp"

	"sluice/internal/api"
	"sluice/internal/dialect"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/merchant/credential"
	"sluice/internal/webhook"
)

// mount serves the wires; with several of them, the native API beside them.
func (w *World) mount(mux *http.ServeMux) {
	rest := http.NotFoundHandler()
	if len(w.beside) > 0 {
		rest = api.New(api.Deps{
			Loop: w.Loop, Reads: w.DB, Assets: w.Deps.Desk.Assets, Rails: w.Deps.Desk.Rails, Terms: w.Deps.Desk.Terms, Log: w.Deps.Log, Version: "test",
			Webhooks: api.WebhookRules{AllowHTTP: true}, ReviewAbove: w.Deps.Desk.ReviewAbove, Seal: w.Deps.Seal,
		})
		mux.Handle("/v1/", rest)
	}
	for _, d := range append(w.beside, w.Dialect) {
		for _, p := range d.Patterns() {
			mux.Handle(p, d)
		}
		rest = dialect.Claim(d, d, rest)
	}
	mux.Handle("/", rest)
}

// nativeID is an id as the native API writes it.
var nativeID = regexp.MustCompile(`\b[a-z]{2,5}_[0-9a-f]{32}\b`)

// NoNativeIDs fails the test if an answer of a wire names something as only the native API does.
func (w *World) NoNativeIDs(answer []byte) {
	w.Helper()
	if at := nativeID.Find(answer); at != nil {
		w.Fatalf("%s is an id of another API, in %s", at, answer)
	}
}

// formats are all ways in which endpoints of this world are told.
func (w *World) formats() map[string]webhook.Format {
	out := map[string]webhook.Format{webhook.FormatNative: webhook.Native(api.NewRenderer(w.DB, w.Deps.Desk.Assets), w.Deps.Seal)}
	for _, d := range append(w.beside, w.Dialect) {
		out[d.Name()] = d.Format()
	}
	return out
}

// Speaks gives a merchant a credential of another wire of this world, and an endpoint
// of that format at a path of the receiver. The party that comes back has that credential.
func (w *World) Speaks(p Party, wire, path, publicKey, options string) Party {
	w.Helper()
	secret, err := credential.NewSecret(rand.Reader)
	w.Must(err)
	p.Secret = secret
	p.Cred = Do(w, p.ID.Shard, credential.Create{
		Merchant: p.ID.Seq, Dialect: wire, Secret: []byte(secret), PublicKey: publicKey, Scopes: merchant.MerchantScopes,
	})
	p.Key = credential.KeyID(id.ID{Shard: p.ID.Shard, Seq: p.Cred.Seq})
	Do(w, p.ID.Shard, webhook.CreateEndpoint{
		Merchant: p.ID.Seq, URL: w.Receiver.URL + path, Types: []string{"*"}, Format: wire, AllowHTTP: true, Options: options,
	})
	return p
}

// SpeaksNative gives a merchant a key of the native API, and an endpoint at a path of the
// receiver. The party that comes back has the key as Key, and as Secret what messages
// are signed with.
func (w *World) SpeaksNative(p Party, path string) Party {
	w.Helper()
	secret, err := webhook.NewSecret(rand.Reader)
	w.Must(err)
	key, err := webhook.NewSigningKey(rand.Reader)
	w.Must(err)
	Do(w, p.ID.Shard, webhook.CreateEndpoint{
		Merchant: p.ID.Seq, URL: w.Receiver.URL + path, Types: []string{"*"}, AllowHTTP: true, Secret: secret, SigningKey: key,
	})
	p.Secret = secret
	p.Key, err = merchant.NewSecret(merchant.Test, rand.Reader)
	w.Must(err)
	Do(w, 0, merchant.CreateKey{Owner: p.ID, Mode: merchant.Test, Name: "test", Secret: p.Key, Scopes: merchant.MerchantScopes})
	return p
}
