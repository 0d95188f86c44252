package customer

import (
	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/merchant/destination"
	"sluice/internal/withdrawal"
)

// Reference is what a wire shows of a reference account beyond its destination. Its
// number is that of the destination.
type Reference struct {
	Seq      id.Seq
	Merchant id.Seq
	User     id.Seq
	// Mask is the number of the bank account with its middle hidden. It shows more of the
	// number than destinations do, so only the wire that wants it has it.
	Mask    string
	Version int64
}

// References is the table of what is shown of reference accounts.
var References = commit.NewTable("customer_reference", func(r *Reference) id.Seq { return r.Seq })

// Register registers a bank account of a user.
type Register struct {
	destination.Register // Account is the user
	Mask                 string
}

// Reads implements commit.Command.
func (c Register) Reads(w *commit.Wants) {
	c.Register.Reads(w)
	Users.Want(w, c.Account)
}

// Apply implements commit.Command.
func (c Register) Apply(v *commit.View) (destination.Destination, error) {
	u, ok := Users.Get(v, c.Account)
	if !ok || u.Merchant != c.Merchant {
		return destination.Destination{}, ErrNoUser
	}
	if u.Status != Active {
		return destination.Destination{}, fault.New(fault.Refused, "user_not_active", "the user is %s: only an active one gets a reference account", u.Status)
	}
	d, err := c.Register.Apply(v)
	if err != nil {
		return destination.Destination{}, err
	}
	References.Insert(v, Reference{Seq: d.Seq, Merchant: d.Merchant, User: d.Account, Mask: c.Mask, Version: 1})
	return d, nil
}

// Withdraw is a withdrawal of a user from one of the user's groups to one of the user's
// reference accounts. Objects of different users do not go together, and are answered
// as if they were not there.
type Withdraw struct {
	withdrawal.Create        // Account is the group, Destination the reference account
	User              id.Seq // 0: whoever owns the group
}

// Reads implements commit.Command.
func (c Withdraw) Reads(w *commit.Wants) {
	c.Create.Reads(w)
	Groups.Want(w, c.Account)
}

// Apply implements commit.Command.
func (c Withdraw) Apply(v *commit.View) (withdrawal.Withdrawal, error) {
	g, ok := Groups.Get(v, c.Account)
	if !ok || g.Merchant != c.Merchant || c.User != 0 && g.User != c.User {
		return withdrawal.Withdrawal{}, ErrNoGroup
	}
	d, ok := destination.Destinations.Get(v, c.Destination)
	if !ok || d.Merchant != c.Merchant || d.Account != g.User || !d.Bank() {
		return withdrawal.Withdrawal{}, fault.New(fault.NotFound, "reference_account_not_found", "no such reference account of this user")
	}
	if g.Status != Active {
		return withdrawal.Withdrawal{}, fault.New(fault.Refused, "account_group_not_active", "the account group is %s: only an active one can be withdrawn from", g.Status)
	}
	return c.Create.Apply(v)
}
