package evm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/rail"
	"sluice/internal/rail/node"
)

// noFinal is the Wait of a node that does not say what is final.
func noFinal(cause error) *rail.Wait {
	return &rail.Wait{
		Code: rail.CodeNoFinality, Text: "the network's node does not say which blocks are final, so no payout could ever be proved; the withdrawal waits, its money stays held",
		Cause: fmt.Errorf("no payout could be proved: %w", cause),
	}
}

// final is the number of the latest final block, as the round saw it first.
func (r *Rail) final(ctx context.Context) (uint64, error) {
	if r.conf.Finality.Tag == "" {
		head, err := r.head(ctx)
		if err != nil {
			return 0, err
		}
		if head.number+1 < r.conf.Finality.Depth {
			return 0, noFinal(fmt.Errorf("the chain has %d blocks, and %d confirmations are asked for", head.number+1, r.conf.Finality.Depth))
		}
		return head.number + 1 - r.conf.Finality.Depth, nil
	}
	b, err := rail.Once(ctx, r.key("final"), func() (*block, error) { return r.tagged(ctx) })
	if err != nil {
		return 0, err
	}
	return b.number, nil
}

// tagged asks for the block that the node calls final. A node that has never heard of
// the tag refuses; one whose chain makes nothing final names none, or the first block.
func (r *Rail) tagged(ctx context.Context) (*block, error) {
	b, err := r.block(ctx, r.conf.Finality.Tag, "read the "+r.conf.Finality.Tag+" block")
	switch code, _, _ := rail.Why(err); {
	case errors.Is(err, errNothing):
		return nil, noFinal(errors.New("the node names no " + r.conf.Finality.Tag + " block"))
	case code == rail.CodeRefuses || code == rail.CodePruned:
		return nil, noFinal(err)
	case err != nil:
		return nil, err
	case b.number == 0:
		return nil, noFinal(errors.New("the " + r.conf.Finality.Tag + " block is the first of the chain"))
	}
	return b, nil
}

// provable makes sure, before anything is signed, that the node says what is final, and
// has done so lately.
func (r *Rail) provable(ctx context.Context, head *block) error {
	if r.conf.Finality.Tag == "" {
		return nil // counted from the latest block: there will be one
	}
	if _, err := r.final(ctx); err != nil {
		return err
	}
	return r.stalled(ctx, head)
}

// stalled says that what is final has not moved for too long.
func (r *Rail) stalled(ctx context.Context, head *block) error {
	if r.conf.Finality.Tag == "" {
		return nil
	}
	b, err := rail.Once(ctx, r.key("final"), func() (*block, error) { return r.tagged(ctx) })
	if err != nil || b.time == 0 || head.time <= b.time {
		return err
	}
	if behind := time.Duration(head.time-b.time) * time.Second; behind > r.conf.FinalityStall { //nolint:gosec // seconds between two blocks
		return noFinal(fmt.Errorf("the %s block %d is %s older than the latest one", r.conf.Finality.Tag, b.number, behind))
	}
	return nil
}

// stillFinal asks again, just before an outcome is believed: the node is on the same
// chain as before, and calls the block final once more. One answer alone decides nothing.
func (r *Rail) stillFinal(ctx context.Context, number uint64) error {
	fresh, n := rail.Round(ctx), uint64(0)
	err := together(
		func() error { return r.onChain(ctx) },
		func() (err error) { n, err = r.final(fresh); return err },
	)
	if err == nil && n < number {
		err = node.Incomplete("eth_getBlockByNumber", fmt.Sprintf("a moment ago block %d was final, now only those up to %d are", number, n))
	}
	return err
}
