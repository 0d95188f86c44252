package upvest

import (
	"net/http"
	"strings"

	"sluice/internal/customer"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/money"
)

// balanceBody is a cash balance as it is sent.
type balanceBody struct {
	Group     string `json:"account_group_id"`
	Currency  string `json:"currency"`
	Balance   string `json:"balance"`
	Locked    string `json:"locked_for_trading"`
	Pending   string `json:"pending_settlement"`
	Available string `json:"available_for_withdrawal"`
	Tradable  string `json:"available_for_trading"`
}

// minimal writes an amount without zeros at its end.
func minimal(asset money.Asset, a money.Amount) string {
	s := asset.Format(a)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// balanceOf writes a balance. What is held for withdrawals has no field of its own: it
// shows in what is available.
func balanceOf(shard id.Shard, b ledger.Balance, asset money.Asset) balanceBody {
	return balanceBody{
		Group: uuid(id.Account, id.ID{Shard: shard, Seq: b.Account}), Currency: asset.Code, Balance: minimal(asset, b.Total()), Locked: minimal(asset, b.Locked),
		Pending: minimal(asset, b.Pending), Available: minimal(asset, b.Available), Tradable: "0",
	}
}

func (c *call) balances(g customer.Group) ([]any, map[string]balanceBody, error) {
	rows, err := c.Reads.Balances(c.ctx, c.at(g.Seq))
	if err != nil {
		return nil, nil, err
	}
	euro := c.Assets()[currency]
	by := map[string]balanceBody{currency: balanceOf(c.party.Merchant.Shard, ledger.Balance{BalanceKey: ledger.BalanceKey{Account: g.Seq, Currency: currency}}, euro)}
	for _, b := range rows {
		if b.Currency == currency { // clients of this wire know no other
			by[currency] = balanceOf(c.party.Merchant.Shard, b, euro)
		}
	}
	return []any{by[currency]}, by, nil
}

func getBalance(c *call) (answer, error) { return c.balanceIn(currency) }

func getBalanceIn(c *call) (answer, error) { return c.balanceIn(c.args[1]) }

func (c *call) balanceIn(code string) (answer, error) {
	g, err := c.groupOf()
	if err != nil {
		return answer{}, err
	}
	_, by, err := c.balances(g)
	if err != nil {
		return answer{}, err
	}
	b, ok := by[code]
	if !ok {
		return answer{}, errNotFound
	}
	return answer{http.StatusOK, b}, nil
}

func listBalances(c *call) (answer, error) {
	g, err := c.groupOf()
	if err != nil {
		return answer{}, err
	}
	p, _, err := c.page("currency")
	if err != nil {
		return answer{}, err
	}
	all, _, err := c.balances(g)
	if err != nil {
		return answer{}, err
	}
	return p.of(all), nil
}
