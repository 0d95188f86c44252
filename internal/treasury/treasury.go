// Package treasury keeps the ledger and the wallets in agreement, to the last unit.
// For every wallet and asset the ledger knows what should be there (deposits less
// payouts less network fees), and a final block shows what is there. When both speak
// of the same payouts, more is a deposit and is booked; less is money that left
// without us, and is never booked by itself: it is an alarm until an operator
// explains it. The package also tells what a wallet can still pay, for how long, and
// when it runs low.
package treasury

import (
	"time"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/money"
	"sluice/internal/rail"
)

// OperatorShard is where everything of the treasury is kept. The house accounts of a
// wallet stand in every shard that it paid for; deposits are booked here.
const OperatorShard id.Shard = 0

// Wallet is what a rail pays from, as far as the treasury needs to know it.
type Wallet struct {
	Seq     id.Seq
	Network string
	Address string // as the network writes it
	Label   string // what people call it; may be empty
}

// Text is the wallet's public id, and part of the name of its house account.
func (w Wallet) Text() string { return walletText(w.Seq) }

func walletText(s id.Seq) string { return id.ID{Shard: OperatorShard, Seq: s}.Text(id.Wallet) }

// BookKey names one wallet in one asset.
type BookKey struct {
	Wallet id.Seq
	Asset  string
}

// Book is what the treasury remembers of a wallet in one asset.
type Book struct {
	BookKey
	Block int64  // the final block of the last booking or alarm; the next one is above it
	Hash  string // of that block, as the network names it
	// Missing is what left the wallet and was not explained yet: the ledger still
	// counts it as there.
	Missing   money.Amount
	Low       bool // wallet.low was told, and wallet.ok was not yet
	UpdatedAt time.Time
	Version   int64
}

// Books is the table of them.
var Books = commit.NewTable("wallet_book", func(b *Book) BookKey { return b.BookKey })

// The kinds of fundings.
const (
	KindDeposit = "deposit" // a final block shows more than the ledger: booked by itself
	KindOutflow = "outflow" // money that left without us, explained by an operator
)

// Funding is one booking between a wallet and the world outside. It is never changed;
// its number is the cause of its transfer.
type Funding struct {
	Seq       id.Seq
	Wallet    id.Seq
	Asset     string
	Kind      string
	Amount    money.Amount
	Block     int64  // the final block that showed a deposit; 0 for what an operator booked
	Hash      string // of that block; of the operator's own transaction its id
	Reason    string // what the operator said; "" for deposits
	Actor     string
	CreatedAt time.Time
}

// Fundings is the log of bookings.
var Fundings = commit.NewLog[Funding]("wallet_funding")

// Open is a dispatch of a wallet that is not done.
type Open struct {
	Seq     id.Seq
	Slot    rail.Slot
	Bound   bool // it holds a slot: its payouts may be paid
	Mined   bool // a block that may still go away holds it
	Told    bool // its outcome is proved, and its withdrawals are being told: the books move
	Payouts []Coins
	MaxFee  money.Amount // the most that one of its attempts can cost; zero before the first
}

// Coins is an amount of an asset.
type Coins struct {
	Asset  string
	Amount money.Amount
}

// State is everything that is written about a wallet, of one moment.
type State struct {
	Open   []Open
	Booked map[string]Signed // by asset: what the ledger says that the wallet holds
	Books  map[string]Book   // by asset
	// Lost counts the payouts that were final and that the chain no longer holds.
	Lost int64
	// Foreign counts, on account chains, the nonces that the position shows as used, from the
	// one on that was asked for, and that no dispatch holds: what else the key has signed.
	Foreign uint64
	// Ahead is, by asset, what was paid and booked in slots that the position asked
	// about does not show as used: the ledger is ahead of that block by so much.
	Ahead map[string]money.Amount
}

// House is the name of a wallet's house account. Payouts and network fees are
// credited to it and deposits debited, as with every account that stands for
// something outside: what the wallet holds is out less in.
func House(wallet id.Seq) string { return ledger.Treasury(walletText(wallet)) }
