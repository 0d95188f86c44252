// Package chain is the ledger and the consensus of the stand-in TRON node: accounts,
// resources, contracts, the pool, blocks in the turn of 27 producers, and forks. Time is
// virtual: it moves when a block is made or when a test says so. Comments name the class of
// java-tron (4.8) whose rule a piece follows.
//
// What is not there: TRC-10, votes and rewards, market, proposals, shielded transfers, and
// every other contract type than TransferContract, TriggerSmartContract and
// CreateSmartContract. Stakes, delegations, permissions and parameters are set by the test.
package chain

import (
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/test/tronnode/wire"
)

// Config is how a chain begins. The zero value is a chain like the main network's.
type Config struct {
	// Genesis is the time of block 0, cut to whole slots. The zero value is a fixed time.
	Genesis time.Time
	// Name makes chains with different ids.
	Name string
	// GenesisID takes the place of the id of block 0, to look like a public network.
	GenesisID wire.BlockID
	// NetWeight and EnergyWeight are the TRX that others have staked. 0 means amounts near
	// those of the main network: about 1.6 bytes and 10.8 energy a day per TRX.
	NetWeight, EnergyWeight int64
	// IDCache refuses an id that was sent before, even if what was sent was refused.
	IDCache bool
}

// Chain is safe for concurrent use.
type Chain struct {
	mu sync.Mutex

	state            *ledger
	blocks           []*Block
	forgotten        int64 // blocks below have no changes any more
	pool             []*entry
	idCache          map[wire.TxID]int64
	genesisTime      int64
	clock            int64 // ms, never before the head block
	miss             int64 // slots that nobody fills before the next block
	offline          [witnesses]bool
	witnessAddresses [witnesses]wire.Address
	carried          []operation // of erased blocks
	slow             map[common.Address]bool
	alter            func(signature []byte) []byte
	signers          map[string]wire.Address // by txid and signature
}

// The stakes of others, in TRX.
const (
	othersNet    = 27_000_000_000
	othersEnergy = 16_600_000_000
)

var standardGenesis = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// New returns a chain that consists of block 0.
func New(config Config) *Chain {
	if config.Genesis.IsZero() {
		config.Genesis = standardGenesis
	}
	c := &Chain{state: newLedger(), slow: map[common.Address]bool{}, signers: map[string]wire.Address{}}
	c.genesisTime = config.Genesis.UnixMilli() / slotMillis * slotMillis
	c.clock = c.genesisTime
	if config.IDCache {
		c.idCache = map[wire.TxID]int64{}
	}
	for i := range c.witnessAddresses {
		c.witnessAddresses[i] = witnessKey(i).Address()
	}
	parent := wire.Keccak([]byte("tronnode genesis " + config.Name))
	genesis := &Block{Header: wire.Header{Timestamp: c.genesisTime, ParentHash: parent}}
	genesis.ID = genesis.Header.ID()
	if config.GenesisID != (wire.BlockID{}) {
		genesis.ID = config.GenesisID
	}
	c.state.recent.set(0, [8]byte(genesis.ID.RefHash()))
	for _, p := range defaultParameters {
		c.state.parameters.set(p.Key, p.Value)
	}
	props := properties{headTime: c.genesisTime, netWeight: config.NetWeight, energyWeight: config.EnergyWeight, cycle: 1}
	if props.netWeight == 0 {
		props.netWeight = othersNet
	}
	if props.energyWeight == 0 {
		props.energyWeight = othersEnergy
	}
	interval := c.state.parameter(MaintenanceInterval)
	props.nextMaintenance = (c.genesisTime/interval + 1) * interval
	c.state.props.set(props)
	genesis.changes = c.state.take()
	c.blocks = []*Block{genesis}
	return c
}

func witnessKey(i int) wire.Key { return wire.KeyFromSeed(fmt.Sprint("witness ", i)) }

// ChainID is the last four bytes of the id of block 0.
func (c *Chain) ChainID() int64 {
	return int64(binary.BigEndian.Uint32(c.blocks[0].ID[28:]))
}

// Produce makes n blocks, each in the next slot with everything valid from the pool.
func (c *Chain) Produce(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range n {
		c.produce(true)
	}
}

// ProduceEmpty makes n blocks that take nothing from the pool, as producers may.
func (c *Chain) ProduceEmpty(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range n {
		c.produce(false)
	}
}

func (c *Chain) produce(full bool) {
	at := c.nextSlot()
	c.miss = 0
	entries := c.unpool()
	var taken []*entry
	if full {
		taken = entries
	}
	c.push(c.build(at, taken))
	c.repool(entries)
}

// Miss leaves the next n slots without a block.
func (c *Chain) Miss(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.miss += int64(n)
}

// Offline says which producers (0 to 26) make no blocks, and lets all others make some.
// With nine or more of them nothing becomes solid.
func (c *Chain) Offline(producers ...int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offline = [witnesses]bool{}
	for _, i := range producers {
		c.offline[i] = true
	}
	for _, off := range c.offline {
		if !off {
			return
		}
	}
	panic("tronnode: all 27 producers are offline: no block could ever be made")
}

// Advance moves the clock without a block: the slots until then are missed, and what is in
// the pool grows old.
func (c *Chain) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock += d.Milliseconds()
}

// Now is the chain's clock.
func (c *Chain) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.UnixMilli(c.clock).UTC()
}

// Slow makes every call of a contract end with OUT_OF_TIME, or no longer.
func (c *Chain) Slow(contract wire.Address, on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slow[contract.EVM()] = on
}

// AlterSignatures sets what happens to signatures on the way into a block: the txid does
// not depend on them. nil leaves them as they are.
func (c *Chain) AlterSignatures(alter func(signature []byte) []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alter = alter
}

// operation changes the state outside transactions. It belongs to the block that was the
// head when it was made; when that block is erased, the next one has it.
type operation func(l *ledger) error

// do makes an operation now.
func (c *Chain) do(op operation) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	entries := c.unpool()
	err := op(c.state)
	if err != nil {
		c.state.revert(0)
	} else {
		head := c.head()
		head.operations = append(head.operations, op)
		head.changes = append(head.changes, c.state.take()...)
	}
	c.repool(entries)
	return err
}
