package bench

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"

	"sluice/contracts/artifacts"
	"sluice/internal/fault"
	"sluice/internal/rail"
	"sluice/internal/rail/evm"
	"sluice/internal/signer"
	"sluice/internal/signer/build"
	"sluice/internal/signer/guard"
	"sluice/internal/signer/keystore"
)

// GasTargets are the most gas that a payout of a batch of 200 may cost, to holders of
// the token and to others, and what the chain itself takes for a plain token.
const (
	GasTargetExisting = 10_300
	GasTargetNew      = 27_500
	GasFloor          = 7_500
)

// osakaProbe is what creating the contract 0x6001600055 is estimated at under the rules
// of the Osaka fork. Other rules have other prices, and their figures mean nothing here.
const osakaProbe = 76_057

// Faucet has coins on a chain of one's own, and gives them away.
type Faucet interface {
	// Send has a transaction put into a block; to is nil for the creation of a contract.
	Send(ctx context.Context, to *common.Address, value *big.Int, data []byte) (*types.Receipt, error)
}

// GasRow is what one payout costs when so many are paid in one transaction.
type GasRow struct {
	Payouts  int    `json:"payouts"`
	New      uint64 `json:"gas_new"`      // to accounts that never held the token
	Existing uint64 `json:"gas_existing"` // to holders
}

// RailReport is the outcome of RailEVM.
type RailReport struct {
	Benchmark string   `json:"benchmark"` // "rail_evm"
	Token     string   `json:"token"`
	Rows      []GasRow `json:"rows"` // the first is one transaction per payout
	// Paid is how fast the whole product pays, on the same chain.
	Paid           PaidReport `json:"paid"`
	FloorExisting  int        `json:"floor_existing"`
	TargetExisting int        `json:"target_existing"`
	TargetNew      int        `json:"target_new"`
	OK             bool       `json:"ok"` // both targets are met
}

// WriteText writes the report for people.
func (r RailReport) WriteText(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "gas per payout, %s, rules of the Osaka fork\n%8s %10s %10s\n", r.Token, "payouts", "new", "existing"); err != nil {
		return err
	}
	for _, row := range r.Rows {
		if _, err := fmt.Fprintf(w, "%8d %10d %10d\n", row.Payouts, row.New, row.Existing); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "targets at 200: %d existing (floor %d), %d new: met %v\n"+
		"%d payouts from queued to final in %d transactions: %.0f/s; floor %.0f/s (lists of 200, one after the other, without a store): %.2f of it\n",
		r.TargetExisting, r.FloorExisting, r.TargetNew, r.OK, r.Paid.Payouts, r.Paid.Transactions, r.Paid.PerSecond, r.Paid.FloorPerSecond, r.Paid.ShareOfFloor)
	return err
}

// RailEVM measures what payouts cost on a chain of one's own, with the transactions that
// the product itself makes. mine makes a block; nil where blocks are made for each
// transaction.
func RailEVM(ctx context.Context, client *ethclient.Client, faucet Faucet, mine func() error) (_ RailReport, err error) {
	b, closing, err := newEVMBench(ctx, client, faucet, mine)
	if err != nil {
		return RailReport{}, err
	}
	defer func() { err = errors.Join(err, closing()) }()
	out := RailReport{
		Benchmark: "rail_evm", Token: "token in the manner of the most used stablecoin",
		FloorExisting: GasFloor, TargetExisting: GasTargetExisting, TargetNew: GasTargetNew,
	}
	for _, n := range []int{1, 50, 100, 200} {
		to := make([][]byte, n)
		for i := range to {
			to[i] = make([]byte, common.AddressLength)
			_, _ = rand.Read(to[i]) // never fails (crypto/rand)
		}
		row := GasRow{Payouts: n}
		if row.New, err = b.pay(ctx, to); err != nil {
			return out, err
		}
		if row.Existing, err = b.pay(ctx, to); err != nil {
			return out, err
		}
		out.Rows = append(out.Rows, row)
		out.OK = row.Existing <= GasTargetExisting && row.New <= GasTargetNew
	}
	floor, err := b.floor(ctx)
	if err != nil {
		return out, err
	}
	if out.Paid, err = b.paid(ctx, "paid", b.rail, PaidPayouts, blockEvery); err != nil {
		return out, err
	}
	out.Paid.FloorPerSecond, out.Paid.ShareOfFloor = round(floor, 1), ratio(out.Paid.PerSecond, floor)
	return out, nil
}

// newEVMBench makes a wallet with a vault and a token on a chain of the Osaka rules.
func newEVMBench(ctx context.Context, client *ethclient.Client, faucet Faucet, mine func() error) (b *evmBench, closing func() error, err error) {
	gas, err := client.EstimateGas(ctx, ethereum.CallMsg{Data: common.FromHex("0x6001600055")})
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Unavailable, "no_node", "the node does not estimate gas")
	}
	if gas != osakaProbe {
		return nil, nil, fault.New(fault.Invalid, "other_rules", "the chain does not run the rules of the Osaka fork (a probe costs %d gas, want %d): figures from it mean nothing", gas, osakaProbe)
	}
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return nil, nil, err
	}
	b = &evmBench{client: client, faucet: faucet, mine: mine, dir: dir}
	closing = func() (err error) {
		if b.signer != nil {
			err = b.signer.Close()
		}
		return errors.Join(err, os.RemoveAll(dir))
	}
	if err := b.open(ctx); err != nil {
		return nil, nil, errors.Join(err, closing())
	}
	return b, closing, nil
}

// floor pays as much as the product is to pay, without a store: payouts per second.
func (b *evmBench) floor(ctx context.Context) (float64, error) {
	const size = 200
	start := time.Now()
	for range PaidPayouts / size {
		to := make([][]byte, size)
		for i := range to {
			to[i] = make([]byte, common.AddressLength)
			_, _ = rand.Read(to[i]) // never fails (crypto/rand)
		}
		if _, err := b.pay(ctx, to); err != nil {
			return 0, err
		}
	}
	return PaidPayouts / time.Since(start).Seconds(), nil
}

// evmBench is a wallet with a vault and a token, on a chain of one's own.
type evmBench struct {
	client *ethclient.Client
	faucet Faucet
	mine   func() error
	dir    string
	conf   evm.Config
	rail   *evm.Rail
	signer *guard.Guard
	wallet string
	lists  int
}

// benchNetwork is what the network is called here.
const benchNetwork = "bench"

func (b *evmBench) open(ctx context.Context) error {
	chain, err := b.client.ChainID(ctx)
	if err != nil {
		return err
	}
	if b.wallet, err = keystore.Create(filepath.Join(b.dir, "keys"), "bench", keystore.Light); err != nil {
		return err
	}
	keys, err := keystore.Open(filepath.Join(b.dir, "keys"), "bench")
	if err != nil {
		return err
	}
	if b.signer, err = guard.Open(ctx, guard.Options{Keys: keys, Build: build.Builder{}, Dir: filepath.Join(b.dir, "log"), Policy: guard.Policy{Networks: []guard.Network{{
		Network: signer.Network{Name: benchNetwork, Family: build.EVM, ChainID: chain.Uint64()}, Open: true,
	}}}}); err != nil {
		return err
	}
	who := common.HexToAddress(b.wallet)
	vault, _, err := b.deploy(ctx, artifacts.Vault, who)
	if err != nil {
		return err
	}
	token, methods, err := b.deploy(ctx, artifacts.Dollar, "Dollar", "USD")
	if err != nil {
		return err
	}
	ether := new(big.Int).Mul(big.NewInt(100), big.NewInt(1e18))
	if _, err := b.faucet.Send(ctx, &who, ether, nil); err != nil {
		return err
	}
	for _, holder := range []common.Address{who, vault} {
		data, err := methods.Pack("mint", holder, big.NewInt(1e15))
		if err != nil {
			return err
		}
		if _, err := b.faucet.Send(ctx, &token, new(big.Int), data); err != nil {
			return err
		}
	}
	b.conf = evm.Config{
		Network: benchNetwork, ChainID: chain.Uint64(), Finality: evm.Finality{Depth: 1},
		Tokens: map[string]evm.Token{"USD": {Contract: token.Hex(), Scale: 6}}, Vaults: map[string]string{b.wallet: vault.Hex()},
		Poll: 50 * time.Millisecond,
	}
	b.rail, err = evm.New(b.conf, b.client.Client())
	return err
}

// deploy creates a contract from its artifact.
func (b *evmBench) deploy(ctx context.Context, text []byte, args ...any) (common.Address, abi.ABI, error) {
	var artifact struct {
		ABI      abi.ABI
		Bytecode string
	}
	if err := json.Unmarshal(text, &artifact); err != nil {
		return common.Address{}, abi.ABI{}, err
	}
	packed, err := artifact.ABI.Pack("", args...)
	if err != nil {
		return common.Address{}, abi.ABI{}, err
	}
	receipt, err := b.faucet.Send(ctx, nil, new(big.Int), append(common.FromHex(artifact.Bytecode), packed...))
	if err != nil {
		return common.Address{}, abi.ABI{}, err
	}
	return receipt.ContractAddress, artifact.ABI, nil
}

// benchWait bounds the wait for one block.
const benchWait = time.Minute

// pay pays a list and gives the gas of one payout.
func (b *evmBench) pay(ctx context.Context, to [][]byte) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, benchWait)
	defer cancel()
	b.lists++
	var list []rail.Payout
	for i, address := range to {
		list = append(list, rail.Payout{Ref: fmt.Sprintf("wd_%d_%d", b.lists, i), Asset: "USD", To: address, Amount: each})
	}
	nonce, err := b.rail.NextNonce(ctx, b.wallet)
	if err != nil {
		return 0, err
	}
	slot := rail.Slot{Wallet: b.wallet, Nonce: nonce}
	in, err := b.rail.Prepare(ctx, slot, list, nil)
	if err != nil {
		return 0, err
	}
	in.Fence, in.Bound = 1, fmt.Sprintf("bench_%d", b.lists)
	signed, err := b.signer.Sign(ctx, in)
	if err != nil {
		return 0, err
	}
	attempt := rail.Attempt{TxID: signed.TxID, Raw: signed.Raw}
	if err := b.rail.Submit(ctx, attempt); err != nil {
		return 0, err
	}
	if b.mine != nil {
		if err := b.mine(); err != nil {
			return 0, err
		}
	}
	for {
		seen, err := b.rail.Observe(ctx, slot, list, []rail.Attempt{attempt})
		if err == nil && seen.Stage == rail.StageFinal {
			for n, paid := range seen.Paid {
				if !paid {
					return 0, fmt.Errorf("payout %d of %d was not paid: %s", n, len(list), seen.Reasons[n])
				}
			}
			break
		}
		if ctx.Err() != nil {
			return 0, errors.Join(ctx.Err(), err)
		}
	}
	receipt, err := b.client.TransactionReceipt(ctx, common.HexToHash(signed.TxID))
	if err != nil {
		return 0, err
	}
	return receipt.GasUsed / uint64(len(list)), nil
}

// devFaucet is the first account of a developer's node, which signs for whoever asks.
type devFaucet struct {
	client *ethclient.Client
	from   common.Address
}

// DevFaucet asks a node for an account that it signs for itself: geth --dev and anvil
// have one. No other node is touched: their coins are worth nothing.
func DevFaucet(ctx context.Context, client *ethclient.Client) (Faucet, error) {
	chain, err := client.ChainID(ctx)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "no_node", "the node does not answer")
	}
	if n := chain.Uint64(); n != 1337 && n != 31337 {
		return nil, fault.New(fault.Refused, "no_dev_chain", "the node is on chain %s, which is no developer's chain (1337 or 31337): nothing is measured there", chain)
	}
	var accounts []common.Address
	if err := client.Client().CallContext(ctx, &accounts, "eth_accounts"); err != nil || len(accounts) == 0 {
		return nil, fault.New(fault.Refused, "no_dev_account", "the node signs for no account: start geth --dev or anvil")
	}
	return devFaucet{client, accounts[0]}, nil
}

// Send implements Faucet.
func (f devFaucet) Send(ctx context.Context, to *common.Address, value *big.Int, data []byte) (*types.Receipt, error) {
	call := map[string]any{"from": f.from, "value": "0x" + value.Text(16), "data": "0x" + common.Bytes2Hex(data)}
	if to != nil {
		call["to"] = to
	}
	var hash common.Hash
	if err := f.client.Client().CallContext(ctx, &hash, "eth_sendTransaction", call); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, benchWait)
	defer cancel()
	for {
		receipt, err := f.client.TransactionReceipt(ctx, hash)
		if err == nil && receipt.Status != types.ReceiptStatusSuccessful {
			return nil, fmt.Errorf("the transaction %s was reverted", hash)
		}
		if err == nil || ctx.Err() != nil {
			return receipt, err
		}
	}
}
