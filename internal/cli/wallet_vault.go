package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"sluice/internal/app"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/payout"
	"sluice/internal/rail"
	"sluice/internal/rail/evm"
	"sluice/internal/signer"
	"sluice/internal/signer/guard"
)

type walletDeployVaultCmd struct {
	ID      string        `arg:"" help:"The wallet that the vault shall obey and that pays for it, wal_..."`
	Policy  string        `placeholder:"PATH" help:"Configuration of the signer, where it is a process of its own."`
	Timeout time.Duration `default:"10m" help:"How long to wait for a block."`
}

// vaultOut is what there is to know about a vault.
type vaultOut struct {
	Wallet  string `json:"wallet"`
	Network string `json:"network"`
	Address string `json:"address"`
	Vault   string `json:"vault"`
	TxID    string `json:"txid,omitempty"` // empty: it was there before
	Cost    string `json:"cost,omitempty"`
	Booked  bool   `json:"cost_booked"` // false after a deployment: the block was not final yet
	Config  string `json:"config"`      // the line for the network's part of the configuration
	Done    bool   `json:"configured"`
}

// Run implements the command.
func (c *walletDeployVaultCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		ctx, cancel := context.WithTimeout(t.ctx, c.Timeout)
		defer cancel()
		w, n, err := t.evmWallet(c.ID)
		if err != nil {
			return err
		}
		r, err := app.OpenEVM(ctx, n, t.conf.Money())
		if err != nil {
			return err
		}
		defer r.Close()
		out := vaultOut{Wallet: w.Text(), Network: w.Network, Address: w.Address}
		out.Done = n.Vault(w.Address) != ""
		var found bool
		if out.Vault, found, err = r.FindVault(ctx, w.Address); err != nil {
			return err
		}
		if !found {
			if err := t.deployVault(ctx, c.Policy, w, n, r, &out); err != nil {
				return err
			}
			_, err := t.bookOwn(ctx, w, r, out.TxID, "the vault of the wallet")
			if out.Booked = err == nil; err != nil {
				t.progress("the fee is not booked yet: %v", err)
			}
		}
		out.Config = fmt.Sprintf("vaults = { %q = %q }", out.Address, out.Vault)
		return e.print(out, func(to io.Writer) {
			p := printer{to}
			p.f("wallet\t%s\naddress\t%s\nvault\t%s\n", out.Wallet, out.Address, out.Vault)
			if out.TxID != "" {
				p.f("transaction\t%s\ncost\t%s\n", out.TxID, out.Cost)
				if !out.Booked {
					p.f("\nNext: when the block is final, book the cost:\nsluice reconcile own --wallet %s --txid %s --reason \"the vault of the wallet\"\n", out.Wallet, out.TxID)
				}
			}
			if !out.Done {
				p.f("\nNext: put this into the [[networks]] part of %s, restart `sluice serve`, and send the vault coins and tokens to pay from:\n%s\n", n.Name, out.Config)
			}
		})
	})
}

// deployLease is how long the wallet is kept from the worker at a time.
const deployLease = 2 * time.Minute

// deployVault has the wallet make the contract, while no worker uses its nonces.
func (t *tool) deployVault(ctx context.Context, policy string, w payout.Wallet, n config.Network, r *evm.Rail, out *vaultOut) error {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	owner := "deploy-" + hex.EncodeToString(b[:])
	return t.write(func(loop *commit.Loop) (err error) {
		if w, err = commit.Do(ctx, loop, payout.OperatorShard, payout.Lease{Wallet: w.Seq, Owner: owner, For: deployLease}); err != nil {
			return err
		}
		defer func() {
			back, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			_, backErr := commit.Do(back, loop, payout.OperatorShard, payout.Unlease{Wallet: w.Seq, Owner: owner})
			err = errors.Join(err, backErr)
		}()
		if open, err := t.db.OpenWork(ctx, w.Seq); err != nil || len(open) > 0 {
			return errors.Join(err, fault.New(fault.Conflict, "wallet_busy", "%d payouts of the wallet are under way: try again when they are done", len(open)))
		}
		d, err := r.PrepareVault(ctx, w.Address)
		if err != nil {
			return err
		}
		signed, err := t.signDeployment(ctx, policy, w, d)
		if err != nil {
			return err
		}
		t.progress("deploying %s with %s; waiting for a block", d.Vault, signed.TxID)
		cost, err := t.awaitDeployment(ctx, loop, r, signed, payout.Lease{Wallet: w.Seq, Owner: owner, For: deployLease})
		if err != nil {
			return err
		}
		used := payout.AdvanceNonce{Wallet: w.Seq, Owner: owner, Next: int64(d.Nonce) + 1} //nolint:gosec // a nonce never nears 2^63
		if _, err := commit.Do(ctx, loop, payout.OperatorShard, used); err != nil {
			return err
		}
		out.Vault, out.TxID = d.Vault, signed.TxID
		out.Cost = t.conf.Money()[n.FeeAsset].Format(cost) + " " + n.FeeAsset
		return nil
	})
}

// signDeployment signs with the keys and the log of the signer itself: nobody who asks a
// signer can have it sign what is no payout.
func (t *tool) signDeployment(ctx context.Context, policy string, w payout.Wallet, d evm.Deployment) (signed signer.Signed, err error) {
	g, err := t.ownGuard(ctx, policy)
	if err != nil {
		return signed, err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	return g.Deploy(ctx, signer.Deployment{
		Network: w.Network, Wallet: w.Address, Nonce: d.Nonce, Gas: d.Gas, FeeCap: d.FeeCap, TipCap: d.TipCap, Code: d.Code, Fence: w.Fence,
	})
}

// ownGuard opens keys and log of the signer that this installation has: its own, or the one
// behind the socket, whose configuration policy names.
func (t *tool) ownGuard(ctx context.Context, policy string) (*guard.Guard, error) {
	log := t.logger(t.conf)
	if policy != "" {
		f, err := config.LoadSigner(policy, t.Environ)
		if err != nil {
			return nil, err
		}
		return app.OpenGuard(ctx, f, log)
	}
	if t.conf.Signer.Socket != "" {
		return nil, fault.New(fault.Invalid, "usage", "the keys are with the signer at %s: name its configuration with --policy, as a user who may read its keys and its log", t.conf.Signer.Socket)
	}
	return app.OpenGuardHere(ctx, t.conf, log)
}

// awaitDeployment sends the bytes until a block holds them.
func (t *tool) awaitDeployment(ctx context.Context, loop *commit.Loop, r *evm.Rail, signed signer.Signed, lease payout.Lease) (cost money.Amount, err error) {
	tick := time.NewTicker(r.PollEvery())
	defer tick.Stop()
	var sent, leased time.Time
	for {
		if time.Since(leased) > deployLease/2 {
			if _, err := commit.Do(ctx, loop, payout.OperatorShard, lease); err != nil {
				return cost, err
			}
			leased = time.Now()
		}
		mined, cost, err := r.Mined(ctx, signed.TxID)
		if mined || err != nil && !errors.Is(err, rail.ErrUnavailable) {
			return cost, err
		}
		if time.Since(sent) > 12*time.Second {
			if err = r.Submit(ctx, rail.Attempt{TxID: signed.TxID, Raw: signed.Raw}); err == nil {
				sent = time.Now()
			}
		}
		select {
		case <-ctx.Done():
			return cost, errors.Join(fault.New(fault.Unavailable, "not_mined",
				"no block holds %s yet: run the command again later, it goes on where this one ended", signed.TxID), err)
		case <-tick.C:
		}
	}
}
