package upvest

import (
	"errors"
	"math"
	"net/http"
	"regexp"
	"strings"

	"sluice/internal/dialect/upvest/customer"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
)

// topUpMark begins the reference of a credit that was made by a top-up.
const topUpMark = "upvest topup"

// kindTopUp makes the ids of top-ups differ from those of the credits they are.
const kindTopUp = id.Credit

// topUpBody is a top-up as it is sent.
type topUpBody struct {
	ID         string `json:"id"`
	CreatedAt  string `json:"created_at"`
	UpdatedAt  string `json:"updated_at"`
	Group      string `json:"account_group_id"`
	Amount     string `json:"cash_amount"`
	Currency   string `json:"currency"`
	Status     string `json:"status"`
	Settlement string `json:"settlement_reference"`
}

func (t teller) topUp(cr account.Credit) topUpBody {
	at := t.uuid(kindTopUp, cr.Seq)
	b := topUpBody{
		ID: at, CreatedAt: stamp(cr.CreatedAt), UpdatedAt: stamp(cr.CreatedAt), Group: t.uuid(id.Account, cr.Account),
		Amount: t.amount(cr.Currency, cr.Amount), Currency: cr.Currency, Status: statusConfirmed, Settlement: at,
	}
	if !cr.TakenBackAt.IsZero() {
		b.Status, b.UpdatedAt = statusCancelled, stamp(cr.TakenBackAt)
	}
	return b
}

func createTopUp(c *call) (answer, error) {
	in := c.members()
	group := c.id(in, id.Account, "account_group_id", true)
	cmd := c.crediting(in, "cash_amount")
	if err := first(in.err(), there(group), c.into(&cmd, group.at)); err != nil {
		return answer{}, err
	}
	cmd.Reference = topUpMark
	cr, err := made(c, cmd, c.Reads.Credit)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, c.teller().topUp(cr.AsCreated())}, nil
}

// crediting reads what is to be credited.
func (c *call) crediting(in members, amount string) account.AddCredit {
	code := c.currency(in)
	asset := c.teller().asset(code)
	return account.AddCredit{Merchant: c.party.Merchant.Seq, Asset: asset, Amount: in.amount(amount, asset), Actor: c.party.Actor, Own: c.OwnCredits.Of(asset.Code)}
}

// into names the account group that a credit is for.
func (c *call) into(cmd *account.AddCredit, group id.ID) error {
	if _, ok := c.Assets()[cmd.Asset.Code]; !ok {
		return fault.New(fault.Unavailable, "unknown_currency", "this installation has no %s", cmd.Asset.Code)
	}
	g, err := c.group(group)
	if err != nil {
		return err
	}
	if g.Status != customer.Active {
		return fault.New(fault.Refused, "account_group_not_active", "the account group is %s", g.Status)
	}
	cmd.Account = g.Seq
	return nil
}

// topUp finds the top-up that the path names.
func (c *call) topUp() (account.Credit, error) {
	at, err := c.parseID(kindTopUp, c.args[0])
	if err != nil {
		return account.Credit{}, err
	}
	cr, found, err := c.Reads.Credit(c.ctx, at)
	return one(cr, found, err)(cr.Merchant == c.party.Merchant.Seq && cr.Reference == topUpMark)
}

func getTopUp(c *call) (answer, error) {
	cr, err := c.topUp()
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, c.teller().topUp(cr)}, nil
}

func listTopUps(c *call) (answer, error) {
	g, err := c.groupOf()
	if err != nil {
		return answer{}, err
	}
	p, _, err := c.page("created_at", "updated_at", "id")
	if err != nil {
		return answer{}, err
	}
	credits, err := c.credits(g.Seq, math.MaxInt)
	if err != nil {
		return answer{}, err
	}
	var all []row
	for _, cr := range credits {
		if cr.Reference == topUpMark {
			changed := cr.CreatedAt
			if !cr.TakenBackAt.IsZero() {
				changed = cr.TakenBackAt
			}
			all = append(all, row{c.teller().topUp(cr), cr.CreatedAt, changed})
		}
	}
	return p.of(all), nil
}

// cancelTopUp takes the money of a top-up back, as long as it is there.
func cancelTopUp(c *call) (answer, error) {
	cr, err := c.topUp()
	if err != nil {
		return answer{}, err
	}
	if !cr.TakenBackAt.IsZero() {
		return answer{}, problem(http.StatusUnprocessableEntity, "unprocessable_entity", "The top-up was cancelled before")
	}
	_, err = submit(c, account.TakeBack{Merchant: c.party.Merchant.Seq, Credit: cr.Seq, Actor: c.party.Actor})
	if fault.KindOf(err) == fault.Conflict {
		err = problem(http.StatusUnprocessableEntity, "unprocessable_entity", "The money of the top-up is not all there to be withdrawn any more: it cannot be cancelled")
	}
	return answer{status: http.StatusNoContent}, err
}

// fundedBody is the answer to a payment that a client wants to have come in.
type fundedBody struct {
	ID            string `json:"id"`
	BankReference string `json:"bank_reference"`
}

var anyUUID = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)

// funding reads such a payment, and to whom it goes.
func (c *call) funding(in members) (cmd account.AddCredit, to string) {
	if !in.has("currency") {
		in.mistake("currency", "is required")
	}
	reference := in.text("client_reference")
	in.note(length("client_reference", reference, 0, 35))
	if to = in.text("virtual_bank_account_id"); to == "" {
		to = anyUUID.FindString(in.text("remittance_information"))
	}
	cmd = c.crediting(in, "amount")
	cmd.Reference = strings.TrimSpace("payment in test mode " + reference)
	return cmd, to
}

// fundInTest credits an account group as if a payment had come in. Only for merchants in
// test mode: their money is none.
func fundInTest(c *call) (answer, error) {
	m, found, err := c.Reads.Merchant(c.ctx, c.party.Merchant)
	if err != nil || !found {
		return answer{}, errors.Join(err, errInternal)
	}
	if m.Mode != merchant.Test {
		return answer{}, errOnlyInTestMode
	}
	in := c.members()
	cmd, to := c.funding(in)
	if err := in.err(); err != nil {
		return answer{}, err
	}
	group, err := c.parseID(id.Account, to)
	if err != nil {
		return answer{}, err
	}
	if err := c.into(&cmd, group); err != nil {
		return answer{}, err
	}
	cr, err := made(c, cmd, c.Reads.Credit)
	if err != nil {
		return answer{}, err
	}
	at := uuid(id.Credit, c.at(cr.Seq))
	return answer{http.StatusOK, fundedBody{at, at}}, nil
}
