package storetest

import (
	"slices"
	"strings"
	"testing"
)

// moneyTables decide about money: whose it is, where it goes, who may say so, or what was
// paid. Each one is in the chain, and A4_ChainFindsEveryEdit edits it.
const moneyTables = `account alias alias_counter api_key asset attempt balance bank_entry bank_file bank_file_bytes bank_link bank_lump bank_name
	bank_order bank_payment bank_statement conversion credential credit credit_allowance customer_group customer_reference customer_trading customer_user
	destination destination_print destination_tally dispatch dispatch_cancel dispatch_item dispatch_lost event fee_schedule house installation kept_foreign_id
	merchant quote slot_hold transfer wallet wallet_book wallet_funding wallet_stand webhook_endpoint wire_key withdrawal`

// otherTables decide about no money, and why the chain may leave them out.
var otherTables = map[string]string{
	"idempotency":      "answers to repeated requests: a lost one is refused by the foreign id",
	"webhook_delivery": "messages on their way out, of events that are in the chain",
	"webhook_attempt":  "what receivers answered",
	"webhook_replay":   "messages that are sent once more",
	"webhook_tally":    "how many endpoints a merchant has",
	"event_cursor":     "how far events were made into messages",
	"shard":            "counters and the sealed head of the chain, which covers them",
	"schema_version":   "the migrations that were run",
	"write_probe":      "nothing but that a row can be written",
}

// testA4EveryTable: every table of the schema is judged, and what decides about money is in
// the chain. A new table has to be put into one of the two lists.
func testA4EveryTable(t *testing.T, e Engine) {
	n := start(t, e)
	money := strings.Fields(moneyTables)
	for _, table := range tablesOf(t, e, outside(t, n.url)) {
		_, other := otherTables[table.name]
		switch decides, left := slices.Contains(money, table.name), slices.Contains(unchained, table.name); {
		case decides == other:
			t.Errorf("%s: put it into moneyTables or into otherTables, and into one of them", table.name)
		case decides && left:
			t.Errorf("%s decides about money, and the chain leaves it out", table.name)
		case other && !left:
			t.Errorf("%s is said to be outside the chain, and is not", table.name)
		}
		money = slices.DeleteFunc(money, func(name string) bool { return name == table.name })
	}
	if len(money) > 0 {
		t.Errorf("no such tables: %q", money)
	}
}
