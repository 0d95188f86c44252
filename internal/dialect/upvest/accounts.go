package upvest

import (
	"net/http"
	"strconv"

	"sluice/internal/dialect/upvest/customer"
	"sluice/internal/id"
)

// accountBody is an account for securities as it is sent. Nothing is held in it here.
type accountBody struct {
	ID        string      `json:"id"`
	CreatedAt string      `json:"created_at"`
	UpdatedAt string      `json:"updated_at"`
	Group     string      `json:"account_group_id"`
	Type      string      `json:"type"`
	Users     []groupUser `json:"users"`
	Number    string      `json:"account_number"`
	Name      string      `json:"name"`
	Status    string      `json:"status"`
}

func (t teller) account(a customer.TradingAccount) accountBody {
	b := accountBody{
		ID: t.uuid(id.Account, a.Seq), CreatedAt: stamp(a.CreatedAt), UpdatedAt: stamp(a.UpdatedAt), Group: t.uuid(id.Account, a.Group), Type: a.Type,
		Users: t.owner(a.User), Number: strconv.FormatInt(a.Number, 10), Name: a.Name, Status: statusActive,
	}
	if a.Status == customer.Closed {
		b.Status = statusClosed
	}
	return b
}

func createAccount(c *call) (answer, error) {
	in := c.members()
	group, user := c.id(in, id.Account, "account_group_id", true), c.id(in, id.Account, "user_id", false)
	kind, name := in.text("type"), in.text("name")
	if kind == "" {
		kind = customer.Trading
	}
	if err := first(length("name", name, 0, 100), in.err(), there(group, user)); err != nil {
		return answer{}, err
	}
	a, err := made(c, customer.CreateTradingAccount{
		Merchant: c.party.Merchant.Seq, Group: group.at.Seq, User: user.at.Seq, Type: kind, Name: name, Actor: c.party.Actor,
	}, c.Reads.CustomerTradingAccount)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, c.teller().account(a.AsCreated())}, nil
}

// account finds the account that the path names.
func (c *call) account() (customer.TradingAccount, error) {
	at, err := c.parseID(id.Account, c.args[0])
	if err != nil {
		return customer.TradingAccount{}, err
	}
	a, found, err := c.Reads.CustomerTradingAccount(c.ctx, at)
	return one(a, found, err)(a.Merchant == c.party.Merchant.Seq)
}

func getAccount(c *call) (answer, error) {
	a, err := c.account()
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, c.teller().account(a)}, nil
}

func deleteAccount(c *call) (answer, error) {
	a, err := c.account()
	if err != nil {
		return answer{}, err
	}
	_, err = submit(c, customer.CloseTradingAccount{Merchant: c.party.Merchant.Seq, Account: a.Seq, Actor: c.party.Actor})
	return answer{status: http.StatusAccepted}, err
}

func listAccounts(c *call) (answer, error) { return c.accounts(0, 0) }

func listAccountsOfUser(c *call) (answer, error) {
	u, err := c.userOf()
	if err != nil {
		return answer{}, err
	}
	return c.accounts(u.Seq, 0)
}

func listAccountsOfGroup(c *call) (answer, error) {
	g, err := c.groupOf()
	if err != nil {
		return answer{}, err
	}
	return c.accounts(0, g.Seq)
}

// accounts lists those of a user or a group; of all with 0.
func (c *call) accounts(user, group id.Seq) (answer, error) {
	p, _, err := c.page("created_at", "updated_at")
	if err != nil {
		return answer{}, err
	}
	rows, total, err := c.Reads.CustomerTradingAccounts(c.ctx, c.party.Merchant, user, group, p.part())
	if err != nil {
		return answer{}, err
	}
	var out []any
	for _, a := range rows {
		out = append(out, c.teller().account(a))
	}
	return p.window(out, total), nil
}
