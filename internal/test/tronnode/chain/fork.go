package chain

import (
	"fmt"
	"slices"

	"sluice/internal/test/tronnode/wire"
)

// Reorg describes a change of branch.
type Reorg struct {
	// Depth is how many blocks of the main branch are erased. None of them may be solid.
	Depth int
	// Blocks is the length of the new branch: 0 means one more than Depth, which is what
	// makes nodes change over.
	Blocks int
	// Empty makes the new branch without transactions: those of the erased blocks wait in
	// the pool for the next block. Otherwise its first block takes them.
	Empty bool
	// Without are transactions that the new branch does not take and the pool forgets.
	Without []wire.TxID
}

// Side is a branch beside the main one, as a node that has not seen the main one has it.
type Side struct {
	base   int // length of the main branch below it
	blocks []*Block
}

// Height is the height of its last block.
func (s *Side) Height() int64 { return int64(s.base + len(s.blocks) - 1) }

// Fork makes a branch beside the main one and changes over to it. What was in the erased
// blocks goes back to the pool, with a new age (java-tron: Manager.switchFork, eraseBlock).
func (c *Chain) Fork(r Reorg) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	side, entries, err := c.side(r)
	if err != nil {
		return err
	}
	erased, solid := c.blocks[side.base:], c.state.props.get().solidNumber
	c.rewind(side.base)
	for _, b := range erased {
		for _, e := range b.entries {
			e.arrived = c.clock
			entries = append(entries, e)
		}
	}
	for _, b := range side.blocks {
		redo(b.changes)
		c.push(b)
	}
	// What is solid stays so, even if the producers of the branch have not yet said it again.
	c.state.change(func(p *properties) { p.solidNumber = max(p.solidNumber, solid) })
	c.head().changes = append(c.head().changes, c.state.take()...)
	c.repool(slices.DeleteFunc(entries, func(e *entry) bool { return slices.Contains(r.Without, e.id) }))
	return nil
}

// Branch makes a branch beside the main one and leaves the main one where it is. View
// answers as a node on it.
func (c *Chain) Branch(r Reorg) (*Side, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	side, entries, err := c.side(r)
	if err != nil {
		return nil, err
	}
	c.repool(entries)
	return side, nil
}

// side builds the branch and comes back to the main one, with the pool taken out of the
// state: its entries are returned.
func (c *Chain) side(r Reorg) (*Side, []*entry, error) {
	props := c.state.props.get()
	base := len(c.blocks) - r.Depth
	if r.Depth < 0 || int64(base) <= props.solidNumber {
		return nil, nil, fmt.Errorf("a fork of depth %d at height %d would erase block %d, which is solid or genesis", r.Depth, props.headNumber, base)
	}
	if r.Blocks == 0 {
		r.Blocks = r.Depth + 1
	}
	entries, main, clock := c.unpool(), c.blocks, c.clock
	var candidates []*entry
	for _, b := range main[base:] {
		candidates = append(candidates, b.entries...)
		c.carried = append(c.carried, b.operations...)
	}
	candidates = append(candidates, entries...)
	candidates = slices.DeleteFunc(candidates, func(e *entry) bool { return r.Empty || slices.Contains(r.Without, e.id) })
	c.rewind(base)
	c.blocks = slices.Clone(c.blocks)
	c.clock = c.blocks[base-1].Time()
	side := &Side{base: base}
	// Another producer fills another slot: the branch has other ids from its first block.
	c.miss++
	for range r.Blocks {
		b := c.build(c.nextSlot(), candidates)
		c.miss = 0
		side.blocks = append(side.blocks, b)
		c.blocks = append(c.blocks, b)
	}
	for _, b := range slices.Backward(side.blocks) {
		undo(b.changes)
	}
	c.carried = nil
	c.blocks, c.clock = main, clock
	for _, b := range main[base:] {
		redo(b.changes)
	}
	return side, entries, nil
}

// rewind takes the blocks from height n on out of the state and the branch.
func (c *Chain) rewind(n int) {
	for _, b := range slices.Backward(c.blocks[n:]) {
		undo(b.changes)
	}
	c.blocks = c.blocks[:n]
}

// View says from where a question is answered. The zero value is head and pool.
type View struct {
	Solid bool  // as of the last solid block, without the pool
	Lag   int   // as of so many blocks before that or before the head, without the pool
	Side  *Side // as a node on this branch
}

// within runs f with the state and the blocks of a view.
func (c *Chain) within(v View, f func()) {
	main := c.blocks
	var base int // length of the main branch in the view
	var side []*Block
	switch {
	case v.Solid:
		base = int(c.state.props.get().solidNumber) + 1 - v.Lag
	case v.Side != nil:
		base, side = v.Side.base, v.Side.blocks
	case v.Lag > 0:
		base = len(main) - v.Lag
	default:
		f()
		return
	}
	pending, pool := c.state.take(), c.pool
	base = max(base, int(c.forgotten)+1)
	undo(pending)
	c.rewind(base)
	c.blocks, c.pool = slices.Concat(c.blocks, side), nil
	for _, b := range side {
		redo(b.changes)
	}
	defer func() {
		c.state.revert(0)
		for _, b := range slices.Backward(side) {
			undo(b.changes)
		}
		for _, b := range main[base:] {
			redo(b.changes)
		}
		redo(pending)
		c.state.changes, c.blocks, c.pool = pending, main, pool
	}()
	f()
}
