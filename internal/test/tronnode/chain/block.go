package chain

import (
	"slices"

	"sluice/internal/test/tronnode/wire"
)

// The rules of block production (java-tron: DposSlot, DposService, MaintenanceManager).
const (
	slotMillis       = 3000
	witnesses        = 27
	solidIndex       = witnesses * 30 / 100 // 19 of 27 have reached what the 9th lowest has
	maintenanceSkip  = 2                    // slots
	blockVersion     = 32
	keepChangesBelow = 1000 // blocks below the head whose changes can be taken back
)

// Block is a block with what its transactions did.
type Block struct {
	Header       wire.Header
	ID           wire.BlockID
	Transactions []*wire.Transaction
	Infos        []*Info

	changes    []change
	operations []operation
	entries    []*entry // where its transactions came from
}

// Time is the time of the block in ms.
func (b *Block) Time() int64 { return b.Header.Timestamp }

// Number is the height.
func (b *Block) Number() int64 { return b.Header.Number }

// WitnessSignature is the producer's signature over the hash of the header.
func (b *Block) WitnessSignature() []byte {
	if b.Header.Number == 0 {
		return nil
	}
	for i := range witnesses {
		if key := witnessKey(i); key.Address() == b.Header.Witness {
			return key.Sign(b.Header.Hash())
		}
	}
	return nil
}

// slotTime is the time of the nth slot after the head, n > 0. After a maintenance block
// two slots are left out.
func (c *Chain) slotTime(n int64) int64 {
	p := c.state.props.get()
	if p.headNumber == 0 {
		return c.genesisTime + n*slotMillis
	}
	if p.maintenance {
		n += maintenanceSkip
	}
	return p.headTime - (p.headTime-c.genesisTime)%slotMillis + n*slotMillis
}

// witnessAt is the producer whose turn it is.
func (c *Chain) witnessAt(time int64) int {
	return int((time - c.genesisTime) / slotMillis % witnesses)
}

// nextSlot is when the next block is made: the first slot at or after the clock that is
// not to be missed and whose producer is there.
func (c *Chain) nextSlot() int64 {
	for n := 1 + c.miss; ; n++ {
		if at := c.slotTime(n); at >= c.clock && !c.offline[c.witnessAt(at)] {
			return at
		}
	}
}

// build makes the next block on the current state, from entries in their order. What
// cannot be executed is left out. The pool must not be in the state.
func (c *Chain) build(at int64, from []*entry) *Block {
	parent := c.head()
	witness := c.witnessAt(at)
	b := &Block{Header: wire.Header{
		Timestamp: at, ParentHash: parent.ID, Number: parent.Number() + 1,
		Witness: c.witnessAddresses[witness], Version: blockVersion,
	}}
	b.operations = c.carried
	for _, op := range c.carried {
		if err := op(c.state); err != nil {
			panic("an operation of an erased block cannot be repeated: " + err.Error())
		}
	}
	c.carried = nil
	for _, e := range from {
		c.include(b, e)
	}
	b.Header.TxTrieRoot = wire.MerkleRoot(b.Transactions)
	b.ID = b.Header.ID()
	for _, info := range b.Infos {
		info.BlockNumber, info.BlockTime = b.Number(), b.Time()
	}
	c.finish(b, witness)
	b.changes = c.state.take()
	return b
}

// include executes a transaction for a block, or leaves the block as it was.
func (c *Chain) include(b *Block, e *entry) {
	if e.local {
		return
	}
	tx := e.tx.Clone()
	if c.alter != nil {
		for i, s := range tx.Signatures {
			tx.Signatures[i] = c.alter(slices.Clone(s))
		}
	}
	tx.Results = nil
	mark := c.state.mark()
	info, refusal := c.process(tx, b)
	if refusal != nil {
		c.state.revert(mark)
		return
	}
	c.state.places.set(info.ID, place{block: b.Number(), index: len(b.Transactions)})
	tx.Results = [][]byte{wire.EncodeResult(info.Outcome)}
	b.Transactions = append(b.Transactions, tx)
	b.Infos = append(b.Infos, info)
	b.entries = append(b.entries, e)
}

// finish writes what a block changes besides its transactions.
func (c *Chain) finish(b *Block, witness int) {
	key := uint16(b.Number())
	c.state.recent.set(key, [8]byte(b.ID.RefHash()))
	c.state.change(func(p *properties) {
		p.headNumber, p.headTime = b.Number(), b.Time()
		p.witnessBlock[witness] = b.Number()
		reached := slices.Clone(p.witnessBlock[:])
		slices.Sort(reached)
		p.solidNumber = max(p.solidNumber, reached[solidIndex])
		p.maintenance = false
		if b.Time() < p.nextMaintenance {
			return
		}
		p.maintenance = true
		p.cycle++
		interval := c.state.parameter(MaintenanceInterval)
		p.nextMaintenance += ((b.Time()-p.nextMaintenance)/interval + 1) * interval
	})
}

// push adds a block that was built on the head.
func (c *Chain) push(b *Block) {
	c.blocks = append(c.blocks, b)
	c.clock = max(c.clock, b.Time())
	for old := int64(len(c.blocks) - keepChangesBelow); c.forgotten < min(old, c.state.props.get().solidNumber); c.forgotten++ {
		old := c.blocks[c.forgotten]
		old.changes, old.operations, old.entries = nil, nil, nil
	}
}

func (c *Chain) head() *Block { return c.blocks[len(c.blocks)-1] }
