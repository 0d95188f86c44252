package upvest

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"sluice/internal/commit"
	"sluice/internal/customer"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/terms/desk"
	"sluice/internal/withdrawal"
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

// statusOf maps a state, and the reason of one that ended without a payment.
func statusOf(s withdrawal.State) (status, reason string) {
	switch s {
	case withdrawal.New, withdrawal.Review, withdrawal.Queued:
		return statusNew, ""
	case withdrawal.Processing:
		return statusProcessing, ""
	case withdrawal.Confirmed, withdrawal.Returned:
		return statusConfirmed, ""
	case withdrawal.Cancelled:
		return statusCancelled, "CANCELLED_BY_USER"
	case withdrawal.Rejected:
		return statusCancelled, "REJECTED"
	case withdrawal.Failed:
	}
	return statusCancelled, "FAILED"
}

// expressible tells whether the wire has words for a withdrawal from an account group:
// in euro, to a reference account.
func expressible(w withdrawal.Withdrawal) bool {
	return w.Currency == currency && !w.Converted() && w.Destination != 0 && rail.Hidden(w.Canonical)
}

// withdrawalOf writes a withdrawal of a user. at is its shard.
func withdrawalOf(shard id.Shard, w withdrawal.Withdrawal, user id.Seq, euro money.Asset) (withdrawalBody, error) {
	at := func(k id.Kind, seq id.Seq) string { return uuid(k, id.ID{Shard: shard, Seq: seq}) }
	p, err := rail.ParsePayment(w.Payment)
	if err != nil {
		return withdrawalBody{}, err
	}
	b := withdrawalBody{
		ID: at(id.Withdrawal, w.Seq), CreatedAt: stamp(w.CreatedAt), UpdatedAt: stamp(w.UpdatedAt), Reference: at(id.Destination, w.Destination),
		Group: at(id.Account, w.Account), User: at(id.Account, user), Amount: euro.Format(w.Amount), Currency: w.Currency, Remittance: p.Remittance,
		Purpose: p.Purpose, BankReference: at(id.Withdrawal, w.Seq),
	}
	if p.Typed != "" {
		b.Remittance = p.Typed
	}
	b.Status, b.Reason = statusOf(w.State)
	return b, nil
}

// createWithdrawalBody is what a client sends.
type createWithdrawalBody struct {
	Reference  string `json:"reference_account_id"`
	Group      string `json:"account_group_id"`
	User       string `json:"user_id"`
	Amount     string `json:"amount"`
	Currency   string `json:"currency"`
	Remittance string `json:"remittance_information"`
	Purpose    string `json:"purpose_code"`
}

var (
	amountPattern     = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{2})?$`)
	remittancePattern = regexp.MustCompile(`^[0-9A-Za-z+?/\-:().,'; ]{0,140}$`)
)

// amountOf reads an amount of the wire.
func amountOf(name, text string, asset money.Asset) (money.Amount, error) {
	if !amountPattern.MatchString(text) {
		return money.Amount{}, bad(name, `must be a text like "200.00": up to nine digits, and two decimals or none`)
	}
	trimmed := strings.TrimLeft(text, "0")
	if trimmed == "" || trimmed[0] == '.' {
		trimmed = "0" + trimmed
	}
	a, err := asset.Parse(trimmed)
	if err == nil && a.IsZero() {
		return a, bad(name, "must be more than zero")
	}
	return a, err
}

// order is a withdrawal that a client asks for, worked out.
func (c *call) order() (customer.Withdraw, error) {
	var none customer.Withdraw
	var b createWithdrawalBody
	if err := c.decode(&b); err != nil {
		return none, err
	}
	reference, e1 := c.member(id.Destination, "reference_account_id", b.Reference)
	group, e2 := c.member(id.Account, "account_group_id", b.Group)
	user, e3 := c.member(id.Account, "user_id", b.User)
	for _, err := range []error{e1, e2, e3} { // a mistake of form before what is not there
		if err != nil && !errors.Is(err, errNotFound) {
			return none, err
		}
	}
	bank, network, euro, err := c.bank()
	if err != nil {
		return none, err
	}
	amount, err := amountOf("amount", b.Amount, euro)
	if err != nil {
		return none, err
	}
	if b.Currency != "" && b.Currency != currency {
		return none, bad("currency", "must be %s", currency)
	}
	if !remittancePattern.MatchString(b.Remittance) {
		return none, bad("remittance_information", "has at most 140 characters, and none but letters, digits, blanks and + ? / - : ( ) . , ' ;")
	}
	wish := rail.Payment{Remittance: b.Remittance, Purpose: b.Purpose}
	if s := c.party.Credential.Option("service"); s != "normal" { // which is what a rail does that is told nothing
		wish.Service = s
	}
	pay, err := bank.CheckPayment(c.ctx, wish, currency)
	if err != nil {
		return none, err
	}
	if err := first(e1, e2, e3); err != nil {
		return none, err
	}
	cmd := c.Desk.Withdrawal(c.ctx, desk.Order{
		Merchant: c.party.Merchant, Account: group.Seq, ForeignID: c.key(), From: euro, To: euro, Amount: amount,
		Destination: reference.Seq, Network: network, Payment: pay, Actor: c.party.Actor,
	})
	return customer.Withdraw{Create: cmd, User: user.Seq}, nil
}

func createWithdrawal(c *call) (answer, error) {
	cmd, err := c.order()
	if err != nil {
		return answer{}, err
	}
	w, err := made[withdrawal.Withdrawal](c, cmd, c.Reads.Withdrawal)
	if fault.CodeOf(err) == "duplicate_foreign_id" {
		w, err = c.repeated(cmd)
	}
	if err != nil {
		return answer{}, err
	}
	b, err := withdrawalOf(c.party.Merchant.Shard, w.AsCreated(), cmd.User, cmd.Asset)
	return answer{http.StatusOK, b}, err
}

// repeated answers a request whose key is the id of a withdrawal already: the key of a
// payment is kept for ever, its stored answer is not.
func (c *call) repeated(cmd customer.Withdraw) (withdrawal.Withdrawal, error) {
	w, found, err := c.Reads.WithdrawalByForeignID(c.ctx, c.party.Merchant, cmd.ForeignID)
	if err != nil || !found {
		return w, errors.Join(err, errInternal)
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
	b, err := withdrawalOf(c.party.Merchant.Shard, w, user, c.Assets()[currency])
	return answer{http.StatusOK, b}, err
}

// cancelWithdrawal takes back what no dispatch has. Who is first decides: the money is
// back, or it goes out.
func cancelWithdrawal(c *call) (answer, error) {
	w, _, err := c.withdrawal()
	if err != nil {
		return answer{}, err
	}
	if status, _ := statusOf(w.State); status == statusCancelled {
		return answer{}, errNotCancellable
	}
	_, err = c.submit(withdrawal.NewCancel(c.party.Merchant.Seq, w.Seq, c.party.Actor, "cancelled by the user"))
	if fault.KindOf(err) == fault.Conflict {
		err = errNotCancellable
	}
	return answer{status: http.StatusNoContent}, err
}

// withdrawals reads every withdrawal of an account group that the wire has words for,
// in the order in which they were made.
func (c *call) withdrawals(ctx context.Context, g customer.Group) ([]withdrawal.Withdrawal, error) {
	var out []withdrawal.Withdrawal
	f := withdrawal.Filter{Shard: c.party.Merchant.Shard, Merchant: c.party.Merchant.Seq, Account: g.Seq, Currency: currency, Limit: pageMax}
	for {
		rows, err := c.Reads.Withdrawals(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, w := range rows {
			f.Before = w.Seq
			if expressible(w) {
				out = append(out, w)
			}
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
	p, _, err := c.page("created_at", "id")
	if err != nil {
		return answer{}, err
	}
	rows, err := c.withdrawals(c.ctx, g)
	if err != nil {
		return answer{}, err
	}
	all := make([]any, len(rows))
	for i, w := range rows {
		if all[i], err = withdrawalOf(c.party.Merchant.Shard, w, g.User, c.Assets()[currency]); err != nil {
			return answer{}, err
		}
	}
	return p.of(all), nil
}

var _ commit.Command = customer.Withdraw{}
