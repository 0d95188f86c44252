package cli

import (
	"context"
	"io"
	"slices"

	"sluice/internal/app"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/payout"
	"sluice/internal/rail/evm"
	"sluice/internal/treasury"
)

type reconcileOwnCmd struct {
	Wallet string `required:"" help:"The wallet, wal_..."`
	TxID   string `required:"" name:"txid" help:"The transaction, 0x and 64 hex digits."`
	Reason string `required:"" help:"What it was for. The books keep it for ever."`
}

// ownPart is what a transaction took in one asset, as it is printed.
type ownPart struct {
	Asset  string `json:"asset"`
	Amount string `json:"amount"`
}

// ownOut is a booked transaction, as it is printed.
type ownOut struct {
	Wallet string    `json:"wallet"`
	TxID   string    `json:"txid"`
	Parts  []ownPart `json:"gone"`
	Before bool      `json:"booked_before"`
}

// Run implements the command.
func (c *reconcileOwnCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		w, n, err := t.evmWallet(c.Wallet)
		if err != nil {
			return err
		}
		r, err := app.OpenEVM(t.ctx, n, t.conf.Money())
		if err != nil {
			return err
		}
		defer r.Close()
		out, err := t.bookOwn(t.ctx, w, r, c.TxID, c.Reason)
		if err != nil {
			return err
		}
		return e.print(out, func(to io.Writer) {
			p := printer{to}
			if out.Before {
				p.line("booked before: nothing was done")
			}
			for _, x := range out.Parts {
				p.f("booked %s %s as gone from %s\n", x.Amount, x.Asset, out.Wallet)
			}
		})
	})
}

// evmWallet finds a wallet and its network, which must have contracts.
func (t *tool) evmWallet(id string) (w payout.Wallet, n config.Network, err error) {
	rows, err := t.db.Wallets(t.ctx)
	if err != nil {
		return w, n, err
	}
	rows = slices.DeleteFunc(rows, func(w payout.Wallet) bool { return w.Text() != id })
	if err := need(len(rows) == 1, "wallet", id); err != nil {
		return w, n, err
	}
	w = rows[0]
	i := slices.IndexFunc(t.conf.Networks, func(n config.Network) bool { return n.Name == w.Network })
	if i < 0 {
		return w, n, fault.New(fault.Invalid, "unknown_network", "the network %s of the wallet is not in the configuration", w.Network)
	}
	if n = t.conf.Networks[i]; n.Kind != config.KindEVM {
		return w, n, fault.New(fault.Invalid, "no_contracts", "the network %s has no contracts", n.Name)
	}
	return w, n, nil
}

// bookOwn books a transaction that the operator made from a wallet's key, once.
func (t *tool) bookOwn(ctx context.Context, w payout.Wallet, r *evm.Rail, txid, reason string) (ownOut, error) {
	out := ownOut{Wallet: w.Text(), Parts: []ownPart{}}
	var err error
	if out.TxID, err = evm.ParseTxID(txid); err != nil {
		return out, err
	}
	if out.Before, err = t.db.OwnBooked(ctx, w.Seq, out.TxID); err != nil || out.Before {
		return out, err
	}
	ours, err := t.db.IsAttempt(ctx, out.TxID)
	if err != nil {
		return out, err
	}
	if ours {
		return out, fault.New(fault.Refused, "is_payout", "the transaction %s pays withdrawals: the server books it by itself", out.TxID).At("txid")
	}
	own, err := r.OwnTransaction(ctx, w.Address, out.TxID)
	if err != nil {
		return out, err
	}
	parts, err := treasury.OwnParts(t.conf.Money(), own.Gone)
	if err != nil {
		return out, err
	}
	for _, p := range parts {
		out.Parts = append(out.Parts, ownPart{p.Asset.Code, p.Asset.Format(p.Amount)})
	}
	return out, t.write(func(loop *commit.Loop) error {
		_, err := commit.Do(ctx, loop, treasury.OperatorShard, treasury.BookOwn{
			Wallet: w.Seq, TxID: out.TxID, Parts: parts, Block: own.Block, Hash: own.Hash, Reason: reason, Actor: operator(),
		})
		return err
	})
}
