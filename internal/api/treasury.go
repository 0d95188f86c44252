package api

import (
	"net/http"
	"slices"

	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/payout"
	"sluice/internal/treasury"
)

var errNoWallet = fault.New(fault.NotFound, "wallet_not_found", "no such wallet")

// errNoTreasury is the answer of a process that looks at no wallets.
var errNoTreasury = fault.New(fault.Unavailable, "treasury_unavailable", "this process has no networks, so that it cannot look at wallets; ask one that has")

// operator writes objects of the operator's shard.
func (c *call) operator() objects { return objects{&c.w, c.Assets, payout.OperatorShard} }

// walletHead writes what every form of a wallet begins with. It stays open.
func (o objects) walletHead(w payout.Wallet) {
	o.head(id.Wallet, "wallet", w.Seq, w.Version)
	o.text("network", w.Network)
	o.text("address", w.Address)
	o.maybe("label", w.Label)
	o.number("next_nonce", w.NextNonce)
	o.time("lease_until", w.LeaseUntil)
	o.time("created_at", w.CreatedAt)
}

// getWallet shows one wallet with what it holds, what is booked, and how they differ.
func getWallet(c *call) (int, error) {
	at, err := id.Parse(id.Wallet, c.r.PathValue("id"))
	if err != nil || at.Shard != payout.OperatorShard {
		return 0, errNoWallet
	}
	rows, err := c.Reads.Wallets(c.ctx())
	if err != nil {
		return 0, unavailable(err)
	}
	n := slices.IndexFunc(rows, func(w payout.Wallet) bool { return w.Seq == at.Seq })
	if n < 0 {
		return 0, errNoWallet
	}
	if c.Treasury == nil {
		return 0, errNoTreasury
	}
	w := rows[n]
	st, _, err := c.Treasury.One(c.ctx(), treasury.Wallet{Seq: w.Seq, Network: w.Network, Address: w.Address, Label: w.Label}, true)
	if err != nil {
		return 0, unavailable(err)
	}
	o := c.operator()
	o.walletHead(w)
	o.figures(st)
	o.list("reconciliation")
	for _, l := range st.Lines {
		o.open()
		o.plain("currency", l.Asset)
		o.number("block", int64(l.Block)) //nolint:gosec // no chain has so many
		o.amount("chain", l.Asset, l.Chain)
		o.plain("ledger", l.Booked.Format(o.assets[l.Asset]))
		o.plain("difference", l.Difference.Format(o.assets[l.Asset]))
		o.amount("missing", l.Asset, l.Missing)
		o.plain("cause", string(l.Cause))
		o.maybe("text", l.Text)
		o.close()
	}
	o.endList()
	o.close()
	return http.StatusOK, nil
}

// figures writes what a wallet can pay, and why that is not known if it is not.
func (o objects) figures(st treasury.Status) {
	o.list("figures")
	for _, f := range st.Figures {
		o.open()
		o.plain("currency", f.Asset)
		o.amount("balance", f.Asset, f.Balance)
		o.plain("booked", f.Booked.Format(o.assets[f.Asset]))
		o.amount("reserved", f.Asset, f.Reserved)
		o.amount("spendable", f.Asset, f.Spendable)
		o.amount("spent_24h", f.Asset, f.Spent)
		if f.Hours < 0 {
			o.null("runway_hours")
		} else {
			o.number("runway_hours", f.Hours)
		}
		if f.Below.IsZero() {
			o.null("low_below")
		} else {
			o.amount("low_below", f.Asset, f.Below)
		}
		o.boolean("low", f.Low)
		o.close()
	}
	o.endList()
	o.maybe("problem", st.Problem)
}

// getTreasury adds all wallets up, and holds them against what is owed.
func getTreasury(c *call) (int, error) {
	if c.Treasury == nil {
		return 0, errNoTreasury
	}
	all, err := c.Treasury.All(c.ctx())
	if err != nil {
		return 0, unavailable(err)
	}
	owed, err := c.Treasury.Read.TreasuryOwed(c.ctx())
	if err != nil {
		return 0, unavailable(err)
	}
	needs, err := treasury.Needs(all, owed)
	if err != nil {
		return 0, err
	}
	exposed, err := c.Reads.Exposure(c.ctx())
	if err != nil {
		return 0, unavailable(err)
	}
	o := c.operator()
	o.open()
	o.plain("object", "treasury")
	o.list("assets")
	for _, n := range needs {
		o.open()
		o.plain("network", n.Network)
		o.plain("currency", n.Asset)
		o.amount("balance", n.Asset, n.Balance)
		o.amount("reserved", n.Asset, n.Reserved)
		o.amount("spendable", n.Asset, n.Spendable)
		o.amount("owed", n.Asset, n.Owed)
		o.amount("free", n.Asset, n.Free)
		o.amount("short", n.Asset, n.Short)
		o.close()
	}
	o.endList()
	o.exposures(exposed)
	o.list("wallets")
	for _, st := range all {
		o.open()
		o.ref("wallet", id.Wallet, st.Wallet.Seq)
		o.text("network", st.Wallet.Network)
		o.text("address", st.Wallet.Address)
		o.figures(st)
		o.close()
	}
	o.endList()
	o.close()
	return http.StatusOK, nil
}
