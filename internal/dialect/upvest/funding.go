package upvest

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"sluice/internal/account"
	"sluice/internal/customer"
	"sluice/internal/fault"
	"sluice/internal/id"
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

func (c *call) topUpBody(cr account.Credit) topUpBody {
	return topUpOf(c.party.Merchant.Shard, cr, c.Dialect)
}

func topUpOf(shard id.Shard, cr account.Credit, d *Dialect) topUpBody {
	at := uuid(kindTopUp, id.ID{Shard: shard, Seq: cr.Seq})
	return topUpBody{
		ID: at, CreatedAt: stamp(cr.CreatedAt), UpdatedAt: stamp(cr.CreatedAt), Group: uuid(id.Account, id.ID{Shard: shard, Seq: cr.Account}),
		Amount: d.Assets()[currency].Format(cr.Amount), Currency: cr.Currency, Status: "CONFIRMED", Settlement: at,
	}
}

func createTopUp(c *call) (answer, error) {
	var b struct {
		Group    string `json:"account_group_id"`
		Amount   string `json:"cash_amount"`
		Currency string `json:"currency"`
	}
	if err := c.decode(&b); err != nil {
		return answer{}, err
	}
	group, err := c.member(id.Account, "account_group_id", b.Group)
	if err != nil {
		return answer{}, err
	}
	cmd, err := c.credit(group, "cash_amount", b.Amount, b.Currency, topUpMark)
	if err != nil {
		return answer{}, err
	}
	cr, err := made(c, cmd, c.Reads.Credit)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, c.topUpBody(cr.AsCreated())}, nil
}

// credit works a credit of an account group out.
func (c *call) credit(group id.ID, name, amount, code, reference string) (account.AddCredit, error) {
	euro, ok := c.Assets()[currency]
	if !ok {
		return account.AddCredit{}, fault.New(fault.Unavailable, "unknown_currency", "this installation has no %s", currency)
	}
	a, err := amountOf(name, amount, euro)
	if err != nil {
		return account.AddCredit{}, err
	}
	if code != "" && code != currency {
		return account.AddCredit{}, bad("currency", "must be %s", currency)
	}
	g, err := c.group(group)
	if err != nil {
		return account.AddCredit{}, err
	}
	if g.Status != customer.Active {
		return account.AddCredit{}, fault.New(fault.Refused, "account_group_not_active", "the account group is %s", g.Status)
	}
	return account.AddCredit{Merchant: c.party.Merchant.Seq, Account: g.Seq, Asset: euro, Amount: a, Reference: reference, Actor: c.party.Actor}, nil
}

// fundBody is a payment that a client wants to have come in.
type fundBody struct {
	Account struct {
		IBAN string `json:"iban"`
	} `json:"account"`
	Amount           string `json:"amount"`
	Currency         string `json:"currency"`
	Remittance       string `json:"remittance_information"`
	ClientReference  string `json:"client_reference"`
	CounterpartyName string `json:"counterparty_name"`
	Counterparty     struct {
		IBAN string `json:"iban"`
	} `json:"counterparty_account"`
	Agent struct {
		BIC string `json:"bic"`
	} `json:"counterparty_agent"`
	Virtual string `json:"virtual_bank_account_id"`
	Purpose string `json:"purpose_code"`
}

// fundedBody is the answer.
type fundedBody struct {
	ID            string `json:"id"`
	BankReference string `json:"bank_reference"`
}

var anyUUID = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)

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
	var b fundBody
	if err := c.decode(&b); err != nil {
		return answer{}, err
	}
	if err := length("client_reference", b.ClientReference, 0, 35); err != nil {
		return answer{}, err
	}
	if b.Currency == "" {
		return answer{}, bad("currency", "is required")
	}
	to := b.Virtual
	if to == "" {
		to = anyUUID.FindString(b.Remittance)
	}
	group, err := c.parseID(id.Account, to)
	if err != nil {
		return answer{}, err
	}
	cmd, err := c.credit(group, "amount", b.Amount, b.Currency, strings.TrimSpace("payment in test mode "+b.ClientReference))
	if err != nil {
		return answer{}, err
	}
	cr, err := made(c, cmd, c.Reads.Credit)
	if err != nil {
		return answer{}, err
	}
	at := uuid(id.Credit, c.at(cr.Seq))
	return answer{http.StatusOK, fundedBody{at, at}}, nil
}

// day is a day of a booking.
func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
