// Package evm pays out on Ethereum and the chains that follow its rules: the native
// coin and ERC-20 tokens, one by one from a wallet or many at once from the wallet's
// vault contract. A slot is a nonce of a wallet.
// It speaks JSON-RPC to any node and believes it only what cannot do harm if it is
// wrong: an error is never an answer, and only a final block decides a payout.
package evm

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"

	"sluice/internal/cache"
	"sluice/internal/fault"
	"sluice/internal/fault/redact"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/node"
)

// Family is the family name in signing intents.
const Family = "evm"

// nativeScale is the number of decimals of every native coin.
const nativeScale = 18

// token is a checked Token.
type token struct {
	contract common.Address
	scale    int
}

// Rail implements rail.Rail. It is safe for concurrent use.
type Rail struct {
	conf   Config
	client *node.Client
	signer types.Signer // recovers senders; it holds no key
	tokens map[string]token
	vaults map[common.Address]common.Address // by wallet
	chosen *cache.Cache[string, way]         // how single payouts are paid
	floor  floor                             // what the node wants at the least
	doubts doubts                            // what was seen once and is looked at again

	closing  func() // nil for a node that the caller made
	verify   sync.Mutex
	verified bool // tokens and vaults are what the configuration says
}

var (
	_ rail.Rail      = (*Rail)(nil)
	_ rail.Grouper   = (*Rail)(nil)
	_ rail.Canceller = (*Rail)(nil)

	_ rail.AmountChecker = (*Rail)(nil)
)

// New makes a rail over a node, without asking the node anything: the first method
// that needs it checks chain id and tokens.
func New(conf Config, n Node) (*Rail, error) { return open(conf, n, redact.Secrets{}) }

func open(conf Config, n Node, secrets redact.Secrets) (*Rail, error) {
	conf.fill()
	if conf.Network == "" || conf.ChainID == 0 {
		return nil, fault.New(fault.Invalid, "rail_config", "an EVM rail needs a network name and a chain id")
	}
	r := &Rail{
		conf:   conf,
		client: node.New(caller{n}, node.Options{Timeout: conf.Timeout, Patience: conf.Patience, Parallel: conf.Parallel, Secrets: secrets}),
		signer: types.LatestSignerForChainID(new(big.Int).SetUint64(conf.ChainID)),
		tokens: map[string]token{},
		chosen: cache.New[string, way](memoryMax, 0),
	}
	for asset, t := range conf.Tokens {
		if asset == conf.FeeAsset {
			return nil, fault.New(fault.Invalid, "rail_config", "%s is the native coin of %s and cannot be a token there", asset, conf.Network)
		}
		contract, err := decodeAddress(t.Contract)
		if err != nil {
			return nil, fault.New(fault.Invalid, "rail_config", "token %s on %s: contract: %s", asset, conf.Network, err.Error())
		}
		if t.Scale < 0 || t.Scale > money.MaxScale {
			return nil, fault.New(fault.Invalid, "rail_config", "token %s on %s: scale %d: want 0 to %d", asset, conf.Network, t.Scale, money.MaxScale)
		}
		r.tokens[asset] = token{contract: contract, scale: t.Scale}
	}
	return r, r.takeVaults(conf.Vaults)
}

// Open dials a JSON-RPC URL and checks that the node is on the right chain and the
// tokens are what the configuration says. A node that does not answer is no error:
// the check is made up for before the rail is used. Close ends the connection.
func Open(ctx context.Context, conf Config, url string) (*Rail, error) {
	conf.fill()
	secrets := redact.Of(url)
	// A transport of our own, so that Close leaves no connection open.
	wires := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: conf.Parallel, IdleConnTimeout: 90 * time.Second}
	client, err := rpc.DialOptions(ctx, url, rpc.WithHTTPClient(&http.Client{Transport: transport{wires}}))
	if err != nil {
		return nil, fault.Wrap(secrets.Error(err), fault.Invalid, "rail_config", "the node of %s cannot be dialled: check its URL", conf.Network)
	}
	r, err := open(conf, client, secrets)
	if err != nil {
		client.Close()
		return nil, err
	}
	r.closing = func() { client.Close(); wires.CloseIdleConnections() }
	var wrong *fault.Error
	if errors.As(r.ready(ctx), &wrong) {
		r.Close()
		return nil, wrong
	}
	return r, nil
}

// Close ends the connection that Open made.
func (r *Rail) Close() {
	if r.closing != nil {
		r.closing()
	}
}

// Network implements rail.Rail.
func (r *Rail) Network() string { return r.conf.Network }

// FeeAsset implements rail.Rail.
func (r *Rail) FeeAsset() string { return r.conf.FeeAsset }

// Assets implements rail.Rail, in alphabetical order.
func (r *Rail) Assets() []string {
	return slices.Sorted(maps.Keys(r.scales()))
}

// PollEvery implements rail.Rail.
func (r *Rail) PollEvery() time.Duration { return r.conf.Poll }

func (r *Rail) scales() map[string]int {
	out := map[string]int{r.conf.FeeAsset: nativeScale}
	for asset, t := range r.tokens {
		out[asset] = t.scale
	}
	return out
}

// Balance implements rail.Rail, at the latest block: the wallet's own and its vault's.
func (r *Rail) Balance(ctx context.Context, wallet string) (map[string]money.Amount, error) {
	ctx = rail.InRound(ctx)
	who, err := r.wallet(ctx, wallet)
	if err != nil {
		return nil, err
	}
	head, err := r.head(ctx)
	if err != nil {
		return nil, err
	}
	return r.allHoldings(ctx, who, head.at())
}

// begin is how everything begins that asks about a wallet: the node is on its chain and in
// sync, and this is its latest block. All is asked side by side, and with it what is needed
// later: whoever needs that asks the round's memory, and meets what went wrong.
func (r *Rail) begin(ctx context.Context, wallet string, later ...func()) (who common.Address, head *block, err error) {
	who, err = decodeWallet(wallet)
	if err != nil {
		return who, nil, err
	}
	asks := []func() error{
		func() error { return r.ready(ctx) },
		func() error { return r.synced(ctx) },
		func() (err error) { head, err = r.head(ctx); return err },
	}
	for _, fn := range later {
		asks = append(asks, func() error { fn(); return nil })
	}
	return who, head, together(asks...)
}

// together runs what does not depend on each other side by side, and returns the first
// error in the order of the arguments.
func together(asks ...func() error) error {
	errs := make([]error, len(asks))
	if err := rail.Side(len(asks), askers, func(n int) error { errs[n] = asks[n](); return nil }); err != nil {
		return err // a panic
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// allHoldings is what a wallet and its vault have at a block, by asset.
func (r *Rail) allHoldings(ctx context.Context, who common.Address, at *big.Int) (map[string]money.Amount, error) {
	assets := r.Assets()
	have := make([]money.Amount, len(assets))
	err := rail.Side(len(assets), askers, func(n int) (err error) {
		have[n], err = r.holdings(ctx, assets[n], who, at)
		return err
	})
	out := map[string]money.Amount{}
	for n, asset := range assets {
		out[asset] = have[n]
	}
	return out, err
}

// holdings is what a wallet and its vault have of an asset together.
func (r *Rail) holdings(ctx context.Context, asset string, who common.Address, at *big.Int) (money.Amount, error) {
	own, err := r.balance(ctx, asset, who, at)
	vault, ok := r.vaults[who]
	if err != nil || !ok {
		return own, err
	}
	held, err := r.balance(ctx, asset, vault, at)
	if err != nil {
		return own, err
	}
	return own.Add(held)
}

// NextNonce implements rail.Rail. Transactions of somebody else that wait in the
// pool make it wait: their nonces would collide with ours, or leave a gap when they
// are dropped.
func (r *Rail) NextNonce(ctx context.Context, wallet string) (uint64, error) {
	who, err := r.wallet(ctx, wallet)
	if err != nil {
		return 0, err
	}
	if err := r.synced(ctx); err != nil {
		return 0, err
	}
	var nonce, pending uint64
	if err := together(
		func() (err error) { nonce, err = r.nonce(ctx, who, "latest"); return err },
		func() (err error) { pending, err = r.nonce(ctx, who, "pending"); return err },
	); err != nil {
		return 0, err
	}
	if pending > nonce {
		return 0, node.NotYet("%d transactions of the wallet %s wait in the pool that Sluice did not send: wait until blocks hold them, and let nobody else use the wallet",
			pending-nonce, wallet)
	}
	return nonce, nil
}

// wallet decodes a paying address and checks the node.
func (r *Rail) wallet(ctx context.Context, wallet string) (common.Address, error) {
	who, err := decodeWallet(wallet)
	if err != nil {
		return who, err
	}
	return who, r.ready(ctx)
}

func decodeWallet(wallet string) (common.Address, error) {
	who, bad := decodeAddress(wallet)
	if bad != nil {
		return common.Address{}, fault.New(fault.Invalid, "wallet_address", "wallet %q: %s", wallet, bad.Error())
	}
	return who, nil
}

// synced refuses to conclude anything from a node that is still catching up.
func (r *Rail) synced(ctx context.Context) error {
	_, err := rail.Once(ctx, r.key("synced"), func() (bool, error) {
		var raw json.RawMessage
		if err := r.must(ctx, &raw, "ask whether the node is in sync", "eth_syncing"); err != nil {
			return false, err
		}
		if string(raw) == "false" {
			return true, nil
		}
		var p struct{ CurrentBlock, HighestBlock *quantity }
		if err := json.Unmarshal(raw, &p); err != nil {
			return false, node.Incomplete("eth_syncing", node.Printable(err.Error()))
		}
		now, highest := p.CurrentBlock.num(), p.HighestBlock.num()
		if now == nil || highest == nil || highest.Sign() == 0 || now.Cmp(highest) < 0 {
			return false, node.Behind("the network's node is still catching up (block %s of %s)", now, highest)
		}
		return true, nil
	})
	return err
}

// balance reads one asset of an account at a block.
func (r *Rail) balance(ctx context.Context, asset string, who common.Address, at *big.Int) (money.Amount, error) {
	t, isToken := r.tokens[asset]
	var (
		v   *big.Int
		err error
	)
	switch {
	case isToken:
		v, err = r.readUint(ctx, t.contract, balanceOf(who), at)
	case asset == r.conf.FeeAsset:
		v, err = r.coins(ctx, who, at)
	default:
		return money.Amount{}, r.unknownAsset(asset)
	}
	if err != nil {
		return money.Amount{}, unavailable(err, "read the "+asset+" balance of "+who.Hex())
	}
	a, err := Amount(v)
	if err != nil {
		return money.Amount{}, unavailable(err, "read the "+asset+" balance of "+who.Hex())
	}
	return a, nil
}

func (r *Rail) unknownAsset(asset string) *fault.Error {
	return fault.New(fault.Invalid, "asset_not_on_network", "%q cannot be paid on %s; it pays %v", asset, r.conf.Network, r.Assets())
}

// ready checks, once in every round, that the node is on the configured chain: behind a
// URL may stand another one since. Once it checks that each token has code and the
// configured scale: a token with other decimals would be paid a million-fold. Whatever
// is wrong makes everything wait; the cause is a fault of kind Invalid.
func (r *Rail) ready(ctx context.Context) error {
	_, err := rail.Once(ctx, r.key("chain"), func() (bool, error) { return true, r.onChain(ctx) })
	if err != nil {
		return err
	}
	r.verify.Lock()
	defer r.verify.Unlock()
	if r.verified {
		return nil
	}
	err = r.checkTokens(ctx)
	if err == nil {
		err = r.checkVaults(ctx)
	}
	r.verified = err == nil
	return misconfigured(err)
}

// misconfigured makes a mistake of the configuration a reason to wait.
func misconfigured(err error) error {
	var wrong *fault.Error
	if err == nil || errors.Is(err, rail.ErrUnavailable) || !errors.As(err, &wrong) {
		return err
	}
	return &rail.Wait{Code: wrong.Code, Text: "the network is not configured as it is; an operator must look. The withdrawal waits, its money stays held", Cause: wrong}
}

// onChain asks the node for its chain.
func (r *Rail) onChain(ctx context.Context) error {
	id, err := r.chainID(ctx)
	if err != nil {
		return err
	}
	if id.IsUint64() && id.Uint64() == r.conf.ChainID {
		return nil
	}
	r.verify.Lock()
	r.verified = false // what stood at its addresses may be another contract when it is back
	r.verify.Unlock()
	return &rail.Wait{
		Code: rail.CodeWrongChain, Text: "the network's node is on another chain; the withdrawal waits, its money stays held",
		Cause: fault.New(fault.Invalid, "rail_config", "the node of %s is on chain %s, but chain %d is configured", r.conf.Network, id, r.conf.ChainID),
	}
}

func (r *Rail) checkTokens(ctx context.Context) error {
	for asset, t := range r.tokens {
		code, err := r.codeAt(ctx, t.contract, nil)
		if err != nil {
			return unavailable(err, "read the contract of "+asset)
		}
		if len(code) == 0 {
			return fault.New(fault.Invalid, "rail_config", "token %s on %s: there is no contract at %s", asset, r.conf.Network, t.contract)
		}
		scale, err := r.readUint(ctx, t.contract, decimals(), nil)
		if err != nil {
			return unavailable(err, "read the decimals of "+asset)
		}
		if scale.Cmp(big.NewInt(int64(t.scale))) != 0 {
			return fault.New(fault.Invalid, "rail_config", "token %s on %s: its contract %s has %s decimals, but %d are configured",
				asset, r.conf.Network, t.contract, scale, t.scale)
		}
		if err := r.checkToken(ctx, asset, t.contract, code); err != nil {
			return err
		}
	}
	return nil
}
