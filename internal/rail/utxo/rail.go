// Package utxo pays out on Bitcoin and the coins that follow its rules: many payouts
// in one transaction, from coins under one script. A slot is a set of coins that all
// its attempts spend. It speaks JSON-RPC to a node without a wallet, reads the blocks
// itself, and believes the node only what cannot do harm if it is wrong: an error is
// never an answer, and only a block that is deep enough decides a payout.
package utxo

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/internal/fault"
	"sluice/internal/fault/redact"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/node"
	"sluice/internal/rail/utxo/bitcoin"
)

// Family is the family name in signing intents.
const Family = "utxo"

// Tier asks for confirmations from an amount on.
type Tier struct {
	From  uint64 // in minor units
	Depth uint64 // the block itself counts as the first
}

// Config of a rail. Zero values take the defaults named here, unless said otherwise.
type Config struct {
	Network  string  // the name destinations use: "bitcoin"
	Chain    string  // one of bitcoin.ChainNames
	Dialect  Dialect // whose node it is
	FeeAsset string  // code of the coin; the chain's usual one
	// Tiers say how deep a block must be that pays a slot, by what the slot pays in all.
	// The first is from 0. Bitcoin: 1, from 0.05 on 3, from 1 on 6; Litecoin: 6, from
	// 100 on 12.
	Tiers []Tier
	// BatchMax is the most payouts of one transaction. 100.
	BatchMax int
	// RateMin and RateMax bound the price of block space, in minor units per 1,000
	// virtual bytes; above RateMax payouts wait. 1,000 (Litecoin 10,000) and 300,000
	// (Litecoin 1,000,000).
	RateMin, RateMax uint64
	// Target is in how many blocks payouts should be mined. 3.
	Target int
	// FeeMax is the most that one transaction may cost, in minor units; 0: no limit but
	// RateMax.
	FeeMax uint64
	// ConsolidateBelow is the price of block space up to which a payout takes small
	// coins along that it does not need. RateMin. It does so only while the wallet has
	// more than CoinsWanted coins: 20.
	ConsolidateBelow uint64
	CoinsWanted      int
	// Replace says whether the network takes a dearer transaction in place of one that
	// waits: "yes", "no", or "" for the chain's default. Without it a child pays for its
	// parent.
	Replace string
	// StartBlock is the height of a block before which the wallets have got no coins;
	// it is read from there. -1: the node searches its set of coins, which btcd cannot.
	StartBlock int64
	// LookBack is how many blocks before a search are looked through for the fate of
	// what is in flight. 2,016.
	LookBack uint64
	// SearchTimeout bounds such a search. 10 minutes.
	SearchTimeout time.Duration
	// Poll is how often an observation is worth asking for. 10 s.
	Poll time.Duration
	// ReadFor is how long one call reads blocks before it says how far it has come. 15 s.
	ReadFor time.Duration
	// Timeout bounds every other question to the node. 15 s.
	Timeout time.Duration
	// Patience is how long a question waits for a node that takes only so many. 20 s.
	Patience time.Duration
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

func (c *Config) fill(p bitcoin.Chain) {
	def(&c.FeeAsset, p.Coin)
	def(&c.BatchMax, 100)
	def(&c.Target, 3)
	def(&c.CoinsWanted, 20)
	def(&c.LookBack, 2016)
	def(&c.SearchTimeout, 10*time.Minute)
	def(&c.Poll, 10*time.Second)
	def(&c.ReadFor, 15*time.Second)
	def(&c.Timeout, 15*time.Second)
	def(&c.Patience, 20*time.Second)
	const coin = 100_000_000
	if p.Coin == "LTC" {
		def(&c.RateMin, 10_000)
		def(&c.RateMax, 1_000_000)
		if len(c.Tiers) == 0 {
			c.Tiers = []Tier{{0, 6}, {100 * coin, 12}}
		}
	}
	def(&c.RateMin, 1_000)
	def(&c.RateMax, 300_000)
	def(&c.ConsolidateBelow, c.RateMin)
	if len(c.Tiers) == 0 {
		c.Tiers = []Tier{{0, 1}, {coin / 20, 3}, {coin, 6}}
	}
}

// Rail implements rail.Rail, rail.Grouper, rail.SlotPicker and rail.Rememberer. It is
// safe for concurrent use.
type Rail struct {
	conf    Config
	params  bitcoin.Chain
	chain   *chain
	replace bool
	closing func()

	mu      sync.Mutex
	wallets map[string]*wallet
}

var (
	_ rail.Rail       = (*Rail)(nil)
	_ rail.Grouper    = (*Rail)(nil)
	_ rail.SlotPicker = (*Rail)(nil)
	_ rail.Rememberer = (*Rail)(nil)
	_ rail.Booker     = (*Rail)(nil)
	_ rail.Stander    = (*Rail)(nil)
	_ rail.Estimator  = (*Rail)(nil)

	_ rail.AmountChecker = (*Rail)(nil)
)

// New makes a rail over a node, without asking the node anything: the first method
// that needs it checks the chain.
func New(conf Config, n Node) (*Rail, error) {
	p, ok := bitcoin.ChainByName(conf.Chain)
	bad := func(format string, args ...any) (*Rail, error) {
		return nil, fault.New(fault.Invalid, "rail_config", format, args...)
	}
	if !ok || conf.Network == "" {
		return bad("a coin rail needs a network name and a chain: %s", strings.Join(bitcoin.ChainNames(), ", "))
	}
	conf.fill(p)
	if !slices.Contains([]Dialect{Bitcoind, Btcd, Litecoind}, conf.Dialect) {
		return bad("%s: the node must be bitcoind, btcd or litecoind", conf.Network)
	}
	if conf.StartBlock < 0 && !conf.Dialect.core() {
		return bad("%s: btcd cannot search its coins: set start_block to the height of a block before the wallet's first coin", conf.Network)
	}
	if conf.Tiers[0].From != 0 || slices.ContainsFunc(conf.Tiers, func(t Tier) bool { return t.Depth == 0 }) {
		return bad("%s: confirmations must begin at 0, each from 1", conf.Network)
	}
	r := &Rail{
		conf: conf, params: p, chain: &chain{dialect: conf.Dialect, params: p},
		replace: conf.Replace == "yes" || conf.Replace == "" && p.Replaces, wallets: map[string]*wallet{},
	}
	var secrets redact.Secrets
	if c, ok := n.(*Client); ok {
		secrets = c.Secrets
	}
	r.chain.node = node.New(n, node.Options{Timeout: conf.Timeout, Patience: conf.Patience, Secrets: secrets})
	return r, nil
}

// Open dials a node and checks that it is on the right chain. A node that does not
// answer is no error: the check is made up for before the rail is used.
func Open(ctx context.Context, conf Config, url, cookie string) (*Rail, error) {
	c, err := Dial(url, cookie)
	if err != nil {
		return nil, fault.New(fault.Invalid, "rail_config", "%s: %s", conf.Network, err.Error())
	}
	r, err := New(conf, c)
	if err != nil {
		c.Close()
		return nil, err
	}
	r.closing = c.Close
	var wrong *fault.Error
	if errors.As(r.chain.ready(ctx), &wrong) {
		r.Close()
		return nil, wrong
	}
	return r, nil
}

// Close ends the connection that Open made.
func (r *Rail) Close() {
	if r.closing != nil {
		r.closing()
	}
}

// Network implements rail.Rail.
func (r *Rail) Network() string { return r.conf.Network }

// FeeAsset implements rail.Rail.
func (r *Rail) FeeAsset() string { return r.conf.FeeAsset }

// Assets implements rail.Rail: the coin alone.
func (r *Rail) Assets() []string { return []string{r.conf.FeeAsset} }

// PollEvery implements rail.Rail.
func (r *Rail) PollEvery() time.Duration { return r.conf.Poll }

// NextNonce implements rail.Rail. Coins have no nonces: slots are picked.
func (r *Rail) NextNonce(context.Context, string) (uint64, error) { return 0, nil }

// GroupMax implements rail.Grouper.
func (r *Rail) GroupMax() int { return r.conf.BatchMax }

// Check implements rail.Rail.
func (r *Rail) Check(_ context.Context, typed, tag, asset string) (rail.Target, error) {
	if asset != r.conf.FeeAsset {
		return rail.Target{}, r.unknownAsset(asset)
	}
	if tag != "" {
		return rail.Target{}, fault.Bad("tag_not_supported", "tag", "addresses on %s have no tag or memo: leave it out", r.conf.Network)
	}
	script, canonical, err := r.params.Decode(typed)
	if err != nil {
		bad := fault.Of(err)
		return rail.Target{}, fault.Bad(bad.Code, "address", "%s", bad.Message)
	}
	return rail.Target{Network: r.conf.Network, Typed: typed, Canonical: canonical, Decoded: script}, nil
}

// CheckAmount implements rail.AmountChecker: more than there will ever be cannot be paid.
func (r *Rail) CheckAmount(_, _ string, amount money.Amount) error {
	if money.Of(bitcoin.MaxMoney).Less(amount) {
		return fault.Bad("amount_above_supply", "amount", "there will never be more than %s", r.format(bitcoin.MaxMoney))
	}
	return nil
}

// Warn implements rail.Rail. The chain says nothing about an address that a person
// should know.
func (r *Rail) Warn(context.Context, rail.Target) []string { return nil }

func (r *Rail) unknownAsset(asset string) *fault.Error {
	return fault.New(fault.Invalid, "asset_not_on_network", "%q cannot be paid on %s; it pays %s", asset, r.conf.Network, r.conf.FeeAsset)
}

// enter gives a wallet, up to date, locked. The caller unlocks it.
func (r *Rail) enter(ctx context.Context, address string) (*wallet, error) {
	w, err := r.wallet(address)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	if err := w.sync(ctx, r); err != nil {
		w.mu.Unlock()
		return nil, err
	}
	return w, nil
}

func (r *Rail) wallet(address string) (*wallet, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.wallets[address]; w != nil {
		return w, nil
	}
	script, canonical, err := r.params.Decode(address)
	if err != nil || canonical != address || bitcoin.InputWeight(script) == 0 {
		return nil, fault.New(fault.Invalid, "wallet_address", "wallet %q: want a P2WPKH or P2TR address of %s", address, r.params.Name)
	}
	w := newWallet(script)
	r.wallets[address] = w
	return w, nil
}

// format writes an amount with its asset, for a person.
func (r *Rail) format(minor uint64) string {
	return money.Asset{Code: r.conf.FeeAsset, Scale: bitcoin.Scale}.Format(money.Of(minor)) + " " + r.conf.FeeAsset
}
