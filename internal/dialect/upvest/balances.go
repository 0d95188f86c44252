package upvest

import (
	"net/http"
	"slices"
	"strings"

	"sluice/internal/dialect/upvest/customer"
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

// balance writes a balance. What is held for withdrawals has no field of its own: it shows
// in what is available. To trade with there is what came in for it, as far as it is there
// and not bound, settled or not.
func (t teller) balance(b ledger.Balance) balanceBody {
	asset := t.asset(b.Currency)
	tradable := b.Tradable
	if free, err := b.Available.Add(b.Pending); err == nil && free.Less(tradable) {
		tradable = free
	}
	return balanceBody{
		Group: t.uuid(id.Account, b.Account), Currency: asset.Code, Balance: minimal(asset, b.Total()), Locked: minimal(asset, b.Locked),
		Pending: minimal(asset, b.Pending), Available: minimal(asset, b.Available), Tradable: minimal(asset, tradable),
	}
}

// balances are those of a group in the currencies of the wire: the default one always,
// others once there was money.
func (c *call) balances(g customer.Group) ([]ledger.Balance, error) {
	rows, err := c.Reads.Balances(c.ctx, c.at(g.Seq))
	if err != nil {
		return nil, err
	}
	out := []ledger.Balance{none(g, defaultCurrency)}
	for _, b := range rows {
		switch {
		case b.Currency == defaultCurrency:
			out[0] = b
		case c.banked(b.Currency):
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b ledger.Balance) int { return strings.Compare(a.Currency, b.Currency) })
	return out, nil
}

func none(g customer.Group, code string) ledger.Balance {
	return ledger.Balance{BalanceKey: ledger.BalanceKey{Account: g.Seq, Currency: code}}
}

func getBalance(c *call) (answer, error) { return c.balanceIn(defaultCurrency) }

func getBalanceIn(c *call) (answer, error) { return c.balanceIn(c.args[1]) }

func (c *call) balanceIn(code string) (answer, error) {
	g, err := c.groupOf()
	if err != nil {
		return answer{}, err
	}
	if !c.banked(code) {
		return answer{}, errNotFound
	}
	all, err := c.balances(g)
	if err != nil {
		return answer{}, err
	}
	for _, b := range all {
		if b.Currency == code {
			return answer{http.StatusOK, c.teller().balance(b)}, nil
		}
	}
	return answer{http.StatusOK, c.teller().balance(none(g, code))}, nil
}

func listBalances(c *call) (answer, error) {
	g, err := c.groupOf()
	if err != nil {
		return answer{}, err
	}
	p, _, err := c.page("currency", "updated_at")
	if err != nil {
		return answer{}, err
	}
	all, err := c.balances(g)
	if err != nil {
		return answer{}, err
	}
	rows := make([]row, len(all))
	for i, b := range all {
		rows[i] = row{body: c.teller().balance(b), changed: b.UpdatedAt}
	}
	return p.of(rows), nil
}
