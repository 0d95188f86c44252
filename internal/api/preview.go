package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/treasury"
	"sluice/internal/withdrawal"
)

// previewTimeout bounds what a preview asks of nodes: it would rather say less.
const previewTimeout = 10 * time.Second

// previewWithdrawal answers what a withdrawal would come to, and does nothing. It reads
// the body as createWithdrawal does and runs the same command, so that both agree.
func previewWithdrawal(c *call) (int, error) {
	cmd, err := c.withdrawal(c.doc.body())
	if err != nil {
		return 0, err
	}
	_, err = commit.Do(c.ctx(), c.Loop, c.who.merchant.Shard, withdrawal.Preview{Create: cmd})
	var p *withdrawal.Previewed
	if !errors.As(err, &p) {
		c.locate(err)
		return 0, err
	}
	ctx, cancel := context.WithTimeout(c.ctx(), previewTimeout)
	defer cancel()
	x := p.Withdrawal
	var warnings []string
	if r := c.Rails[x.Network]; r != nil {
		warnings = r.Warn(ctx, rail.Target{Network: x.Network, Canonical: x.Canonical, Typed: x.Typed, Decoded: x.Decoded, Tag: x.Tag})
	}
	able := c.ability(ctx, x)
	if x.Review != "" {
		able.waits = waitsForReview
	}
	o := c.objects()
	o.open()
	o.plain("object", "withdrawal_preview")
	o.ref("account", id.Account, x.Account)
	o.plain("currency", x.Currency)
	o.amount("amount", x.Currency, x.Amount)
	o.amount("fee", x.Currency, x.Fee)
	o.terms(x)
	o.plain("network", x.Network)
	o.text("recipient", x.Canonical)
	o.amount("held", x.Currency, p.Held)
	o.amount("available_after", x.Currency, p.Available)
	o.time("release_at", x.ReleaseAt)
	if able.fee == nil {
		o.null("network_fee")
	} else {
		o.object("network_fee")
		o.plain("currency", able.feeAsset)
		o.amount("likely", able.feeAsset, able.fee.Likely)
		o.amount("ceiling", able.feeAsset, able.fee.Ceiling)
		o.close()
	}
	o.boolean("payable_now", able.waits == "")
	o.maybe("waits_for", able.waits)
	o.list("warnings")
	for _, text := range warnings {
		o.item(text)
	}
	o.endList()
	o.close()
	return http.StatusOK, nil
}

// ability says what paying would cost and whether a wallet could do it now. waits is
// the code with which the withdrawal would wait; "" when it would not.
type ability struct {
	feeAsset string
	fee      *rail.Estimate
	waits    string
}

// What a preview says that a withdrawal would wait for. Where a rail says it itself
// while the withdrawal waits, the codes are the same.
const (
	waitsForNode   = "node_unavailable"
	waitsForFunds  = "wallet_out_of_funds"
	waitsForGas    = "wallet_out_of_gas"
	waitsForWallet = "no_wallet"
	waitsForReview = "review"
	waitsForRefuse = "network_refuses"
)

func (c *call) ability(ctx context.Context, x withdrawal.Withdrawal) ability {
	r := c.Rails[x.Network]
	if r == nil || c.Treasury == nil {
		return ability{waits: waitsForWallet}
	}
	out := ability{feeAsset: r.FeeAsset(), waits: waitsForWallet}
	all, err := c.Treasury.On(ctx, x.Network)
	if err != nil {
		out.waits = waitsForNode
		return out
	}
	if len(all) == 0 {
		return out
	}
	best, have, gas := richest(all, x.ReceiveCurrency, out.feeAsset)
	if best == nil {
		out.waits = waitsForNode
		return out
	}
	if have.Less(x.Receive) {
		out.waits = waitsForFunds
		return out
	}
	left := gas
	if x.ReceiveCurrency == out.feeAsset {
		left = treasury.Less(gas, x.Receive).Floor()
	}
	return c.estimate(ctx, x, best.Wallet.Address, left, out)
}

// richest is the wallet that can pay most of an asset, with what it has of that and of
// the fee asset; nil when no node tells.
func richest(all []treasury.Status, asset, feeAsset string) (best *treasury.Status, have, gas money.Amount) {
	for n := range all {
		var of, fees money.Amount
		for _, f := range all[n].Figures {
			if f.Asset == asset {
				of = f.Spendable
			}
			if f.Asset == feeAsset {
				fees = f.Spendable
			}
		}
		if len(all[n].Figures) > 0 && (best == nil || have.Less(of)) {
			best, have, gas = &all[n], of, fees
		}
	}
	return best, have, gas
}

// estimate asks the rail what paying from a wallet would cost, and whether what the
// wallet has for fees is enough.
func (c *call) estimate(ctx context.Context, x withdrawal.Withdrawal, wallet string, gas money.Amount, out ability) ability {
	e, ok := c.Rails[x.Network].(rail.Estimator)
	if !ok {
		out.waits = ""
		return out
	}
	fee, err := e.Estimate(ctx, wallet, []rail.Payout{{Ref: "preview", Asset: x.ReceiveCurrency, To: x.Decoded, Amount: x.Receive}})
	var refused *rail.Refusal
	switch {
	case errors.As(err, &refused):
		out.waits = waitsForRefuse
	case err != nil:
		out.waits = waitsForNode
	case gas.Less(fee.Ceiling):
		out.fee, out.waits = &fee, waitsForGas
	default:
		out.fee, out.waits = &fee, ""
	}
	return out
}
