// Package customer knows the people behind accounts, for wires that speak of users
// and their account groups. A user is an account of the kind customer that holds no
// money: reference accounts are registered for it. An account group is an account that
// the user's one owns: it holds the money. Both are ordinary accounts to everything else.
package customer

import (
	"time"

	"sluice/internal/commit"
	"sluice/internal/dialect/alias"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
)

// Status is where a user or a group is.
type Status string

// The statuses.
const (
	Active     Status = "active"
	Offboarded Status = "offboarded" // of a user
	Closed     Status = "closed"     // of a group
)

// Window is a part of a list, by position.
type Window struct {
	Offset, Limit int
	NewestFirst   bool
	ByChange      bool // in the order of their last change; else in that in which they were made
}

// User is a person. Its number is that of its account.
type User struct {
	Seq       id.Seq
	Merchant  id.Seq
	Profile   []byte // what the wire tells of the person, sealed
	Status    Status
	Groups    int64 // that are not closed
	CreatedAt time.Time
	UpdatedAt time.Time
	Version   int64
}

// Users is the table of users.
var Users = commit.NewTable("customer_user", func(u *User) id.Seq { return u.Seq })

// Answer implements commit.Answerer.
func (u User) Answer() commit.Answer { return commit.Answer{Ref: u.Seq} }

// AsCreated is the user as it was when it was made: what a repeat is answered with.
func (u User) AsCreated() User {
	u.Status, u.UpdatedAt = Active, u.CreatedAt
	return u
}

// The types of groups.
const (
	Personal    = "PERSONAL"
	LegalEntity = "LEGAL_ENTITY"
)

// Group is an account group. Its number is that of its account.
type Group struct {
	Seq       id.Seq
	Merchant  id.Seq
	User      id.Seq
	Type      string // Personal or LegalEntity
	Number    int64  // counted per merchant and wire, up to MaxNumber
	Trading   int64  // trading accounts that were ever made in it
	Status    Status
	CreatedAt time.Time
	UpdatedAt time.Time
	Version   int64
}

// MaxNumber bounds Group.Number: nine digits are what the wire shows.
const MaxNumber = 999_999_999

// Groups is the table of groups.
var Groups = commit.NewTable("customer_group", func(g *Group) id.Seq { return g.Seq })

// Answer implements commit.Answerer.
func (g Group) Answer() commit.Answer { return commit.Answer{Ref: g.Seq} }

// AsCreated is the group as it was when it was made.
func (g Group) AsCreated() Group {
	g.Status, g.UpdatedAt = Active, g.CreatedAt
	return g
}

// CreateUser makes a user with its account.
type CreateUser struct {
	Merchant id.Seq
	Name     string // of the holder, for checks of names
	Profile  []byte
	Actor    string
}

// Reads implements commit.Command.
func (CreateUser) Reads(*commit.Wants) {}

// Apply implements commit.Command.
func (c CreateUser) Apply(v *commit.View) (User, error) {
	a, err := account.Open{Merchant: c.Merchant, Kind: ledger.KindCustomer, Name: c.Name, Actor: c.Actor}.Apply(v)
	if err != nil {
		return User{}, err
	}
	u := User{Seq: a.Seq, Merchant: c.Merchant, Profile: c.Profile, Status: Active, CreatedAt: v.Now(), UpdatedAt: v.Now(), Version: 1}
	Users.Insert(v, u)
	return u, nil
}

// The answers for what is not there, or somebody else's.
var (
	ErrNoUser  = fault.New(fault.NotFound, "user_not_found", "no such user")
	ErrNoGroup = fault.New(fault.NotFound, "account_group_not_found", "no such account group")
)

// CreateGroup makes an account group of a user, with its account.
type CreateGroup struct {
	Merchant id.Seq
	User     id.Seq
	Type     string
	Wire     string // whose numbers are counted
	Actor    string
}

// Reads implements commit.Command.
func (c CreateGroup) Reads(w *commit.Wants) {
	Users.Want(w, c.User)
	ledger.Accounts.Want(w, c.User)
	alias.Counters.Want(w, alias.CounterKey{Merchant: c.Merchant, Wire: c.Wire})
}

// Apply implements commit.Command.
func (c CreateGroup) Apply(v *commit.View) (Group, error) {
	u, ok := Users.Get(v, c.User)
	holder, found := ledger.Accounts.Get(v, c.User)
	if !ok || !found || u.Merchant != c.Merchant {
		return Group{}, ErrNoUser
	}
	if u.Status != Active {
		return Group{}, fault.New(fault.Refused, "user_not_active", "the user is %s: only an active one gets an account group", u.Status)
	}
	if c.Type != Personal && c.Type != LegalEntity {
		return Group{}, fault.Bad("invalid_type", "type", "must be %s or %s", Personal, LegalEntity)
	}
	at := alias.CounterKey{Merchant: c.Merchant, Wire: c.Wire}
	n, _ := alias.Counters.Get(v, at)
	if n.Last >= MaxNumber {
		return Group{}, fault.New(fault.Refused, "numbers_used_up", "this merchant has used all %d account numbers", MaxNumber)
	}
	n.CounterKey, n.Last, n.Version = at, n.Last+1, n.Version+1
	alias.Counters.Put(v, n)
	a, err := account.Open{Merchant: c.Merchant, Kind: ledger.KindCustomer, Name: holder.Name, Owner: c.User, Actor: c.Actor}.Apply(v)
	if err != nil {
		return Group{}, err
	}
	g := Group{
		Seq: a.Seq, Merchant: c.Merchant, User: c.User, Type: c.Type, Number: n.Last, Status: Active, CreatedAt: v.Now(), UpdatedAt: v.Now(), Version: 1,
	}
	Groups.Insert(v, g)
	u.Groups, u.UpdatedAt, u.Version = u.Groups+1, v.Now(), u.Version+1
	Users.Put(v, u)
	return g, nil
}

// CloseGroup ends a group that holds no money. A closed one is answered the same.
type CloseGroup struct {
	Merchant   id.Seq
	Group      id.Seq
	Currencies []string // every currency of the installation
	Actor      string
}

// Reads implements commit.Command.
func (c CloseGroup) Reads(w *commit.Wants) {
	Groups.Want(w, c.Group)
	for _, code := range c.Currencies {
		ledger.WantBalance(w, c.Group, code)
	}
}

// Follow implements commit.Follower.
func (c CloseGroup) Follow(v *commit.View, w *commit.Wants) {
	if g, ok := Groups.Get(v, c.Group); ok {
		Users.Want(w, g.User)
	}
}

// Apply implements commit.Command.
func (c CloseGroup) Apply(v *commit.View) (Group, error) {
	g, ok := Groups.Get(v, c.Group)
	if !ok || g.Merchant != c.Merchant {
		return Group{}, ErrNoGroup
	}
	if g.Status == Closed {
		return g, nil
	}
	for _, code := range c.Currencies {
		if b, _ := ledger.Balances.Get(v, ledger.BalanceKey{Account: c.Group, Currency: code}); !b.Total().IsZero() {
			return Group{}, fault.New(fault.Conflict, "account_group_not_empty", "the account group still holds %s: withdraw it first", code)
		}
	}
	g.Status, g.UpdatedAt, g.Version = Closed, v.Now(), g.Version+1
	Groups.Put(v, g)
	closed(v, g.Merchant, g.Seq, g.Version, c.Actor)
	u, _ := Users.Get(v, g.User)
	u.Groups, u.UpdatedAt, u.Version = u.Groups-1, v.Now(), u.Version+1
	Users.Put(v, u)
	return g, nil
}

// Offboard ends a user whose groups are closed. One that has ended is answered the
// same.
type Offboard struct {
	Merchant id.Seq
	User     id.Seq
	Actor    string
}

// Reads implements commit.Command.
func (c Offboard) Reads(w *commit.Wants) { Users.Want(w, c.User) }

// Apply implements commit.Command.
func (c Offboard) Apply(v *commit.View) (User, error) {
	u, ok := Users.Get(v, c.User)
	if !ok || u.Merchant != c.Merchant {
		return User{}, ErrNoUser
	}
	if u.Status == Offboarded {
		return u, nil
	}
	if u.Groups > 0 {
		return User{}, fault.New(fault.Conflict, "user_has_account_groups", "the user has %d account groups that are not closed: close them first", u.Groups)
	}
	u.Status, u.UpdatedAt, u.Version = Offboarded, v.Now(), u.Version+1
	Users.Put(v, u)
	closed(v, u.Merchant, u.Seq, u.Version, c.Actor)
	return u, nil
}

// closed writes that an account ended.
func closed(v *commit.View, merchant, account id.Seq, version int64, actor string) {
	event.Append(v, event.Event{Type: event.AccountClosed, Merchant: merchant, Account: account, Subject: account, Version: version, State: string(Closed), Actor: actor})
}
