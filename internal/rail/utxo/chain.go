package utxo

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"sluice/internal/bitcoin"
	"sluice/internal/fault"
	"sluice/internal/rail"
)

// chain asks a node questions, in its dialect, and checks what can be checked.
type chain struct {
	node    Node
	dialect Dialect
	params  bitcoin.Chain

	mu     sync.Mutex
	known  bool             // the node is on the right chain
	recent []*bitcoin.Block // read lately; several wallets read the same ones
}

// recentMax is how many blocks are kept.
const recentMax = 4

func (c *chain) call(ctx context.Context, result any, method string, params ...any) error {
	if err := c.node.Call(ctx, result, method, params...); err != nil {
		return unavailable(err, method)
	}
	return nil
}

// ready checks once that the node is on the right chain, by its first block.
func (c *chain) ready(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known {
		return nil
	}
	var first string
	if err := c.call(ctx, &first, "getblockhash", 0); err != nil {
		return err
	}
	if _, err := bitcoin.ParseHash(first); err != nil {
		return unavailable(err, "getblockhash")
	}
	if first != c.params.Genesis {
		return fault.New(fault.Invalid, "rail_config", "the node is not on the chain %s: its first block is %s", c.params.Name, printable(first))
	}
	c.known = true
	return nil
}

// tip gives height and id of the node's best block. A node that is still catching up
// gives an error: what it knows is old.
func (c *chain) tip(ctx context.Context) (height uint64, id bitcoin.Hash, err error) {
	var info struct {
		Blocks               uint64
		Headers              uint64
		BestBlockHash        string
		InitialBlockDownload bool
	}
	if err := c.call(ctx, &info, "getblockchaininfo"); err != nil {
		return 0, id, err
	}
	// On test networks without blocks for a day a Core node says that it downloads.
	if info.Blocks < info.Headers || info.InitialBlockDownload && !c.regtest() {
		return 0, id, later(fmt.Sprintf("the node is still catching up (block %d of %d)", info.Blocks, info.Headers))
	}
	id, err = bitcoin.ParseHash(info.BestBlockHash)
	if err != nil {
		return 0, id, unavailable(err, "getblockchaininfo")
	}
	return info.Blocks, id, nil
}

func (c *chain) regtest() bool { return strings.HasSuffix(c.params.Name, "-regtest") }

// at gives the id of the node's block at a height.
func (c *chain) at(ctx context.Context, height uint64) (bitcoin.Hash, error) {
	var text string
	if err := c.call(ctx, &text, "getblockhash", height); err != nil {
		return bitcoin.Hash{}, err
	}
	id, err := bitcoin.ParseHash(text)
	if err != nil {
		return id, unavailable(err, "getblockhash")
	}
	return id, nil
}

// block reads a block and holds it against its id.
func (c *chain) block(ctx context.Context, id bitcoin.Hash) (*bitcoin.Block, error) {
	c.mu.Lock()
	for _, b := range c.recent {
		if b.ID == id {
			c.mu.Unlock()
			return b, nil
		}
	}
	c.mu.Unlock()
	var text string
	if err := c.call(ctx, &text, "getblock", id.String(), 0); err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, unavailable(err, "read block "+id.String())
	}
	b, err := bitcoin.ParseBlock(raw)
	if err != nil || b.ID != id {
		return nil, unavailable(errors.Join(err, errors.New("the node gave another block")), "read block "+id.String())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recent = append(c.recent, b)
	c.recent = c.recent[max(0, len(c.recent)-recentMax):]
	return b, nil
}

// output is an unspent output as the node's own set of coins has it.
type output struct {
	value    uint64
	script   []byte
	coinbase bool
	depth    uint64 // confirmations; 0 in the pool
}

// unspent looks an output up in the best block and the pool. nil: it does not exist,
// or something in a block or in the pool spends it.
func (c *chain) unspent(ctx context.Context, o bitcoin.Outpoint) (*output, error) {
	var out *struct {
		Confirmations uint64
		Value         json.Number
		Coinbase      bool
		ScriptPubKey  struct{ Hex string }
	}
	if err := c.call(ctx, &out, "gettxout", o.TxID.String(), o.Index, true); err != nil || out == nil {
		return nil, err
	}
	value, err := coins(out.Value)
	if err != nil {
		return nil, unavailable(err, "gettxout")
	}
	script, err := hex.DecodeString(out.ScriptPubKey.Hex)
	if err != nil {
		return nil, unavailable(err, "gettxout")
	}
	if c.dialect == Btcd { // its gettxout does not look at what the pool spends
		spent, err := c.spentInPool(ctx, o)
		if err != nil || spent {
			return nil, err
		}
	}
	return &output{value: value, script: script, coinbase: out.Coinbase, depth: out.Confirmations}, nil
}

func (c *chain) spentInPool(ctx context.Context, o bitcoin.Outpoint) (bool, error) {
	var out []struct{ SpendingTxid string }
	err := c.call(ctx, &out, "gettxspendingprevout", []map[string]any{{"txid": o.TxID.String(), "vout": o.Index}})
	if err != nil {
		return false, err
	}
	return len(out) != 1 || out[0].SpendingTxid != "", nil
}

// pooled tells whether the node's pool has a transaction.
func (c *chain) pooled(ctx context.Context, id bitcoin.Hash) (bool, error) {
	var out struct {
		Hex           string
		BlockHash     string
		Confirmations uint64
	}
	err := c.node.Call(ctx, &out, "getrawtransaction", id.String(), 1)
	var refused *RPCError
	switch {
	case errors.As(err, &refused):
		return false, nil // not there: it proves nothing, and leads to sending again
	case err != nil:
		return false, unavailable(err, "getrawtransaction")
	}
	return out.BlockHash == "" && out.Confirmations == 0, nil
}

// maker reads the transaction that made a coin: out of the coin's block, where that is
// known, else as the node has it in its pool or its index.
func (c *chain) maker(ctx context.Context, id bitcoin.Hash, of *coin) (*bitcoin.Tx, error) {
	if of != nil {
		at, err := c.at(ctx, of.height)
		if err != nil {
			return nil, err
		}
		b, err := c.block(ctx, at)
		if err != nil {
			return nil, later(fmt.Sprintf("the block %d that made the coin cannot be read, and without its transaction %s nothing is signed for the coin: "+
				"a pruned node has lost it (%v)", of.height, id, err))
		}
		if n := slices.Index(b.IDs, id); n >= 0 {
			return bitcoin.ParseTx(b.Txs[n].Bare()) // a copy: one of the block would keep all of it in memory
		}
		return nil, later("the chain is being reorganised")
	}
	var text string
	if err := c.call(ctx, &text, "getrawtransaction", id.String(), 0); err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, unavailable(err, "read "+id.String())
	}
	tx, err := bitcoin.ParseTx(raw)
	if err != nil || tx.ID() != id {
		return nil, unavailable(errors.Join(err, errors.New("the node gave another transaction")), "read "+id.String())
	}
	return tx, nil
}

// send gives the node a transaction. refusal is the node's own no.
func (c *chain) send(ctx context.Context, tx *bitcoin.Tx) (refusal string, err error) {
	var got string
	var refused *RPCError
	err = c.node.Call(ctx, &got, "sendrawtransaction", hex.EncodeToString(tx.Bytes()))
	if errors.As(err, &refused) {
		return printable(refused.Message), nil
	}
	return "", err
}

// later is a reason to wait that is not the node's fault.
type later string

func (l later) Error() string { return string(l) }

// Is makes callers treat it like a node that does not answer: nothing is decided.
func (l later) Is(target error) bool { return target == rail.ErrUnavailable }

// feeTooHigh is a later for the price of block space.
type feeTooHigh struct{ later }

// unavailable marks an error of the node as what it is: no answer.
func unavailable(err error, doing string) error {
	return fmt.Errorf("%w: %s: %w", rail.ErrUnavailable, doing, err)
}
