package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sluice/internal/app"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/payout"
	"sluice/internal/signer/build"
	"sluice/internal/signer/keystore"
)

type walletCmd struct {
	Create      walletCreateCmd      `cmd:"" help:"Make a key in the keystore and a wallet for it."`
	Import      walletImportCmd      `cmd:"" help:"Put a private key into the keystore and make a wallet for it. The key is read from standard input."`
	List        walletListCmd        `cmd:"" help:"List all wallets."`
	Status      walletStatusCmd      `cmd:"" help:"Show what wallets hold on their networks, what is reserved and spendable, what is left for fees, and how long it lasts."`
	Fund        walletFundCmd        `cmd:"" name:"fund-address" help:"Show where to send money for payouts, and which."`
	Resume      walletResumeCmd      `cmd:"" help:"After a chain has undone payouts that were final: send the same bytes again. The wallet pays nothing new before a final block holds them."`
	DeployVault walletDeployVaultCmd `cmd:"" help:"Make the contract by which a wallet pays many withdrawals in one transaction. Repeated, it gives the one that is there."`
}

// walletOut is a wallet as it is printed.
type walletOut struct {
	ID         string            `json:"id"`
	Network    string            `json:"network"`
	Address    string            `json:"address"`
	Label      string            `json:"label"`
	NextNonce  int64             `json:"next_nonce"`
	LeaseOwner string            `json:"lease_owner,omitempty"`
	LeaseUntil *time.Time        `json:"lease_until,omitempty"`
	CreatedAt  time.Time         `json:"created_at"`
	Key        *bool             `json:"key_here,omitempty"`
	Balances   map[string]string `json:"balances,omitempty"`
	// Figures are what `sluice treasury` shows of the wallet; Gas is what its address, without
	// its vault, has left for fees.
	Figures []figuresOut `json:"figures,omitempty"`
	Gas     string       `json:"gas_reserve,omitempty"`
	Problem string       `json:"problem,omitempty"`
}

func showWallet(w payout.Wallet) walletOut {
	return walletOut{
		ID: w.Text(), Network: w.Network, Address: w.Address, Label: w.Label, NextNonce: w.NextNonce,
		LeaseOwner: w.LeaseOwner, LeaseUntil: maybe(w.LeaseUntil), CreatedAt: w.CreatedAt,
	}
}

type walletCreateCmd struct {
	Network string `required:"" help:"A network of the configuration."`
	Label   string `help:"What people call it."`
	Address string `placeholder:"0x..." help:"Use a key that is in the keystore already, for example on a second network."`
	Type    string `enum:"p2wpkh,p2tr" default:"p2wpkh" help:"Kind of address on Bitcoin and Litecoin: p2wpkh, or p2tr (Taproot)."`
}

// Run implements the command.
func (c *walletCreateCmd) Run(e *env) error {
	return newWallet(e, c.Network, c.Label, c.Type, func(k config.Keystore) (string, error) {
		if c.Address != "" {
			have, err := keystore.List(k.Dir)
			if i := slices.IndexFunc(have, func(a string) bool { return strings.EqualFold(a, c.Address) }); i >= 0 {
				return have[i], nil
			}
			return "", errors.Join(err, fault.New(fault.NotFound, "no_key", "the keystore %s has no key for %s; `sluice wallet import` puts one in", k.Dir, c.Address))
		}
		e.progress("encrypting the key; this takes a second")
		return keystore.Create(k.Dir, k.Passphrase.Reveal(), keystore.Standard, k.Passphrase.Earlier()...)
	})
}

type walletImportCmd struct {
	Network string `required:"" help:"A network of the configuration."`
	Label   string `help:"What people call it."`
	Type    string `enum:"p2wpkh,p2tr" default:"p2wpkh" help:"Kind of address on Bitcoin and Litecoin: p2wpkh, or p2tr (Taproot)."`
}

// privateMax is more than any way to write a private key takes.
const privateMax = 256

// Run implements the command.
func (c *walletImportCmd) Run(e *env) error {
	return newWallet(e, c.Network, c.Label, c.Type, func(k config.Keystore) (string, error) {
		text, err := io.ReadAll(io.LimitReader(e.Stdin, privateMax))
		if err != nil {
			return "", fmt.Errorf("read the private key from standard input: %w", err)
		}
		e.progress("encrypting the key; this takes a second")
		return keystore.Import(k.Dir, k.Passphrase.Reveal(), keystore.Standard, string(text), k.Passphrase.Earlier()...)
	})
}

func newWallet(e *env, network, label, kind string, key func(config.Keystore) (string, error)) error {
	return e.open(func(t *tool) error {
		if t.atBank(network) {
			return fault.New(fault.Invalid, "wallet_made_at_start", "%q is an account at a bank, which needs no key: `sluice serve` makes its wallet at the first start, and `sluice wallet list` shows it", network)
		}
		at := slices.IndexFunc(t.conf.Networks, func(n config.Network) bool { return n.Name == network })
		if at < 0 {
			return fault.New(fault.Invalid, "unknown_network", "there is no network %q in the configuration; add it under [[networks]]", network)
		}
		if t.conf.Keystore.Dir == "" || t.conf.Keystore.Passphrase.IsZero() {
			return fault.New(fault.Invalid, "no_keystore", "keys need a place and a passphrase: set keystore.dir and keystore.passphrase, best as file:PATH or env:NAME")
		}
		address, err := key(t.conf.Keystore)
		if err == nil {
			address, err = onNetwork(t.conf.Keystore, t.conf.Networks[at], address, kind)
		}
		if err != nil {
			return err
		}
		var w payout.Wallet
		if err := t.write(func(loop *commit.Loop) (err error) {
			w, err = commit.Do(t.ctx, loop, payout.OperatorShard, payout.CreateWallet{Network: network, Address: address, Label: label})
			return err
		}); err != nil {
			return err
		}
		out := showWallet(w)
		return e.print(out, func(to io.Writer) {
			p := printer{to}
			p.f("id\t%s\nnetwork\t%s\naddress\t%s\n\n", out.ID, out.Network, out.Address)
			p.f("Next: back up %s, send coins to the address, start `sluice serve` if it does not run yet.\n", t.conf.Keystore.Dir)
		})
	})
}

// onNetwork is where a key of the keystore can be paid on a network.
func onNetwork(k config.Keystore, n config.Network, address, kind string) (string, error) {
	if n.Kind != config.KindBitcoin {
		return address, nil
	}
	public, err := keystore.Public(k.Dir, k.Passphrase.Reveal(), address, k.Passphrase.Earlier()...)
	if err != nil {
		return "", err
	}
	addresses, err := build.Builder{}.Addresses(app.SignerNetwork(n), public)
	if err != nil {
		return "", err
	}
	if kind == "p2tr" {
		return addresses[1], nil
	}
	return addresses[0], nil
}

type walletListCmd struct{}

// Run implements the command.
func (walletListCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		rows, err := t.db.Wallets(t.ctx)
		if err != nil {
			return err
		}
		var out []walletOut
		for _, w := range rows {
			out = append(out, showWallet(w))
		}
		return list(e, out, "ID NETWORK ADDRESS +LABEL +NEXT-NONCE +LEASED-UNTIL", func(w walletOut) []any {
			return []any{w.ID, w.Network, w.Address, or(w.Label, "-"), w.NextNonce, maybeWhen(w.LeaseUntil)}
		})
	})
}

type walletStatusCmd struct {
	ID string `arg:"" optional:"" help:"The wallet, wal_... Default: all."`
}

// Run implements the command.
func (c *walletStatusCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		rows, err := t.db.Wallets(t.ctx)
		if err != nil {
			return err
		}
		if c.ID != "" {
			rows = slices.DeleteFunc(rows, func(w payout.Wallet) bool { return w.Text() != c.ID })
			if err := need(len(rows) == 1, "wallet", c.ID); err != nil {
				return err
			}
		}
		var out []walletOut
		progress := e.slowly(len(rows), "asking nodes", "wallets")
		for _, w := range rows {
			out = append(out, t.walletStatus(w))
			progress.step()
		}
		return list(e, out, "ID NETWORK ADDRESS KEY BALANCES RESERVED SPENDABLE FEE-RESERVE RUNWAY", func(w walletOut) []any {
			reserved := w.each(func(f figuresOut) string { return f.Reserved + " " + f.Asset })
			spendable := w.each(func(f figuresOut) string { return f.Spendable + " " + f.Asset })
			runway := w.each(func(f figuresOut) string { return f.runway() + " " + f.Asset })
			return []any{w.ID, w.Network, w.Address, yesNo(w.Key), or(w.Problem, balancesText(w.Balances)), reserved, spendable, or(w.Gas, "-"), runway}
		})
	})
}

func yesNo(b *bool) string {
	switch {
	case b == nil:
		return "-"
	case *b:
		return "here"
	default:
		return "not here"
	}
}

func balancesText(m map[string]string) string {
	var out []string
	for code, amount := range m {
		out = append(out, amount+" "+code)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// walletStatus asks keystore and node about one wallet.
func (t *tool) walletStatus(w payout.Wallet) walletOut {
	out := showWallet(w)
	n := slices.IndexFunc(t.conf.Networks, func(n config.Network) bool { return n.Name == w.Network })
	if t.atBank(w.Network) {
		return t.bankStatus(out)
	}
	if n < 0 {
		out.Problem = "its network is not in the configuration"
		return out
	}
	// The keystore lists its keys as account chains know them; which coin address one has
	// cannot be told without its passphrase.
	if t.conf.Networks[n].Kind == config.KindEVM {
		have, err := keystore.List(t.conf.Keystore.Dir)
		here := err == nil && slices.ContainsFunc(have, func(a string) bool { return strings.EqualFold(a, w.Address) })
		out.Key = &here
	}
	if err := t.walletFigures(w, t.conf.Networks[n], &out); err != nil {
		out.Problem = err.Error()
	}
	return out
}
