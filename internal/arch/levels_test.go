package arch_test

// The dependency rule of the tree, as data: a package imports lower levels and
// its own parent only. docs/architecture.md says why the levels are what they
// are. A new package needs a line here before anything else passes.
var levels = map[string]int{
	// 0: words of the domain; standard library and a wide-integer package only.
	"internal/money": 0,
	"internal/id":    0,
	"internal/fault": 0,
	"internal/crash": 0,

	// 1: ports and mechanisms without business rules.
	"internal/commit":   1,
	"internal/calendar": 1,
	"internal/rail":     1,
	"internal/signer":   1,

	// 2: the ledger and what stands beside it.
	"internal/event":       2,
	"internal/ledger":      2,
	"internal/merchant":    2,
	"internal/destination": 2,

	// 3: aggregates and their commands.
	"internal/account":    3,
	"internal/withdrawal": 3,
	"internal/webhook":    3,

	// 4: paying out.
	"internal/dispatch": 4,
	"internal/treasury": 4,

	// 5: adapters and edges; none knows another.
	"internal/store":           5,
	"internal/store/storetest": 5,
	"internal/store/pgtest":    5,
	"internal/rail/evm":        5,
	"internal/rail/railtest":   5,
	"internal/signer/keystore": 5,
	"internal/webhook/deliver": 5,
	"internal/api":             5,
	"internal/api/apitest":     5,
	"internal/config":          5,

	// 6: the wiring.
	"internal/app": 6,

	// 7: programs in the shape of packages.
	"internal/cli":         7,
	"internal/bench":       7,
	"internal/sim":         7,
	"internal/demo":        7,
	"internal/demo/devnet": 7,

	// 8: main packages, ten lines each.
	"cmd/sluice":      8,
	"cmd/sluice-demo": 8,
}

// testOnly are packages without product code. They stand outside the levels.
var testOnly = []string{"internal/arch"}

// coreLevel is the highest level that must stay free of the outside world.
const coreLevel = 4

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
	module + "/internal/demo", module + "/internal/demo/",
	"testing", "testing/",
}
