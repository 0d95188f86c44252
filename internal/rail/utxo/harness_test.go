package utxo_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"go.uber.org/goleak"

	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/railtest"
	"sluice/internal/rail/utxo"
	"sluice/internal/rail/utxo/bitcoin"
	"sluice/internal/rail/utxo/utxotest"
	"sluice/internal/signer"
	"sluice/internal/signer/build"
	"sluice/internal/signer/curve"
	"sluice/internal/signer/guard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keyring is a place of keys in memory.
type keyring map[string]*secp256k1.PrivateKey

func (k keyring) Public(context.Context) (out [][]byte, err error) {
	for public := range k {
		out = append(out, []byte(public))
	}
	return out, nil
}

func (k keyring) Sign(_ context.Context, public []byte, d signer.Digest) ([]byte, error) {
	if d.Scheme == signer.Taproot {
		return curve.SignTaproot(k[string(public)], d.Hash)
	}
	return curve.Sign(k[string(public)], d.Hash), nil
}

// world is a chain with a rail over it, and keys.
type world struct {
	*utxotest.Chain
	conf    utxo.Config
	rail    *utxo.Rail
	keys    keyring
	network signer.Network
	made    int
}

const network = "coins"

func newWorld(t *testing.T, c *utxotest.Chain, change ...func(*utxo.Config)) *world {
	t.Helper()
	w := &world{Chain: c, keys: keyring{}, network: signer.Network{Name: network, Family: utxo.Family, Coin: c.Params.Name}}
	w.conf = utxo.Config{
		Network: network, Chain: c.Params.Name, Dialect: c.Dialect, Tiers: []utxo.Tier{{Depth: 6}}, Poll: time.Millisecond, Timeout: 10 * time.Second,
	}
	if c.Dialect != utxo.Btcd {
		w.conf.StartBlock = -1
	}
	for _, f := range change {
		f(&w.conf)
	}
	w.rail = w.open(t, c.Node)
	return w
}

func (w *world) open(t *testing.T, n utxo.Node) *utxo.Rail {
	t.Helper()
	r, err := utxo.New(w.conf, n)
	must(t, err)
	return r
}

// openFrom opens a rail that reads the blocks from a height on.
func (w *world) openFrom(t *testing.T, start int64, n utxo.Node) *utxo.Rail {
	t.Helper()
	conf := w.conf
	conf.StartBlock = start
	r, err := utxo.New(conf, n)
	must(t, err)
	return r
}

// wallet makes a key and gives its address: P2WPKH and P2TR in turn.
func (w *world) wallet(t *testing.T) string {
	t.Helper()
	key, err := secp256k1.GeneratePrivateKey()
	must(t, err)
	public := key.PubKey().SerializeCompressed()
	w.keys[string(public)] = key
	addresses, err := build.Builder{}.Addresses(w.network, public)
	must(t, err)
	w.made++
	return addresses[w.made%2]
}

// recipient gives an address of one of the kinds in turn.
func (w *world) recipient(t *testing.T) string {
	t.Helper()
	var hash [32]byte
	for !bitcoin.OnCurve(hash[:]) {
		_, _ = rand.Read(hash[:])
	}
	w.made++
	var script []byte
	switch w.made % 5 {
	case 0:
		script = bitcoin.WitnessScript(1, hash[:])
	case 1:
		script = bitcoin.WitnessScript(0, hash[:])
	case 2:
		script = bitcoin.WitnessScript(0, hash[:20])
	case 3:
		script = append(append([]byte{0x76, 0xa9, 20}, hash[:20]...), 0x88, 0xac)
	default:
		script = append(append([]byte{0xa9, 20}, hash[:20]...), 0x87)
	}
	return w.Params.Address(script)
}

func (w *world) signer(t *testing.T) signer.Signer {
	t.Helper()
	g, err := guard.Open(t.Context(), guard.Options{
		Keys: w.keys, Build: build.Builder{}, Policy: guard.Policy{Networks: []guard.Network{{Network: w.network, Open: true}}},
	})
	must(t, err)
	return g
}

// harness is the suite's view of the world.
func (w *world) harness(t *testing.T) railtest.Harness {
	t.Helper()
	coin := w.Params.Coin
	return railtest.Harness{
		Rail: w.rail, Signer: w.signer(t), Stranger: w.signer(t), Assets: []string{coin}, Enough: money.Of(20_000_000),
		Check:     checks(w.Params, coin),
		Wires:     w.wires(),
		Wallet:    func(t *testing.T) string { t.Helper(); return w.wallet(t) },
		Recipient: func(t *testing.T) string { t.Helper(); return w.recipient(t) },
		Credit: func(t *testing.T, wallet, _ string, amount money.Amount) {
			t.Helper()
			minor, err := strconv.ParseUint(amount.Minor(), 10, 64)
			must(t, err)
			w.Pay(t, wallet, minor)
		},
		Received: func(t *testing.T, address, _ string) (out []money.Amount) {
			t.Helper()
			for _, v := range w.Received(t, address) {
				out = append(out, money.Of(v))
			}
			return out
		},
		Blocks:   func(t *testing.T, n int) { t.Helper(); w.Mine(t, n) },
		Finalize: func(t *testing.T) { t.Helper(); w.Mine(t, 6) },
		Holds:    true,
		Undo:     func(t *testing.T, block uint64, _ bool) { t.Helper(); w.Undo(t, block) },
		LosesAnswers: w.open(t, filter{w.Node, func(method string, result any, call func() error) error {
			err := call()
			if method == "sendrawtransaction" && err == nil {
				return errors.New("the connection broke")
			}
			return err
		}}),
		Broken: map[string]rail.Rail{
			"silent":   w.open(t, filter{w.Node, func(string, any, func() error) error { return errors.New("connection refused") }}),
			"errors":   w.open(t, filter{w.Node, func(string, any, func() error) error { return &utxo.RPCError{Code: -1, Message: "internal error"} }}),
			"empty":    w.open(t, filter{w.Node, func(string, any, func() error) error { return nil }}),
			"nonsense": w.open(t, filter{w.Node, func(_ string, result any, _ func() error) error { return json.Unmarshal([]byte(`{}`), result) }}),
			"behind": w.open(t, filter{w.Node, func(method string, result any, call func() error) error {
				if method == "getblockchaininfo" {
					return json.Unmarshal([]byte(`{"blocks":5,"headers":900}`), result)
				}
				return call()
			}}),
			"wrong block": w.openFrom(t, 0, filter{w.Node, func(method string, result any, call func() error) error {
				if text, ok := result.(*string); ok && method == "getblock" {
					err := call()
					*text = strings.Replace(*text, "a", "b", 3)
					return err
				}
				return call()
			}}),
		},
	}
}

// filter stands between a rail and its node.
type filter struct {
	utxo.Node
	do func(method string, result any, call func() error) error
}

func (f filter) Call(ctx context.Context, result any, method string, params ...any) error {
	return f.do(method, result, func() error { return f.Node.Call(ctx, result, method, params...) })
}

func checks(p bitcoin.Chain, coin string) []railtest.CheckCase {
	script := bitcoin.WitnessScript(0, make([]byte, 20))
	good := p.Address(script)
	return []railtest.CheckCase{
		{Name: "lower case", Typed: good, Asset: coin, Canonical: good},
		{Name: "upper case", Typed: strings.ToUpper(good), Asset: coin, Canonical: good},
		{Name: "mixed case", Typed: strings.ToUpper(good[:8]) + good[8:], Asset: coin, Code: "address_malformed"},
		{Name: "one character wrong", Typed: good[:len(good)-1] + "p", Asset: coin, Code: "address_checksum"},
		{Name: "another network", Typed: "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", Asset: coin, Code: "address_other_network"},
		{Name: "a tag", Typed: good, Tag: "7", Asset: coin, Code: "tag_not_supported"},
		{Name: "another asset", Typed: good, Asset: "USDT", Code: "asset_not_on_network"},
		{Name: "an address of Ethereum", Typed: "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F", Asset: coin, Code: "address_malformed"},
	}
}

func TestConformanceBtcd(t *testing.T) {
	railtest.Run(t, func(t *testing.T) railtest.Harness { return newWorld(t, utxotest.StartBtcd(t)).harness(t) })
}

func TestConformanceLitecoind(t *testing.T) {
	t.Run("replacements", func(t *testing.T) {
		railtest.Run(t, func(t *testing.T) railtest.Harness {
			c := utxotest.StartLitecoind(t, "-mempoolreplacement=1")
			return newWorld(t, c, func(c *utxo.Config) { c.Replace = "yes" }).harness(t)
		})
	})
}
