package evm

import (
	"context"
	"math/big"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"sluice/internal/money"
	"sluice/internal/rail"
)

// A payout that was not made gives its money back, and is made again by whoever asks for
// it again. So what says that it was not made is held against everything else that the
// node shows, and is looked at twice.

// doubtful says why a verdict that gives money back is not believed, "" when it is. It may
// be asked as soon as a block holds the transaction, and should be: nodes forget the
// balances around a block, many of them after 128 blocks.
func (o *look) doubtful(ctx context.Context, verdicts []verdict, reasons []string, b *block, tx *types.Transaction, rec *receipt) (string, error) {
	if !slices.Contains(verdicts, dead) || isCancel(tx, o.who) || o.doubts.cleared(tx.Hash(), b.hash) {
		return "", nil
	}
	if rec.reverted() {
		if sure, err := o.cannotRevert(ctx, b, tx); err != nil || sure {
			return "the receipt says that a plain transfer was reverted, which cannot be", err
		}
	}
	for n, v := range verdicts {
		if v != dead {
			continue
		}
		if arrived, err := o.arrived(ctx, o.payouts[n], b); err != nil || arrived {
			return "the receipt says that the payout was not made, and the recipient has got as much in the same block", err
		}
		if reasons[n] != movedNothing {
			continue
		}
		if left, err := o.leftUnlogged(ctx, o.payouts[n], b, tx, rec); err != nil || left {
			return "the receipt shows no log of the payout, and the tokens have left the wallet all the same", err
		}
	}
	o.doubts.clear(tx.Hash(), b.hash)
	return "", nil
}

// elsewhere is the second half of the proof of death of a batch: the nonce is used up, and
// the vault has not paid the list by whatever other way.
func (o *look) elsewhere(ctx context.Context, verdicts []verdict, tx *types.Transaction, rec *receipt) (bool, error) {
	if !slices.Contains(verdicts, dead) || o.paysList(tx, rec) {
		return false, nil
	}
	return o.paidBefore(ctx)
}

// cannotRevert tells whether a transaction moves coins to an account without code: no
// code runs that could revert it.
func (o *look) cannotRevert(ctx context.Context, b *block, tx *types.Transaction) (bool, error) {
	if tx.To() == nil || len(tx.Data()) > 0 {
		return false, nil
	}
	code, err := o.codeAt(ctx, *tx.To(), b.at())
	if rail.Has(err, rail.CodePruned) {
		code, err = o.codeAt(ctx, *tx.To(), nil)
	}
	return err == nil && len(code) == 0, err
}

// arrived tells whether what a recipient holds rose in a block by what a payout should
// have brought. Nodes that have forgotten the state before show nothing.
func (o *look) arrived(ctx context.Context, p rail.Payout, b *block) (bool, error) {
	before, after, known, err := o.around(ctx, p.Asset, common.BytesToAddress(p.To), b)
	if err != nil || !known {
		return false, err
	}
	rise, err := after.Sub(before)
	return err == nil && !rise.Less(p.Amount), nil
}

// leftUnlogged tells whether tokens of the payer have gone in a block that the logs of a
// successful transaction do not show. Without the state before it cannot be told, which
// is an error then: what is missing from a receipt proves nothing by itself.
func (o *look) leftUnlogged(ctx context.Context, p rail.Payout, b *block, tx *types.Transaction, rec *receipt) (bool, error) {
	t, isToken := o.tokens[p.Asset]
	if !isToken || !rec.succeeded() || tx.To() == nil {
		return false, nil
	}
	payer := o.who
	if o.paysBatch(tx, *tx.To(), o.payouts) {
		payer = *tx.To()
	}
	before, after, known, err := o.around(ctx, p.Asset, payer, b)
	if err == nil && !known {
		err = &rail.Wait{Code: rail.CodePruned, Text: "the network's node no longer has the balances that must be compared; the withdrawal waits, its money stays held"}
	}
	if err != nil {
		return false, err
	}
	gone := new(big.Int).Sub(before.Big(), after.Big())
	found, _ := moves(rec.logs, t.contract)
	for _, m := range found {
		if m.from == payer {
			gone.Sub(gone, m.amount)
		}
		if m.to == payer {
			gone.Add(gone, m.amount)
		}
	}
	return gone.Cmp(p.Amount.Big()) >= 0, nil
}

// around is what somebody holds of an asset before and after a block; known is false when
// the node has forgotten.
func (o *look) around(ctx context.Context, asset string, who common.Address, b *block) (before, after money.Amount, known bool, err error) {
	if b.number == 0 {
		return before, after, false, nil
	}
	at := []*big.Int{new(big.Int).SetUint64(b.number - 1), b.at()}
	have := make([]money.Amount, len(at))
	err = rail.Side(len(at), len(at), func(n int) (err error) {
		have[n], err = o.balance(ctx, asset, who, at[n])
		return err
	})
	if rail.Has(err, rail.CodePruned) || rail.Has(err, rail.CodeRefuses) {
		return before, after, false, nil
	}
	return have[0], have[1], err == nil, err
}

// doubts remembers what it takes time to believe: since when the end of a payout has been
// seen, in which block, and what else used a nonce. Losing it costs time only.
type doubts struct {
	mu   sync.Mutex
	seen map[common.Hash]doubt
	used map[useKey]common.Hash
}

type doubt struct {
	since time.Time
	block common.Hash // in which everything else agrees with the end; zero: not looked at
}

type useKey struct {
	who   common.Address
	nonce uint64
}

// doubtsMax bounds what is remembered.
const doubtsMax = 1 << 14

// of returns what is remembered of a transaction, from now on at least.
func (d *doubts) of(tx common.Hash) doubt {
	seen, ok := d.seen[tx]
	if !ok {
		if d.seen == nil || len(d.seen) >= doubtsMax {
			d.seen = map[common.Hash]doubt{}
		}
		seen = doubt{since: time.Now()}
		d.seen[tx] = seen
	}
	return seen
}

func (d *doubts) cleared(tx, block common.Hash) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.of(tx).block == block
}

func (d *doubts) clear(tx, block common.Hash) {
	d.mu.Lock()
	defer d.mu.Unlock()
	seen := d.of(tx)
	seen.block = block
	d.seen[tx] = seen
}

// lookAgain tells whether a verdict that gives money back was not seen long enough.
func (o *look) lookAgain(verdicts []verdict, tx *types.Transaction) bool {
	d, hash := &o.doubts, tx.Hash()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(verdicts, dead) || isCancel(tx, o.who) {
		delete(d.seen, hash)
		return false
	}
	return time.Since(d.of(hash).since) < o.conf.LookAgain
}

// user and usedBy remember which transaction used a nonce that none of ours used.
func (d *doubts) user(who common.Address, nonce uint64) (common.Hash, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	tx, ok := d.used[useKey{who, nonce}]
	return tx, ok
}

func (d *doubts) usedBy(who common.Address, nonce uint64, tx common.Hash) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.used == nil || len(d.used) >= doubtsMax {
		d.used = map[useKey]common.Hash{}
	}
	d.used[useKey{who, nonce}] = tx
}
