// Package tronnode is a TRON network of one process for tests: a ledger and 27 producers
// (package chain), contracts on go-ethereum's machine with TRON's prices (package tvm), and
// the HTTP interfaces of a full node and of a solidity node, which can be made to lie.
//
//	node, err := tronnode.Start(tronnode.Options{})
//	defer node.Close()
//	payer := wire.KeyFromSeed("payer")
//	node.Fund(payer.Address(), 100_000_000)           // sun
//	usdt, err := node.DeployDollar()                  // a token like USDT
//	usdt.Issue(payer.Address(), big.NewInt(5_000_000))
//	node.Chain.Produce(1)                             // one block, three virtual seconds
//	node.FullURL, node.SolidURL                       // where clients ask
//
// Nothing happens by itself: a test makes the blocks, moves the clock, forks and lies. Run
// makes blocks by the wall clock. The behaviour follows java-tron 4.8, whose rule a comment
// names where it matters. Written apart from the rail, it shares no code with it.
package tronnode

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"sluice/internal/test/tronnode/chain"
	"sluice/internal/test/tronnode/wire"
)

// KeyHeader carries the key of a hosted gateway.
const KeyHeader = "TRON-PRO-API-KEY"

// Options are how a node is started. The zero value is a chain of its own on free ports.
type Options struct {
	chain.Config
	// FullAddress and SolidAddress are where to listen; empty is a free port of 127.0.0.1.
	FullAddress, SolidAddress string
	// APIKey is what KeyHeader must hold; without it a request gets 403.
	APIKey string
	// PerSecond is how many requests each second are answered; others get 429. 0 is no limit.
	PerSecond int
	// Gateway serves both interfaces on both addresses, as hosted gateways do.
	Gateway bool
	// EstimateEnergy switches estimateenergy on (vm.estimateEnergy).
	EstimateEnergy bool
	// NoConstant switches constant calls off (vm.supportConstant).
	NoConstant bool
	// SaveInternal keeps calls between contracts (vm.saveInternalTx).
	SaveInternal bool
}

// Node is a running node. Its methods may be called from any goroutine.
type Node struct {
	Chain *chain.Chain
	// FullURL and SolidURL are the base URLs of the interfaces, without a slash at the end.
	FullURL, SolidURL string

	options Options
	servers []*http.Server
	done    chan struct{}
	closing sync.Once

	mu       sync.Mutex
	lies     []*told
	requests map[string]int
	second   int64 // of the wall clock, in which so many requests were answered
	answered int
}

// Start begins a chain and listens.
func Start(options Options) (*Node, error) {
	n := &Node{Chain: chain.New(options.Config), options: options, done: make(chan struct{}), requests: map[string]int{}}
	var err error
	if n.FullURL, err = n.listen(options.FullAddress, fullPrefix); err == nil {
		n.SolidURL, err = n.listen(options.SolidAddress, solidPrefix)
	}
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Node) listen(address, prefix string) (string, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", address)
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: n.handler(prefix), ReadHeaderTimeout: 10 * time.Second}
	n.servers = append(n.servers, server)
	go func() { _ = server.Serve(listener) }()
	return "http://" + listener.Addr().String(), nil
}

// Close stops listening and lets go of clients that wait for an answer.
func (n *Node) Close() error {
	n.closing.Do(func() { close(n.done) })
	var errs []error
	for _, s := range n.servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// Run makes a block after each interval of the wall clock until ctx ends. Each is three
// virtual seconds after the one before, however short the interval.
func (n *Node) Run(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			n.Chain.Produce(1)
		}
	}
}

// Fund gives an account sun and activates it.
func (n *Node) Fund(address wire.Address, sun int64) error { return n.Chain.Fund(address, sun) }

// Solidify makes as many blocks as it takes for the present head to be solid.
func (n *Node) Solidify() {
	var head int64
	n.Chain.Read(chain.View{}, func(r chain.Reader) { head = r.Head().Number() })
	for range 10 * 27 {
		if n.SolidNumber() >= head {
			return
		}
		n.Chain.Produce(1)
	}
	panic("tronnode: nothing becomes solid: too many producers are offline")
}

// HeadNumber is the height of the last block.
func (n *Node) HeadNumber() (height int64) {
	n.Chain.Read(chain.View{}, func(r chain.Reader) { height = r.Head().Number() })
	return height
}

// SolidNumber is the height of the last solid block.
func (n *Node) SolidNumber() (height int64) {
	n.Chain.Read(chain.View{}, func(r chain.Reader) { height = r.SolidNumber() })
	return height
}

// Balance is an account's sun at the head, with what is in the pool.
func (n *Node) Balance(address wire.Address) (sun int64) {
	n.Chain.Read(chain.View{}, func(r chain.Reader) {
		a, _ := r.Account(address)
		sun = a.Balance
	})
	return sun
}

// Info is what a transaction in a block did, or nil.
func (n *Node) Info(id wire.TxID) (info *chain.Info) {
	n.Chain.Read(chain.View{}, func(r chain.Reader) { info = r.Info(id) })
	return info
}

// Requests is how often a path was asked for, "wallet/broadcasthex" for example.
func (n *Node) Requests(path string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.requests[path]
}

// Raw is the raw data of a transaction of one contract: it refers to the head and expires
// a minute later, as a node builds it.
func (n *Node) Raw(t wire.ContractType, value []byte) wire.Raw {
	var raw wire.Raw
	n.Chain.Read(chain.View{}, func(r chain.Reader) { raw = draft(r, t, value) })
	return raw
}

func draft(r chain.Reader, t wire.ContractType, value []byte) wire.Raw {
	head := r.Head()
	return wire.Raw{
		RefBlockBytes: head.ID.RefBytes(), RefBlockHash: head.ID.RefHash(), Expiration: head.Time() + draftLife,
		Timestamp: head.Time(), Contracts: []wire.Contract{wire.NewContract(t, value, 0)},
	}
}

// draftLife is how long a transaction lives that a node builds, in ms (java-tron:
// trx.expiration.timeInMilliseconds).
const draftLife = 60_000
