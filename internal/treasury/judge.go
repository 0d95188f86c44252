package treasury

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/rail"
)

// Cause says why chain and ledger differ.
type Cause string

// The causes. All but the last three are in order.
const (
	CauseNone        Cause = "agrees"
	CauseInFlight    Cause = "in_flight"   // a block holds payouts that are not concluded and booked yet
	CauseNotFinal    Cause = "not_final"   // the latest block differs from the final one, which agrees
	CauseDeposit     Cause = "deposit"     // more than the ledger: it will be booked
	CauseUnexplained Cause = "unexplained" // less than the ledger: money left without us
	CauseDoubted     Cause = "doubted"     // less than the ledger, and it cannot have left: the node is not believed
	CauseGone        Cause = "gone"        // payouts that were final are gone from the chain: nothing is booked
)

// Line is one wallet in one asset: both sides, what differs, and why.
type Line struct {
	Wallet Wallet
	Asset  string
	Block  uint64       // the final block that was looked at
	Chain  money.Amount // what the wallet held there
	Latest money.Amount // what it holds at the latest block
	Booked Signed       // what the ledger says, without what it is ahead of that block
	// Difference is Chain less Booked; below zero: less is there than should be.
	Difference Signed
	Missing    money.Amount // what is known to have left without us, and waits for an explanation
	Cause      Cause
	Text       string // for a person
	settled    bool   // the ledger has booked exactly the payouts that the block shows
	unsigned   bool   // nothing of it can have left: no transaction but ours was signed
}

// OK tells whether nobody has to look.
func (l Line) OK() bool {
	return l.Cause != CauseUnexplained && l.Cause != CauseDoubted && l.Cause != CauseGone
}

// settled tells whether the ledger has booked exactly the payouts that the position
// shows, after Ahead is taken back; if not, why for a person.
func settled(pos rail.Position, st State) (bool, string) {
	for _, o := range st.Open {
		if o.Told {
			return false, fmt.Sprintf("the withdrawals of dispatch %s are being told their outcome", dispatchText(o.Seq))
		}
		if o.Bound && pos.Used(o.Slot) {
			return false, fmt.Sprintf("final block %d holds dispatch %s, whose outcome is not booked yet", pos.Block, dispatchText(o.Seq))
		}
	}
	return true, ""
}

// Judge holds a wallet's position against its books. feeAsset is the network's native
// coin, and calm tells that nothing but payouts of ours was signed since they last agreed; latest is the balance at the latest block, nil when it is not known. The state must
// have been read after the position, and for it.
func Judge(w Wallet, feeAsset string, calm bool, pos rail.Position, latest map[string]money.Amount, st State) []Line {
	ok, busy := settled(pos, st)
	var out []Line
	for _, asset := range slices.Sorted(maps.Keys(pos.Balances)) {
		book := st.Books[asset]
		l := Line{
			Wallet: w, Asset: asset, Block: pos.Block, Chain: pos.Balances[asset], Latest: pos.Balances[asset],
			Booked: st.Booked[asset].Plus(st.Ahead[asset]), Missing: book.Missing, settled: ok && book.Block <= int64(min(pos.Block, math.MaxInt64)),
		}
		if now, known := latest[asset]; known {
			l.Latest = now
		}
		l.Difference = Less(l.Chain, money.Amount{}).sub(l.Booked)
		// A native coin leaves an account by a transaction of the account, and each has a nonce.
		l.unsigned = calm && asset == feeAsset && pos.Coins == nil
		l.Cause, l.Text = cause(l, ok, busy)
		if book.Block > int64(min(pos.Block, math.MaxInt64)) && l.Missing.IsZero() {
			l.Cause, l.Text = CauseNotFinal, fmt.Sprintf("the node is behind: block %d was booked already, it calls %d final", book.Block, pos.Block)
		}
		if st.Lost > 0 {
			l.settled, l.Cause = false, CauseGone
			l.Text = fmt.Sprintf("%d payouts of the wallet were final and are gone from the chain; `sluice wallet resume %s` sends them again", st.Lost, w.Text())
		}
		out = append(out, l)
	}
	return out
}

// news is what the chain shows beyond what is known: above zero a deposit, below
// zero money that left without us. What is missing already is no news.
func (l Line) news() Signed { return l.Difference.Plus(l.Missing) }

func cause(l Line, settled bool, busy string) (Cause, string) {
	switch news := l.news().Sign(); {
	case !settled && l.news().Sign() != 0 && l.Missing.IsZero():
		return CauseInFlight, busy
	case news < 0 && l.unsigned && l.Missing.IsZero():
		return CauseDoubted, fmt.Sprintf("the node shows less than there can be at block %d, though nothing but payouts of ours was signed: the node errs, or the network takes fees that its receipts do not show. It is looked at again", l.Block)
	case !l.Missing.IsZero() && news > 0:
		return CauseUnexplained, "money left the wallet without a payout of ours, and some or all of it is back; the server books that by itself"
	case !l.Missing.IsZero() || news < 0:
		return CauseUnexplained, "money left the wallet without a payout of ours: find out how, then `sluice reconcile book`"
	case news > 0:
		return CauseDeposit, fmt.Sprintf("a deposit in final block %d or before; the server books it by itself", l.Block)
	case l.Latest != l.Chain:
		return CauseNotFinal, "blocks that are not final yet change the balance"
	}
	return CauseNone, ""
}

func (s Signed) sub(o Signed) Signed {
	var out Signed
	out.v.Sub(&s.v, &o.v)
	return out
}

// due tells whether the line must be booked now: what is new is certain.
func (l Line) due() bool {
	return l.settled && l.news().Sign() != 0
}

// dispatchText is the public id of a dispatch.
func dispatchText(seq id.Seq) string { return id.ID{Shard: OperatorShard, Seq: seq}.Text(id.Dispatch) }
