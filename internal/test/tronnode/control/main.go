// Package control runs the stand-in TRON node as a program, with an address at which it is
// told what to do.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"time"

	"github.com/alecthomas/kong"

	"sluice/internal/test/tronnode"
	"sluice/internal/test/tronnode/chain"
	"sluice/internal/test/tronnode/wire"
)

// Faucet is an account with a million TRX and ten million of the dollar token, whose key
// the program prints.
var Faucet = wire.KeyFromSeed("faucet")

const (
	faucetSun   = 1_000_000_000_000
	faucetUnits = 10_000_000_000_000 // six decimals
	// usdtFactor is the energy factor of USDT on the main network.
	usdtFactor = 34_000
)

// flags are the command line.
type flags struct {
	Listen   string        `default:"127.0.0.1:8090" help:"Address of the full node."`
	Solid    string        `default:"127.0.0.1:8091" help:"Address of the solidity node."`
	Control  string        `default:"127.0.0.1:8092" help:"Address that takes orders."`
	Interval time.Duration `default:"3s" help:"Between two blocks, which are three virtual seconds apart however short it is. 0 makes blocks on order only."`
	Name     string        `help:"Another name is another network with another chain id."`
	APIKey   string        `name:"api-key" help:"Key that clients must send in TRON-PRO-API-KEY."`
	Rate     int           `help:"Answer so many requests each second, others get 429."`
	Gateway  bool          `help:"Serve both interfaces on both addresses."`
}

// Started is what the program prints when it is ready, as one line of JSON.
type Started struct {
	Full      string `json:"full"`
	Solid     string `json:"solid"`
	Control   string `json:"control"`
	ChainID   int64  `json:"chain_id"`
	Faucet    string `json:"faucet"`
	FaucetKey string `json:"faucet_key"` // worth nothing: this chain is for tests
	Dollar    string `json:"dollar"`     // a token like USDT
	Standard  string `json:"standard"`   // an ordinary token with six decimals
}

// Main runs the program until ctx ends.
func Main(ctx context.Context, args []string, out io.Writer) error {
	var f flags
	parser, err := kong.New(&f, kong.Name("tronnode"), kong.Description("A TRON network of one process, for tests."))
	if err != nil {
		return err
	}
	if _, err := parser.Parse(args); err != nil {
		return err
	}
	// The chain begins now: who waits for an expiry waits as on a real network.
	node, err := tronnode.Start(tronnode.Options{
		Config:      chain.Config{Name: f.Name, Genesis: time.Now().Add(-f.Interval)},
		FullAddress: f.Listen, SolidAddress: f.Solid, APIKey: f.APIKey, PerSecond: f.Rate, Gateway: f.Gateway,
	})
	if err != nil {
		return err
	}
	defer func() { _ = node.Close() }()
	started, tokens, err := furnish(node)
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", f.Control)
	if err != nil {
		return err
	}
	started.Control = "http://" + listener.Addr().String()
	server := &http.Server{Handler: Handler(node, tokens), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()
	if err := json.NewEncoder(out).Encode(started); err != nil {
		return err
	}
	if f.Interval > 0 {
		node.Run(ctx, f.Interval)
	}
	<-ctx.Done()
	return nil
}

// furnish puts money and tokens on the chain.
func furnish(node *tronnode.Node) (Started, []*tronnode.Token, error) {
	dollar, err := node.DeployDollar()
	if err != nil {
		return Started{}, nil, err
	}
	standard, err := node.DeployStandard("USDC", 6)
	if err != nil {
		return Started{}, nil, err
	}
	err = errors.Join(node.Fund(Faucet.Address(), faucetSun), node.Chain.SetFactor(dollar.Address, usdtFactor))
	tokens := []*tronnode.Token{dollar, standard}
	for _, t := range tokens {
		err = errors.Join(err, t.Issue(Faucet.Address(), big.NewInt(faucetUnits)))
	}
	node.Chain.Produce(1)
	return Started{
		Full: node.FullURL, Solid: node.SolidURL, ChainID: node.Chain.ChainID(), Faucet: Faucet.Address().String(),
		FaucetKey: Faucet.Hex(), Dollar: dollar.Address.String(), Standard: standard.Address.String(),
	}, tokens, err
}

// order is the body of every request to Handler; which fields count depends on the path.
type order struct {
	Address wire.Address
	To      wire.Address
	Token   wire.Address
	Amount  int64
	Blocks  int
	Depth   int
	Empty   bool
	Seconds int64
	Key     string
	Value   int64
	Net     int64
	Energy  int64
	Lie     lie
}

// lie is the part of a tronnode.Lie that can be told from outside.
type lie struct {
	Path                string
	Times, Lag, Status  int
	Code, Message, Omit string
	Pushed, Local       bool
	Silent, Empty       bool
	DelayMS             int64
}

// Handler takes orders as POST with a JSON body:
//
//	/fund     {"Address":"T...","Amount":1000000}      sun out of nothing
//	/issue    {"Token":"T...","Address":"T...","Amount":5}   units of a token
//	/produce  {"Blocks":20}            /miss {"Blocks":3}       /advance {"Seconds":90}
//	/fork     {"Depth":2,"Empty":true}
//	/set      {"Key":"getEnergyFee","Value":210}
//	/stake    {"Address":"T...","Net":0,"Energy":1000000}
//	/delegate {"Address":"T...","To":"T...","Energy":1000000}
//	/lie      {"Lie":{"Path":"wallet/broadcast","Code":"SERVER_BUSY","Times":3}}
//	/truth    {}                                       takes all lies back
//
// It answers with the heights of head and solid block, or with 400 and why not.
func Handler(node *tronnode.Node, tokens []*tronnode.Token) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var o order
		decoder := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
		decoder.DisallowUnknownFields()
		err := decoder.Decode(&o)
		if err == nil || errors.Is(err, io.EOF) {
			err = o.carryOut(node, tokens, r.URL.Path)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = fmt.Fprintf(w, "{\"head\":%d,\"solid\":%d}\n", node.HeadNumber(), node.SolidNumber())
	})
}

func (o order) carryOut(node *tronnode.Node, tokens []*tronnode.Token, path string) error {
	switch path {
	case "/fund":
		return node.Fund(o.Address, o.Amount)
	case "/issue":
		for _, t := range tokens {
			if t.Address == o.Token {
				return t.Issue(o.Address, big.NewInt(o.Amount))
			}
		}
		return fmt.Errorf("%s is no token of this program", o.Token)
	case "/produce":
		node.Chain.Produce(o.Blocks)
	case "/miss":
		node.Chain.Miss(o.Blocks)
	case "/advance":
		node.Chain.Advance(time.Duration(o.Seconds) * time.Second)
	case "/fork":
		return node.Chain.Fork(chain.Reorg{Depth: o.Depth, Blocks: o.Blocks, Empty: o.Empty})
	case "/set":
		return node.Chain.SetParameter(o.Key, o.Value)
	case "/stake":
		return node.Chain.Stake(o.Address, o.Net, o.Energy)
	case "/delegate":
		return node.Chain.Delegate(o.Address, o.To, o.Net, o.Energy)
	case "/lie":
		node.Lie(tronnode.Lie{
			Path: o.Lie.Path, Times: o.Lie.Times, Lag: o.Lie.Lag, Status: o.Lie.Status, Code: chain.Code(o.Lie.Code),
			Message: o.Lie.Message, Omit: o.Lie.Omit, Pushed: o.Lie.Pushed, Local: o.Lie.Local, Silent: o.Lie.Silent,
			Empty: o.Lie.Empty, Delay: time.Duration(o.Lie.DelayMS) * time.Millisecond,
		})
	case "/truth":
		node.Truth()
	default:
		return fmt.Errorf("there is no order %s", path)
	}
	return nil
}
