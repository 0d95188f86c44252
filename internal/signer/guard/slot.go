package guard

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

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

// digestOf is over every part with its length, so that no two intents share one.
func digestOf(in signer.Intent) digest {
	h := sha256.New()
	part := func(b []byte) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	count := func(n int) { part(binary.BigEndian.AppendUint64(nil, uint64(n))) } //nolint:gosec // a length
	part([]byte("sluice signer slot 1"))
	part([]byte(in.Family))
	part([]byte(in.Bound))
	// Who carries the outputs, the wallet or its vault, is no part of it: the nonce lets
	// only one through, and which one is chosen anew if the first choice was never kept.
	count(len(in.Outputs))
	for _, o := range in.Outputs {
		amount := o.Amount.Bytes32()
		for _, b := range [][]byte{[]byte(o.Ref), []byte(o.Asset), o.To, amount[:], o.Token} {
			part(b)
		}
	}
	coins := coinsOf(in)
	count(len(coins))
	for _, c := range coins {
		part([]byte(c))
	}
	return digest(h.Sum(nil))
}

// coinsOf names the coins that an intent spends, in order. The name has no network in
// it: where two networks share a coin, one use of it is all there is.
func coinsOf(in signer.Intent) []string {
	out := make([]string, 0, len(in.Inputs))
	for _, c := range in.Inputs {
		out = append(out, fmt.Sprintf("%s:%d", strings.ToLower(c.TxID), c.Index))
	}
	slices.Sort(out)
	return out
}

// purse names what a wallet is on its network, whatever the network is called.
func purse(n signer.Network, wallet string) string {
	if n.Coin != "" {
		return n.Family + "/" + n.Coin + "/" + wallet
	}
	return fmt.Sprintf("%s/%d/%s", n.Family, n.ChainID, strings.ToLower(wallet))
}
