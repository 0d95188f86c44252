// Package utxotest runs real nodes of coin chains for tests: btcd, built from its
// module, and litecoind, as Debian has it. Each is alone in the world, on loopback,
// and makes blocks when it is told to.
package utxotest

import (
	"context"
	"encoding/hex"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"sluice/internal/rail/utxo"
	"sluice/internal/rail/utxo/bitcoin"
	"sluice/internal/signer/curve"
)

// Chain is a node with a faucet: all new coins go to a key of the test's own.
type Chain struct {
	Node    *utxo.Client
	URL     string
	Params  bitcoin.Chain
	Dialect utxo.Dialect

	key    *secp256k1.PrivateKey
	script []byte

	start func(t testing.TB, more ...string) // nil: the node cannot be started again
	ended <-chan struct{}                    // closed when its process has ended

	// detour makes the next block one for somebody else: after a block was taken back the
	// same one again would be refused.
	detour atomic.Bool

	mu    sync.Mutex
	purse []coin // what the faucet has, in blocks
	read  uint64 // blocks looked through for it
	late  []coin // new coins that are too young
}

type coin struct {
	at     bitcoin.Outpoint
	value  uint64
	height uint64
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newChain makes the faucet of a chain that is to be started.
func newChain(name string, dialect utxo.Dialect) *Chain {
	params, _ := bitcoin.ChainByName(name)
	c := &Chain{Params: params, Dialect: dialect, key: secp256k1.PrivKeyFromBytes([]byte("the faucet of the tests, not more"))}
	x, err := curve.TaprootKey(c.key.PubKey().SerializeCompressed())
	if err != nil {
		panic(err)
	}
	c.script = bitcoin.WitnessScript(1, x)
	return c
}

// faucet is the address that blocks are made for.
func (c *Chain) faucet() string { return c.Params.Address(c.script) }

// Call asks the node, and fails the test if it refuses.
func (c *Chain) Call(t testing.TB, result any, method string, params ...any) {
	t.Helper()
	if err := c.Node.Call(context.WithoutCancel(t.Context()), result, method, params...); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
}

// Mine makes n blocks with what waits.
func (c *Chain) Mine(t testing.TB, n int) {
	t.Helper()
	if err := c.TryMine(t.Context(), n); err != nil {
		t.Fatal(err)
	}
}

// TryMine is Mine for goroutines that are not the test's own.
func (c *Chain) TryMine(ctx context.Context, n int) error {
	if c.Dialect == utxo.Btcd {
		return c.Node.Call(ctx, nil, "generate", n)
	}
	if c.detour.Swap(false) {
		if err := c.Node.Call(ctx, nil, "generatetoaddress", 1, c.Params.Address(bitcoin.WitnessScript(0, make([]byte, 20)))); err != nil {
			return err
		}
		n--
	}
	if n == 0 {
		return nil
	}
	return c.Node.Call(ctx, nil, "generatetoaddress", n, c.faucet())
}

// Height is that of the best block.
func (c *Chain) Height(t testing.TB) (h uint64) {
	t.Helper()
	c.Call(t, &h, "getblockcount")
	return h
}

// Undo takes a block and all after it out of the chain. What they held waits again.
func (c *Chain) Undo(t testing.TB, height uint64) {
	t.Helper()
	var id string
	c.Call(t, &id, "getblockhash", height)
	c.Call(t, nil, "invalidateblock", id)
	c.mu.Lock()
	defer c.mu.Unlock()
	// The faucet may have lost coins: it looks through everything again.
	c.purse, c.late, c.read = nil, nil, 0
	c.detour.Store(true)
}

// Block reads a block of the chain.
func (c *Chain) Block(t testing.TB, height uint64) *bitcoin.Block {
	t.Helper()
	var id, text string
	c.Call(t, &id, "getblockhash", height)
	c.Call(t, &text, "getblock", id, 0)
	raw, err := hex.DecodeString(text)
	must(t, err)
	b, err := bitcoin.ParseBlock(raw)
	must(t, err)
	return b
}

// look finds the faucet's coins in blocks that it has not read.
func (c *Chain) look(t testing.TB) {
	t.Helper()
	tip := c.Height(t)
	for ; c.read < tip; c.read++ {
		b := c.Block(t, c.read+1)
		for i := range b.Txs {
			for _, in := range b.Txs[i].In {
				gone := func(k coin) bool { return k.at == in.Prev }
				c.purse, c.late = slices.DeleteFunc(c.purse, gone), slices.DeleteFunc(c.late, gone)
			}
			for n, o := range b.Txs[i].Out {
				if string(o.Script) != string(c.script) || o.Value == 0 {
					continue
				}
				k := coin{bitcoin.Outpoint{TxID: b.IDs[i], Index: uint32(n)}, o.Value, c.read + 1}
				if b.Txs[i].Coinbase() {
					c.late = append(c.late, k)
				} else {
					c.purse = append(c.purse, k)
				}
			}
		}
	}
	for len(c.late) > 0 && tip-c.late[0].height >= 100 {
		c.purse, c.late = append(c.purse, c.late[0]), c.late[1:]
	}
}

// Pay sends amounts to an address, each as an output of its own, and makes a block.
func (c *Chain) Pay(t testing.TB, address string, amounts ...uint64) {
	t.Helper()
	c.Send(t, address, amounts...)
	c.Mine(t, 1)
}

// Send is Pay without the block.
func (c *Chain) Send(t testing.TB, address string, amounts ...uint64) string {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	script, _, err := c.Params.Decode(address)
	must(t, err)
	c.look(t)
	// The nodes learn prices from what they see: the faucet pays a usual one.
	fee := 12 * (300 + 43*uint64(len(amounts)))
	need := fee
	tx := &bitcoin.Tx{Version: 2}
	for _, a := range amounts {
		tx.Out, need = append(tx.Out, bitcoin.Out{Value: a, Script: script}), need+a
	}
	var prev []bitcoin.Out
	var have uint64
	for have < need {
		if len(c.purse) == 0 {
			t.Fatal("the faucet is empty")
		}
		k := c.purse[0]
		c.purse, have = c.purse[1:], have+k.value
		tx.In = append(tx.In, bitcoin.In{Prev: k.at, Sequence: 1<<32 - 1})
		prev = append(prev, bitcoin.Out{Value: k.value, Script: c.script})
	}
	if rest := have - need; rest > 1_000_000 {
		tx.Out = append(tx.Out, bitcoin.Out{Value: rest, Script: c.script})
	}
	digests, err := tx.Digests(prev)
	must(t, err)
	for i, d := range digests {
		sig, err := curve.SignTaproot(c.key, d.Hash)
		must(t, err)
		tx.In[i].Witness = [][]byte{sig}
	}
	var id string
	c.Call(t, &id, "sendrawtransaction", hex.EncodeToString(tx.Bytes()))
	return id
}

// Received lists what the blocks say that an address got, in order.
func (c *Chain) Received(t testing.TB, address string) (out []uint64) {
	t.Helper()
	return c.All(t)[address]
}

// All is what the blocks say that every address got.
func (c *Chain) All(t testing.TB) map[string][]uint64 {
	t.Helper()
	out := map[string][]uint64{}
	for h := range c.Height(t) {
		b := c.Block(t, h+1)
		for _, tx := range b.Txs {
			for _, o := range tx.Out {
				if a := c.Params.Address(o.Script); a != "" {
					out[a] = append(out[a], o.Value)
				}
			}
		}
	}
	return out
}

// Waiting lists the transactions of the node's pool.
func (c *Chain) Waiting(t testing.TB) (ids []string) {
	t.Helper()
	c.Call(t, &ids, "getrawmempool")
	return ids
}
