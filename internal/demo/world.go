package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"sluice/internal/app"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/demo/devnet"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/money"
	dispatch "sluice/internal/payout"
	"sluice/internal/rail/evm"
	"sluice/internal/signer/keystore"
)

const (
	networkName = "ethereum"
	blockEvery  = 400 * time.Millisecond
	finalAfter  = "3" // blocks, the one with the payout included
	pollEvery   = 100 * time.Millisecond
	walletUSDT  = 1_000_000_000000
	vaultUSDT   = 10_000_000000
	// passphrase guards keys that are worth something on the demo's own chain only.
	passphrase = "demo"
	// keySeed makes the API key the same in every run, so that what is pasted from the
	// README works. Nobody but this machine reaches the demo, and its money is play money.
	keySeed = "the key of the demo opens nothing but the demo: "
)

var (
	usdt = money.Asset{Code: "USDT", Scale: 6, Networks: []string{networkName}}
	eth  = money.Asset{Code: "ETH", Scale: 18, Networks: []string{networkName}}
)

// world is everything that runs: a chain with a token and a funded wallet, and a
// whole installation of Sluice on it.
type world struct {
	dir    string
	own    bool // dir was made by us and is removed at the end
	chain  *devnet.Chain
	token  string // contract of USDT
	wallet string // the address that pays
	vault  string // its contract that pays many at once
	key    string // of the API
	opKey  string // of the API, for an operator

	merchant id.ID
	log      *os.File
	conf     config.Config
	app      *app.App

	bank *clerk

	btcd       string    // the program of a Bitcoin node, "" for none
	coins      *coinNode // nil: there is none
	coinWallet string
	// coinTrouble says why the node that was found did not work.
	coinTrouble string

	fundedUSDT, fundedETH money.Amount // wallet and vault together

	run   context.Context //nolint:containedctx // ends the parts
	stop  context.CancelFunc
	ended chan error // one per part that runs
	parts int
}

// newWorld builds and starts everything. What the server has to say goes to a file
// in the folder.
func newWorld(ctx context.Context, opt Options) (_ *world, err error) {
	w := &world{ended: make(chan error, 3)}
	if w.btcd, err = findBtcd(opt.Btcd); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if err := w.folder(opt.Dir); err != nil {
		return nil, err
	}
	if err := w.openChain(ctx); err != nil {
		return nil, err
	}
	w.configure(opt.Listen)
	if err := w.configureBank(&w.conf); err != nil {
		return nil, err
	}
	configureExchange(&w.conf)
	if err := w.openCoins(ctx); err != nil {
		if opt.Btcd != "" || ctx.Err() != nil {
			return nil, err
		}
		// One that was merely found may be of another version, and is not what was asked for.
		w.coins, w.coinWallet, w.coinTrouble = nil, "", err.Error()
	}
	if w.log, err = os.OpenFile(filepath.Join(w.dir, "server.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(w.log, nil))
	if err := w.populate(ctx, log); err != nil {
		return nil, err
	}
	if w.app, err = app.New(ctx, w.conf, app.Options{Log: log}); err != nil {
		return nil, err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	w.run, w.stop = run, stop
	w.start(func() error { return w.chain.Run(run, blockEvery) })
	w.start(func() error { return w.app.Run(run) })
	select {
	case <-w.app.Ready():
		return w, w.writeConfig()
	case err := <-w.ended:
		w.parts--
		return nil, errors.Join(errors.New("the server did not start"), err)
	}
}

func (w *world) start(fn func() error) {
	w.parts++
	go func() { w.ended <- fn() }()
}

// folder makes the folder of the run. One that is in use already is refused: it may
// hold withdrawals on a chain that ended with its process.
func (w *world) folder(dir string) (err error) {
	if dir == "" {
		w.dir, err = os.MkdirTemp("", "sluice-demo-")
		w.own = err == nil
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty: the chain of an earlier demo ended with it, so its database cannot go on; name a folder that is empty or does not exist", dir)
	}
	w.dir, err = filepath.Abs(dir)
	return err
}

// openChain starts the chain, and puts a token and a funded wallet on it.
func (w *world) openChain(ctx context.Context) (err error) {
	w.chain, err = devnet.New(devnet.Options{Listen: "127.0.0.1:0"}) //nolint:contextcheck // it asks itself one question, which ends by itself
	if err != nil {
		return err
	}
	if w.token, err = w.chain.DeployToken(ctx, devnet.Tether, "Demo Dollar", usdt.Code); err != nil {
		return err
	}
	if w.wallet, err = keystore.Create(filepath.Join(w.dir, "keys"), passphrase, keystore.Light); err != nil {
		return err
	}
	if w.vault, err = w.chain.DeployVault(ctx, w.wallet); err != nil {
		return err
	}
	inWallet, inVault := money.Of(walletUSDT), money.Of(vaultUSDT)
	if w.fundedUSDT, err = inWallet.Add(inVault); err != nil {
		return err
	}
	if w.fundedETH, err = eth.Parse("100"); err != nil {
		return err
	}
	if err := w.chain.Mint(ctx, w.token, w.wallet, inWallet); err != nil {
		return err
	}
	if err := w.chain.Mint(ctx, w.token, w.vault, inVault); err != nil {
		return err
	}
	return w.chain.Fund(ctx, w.wallet, w.fundedETH)
}

// configure describes the installation as a file would.
func (w *world) configure(listen string) {
	c := config.Default(config.Dev)
	c.Listen, c.AdminListen = listen, ""
	c.DatabaseURL = config.NewSecret("sqlite:" + filepath.Join(w.dir, "sluice.db"))
	c.Keystore = config.Keystore{Dir: filepath.Join(w.dir, "keys"), Passphrase: config.NewSecret(passphrase)}
	for _, a := range []money.Asset{usdt, eth} {
		c.Assets = append(c.Assets, config.Asset{Code: a.Code, Scale: a.Scale, Networks: a.Networks})
	}
	c.Networks = []config.Network{{
		Name: networkName, URL: config.NewSecret(w.chain.URL()), ChainID: devnet.ChainID, Finality: finalAfter,
		Poll: config.Duration(pollEvery), Tokens: map[string]string{usdt.Code: w.token}, Vaults: map[string]string{w.wallet: w.vault},
	}}
	c.Treasury.Every = config.Duration(blockEvery)
	w.conf = c
}

// populate makes the database with a wallet, a merchant, and an API key: what an
// operator does with the command line.
func (w *world) populate(ctx context.Context, log *slog.Logger) (err error) {
	if w.key, err = merchant.NewSecret(merchant.Test, strings.NewReader(strings.Repeat(keySeed, 10))); err != nil {
		return err
	}
	if w.opKey, err = merchant.NewSecret(merchant.Test, rand.Reader); err != nil {
		return err
	}
	db, err := app.OpenStore(ctx, w.conf, log)
	if err != nil {
		return err
	}
	err = app.Write(ctx, db, func(loop *commit.Loop) error {
		_, err := commit.Do(ctx, loop, app.Operator, dispatch.CreateWallet{Network: networkName, Address: w.wallet, Label: "hot wallet of the demo"})
		if err == nil && w.coinWallet != "" {
			_, err = commit.Do(ctx, loop, app.Operator, dispatch.CreateWallet{Network: coinNetwork, Address: w.coinWallet, Label: "coins of the demo"})
		}
		if err != nil {
			return err
		}
		const shard id.Shard = 0 // SQLite has one
		m, err := commit.Do(ctx, loop, shard, merchant.Create{Name: "Demo Shop", Mode: merchant.Test})
		if err != nil {
			return err
		}
		w.merchant = id.ID{Shard: shard, Seq: m.Seq}
		_, err = commit.Do(ctx, loop, app.Operator, merchant.CreateKey{
			Owner: w.merchant, Mode: merchant.Test, Name: "demo", Secret: w.key, Scopes: merchant.MerchantScopes,
		})
		if err != nil {
			return err
		}
		_, err = commit.Do(ctx, loop, app.Operator, merchant.CreateKey{
			Mode: merchant.Test, Name: "operator of the demo", Secret: w.opKey, Scopes: []merchant.Scope{merchant.Operate},
		})
		return err
	})
	return errors.Join(err, db.Close())
}

// customerAddress is an address on the chain that nobody has used.
func customerAddress(name string) (string, error) {
	key, err := crypto.GenerateKey()
	if err != nil {
		return "", fmt.Errorf("make an address for %s: %w", name, err)
	}
	return crypto.PubkeyToAddress(key.PublicKey).Hex(), nil
}

// holdings is what the wallet and its vault have on the chain now.
func (w *world) holdings(ctx context.Context) (inUSDT, inETH money.Amount, err error) {
	if inUSDT, err = w.chain.BalanceOf(ctx, w.token, w.wallet); err != nil {
		return inUSDT, inETH, err
	}
	inVault, err := w.chain.BalanceOf(ctx, w.token, w.vault)
	if err != nil {
		return inUSDT, inETH, err
	}
	if inUSDT, err = inUSDT.Add(inVault); err != nil {
		return inUSDT, inETH, err
	}
	var wei *big.Int
	if wei, err = w.chain.Client().BalanceAt(ctx, common.HexToAddress(w.wallet), nil); err != nil {
		return inUSDT, inETH, err
	}
	inETH, err = evm.Amount(wei)
	return inUSDT, inETH, err
}

// close stops what runs and removes what was made for this run only.
func (w *world) close() (err error) {
	if w.stop != nil {
		w.stop()
	}
	for ; w.parts > 0; w.parts-- {
		err = errors.Join(err, <-w.ended)
	}
	if w.chain != nil {
		err = errors.Join(err, w.chain.Close())
	}
	if w.coins != nil {
		err = errors.Join(err, w.coins.stop())
	}
	if w.log != nil {
		err = errors.Join(err, w.log.Close())
	}
	if w.own {
		err = errors.Join(err, os.RemoveAll(w.dir))
	}
	return err
}
