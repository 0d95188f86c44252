// Package ledger is the double-entry book: accounts with four buckets per
// currency, house accounts with two growing totals, and the transfers between
// them. A movement exists only as a transfer, so every currency balances by
// construction; transfers are never changed, a correction is a new one.
package ledger

import (
	"fmt"
	"time"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/money"
)

// Bucket is one of the four parts of a balance.
type Bucket string

// The buckets. None of them is ever below zero.
const (
	Available Bucket = "available"          // may be withdrawn
	Pending   Bucket = "pending_settlement" // credited, not settled yet
	Locked    Bucket = "locked"             // bound by the merchant (re-investment, an order)
	Reserved  Bucket = "reserved"           // held for withdrawals
)

// The kinds of account owners.
const (
	KindMerchant = "merchant"
	KindCustomer = "customer"
)

// Account holds balances. It belongs to one merchant for ever.
type Account struct {
	Seq       id.Seq
	Merchant  id.Seq
	Kind      string // KindMerchant or KindCustomer
	ForeignID string // the merchant's own id of it, unique per merchant; "" for none
	Name      string // the holder
	// Owner is the account that this one is a part of; 0: none. Destinations that are
	// registered for that account can be used from this one: both have one holder.
	Owner     id.Seq
	CreatedAt time.Time
	Version   int64
}

// Accounts is the table of accounts.
var Accounts = commit.NewTable("account", func(a *Account) id.Seq { return a.Seq })

// AccountForeignKey finds an account by the merchant's own id.
type AccountForeignKey struct {
	Merchant  id.Seq
	ForeignID string
}

// AccountForeignID says which account has a merchant's own id. It is read from the
// account table; writing it changes only the view.
type AccountForeignID struct {
	AccountForeignKey
	Account id.Seq
}

// AccountForeignIDs is the look-up of accounts by foreign id.
var AccountForeignIDs = commit.NewTable("account_foreign_id", func(f *AccountForeignID) AccountForeignKey { return f.AccountForeignKey })

// BalanceKey names one account in one currency.
type BalanceKey struct {
	Account  id.Seq
	Currency string
}

// Balance is one account in one currency.
type Balance struct {
	BalanceKey
	Merchant  id.Seq
	Available money.Amount
	Pending   money.Amount
	Locked    money.Amount
	Reserved  money.Amount
	// Tradable is how much of the total came in to be traded with (Trade): money of other
	// origin leaves first. It decides nothing; surfaces that tell the two apart show it.
	Tradable  money.Amount
	UpdatedAt time.Time
	Version   int64
}

// Balances is the table of balances.
var Balances = commit.NewTable("balance", func(b *Balance) BalanceKey { return b.BalanceKey })

// Total is the sum of the four buckets.
func (b Balance) Total() money.Amount {
	return must(must(b.Available.Add(b.Pending)).Add(must(b.Locked.Add(b.Reserved))))
}

// ForTrading is what may be used for new orders: settled or not, but unbound.
func (b Balance) ForTrading() money.Amount { return must(b.Available.Add(b.Pending)) }

// must is for sums of parts whose total passed the same check when it was posted.
func must(a money.Amount, err error) money.Amount {
	if err != nil {
		panic(fmt.Errorf("ledger: a sum of buckets overflows: %w", err))
	}
	return a
}

func (b *Balance) bucket(k Bucket) *money.Amount {
	switch k {
	case Available:
		return &b.Available
	case Pending:
		return &b.Pending
	case Locked:
		return &b.Locked
	case Reserved:
		return &b.Reserved
	}
	return nil
}

// The house accounts. A treasury is kept per wallet: Treasury gives its name.
const (
	External    = "external"     // the world that money is credited from
	Fees        = "fees"         // processing fees earned
	NetworkFees = "network_fees" // what networks took
	Exchange    = "exchange"     // both legs of conversions
	Suspense    = "suspense"     // bookings of a bank that nobody here ordered, until a person resolves them
)

// Treasury names the house account of one wallet. The wallet's public id is used,
// because the wallet may live in another shard.
func Treasury(wallet string) string { return "treasury:" + wallet }

// HouseKey names one house account in one currency.
type HouseKey struct {
	Name     string
	Currency string
}

// House is an account of the installation itself. Its two totals only grow; what
// it holds is the difference.
type House struct {
	HouseKey
	In        money.Amount
	Out       money.Amount
	UpdatedAt time.Time
	Version   int64
}

// Houses is the table of house accounts.
var Houses = commit.NewTable("house", func(h *House) HouseKey { return h.HouseKey })

// Side is one end of a transfer: a bucket of an account, or a house account.
type Side struct {
	Account id.Seq // 0: a house account
	Name    string // the bucket, or the house account's name
}

// Of is a bucket of an account.
func Of(account id.Seq, b Bucket) Side { return Side{Account: account, Name: string(b)} }

// AtHouse is a house account.
func AtHouse(name string) Side { return Side{Name: name} }

// Kind says why money moved.
type Kind string

// The kinds of transfers.
const (
	KindCredit     Kind = "credit"      // external -> available or pending_settlement
	KindSettle     Kind = "settle"      // pending_settlement -> available
	KindLock       Kind = "lock"        // available -> locked
	KindUnlock     Kind = "unlock"      // locked -> available
	KindReserve    Kind = "reserve"     // available -> reserved
	KindRelease    Kind = "release"     // reserved -> available
	KindPayout     Kind = "payout"      // reserved -> treasury; of a conversion exchange -> treasury
	KindFee        Kind = "fee"         // reserved -> fees
	KindNetworkFee Kind = "network_fee" // network fees -> treasury: what a network took; reserved -> network fees: what was passed on
	KindFund       Kind = "fund"        // treasury <-> external: a wallet was funded
	KindReturn     Kind = "return"      // treasury -> available
	KindTakeBack   Kind = "take_back"   // available -> external: a credit was taken back
	KindSuspense   Kind = "suspense"    // treasury <-> suspense: a bank booked what nobody here ordered
	KindExchange   Kind = "exchange"    // reserved or available -> exchange: the sender's leg of a conversion; exchange -> available: the receiver's
)

// Transfer is one movement. It is immutable.
type Transfer struct {
	Seq        id.Seq
	At         time.Time
	Kind       Kind
	Currency   string
	Amount     money.Amount
	Debit      Side   // what it leaves
	Credit     Side   // where it goes
	Withdrawal id.Seq // the withdrawal it belongs to; 0 for none
	Cause      id.Seq // the credit, lock or dispatch it belongs to; 0 for none
}

// Transfers is the log of movements.
var Transfers = commit.NewLog[Transfer]("transfer")

// WantBalance declares a balance.
func WantBalance(w *commit.Wants, account id.Seq, currency string) {
	Balances.Want(w, BalanceKey{account, currency})
}

// WantHouse declares a house account.
func WantHouse(w *commit.Wants, name, currency string) { Houses.Want(w, HouseKey{name, currency}) }

// Post moves money: it takes the amount out of the debit side, puts it into the
// credit side, and appends the transfer with a fresh number and the batch's time.
// Both sides must have been declared. Taking more than a bucket holds is
// money.ErrNegative; a total beyond 39 digits is money.ErrOverflow. A transfer of nothing is a
// broken invariant: callers leave it out.
func Post(v *commit.View, t Transfer) (Transfer, error) {
	if t.Amount.IsZero() || t.Currency == "" || t.Debit == t.Credit {
		return t, fmt.Errorf("%w: transfer of %s %q from %v to %v", commit.ErrInvariant, t.Amount, t.Currency, t.Debit, t.Credit)
	}
	t.Seq, t.At = v.NewID(), v.Now()
	if err := move(v, t.Debit, t.Currency, t.Amount, false); err != nil {
		return t, err
	}
	if err := move(v, t.Credit, t.Currency, t.Amount, true); err != nil {
		return t, err
	}
	untrade(v, t.Debit, t.Currency)
	Transfers.Append(v, t)
	return t, nil
}

// Trade marks an amount that was just posted to an account as money to trade with.
func Trade(v *commit.View, account id.Seq, currency string, a money.Amount) error {
	b, _ := Balances.Get(v, BalanceKey{account, currency})
	var err error
	if b.Tradable, err = b.Tradable.Add(a); err != nil {
		return err
	}
	Balances.Put(v, b)
	return nil
}

// untrade keeps what is to be traded with within what is there, once money has left.
func untrade(v *commit.View, s Side, currency string) {
	if s.Account == 0 {
		return
	}
	b, _ := Balances.Get(v, BalanceKey{s.Account, currency})
	if total := b.Total(); !b.Tradable.IsZero() && total.Less(b.Tradable) {
		b.Tradable = total
		Balances.Put(v, b)
	}
}

func move(v *commit.View, s Side, currency string, a money.Amount, in bool) error {
	if s.Account == 0 {
		return moveHouse(v, s.Name, currency, a, in)
	}
	b, ok := Balances.Get(v, BalanceKey{s.Account, currency})
	if !ok {
		acc, found := Accounts.Get(v, s.Account)
		if !found {
			return fmt.Errorf("%w: transfer on account %d, which does not exist", commit.ErrInvariant, s.Account)
		}
		b = Balance{BalanceKey: BalanceKey{s.Account, currency}, Merchant: acc.Merchant}
	}
	part := b.bucket(Bucket(s.Name))
	if part == nil {
		return fmt.Errorf("%w: transfer on bucket %q, which does not exist", commit.ErrInvariant, s.Name)
	}
	var err error
	if in {
		// The total is what must fit, so that reading it can never overflow.
		if _, err = b.Total().Add(a); err == nil {
			*part, err = part.Add(a)
		}
	} else {
		*part, err = part.Sub(a)
	}
	if err != nil {
		return err
	}
	b.UpdatedAt, b.Version = v.Now(), b.Version+1
	Balances.Put(v, b)
	return nil
}

func moveHouse(v *commit.View, name, currency string, a money.Amount, in bool) error {
	k := HouseKey{name, currency}
	h, ok := Houses.Get(v, k)
	if !ok {
		h = House{HouseKey: k}
	}
	var err error
	if in {
		h.In, err = h.In.Add(a)
	} else {
		h.Out, err = h.Out.Add(a)
	}
	if err != nil {
		return err
	}
	h.UpdatedAt, h.Version = v.Now(), h.Version+1
	Houses.Put(v, h)
	return nil
}
