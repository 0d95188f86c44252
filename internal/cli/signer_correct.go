package cli

import (
	"io"
	"slices"
	"time"

	"sluice/internal/fault"
	"sluice/internal/signer/guard"
)

// correctFlags are those of commands by which an operator tells the signer's log what is
// true. Each is written into the log with its reason, and a signer that runs follows it.
type correctFlags struct {
	logFlags
	Reason string `required:"" help:"Why, and who says so; it is kept in the log."`
}

// walletFlags name a wallet as the signer knows it.
type walletFlags struct {
	Wallet  string `arg:"" help:"Address of the wallet."`
	Network string `required:"" help:"Its network, as the signer's configuration calls it."`
}

type signerClockCmd struct{ correctFlags }

// Run implements the command.
func (c signerClockCmd) Run(e *env) error {
	return c.correct(e, walletFlags{}, guard.Correction{Clock: time.Now()})
}

type signerFenceCmd struct {
	correctFlags
	walletFlags
	Fence int64 `arg:"" help:"The newest lease of the wallet."`
}

// Run implements the command.
func (c signerFenceCmd) Run(e *env) error {
	return c.correct(e, c.walletFlags, guard.Correction{Fence: &c.Fence})
}

type signerNonceCmd struct {
	correctFlags
	walletFlags
	Nonce uint64 `arg:"" help:"The nonce that the chain expects next."`
}

// Run implements the command.
func (c signerNonceCmd) Run(e *env) error {
	return c.correct(e, c.walletFlags, guard.Correction{Nonce: &c.Nonce})
}

type signerCoinsCmd struct {
	correctFlags
	walletFlags
}

// Run implements the command.
func (c signerCoinsCmd) Run(e *env) error {
	return c.correct(e, c.walletFlags, guard.Correction{Coins: true})
}

func (c correctFlags) correct(e *env, w walletFlags, what guard.Correction) error {
	dir, policy, err := c.load(e)
	if err != nil {
		return err
	}
	if w.Network != "" {
		i := slices.IndexFunc(policy.Networks, func(n guard.Network) bool { return n.Name == w.Network })
		if i < 0 {
			return fault.New(fault.Invalid, "unknown_network", "the signer's configuration has no network %q", w.Network)
		}
		what.Network, what.Wallet = policy.Networks[i].Network, w.Wallet
	}
	what.Reason = c.Reason
	known, err := guard.Correct(dir, what)
	if err != nil {
		return err
	}
	return e.print(map[string]any{"event": "corrected", "log": dir, "wallet_known": known}, func(to io.Writer) {
		p := printer{to}
		p.f("written into the log in %s\n", dir)
		if !known {
			p.f("The log has nothing about %s yet: make sure that the address is right.\n", w.Wallet)
		}
	})
}
