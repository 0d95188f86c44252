package config

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/id"
	"sluice/internal/money"
)

// gwei reads prices of gas; its smallest unit is wei.
var gwei = money.Asset{Code: "gwei", Scale: 9}

// Validate checks a configuration made in code and fills in the defaults of its
// networks. Load has done both. given are networks that the program brings along.
func (c *Config) Validate(given ...string) error {
	c.fill()
	return c.check(given).err()
}

func (c *Config) check(given []string) problems {
	var p problems
	oneOf(&p, "mode", string(c.Mode), string(Live), string(Dev))
	oneOf(&p, "credits.merchants", c.Credits.Merchants, CreditsGranted, CreditsLimit, CreditsUnlimited)
	oneOf(&p, "log.level", c.Log.Level, "debug", "info", "warn", "error")
	oneOf(&p, "log.format", c.Log.Format, "text", "json")
	hostPort(&p, "listen", c.Listen)
	if c.AdminListen != "" {
		hostPort(&p, "admin_listen", c.AdminListen)
	}
	if u, err := url.Parse(c.PublicURL); c.PublicURL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		p.add("public_url", "must be a URL like https://pay.example.com")
	}
	c.checkDatabase(&p)
	between(&p, "shards", c.Shards, 1, id.MaxShards)
	between(&p, "commit.batch_max", c.Commit.BatchMax, 1, 65536)
	between(&p, "commit.queue", c.Commit.Queue, 0, 1<<22)
	if c.Commit.Queue > 0 && c.Commit.Queue < c.Commit.BatchMax {
		p.add("commit.queue", "must not be smaller than commit.batch_max (%d)", c.Commit.BatchMax)
	}
	span(&p, "commit.batch_wait", c.Commit.BatchWait, 0, time.Second)
	span(&p, "stop_delay", c.StopDelay, 0, time.Minute)
	span(&p, "stop_timeout", c.StopTimeout, c.StopDelay.Std()+time.Second, 10*time.Minute)
	if c.TrialEvery != 0 {
		span(&p, "trial_every", c.TrialEvery, 10*time.Second, 7*24*time.Hour)
	}
	between(&p, "dispatch.window", c.Dispatch.Window, 1, 1024)
	span(&p, "dispatch.resend_every", c.Dispatch.ResendEvery, time.Second, time.Hour)
	// A round on a wallet may take 20 s: a lease that ends within it would be lost again
	// and again. A second attempt within a block time is money thrown away. In dev, where
	// processes are killed on purpose and blocks come fast, nobody wants to wait so long.
	lease, bump := 25*time.Second, 15*time.Second
	if c.Mode == Dev {
		lease, bump = 200*time.Millisecond, time.Second
	}
	span(&p, "dispatch.lease_for", c.Dispatch.LeaseFor, lease, time.Hour)
	if c.Dispatch.BumpAfter != 0 {
		span(&p, "dispatch.bump_after", c.Dispatch.BumpAfter, bump, 24*time.Hour)
	}
	for i, text := range c.Webhooks.Allow {
		if _, err := netip.ParsePrefix(text); err != nil {
			p.add(fmt.Sprintf("webhooks.allow[%d]", i), "must be an address range like 10.1.2.0/24, not %q", text)
		}
	}
	between(&p, "webhooks.pending_max", c.Webhooks.PendingMax, 1000, 10_000_000)
	between(&p, "webhooks.endpoints_max", c.Webhooks.EndpointsMax, 1, 1000)
	c.checkChain(&p)
	c.checkBank(&p)
	c.checkAssets(&p, given)
	c.checkNetworks(&p)
	c.checkBanks(&p)
	c.checkExchange(&p)
	c.checkFeeSchedules(&p, given)
	c.checkTreasury(&p)
	return p.withValues(c)
}

func (c *Config) checkDatabase(p *problems) {
	text := c.DatabaseURL.Reveal()
	path, isFile := strings.CutPrefix(text, "sqlite:")
	switch {
	case isFile && path != "":
	case strings.HasPrefix(text, "postgres://"), strings.HasPrefix(text, "postgresql://"):
		if _, err := url.Parse(text); err != nil {
			p.add("database_url", "is no URL; write special characters of the password as %%xx") // err repeats the URL with its password
		}
	default:
		p.add("database_url", "must be sqlite:PATH or postgres://USER@HOST/DATABASE")
	}
}

func (c *Config) checkAssets(p *problems, given []string) {
	seen := map[string]bool{}
	for i, a := range c.Assets {
		path := fmt.Sprintf("assets[%d]", i)
		if err := (money.Asset{Code: a.Code, Scale: a.Scale}).Validate(); err != nil {
			p.add(path, "%v", err)
		}
		if a.ReviewAbove != "" {
			if _, err := (money.Asset{Code: a.Code, Scale: a.Scale}).Parse(a.ReviewAbove); err != nil {
				p.add(path+".review_above", "%v", err)
			}
		}
		if a.CreditLimit != "" {
			if _, err := (money.Asset{Code: a.Code, Scale: a.Scale}).Parse(a.CreditLimit); err != nil {
				p.add(path+".credit_limit", "%v", err)
			}
		}
		c.checkLimits(p, path, a)
		if seen[a.Code] {
			p.add(path+".code", "%s is there twice", a.Code)
		}
		seen[a.Code] = true
		for _, name := range a.Networks {
			n := slices.IndexFunc(c.Networks, func(n Network) bool { return n.Name == name })
			switch {
			case slices.Contains(given, name):
			case slices.ContainsFunc(c.Banks, func(b BankAccount) bool { return b.Name == name }):
				if a.Code != bankCurrency || a.Scale != bankScale {
					p.add(path+".networks", "%s pays %s with scale %d and nothing else", name, bankCurrency, bankScale)
				}
			case n < 0:
				p.add(path+".networks", "there is no network %q; add it under [[networks]]", name)
			case !c.Networks[n].pays(a.Code):
				p.add(path+".networks", "%s does not pay %s: add its contract to the tokens of the network", name, a.Code)
			}
		}
	}
}

// checkLimits refuses bounds that are no amounts, are of a network that does not pay the
// asset, or leave no payout between them.
func (c *Config) checkLimits(p *problems, path string, a Asset) {
	asset := money.Asset{Code: a.Code, Scale: a.Scale}
	for name, bounds := range map[string]map[string]string{"minimum": a.Minimum, "maximum": a.Maximum} {
		for _, network := range slices.Sorted(maps.Keys(bounds)) {
			at := path + "." + name + "." + network
			v, err := asset.Parse(bounds[network])
			switch {
			case !slices.Contains(a.Networks, network):
				p.add(at, "%s is not paid out on %q: it is on %s", a.Code, network, strings.Join(a.Networks, ", "))
			case err != nil:
				p.add(at, "%v", err)
			case v.IsZero():
				p.add(at, "must be above zero; leave it out for no bound")
			}
		}
	}
	for network, l := range a.limits() {
		if !l.Max.IsZero() && l.Max.Less(l.Min) {
			p.add(path+".maximum."+network, "is below the minimum of %s %s", a.Minimum[network], a.Code)
		}
	}
}

// limits are the bounds in the form that everybody else uses; what is wrong is left out.
func (a Asset) limits() map[string]money.Limit {
	asset, out := money.Asset{Code: a.Code, Scale: a.Scale}, map[string]money.Limit{}
	for network, text := range a.Minimum {
		l := out[network]
		l.Min, _ = asset.Parse(text) // checkLimits says what is wrong
		out[network] = l
	}
	for network, text := range a.Maximum {
		l := out[network]
		l.Max, _ = asset.Parse(text)
		out[network] = l
	}
	return out
}

func (n Network) pays(code string) bool { return n.FeeAsset == code || n.Tokens[code] != "" }

func (c *Config) checkNetworks(p *problems) {
	seen := map[string]bool{}
	for i, n := range c.Networks {
		path := fmt.Sprintf("networks[%d]", i)
		if n.Name == "" || strings.ToLower(n.Name) != n.Name || strings.ContainsAny(n.Name, " \t/:") {
			p.add(path+".name", "must be a word in lower case, like ethereum")
		}
		if seen[n.Name] {
			p.add(path+".name", "%s is there twice", n.Name)
		}
		seen[n.Name] = true
		oneOf(p, path+".kind", n.Kind, KindEVM, KindBitcoin)
		if _, _, err := n.FeeLimits(); err != nil {
			p.add(path+".fee_per_hour", "fee_per_hour and fee_per_day must be amounts of %s, as texts like \"0.5\"", n.FeeAsset)
		}
		if n.Kind == KindBitcoin {
			c.checkCoin(p, path, n)
			continue
		}
		if u, err := url.Parse(n.URL.Reveal()); err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "ws", "wss"}, u.Scheme) {
			p.add(path+".url", "must be the URL of a JSON-RPC node: http, https, ws or wss")
		}
		between(p, path+".chain_id", n.ChainID, 1, 1<<53)
		if same := slices.IndexFunc(c.Networks[:i], func(x Network) bool { return x.Kind == n.Kind && x.ChainID == n.ChainID }); same >= 0 {
			p.add(path+".chain_id", "%d is the chain of networks[%d], %s: one chain is one network; put all assets and tokens there", n.ChainID, same, c.Networks[same].Name)
		}
		if depth, err := strconv.ParseUint(n.Finality, 10, 32); (err != nil || depth == 0) && n.Finality != "finalized" && n.Finality != "safe" {
			p.add(path+".finality", "must be finalized, safe, or a number of confirmations from 1")
		}
		if v, err := n.FeeCap(); err != nil || v.IsZero() {
			p.add(path+".fee_ceiling", "must be a number of gwei above 0, as a text like \"200\"")
		} else if tip, err := n.LeastTip(); err != nil || v.Less(tip) {
			p.add(path+".tip_min", "must be a number of gwei, at most fee_ceiling, as a text like \"0.1\"")
		}
		c.checkFees(p, path, n)
		for code, address := range n.Tokens {
			if c.scale(code) < 0 {
				p.add(path+".tokens."+code, "there is no asset %s; add it under [[assets]]", code)
			}
			if code == n.FeeAsset {
				p.add(path+".tokens."+code, "%s is the coin of the network, not a token", code)
			}
			if len(address) != 42 || !strings.HasPrefix(address, "0x") {
				p.add(path+".tokens."+code, "must be a contract address: 0x and 40 hex digits")
			}
		}
	}
}

// nativeScale is the scale of every coin that pays fees on an EVM chain.
const nativeScale = 18

func (c *Config) checkFees(p *problems, path string, n Network) {
	switch c.scale(n.FeeAsset) {
	case nativeScale:
	case -1:
		p.add(path+".fee_asset", "there is no asset %s; add it under [[assets]] with scale %d", n.FeeAsset, nativeScale)
	default:
		p.add(path+".fee_asset", "%s must have scale %d: the network counts in wei", n.FeeAsset, nativeScale)
	}
	c.checkVaults(p, path, n)
	if _, err := n.MaxFeeWei(); err != nil {
		p.add(path+".max_fee", "must be an amount of %s, as a text like \"0.05\"", n.FeeAsset)
	}
}

func (c *Config) scale(code string) int {
	for _, a := range c.Assets {
		if a.Code == code {
			return a.Scale
		}
	}
	return -1
}

// FeeCap is FeeCeiling in wei per gas.
func (n Network) FeeCap() (money.Amount, error) { return gwei.Parse(n.FeeCeiling) }

// LeastTip is TipMin in wei per gas.
func (n Network) LeastTip() (money.Amount, error) { return gwei.Parse(n.TipMin) }

// MaxFeeWei is MaxFee in wei; zero for no limit.
func (n Network) MaxFeeWei() (money.Amount, error) {
	if n.MaxFee == "" {
		return money.Amount{}, nil
	}
	return money.Asset{Code: n.FeeAsset, Scale: nativeScale}.Parse(n.MaxFee)
}

// Money gives the assets in the form that everybody else uses.
func (c *Config) Money() money.Assets {
	out := money.Assets{}
	for _, a := range c.Assets {
		out[a.Code] = money.Asset{Code: a.Code, Scale: a.Scale, Networks: slices.Clone(a.Networks), Limits: a.limits()}
	}
	return out
}

// ReviewAbove is, by currency, the amount above which a withdrawal waits for a person.
func (c *Config) ReviewAbove() map[string]money.Amount {
	out := map[string]money.Amount{}
	for _, a := range c.Assets {
		if limit, err := (money.Asset{Code: a.Code, Scale: a.Scale}).Parse(a.ReviewAbove); a.ReviewAbove != "" && err == nil {
			out[a.Code] = limit
		}
	}
	return out
}

// DatabaseName is the database URL without its password, for people.
func (c *Config) DatabaseName() string {
	text := c.DatabaseURL.Reveal()
	if strings.HasPrefix(text, "sqlite:") {
		return text
	}
	u, err := url.Parse(text)
	if err != nil {
		return Redacted
	}
	u.RawQuery = "" // may hold a password too
	return u.Redacted()
}

func oneOf(p *problems, path, v string, allowed ...string) {
	if !slices.Contains(allowed, v) {
		p.add(path, "must be %s, not %q", strings.Join(allowed, " or "), v)
	}
}

func between(p *problems, path string, v, low, high int) {
	if v < low || v > high {
		p.add(path, "must be %d to %d, not %d", low, high, v)
	}
}

func span(p *problems, path string, v Duration, low, high time.Duration) {
	if v.Std() < low || v.Std() > high {
		p.add(path, "must be %s to %s, not %s", low, high, v)
	}
}

func hostPort(p *problems, path, v string) {
	_, port, err := net.SplitHostPort(v)
	if n, convErr := strconv.ParseUint(port, 10, 16); err != nil || convErr != nil || n > 65535 {
		p.add(path, "must be host:port, like 127.0.0.1:8080 or :8080")
	}
}
