package api_test

import (
	"strings"

	"sluice/internal/id"
)

// credentials goes through the life of a credential, which is the operator's to make.
func (w *world) credentials(a party) {
	w.t.Helper()
	path := "/v1/merchants/" + a.id.Text(id.Merchant) + "/credentials"
	made := w.want(w.call(w.operator, "POST", path, `{"dialect":"coinspaid","name":"shop","options":{"generation":"old"}}`), 201,
		`"generation":"old"`, `"confirm_on":"final"`, `"withdrawals:create"`, `"revoked_at":null`)
	if len(made.get("secret")) != 48 || len(made.get("key")) != 32 {
		w.t.Errorf("%s", made.body)
	}
	w.want(w.call(w.operator, "POST", path, `{"dialect":"coinspaid","read_only":true}`), 201, `"scopes":["accounts:read"`)
	list := w.want(w.call(w.operator, "GET", path, ""), 200, made.get("key"), `"name":"shop"`)
	if strings.Contains(string(list.body), made.get("secret")) {
		w.t.Error("the secret is shown again")
	}
	w.want(w.call(w.operator, "POST", path, `{"dialect":"morse"}`), 400, `"code":"unknown_dialect"`)
	w.want(w.call(w.operator, "POST", path, `{"dialect":"coinspaid","options":{"colour":"red"}}`), 400, `"code":"unknown_option"`)
	w.want(w.call(w.operator, "POST", "/v1/merchants/"+unlike(id.Merchant)+"/credentials", `{"dialect":"coinspaid"}`), 404, `"code":"merchant_not_found"`)
	w.want(w.call(w.operator, "POST", "/v1/credentials/"+made.get("id")+"/revoke", ""), 200, `"revoked_at":"2`)
	w.want(w.call(w.operator, "POST", "/v1/credentials/"+made.get("id")+"/revoke", "{}"), 200, `"revoked_at":"2`)
	w.want(w.call(w.operator, "POST", "/v1/credentials/"+unlike(id.Credential)+"/revoke", ""), 404, `"code":"credential_not_found"`)
	w.want(w.call(a.key, "POST", path, `{"dialect":"coinspaid"}`), 403, `"code":"missing_scope"`)
}
