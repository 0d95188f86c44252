package store

import (
	"time"

	"sluice/internal/commit"
	"sluice/internal/id"
)

// bindings lists every table of the write path, in the order in which rows are
// written. A new table needs a line here, a migration for each engine, and a row in
// the conformance suite.
var bindings = []binding{
	knownAssets, records, merchants, keys, accounts, accountForeignIDs, destinations, destinationTallies, destinationPrints,
	quotes, feeSchedules, allowances,
	credentials, aliases, aliasCounters, conversions, conversionForeignIDs,
	signingKeys, customerUsers, customerGroups, customerReferences, tradingAccounts,
	balances, houses, credits, withdrawals, withdrawalForeignIDs, keptForeignIDs, transfers, events,
	endpoints, tallies, deliveries, webhookAttempts, cursors, replays,
	wallets, walletAddresses, dispatches, dispatchItems, attempts, slotHolds, dispatchCancels, walletStands, dispatchLosts,
	bankFiles, bankFileBytes, bankOrders, bankPayments, bankNames, bankEntries, bankStatements, bankLinks, bankLumps,
	walletBooks, walletFundings, installations,
}

// seqKey are the fields of a key that is a row number.
func seqKey(k *id.Seq, f []any) []any { return append(f, k) }

var records = uncovered(bindTable(commit.Records, "merchant route key",
	func(k *commit.Key, f []any) []any { return append(f, &k.Merchant, &k.Route, &k.Key) },
	"merchant route key fingerprint ref body refused at",
	func(r *commit.Record, f []any) []any {
		return append(f, &r.Merchant, &r.Route, &r.Key.Key, &r.Fingerprint, &r.Ref, &r.Body, &r.Refused, &r.At)
	}))

// duration lets a time.Duration be kept as nanoseconds.
func duration(d *time.Duration) *int64 { return (*int64)(d) }
