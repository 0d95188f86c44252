package arch_test

// The dependency rule of the tree, as data: a package imports lower levels and
// its own parent only. docs/architecture.md says why the levels are what they
// are. A new package needs a line here before anything else passes.
var levels = map[string]int{
	// 0: words without any other part of Sluice below them.
	"internal/fault":    0,
	"internal/id":       0,
	"internal/crash":    0,
	"internal/redact":   0, // texts without the secrets of URLs
	"internal/straight": 0, // paths that no mux redirects

	// 1: exact amounts, and other values that carry their rules.
	"internal/money":          1,
	"internal/json":           1,
	"internal/iban":           1,
	"internal/seal":           1,
	"internal/rail/sepa/text": 1,
	"internal/rail/sepa/code": 1,
	// Compiled contracts, as data; those of the first package are for tests and demo.
	"contracts":           1,
	"contracts/artifacts": 1,

	// 2: mechanisms and ports without business rules.
	"internal/commit":          2,
	"internal/outage":          2, // what lasts, in the log once
	"internal/chain":           2,
	"internal/chain/chaintest": 3,
	"internal/calendar":        2,
	"internal/signer":          2,
	"internal/bitcoin":         2,
	"internal/fx":              2,

	// 3: the ledger and what stands beside it, and the port of the rails.
	"internal/rail":     3,
	"internal/event":    3,
	"internal/ledger":   3,
	"internal/merchant": 3,
	"internal/quote":    3, // withdrawals use quotes
	"internal/alias":    3,
	// What every place of keys needs of the curve.
	"internal/signer/curve":      3,
	"internal/signer/approval":   3,
	"internal/signer/acceptance": 3,
	// What rails share that ask nodes questions, without a connection.
	"internal/rail/node": 4,
	// What banks write and read, without a connection: commands may use it.
	"internal/rail/sepa/message": 3,

	// 4: checked targets of accounts.
	"internal/destination":     4,
	"internal/rail/sepa/match": 4,

	// 4: who speaks a dialect.
	"internal/credential": 4,

	// 4: what is charged.
	"internal/fee": 4,

	// 5: the commands on accounts, which withdrawals build on.
	"internal/account": 5,

	// 6: aggregates and their commands.
	"internal/withdrawal":     6,
	"internal/withdrawal/gen": 7,
	"internal/webhook":        6,

	// 7: paying out, and what falls due.
	"internal/dispatch":   7,
	"internal/schedule":   7,
	"internal/treasury":   7,
	"internal/waiting":    7, // what waits for a person
	"internal/bankbook":   7,
	"internal/terms":      7,
	"internal/terms/desk": 7, // requests into commands, for every API
	"internal/customer":   7, // people behind accounts

	// 8: adapters and edges; none knows another.
	"internal/store":              8,
	"internal/store/storetest":    8,
	"internal/store/pgtest":       8,
	"internal/rail/evm":           8,
	"internal/rail/utxo":          8,
	"internal/rail/utxo/utxotest": 8,
	"internal/rail/railtest":      8,
	"internal/rail/sepa":          8,
	"internal/rail/sepa/channel":  8,
	"internal/rail/sepa/sepatest": 8,
	"internal/signer/awskms":      8,
	"internal/signer/pkcs11":      8,
	"internal/signer/build":       8,
	"internal/signer/guard":       8,
	"internal/signer/keystore":    8,
	"internal/signer/socket":      8,
	"internal/webhook/deliver":    8,
	"internal/fx/source":          8,
	"internal/api":                8,
	"internal/api/apitest":        8,
	"internal/config":             8,
	"internal/dialect":            8,
	"internal/dialect/coinspaid":  8,
	"internal/dialect/tylt":       8,
	"internal/dialect/upvest":     8,

	// 9: the wiring.
	"internal/app": 9,

	// 10: what tests of every dialect share.
	"internal/dialect/dialecttest": 10,

	// 10: parts of programs.
	"internal/bench":       10,
	"internal/sim":         10,
	"internal/demo/devnet": 10,
	"internal/demo/bank":   10,

	// 7-10: the stand-in TRON node, which shares no code with the rail.
	"internal/test/tronnode/wire":  7,
	"internal/test/tronnode/tvm":   8,
	"internal/test/tronnode/chain": 9,
	"internal/test/tronnode":       10,

	// 11: programs in the shape of packages.
	"internal/test/tronnode/control": 11,
	"internal/cli":                   11,
	"internal/demo":                  11,

	// 12: main packages, ten lines each.
	"cmd/sluice":      12,
	"cmd/sluice-demo": 12,

	"internal/test/tronnode/cmd/tronnode": 12,
	"internal/test/cases":                 12,
}

// testOnly are packages without product code. They stand outside the levels.
var testOnly = []string{"internal/arch", "internal/crashtest"}

// coreLevel is the highest level that must stay free of the outside world.
const coreLevel = 7

// notInCore are packages, and with a trailing slash trees of packages, that
// levels 0 to coreLevel never import: transport, SQL and chain libraries belong
// to adapters.
var notInCore = []string{
	"net/http", "net/http/", "net/rpc", "net/smtp",
	"database/sql", "database/sql/",
	"github.com/ethereum/",
	"github.com/jackc/",
	"modernc.org/",
	"github.com/pressly/",
	"github.com/prometheus/",
	"github.com/alecthomas/",
	"github.com/getkin/",
}

// production is the program that holds money, and notInProduction what it must
// not link, not even indirectly: a chain node, a simulator or test support.
const production = "cmd/sluice"

const geth = "github.com/ethereum/go-ethereum/"

var notInProduction = []string{
	geth + "node", geth + "node/",
	geth + "eth", geth + "eth/",
	geth + "ethclient/simulated",
	geth + "core", geth + "core/vm", geth + "core/state", geth + "core/txpool", // types alone are fine
	geth + "miner", geth + "p2p", geth + "cmd/",
	module + "/internal/demo", module + "/internal/demo/", module + "/internal/test/", module + "/contracts",
	"testing", "testing/",
}
