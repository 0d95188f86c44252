package tylt

import (
	"encoding/json"
	"strings"
	"time"

	"sluice/internal/id"
	"sluice/internal/merchant/credential"
	"sluice/internal/money"
	"sluice/internal/pricing/fx"
	"sluice/internal/withdrawal"
)

// What is kept with a payout beside what every withdrawal has.
const (
	keptCallback = "tylt.callBackUrl"
	keptRedirect = "tylt.redirectUrl"
	keptCustomer = "tylt.customerName"
	keptComments = "tylt.comments"
	keptPayee    = "tylt.payeeDetails"
	keptBase     = "tylt.base" // "10000 INR": what was asked for, where the settled currency pays for it
	keptKey      = "tylt.key"  // whose secret signs the callback
)

// kept reads them. Other APIs may have written other things there.
func kept(x withdrawal.Withdrawal) map[string]string {
	var out map[string]string
	if x.Metadata == "" || json.Unmarshal([]byte(x.Metadata), &out) != nil {
		return nil
	}
	return out
}

// statusOf is the vendor's word for a state.
func statusOf(s withdrawal.State) string {
	switch s {
	case withdrawal.Confirmed, withdrawal.Returned:
		return "Completed"
	case withdrawal.Cancelled:
		return "Cancelled"
	case withdrawal.Rejected:
		return "Rejected"
	case withdrawal.Failed:
		return "Failed"
	case withdrawal.New, withdrawal.Review, withdrawal.Queued, withdrawal.Processing:
	}
	return "Pending"
}

// figures are the amounts of a payout.
type figures struct {
	base                  string // a decimal
	baseCurrency          string
	asset                 money.Asset // of the others
	requested, commission money.Amount
	debited, sent         money.Amount
	completed, final      bool
}

// figuresOf works them out. All are in the currency that is paid out.
func figuresOf(assets money.Assets, x withdrawal.Withdrawal) (f figures, err error) {
	from := assets[x.Currency]
	f.asset = assets[x.ReceiveCurrency]
	f.completed = x.State == withdrawal.Confirmed || x.State == withdrawal.Returned
	f.final = x.State.Final()
	named := x.Amount // what the merchant named
	if x.FeeInside {
		if named, err = x.Amount.Add(x.Fee); err != nil {
			return f, err
		}
	}
	f.base, f.baseCurrency = from.Format(named), x.Currency
	if amount, currency, ok := strings.Cut(kept(x)[keptBase], " "); ok && numeric(amount) {
		f.base, f.baseCurrency = amount, currency
	}
	f.requested = x.Receive
	charged, err := x.Fee.Add(networkCharge(x))
	if err != nil {
		return f, err
	}
	if x.Converted() {
		// The wire has one currency for all of it: what was charged in the other one is
		// shown at the price of the exchange.
		rate := fx.Effective(from, x.Amount, f.asset, x.Receive)
		if f.commission, err = rate.Convert(from, f.asset, charged, fx.Up); err != nil {
			return f, err
		}
	} else {
		f.commission = charged
		if x.FeeInside {
			f.requested = named
		}
	}
	if f.final && !f.completed {
		f.commission = money.Amount{} // nothing was charged
	}
	if f.completed {
		f.sent = x.Receive
		f.debited, err = f.sent.Add(f.commission)
	}
	return f, err
}

// networkCharge is what of the network's fee is passed on, as far as it is known.
func networkCharge(x withdrawal.Withdrawal) money.Amount {
	if !x.State.Final() && x.NetworkRate == withdrawal.NetworkFlat {
		return x.NetworkHold
	}
	return x.NetworkCharge
}

// payout writes a payout for a credential, without closing it.
func (d *Dialect) payout(w *writer, of credential.Credential, owner id.Shard, x withdrawal.Withdrawal) error {
	word := statusOf(x.State)
	if of.Option("unpaid") == "failed" && (x.State == withdrawal.Cancelled || x.State == withdrawal.Rejected) {
		word = statusOf(withdrawal.Failed)
	}
	f, err := figuresOf(d.Assets(), x)
	if err != nil {
		return err
	}
	to := x.Typed
	if to == "" {
		to = x.Canonical
	}
	w.Open().Text("orderId", id.ID{Shard: owner, Seq: x.Seq}.Dashed(id.Withdrawal)).Text("merchantOrderId", x.ForeignID)
	w.number("baseAmount", f.base, false)
	w.Text("baseCurrency", f.baseCurrency).Text("settledCurrency", f.asset.Code)
	w.amount("settledAmountRequested", f.asset, f.requested)
	w.charge("settledAmountDebited", f.asset, f.debited)
	w.amount("settledAmountSent", f.asset, f.sent)
	w.charge("commission", f.asset, f.commission)
	w.Text("network", d.symbol(x.Network)).Text("toAddress", to).Text("status", word)
	w.Int("insufficientBalance", 0).Text("paymentURL", "").Text("callBackURL", kept(x)[keptCallback])
	w.Key("transactions").List()
	if x.TxID != "" {
		w.Open().Text("transactionHash", x.TxID).Close()
	}
	w.End().Text("createdAt", moment(x.CreatedAt))
	return nil
}

// moment writes a time without fraction.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
