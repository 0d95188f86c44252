// Package guard stands before the keys. It checks every intent against a policy of its
// own, binds each slot to one set of outputs before anything is signed, and remembers
// what it signed. It trusts nobody who asks: not the server, not its database.
package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/signer"
)

// Options are the parts of a guard.
type Options struct {
	Keys   signer.Keys
	Build  signer.Builder
	Policy Policy
	// Dir is the folder of the log. Without one nothing outlives the process: for tests
	// and demonstrations.
	Dir string
	// Now is the wall clock, and Elapsed how long the process has run by a clock that
	// nobody sets; default: those of the system. Now alone serves as both.
	Now     func() time.Time
	Elapsed func() time.Duration
	// FileSize is when the log goes on in a new file; default 256 MiB.
	FileSize int64
	// Sync makes a file durable; default (*os.File).Sync.
	Sync func(*os.File) error
	// Log gets what stops all signing, and its end; nil: nobody does.
	Log *slog.Logger
}

// Guard signs what its policy allows. It is safe for concurrent use.
type Guard struct {
	opt    Options
	binder *binder

	own sync.RWMutex
	// owners are the wallets by network and address in lower case.
	owners map[string]owner
}

var (
	_ signer.Signer    = (*Guard)(nil)
	_ signer.Previewer = (*Guard)(nil)
	_ signer.Historian = (*Guard)(nil)
	_ signer.Reporter  = (*Guard)(nil)
)

// owner is a wallet with the key that pays from it.
type owner struct {
	address string
	public  []byte
}

// Open makes a guard and asks for its keys.
func Open(ctx context.Context, opt Options) (*Guard, error) {
	if err := opt.Policy.check(); err != nil {
		return nil, err
	}
	if opt.FileSize == 0 {
		opt.FileSize = 256 << 20
	}
	if opt.Sync == nil {
		opt.Sync = (*os.File).Sync
	}
	if opt.Policy.ApprovalFor == 0 {
		opt.Policy.ApprovalFor = DefaultApprovalFor
	}
	b, err := openBinder(opt)
	if err != nil {
		return nil, err
	}
	g := &Guard{opt: opt, binder: b}
	if err := g.look(ctx); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return g, nil
}

// Close closes the log. Nothing must be asked any more.
func (g *Guard) Close() error { return g.binder.close() }

// look asks for the keys, and which wallets they are.
func (g *Guard) look(ctx context.Context) error {
	keys, err := g.opt.Keys.Public(ctx)
	if err != nil {
		return err
	}
	owners := map[string]owner{}
	for _, n := range g.opt.Policy.Networks {
		if n.Account != "" {
			owners[ownerKey(n.Name, n.Account)] = owner{address: n.Account}
		}
		for _, public := range keys {
			addresses, err := g.opt.Build.Addresses(n.Network, public)
			if err != nil {
				return err
			}
			for _, a := range addresses {
				owners[ownerKey(n.Name, a)] = owner{a, public}
			}
		}
	}
	g.own.Lock()
	g.owners = owners
	g.own.Unlock()
	return nil
}

func ownerKey(network, address string) string { return network + "/" + strings.ToLower(address) }

// owner finds the key of a wallet. One that is not known may have been added just now.
func (g *Guard) owner(ctx context.Context, network, wallet string) (owner, error) {
	for again := range 2 {
		g.own.RLock()
		o, ok := g.owners[ownerKey(network, wallet)]
		g.own.RUnlock()
		if ok {
			return o, nil
		}
		if again > 0 {
			break
		}
		if err := g.look(ctx); err != nil {
			return owner{}, err
		}
	}
	return owner{}, refuse("sign_wallet", "there is no key for the wallet %q on %s", wallet, network)
}

// Addresses implements signer.Signer, in alphabetical order.
func (g *Guard) Addresses(ctx context.Context) ([]string, error) {
	if err := g.look(ctx); err != nil {
		return nil, err
	}
	g.own.RLock()
	defer g.own.RUnlock()
	var out []string
	for _, o := range g.owners {
		if o.public != nil { // an account at a bank has no key
			out = append(out, o.address)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// ask is an intent on its way, with what was found out about it.
type ask struct {
	in      signer.Intent
	network Network
	purse   string
	coins   []coinAsk
	digest  digest
	earlier digest // what an older version may have bound the slot to
	hash    string // names exactly what is signed
	fee     money.Amount
	order   string  // id of a message to a bank
	moment  string  // of the order
	agreed  order   // what was agreed to before under this id; set by decide
	proofs  []proof // one per output

	approvalFor time.Duration
	preview     bool // only asked what would be said
	probe       bool // only asked whether anything is signed at all
}

func (a *ask) slotName() string {
	if len(a.coins) > 0 {
		names := make([]string, 0, len(a.coins))
		for _, c := range a.coins {
			names = append(names, c.name)
		}
		return "a coin of " + strings.Join(names, ", ")
	}
	if a.order != "" {
		return "the message " + a.order + " to the bank"
	}
	return "nonce " + money.Of(a.in.Nonce).Minor() + " of " + a.in.Wallet
}

// Sign implements signer.Signer. The slot is bound before the keys are asked, so that
// no signature exists that the guard could forget.
func (g *Guard) Sign(ctx context.Context, in signer.Intent) (signer.Signed, error) {
	n, err := g.opt.Policy.network(in.Network)
	if err != nil {
		return signer.Signed{}, err
	}
	who, err := g.owner(ctx, n.Name, in.Wallet)
	if err != nil {
		return signer.Signed{}, err
	}
	in.Wallet = who.address
	unsigned, err := g.opt.Build.Build(n.Network, who.public, in)
	if err != nil {
		return signer.Signed{}, err
	}
	if err := n.check(in); err != nil {
		return signer.Signed{}, err
	}
	if err := g.opt.Policy.accepted(n, in); err != nil {
		return signer.Signed{}, err
	}
	for _, o := range in.Outputs {
		if len(o.Memo) > signer.MemoMax || !utf8.ValidString(o.Memo) {
			return signer.Signed{}, refuse("sign_malformed", "the memo of %s must be at most %d bytes of UTF-8", o.Ref, signer.MemoMax)
		}
	}
	a := &ask{
		in: in, network: n, purse: purse(n.Network, in.Wallet), coins: coinsOf(in, unsigned.Unproved...), digest: digestOf(in), earlier: earlierDigest(in), hash: unsigned.Hash,
		order: unsigned.Order, moment: unsigned.Moment,
	}
	if a.order != "" {
		a.digest = orderDigest(in, unsigned.Content)
		a.earlier = a.digest
	}
	if a.fee, err = in.MaxFee(); err != nil {
		return signer.Signed{}, err
	}
	a.proofs, a.approvalFor = g.opt.Policy.proofs(n, in), g.opt.Policy.ApprovalFor
	return g.finish(ctx, who, unsigned, a)
}

// Deploy signs the creation of a contract, for an operator who has keys and log. Its nonce
// is bound to the contract's code like any other slot, and its fee counts.
func (g *Guard) Deploy(ctx context.Context, d signer.Deployment) (signer.Signed, error) {
	n, err := g.opt.Policy.network(d.Network)
	if err != nil {
		return signer.Signed{}, err
	}
	who, err := g.owner(ctx, n.Name, d.Wallet)
	if err != nil {
		return signer.Signed{}, err
	}
	d.Wallet = who.address
	unsigned, err := g.opt.Build.Deploy(n.Network, who.public, d)
	if err != nil {
		return signer.Signed{}, err
	}
	in := signer.Intent{Family: n.Family, Network: n.Name, Wallet: d.Wallet, Nonce: d.Nonce, Gas: d.Gas, FeeCap: d.FeeCap, TipCap: d.TipCap, Fence: d.Fence, Bound: "deployment"}
	if err := n.feeAllowed(in); err != nil {
		return signer.Signed{}, err
	}
	a := &ask{in: in, network: n, purse: purse(n.Network, in.Wallet), digest: deploymentDigest(d.Code), hash: unsigned.Hash}
	if a.fee, err = in.MaxFee(); err != nil {
		return signer.Signed{}, err
	}
	return g.finish(ctx, who, unsigned, a)
}

// finish binds the slot of an ask, and then has it signed.
func (g *Guard) finish(ctx context.Context, who owner, unsigned signer.Unsigned, a *ask) (signer.Signed, error) {
	if err := g.binder.bind(a); err != nil {
		return signer.Signed{}, err
	}
	if a.agreed.moment != "" && a.agreed.moment != a.moment {
		var err error
		if unsigned, err = unsigned.At(a.agreed.moment); err != nil {
			return signer.Signed{}, err
		}
	}
	if a.agreed.hash != "" && a.agreed.hash != unsigned.Hash {
		return signer.Signed{}, fault.New(fault.Internal, "sign_failed", "The order %s cannot be written as it was agreed to", a.order)
	}
	signatures := make([][]byte, 0, len(unsigned.Digests))
	for _, d := range unsigned.Digests {
		s, err := g.opt.Keys.Sign(ctx, who.public, d)
		if err != nil {
			return signer.Signed{}, fault.Of(err)
		}
		signatures = append(signatures, s)
	}
	return unsigned.Finish(signatures)
}

// May implements signer.Previewer.
func (g *Guard) May(_ context.Context, network string, outputs []signer.Output) error {
	n, err := g.opt.Policy.network(network)
	if err != nil {
		return err
	}
	in := signer.Intent{Network: network, Outputs: slices.Clone(outputs)}
	if !n.Open {
		for i := range in.Outputs {
			o := &in.Outputs[i]
			// Which contract stands for the asset is what this policy says itself.
			if at := slices.IndexFunc(n.Assets, func(a Asset) bool { return a.Code == o.Asset }); at >= 0 {
				o.Token = n.Assets[at].Token
			}
		}
		if err := n.payouts(in); err != nil {
			return err
		}
		if err := g.opt.Policy.accepted(n, in); err != nil {
			return err
		}
	}
	a := &ask{in: in, network: n, approvalFor: g.opt.Policy.ApprovalFor, preview: true}
	a.proofs = g.opt.Policy.proofs(n, in)
	return g.binder.bind(a)
}

// Head is how many lines the log has and the hash of the last one. Written down
// somewhere else it proves later that nothing was taken from the log's end.
func (g *Guard) Head() string {
	if g.binder.log == nil {
		return ""
	}
	return fmt.Sprintf("%d:%x", g.binder.log.lines, g.binder.log.head)
}

// Stopped tells whether the stop file is there.
func (g *Guard) Stopped() bool { return g.binder.stopped() }

// Health implements signer.Reporter: what stands in the way of all signing, as far as it
// was met: a log that takes no lines, a clock that jumped, the stop file. After an error
// of the log it tries whether it is over.
func (g *Guard) Health(context.Context) error { return g.binder.bind(&ask{probe: true}) }
