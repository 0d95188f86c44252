package api

import (
	"encoding/json"

	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/merchant/destination"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/withdrawal"
	"sluice/internal/withdrawal/waiting"
)

// objects writes the public form of rows: the same in answers and in messages.
type objects struct {
	*writer
	assets money.Assets
	shard  id.Shard
}

func (c *call) objects() objects { return objects{&c.w, c.Assets, c.who.merchant.Shard} }

func (o objects) ref(k string, kind id.Kind, seq id.Seq) {
	if seq == 0 {
		o.null(k)
		return
	}
	o.plain(k, id.ID{Shard: o.shard, Seq: seq}.Text(kind))
}

// amount writes an amount in major units. A currency that was taken out of the
// configuration while rows of it exist cannot be written truthfully.
func (o objects) amount(k, currency string, a money.Amount) {
	asset, ok := o.assets[currency]
	if !ok {
		o.fail(fault.New(fault.Internal, "internal", "the currency %s is not configured any more; an operator has to add it back", currency))
		return
	}
	o.plain(k, asset.Format(a))
}

func (o objects) head(kind id.Kind, object string, seq id.Seq, version int64) {
	o.open()
	o.ref("id", kind, seq)
	o.plain("object", object)
	o.number("object_version", version)
}

func (o objects) merchant(m merchant.Merchant) {
	o.head(id.Merchant, "merchant", m.Seq, m.Version)
	o.text("name", m.Name)
	o.plain("mode", string(m.Mode))
	o.number("cancel_window_seconds", int64(m.CancelWindow.Seconds()))
	o.time("created_at", m.CreatedAt)
	o.close()
}

func (o objects) account(a ledger.Account) {
	o.head(id.Account, "account", a.Seq, a.Version)
	o.plain("kind", a.Kind)
	o.maybe("foreign_id", a.ForeignID)
	o.maybe("name", a.Name)
	o.time("created_at", a.CreatedAt)
	o.close()
}

func (o objects) balance(b ledger.Balance) {
	o.open()
	o.plain("object", "balance")
	o.number("object_version", b.Version)
	o.ref("account", id.Account, b.Account)
	o.plain("currency", b.Currency)
	o.amount("balance", b.Currency, b.Total())
	o.amount("available_for_withdrawal", b.Currency, b.Available)
	o.amount("pending_settlement", b.Currency, b.Pending)
	o.amount("locked_for_trading", b.Currency, b.Locked)
	o.amount("available_for_trading", b.Currency, b.ForTrading())
	o.amount("reserved", b.Currency, b.Reserved)
	o.time("updated_at", b.UpdatedAt)
	o.close()
}

func (o objects) credit(c account.Credit) {
	o.head(id.Credit, "credit", c.Seq, c.Version)
	o.ref("account", id.Account, c.Account)
	o.plain("currency", c.Currency)
	o.amount("amount", c.Currency, c.Amount)
	o.plain("state", c.State)
	o.time("available_at", c.AvailableAt)
	o.maybe("reference", c.Reference)
	o.maybe("kind", c.Kind)
	o.boolean("tradable", c.Tradable)
	o.time("created_at", c.CreatedAt)
	o.time("settled_at", c.SettledAt)
	o.time("taken_back_at", c.TakenBackAt)
	o.close()
}

// movement writes a lock or unlock, with the balance after it when that is known.
func (o objects) movement(m account.Movement) {
	o.open()
	o.plain("id", m.ID.Text(id.Lock))
	o.plain("object", string(m.Kind))
	o.plain("account", m.Account.Text(id.Account))
	o.plain("currency", m.Currency)
	o.amount("amount", m.Currency, m.Amount)
	o.key("balance")
	o.balance(m.Balance)
	o.close()
}

func (o objects) destination(d destination.Destination) { o.created(d, nil) }

// created writes a destination with the hints that its check gave.
func (o objects) created(d destination.Destination, warnings []string) {
	o.head(id.Destination, "destination", d.Seq, d.Version)
	o.ref("account", id.Account, d.Account)
	o.plain("network", d.Network)
	o.text("address", d.Canonical)
	o.maybe("tag", tagOf(d.Canonical, d.Tag))
	o.bankOf(d.Canonical, d.Typed, d.Tag)
	o.maybe("label", d.Label)
	if warnings != nil {
		o.list("warnings")
		for _, w := range warnings {
			o.item(w)
		}
		o.endList()
	}
	o.time("confirmed_at", d.ConfirmedAt)
	o.time("usable_at", d.UsableAt)
	o.time("created_at", d.CreatedAt)
	o.time("deleted_at", d.DeletedAt)
	o.close()
}

func (o objects) withdrawal(x withdrawal.Withdrawal) {
	o.head(id.Withdrawal, "withdrawal", x.Seq, x.Version)
	o.plain("state", string(x.State))
	o.boolean("cancellable", x.State.Cancellable())
	o.ref("account", id.Account, x.Account)
	o.text("foreign_id", x.ForeignID)
	o.plain("currency", x.Currency)
	o.amount("amount", x.Currency, x.Amount)
	o.amount("fee", x.Currency, x.Fee)
	o.terms(x)
	o.object("destination")
	o.ref("id", id.Destination, x.Destination)
	o.plain("network", x.Network)
	o.text("address", x.Canonical)
	o.maybe("tag", tagOf(x.Canonical, x.Tag))
	o.bankOf(x.Canonical, x.Typed, x.Tag)
	o.close()
	o.maybe("stage", stage(x))
	if x.Attention == "" {
		o.null("attention")
	} else {
		o.object("attention")
		o.text("code", x.Attention)
		o.text("detail", waiting.ToMerchant(x.Attention, x.AttentionText))
		o.close()
	}
	o.maybe("reason", x.Reason)
	o.maybe("wallet", x.Wallet)
	o.maybe("txid", x.TxID)
	if x.FeeAsset == "" {
		o.null("network_fee")
	} else {
		o.object("network_fee")
		o.plain("currency", x.FeeAsset)
		o.amount("amount", x.FeeAsset, x.NetworkFee)
		o.close()
	}
	metadata := x.Metadata
	if metadata == "" {
		metadata = "{}"
	}
	o.raw("metadata", metadata)
	o.time("release_at", x.ReleaseAt)
	o.time("created_at", x.CreatedAt)
	o.time("updated_at", x.UpdatedAt)
	o.time("ended_at", x.EndedAt)
	o.close()
}

// terms writes what goes with the amount: where the fee comes from, what the network's
// fee may cost, what is paid out, what a bank is told, and whether somebody must agree.
func (o objects) terms(x withdrawal.Withdrawal) {
	from := "balance"
	if x.FeeInside {
		from = "amount"
	}
	o.plain("fee_from", from)
	if x.NetworkRate == "" {
		o.null("network_charge")
	} else {
		kind := "cost"
		if x.NetworkRate == withdrawal.NetworkFlat {
			kind = withdrawal.NetworkFlat
		}
		o.object("network_charge")
		o.plain("kind", kind)
		o.amount("held", x.Currency, x.NetworkHold)
		o.amount("charged", x.Currency, x.NetworkCharge)
		o.close()
	}
	o.object("receive")
	o.plain("currency", x.ReceiveCurrency)
	o.amount("amount", x.ReceiveCurrency, x.Receive)
	o.ref("quote", id.Quote, x.Quote)
	o.close()
	if x.Payment == "" {
		o.null("payment")
	} else {
		p, err := rail.ParsePayment(x.Payment)
		if err != nil {
			o.fail(err)
		}
		o.object("payment")
		o.maybe("remittance", p.Remittance)
		o.maybe("remittance_typed", p.Typed)
		o.maybe("purpose", p.Purpose)
		o.maybe("service", p.Service)
		o.close()
	}
	o.maybe("review", x.Review)
	o.boolean("approved", x.Approval != "")
}

// stage is how far the instruction has come, while that may still change.
func stage(x withdrawal.Withdrawal) string {
	if x.State != withdrawal.Processing || x.Stage == rail.StageUnknown {
		return ""
	}
	return string(x.Stage)
}

func (o objects) transfer(t ledger.Transfer) {
	o.open()
	o.ref("id", id.Transfer, t.Seq)
	o.plain("object", "transfer")
	o.plain("kind", string(t.Kind))
	o.plain("currency", t.Currency)
	o.amount("amount", t.Currency, t.Amount)
	o.side("debit", t.Debit)
	o.side("credit", t.Credit)
	o.ref("withdrawal", id.Withdrawal, t.Withdrawal)
	o.time("at", t.At)
	o.close()
}

func (o objects) side(k string, s ledger.Side) {
	o.object(k)
	o.ref("account", id.Account, s.Account)
	o.text("bucket", s.Name)
	o.close()
}

// balanceOf is the balance that an event carries.
func balanceOf(e event.Event) ledger.Balance {
	return ledger.Balance{
		BalanceKey: ledger.BalanceKey{Account: e.Account, Currency: e.Currency}, Merchant: e.Merchant,
		Available: e.Available, Pending: e.Pending, Locked: e.Locked, Reserved: e.Reserved, UpdatedAt: e.At, Version: e.BalanceVersion,
	}
}

// moved is the movement that an event of a lock or unlock tells of.
func moved(shard id.Shard, e event.Event) (account.Movement, error) {
	var text struct{ Amount, Currency string }
	if err := json.Unmarshal(e.Data, &text); err != nil {
		return account.Movement{}, err
	}
	a, err := money.ParseMinor(text.Amount)
	kind := ledger.KindLock
	if e.Type == event.FundsUnlocked {
		kind = ledger.KindUnlock
	}
	return account.Movement{
		ID: id.ID{Shard: shard, Seq: e.Subject}, Account: id.ID{Shard: shard, Seq: e.Account}, Kind: kind,
		Currency: text.Currency, Amount: a, Balance: balanceOf(e),
	}, err
}
