package treasury

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/money"
)

// Actor is the name under which the worker's changes appear.
const Actor = "worker:treasury"

// MaxReason bounds the reason of an explanation, in bytes.
const MaxReason = 500

// Guard is what must still hold when a command is applied: that whoever read the
// books is alone on the wallet, so that nothing was booked in between.
type Guard interface {
	Reads(w *commit.Wants)
	Check(v *commit.View) error
}

// BookChain books what a final block shows beyond the ledger: a deposit, or money that
// left without us, which is only noted. It runs in the operator's shard, and does
// nothing for a block that is not above the last one booked. Only the worker uses it.
type BookChain struct {
	Guard  Guard
	Wallet id.Seq
	Asset  string
	Block  uint64
	Hash   string
	// What is new: a deposit, money that left without us, or some of that is back. An
	// alarm that is over and a deposit may come together; else all but one are zero.
	Deposit money.Amount
	Gone    money.Amount
	Back    money.Amount // at most what is missing
	Seen    int64        // Book.Version that it was worked out from; 0 for none
}

// Reads implements commit.Command.
func (c BookChain) Reads(w *commit.Wants) {
	c.Guard.Reads(w)
	wantBook(w, c.Wallet, c.Asset)
}

func wantBook(w *commit.Wants, wallet id.Seq, asset string) {
	Books.Want(w, BookKey{wallet, asset})
	ledger.WantHouse(w, House(wallet), asset)
	ledger.WantHouse(w, ledger.External, asset)
}

// Apply implements commit.Command.
func (c BookChain) Apply(v *commit.View) (Book, error) {
	if err := c.Guard.Check(v); err != nil {
		return Book{}, err
	}
	if c.Block > math.MaxInt64 {
		return Book{}, fault.New(fault.Invalid, "block_number", "block %d: no chain has so many", c.Block)
	}
	block := int64(c.Block)
	b, known := Books.Get(v, BookKey{c.Wallet, c.Asset})
	switch {
	case b.Version != c.Seen:
		return Book{}, fault.New(fault.Conflict, "books_moved", "the books of the wallet changed meanwhile: look again")
	case known && b.Block >= block && b.Block > 0:
		return b, nil // booked, or older than what was: the difference shows again at the next final block
	case c.Gone.IsZero() == (c.Deposit.IsZero() && c.Back.IsZero()):
		return Book{}, fmt.Errorf("%w: a booking of deposit %s, outflow %s and return %s", commit.ErrInvariant, c.Deposit, c.Gone, c.Back)
	}
	b.BookKey, b.Block, b.Hash = BookKey{c.Wallet, c.Asset}, block, c.Hash
	if !c.Gone.IsZero() {
		var err error
		if b.Missing, err = b.Missing.Add(c.Gone); err != nil {
			return Book{}, err
		}
		tell(v, event.WalletOutflow, c.Wallet, b, c.Gone, Actor, "money left the wallet without a payout of ours")
		return put(v, b), nil
	}
	if !c.Back.IsZero() {
		var err error
		if b.Missing, err = b.Missing.Sub(c.Back); err != nil {
			return Book{}, fmt.Errorf("%w: %s is back of %s that is missing", commit.ErrInvariant, c.Back, b.Missing)
		}
		tell(v, event.WalletRegained, c.Wallet, b, c.Back, Actor, "what had left the wallet without a payout of ours is there")
		b = put(v, b)
		if c.Deposit.IsZero() {
			return b, nil
		}
	}
	if err := fund(v, Funding{Wallet: c.Wallet, Asset: c.Asset, Kind: KindDeposit, Amount: c.Deposit, Block: block, Hash: c.Hash, Actor: Actor}); err != nil {
		return Book{}, err
	}
	tell(v, event.WalletFunded, c.Wallet, b, c.Deposit, Actor, "")
	return put(v, b), nil
}

// fund writes a booking and its transfer.
func fund(v *commit.View, f Funding) error {
	f.Seq, f.CreatedAt = v.NewID(), v.Now()
	Fundings.Append(v, f)
	in, out := ledger.AtHouse(House(f.Wallet)), ledger.AtHouse(ledger.External)
	if f.Kind == KindOutflow {
		in, out = out, in
	}
	_, err := ledger.Post(v, ledger.Transfer{Kind: ledger.KindFund, Currency: f.Asset, Amount: f.Amount, Debit: in, Credit: out, Cause: f.Seq})
	return err
}

func put(v *commit.View, b Book) Book {
	b.UpdatedAt, b.Version = v.Now(), b.Version+1
	Books.Put(v, b)
	return b
}

// note is what an event about a wallet carries.
type note struct {
	Asset  string `json:"asset"`
	Amount string `json:"minor_units"`
	Block  int64  `json:"block,omitempty"`
}

func tell(v *commit.View, t event.Type, wallet id.Seq, b Book, a money.Amount, actor, reason string) {
	data, err := json.Marshal(note{b.Asset, a.Minor(), b.Block})
	if err != nil {
		panic(err) // two texts and a number
	}
	event.Append(v, event.Event{Type: t, Subject: wallet, Version: b.Version + 1, Actor: actor, Reason: reason, Data: data})
}

// Explain books money that left a wallet without us, once an operator knows why. At
// most what is missing can be explained. It runs in the operator's shard.
type Explain struct {
	Wallet id.Seq
	Asset  money.Asset
	Amount money.Amount
	Reason string
	Actor  string
}

// Reads implements commit.Command.
func (c Explain) Reads(w *commit.Wants) { wantBook(w, c.Wallet, c.Asset.Code) }

// Apply implements commit.Command.
func (c Explain) Apply(v *commit.View) (Book, error) {
	b, _ := Books.Get(v, BookKey{c.Wallet, c.Asset.Code})
	if c.Amount.IsZero() {
		return Book{}, fault.Bad("invalid_amount", "amount", "must be above zero")
	}
	if strings.TrimSpace(c.Reason) == "" || len(c.Reason) > MaxReason {
		return Book{}, fault.Bad("invalid_reason", "reason", "say in 1 to %d bytes where the money went: the books keep it", MaxReason)
	}
	left, err := b.Missing.Sub(c.Amount)
	if err != nil {
		return Book{}, fault.New(fault.Refused, "not_missing", "%s %s are missing from this wallet, so no more than that can be explained; `sluice reconcile` shows what differs",
			c.Asset.Format(b.Missing), c.Asset.Code).At("amount")
	}
	b.Missing = left
	f := Funding{Wallet: c.Wallet, Asset: c.Asset.Code, Kind: KindOutflow, Amount: c.Amount, Reason: c.Reason, Actor: c.Actor}
	if err := fund(v, f); err != nil {
		return Book{}, err
	}
	tell(v, event.WalletExplained, c.Wallet, b, c.Amount, c.Actor, c.Reason)
	return put(v, b), nil
}

// SetLow notes that a wallet fell below its threshold, or no longer is, and tells of
// it once per crossing. It runs in the operator's shard.
type SetLow struct {
	Wallet    id.Seq
	Asset     string
	Low       bool
	Spendable money.Amount
	Text      string // for a person
}

// Reads implements commit.Command.
func (c SetLow) Reads(w *commit.Wants) { Books.Want(w, BookKey{c.Wallet, c.Asset}) }

// Apply implements commit.Command.
func (c SetLow) Apply(v *commit.View) (Book, error) {
	b, _ := Books.Get(v, BookKey{c.Wallet, c.Asset})
	if b.Low == c.Low {
		return b, nil
	}
	b.BookKey, b.Low = BookKey{c.Wallet, c.Asset}, c.Low
	t := event.WalletOK
	if c.Low {
		t = event.WalletLow
	}
	tell(v, t, c.Wallet, b, c.Spendable, Actor, c.Text)
	return put(v, b), nil
}
