package customer

import (
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
)

// The types of trading accounts.
const (
	Trading   = "TRADING"
	Portfolio = "PORTFOLIO"
)

// TradingAccount is an account for securities inside a group, for wires that want one
// before anything else. Nothing is held in it: the money is the group's. Its number is
// that of its account, which the group's one owns.
type TradingAccount struct {
	Seq       id.Seq
	Merchant  id.Seq
	Group     id.Seq
	User      id.Seq
	Type      string // Trading or Portfolio
	Name      string
	Number    int64 // counted in its group, from 1
	Status    Status
	CreatedAt time.Time
	UpdatedAt time.Time
	Version   int64
}

// TradingAccounts is the table of trading accounts.
var TradingAccounts = commit.NewTable("customer_trading", func(a *TradingAccount) id.Seq { return a.Seq })

// Answer implements commit.Answerer.
func (a TradingAccount) Answer() commit.Answer { return commit.Answer{Ref: a.Seq} }

// AsCreated is the account as it was when it was made.
func (a TradingAccount) AsCreated() TradingAccount {
	a.Status, a.UpdatedAt = Active, a.CreatedAt
	return a
}

// ErrNoAccount is the answer for a trading account that is not there, or somebody else's.
var ErrNoAccount = fault.New(fault.NotFound, "trading_account_not_found", "no such account")

// CreateTradingAccount makes one in a group.
type CreateTradingAccount struct {
	Merchant id.Seq
	Group    id.Seq
	User     id.Seq // 0: the group's
	Type     string
	Name     string
	Actor    string
}

// Reads implements commit.Command.
func (c CreateTradingAccount) Reads(w *commit.Wants) { Groups.Want(w, c.Group) }

// Apply implements commit.Command.
func (c CreateTradingAccount) Apply(v *commit.View) (TradingAccount, error) {
	g, ok := Groups.Get(v, c.Group)
	if !ok || g.Merchant != c.Merchant || c.User != 0 && g.User != c.User {
		return TradingAccount{}, ErrNoGroup
	}
	if g.Status != Active {
		return TradingAccount{}, fault.New(fault.Refused, "account_group_not_active", "the account group is %s: only an active one gets an account", g.Status)
	}
	if c.Type != Trading && c.Type != Portfolio {
		return TradingAccount{}, fault.Bad("invalid_type", "type", "must be %s or %s", Trading, Portfolio)
	}
	opened, err := account.Open{Merchant: c.Merchant, Kind: ledger.KindCustomer, Name: c.Name, Owner: g.Seq, Actor: c.Actor}.Apply(v)
	if err != nil {
		return TradingAccount{}, err
	}
	g.Trading, g.Version = g.Trading+1, g.Version+1
	Groups.Put(v, g)
	a := TradingAccount{
		Seq: opened.Seq, Merchant: c.Merchant, Group: g.Seq, User: g.User, Type: c.Type, Name: c.Name, Number: g.Trading, Status: Active,
		CreatedAt: v.Now(), UpdatedAt: v.Now(), Version: 1,
	}
	TradingAccounts.Insert(v, a)
	return a, nil
}

// CloseTradingAccount ends one. A closed one is answered the same.
type CloseTradingAccount struct {
	Merchant id.Seq
	Account  id.Seq
	Actor    string
}

// Reads implements commit.Command.
func (c CloseTradingAccount) Reads(w *commit.Wants) { TradingAccounts.Want(w, c.Account) }

// Apply implements commit.Command.
func (c CloseTradingAccount) Apply(v *commit.View) (TradingAccount, error) {
	a, ok := TradingAccounts.Get(v, c.Account)
	if !ok || a.Merchant != c.Merchant {
		return TradingAccount{}, ErrNoAccount
	}
	if a.Status == Closed {
		return a, nil
	}
	a.Status, a.UpdatedAt, a.Version = Closed, v.Now(), a.Version+1
	TradingAccounts.Put(v, a)
	closed(v, a.Merchant, a.Seq, a.Version, c.Actor)
	return a, nil
}
