// Package bitcoin has the words of Bitcoin and of the coins that follow its rules:
// chains, addresses, transactions, blocks, and the digests that are signed. It is
// pure: no keys, no network, no clock.
package bitcoin

import (
	"maps"
	"slices"
)

// Chain is one network of one coin.
type Chain struct {
	Name string // "bitcoin", "litecoin-regtest"
	Coin string // usual code of the coin: "BTC"
	// Human is the readable part of its bech32 addresses.
	Human string
	// KeyHash and ScriptHash are the first bytes of its base58 addresses.
	KeyHash, ScriptHash byte
	// Foreign is a first byte that old software of this coin shares with another coin;
	// 0 for none.
	Foreign byte
	// Genesis is the id of its first block, which tells its nodes from all others.
	Genesis string
	// DustRate is the price in minor units per byte at which nodes judge whether an
	// output is worth spending.
	DustRate uint64
	// Replaces tells whether its nodes take a dearer transaction in place of one that
	// waits, by default.
	Replaces bool
	// Blocks is how many blocks it makes in an hour.
	Blocks uint64
}

// Scale is the number of decimals of every coin of the family.
const Scale = 8

// MaxMoney is more than any coin of the family will ever have, in minor units: 84
// million. Sums below it cannot overflow.
const MaxMoney = 84_000_000 * 100_000_000

var chains = map[string]Chain{}

func init() {
	btc := Chain{Coin: "BTC", DustRate: 3, Replaces: true, Blocks: 6}
	ltc := Chain{Coin: "LTC", DustRate: 30, Blocks: 24}
	add := func(c Chain, name, human string, key, script, foreign byte, genesis string) {
		c.Name, c.Human, c.KeyHash, c.ScriptHash, c.Foreign, c.Genesis = name, human, key, script, foreign, genesis
		chains[name] = c
	}
	add(btc, "bitcoin", "bc", 0x00, 0x05, 0, "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f")
	add(btc, "bitcoin-testnet", "tb", 0x6f, 0xc4, 0, "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943")
	add(btc, "bitcoin-testnet4", "tb", 0x6f, 0xc4, 0, "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043")
	add(btc, "bitcoin-signet", "tb", 0x6f, 0xc4, 0, "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6")
	add(btc, "bitcoin-regtest", "bcrt", 0x6f, 0xc4, 0, "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206")
	add(ltc, "litecoin", "ltc", 0x30, 0x32, 0x05, "12a765e31ffd4059bada1e25190f6e98c99d9714d334efa41a195a7e7e04bfe2")
	add(ltc, "litecoin-testnet", "tltc", 0x6f, 0x3a, 0xc4, "4966625a4b2851d9fdee139e56211a0d88575f59ed816ff5e6a63deb4e3e29a0")
	add(ltc, "litecoin-regtest", "rltc", 0x6f, 0x3a, 0xc4, "530827f38f93b43ed12af0b3ad25a288dc02ed74d6d7857862df51fc56c416f9")
}

// ChainByName finds a chain.
func ChainByName(name string) (Chain, bool) {
	c, ok := chains[name]
	return c, ok
}

// ChainNames lists the chains, in alphabetical order.
func ChainNames() []string { return slices.Sorted(maps.Keys(chains)) }

// Dust is the least that an output with a script may hold: nodes refuse to pass on
// less, since spending it would cost more than it is worth (Core's GetDustThreshold).
func (c Chain) Dust(script []byte) uint64 {
	spend := uint64(148) // an input with a signature outside the witness
	if KindOf(script).Witness() {
		spend = 67
	}
	return c.DustRate * (OutputSize(script) + spend)
}
