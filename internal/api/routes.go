package api

import "sluice/internal/merchant"

// Operation is one operation, for those who check or document all of them.
type Operation struct {
	Pattern string         // as http.ServeMux writes it: "POST /v1/withdrawals"
	Scope   merchant.Scope // that a key needs; "" for any key
	// Operators: only keys of the operator may, with this scope or with operator.
	Operators bool
}

// Operations lists every operation.
func Operations() []Operation {
	var out []Operation
	for _, rt := range routes() {
		out = append(out, Operation{rt.pattern, rt.scope, rt.operators})
	}
	return out
}

// routes is every operation of the API. openapi.yaml has the same ones; a test
// holds them against each other.
func routes() []route {
	return []route{
		{pattern: "GET /v1/ping", handle: ping},
		{pattern: "GET /v1/currencies", handle: listCurrencies},
		{pattern: "GET /v1/merchant", scope: merchant.ReadAccounts, handle: getMerchant},
		{pattern: "PATCH /v1/merchant", scope: merchant.WriteAccounts, body: needsBody, handle: updateMerchant},

		{pattern: "POST /v1/accounts", scope: merchant.WriteAccounts, body: needsBody, key: keyTaken, handle: openAccount},
		{pattern: "GET /v1/accounts", scope: merchant.ReadAccounts, handle: listAccounts},
		{pattern: "GET /v1/accounts/{id}", scope: merchant.ReadAccounts, handle: getAccount},
		{pattern: "GET /v1/accounts/{id}/balances", scope: merchant.ReadAccounts, handle: listBalances},
		{pattern: "GET /v1/accounts/{id}/balances/{currency}", scope: merchant.ReadAccounts, handle: getBalance},

		{pattern: "POST /v1/credits", scope: merchant.WriteCredits, body: needsBody, key: keyRequired, handle: addCredit},
		{pattern: "GET /v1/credits", scope: merchant.ReadAccounts, handle: listCredits},
		{pattern: "GET /v1/credits/{id}", scope: merchant.ReadAccounts, handle: getCredit},
		{pattern: "POST /v1/credits/{id}/settle", scope: merchant.WriteCredits, body: optionalBody, key: keyRequired, handle: settleCredit},
		{pattern: "POST /v1/locks", scope: merchant.WriteAccounts, body: needsBody, key: keyRequired, handle: lockFunds},
		{pattern: "POST /v1/unlocks", scope: merchant.WriteAccounts, body: needsBody, key: keyRequired, handle: unlockFunds},

		{pattern: "POST /v1/destinations", scope: merchant.WriteDestinations, body: needsBody, key: keyTaken, handle: createDestination},
		{pattern: "GET /v1/destinations", scope: merchant.ReadDestinations, handle: listDestinations},
		{pattern: "GET /v1/destinations/{id}", scope: merchant.ReadDestinations, handle: getDestination},
		{pattern: "DELETE /v1/destinations/{id}", scope: merchant.WriteDestinations, handle: deleteDestination},

		{pattern: "POST /v1/withdrawals", scope: merchant.CreateWithdrawals, body: needsBody, key: keyTaken, handle: createWithdrawal},
		{pattern: "POST /v1/withdrawals/preview", scope: merchant.CreateWithdrawals, body: needsBody, handle: previewWithdrawal},
		{pattern: "POST /v1/withdrawals/batch", scope: merchant.CreateWithdrawals, body: needsBody, key: keyTaken, limit: batchBodyMax, handle: createWithdrawals},
		{pattern: "GET /v1/withdrawals", scope: merchant.ReadWithdrawals, handle: listWithdrawals},
		{pattern: "GET /v1/withdrawals/{id}", scope: merchant.ReadWithdrawals, handle: getWithdrawal},
		{pattern: "GET /v1/withdrawals/{id}/timeline", scope: merchant.ReadWithdrawals, handle: getTimeline},
		{pattern: "POST /v1/withdrawals/{id}/approval", scope: merchant.CreateWithdrawals, body: needsBody, handle: handInApproval},
		{pattern: "POST /v1/withdrawals/{id}/cancel", scope: merchant.CancelWithdrawals, body: optionalBody, key: keyTaken, handle: cancelWithdrawal},
		{pattern: "GET /v1/foreign_ids/{foreign_id}/withdrawal", scope: merchant.ReadWithdrawals, handle: getWithdrawalByForeignID},

		{pattern: "GET /v1/rates", handle: listRates},
		{pattern: "POST /v1/quotes", scope: merchant.CreateWithdrawals, body: needsBody, key: keyTaken, handle: createQuote},
		{pattern: "GET /v1/quotes/{id}", scope: merchant.ReadWithdrawals, handle: getQuote},

		{pattern: "GET /v1/events", scope: merchant.ReadEvents, handle: listEvents},
		{pattern: "GET /v1/events/{id}", scope: merchant.ReadEvents, handle: getEvent},

		{pattern: "POST /v1/webhook_endpoints", scope: merchant.WriteWebhooks, body: needsBody, key: keyTaken, handle: createEndpoint},
		{pattern: "GET /v1/webhook_endpoints", scope: merchant.ReadWebhooks, handle: listEndpoints},
		{pattern: "GET /v1/webhook_endpoints/{id}", scope: merchant.ReadWebhooks, handle: getEndpoint},
		{pattern: "PATCH /v1/webhook_endpoints/{id}", scope: merchant.WriteWebhooks, body: needsBody, handle: updateEndpoint},
		{pattern: "DELETE /v1/webhook_endpoints/{id}", scope: merchant.WriteWebhooks, handle: deleteEndpoint},
		{pattern: "POST /v1/webhook_endpoints/{id}/rotate", scope: merchant.WriteWebhooks, body: optionalBody, key: keyTaken, handle: rotateEndpoint},
		{pattern: "POST /v1/webhook_endpoints/{id}/test", scope: merchant.WriteWebhooks, body: optionalBody, key: keyTaken, handle: testEndpoint},
		{pattern: "POST /v1/webhook_endpoints/{id}/replay", scope: merchant.WriteWebhooks, body: optionalBody, key: keyTaken, handle: startReplay},
		{pattern: "GET /v1/webhook_endpoints/{id}/deliveries", scope: merchant.ReadWebhooks, handle: listDeliveries},
		{pattern: "GET /v1/webhook_deliveries/{id}", scope: merchant.ReadWebhooks, handle: getDelivery},
		{pattern: "POST /v1/webhook_deliveries/{id}/replay", scope: merchant.WriteWebhooks, body: optionalBody, key: keyTaken, handle: replayDelivery},
		{pattern: "GET /v1/webhook_replays/{id}", scope: merchant.ReadWebhooks, handle: getReplay},

		{pattern: "GET /v1/merchants", scope: merchant.ReadAccounts, operators: true, handle: listMerchants},
		{pattern: "GET /v1/merchants/{merchant}", scope: merchant.ReadAccounts, handle: getMerchant},
		{pattern: "GET /v1/merchants/{merchant}/accounts", scope: merchant.ReadAccounts, handle: listAccounts},
		{pattern: "GET /v1/merchants/{merchant}/balances", scope: merchant.ReadAccounts, handle: listMerchantBalances},
		{pattern: "GET /v1/merchants/{merchant}/withdrawals", scope: merchant.ReadWithdrawals, handle: listWithdrawals},
		{pattern: "GET /v1/merchants/{merchant}/events", scope: merchant.ReadEvents, handle: listEvents},
		{pattern: "GET /v1/merchants/{merchant}/webhook_endpoints", scope: merchant.ReadWebhooks, handle: listEndpoints},
		{pattern: "GET /v1/merchants/{merchant}/webhook_deliveries", scope: merchant.ReadWebhooks, handle: listMerchantDeliveries},

		{pattern: "GET /v1/waiting", scope: merchant.Operate, handle: listWaiting},
		{pattern: "GET /v1/review", scope: merchant.Operate, handle: listReview},
		{pattern: "POST /v1/review/{id}/approve", scope: merchant.Operate, body: optionalBody, handle: approveWithdrawal},
		{pattern: "POST /v1/review/{id}/reject", scope: merchant.Operate, body: needsBody, handle: rejectWithdrawal},
		{pattern: "GET /v1/merchants/{id}/fees", scope: merchant.Operate, handle: listFees},
		{pattern: "PUT /v1/merchants/{id}/fees", scope: merchant.Operate, body: needsBody, handle: setFee},
		{pattern: "DELETE /v1/merchants/{id}/fees", scope: merchant.Operate, handle: removeFee},
		{pattern: "GET /v1/merchants/{id}/credentials", scope: merchant.Operate, handle: listCredentials},
		{pattern: "POST /v1/merchants/{id}/credentials", scope: merchant.Operate, body: needsBody, handle: createCredential},
		{pattern: "POST /v1/credentials/{id}/revoke", scope: merchant.Operate, body: optionalBody, handle: revokeCredential},
		{pattern: "GET /v1/wallets", scope: merchant.Operate, handle: listWallets},
		{pattern: "GET /v1/wallets/{id}", scope: merchant.Operate, handle: getWallet},
		{pattern: "GET /v1/treasury", scope: merchant.Operate, handle: getTreasury},
	}
}
