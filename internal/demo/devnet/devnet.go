// Package devnet is an Ethereum chain inside the process: a real node (go-ethereum's)
// without a network, whose blocks are made on request. It serves the demo and the
// tests. The rules are pinned to the Osaka fork, so that gas costs what it costs on
// the main network and not what some later draft says.
//
// It is put together from the same parts as go-ethereum's ethclient/simulated. That
// package hides the node, and with it the address of the JSON-RPC server and the
// transaction pool, which are needed here.
package devnet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/txpool"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/eth"
	"github.com/ethereum/go-ethereum/eth/catalyst"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/eth/filters"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"
)

const (
	// ChainID is the chain id unless Options say otherwise.
	ChainID = 1337
	// blockGas is the gas limit of a block on the main network.
	blockGas = 60_000_000
	// osakaGas is what creating the contract 0x6001600055 is estimated at under
	// Osaka; any other number says that other rules are running.
	osakaGas = 76_057
	// EpochBlocks is the distance of two finalized blocks.
	EpochBlocks = 32
)

// LeftBehind names the functions whose goroutines go-ethereum and its database leave
// running after Close, for a time or for good. Leak tests ignore them.
var LeftBehind = []string{
	"github.com/ethereum/go-ethereum/core.(*txSenderCacher).cache", // one set per process
	"github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain",         // ends within 30 s
}

// Options of a chain. The zero value is a chain without a JSON-RPC server.
type Options struct {
	ChainID uint64 // 0: ChainID
	// Listen is where JSON-RPC over HTTP is served, like "127.0.0.1:0". Only
	// loopback addresses are taken: everybody who reaches it may do everything.
	Listen string
	// Young leaves the chain at its first block, the only one that it calls final. Nothing
	// is paid on such a chain.
	Young bool
}

// Chain is a running chain. Its methods are safe for concurrent use.
type Chain struct {
	stack  *node.Node
	eth    *eth.Ethereum
	beacon *catalyst.SimulatedBeacon
	url    string
	*Admin

	making sync.Mutex // one maker of blocks at a time
}

// New starts a chain whose first blocks are final. Close ends it.
func New(opts Options) (*Chain, error) {
	if opts.ChainID == 0 {
		opts.ChainID = ChainID
	}
	rich, err := FaucetAddress()
	if err != nil {
		return nil, err
	}
	nodeConf, err := nodeConfig(opts.Listen)
	if err != nil {
		return nil, err
	}
	stack, err := node.New(nodeConf)
	if err != nil {
		return nil, fmt.Errorf("make the node: %w", err)
	}
	c := &Chain{stack: stack}
	if err := c.start(ethConfig(opts.ChainID, common.HexToAddress(rich))); err != nil {
		return nil, errors.Join(err, stack.Close())
	}
	if opts.Listen != "" {
		c.url = stack.HTTPEndpoint()
	}
	if err := AssertOsaka(c.client); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	for !opts.Young && c.Finalized() == 0 {
		if err := c.Mine(1); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, nil
}

func nodeConfig(listen string) (*node.Config, error) {
	conf := node.DefaultConfig
	conf.DataDir = "" // everything in memory
	conf.P2P = p2p.Config{NoDiscovery: true}
	if listen == "" {
		return &conf, nil
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("devnet address %q: %w", listen, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("devnet address %q: want a loopback IP address, like 127.0.0.1:0", listen)
	}
	if conf.HTTPPort, err = strconv.Atoi(port); err != nil {
		return nil, fmt.Errorf("devnet address %q: %w", listen, err)
	}
	conf.HTTPHost = host
	conf.HTTPModules = []string{"eth", "net", "web3"}
	return &conf, nil
}

func ethConfig(id uint64, rich common.Address) *ethconfig.Config {
	rules := *params.AllDevChainProtocolChanges
	rules.ChainID = new(big.Int).SetUint64(id)
	rules.AmsterdamTime, rules.BogotaTime = nil, nil // Osaka is the last
	alloc := core.SystemContractAllocs()
	maps.Copy(alloc, types.GenesisAlloc{rich: {Balance: new(big.Int).Lsh(big.NewInt(1), 120)}})

	conf := ethconfig.Defaults
	conf.Genesis = &core.Genesis{Config: &rules, GasLimit: blockGas, Alloc: alloc}
	conf.NetworkId = id
	conf.SyncMode = ethconfig.FullSync
	conf.TxPool.NoLocals = true
	conf.LogNoHistory = true // logs are searched block by block
	conf.Miner.GasCeil = blockGas
	// The caches are sized for the main network; here they would be most of the memory.
	conf.DatabaseCache, conf.TrieCleanCache, conf.TrieDirtyCache, conf.SnapshotCache = 16, 16, 16, 0
	return &conf
}

func (c *Chain) start(conf *ethconfig.Config) (err error) {
	if c.eth, err = eth.New(c.stack, conf); err != nil {
		return fmt.Errorf("make the chain: %w", err)
	}
	c.stack.RegisterAPIs([]rpc.API{{
		Namespace: "eth",
		Service:   heads{filters.NewFilterAPI(filters.NewFilterSystem(c.eth.APIBackend, filters.Config{})), c.eth.BlockChain()},
	}})
	if err := c.stack.Start(); err != nil {
		return fmt.Errorf("start the node: %w", err)
	}
	if c.beacon, err = catalyst.NewSimulatedBeacon(0, common.Address{}, c.eth); err != nil {
		return fmt.Errorf("start the block maker: %w", err)
	}
	c.Admin, err = NewAdmin(ethclient.NewClient(c.stack.Attach()), conf.NetworkId, c.Mine)
	return err
}

// AssertOsaka makes sure of the pinned rules: a chain with others would make every
// gas figure of the tests and the demo a fiction.
func AssertOsaka(client ethereum.GasEstimator) error {
	got, err := client.EstimateGas(context.Background(), ethereum.CallMsg{Data: common.FromHex("0x6001600055")})
	if err != nil {
		return fmt.Errorf("estimate the probe: %w", err)
	}
	if got != osakaGas {
		return fmt.Errorf("the chain does not run the Osaka rules: the probe costs %d gas, want %d", got, osakaGas)
	}
	return nil
}

// Close ends the chain; nothing of it remains.
func (c *Chain) Close() error {
	c.making.Lock()
	defer c.making.Unlock()
	if c.Admin != nil {
		c.client.Close()
	}
	var err error
	if c.beacon != nil {
		err = c.beacon.Stop()
	}
	return errors.Join(err, c.stack.Close())
}

// URL is where the chain is served as JSON-RPC, "" when Options.Listen was empty.
func (c *Chain) URL() string { return c.url }

// ID is the chain id.
func (c *Chain) ID() uint64 { return c.id.Uint64() }

// Height is the number of the latest block.
func (c *Chain) Height() uint64 { return c.eth.BlockChain().CurrentBlock().Number.Uint64() }

// Finalized is the number of the latest final block.
func (c *Chain) Finalized() uint64 {
	if h := c.eth.BlockChain().CurrentFinalBlock(); h != nil {
		return h.Number.Uint64()
	}
	return 0
}

// Mine makes n blocks out of what the pool holds.
func (c *Chain) Mine(n int) error {
	c.making.Lock()
	defer c.making.Unlock()
	return c.seal(n)
}

func (c *Chain) seal(n int) error {
	for range n {
		before := c.Height()
		c.beacon.Commit()
		if now := c.Height(); now != before+1 {
			return fmt.Errorf("block %d was not made: the chain stands at %d", before+1, now)
		}
	}
	return nil
}

// Finalize makes blocks until the one that is the latest now is final.
func (c *Chain) Finalize() error {
	c.making.Lock()
	defer c.making.Unlock()
	target := c.Height()
	for c.Finalized() < target {
		if err := c.seal(1); err != nil {
			return err
		}
	}
	return nil
}

// Run makes a block at every interval until ctx ends, and then returns nil.
// Intervals below a second let the chain's clock run ahead; nothing minds.
func (c *Chain) Run(ctx context.Context, interval time.Duration) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := c.Mine(1); err != nil {
				return err
			}
		}
	}
}

// Reorg drops the latest depth blocks and makes depth+1 others. With keepTxs the
// transactions of the dropped blocks and of the pool go into the new ones; without,
// they are gone from blocks and pool, as if no node had ever heard of them.
// Final blocks cannot be dropped.
func (c *Chain) Reorg(depth int, keepTxs bool) error {
	c.making.Lock()
	defer c.making.Unlock()
	head := c.Height()
	if depth < 1 || uint64(depth) > head-c.Finalized() {
		return fmt.Errorf("reorg of %d blocks: the chain stands at %d, final is %d", depth, head, c.Finalized())
	}
	chain, pool := c.eth.BlockChain(), c.eth.TxPool()
	parent := chain.GetBlockByNumber(head - uint64(depth))
	var txs types.Transactions
	for n := parent.NumberU64() + 1; n <= head; n++ {
		txs = append(txs, chain.GetBlockByNumber(n).Transactions()...)
	}
	pending, _ := pool.Content()
	for _, list := range pending {
		txs = append(txs, list...)
	}
	pool.Clear() // Fork wants an empty pool
	if err := c.beacon.Fork(parent.Hash()); err != nil {
		return fmt.Errorf("fork at block %d: %w", parent.NumberU64(), err)
	}
	pool.Clear() // the node puts dropped transactions back by itself
	if keepTxs {
		for _, err := range pool.Add(txs, true) {
			if err != nil && !errors.Is(err, txpool.ErrAlreadyKnown) {
				return fmt.Errorf("keep the transactions: %w", err)
			}
		}
	}
	return c.seal(depth + 1)
}

// DropPool forgets every transaction that is in no block.
func (c *Chain) DropPool() {
	c.making.Lock()
	defer c.making.Unlock()
	c.eth.TxPool().Clear()
}
