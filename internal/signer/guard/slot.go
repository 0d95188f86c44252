package guard

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/money"
	"sluice/internal/signer"
)

// digest stands for everything about an intent that must stay as it is while its slot
// is used: who is paid what, by which contract, for which dispatch. Fees may change.
type digest [sha256.Size]byte

// onlyCancel is the digest of a slot whose first use was a cancel: nothing was allowed
// to be paid from it, so nothing ever is.
var onlyCancel digest

// String is hexadecimal.
func (d digest) String() string { return hex.EncodeToString(d[:]) }

// digestOf is over every part with its length, so that no two intents share one. On a coin
// chain the amount of every coin is a part of it, and where change goes.
func digestOf(in signer.Intent) digest { return digestAs(in, len(in.Inputs) > 0) }

// earlierDigest is what older versions bound coins by. Their amounts were no part of it.
func earlierDigest(in signer.Intent) digest { return digestAs(in, false) }

func digestAs(in signer.Intent, amounts bool) digest {
	h := sha256.New()
	part := func(b []byte) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	count := func(n int) { part(binary.BigEndian.AppendUint64(nil, uint64(n))) } //nolint:gosec // a length
	number := func(a money.Amount) { b := a.Bytes32(); part(b[:]) }
	title := "sluice signer slot 1"
	if amounts {
		title = "sluice signer slot 2"
	}
	part([]byte(title))
	part([]byte(in.Family))
	part([]byte(in.Bound))
	// Who carries the outputs, the wallet or its vault, is no part of it: the nonce lets
	// only one through, and which one is chosen anew if the first choice was never kept.
	count(len(in.Outputs))
	for _, o := range in.Outputs {
		part([]byte(o.Ref))
		part([]byte(o.Asset))
		part(o.To)
		number(o.Amount)
		part(o.Token)
	}
	coins := coinsOf(in)
	count(len(coins))
	for _, c := range coins {
		part([]byte(c.name))
		if amounts {
			number(c.amount)
		}
	}
	if amounts {
		part(in.Inputs[0].Script) // the wallet's own, which all coins are under and change goes back to
	}
	return digest(h.Sum(nil))
}

// deploymentDigest binds a slot to the making of a contract.
func deploymentDigest(code []byte) digest {
	return sha256.Sum256(append([]byte("sluice signer deployment 1"), code...))
}

// orderDigest binds the id of a message to all of its order but when it was made.
func orderDigest(in signer.Intent, content [sha256.Size]byte) digest {
	slot := digestOf(in)
	return sha256.Sum256(append(append([]byte("sluice signer order 1"), slot[:]...), content[:]...))
}

// coinAsk is a coin that an intent spends.
type coinAsk struct {
	// name has no network in it: where two networks share a coin, one use of it is all
	// there is.
	name   string
	amount money.Amount
	proved bool // the transaction that made it was given
}

// coinsOf are the coins that an intent spends, in the order of their names. unproved are
// the inputs whose amount nothing proves.
func coinsOf(in signer.Intent, unproved ...int) []coinAsk {
	out := make([]coinAsk, 0, len(in.Inputs))
	for n, c := range in.Inputs {
		name := fmt.Sprintf("%s:%d", strings.ToLower(c.TxID), c.Index)
		out = append(out, coinAsk{name: name, amount: c.Amount, proved: !slices.Contains(unproved, n)})
	}
	slices.SortFunc(out, func(a, b coinAsk) int { return strings.Compare(a.name, b.name) })
	return out
}

// purse names what a wallet is on its network, whatever the network is called.
func purse(n signer.Network, wallet string) string {
	if n.Account != "" {
		return n.Family + "/" + n.Account
	}
	if n.Coin != "" {
		return n.Family + "/" + n.Coin + "/" + wallet
	}
	return fmt.Sprintf("%s/%d/%s", n.Family, n.ChainID, strings.ToLower(wallet))
}
