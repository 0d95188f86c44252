package upvest

import (
	"fmt"
	"net/http"

	"sluice/internal/dialect/upvest/customer"
	"sluice/internal/id"
)

// groupBody is an account group as it is sent.
type groupBody struct {
	ID               string      `json:"id"`
	CreatedAt        string      `json:"created_at"`
	UpdatedAt        string      `json:"updated_at"`
	Type             string      `json:"type"`
	Status           string      `json:"status"`
	Users            []groupUser `json:"users"`
	SecuritiesNumber string      `json:"securities_account_number"`
}

type groupUser struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// The statuses of users, groups and accounts.
const (
	statusActive = "ACTIVE"
	statusClosed = "CLOSED"
)

func (t teller) group(g customer.Group) groupBody {
	b := groupBody{
		ID: t.uuid(id.Account, g.Seq), CreatedAt: stamp(g.CreatedAt), UpdatedAt: stamp(g.UpdatedAt), Type: g.Type, Status: statusActive,
		Users: t.owner(g.User), SecuritiesNumber: fmt.Sprintf("%09d", g.Number),
	}
	if g.Status == customer.Closed {
		b.Status = statusClosed
	}
	return b
}

func (t teller) owner(user id.Seq) []groupUser {
	return []groupUser{{t.uuid(id.Account, user), "OWNER"}}
}

func createGroup(c *call) (answer, error) {
	in := c.members()
	user, kind := c.id(in, id.Account, "user_id", true), in.text("type")
	if err := first(in.err(), there(user)); err != nil {
		return answer{}, err
	}
	g, err := made(c, customer.CreateGroup{Merchant: c.party.Merchant.Seq, User: user.at.Seq, Type: kind, Wire: Name, Actor: c.party.Actor}, c.Reads.CustomerGroup)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, c.teller().group(g.AsCreated())}, nil
}

// group finds an account group of the merchant.
func (c *call) group(at id.ID) (customer.Group, error) {
	g, found, err := c.Reads.CustomerGroup(c.ctx, at)
	return one(g, found, err)(g.Merchant == c.party.Merchant.Seq)
}

// groupOf finds the account group that the path names.
func (c *call) groupOf() (customer.Group, error) {
	at, err := c.parseID(id.Account, c.args[0])
	if err != nil {
		return customer.Group{}, err
	}
	return c.group(at)
}

func getGroup(c *call) (answer, error) {
	g, err := c.groupOf()
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, c.teller().group(g)}, nil
}

func listGroups(c *call) (answer, error) {
	p, _, err := c.page("created_at", "updated_at")
	if err != nil {
		return answer{}, err
	}
	rows, total, err := c.Reads.CustomerGroups(c.ctx, c.party.Merchant, p.part())
	return c.groups(p, rows, total, err)
}

func listGroupsOfUser(c *call) (answer, error) {
	u, err := c.userOf()
	if err != nil {
		return answer{}, err
	}
	p, _, err := c.page("created_at", "updated_at")
	if err != nil {
		return answer{}, err
	}
	rows, total, err := c.Reads.CustomerGroupsOf(c.ctx, c.at(u.Seq), p.part())
	return c.groups(p, rows, total, err)
}

func (c *call) groups(p page, rows []customer.Group, total int64, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	var out []any
	for _, g := range rows {
		out = append(out, c.teller().group(g))
	}
	return p.window(out, total), nil
}

func deleteGroup(c *call) (answer, error) {
	g, err := c.groupOf()
	if err != nil {
		return answer{}, err
	}
	_, err = submit(c, customer.CloseGroup{Merchant: c.party.Merchant.Seq, Group: g.Seq, Currencies: c.Assets().Codes(), Actor: c.party.Actor})
	return answer{status: http.StatusAccepted}, err
}
