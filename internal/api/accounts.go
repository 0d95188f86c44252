package api

import (
	"cmp"
	"net/http"
	"time"

	"sluice/internal/bank/calendar"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/money"
)

var (
	errNoAccount = fault.New(fault.NotFound, "account_not_found", "no such account")
	errNoCredit  = fault.New(fault.NotFound, "credit_not_found", "no such credit")
)

func openAccount(c *call) (int, error) {
	o := c.doc.body()
	cmd := account.Open{
		Merchant: c.who.merchant.Seq, Kind: o.optional("kind"), ForeignID: o.optional("foreign_id"), Name: o.optional("name"), Actor: c.who.actor,
	}
	if cmd.Kind == "" {
		cmd.Kind = ledger.KindCustomer
	}
	o.end()
	if err := c.doc.err(); err != nil {
		return 0, err
	}
	out, err := submit(c, cmd)
	if err != nil {
		return 0, err
	}
	made := out.Result
	if out.Replayed {
		if made.Account, err = one(c.Reads.Account(c.ctx(), c.at(out.Answer.Ref))); err != nil {
			return 0, err
		}
	}
	c.location = "/v1/accounts/" + c.at(made.Seq).Text(id.Account)
	c.objects().account(made.Account)
	return http.StatusCreated, nil
}

// account is the account in the path, if it is the caller's.
func (c *call) account() (ledger.Account, error) {
	at, err := c.id(id.Account, errNoAccount)
	if err != nil {
		return ledger.Account{}, err
	}
	a, found, err := maybe(c.Reads.Account(c.ctx(), at))
	if err == nil && (!found || !c.owns(a.Merchant)) {
		err = errNoAccount
	}
	return a, err
}

func getAccount(c *call) (int, error) {
	a, err := c.account()
	if err != nil {
		return 0, err
	}
	c.objects().account(a)
	return http.StatusOK, nil
}

func listAccounts(c *call) (int, error) {
	q := c.query()
	foreign := q.text("foreign_id")
	p, err := q.page(c.route.pattern)
	if err != nil {
		return 0, err
	}
	var rows []ledger.Account
	if foreign == "" {
		rows, err = c.Reads.Accounts(c.ctx(), c.who.merchant, p.before, p.limit+1)
	} else if a, found, e := c.Reads.AccountByForeignID(c.ctx(), c.who.merchant, foreign); found && p.before == 0 {
		rows, err = []ledger.Account{a}, e
	} else {
		err = e
	}
	if err != nil {
		return 0, unavailable(err)
	}
	return list(c, p, rows, func(a ledger.Account) id.Seq { return a.Seq }, objects.account)
}

func listBalances(c *call) (int, error) {
	a, err := c.account()
	if err != nil {
		return 0, err
	}
	rows, err := c.Reads.Balances(c.ctx(), c.at(a.Seq))
	if err != nil {
		return 0, unavailable(err)
	}
	o := c.objects()
	o.open()
	o.plain("object", "list")
	o.list("data")
	for _, b := range rows {
		o.balance(b)
	}
	o.endList()
	o.null("next_cursor")
	o.close()
	return http.StatusOK, nil
}

// getBalance gives one balance. A currency that the account never had is a balance
// of nothing, not an error.
func getBalance(c *call) (int, error) {
	a, err := c.account()
	if err != nil {
		return 0, err
	}
	currency := c.r.PathValue("currency")
	if _, ok := c.Assets[currency]; !ok {
		return 0, fault.New(fault.NotFound, "unknown_currency", "%q is not a currency of this installation", currency)
	}
	rows, err := c.Reads.Balances(c.ctx(), c.at(a.Seq))
	if err != nil {
		return 0, unavailable(err)
	}
	b := ledger.Balance{BalanceKey: ledger.BalanceKey{Account: a.Seq, Currency: currency}}
	for _, have := range rows {
		if have.Currency == currency {
			b = have
		}
	}
	c.objects().balance(b)
	return http.StatusOK, nil
}

// movement reads what credits, locks and unlocks have in common.
func (c *call) movement(o object) (account id.ID, asset money.Asset, amount money.Amount) {
	account = o.id("account", id.Account, true)
	asset = o.asset("currency", c.Assets)
	amount = o.amount("amount", asset)
	return account, asset, amount
}

// ready tells what is wrong with a request about an account.
func (c *call) ready(account id.ID) error {
	if err := c.doc.err(); err != nil {
		return err
	}
	if account.Shard != c.who.merchant.Shard {
		return fault.New(fault.NotFound, "account_not_found", "no such account").At("account")
	}
	return nil
}

func addCredit(c *call) (int, error) {
	o := c.doc.body()
	acc, asset, amount := c.movement(o)
	cmd := account.AddCredit{
		Merchant: c.who.merchant.Seq, Asset: asset, Amount: amount, Reference: o.optional("reference"), Kind: o.optional("kind"), Actor: c.who.actor,
		Own: c.OwnCredits.Of(asset.Code),
	}
	c.settlement(o, &cmd)
	tradable, said := o.boolean("tradable")
	cmd.Tradable = tradable || !said && cmd.Kind == account.KindSale
	o.end()
	if err := c.ready(acc); err != nil {
		return 0, err
	}
	cmd.Account = acc.Seq
	out, err := submit(c, cmd)
	if err != nil {
		return 0, err
	}
	cr := out.Result
	if out.Replayed {
		if cr, err = one(c.Reads.Credit(c.ctx(), c.at(out.Answer.Ref))); err != nil {
			return 0, err
		}
		cr = cr.AsCreated()
	}
	c.location = "/v1/credits/" + c.at(cr.Seq).Text(id.Credit)
	c.objects().credit(cr)
	return http.StatusCreated, nil
}

// settlement reads when a credit settles: at a moment, after business days, when
// told, or at once.
func (c *call) settlement(o object, cmd *account.AddCredit) {
	at := o.time("available_at")
	days, counted := o.integer("settles_in", 0, calendar.MaxDays)
	pending, told := o.boolean("pending")
	switch {
	case counted && !at.IsZero():
		o.d.wrong("settlement_ambiguous", o.key("settles_in"), "give available_at or settles_in, not both")
	case told && !pending && (counted || !at.IsZero()):
		o.d.wrong("settlement_ambiguous", o.key("pending"), "a credit that is not pending has no time of settlement")
	}
	if counted {
		at = calendar.AddBusinessDays(c.Now(), int(days))
	}
	cmd.Pending, cmd.AvailableAt = pending || !at.IsZero(), at
}

func settleCredit(c *call) (int, error) {
	c.doc.body().end()
	if err := c.doc.err(); err != nil {
		return 0, err
	}
	at, err := c.id(id.Credit, errNoCredit)
	if err != nil {
		return 0, err
	}
	out, err := submit(c, account.Settle{Merchant: c.who.merchant.Seq, Credit: at.Seq, Actor: c.who.actor})
	if err != nil {
		return 0, err
	}
	// A settled credit never changes, so a repeat is answered from the row.
	cr := out.Result
	if out.Replayed {
		if cr, err = one(c.Reads.Credit(c.ctx(), c.at(out.Answer.Ref))); err != nil {
			return 0, err
		}
	}
	c.objects().credit(cr)
	return http.StatusOK, nil
}

func getCredit(c *call) (int, error) {
	at, err := c.id(id.Credit, errNoCredit)
	if err != nil {
		return 0, err
	}
	cr, found, err := maybe(c.Reads.Credit(c.ctx(), at))
	if err != nil {
		return 0, err
	}
	if !found || !c.owns(cr.Merchant) {
		return 0, errNoCredit
	}
	c.objects().credit(cr)
	return http.StatusOK, nil
}

func listCredits(c *call) (int, error) {
	q := c.query()
	of := q.id("account", id.Account)
	if of.IsZero() {
		q.doc.wrong("parameter_required", "account", "credits are listed by account")
	}
	p, err := q.page(c.route.pattern)
	if err != nil {
		return 0, err
	}
	if a, found, err := c.Reads.Account(c.ctx(), of); err != nil || !found || of.Shard != c.who.merchant.Shard || a.Merchant != c.who.merchant.Seq {
		return 0, cmp.Or(unavailable(err), error(errNoAccount))
	}
	rows, err := c.Reads.Credits(c.ctx(), of, p.before, p.limit+1)
	if err != nil {
		return 0, unavailable(err)
	}
	return list(c, p, rows, func(cr account.Credit) id.Seq { return cr.Seq }, objects.credit)
}

func lockFunds(c *call) (int, error)   { return c.move(ledger.KindLock) }
func unlockFunds(c *call) (int, error) { return c.move(ledger.KindUnlock) }

func (c *call) move(kind ledger.Kind) (int, error) {
	o := c.doc.body()
	acc, asset, amount := c.movement(o)
	reason := o.optional("reason")
	if len(reason) > 500 {
		c.doc.wrong("invalid_reason", "reason", "a reason has at most 500 bytes")
	}
	o.end()
	if err := c.ready(acc); err != nil {
		return 0, err
	}
	out, err := submit(c, account.Move{
		Merchant: c.who.merchant.Seq, Account: acc.Seq, Asset: asset, Amount: amount, Kind: kind, Reason: reason, Actor: c.who.actor,
	})
	if err != nil {
		return 0, err
	}
	m := out.Result
	if out.Replayed {
		if m, err = account.ReadMovement(out.Answer.Body); err != nil {
			return 0, err
		}
	}
	c.objects().movement(m)
	return http.StatusCreated, nil
}

// window is a length of time in whole seconds, as merchants write it.
func window(seconds int64) time.Duration { return time.Duration(seconds) * time.Second }
