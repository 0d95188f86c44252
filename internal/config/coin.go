package config

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/money"
	"sluice/internal/rail/utxo/bitcoin"
)

// KindBitcoin is the kind of networks of Bitcoin and the coins that follow its rules.
const KindBitcoin = "bitcoin"

// Coin is what only networks of kind bitcoin have.
type Coin struct {
	Chain            string `toml:"chain" doc:"bitcoin, litecoin, or one of their test chains like bitcoin-testnet4, bitcoin-signet, litecoin-testnet; a node on another chain is refused"`
	Node             string `toml:"node" doc:"bitcoind, btcd or litecoind"`
	Cookie           string `toml:"cookie" doc:"path of the node's cookie file, in place of user and password in the URL"`
	StartBlock       string `toml:"start_block" doc:"height of a block before which the wallets have got no coins, as a text; blocks are read from there on. Empty: the node searches its coins, which takes it minutes (btcd cannot)"`
	BatchMax         int    `toml:"batch_max" doc:"the most payouts in one transaction"`
	Target           int    `toml:"target" doc:"in how many blocks payouts should be mined"`
	FeeFloor         string `toml:"fee_floor" doc:"the least satoshi per virtual byte that a payout offers, as a text"`
	ConsolidateBelow string `toml:"consolidate_below" doc:"up to this many satoshi per virtual byte, payouts take small coins of the wallet along. Empty: the floor"`
	CoinsWanted      int    `toml:"coins_wanted" doc:"they do so while the wallet has more coins than this"`
	Replace          string `toml:"replace" doc:"yes or no: whether the network takes a dearer transaction in place of one that waits. Empty: yes for Bitcoin, no for Litecoin"`
}

// Tier asks for confirmations from an amount on, in minor units.
type Tier struct {
	From  money.Amount
	Depth uint64
}

// The most payouts that one transaction may have: more make a bump dear, and a block
// that goes away costs more of them their place.
const batchLimit = 200

// fillCoin gives a network of kind bitcoin its defaults.
func (n *Network) fillCoin() {
	def := func(v *string, d string) {
		if *v == "" {
			*v = d
		}
	}
	def(&n.Coin.Chain, "bitcoin")
	chain, _ := bitcoin.ChainByName(n.Coin.Chain)
	node, finality, ceiling, floor := "bitcoind", "1, 0.05:3, 1:6", "300", "1"
	if chain.Coin == "LTC" {
		node, finality, ceiling, floor = "litecoind", "6, 100:12", "1000", "10"
	}
	def(&n.FeeAsset, chain.Coin)
	def(&n.Finality, finality)
	def(&n.FeeCeiling, ceiling)
	def(&n.Coin.Node, node)
	def(&n.Coin.FeeFloor, floor)
	def(&n.Coin.ConsolidateBelow, n.Coin.FeeFloor)
	num := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	num(&n.Coin.BatchMax, 100)
	num(&n.Coin.Target, 3)
	num(&n.Coin.CoinsWanted, 20)
	if n.Poll == 0 {
		n.Poll = Duration(10 * time.Second)
	}
}

// perKilo reads a price of block space: satoshi per virtual byte with up to three
// decimals, which is satoshi per 1,000.
func perKilo(text string) (uint64, error) {
	a, err := money.Asset{Code: "satoshi", Scale: 3}.Parse(text)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(a.Minor(), 10, 40)
}

// Rates are fee_floor, fee_ceiling and consolidate_below in minor units per 1,000
// virtual bytes.
func (n Network) Rates() (floor, ceiling, consolidate uint64, err error) {
	for text, v := range map[*string]*uint64{&n.Coin.FeeFloor: &floor, &n.FeeCeiling: &ceiling, &n.Coin.ConsolidateBelow: &consolidate} {
		if *v, err = perKilo(*text); err != nil {
			return 0, 0, 0, err
		}
	}
	return floor, ceiling, consolidate, nil
}

// Tiers reads finality of a network of kind bitcoin.
func (n Network) Tiers() ([]Tier, error) {
	var out []Tier
	for i, part := range strings.Split(n.Finality, ",") {
		from, depth, found := strings.Cut(strings.TrimSpace(part), ":")
		if !found {
			from, depth = "0", from
		}
		a, err := money.Asset{Code: n.FeeAsset, Scale: bitcoin.Scale}.Parse(from)
		d, depthErr := strconv.ParseUint(depth, 10, 16)
		switch {
		case err != nil:
			return nil, err
		case depthErr != nil || d == 0:
			return nil, fmt.Errorf("%q is no number of confirmations", depth)
		case i == 0 && !a.IsZero(), i > 0 && (!out[i-1].From.Less(a) || d < out[i-1].Depth):
			return nil, fmt.Errorf("begin with the confirmations for every amount, and go on upwards")
		}
		out = append(out, Tier{a, d})
	}
	return out, nil
}

// Start is StartBlock; -1 when the node is to search.
func (n Network) Start() (int64, error) {
	if n.Coin.StartBlock == "" {
		return -1, nil
	}
	h, err := strconv.ParseUint(n.Coin.StartBlock, 10, 31)
	return int64(h), err
}

// MaxFeeCoin is MaxFee in minor units of a coin; zero for no limit.
func (n Network) MaxFeeCoin() (money.Amount, error) {
	if n.MaxFee == "" {
		return money.Amount{}, nil
	}
	return money.Asset{Code: n.FeeAsset, Scale: bitcoin.Scale}.Parse(n.MaxFee)
}

// MaxFeeMinor is MaxFee in the smallest unit of the network's coin; zero for no limit.
func (n Network) MaxFeeMinor() (money.Amount, error) {
	if n.Kind == KindBitcoin {
		return n.MaxFeeCoin()
	}
	return n.MaxFeeWei()
}

// FeeLimits are FeePerHour and FeePerDay in the smallest unit of the network's coin; nil
// for no limit.
func (n Network) FeeLimits() (hour, day *money.Amount, err error) {
	scale := nativeScale
	if n.Kind == KindBitcoin {
		scale = bitcoin.Scale
	}
	if hour, err = Limit(n.FeePerHour, scale); err != nil {
		return nil, nil, err
	}
	day, err = Limit(n.FeePerDay, scale)
	return hour, day, err
}

func (c *Config) checkCoin(p *problems, path string, n Network) {
	if u, err := url.Parse(n.URL.Reveal()); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		p.add(path+".url", "must be the URL of a JSON-RPC node: http or https")
	}
	oneOf(p, path+".coin.chain", n.Coin.Chain, bitcoin.ChainNames()...)
	oneOf(p, path+".coin.node", n.Coin.Node, "bitcoind", "btcd", "litecoind")
	oneOf(p, path+".coin.replace", n.Coin.Replace, "", "yes", "no")
	between(p, path+".coin.batch_max", n.Coin.BatchMax, 1, batchLimit)
	between(p, path+".coin.target", n.Coin.Target, 1, 144)
	between(p, path+".coin.coins_wanted", n.Coin.CoinsWanted, 1, 1000)
	if _, err := n.Tiers(); err != nil {
		p.add(path+".finality", "must be confirmations by amount, like \"1, 0.05:3, 1:6\": %v", err)
	}
	if floor, ceiling, _, err := n.Rates(); err != nil || floor == 0 || ceiling < floor {
		p.add(path+".fee_ceiling", "fee_ceiling, coin.fee_floor and coin.consolidate_below must be satoshi per virtual byte with up to three decimals, the floor above 0 and not above the ceiling")
	}
	if _, err := n.MaxFeeCoin(); err != nil {
		p.add(path+".max_fee", "must be an amount of %s, as a text like \"0.001\"", n.FeeAsset)
	}
	if start, err := n.Start(); err != nil || start < 0 && n.Coin.Node == "btcd" {
		p.add(path+".coin.start_block", "must be the height of a block, as a text; btcd cannot do without")
	}
	switch c.scale(n.FeeAsset) {
	case bitcoin.Scale:
	case -1:
		p.add(path+".fee_asset", "there is no asset %s; add it under [[assets]] with scale %d", n.FeeAsset, bitcoin.Scale)
	default:
		p.add(path+".fee_asset", "%s must have scale %d", n.FeeAsset, bitcoin.Scale)
	}
	if len(n.Tokens) > 0 {
		p.add(path+".tokens", "only evm networks have tokens")
	}
	same := func(o Network) bool { return o.Kind == KindBitcoin && o.Coin.Chain == n.Coin.Chain && o.Name != n.Name }
	if slices.ContainsFunc(c.Networks, same) {
		p.add(path+".coin.chain", "another network is on %s as well", n.Coin.Chain)
	}
}
