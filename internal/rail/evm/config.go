package evm

import (
	"fmt"
	"strconv"
	"time"

	"sluice/internal/money"
)

// txGasMax is the most gas a transaction may have on Ethereum since the Osaka fork (EIP-7825).
const txGasMax = 1 << 24

// Token is an ERC-20 contract that the rail may pay with.
type Token struct {
	Contract string // its address, checked like a recipient's
	Scale    int    // must equal the contract's decimals()
}

// Finality says which blocks are final: those up to a tag of the chain, or those
// with Depth confirmations (the block itself counts as the first).
type Finality struct {
	Tag   string // "finalized" or "safe"; "" for Depth
	Depth uint64
}

// ParseFinality reads "finalized", "safe" or a number of confirmations.
func ParseFinality(s string) (Finality, error) {
	if s == "finalized" || s == "safe" {
		return Finality{Tag: s}, nil
	}
	depth, err := strconv.ParseUint(s, 10, 32)
	if err != nil || depth == 0 {
		return Finality{}, fmt.Errorf("finality %q: want \"finalized\", \"safe\" or a number of confirmations from 1", s)
	}
	return Finality{Depth: depth}, nil
}

// Config of a rail. Zero values take the defaults named here.
type Config struct {
	Network  string           // the name destinations use: "ethereum"
	ChainID  uint64           // the node must be on this chain
	FeeAsset string           // code of the native coin; "ETH"
	Tokens   map[string]Token // by asset code
	Finality Finality         // finalized
	// FeeCapMax is the most wei per gas a payout may offer; above it payouts wait.
	// 200 gwei.
	FeeCapMax money.Amount
	// TipMin is the least wei per gas offered to the block's maker. A node that wants more
	// says so when it refuses; then that is the least.
	// nil: 0.1 gwei.
	TipMin *money.Amount
	// TipPercentile of the tips paid in recent blocks is what is offered. 50.
	TipPercentile int
	// GasMarginPercent is added to the node's estimate. 20.
	GasMarginPercent uint64
	// GasMax is the most gas a payout may use. A recipient with code can burn what
	// it is given, at our cost. 1,000,000.
	GasMax uint64
	// Vaults are the vault contracts of wallets, both by address. A wallet with a vault
	// pays several payouts in one transaction, with the money that the vault holds.
	Vaults map[string]string
	// BatchMax is the most payouts of one batch. 200.
	BatchMax int
	// BatchGasMax is the most gas that a batch may need. 16,777,216, which no transaction
	// may exceed (EIP-7825).
	BatchGasMax uint64
	// BatchGasEach is the most gas that one payout of a batch may use. 300,000.
	BatchGasEach uint64
	// FeeBudget is the most that one transaction may offer for its gas, in wei. 10^18,
	// above which nodes refuse transactions unless told otherwise.
	FeeBudget money.Amount
	// FeeDeadline is the time within which a payout should be in a block: what replacements
	// offer rises towards FeeBudget until then. 0: they follow the market.
	FeeDeadline time.Duration
	// Poll is how often an observation is worth asking for. 2 s.
	Poll time.Duration
	// Timeout bounds every question to the node. 10 s.
	Timeout time.Duration
	// Patience is how long a question waits for a node that takes only so many. 20 s.
	Patience time.Duration
	// Parallel is how many questions are out at the same time. 32.
	Parallel int
	// FinalityStall is how far the final block may be behind the latest one before nothing
	// new is sent: the node no longer says what is final. 2 h. Only with a tag.
	FinalityStall time.Duration
	// LookAgain is after which time a payout that a final block shows as not made is looked
	// at again, before that is believed. 10 s.
	LookAgain time.Duration
}

func (c *Config) fill() {
	def := func(v *money.Amount, minor uint64) {
		if v.IsZero() {
			*v = money.Of(minor)
		}
	}
	def(&c.FeeCapMax, 200_000_000_000)
	if c.TipMin == nil {
		least := money.Of(100_000_000)
		c.TipMin = &least
	}
	def(&c.FeeBudget, 1_000_000_000_000_000_000)
	if c.BatchMax <= 0 {
		c.BatchMax = 200
	}
	if c.BatchGasMax == 0 || c.BatchGasMax > txGasMax {
		c.BatchGasMax = txGasMax
	}
	if c.BatchGasEach == 0 {
		c.BatchGasEach = 300_000
	}
	if c.FeeAsset == "" {
		c.FeeAsset = "ETH"
	}
	if c.Finality == (Finality{}) {
		c.Finality.Tag = "finalized"
	}
	if c.TipPercentile == 0 {
		c.TipPercentile = 50
	}
	if c.GasMarginPercent == 0 {
		c.GasMarginPercent = 20
	}
	if c.GasMax == 0 {
		c.GasMax = 1_000_000
	}
	if c.Poll == 0 {
		c.Poll = 2 * time.Second
	}
	wait := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	wait(&c.Timeout, 10*time.Second)
	wait(&c.Patience, 20*time.Second)
	wait(&c.FinalityStall, 2*time.Hour)
	wait(&c.LookAgain, 10*time.Second)
	if c.Parallel == 0 {
		c.Parallel = 2 * askers
	}
}
