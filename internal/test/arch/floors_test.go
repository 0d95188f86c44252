package arch_test

// The dependency rule of the tree, as data: a package imports what stands on a lower
// floor and its own parent. On a floor that is ordered it also imports what stands
// before it in the list. A name with /* is every package below that has no line of its
// own. Names without a directory in front are below internal.
//
// A new package stands here, or below a /*, before anything else passes.
var floors = []floor{
	{"words", ordered, `
		fault id crash cache fault/redact api/straight fault/outage bank/calendar /contracts/* /contracts
		json money bank/iban seal rail/utxo/bitcoin bank/text bank/code`},
	{"write path and ports", ordered, `
		commit store/chain store/chain/* pricing/fx event dialect/alias
		signer signer/curve signer/approval signer/acceptance rail rail/node`},
	{"books", ordered, `
		ledger merchant pricing/quote merchant/credential pricing/fee merchant/destination ledger/account
		bank/message bank/match`},
	{"withdrawals", ordered, `webhook withdrawal withdrawal/gen pricing withdrawal/intake`},
	{"paying", apart, `payout payout/* treasury withdrawal/waiting bank dialect/upvest/customer`},
	{"adapters", apart, `store rail/* bank/* signer/* webhook/* pricing/fx/* api dialect dialect/* config`},
	{"programs and tests", ordered, `
		test/tronnode/wire test/tronnode/tvm test/tronnode/chain test/tronnode test/tronnode/control test/*
		store/* app dialect/dialecttest bench demo/* demo cli /cmd/*`},
}

// core is how many floors stay free of the outside world: of transport, SQL, chains,
// and the clock.
const core = 5

type order bool

const (
	ordered order = true  // a package imports what stands before it
	apart   order = false // packages of the floor do not know each other
)

// floor is one storey of the tree.
type floor struct {
	name     string
	order    order
	packages string
}

// testOnly are packages without product code. They stand outside the floors.
var testOnly = []string{"internal/test/arch", "internal/test/crashtest", "deploy"}

// notInCore are packages, and with a trailing slash trees of packages, that the core
// never imports: they belong to adapters.
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

// clocks are the files of the core that may read the clock; commands take the time from
// their view. A trailing slash stands for a package.
var clocks = map[string]string{
	"internal/commit/loop.go":         "the one clock of the write path: every view gets its time here",
	"internal/fault/outage/outage.go": "how long something lasts, for the log",
	"internal/rail/node/":             "questions to nodes are paced by the wall clock",
	"internal/pricing/terms.go":       "the default of a clock that is handed in",
	"internal/payout/":                "workers pace themselves by the wall clock",
	"internal/payout/due/":            "workers pace themselves by the wall clock",
}

// floats are the files of packages that know money in which a float is no amount. A
// trailing slash stands for a package.
var floats = map[string]string{
	"internal/app/":                   "gauges for graphs are floats",
	"internal/bench/":                 "ratios and quantiles of measurements",
	"internal/dialect/upvest/call.go": "the quality of a media type in Accept",
	"internal/rail/evm/fees.go":       "a percentile, as the node's call wants it",
	"internal/rail/evm/rail.go":       "a percentile, as the node's call wants it",
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
