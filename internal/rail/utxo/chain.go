package utxo

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"

	"sluice/internal/fault"
	"sluice/internal/rail"
	"sluice/internal/rail/node"
	"sluice/internal/rail/utxo/bitcoin"
)

// chain asks a node questions, in its dialect, and checks what can be checked.
type chain struct {
	node    *node.Client
	dialect Dialect
	params  bitcoin.Chain

	mu     sync.Mutex
	recent []*bitcoin.Block // read lately; several wallets read the same ones
}

// recentMax is how many blocks are kept.
const recentMax = 4

func (c *chain) call(ctx context.Context, result any, method string, params ...any) error {
	return unavailable(c.node.Call(ctx, result, method, params...), method)
}

// key names a question of this chain in the memory of a round.
func (c *chain) key(question string) any { return roundKey{c, question} }

type roundKey struct {
	chain    *chain
	question string
}

// ready checks, once in every round, that the node is on the right chain, by its first
// block: behind a URL may stand another one since.
func (c *chain) ready(ctx context.Context) error {
	_, err := rail.Once(ctx, c.key("first"), func() (bool, error) {
		first, err := c.at(ctx, 0)
		if err == nil && first.String() != c.params.Genesis {
			err = &rail.Wait{
				Code: rail.CodeWrongChain, Text: "the network's node is on another chain; the withdrawal waits, its money stays held",
				Cause: fault.New(fault.Invalid, "rail_config", "the node is not on the chain %s: its first block is %s", c.params.Name, first),
			}
		}
		return true, err
	})
	return err
}

// tip gives height and id of the node's best block. A node that is still catching up
// gives an error: what it knows is old.
func (c *chain) tip(ctx context.Context) (height uint64, id bitcoin.Hash, err error) {
	var info struct {
		Blocks, Headers      *uint64
		BestBlockHash        string
		InitialBlockDownload *bool
	}
	if err := c.call(ctx, &info, "getblockchaininfo"); err != nil {
		return 0, id, err
	}
	downloads := info.InitialBlockDownload
	if info.Blocks == nil || info.Headers == nil || downloads == nil && c.dialect.core() {
		return 0, id, node.Incomplete("getblockchaininfo", "blocks, headers or initialblockdownload is missing")
	}
	// On test networks without blocks for a day a Core node says that it downloads.
	if *info.Blocks < *info.Headers || downloads != nil && *downloads && !c.regtest() {
		return 0, id, node.Behind("the network's node is still catching up (block %d of %d)", *info.Blocks, *info.Headers)
	}
	id, err = bitcoin.ParseHash(info.BestBlockHash)
	if err != nil {
		return 0, id, node.Incomplete("getblockchaininfo", "bestblockhash is missing")
	}
	return *info.Blocks, id, nil
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
		return id, node.Incomplete("getblockhash", node.Printable(err.Error()))
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
		return nil, node.Incomplete("getblock", "it is no hex")
	}
	b, err := bitcoin.ParseBlock(raw)
	if err != nil || b.ID != id {
		return nil, node.Incomplete("getblock", "it is not the block "+id.String())
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
		Confirmations *uint64
		Value         json.Number
		Coinbase      bool
		ScriptPubKey  struct{ Hex string }
	}
	if err := c.call(ctx, &out, "gettxout", o.TxID.String(), o.Index, true); err != nil || out == nil {
		return nil, err
	}
	value, err := coins(out.Value)
	if err != nil {
		return nil, node.Incomplete("gettxout", err.Error())
	}
	script, err := hex.DecodeString(out.ScriptPubKey.Hex)
	if err != nil || len(script) == 0 || out.Confirmations == nil {
		return nil, node.Incomplete("gettxout", "confirmations or scriptPubKey is missing")
	}
	if c.dialect == Btcd { // its gettxout does not look at what the pool spends
		spent, err := c.spentInPool(ctx, o)
		if err != nil || spent {
			return nil, err
		}
	}
	return &output{value: value, script: script, coinbase: out.Coinbase, depth: *out.Confirmations}, nil
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
	if errors.As(err, &refused) {
		return false, nil // not there: it proves nothing, and leads to sending again
	}
	return out.BlockHash == "" && out.Confirmations == 0, unavailable(err, "getrawtransaction")
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
		if rail.Has(err, rail.CodePruned) {
			return nil, node.NotYet("the node has pruned the block %d that made a coin of the wallet; without its transaction %s nothing is signed for the coin", of.height, id)
		}
		if err != nil {
			return nil, err
		}
		if n := slices.Index(b.IDs, id); n >= 0 {
			return bitcoin.ParseTx(b.Txs[n].Bare()) // a copy: one of the block would keep all of it in memory
		}
		return nil, node.NotYet("the chain is being reorganised")
	}
	var text string
	if err := c.call(ctx, &text, "getrawtransaction", id.String(), 0); err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, node.Incomplete("getrawtransaction", "it is no hex")
	}
	tx, err := bitcoin.ParseTx(raw)
	if err != nil || tx.ID() != id {
		return nil, node.Incomplete("getrawtransaction", "it is not the transaction "+id.String())
	}
	return tx, nil
}

// send gives the node a transaction. The error is a *node.Refusal, or a *rail.Wait.
func (c *chain) send(ctx context.Context, tx *bitcoin.Tx) error {
	var got json.RawMessage // looking shows what became of it
	return c.node.Call(ctx, &got, "sendrawtransaction", hex.EncodeToString(tx.Bytes()))
}

// accepts asks whether the node would take a transaction. The error is a *node.Refusal
// that says why not, or a *rail.Wait; nil also when the node cannot test.
func (c *chain) accepts(ctx context.Context, tx *bitcoin.Tx) error {
	var test []struct {
		Allowed      bool
		RejectReason string `json:"reject-reason"`
	}
	err := c.node.Call(ctx, &test, "testmempoolaccept", []string{hex.EncodeToString(tx.Bytes())})
	var refused *RPCError
	switch {
	case errors.As(err, &refused): // it cannot test; it will say what it thinks when it gets it
		return nil
	case err == nil && len(test) == 1 && !test[0].Allowed && test[0].RejectReason != "":
		return &node.Refusal{Code: rejected, Message: node.Printable(test[0].RejectReason)}
	}
	return err
}

// rejected is Core's code for a transaction that its rules refuse (RPC_VERIFY_REJECTED).
const rejected = -26

// unavailable is node.Failed with the words of nodes of coin chains.
func unavailable(err error, doing string) error { return node.Failed(err, doing, named) }

// refusals name what nodes mean, by their words. The first that fits counts. Texts are for
// merchants; operators also get the node's own words.
var refusals = []struct {
	code, text string
	words      []string
}{
	{rail.CodePruned, node.TextPruned, []string{"pruned data", "block not available", "pruned"}},
	{
		rail.CodeSilent, rail.TextSilent, // it knows less of the chain than it should
		[]string{"block height out of range", "block number out of range", "block not found", "loading", "verifying blocks", "rewinding"},
	},
	{rail.CodeLowFee, "the network's node wants a higher fee than was offered; the payout offers more as far as fee_ceiling allows", saysTooLow},
	{rail.CodePoolFull, "the network's pool is full; the same transaction is sent again", []string{"mempool full", "too long mempool chain", "too many"}},
}

func named(refused *node.Refusal) (code, text string) {
	for _, r := range refusals {
		if node.Says(refused, r.words...) {
			return r.code, r.text
		}
	}
	return rail.CodeRefuses, node.TextRefuses
}
