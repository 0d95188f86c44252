package payout

import (
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
)

// Wallet is what a rail pays from. One worker at a time works on it: the one that
// holds its lease. The fence grows with every new holder, so that one that was
// paused and wakes up late is recognised where it writes.
type Wallet struct {
	Seq        id.Seq
	Network    string
	Address    string
	Label      string
	NextNonce  int64
	LeaseOwner string
	LeaseUntil time.Time
	Fence      int64
	CreatedAt  time.Time
	Version    int64
}

// Text is the wallet's public id, and part of the name of its treasury account.
func (w Wallet) Text() string { return walletText(w.Seq) }

func walletText(s id.Seq) string { return id.ID{Shard: OperatorShard, Seq: s}.Text(id.Wallet) }

// Wallets is the table of wallets.
var Wallets = commit.NewTable("wallet", func(w *Wallet) id.Seq { return w.Seq })

// WalletKey finds a wallet by its address.
type WalletKey struct {
	Network string
	Address string
}

// WalletAddress says which wallet has an address. It is read from the wallet
// table; writing it changes only the view.
type WalletAddress struct {
	WalletKey
	Wallet id.Seq
}

// WalletAddresses is the look-up of wallets by address.
var WalletAddresses = commit.NewTable("wallet_address", func(a *WalletAddress) WalletKey { return a.WalletKey })

// CreateWallet makes a wallet known, or gives the one that has the address.
type CreateWallet struct {
	Network string
	Address string
	Label   string
}

// Reads implements commit.Command.
func (c CreateWallet) Reads(w *commit.Wants) {
	WalletAddresses.Want(w, WalletKey{c.Network, c.Address})
}

// Follow implements commit.Follower.
func (c CreateWallet) Follow(v *commit.View, w *commit.Wants) {
	if a, ok := WalletAddresses.Get(v, WalletKey{c.Network, c.Address}); ok {
		Wallets.Want(w, a.Wallet)
	}
}

// Apply implements commit.Command.
func (c CreateWallet) Apply(v *commit.View) (Wallet, error) {
	if c.Network == "" || c.Address == "" {
		return Wallet{}, fault.Bad("invalid_wallet", "address", "a wallet needs a network and an address")
	}
	if a, ok := WalletAddresses.Get(v, WalletKey{c.Network, c.Address}); ok {
		w, _ := Wallets.Get(v, a.Wallet)
		return w, nil
	}
	w := Wallet{Seq: v.NewID(), Network: c.Network, Address: c.Address, Label: c.Label, CreatedAt: v.Now(), Version: 1}
	Wallets.Insert(v, w)
	WalletAddresses.Put(v, WalletAddress{WalletKey{c.Network, c.Address}, w.Seq})
	return w, nil
}

// Lease takes or renews the right to work on a wallet. It is refused while another
// owner holds it. It returns the wallet with the fence to use.
type Lease struct {
	Wallet id.Seq
	Owner  string // one running process, never the same twice
	For    time.Duration
}

// Reads implements commit.Command.
func (c Lease) Reads(w *commit.Wants) { Wallets.Want(w, c.Wallet) }

// Apply implements commit.Command.
func (c Lease) Apply(v *commit.View) (Wallet, error) {
	w, ok := Wallets.Get(v, c.Wallet)
	if !ok {
		return Wallet{}, fault.New(fault.NotFound, "wallet_not_found", "no such wallet")
	}
	if w.LeaseOwner != c.Owner {
		if w.LeaseOwner != "" && w.LeaseUntil.After(v.Now()) {
			return Wallet{}, fault.New(fault.Conflict, "wallet_leased", "another process works on this wallet until %s", w.LeaseUntil.Format(time.RFC3339))
		}
		w.LeaseOwner, w.Fence = c.Owner, w.Fence+1
	}
	w.LeaseUntil, w.Version = v.Now().Add(c.For).Truncate(time.Microsecond), w.Version+1
	Wallets.Put(v, w)
	return w, nil
}

// Unlease gives the right back early.
type Unlease struct {
	Wallet id.Seq
	Owner  string
}

// Reads implements commit.Command.
func (c Unlease) Reads(w *commit.Wants) { Wallets.Want(w, c.Wallet) }

// Apply implements commit.Command.
func (c Unlease) Apply(v *commit.View) (Wallet, error) {
	w, ok := Wallets.Get(v, c.Wallet)
	if !ok || w.LeaseOwner != c.Owner {
		return w, nil
	}
	w.LeaseOwner, w.LeaseUntil, w.Version = "", time.Time{}, w.Version+1
	Wallets.Put(v, w)
	return w, nil
}

// fenced gives the wallet if the fence is the newest one; a worker with an older
// one has lost its lease and must write nothing.
func fenced(v *commit.View, wallet id.Seq, fence int64) (Wallet, error) {
	w, ok := Wallets.Get(v, wallet)
	if !ok {
		return w, fault.New(fault.NotFound, "wallet_not_found", "no such wallet")
	}
	if fence == 0 || w.Fence != fence {
		return w, fault.New(fault.Conflict, "lease_lost", "another process has taken over this wallet")
	}
	return w, nil
}
