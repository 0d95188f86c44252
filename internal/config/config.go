// Package config is the one description of an installation. It is put together from
// layers, each over the one before: defaults, a TOML file, SLUICE_* variables of
// the environment, flags. A key that nobody knows is an error in every layer, and
// a value that breaks a rule is refused with its key and the rule.
package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"time"
)

// Mode says how strict an installation is.
type Mode string

// The modes.
const (
	Live Mode = "live" // real money; every guard is on
	Dev  Mode = "dev"  // a machine of one's own: webhooks may go to loopback and plain http
)

// Duration is a span of time, written like "5s" or "1m30s".
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil || v < 0 {
		return fmt.Errorf("%q is no duration: write it like \"5s\" or \"1m30s\"", b)
	}
	*d = Duration(v)
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String writes it as it is read.
func (d Duration) String() string { return time.Duration(d).String() }

// Std is the same as a time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// Config is everything that can be set. The tag `doc` is what `sluice init` and
// docs/configuration.md say about a key; `live` and `dev` there are the modes.
type Config struct {
	Mode          Mode     `toml:"mode" doc:"live, or dev for a machine of your own: dev lets webhooks go to loopback and plain http, stops without delay and serves metrics beside the API"`
	Listen        string   `toml:"listen" doc:"host:port of the API; port 0 takes a free one. TLS belongs to the proxy in front"`
	PublicURL     string   `toml:"public_url" doc:"how merchants reach the API, like https://pay.example.com; shown, never dialled"`
	DatabaseURL   Secret   `toml:"database_url" doc:"sqlite:PATH, or postgres://USER@HOST/DATABASE"`
	Shards        int      `toml:"shards" doc:"shards that a new PostgreSQL database gets; fixed once it is made"`
	AutoMigrate   bool     `toml:"auto_migrate" doc:"let serve change the schema of an existing database; when false, run sluice migrate after a backup. A SQLite file that does not exist is always made"`
	AdminListen   string   `toml:"admin_listen" doc:"host:port of /metrics and /debug/pprof; keep it on loopback or a private network; empty: not served"`
	MetricsOnMain bool     `toml:"metrics_on_main" doc:"serve /metrics on the API's port too, for everybody who reaches it. Default: true in dev, false in live"`
	StopDelay     Duration `toml:"stop_delay" doc:"after SIGTERM, how long to go on serving as not ready, so that a load balancer notices. Default: 5s in live, 0s in dev"`
	StopTimeout   Duration `toml:"stop_timeout" doc:"after SIGTERM, when to give up waiting for work in hand; nothing is lost then either, but callers get no answer"`
	TrialEvery    Duration `toml:"trial_every" doc:"how often the trial balance is made for the metric sluice_ledger_imbalance; it reads every balance. 0s: never"`
	Log           Log      `toml:"log"`
	Commit        Commit   `toml:"commit"`
	Webhooks      Webhooks `toml:"webhooks"`
	Dispatch      Dispatch `toml:"dispatch"`
	Keystore      Keystore `toml:"keystore"`
	Seal          Seal     `toml:"seal"`
	Chain         Chain    `toml:"chain"`
	Credits       Credits  `toml:"credits"`
	Bank          Bank     `toml:"bank"`
	Signer        Signer   `toml:"signer"`
	Exchange      Exchange `toml:"exchange"`
	Treasury      Treasury `toml:"treasury"`
	Dialects      Dialects `toml:"dialects"`
	// Fees are what every merchant is charged; Assets are the currencies, Networks the ways out.
	Fees     []Fee         `toml:"fees"`
	Assets   []Asset       `toml:"assets"`
	Networks []Network     `toml:"networks"`
	Banks    []BankAccount `toml:"banks"`

	warnings []string
}

// Warnings are what Load found that works and is better changed, each with its key.
func (c *Config) Warnings() []string { return c.warnings }

// Log says what is logged and how.
type Log struct {
	Level  string `toml:"level" doc:"debug, info, warn or error"`
	Format string `toml:"format" doc:"text or json. Default: json in live, text in dev"`
}

// Commit bounds the write path.
type Commit struct {
	BatchMax  int      `toml:"batch_max" doc:"commands that share one commit, at the most"`
	BatchWait Duration `toml:"batch_wait" doc:"how long a batch that is not full waits for more. 0s is best for almost everybody: batches fill by themselves while the one before commits"`
	Queue     int      `toml:"queue" doc:"commands that may wait per shard; more are refused with 503 and Retry-After. 0: four times batch_max"`
}

// Webhooks bounds the sending of webhooks.
type Webhooks struct {
	Enabled bool     `toml:"enabled" doc:"send webhooks from this process; events are kept either way"`
	Allow   []string `toml:"allow" doc:"private address ranges that webhooks may go to all the same, like [\"10.1.2.0/24\"]; each use is logged"`
	// What one merchant may have: a flood of one must not cost the others.
	PendingMax   int `toml:"pending_max" doc:"webhooks of one merchant that wait to be sent, at most, in equal parts for its endpoints; what an endpoint does not take stays in the event log and is sent once half of its part is done"`
	EndpointsMax int `toml:"endpoints_max" doc:"webhook endpoints of one merchant, at most; one more is refused with too_many_endpoints"`
}

// Ranges are Allow; Validate has refused what is none.
func (w Webhooks) Ranges() []netip.Prefix {
	var out []netip.Prefix
	for _, text := range w.Allow {
		if p, err := netip.ParsePrefix(text); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// Dispatch bounds paying out.
type Dispatch struct {
	Enabled     bool     `toml:"enabled" doc:"pay out from this process; withdrawals are accepted and queued either way"`
	Window      int      `toml:"window" doc:"payouts of one wallet that wait for a block at the same time; nodes keep 16 of one sender for certain"`
	BumpAfter   Duration `toml:"bump_after" doc:"how long a payout may be in no block before a dearer attempt of the same payout is signed. 0s: only when the network takes nothing at the price that was offered"`
	ResendEvery Duration `toml:"resend_every" doc:"how often the stored bytes of a payout that is in no block are sent again"`
	LeaseFor    Duration `toml:"lease_for" doc:"how long a wallet stays with a process that no longer answers"`
}

// Keystore is where the keys of the wallets are.
type Keystore struct {
	Dir        string `toml:"dir" doc:"folder of encrypted keys (sluice wallet create makes it); empty: this process cannot sign"`
	Passphrase Secret `toml:"passphrase" doc:"opens the keys; best as file:PATH or env:NAME"`
}

// Asset is a currency.
type Asset struct {
	Code     string   `toml:"code" doc:"EUR, ETH, USDT; upper case"`
	Scale    int      `toml:"scale" doc:"decimals of the smallest unit: EUR 2, USDT 6, ETH 18. Never to be changed"`
	Networks []string `toml:"networks" doc:"the networks on which it can be paid out; none: it can only be held"`
	// ReviewAbove is a text, since TOML numbers are floats.
	ReviewAbove string            `toml:"review_above" doc:"withdrawals above this amount wait for a person: sluice withdrawal approve or reject. A text, like \"1000.00\"; empty: none waits"`
	CreditLimit string            `toml:"credit_limit" doc:"how much each merchant may credit by itself in all, with credits.merchants = \"limit\"; sluice credit grant allows one of them more. A text; empty: nothing"`
	Minimum     map[string]string `toml:"minimum" doc:"the least of one payout, by network: minimum = { ethereum = \"5.00\", bsc = \"1.00\" }. Whoever asks for less is refused on every surface. Without: the smallest unit"`
	Maximum     map[string]string `toml:"maximum" doc:"the most of one payout, by network. Without: no bound"`
}

// Network is a way out.
type Network struct {
	Name       string   `toml:"name" doc:"what destinations call it, like ethereum"`
	Kind       string   `toml:"kind" doc:"evm, or bitcoin for Bitcoin and Litecoin"`
	URL        Secret   `toml:"url" doc:"JSON-RPC of a node, for bitcoin with user and password in it; may be file:PATH or env:NAME, since it often holds a key"`
	Symbol     string   `toml:"symbol" doc:"what the wire of Tylt calls it, like BSC. Default: what everybody calls a network of its name, or the name in capital letters"`
	ChainID    int      `toml:"chain_id" doc:"1 for Ethereum; a node on another chain is refused (evm)"`
	FeeAsset   string   `toml:"fee_asset" doc:"the asset in which the network takes fees; must be under assets"`
	Finality   string   `toml:"finality" doc:"which blocks are final. evm: finalized, safe, or a number of confirmations. bitcoin: confirmations by amount, like \"1, 0.05:3, 1:6\""`
	FeeCeiling string   `toml:"fee_ceiling" doc:"the most gwei per gas, or satoshi per virtual byte, that a payout offers; above it payouts wait. A text, like \"200\""`
	TipMin     string   `toml:"tip_min" doc:"the least gwei per gas that a payout offers beyond what a block itself asks for; where the network's nodes want more, they say so and get it. A text, like \"0.1\"; \"0\" where nobody is tipped (evm)"`
	MaxFee     string   `toml:"max_fee" doc:"the most that one transaction may cost, in the fee asset; the signer refuses more. A text, like \"0.05\"; empty: no limit"`
	FeePerHour string   `toml:"fee_per_hour" doc:"the most that all transactions of any 60 minutes may cost together, in the fee asset, each counted with the most that it may cost, cancels and dearer attempts too; the signer refuses more. A text, like \"0.5\"; empty: no limit"`
	FeePerDay  string   `toml:"fee_per_day" doc:"the same for any 24 hours"`
	Poll       Duration `toml:"poll" doc:"how often to look for news of payouts"`
	// The rest is about lists and replacements: see vault.go.
	FeeBudget   string            `toml:"fee_budget" doc:"the most that one transaction offers for its gas, in the fee asset; nodes refuse more than 1 unless told otherwise. A text, like \"0.2\""`
	FeeDeadline Duration          `toml:"fee_deadline" doc:"with dispatch.bump_after: the time within which a payout should be in a block. What replacements offer rises in a straight line, to the whole fee_budget when this time has passed. 0s: they follow the market"`
	BatchMax    int               `toml:"batch_max" doc:"the most payouts in one transaction of a vault. 0: 200"`
	Vaults      map[string]string `toml:"vaults" doc:"vault contract by wallet address: vaults = { \"0xWallet\" = \"0xVault\" }. sluice wallet deploy-vault makes one; a wallet without pays one payout per transaction"`
	Tokens      map[string]string `toml:"tokens" doc:"contract address by asset code: tokens = { USDT = \"0x...\" } (evm)"`
	Coin        Coin              `toml:"coin"`
}

// The defaults of a network.
const (
	KindEVM           = "evm"
	defaultFeeAsset   = "ETH"
	defaultFinality   = "finalized"
	defaultFeeCeiling = "200"
	defaultTipMin     = "0.1"
	defaultFeeBudget  = "1"
	defaultPoll       = Duration(2 * time.Second)
)

// Default is what holds for a mode when nothing is set.
func Default(m Mode) Config {
	c := Config{
		Mode:        m,
		Listen:      "127.0.0.1:8080",
		DatabaseURL: NewSecret("sqlite:sluice.db"),
		Shards:      4,
		AdminListen: "127.0.0.1:8081",
		StopDelay:   Duration(5 * time.Second),
		StopTimeout: Duration(30 * time.Second),
		TrialEvery:  Duration(15 * time.Minute),
		Log:         Log{Level: "info", Format: "json"},
		Commit:      Commit{BatchMax: 1024},
		Webhooks:    Webhooks{Enabled: true, EndpointsMax: 100, PendingMax: 100_000},
		Dispatch:    Dispatch{Enabled: true, Window: 16, ResendEvery: Duration(12 * time.Second), LeaseFor: Duration(30 * time.Second)},
		Keystore:    Keystore{Dir: "keys"},
		Chain:       Chain{AnchorEvery: defaultAnchor},
		Bank:        Bank{NameMatch: "relaxed"},
		Seal:        Seal{Unbound: UnboundAccepted},
		Credits:     Credits{Merchants: CreditsGranted},
		Exchange:    defaultExchange(),
		Treasury:    Treasury{Every: defaultLook},
	}
	if m == Dev {
		c.AutoMigrate, c.MetricsOnMain, c.StopDelay, c.Log.Format = true, true, 0, "text"
		c.Credits.Merchants = CreditsUnlimited
		c.Dialects = Dialects{CoinsPaid: true, Tylt: true, Upvest: true}
	}
	return c
}

// fill gives every network its defaults. It is also for configurations made in code.
func (c *Config) fill() {
	c.Exchange.fill()
	c.fillBanks()
	for i := range c.Networks {
		n := &c.Networks[i]
		def := func(v *string, d string) {
			if *v == "" {
				*v = d
			}
		}
		def(&n.Kind, KindEVM)
		if n.Kind == KindBitcoin {
			n.fillCoin()
			continue
		}
		def(&n.FeeAsset, defaultFeeAsset)
		def(&n.Finality, defaultFinality)
		def(&n.FeeCeiling, defaultFeeCeiling)
		def(&n.TipMin, defaultTipMin)
		def(&n.FeeBudget, defaultFeeBudget)
		if n.Poll == 0 {
			n.Poll = defaultPoll
		}
	}
}

// SlogLevel is Log.Level for package slog.
func (l Log) SlogLevel() slog.Level {
	var v slog.Level
	_ = v.UnmarshalText([]byte(l.Level)) // Validate has refused what it does not know
	return v
}
