package upvest

import (
	"math"
	"net/http"
	"regexp"
	"slices"
	"time"

	"sluice/internal/dialect"
	"sluice/internal/dialect/upvest/customer"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/merchant/credential"
	"sluice/internal/rail"
	"sluice/internal/withdrawal"
	"sluice/internal/withdrawal/intake"
)

// withdrawalBody is a withdrawal as it is sent.
type withdrawalBody struct {
	ID            string `json:"id"`
	CreatedAt     string `json:"created_at"`
	UpdatedAt     string `json:"updated_at"`
	Reference     string `json:"reference_account_id"`
	Group         string `json:"account_group_id"`
	User          string `json:"user_id"`
	Amount        string `json:"amount"`
	Currency      string `json:"currency"`
	Remittance    string `json:"remittance_information"`
	Purpose       string `json:"purpose_code,omitempty"`
	BankReference string `json:"bank_reference"`
	Status        string `json:"status"`
	Reason        string `json:"cancellation_reason,omitempty"`
}

// The statuses of the wire; there are no others.
const (
	statusNew        = "NEW"
	statusProcessing = "PROCESSING"
	statusConfirmed  = "CONFIRMED"
	statusCancelled  = "CANCELLED"
)

// The reasons of one that was cancelled; there are no others.
const (
	reasonClient = "CANCELLED_BY_CLIENT"
	reasonOurs   = "CANCELLED_BY_UPVEST"
	reasonBank   = "CANCELLED_BY_BANK"
)

// status maps a state, and the reason of one that ended without a payment.
func (t teller) status(s withdrawal.State) (status, reason string) {
	switch s {
	case withdrawal.New, withdrawal.Review, withdrawal.Queued:
		return statusNew, ""
	case withdrawal.Processing:
		return statusProcessing, ""
	case withdrawal.Returned:
		if !t.stays {
			return statusCancelled, reasonBank
		}
		return statusConfirmed, ""
	case withdrawal.Confirmed:
		return statusConfirmed, ""
	case withdrawal.Cancelled:
		return statusCancelled, reasonClient
	case withdrawal.Rejected:
		return statusCancelled, reasonOurs
	case withdrawal.Failed:
	}
	return statusCancelled, reasonBank
}

// stays tells whether a client of a credential wants a withdrawal that came back to stay
// confirmed.
func stays(c credential.Credential) bool { return c.Option("returned") == "confirmed" }

// expressible tells whether the wire has words for a withdrawal from an account group: in
// the currency that the account holds, to a reference account.
func expressible(w withdrawal.Withdrawal) bool {
	return !w.Converted() && w.Destination != 0 && rail.Hidden(w.Canonical)
}

// withdrawal writes a withdrawal of a user.
func (t teller) withdrawal(w withdrawal.Withdrawal, user id.Seq) (withdrawalBody, error) {
	p, err := rail.ParsePayment(w.Payment)
	if err != nil {
		return withdrawalBody{}, err
	}
	b := withdrawalBody{
		ID: t.uuid(id.Withdrawal, w.Seq), CreatedAt: stamp(w.CreatedAt), UpdatedAt: stamp(w.UpdatedAt), Reference: t.uuid(id.Destination, w.Destination),
		Group: t.uuid(id.Account, w.Account), User: t.uuid(id.Account, user), Amount: t.amount(w.Currency, w.Amount), Currency: w.Currency,
		Remittance: p.Remittance, Purpose: p.Purpose, BankReference: t.uuid(id.Withdrawal, w.Seq),
	}
	if p.Typed != "" {
		b.Remittance = p.Typed
	}
	b.Status, b.Reason = t.status(w.State)
	return b, nil
}

var remittancePattern = regexp.MustCompile(`^[0-9A-Za-z+?/\-:().,'; ]{0,140}$`)

// order is a withdrawal that a client asks for, worked out.
func (c *call) order() (customer.Withdraw, error) {
	var none customer.Withdraw
	in := c.members()
	to, group, user := c.id(in, id.Destination, "reference_account_id", true), c.id(in, id.Account, "account_group_id", true), c.id(in, id.Account, "user_id", false)
	code := c.currency(in)
	wish := rail.Payment{Remittance: in.text("remittance_information"), Purpose: in.text("purpose_code")}
	if err := in.err(); err != nil {
		return none, err
	}
	bank, err := c.paysTo(code, to)
	if err != nil {
		return none, err
	}
	amount := in.amount("amount", bank.asset)
	if !remittancePattern.MatchString(wish.Remittance) {
		in.mistake("remittance_information", "has at most 140 characters, and none but letters, digits, blanks and + ? / - : ( ) . , ' ;")
	}
	if err := in.err(); err != nil {
		return none, err
	}
	if s := c.party.Credential.Option("service"); s != "normal" { // which is what a rail does that is told nothing
		wish.Service = s
	}
	pay, err := bank.CheckPayment(c.ctx, wish, code)
	if err := first(err, there(to, group, user)); err != nil {
		return none, err
	}
	cmd := c.Desk.Withdrawal(c.ctx, intake.Order{
		Merchant: c.party.Merchant, Account: group.at.Seq, ForeignID: c.key(), From: bank.asset, To: bank.asset, Amount: amount,
		Destination: to.at.Seq, Network: bank.network, Payment: pay, Origin: Name, Actor: c.party.Actor,
	})
	return customer.Withdraw{Create: cmd, User: user.at.Seq}, nil
}

// paysTo gives the bank that pays a currency: where several do, the one that a reference
// account is registered at.
func (c *call) paysTo(code string, to reference) (payer, error) {
	if len(c.banksOf(code)) < 2 || to.missing {
		return c.pays(code, "")
	}
	d, _, err := c.Reads.Destination(c.ctx, to.at)
	if err != nil {
		return payer{}, dialect.Unavailable(err)
	}
	return c.pays(code, d.Network)
}

func createWithdrawal(c *call) (answer, error) {
	cmd, err := c.order()
	if err != nil {
		return answer{}, err
	}
	w, err := made[withdrawal.Withdrawal](c, cmd, c.Reads.Withdrawal)
	if code := fault.CodeOf(err); code == "duplicate_foreign_id" || code == "idempotency_key_reused" {
		w, err = c.repeated(cmd, err)
	}
	if err != nil {
		return answer{}, err
	}
	g, err := c.group(c.at(w.Account))
	if err != nil {
		return answer{}, err
	}
	b, err := c.teller().withdrawal(w.AsCreated(), g.User)
	return answer{http.StatusOK, b}, err
}

// repeated answers a request whose key is the id of a withdrawal already: the key of a
// payment is kept for ever, its stored answer is not, and what counts as the same request
// is what it asks for.
func (c *call) repeated(cmd customer.Withdraw, refused error) (withdrawal.Withdrawal, error) {
	w, found, err := c.Reads.WithdrawalByForeignID(c.ctx, c.party.Merchant, cmd.ForeignID)
	if err != nil {
		return w, dialect.Unavailable(err)
	}
	if !found {
		return w, refused
	}
	if w.Account != cmd.Account || w.Destination != cmd.Destination || w.Amount != cmd.Amount || w.Currency != cmd.Asset.Code || w.Payment != cmd.Payment.Text() {
		return w, fault.New(fault.Refused, "idempotency_key_reused", "this idempotency key was used for another withdrawal; nothing was done")
	}
	return w, nil
}

// withdrawal finds the withdrawal that the path names, and its user.
func (c *call) withdrawal() (withdrawal.Withdrawal, id.Seq, error) {
	at, err := c.parseID(id.Withdrawal, c.args[0])
	if err != nil {
		return withdrawal.Withdrawal{}, 0, err
	}
	w, found, err := c.Reads.Withdrawal(c.ctx, at)
	if w, err = one(w, found, err)(w.Merchant == c.party.Merchant.Seq && expressible(w)); err != nil {
		return w, 0, err
	}
	g, err := c.group(c.at(w.Account))
	return w, g.User, err
}

func getWithdrawal(c *call) (answer, error) {
	w, user, err := c.withdrawal()
	if err != nil {
		return answer{}, err
	}
	b, err := c.teller().withdrawal(w, user)
	return answer{http.StatusOK, b}, err
}

// cancelWithdrawal takes back what no dispatch has. Who is first decides: the money is
// back, or it goes out.
func cancelWithdrawal(c *call) (answer, error) {
	w, _, err := c.withdrawal()
	if err != nil {
		return answer{}, err
	}
	if status, _ := c.teller().status(w.State); status == statusCancelled {
		return answer{}, errNotCancellable
	}
	_, err = submit(c, withdrawal.NewCancel(c.party.Merchant.Seq, w.Seq, c.party.Actor, "cancelled by the user"))
	if fault.KindOf(err) == fault.Conflict {
		err = errNotCancellable
	}
	return answer{status: http.StatusNoContent}, err
}

// withdrawals reads the withdrawals of an account group, or with 0 of all of them, that the
// wire has words for, in the order in which they were made. Those that were made from a time
// on are left out, unless it is zero.
func (c *call) withdrawals(group id.Seq, until time.Time, most int) ([]withdrawal.Withdrawal, error) {
	var out []withdrawal.Withdrawal
	f := withdrawal.Filter{Shard: c.party.Merchant.Shard, Merchant: c.party.Merchant.Seq, Account: group, CreatedTo: until, Limit: pageMax}
	for {
		rows, err := c.Reads.Withdrawals(c.ctx, f)
		if err != nil {
			return nil, dialect.Unavailable(err)
		}
		for _, w := range rows {
			f.Before = w.Seq
			if expressible(w) {
				out = append(out, w)
			}
		}
		if len(out) > most {
			return nil, errTooMany
		}
		if len(rows) < pageMax {
			slices.Reverse(out)
			return out, nil
		}
	}
}

func listWithdrawals(c *call) (answer, error) {
	g, err := c.groupOf()
	if err != nil {
		return answer{}, err
	}
	p, _, err := c.page("created_at", "updated_at", "id")
	if err != nil {
		return answer{}, err
	}
	rows, err := c.withdrawals(g.Seq, time.Time{}, math.MaxInt)
	if err != nil {
		return answer{}, err
	}
	all := make([]row, len(rows))
	for i, w := range rows {
		b, err := c.teller().withdrawal(w, g.User)
		if err != nil {
			return answer{}, err
		}
		all[i] = row{b, w.CreatedAt, w.UpdatedAt}
	}
	return p.of(all), nil
}
