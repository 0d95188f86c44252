// Package evm pays out on Ethereum and the chains that follow its rules: the native
// coin and ERC-20 tokens, one by one from a wallet or many at once from the wallet's
// vault contract. A slot is a nonce of a wallet.
// It speaks JSON-RPC to any node and believes it only what cannot do harm if it is
// wrong: an error is never an answer, and only a final block decides a payout.
package evm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail"
)

// Family is the family name in signing intents.
const Family = "evm"

// nativeScale is the number of decimals of every native coin.
const nativeScale = 18

// Node is what the rail asks of a chain; *ethclient.Client is one.
type Node interface {
	ethereum.ChainIDReader
	BlockByNumber(ctx context.Context, number *big.Int) (*types.Block, error)
	HeaderByNumber(ctx context.Context, number *big.Int) (*types.Header, error)
	BalanceAt(ctx context.Context, account common.Address, block *big.Int) (*big.Int, error)
	CodeAt(ctx context.Context, account common.Address, block *big.Int) ([]byte, error)
	NonceAt(ctx context.Context, account common.Address, block *big.Int) (uint64, error)
	PendingNonceAt(ctx context.Context, account common.Address) (uint64, error)
	CallContract(ctx context.Context, msg ethereum.CallMsg, block *big.Int) ([]byte, error)
	EstimateGasAtBlock(ctx context.Context, msg ethereum.CallMsg, block *big.Int) (uint64, error)
	FeeHistory(ctx context.Context, blocks uint64, last *big.Int, percentiles []float64) (*ethereum.FeeHistory, error)
	SendTransaction(ctx context.Context, tx *types.Transaction) error
	TransactionByHash(ctx context.Context, hash common.Hash) (tx *types.Transaction, isPending bool, err error)
	TransactionReceipt(ctx context.Context, hash common.Hash) (*types.Receipt, error)
	SyncProgress(ctx context.Context) (*ethereum.SyncProgress, error)
}

var _ Node = (*ethclient.Client)(nil)

// token is a checked Token.
type token struct {
	contract common.Address
	scale    int
}

// Rail implements rail.Rail. It is safe for concurrent use.
type Rail struct {
	conf   Config
	node   Node
	signer types.Signer // recovers senders; it holds no key
	tokens map[string]token
	vaults map[common.Address]common.Address // by wallet
	chosen memory                            // how single payouts are paid

	closing  func() // nil for a node that the caller made
	verified atomic.Bool
	verify   sync.Mutex
}

var (
	_ rail.Rail      = (*Rail)(nil)
	_ rail.Grouper   = (*Rail)(nil)
	_ rail.Canceller = (*Rail)(nil)
)

// New makes a rail over a node, without asking the node anything: the first method
// that needs it checks chain id and tokens.
func New(conf Config, node Node) (*Rail, error) {
	conf.fill()
	if conf.Network == "" || conf.ChainID == 0 {
		return nil, fault.New(fault.Invalid, "rail_config", "an EVM rail needs a network name and a chain id")
	}
	r := &Rail{
		conf: conf, node: node,
		signer: types.LatestSignerForChainID(new(big.Int).SetUint64(conf.ChainID)),
		tokens: map[string]token{},
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
	// A transport of our own, so that Close leaves no connection open.
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second}
	client, err := rpc.DialOptions(ctx, url, rpc.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "rail_config", "the node of %s cannot be dialled: check its URL", conf.Network)
	}
	r, err := New(conf, ethclient.NewClient(client))
	if err != nil {
		client.Close()
		return nil, err
	}
	r.closing = func() { client.Close(); transport.CloseIdleConnections() }
	ctx, cancel := context.WithTimeout(ctx, r.conf.Timeout)
	defer cancel()
	if err := r.ready(ctx); err != nil && !errors.Is(err, rail.ErrUnavailable) {
		r.Close()
		return nil, err
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
	ctx, cancel := context.WithTimeout(ctx, r.conf.Timeout)
	defer cancel()
	who, err := r.wallet(ctx, wallet)
	if err != nil {
		return nil, err
	}
	head, err := r.head(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]money.Amount{}
	for asset := range r.scales() {
		if out[asset], err = r.holdings(ctx, asset, who, head.Number); err != nil {
			return nil, err
		}
	}
	return out, nil
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
	ctx, cancel := context.WithTimeout(ctx, r.conf.Timeout)
	defer cancel()
	who, err := r.wallet(ctx, wallet)
	if err != nil {
		return 0, err
	}
	if err := r.synced(ctx); err != nil {
		return 0, err
	}
	nonce, err := r.node.NonceAt(ctx, who, nil)
	if err != nil {
		return 0, unavailable(err, "read the nonce of "+wallet)
	}
	pending, err := r.node.PendingNonceAt(ctx, who)
	if err != nil {
		return 0, unavailable(err, "read the pending nonce of "+wallet)
	}
	if pending > nonce {
		return 0, later(fmt.Sprintf("%d transactions of the wallet %s wait in the pool that Sluice did not send: wait until blocks hold them, and let nobody else use the wallet",
			pending-nonce, wallet))
	}
	return nonce, nil
}

// wallet decodes a paying address, after the node has been checked.
func (r *Rail) wallet(ctx context.Context, wallet string) (common.Address, error) {
	who, err := decodeAddress(wallet)
	if err != nil {
		return common.Address{}, fault.New(fault.Invalid, "wallet_address", "wallet %q: %s", wallet, err.Error())
	}
	return who, r.ready(ctx)
}

func (r *Rail) head(ctx context.Context) (*types.Header, error) {
	h, err := r.node.HeaderByNumber(ctx, nil)
	if err != nil {
		return nil, unavailable(err, "read the latest block")
	}
	return h, nil
}

// synced refuses to conclude anything from a node that is still catching up.
func (r *Rail) synced(ctx context.Context) error {
	p, err := r.node.SyncProgress(ctx)
	if err != nil {
		return unavailable(err, "ask whether the node is in sync")
	}
	if p != nil && (p.HighestBlock == 0 || p.CurrentBlock < p.HighestBlock) {
		return later(fmt.Sprintf("the node is still catching up (block %d of %d)", p.CurrentBlock, p.HighestBlock))
	}
	return nil
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
		v, err = readUint(ctx, r.node, t.contract, balanceOf(who), at)
	case asset == r.conf.FeeAsset:
		v, err = r.node.BalanceAt(ctx, who, at)
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

// ready checks once that the node is on the configured chain and that each token has
// code and the configured scale: a token with other decimals would be paid a
// million-fold.
func (r *Rail) ready(ctx context.Context) error {
	if r.verified.Load() {
		return nil
	}
	r.verify.Lock()
	defer r.verify.Unlock()
	if r.verified.Load() {
		return nil
	}
	id, err := r.node.ChainID(ctx)
	if err != nil {
		return unavailable(err, "ask for the chain id")
	}
	if !id.IsUint64() || id.Uint64() != r.conf.ChainID {
		return fault.New(fault.Invalid, "rail_config", "the node of %s is on chain %s, but chain %d is configured", r.conf.Network, id, r.conf.ChainID)
	}
	for asset, t := range r.tokens {
		code, err := r.node.CodeAt(ctx, t.contract, nil)
		if err != nil {
			return unavailable(err, "read the contract of "+asset)
		}
		if len(code) == 0 {
			return fault.New(fault.Invalid, "rail_config", "token %s on %s: there is no contract at %s", asset, r.conf.Network, t.contract)
		}
		scale, err := readUint(ctx, r.node, t.contract, decimals(), nil)
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
	if err := r.checkVaults(ctx); err != nil {
		return err
	}
	r.verified.Store(true)
	return nil
}
