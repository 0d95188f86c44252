package evm_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/demo/devnet"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/evm"
	"sluice/internal/rail/railtest"
	"sluice/internal/signer"
	"sluice/internal/signer/build"
	"sluice/internal/signer/guard"
	"sluice/internal/signer/keystore"
)

const passphrase = "correct horse"

// network is a chain under test with its contracts.
type network struct {
	url   string
	admin *devnet.Admin
	mine  func(n int) error
	conf  evm.Config

	tether, moody string
}

func deploy(t *testing.T, url string, admin *devnet.Admin, chainID uint64, mine func(n int) error) *network {
	t.Helper()
	n := &network{url: url, admin: admin, mine: mine}
	var err error
	if n.tether, err = admin.DeployToken(t.Context(), devnet.Tether, "Demo Dollar", "USDT"); err != nil {
		t.Fatal(err)
	}
	if n.moody, err = admin.DeployToken(t.Context(), devnet.Moody, "Moody", "MOOD"); err != nil {
		t.Fatal(err)
	}
	n.conf = evm.Config{
		Network: "ethereum", ChainID: chainID,
		Tokens:   map[string]evm.Token{"USDT": {Contract: n.tether, Scale: 6}, "MOOD": {Contract: n.moody, Scale: 18}},
		Patience: time.Millisecond, LookAgain: time.Nanosecond, // tests do not wait
	}
	return n
}

func (n *network) open(t *testing.T, change ...func(*evm.Config)) *evm.Rail {
	t.Helper()
	conf := n.conf
	for _, f := range change {
		f(&conf)
	}
	r, err := evm.Open(t.Context(), conf, n.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// wallets makes keys and gives one after the other.
func wallets(t *testing.T, count int) (dir string, next func(t *testing.T) string) {
	t.Helper()
	dir = t.TempDir()
	var addresses []string
	for range count {
		a, err := keystore.Create(dir, passphrase, keystore.Light)
		if err != nil {
			t.Fatal(err)
		}
		addresses = append(addresses, a)
	}
	return dir, func(t *testing.T) string {
		t.Helper()
		if len(addresses) == 0 {
			t.Fatal("no wallets left: make more")
		}
		a := addresses[0]
		addresses = addresses[1:]
		return a
	}
}

func openKeys(t *testing.T, dir string, chainID uint64) signer.Signer {
	t.Helper()
	keys, err := keystore.Open(dir, passphrase)
	must(t, err)
	s, err := guard.Open(t.Context(), guard.Options{Keys: keys, Build: build.Builder{}, Policy: guard.Policy{
		Networks: []guard.Network{{Network: signer.Network{Name: "ethereum", Family: evm.Family, ChainID: chainID}, Open: true}},
	}})
	must(t, err)
	return s
}

func fresh(t *testing.T) string {
	t.Helper()
	var a common.Address
	if _, err := rand.Read(a[:]); err != nil {
		t.Fatal(err)
	}
	return a.Hex()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// harness is what every EVM chain has in common.
func (n *network) harness(t *testing.T) railtest.Harness {
	t.Helper()
	dir, next := wallets(t, railtest.WalletsWanted)
	n.vaults(t, dir)
	return railtest.Harness{
		Float:          n.float,
		ReceivedInList: n.holds,
		Rail:           n.open(t),
		Signer:         openKeys(t, dir, n.conf.ChainID),
		Stranger:       openKeys(t, dir, n.conf.ChainID),
		Assets:         []string{"ETH", "MOOD", "USDT"},
		Check:          n.checkCases(t),
		Wallet:         next,
		Recipient:      fresh,
		Credit:         n.credit,
		Received:       n.received,
		Blocks:         func(t *testing.T, blocks int) { t.Helper(); must(t, n.mine(blocks)) },
		Finalize:       n.finalize,
		Refuse:         n.refusals(),
		Lies:           n.moods(),

		LosesAnswers: tampered(t, n.conf, n.url, on("eth_sendRawTransaction", loseAnswer)),
		Forgetful:    tampered(t, n.conf, n.url, on("eth_getBlockByNumber", noBlocks)),
		Broken:       n.broken(t),
		Wires:        n.wires(),
		Blind: map[string]rail.Rail{
			"still indexing":       tampered(t, n.conf, n.url, on("eth_getTransaction", notCount(always("", &rpcError{Code: -32000, Message: "transaction indexing is in progress"})))),
			"denies payments":      tampered(t, n.conf, n.url, on("eth_getTransaction", notCount(always("null", nil)))),
			"lies about the nonce": tampered(t, n.conf, n.url, on("eth_getTransaction", lyingNonce)),
			"on another fork":      tampered(t, n.conf, n.url, on("eth_getTransactionReceipt", anotherBlock)),
		},
	}
}

// lyingNonce says that blocks hold far more of the wallet than they do, and has never
// heard of what they hold.
func lyingNonce(_ context.Context, r request, node answer) (raw, error) {
	switch r.Method {
	case "eth_getTransactionCount":
		return raw(`"0xffff"`), nil
	case "eth_getTransactionReceipt", "eth_getTransactionByHash":
		return raw("null"), nil
	}
	return node()
}

// notCount leaves eth_getTransactionCount alone, which asks for a nonce.
func notCount(f tamper) tamper {
	return func(ctx context.Context, r request, node answer) (raw, error) {
		if r.Method == "eth_getTransactionCount" {
			return node()
		}
		return f(ctx, r, node)
	}
}

func (n *network) broken(t *testing.T) map[string]rail.Rail {
	t.Helper()
	short := n.conf
	short.Timeout = 30 * time.Millisecond
	closed := "http://127.0.0.1:1" // nothing listens there
	notConnected, err := evm.Open(t.Context(), n.conf, closed)
	must(t, err)
	t.Cleanup(notConnected.Close)
	return map[string]rail.Rail{
		"not there":      notConnected,
		"hangs":          tampered(t, short, n.url, hang),
		"cuts the line":  tampered(t, n.conf, n.url, always("", errors.New("execution reverted: connection reset"))),
		"internal error": tampered(t, n.conf, n.url, always("", &rpcError{Code: -32603, Message: "internal error"})),
		"catching up":    tampered(t, n.conf, n.url, on("eth_syncing", always(`{"currentBlock":"0x1","highestBlock":"0xfff","startingBlock":"0x0"}`, nil))),
		"no estimates": tampered(t, n.conf, n.url, on("eth_", func(_ context.Context, r request, node answer) (raw, error) {
			if r.Method == "eth_estimateGas" || r.Method == "eth_getTransactionReceipt" || r.Method == "eth_getTransactionByHash" {
				return nil, &rpcError{Code: -32005, Message: "too many requests"}
			}
			return node()
		})),
	}
}

func (n *network) credit(t *testing.T, wallet, asset string, amount money.Amount) {
	t.Helper()
	switch asset {
	case "ETH":
		must(t, n.admin.Fund(t.Context(), wallet, amount))
	case "USDT":
		must(t, n.admin.Mint(t.Context(), n.tether, wallet, amount))
	default:
		must(t, n.admin.Mint(t.Context(), n.moody, wallet, amount))
	}
}

// vaults gives every wallet of a keystore a vault.
func (n *network) vaults(t *testing.T, dir string) {
	t.Helper()
	addresses, err := keystore.List(dir)
	must(t, err)
	n.conf.Vaults = map[string]string{}
	for _, wallet := range addresses {
		n.conf.Vaults[wallet], err = n.admin.DeployVault(t.Context(), wallet)
		must(t, err)
	}
}

// float gives a wallet's vault coins.
func (n *network) float(t *testing.T, wallet, asset string, amount money.Amount) {
	t.Helper()
	n.credit(t, n.conf.Vaults[wallet], asset, amount)
}

// holds is what an address has of an asset: a batch of the native coin leaves no trace
// but the balances.
func (n *network) holds(t *testing.T, address, asset string) []money.Amount {
	t.Helper()
	if asset != "ETH" {
		return n.received(t, address, asset)
	}
	wei, err := n.admin.Client().BalanceAt(t.Context(), common.HexToAddress(address), nil)
	must(t, err)
	if wei.Sign() == 0 {
		return nil
	}
	a, err := evm.Amount(wei)
	must(t, err)
	return []money.Amount{a}
}

func (n *network) received(t *testing.T, address, asset string) []money.Amount {
	t.Helper()
	all, err := n.admin.Payments(t.Context(), address)
	must(t, err)
	token := map[string]string{"USDT": n.tether, "MOOD": n.moody}[asset]
	var got []money.Amount
	for _, p := range all {
		if p.Token == token {
			got = append(got, p.Amount)
		}
	}
	return got
}

// finalize makes blocks until the final one has caught up with the latest.
func (n *network) finalize(t *testing.T) {
	t.Helper()
	if depth := n.conf.Finality.Depth; depth > 0 {
		must(t, n.mine(int(depth)))
		return
	}
	client := n.admin.Client()
	target, err := client.BlockNumber(t.Context())
	must(t, err)
	for range 2 * devnet.EpochBlocks {
		final, err := client.HeaderByNumber(t.Context(), big.NewInt(-3))
		if err == nil && final.Number.Uint64() >= target {
			return
		}
		must(t, n.mine(1))
	}
	t.Fatalf("block %d does not become final", target)
}

func (n *network) refusals() []railtest.Refuse {
	background := context.Background() // a test's own context has ended when it cleans up
	return []railtest.Refuse{
		{
			Name: "account frozen", Asset: "USDT", Recipient: fresh, Reason: "the recipient is frozen",
			Start: func(t *testing.T, to string) { t.Helper(); must(t, n.admin.Freeze(background, n.tether, to, true)) },
		},
		{
			Name: "token with an error of its own", Asset: "MOOD", All: true, Recipient: fresh, Reason: "the contract's own error 0x",
			Start: func(t *testing.T, _ string) { t.Helper(); n.mood(t, devnet.CustomError) },
		},
		{
			Name: "contract refuses the coin", Asset: "ETH", Reason: "the gate is closed",
			Recipient: func(t *testing.T) string {
				t.Helper()
				gate, err := n.admin.DeployGate(background)
				must(t, err)
				must(t, n.admin.OpenGate(background, gate, true))
				return gate
			},
			Start: func(t *testing.T, gate string) { t.Helper(); must(t, n.admin.OpenGate(background, gate, false)) },
		},
	}
}

func (n *network) mood(t *testing.T, mode devnet.Mode) {
	t.Helper()
	must(t, n.admin.SetMode(context.Background(), n.moody, mode))
	t.Cleanup(func() {
		if err := n.admin.SetMode(context.Background(), n.moody, devnet.Plain); err != nil {
			t.Error(err)
		}
	})
}

func (n *network) moods() []railtest.Lie {
	lie := func(name string, mode devnet.Mode, stage rail.Stage) railtest.Lie {
		return railtest.Lie{Name: name, Asset: "MOOD", Stage: stage, Start: func(t *testing.T) { t.Helper(); n.mood(t, mode) }}
	}
	return []railtest.Lie{
		lie("returns false", devnet.ReturnsFalse, rail.StageFinal),
		lie("returns true and moves nothing", devnet.Silent, rail.StageFinal),
		lie("moves less", devnet.TakesCut, rail.StageUnknown),
	}
}

func (n *network) checkCases(t *testing.T) []railtest.CheckCase {
	t.Helper()
	gate, err := n.admin.DeployGate(t.Context())
	must(t, err)
	const good = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed" // from EIP-55
	bad := func(name, typed, code string) railtest.CheckCase {
		return railtest.CheckCase{Name: name, Typed: typed, Asset: "ETH", Code: code}
	}
	return []railtest.CheckCase{
		{Name: "checksum", Typed: good, Asset: "ETH", Canonical: good},
		{Name: "lower case", Typed: "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", Asset: "USDT", Canonical: good},
		{Name: "upper case", Typed: "0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED", Asset: "USDT", Canonical: good},
		{Name: "digits only", Typed: "0x1234567890123456789012345678901234567890", Asset: "ETH", Canonical: "0x1234567890123456789012345678901234567890"},
		{Name: "a contract", Typed: gate, Asset: "ETH", Canonical: gate, Warned: true},
		bad("one letter in the other case", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", "address_checksum"),
		bad("one character changed", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAee", "address_checksum"),
		bad("no prefix", good[2:], "address_malformed"),
		bad("upper-case prefix", "0X"+good[2:], "address_malformed"),
		bad("too short", good[:41], "address_malformed"),
		bad("two bytes too long", good+"0000", "address_malformed"),
		bad("two bytes in front", "0x0000"+good[2:], "address_malformed"),
		bad("not hex", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg", "address_malformed"),
		bad("blank in front", " "+good, "address_malformed"),
		bad("newline behind", good+"\n", "address_malformed"),
		bad("empty", "", "address_malformed"),
		bad("other chain", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "address_malformed"),
		bad("full-width digit", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe\uff11", "address_malformed"),
		bad("zero", "0x0000000000000000000000000000000000000000", "address_zero"),
		bad("function of the network", "0x0000000000000000000000000000000000000009", "address_reserved"),
		bad("the token itself", n.tether, "address_token_contract"),
		{Name: "tag", Typed: good, Tag: "7", Asset: "ETH", Code: "tag_not_supported"},
		{Name: "asset of another network", Typed: good, Asset: "BTC", Code: "asset_not_on_network"},
		{Name: "no asset", Typed: good, Code: "asset_not_on_network"},
	}
}

func TestConformanceInProcess(t *testing.T) {
	railtest.Run(t, func(t *testing.T) railtest.Harness {
		t.Helper()
		chain := newChain(t)
		n := deploy(t, chain.URL(), chain.Admin, chain.ID(), chain.Mine)
		h := n.harness(t)
		h.Holds, h.Obeys = true, true
		h.Undo = func(t *testing.T, block uint64, keep bool) {
			t.Helper()
			must(t, chain.Reorg(int(chain.Height()-block)+1, keep))
		}
		return h
	})
}

func newChain(t *testing.T) *devnet.Chain {
	t.Helper()
	chain, err := devnet.New(devnet.Options{Listen: "127.0.0.1:0"})
	must(t, err)
	t.Cleanup(func() {
		if err := chain.Close(); err != nil {
			t.Error(fmt.Errorf("close the chain: %w", err))
		}
	})
	return chain
}
