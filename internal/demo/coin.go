package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"sluice/internal/app"
	"sluice/internal/config"
	"sluice/internal/money"
	"sluice/internal/rail/utxo"
	"sluice/internal/rail/utxo/bitcoin"
	"sluice/internal/signer/build"
	"sluice/internal/signer/keystore"
)

const (
	coinNetwork = "bitcoin"
	coinChain   = "bitcoin-regtest"
	coinFinal   = 2  // blocks, the one with the payout included
	coinBlocks  = 3  // that pay the wallet 50 BTC each
	coinMature  = 99 // blocks on top of the last of them, before all can be spent
)

var btc = money.Asset{Code: "BTC", Scale: 8, Networks: []string{coinNetwork}}

// findBtcd gives the node's program: the one that was named, or bin/btcd, or one in PATH.
// Without any it gives "".
func findBtcd(named string) (string, error) {
	if named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("the Bitcoin node %s cannot be run: %w", named, err)
		}
		return filepath.Abs(path)
	}
	for _, name := range []string{filepath.Join("bin", "btcd"), "btcd"} {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", nil
}

// coinNode is a Bitcoin node of this run, alone in the world.
type coinNode struct {
	program, dir, port, password string

	node *utxo.Client
	cmd  *exec.Cmd
	done chan struct{}
	said *bytes.Buffer
}

func (n *coinNode) url() string { return "http://demo:" + n.password + "@127.0.0.1:" + n.port }

// openCoins starts a Bitcoin node that has paid a wallet, and adds both to the
// installation. Without a program for it there is no Bitcoin in the story.
func (w *world) openCoins(ctx context.Context) (err error) {
	if w.btcd == "" {
		return nil
	}
	n := &coinNode{program: w.btcd, dir: filepath.Join(w.dir, "btcd"), password: rand.Text()}
	network := config.Network{
		Name: coinNetwork, Kind: config.KindBitcoin, Poll: config.Duration(pollEvery), Finality: fmt.Sprint(coinFinal),
		Coin: config.Coin{Chain: coinChain, Node: string(utxo.Btcd), StartBlock: "0"},
	}
	key, err := keystore.Create(filepath.Join(w.dir, "keys"), passphrase, keystore.Light)
	if err != nil {
		return err
	}
	public, err := keystore.Public(w.conf.Keystore.Dir, passphrase, key)
	if err != nil {
		return err
	}
	addresses, err := build.Builder{}.Addresses(app.SignerNetwork(network), public)
	if err != nil {
		return err
	}
	w.coinWallet, w.coins = addresses[0], n
	// A port that was free may be taken by the time the node asks for it.
	for range 3 {
		if err = n.reward(ctx, w.coinWallet); err == nil || ctx.Err() != nil {
			break
		}
		err = errors.Join(err, n.stop())
	}
	if err != nil {
		return err
	}
	network.URL = config.NewSecret(n.url())
	w.conf.Assets = append(w.conf.Assets, config.Asset{Code: btc.Code, Scale: btc.Scale, Networks: btc.Networks})
	w.conf.Networks = append(w.conf.Networks, network)
	return nil
}

// reward starts the node with a few blocks whose new coins an address has got. The node
// pays them all to the one address that it was started with, and forgets a test chain
// when it ends: so the blocks are made once, kept, and handed to it again.
func (n *coinNode) reward(ctx context.Context, address string) (err error) {
	if n.port, err = freePort(ctx); err != nil {
		return err
	}
	if err := n.start(ctx, address); err != nil {
		return err
	}
	var ids, blocks []string
	if err := n.node.Call(ctx, &ids, "generate", coinBlocks); err != nil {
		return err
	}
	for _, id := range ids {
		var raw string
		if err := n.node.Call(ctx, &raw, "getblock", id, 0); err != nil {
			return err
		}
		blocks = append(blocks, raw)
	}
	if err := n.stop(); err != nil {
		return err
	}
	nobody, err := coinAddress()
	if err != nil {
		return err
	}
	if err := n.start(ctx, nobody); err != nil {
		return err
	}
	for _, raw := range blocks {
		if err := n.node.Call(ctx, nil, "submitblock", raw); err != nil {
			return err
		}
	}
	return n.mine(ctx, coinMature)
}

// coinAddress is an address on the test chain that nobody has used, nor can spend from.
func coinAddress() (string, error) {
	chain, ok := bitcoin.ChainByName(coinChain)
	if !ok {
		return "", errors.New("there is no chain " + coinChain)
	}
	hash := make([]byte, 20)
	_, _ = rand.Read(hash) // never fails (crypto/rand)
	return chain.Address(bitcoin.WitnessScript(0, hash)), nil
}

// start runs the program and waits for its answers.
func (n *coinNode) start(ctx context.Context, rewards string) error {
	// The context of the run is not its own: it is stopped in order.
	n.cmd = exec.Command(n.program, //nolint:gosec,noctx // the program that the user named
		"--configfile="+os.DevNull, "--regtest", "--rejectnonstd", "--notls", "--rpcuser=demo", "--rpcpass="+n.password, "--rpclisten=127.0.0.1:"+n.port,
		"--nolisten", "--nodnsseed", "--rpcmaxclients=100", "--datadir="+n.dir, "--logdir="+filepath.Join(n.dir, "log"), "--miningaddr="+rewards)
	n.said = new(bytes.Buffer)
	n.cmd.Stdout, n.cmd.Stderr = n.said, n.said
	if err := n.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", n.program, err)
	}
	done := make(chan struct{})
	n.done = done
	var ended error
	go func(cmd *exec.Cmd) { ended = cmd.Wait(); close(done) }(n.cmd)
	var err error
	if n.node, err = utxo.Dial(n.url(), ""); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var height int
		if err := n.node.Call(ctx, &height, "getblockcount"); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-done:
			return errors.Join(fmt.Errorf("%s ended by itself: %s", n.program, bytes.TrimSpace(n.said.Bytes())), ended)
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w", n.program, ctx.Err())
		}
	}
}

// stop ends the node in order.
func (n *coinNode) stop() error {
	if n.cmd == nil || n.done == nil {
		return nil
	}
	n.node.Close()
	end := n.done
	n.done = nil
	if err := n.cmd.Process.Signal(os.Interrupt); err != nil {
		_ = n.cmd.Process.Kill() // it has ended, or this system knows no such signal
	}
	select {
	case <-end:
		return nil
	case <-time.After(patience):
		_ = n.cmd.Process.Kill()
		<-end
		return fmt.Errorf("%s had to be killed", n.program)
	}
}

// mine makes blocks with what waits.
func (n *coinNode) mine(ctx context.Context, blocks int) error {
	return n.node.Call(ctx, nil, "generate", blocks)
}

// coinPayment is an output of a transaction that a block holds.
type coinPayment struct {
	TxID   string
	Height int64
	Amount string
}

// payments lists what the latest blocks pay to an address, as the node reads them.
func (n *coinNode) payments(ctx context.Context, address string, blocks int64) (out []coinPayment, err error) {
	var tip int64
	if err := n.node.Call(ctx, &tip, "getblockcount"); err != nil {
		return nil, err
	}
	for h := max(tip-blocks+1, 1); h <= tip; h++ {
		var hash string
		if err := n.node.Call(ctx, &hash, "getblockhash", h); err != nil {
			return nil, err
		}
		var b struct {
			Txs []struct {
				TxID string `json:"txid"`
				Out  []struct {
					Value  json.Number `json:"value"`
					Script struct {
						Addresses []string `json:"addresses"`
						Address   string   `json:"address"`
					} `json:"scriptPubKey"`
				} `json:"vout"`
			} `json:"rawtx"`
		}
		if err := n.node.Call(ctx, &b, "getblock", hash, 2); err != nil {
			return nil, err
		}
		for _, tx := range b.Txs {
			for _, o := range tx.Out {
				if o.Script.Address != address && (len(o.Script.Addresses) != 1 || o.Script.Addresses[0] != address) {
					continue
				}
				a, err := btc.Parse(o.Value.String())
				if err != nil {
					return nil, err
				}
				out = append(out, coinPayment{tx.TxID, h, btc.Format(a)})
			}
		}
	}
	return out, nil
}

func freePort(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
