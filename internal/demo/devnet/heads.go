package devnet

import (
	"context"

	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/eth/filters"
	"github.com/ethereum/go-ethereum/rpc"
)

// heads is go-ethereum's API of filters with another subscription to new blocks. That of
// go-ethereum hands every end of a subscription to one loop, which ends with the chain:
// a subscription that the closing of the client ends a moment later waits for the loop
// for ever, and so does its goroutine. This one ends with the client or with the chain,
// whatever comes first.
type heads struct {
	*filters.FilterAPI
	chain *core.BlockChain
}

// headsAhead is how many blocks may wait for a slow reader before the chain waits.
const headsAhead = 16

// NewHeads is eth_subscribe("newHeads").
func (h heads) NewHeads(ctx context.Context) (*rpc.Subscription, error) {
	notifier, ok := rpc.NotifierFromContext(ctx)
	if !ok {
		return nil, rpc.ErrNotificationsUnsupported
	}
	asked, made := notifier.CreateSubscription(), make(chan core.ChainHeadEvent, headsAhead)
	blocks := h.chain.SubscribeChainHeadEvent(made)
	go func() {
		defer blocks.Unsubscribe()
		for {
			select {
			case b := <-made:
				_ = notifier.Notify(asked.ID, b.Header) // fails when the client has gone, which ends this as well
			case <-asked.Err(): //nolint:errcheck // it says that the client has gone
				return
			case <-blocks.Err(): //nolint:errcheck // it says that the chain has ended
				return
			}
		}
	}()
	return asked, nil
}
