package upvest

import (
	"slices"
	"strings"
)

// route is one call of the wire.
type route struct {
	method, path string
	area         string // the first part of its scope
	writes       bool   // it needs the scope :admin
	open         bool   // it needs no token
	idempotent   bool   // it needs an idempotency key
	run          func(*call) (answer, error)
}

// scope is the least scope that the call needs.
func (r *route) scope() string {
	if r.writes {
		return r.area + ":admin"
	}
	return r.area + ":read"
}

// allows tells whether scopes are enough for the call.
func (r *route) allows(granted []string) bool {
	return slices.Contains(granted, r.area+":admin") || !r.writes && slices.Contains(granted, r.area+":read")
}

// routes are all calls. They are filled in by init: the calls know the table.
var routes []route

func init() { //nolint:gochecknoinits // breaks the circle between the table and the calls
	read := func(path, area string, run func(*call) (answer, error)) route {
		return route{method: "GET", path: path, area: area, run: run}
	}
	create := func(path, area string, run func(*call) (answer, error)) route {
		return route{method: "POST", path: path, area: area, writes: true, idempotent: true, run: run}
	}
	change := func(method, path, area string, run func(*call) (answer, error)) route {
		return route{method: method, path: path, area: area, writes: true, run: run}
	}
	routes = []route{
		{method: "POST", path: "/auth/token", open: true, run: createToken},
		read("/auth/verify_keys", "webhooks", verifyKeys),

		create("/users", "users", createUser),
		read("/users", "users", listUsers),
		read("/users/{id}", "users", getUser),
		change("DELETE", "/users/{id}", "users", deleteUser),
		read("/users/{id}/account_groups", "accounts", listGroupsOfUser),
		read("/users/{id}/accounts", "accounts", listAccountsOfUser),
		read("/users/{id}/payments/reference_accounts", "reference_accounts", listReferences),

		create("/account_groups", "accounts", createGroup),
		read("/account_groups", "accounts", listGroups),
		read("/account_groups/{id}", "accounts", getGroup),
		change("DELETE", "/account_groups/{id}", "accounts", deleteGroup),
		read("/account_groups/{id}/accounts", "accounts", listAccountsOfGroup),
		read("/account_groups/{id}/payments/topups", "topups", listTopUps),
		read("/account_groups/{id}/payments/withdrawals", "payments", listWithdrawals),
		read("/account_groups/{id}/payments/cash_balance", "positions", getBalance),
		read("/account_groups/{id}/payments/cash_balances", "positions", listBalances),
		read("/account_groups/{id}/payments/cash_balances/{currency}", "positions", getBalanceIn),

		create("/accounts", "accounts", createAccount),
		read("/accounts", "accounts", listAccounts),
		read("/accounts/{id}", "accounts", getAccount),
		change("DELETE", "/accounts/{id}", "accounts", deleteAccount),

		create("/payments/reference_accounts", "reference_accounts", createReference),
		read("/payments/reference_accounts/{id}", "reference_accounts", getReference),
		change("DELETE", "/payments/reference_accounts/{id}", "reference_accounts", deleteReference),

		create("/payments/withdrawals", "payments", createWithdrawal),
		read("/payments/withdrawals/{id}", "payments", getWithdrawal),
		change("DELETE", "/payments/withdrawals/{id}", "payments", cancelWithdrawal),

		create("/payments/topups", "topups", createTopUp),
		read("/payments/topups/{id}", "topups", getTopUp),
		change("DELETE", "/payments/topups/{id}", "topups", cancelTopUp),
		read("/transactions/cash", "transactions", listTransactions),
		change("POST", "/tests/payments/transactions", "tests", fundInTest),

		change("POST", "/webhooks", "webhooks", createWebhook),
		read("/webhooks", "webhooks", listWebhooks),
		read("/webhooks/{id}", "webhooks", getWebhook),
		change("PATCH", "/webhooks/{id}", "webhooks", patchWebhook),
		change("DELETE", "/webhooks/{id}", "webhooks", deleteWebhook),
		change("POST", "/webhooks/{id}/test", "webhooks", testWebhook),
	}
}

// find gives the route of a request and the parts of its path in braces; without one,
// the methods that the path knows.
func find(method, path string) (_ *route, args, allowed []string) {
	parts := strings.Split(path, "/")
	for i := range routes {
		r := &routes[i]
		args, ok := match(strings.Split(r.path, "/"), parts)
		switch {
		case !ok:
		case r.method == method:
			return r, args, nil
		case !slices.Contains(allowed, r.method):
			allowed = append(allowed, r.method)
		}
	}
	return nil, nil, allowed
}

func match(pattern, parts []string) (args []string, ok bool) {
	if len(pattern) != len(parts) {
		return nil, false
	}
	for i, p := range pattern {
		switch {
		case strings.HasPrefix(p, "{"):
			if parts[i] == "" {
				return nil, false
			}
			args = append(args, parts[i])
		case p != parts[i]:
			return nil, false
		}
	}
	return args, true
}
