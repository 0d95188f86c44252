package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/internal/money"
	"sluice/internal/pricing/fee"
	"sluice/internal/pricing/fx"
)

// Exchange says what may be exchanged and where prices come from. Without pairs
// nothing is exchanged.
type Exchange struct {
	MaxAge       Duration     `toml:"max_age" doc:"a price that is older does not count"`
	MaxSpreadBPS int          `toml:"max_spread_bps" doc:"basis points (hundredths of a percent) between the lowest and the highest source of a price; further apart, nothing is exchanged"`
	OwnSpreadBPS int          `toml:"own_spread_bps" doc:"basis points between the bid and the ask of one source; a price of which they are further apart does not count"`
	MinSources   int          `toml:"min_sources" doc:"sources that must price a pair, and agree"`
	Pivots       []string     `toml:"pivots" doc:"currencies to cross through where no source prices a pair, tried in this order, like [\"EUR\", \"USD\"]"`
	FundsMaxAge  Duration     `toml:"funds_max_age" doc:"how old the reading of what the wallets hold may be; with an older one, withdrawals with exchange are refused"`
	Pairs        []Pair       `toml:"pairs"`
	Sources      []RateSource `toml:"sources"`
}

// Pair is what may be exchanged, in one direction.
type Pair struct {
	From           string `toml:"from" doc:"currency that the merchant gives"`
	To             string `toml:"to" doc:"currency that the receiver gets"`
	SpreadBPS      int    `toml:"spread_bps" doc:"basis points taken off the market's price; what is left over stays with the house"`
	Minimum        string `toml:"minimum" doc:"the least that may be given, as a text like \"10.00\"; empty: no minimum"`
	Maximum        string `toml:"maximum" doc:"the most that may be given at once; empty: no limit"`
	MinimumReceive string `toml:"minimum_receive" doc:"the least that may be received; empty: no minimum"`
	MinSources     int    `toml:"min_sources" doc:"sources that must price this pair, in either direction; 0: exchange.min_sources"`
}

// RateSource is where prices come from.
type RateSource struct {
	Name        string            `toml:"name" doc:"a word of its own; kraken, coinbase, binance and ecb are always called so"`
	Kind        string            `toml:"kind" doc:"fixed, json, kraken, coinbase, binance or ecb"`
	URL         Secret            `toml:"url" doc:"address of the service, for json of the document; may be file:PATH or env:NAME. Empty: the public service"`
	Every       Duration          `toml:"every" doc:"how often it is asked. Default: 5s, for ecb 1h"`
	MaxAge      Duration          `toml:"max_age" doc:"how old its prices may be, where that differs from exchange.max_age. Default for ecb: 144h"`
	Symbols     map[string]string `toml:"symbols" doc:"what the service calls the pairs: symbols = { \"BTC/EUR\" = \"XBTEUR\" } (kraken, coinbase, binance)"`
	Rates       map[string]string `toml:"rates" doc:"the prices of a fixed source: rates = { \"BTC/EUR\" = \"50000\" }"`
	Currencies  []string          `toml:"currencies" doc:"which currencies to take from the daily file (ecb)"`
	Prices      map[string]string `toml:"prices" doc:"where the prices stand in the document: prices = { \"BTC/EUR\" = \"$.data.price\" } (json)"`
	Bids        map[string]string `toml:"bids" doc:"where the bids stand, in place of prices (json)"`
	Asks        map[string]string `toml:"asks" doc:"where the asks stand (json)"`
	Time        string            `toml:"time" doc:"where the time of the prices stands; empty: the moment of asking (json)"`
	TimeFormat  string            `toml:"time_format" doc:"rfc3339, unix or unix_ms (json)"`
	HeaderName  string            `toml:"header_name" doc:"a header that is sent with each request, for services that want a key"`
	HeaderValue Secret            `toml:"header_value" doc:"its value; best as file:PATH or env:NAME"`
}

// Fee is what is charged to every merchant that has no schedule of its own.
type Fee struct {
	Currency         string `toml:"currency" doc:"of the balance that pays; empty: any"`
	Network          string `toml:"network" doc:"the way out; empty: any"`
	Kind             string `toml:"kind" doc:"plain or exchange; empty: both"`
	Percent          string `toml:"percent" doc:"of the amount, as a text like \"0.8\"; rounded up to the smallest unit"`
	Fixed            string `toml:"fixed" doc:"on top of the percentage, in the currency"`
	Minimum          string `toml:"minimum" doc:"percentage and fixed part are at least this"`
	Maximum          string `toml:"maximum" doc:"and at most this; empty: no limit"`
	Inside           bool   `toml:"inside" doc:"take the fee out of the amount; otherwise it is added to it"`
	NetworkFee       string `toml:"network_fee" doc:"absorbed (the house bears what the network takes), flat (network_fee_amount is charged) or cost (what it costs is charged). Default: absorbed"`
	NetworkFeeAmount string `toml:"network_fee_amount" doc:"flat: what is charged; cost: the most that is charged, none for what the network may take at acceptance. In the currency"`
}

// The kinds of sources.
const (
	SourceFixed    = "fixed"
	SourceJSON     = "json"
	SourceKraken   = "kraken"
	SourceCoinbase = "coinbase"
	SourceBinance  = "binance"
	SourceECB      = "ecb"
)

// The defaults of exchange.
const (
	defaultEvery    = Duration(5 * time.Second)
	defaultECBEvery = Duration(time.Hour)
	defaultECBAge   = Duration(144 * time.Hour) // over Easter a file stands for five days
)

func defaultExchange() Exchange {
	return Exchange{MaxAge: Duration(time.Minute), MaxSpreadBPS: 100, OwnSpreadBPS: fx.DefaultOwnSpread, MinSources: 1, FundsMaxAge: Duration(2 * time.Minute)}
}

// fill gives every source its defaults.
func (x *Exchange) fill() {
	for i := range x.Sources {
		s := &x.Sources[i]
		own := s.Kind != SourceFixed && s.Kind != SourceJSON
		if s.Name == "" && own {
			s.Name = s.Kind
		}
		if s.Every == 0 {
			s.Every = defaultEvery
			if s.Kind == SourceECB {
				s.Every = defaultECBEvery
			}
		}
		if s.MaxAge == 0 && s.Kind == SourceECB {
			s.MaxAge = defaultECBAge
		}
	}
}

func (c *Config) checkExchange(p *problems) {
	x := &c.Exchange
	span(p, "exchange.max_age", x.MaxAge, time.Second, 30*24*time.Hour)
	span(p, "exchange.funds_max_age", x.FundsMaxAge, time.Second, 24*time.Hour)
	if len(x.Pairs) > 0 && x.FundsMaxAge < c.Treasury.Every {
		p.add("exchange.funds_max_age", "must be at least treasury.every (%s), which is how often the wallets are looked at", c.Treasury.Every)
	}
	between(p, "exchange.max_spread_bps", x.MaxSpreadBPS, 0, 5000)
	between(p, "exchange.own_spread_bps", x.OwnSpreadBPS, 1, 5000)
	between(p, "exchange.min_sources", x.MinSources, 1, 32)
	for i, code := range x.Pivots {
		c.known(p, fmt.Sprintf("exchange.pivots[%d]", i), code)
	}
	if len(x.Pairs) > 0 && len(x.Sources) == 0 {
		p.add("exchange.sources", "is empty: pairs need at least one source of prices")
	}
	seen := map[string]bool{}
	for i, s := range x.Sources {
		c.checkSource(p, fmt.Sprintf("exchange.sources[%d]", i), s)
		if seen[s.Name] {
			p.add(fmt.Sprintf("exchange.sources[%d].name", i), "%q is there twice: each source has one voice", s.Name)
		}
		seen[s.Name] = true
	}
	seen = map[string]bool{}
	for i := range x.Pairs {
		path := fmt.Sprintf("exchange.pairs[%d]", i)
		pair := c.pair(p, path, x.Pairs[i])
		key := pair.From.Code + "/" + pair.To.Code
		if pair.From.Code != "" && pair.To.Code != "" {
			if err := pair.Validate(); err != nil {
				p.add(path, "%v", err)
			}
		}
		if seen[key] {
			p.add(path, "%s is there twice", key)
		}
		seen[key] = true
		between(p, path+".min_sources", x.Pairs[i].MinSources, 0, 32)
	}
}

func (c *Config) known(p *problems, path, code string) (money.Asset, bool) {
	if c.scale(code) < 0 {
		p.add(path, "there is no asset %q; add it under [[assets]]", code)
		return money.Asset{}, false
	}
	return c.Money()[code], true
}

func (c *Config) checkSource(p *problems, path string, s RateSource) {
	own := []string{SourceKraken, SourceCoinbase, SourceBinance, SourceECB}
	oneOf(p, path+".kind", s.Kind, append([]string{SourceFixed, SourceJSON}, own...)...)
	switch {
	case s.Name == "" || strings.ToLower(s.Name) != s.Name || strings.ContainsAny(s.Name, " ,\t"):
		p.add(path+".name", "must be a word in lower case without commas")
	case slices.Contains(own, s.Kind) && s.Name != s.Kind, !slices.Contains(own, s.Kind) && slices.Contains(own, s.Name):
		p.add(path+".name", "%s is the name of the source of that kind, and of no other", s.Name)
	}
	span(p, path+".every", s.Every, time.Second, 24*time.Hour)
	if s.MaxAge != 0 {
		span(p, path+".max_age", s.MaxAge, time.Second, 30*24*time.Hour)
	}
	if (s.HeaderName == "") != s.HeaderValue.IsZero() {
		p.add(path+".header_name", "and header_value belong together")
	}
	needs := map[string]string{SourceFixed: "rates", SourceKraken: "symbols", SourceCoinbase: "symbols", SourceBinance: "symbols", SourceECB: "currencies"}[s.Kind]
	for _, f := range []struct {
		name  string
		pairs map[string]string
		kinds []string
	}{
		{"symbols", s.Symbols, own[:3]},
		{"rates", s.Rates, []string{SourceFixed}},
		{"prices", s.Prices, []string{SourceJSON}},
		{"bids", s.Bids, []string{SourceJSON}},
		{"asks", s.Asks, []string{SourceJSON}},
	} {
		if len(f.pairs) > 0 && !slices.Contains(f.kinds, s.Kind) {
			p.add(path+"."+f.name, "has no meaning for a source of kind %s", s.Kind)
		}
		if len(f.pairs) == 0 && f.name == needs {
			p.add(path+"."+f.name, "must not be empty for a source of kind %s", s.Kind)
		}
		for pair := range f.pairs {
			c.checkPairName(p, path+"."+f.name, pair)
		}
	}
	if s.Kind == SourceECB && len(s.Currencies) == 0 {
		p.add(path+".currencies", "must not be empty for a source of kind ecb")
	}
	if s.Kind == SourceJSON {
		if s.URL.IsZero() {
			p.add(path+".url", "is needed for a source of kind json")
		}
		if len(s.Prices)+len(s.Bids) == 0 {
			p.add(path+".prices", "must not be empty for a source of kind json, unless there are bids and asks")
		}
	}
	for _, code := range s.Currencies {
		c.known(p, path+".currencies", code)
	}
}

func (c *Config) checkPairName(p *problems, path, pair string) {
	base, quote, ok := strings.Cut(pair, "/")
	if !ok || base == quote {
		p.add(path, "%q must be two currencies, like BTC/EUR", pair)
		return
	}
	c.known(p, path, base)
	c.known(p, path, quote)
}

// amountOr reads an optional amount of an asset.
func amountOr(p *problems, path string, a money.Asset, text string) money.Amount {
	if text == "" || a.Code == "" {
		return money.Amount{}
	}
	v, err := a.Parse(text)
	if err != nil {
		p.add(path, "%v", err)
	}
	return v
}

func (c *Config) pair(p *problems, path string, in Pair) fx.Pair {
	from, _ := c.known(p, path+".from", in.From)
	to, _ := c.known(p, path+".to", in.To)
	out := fx.Pair{
		From: from, To: to, Spread: in.SpreadBPS, MinSend: amountOr(p, path+".minimum", from, in.Minimum),
		MaxSend: amountOr(p, path+".maximum", from, in.Maximum), MinReceive: amountOr(p, path+".minimum_receive", to, in.MinimumReceive),
	}
	return out
}

// ExchangePairs gives the pairs in the form that everybody else uses. The
// configuration must be valid.
func (c *Config) ExchangePairs() []fx.Pair {
	var p problems
	var out []fx.Pair
	for _, in := range c.Exchange.Pairs {
		out = append(out, c.pair(&p, "", in))
	}
	return out
}

// RatePolicy gives the rules of a market in the form that everybody else uses.
func (c *Config) RatePolicy() fx.Policy {
	x := c.Exchange
	out := fx.Policy{
		MaxAge: x.MaxAge.Std(), MaxAgeOf: map[string]time.Duration{}, MaxSpread: x.MaxSpreadBPS, MaxOwnSpread: x.OwnSpreadBPS, MinSources: x.MinSources,
		MinSourcesOf: map[string]int{}, Pivots: slices.Clone(x.Pivots),
	}
	for _, s := range x.Sources {
		if s.MaxAge != 0 {
			out.MaxAgeOf[s.Name] = s.MaxAge.Std()
		}
	}
	for _, pair := range x.Pairs {
		if pair.MinSources > 0 {
			out.MinSourcesOf[pair.From+"/"+pair.To] = pair.MinSources
		}
	}
	return out
}

func (c *Config) checkFeeSchedules(p *problems, given []string) {
	seen := map[fee.Key]bool{}
	for i, in := range c.Fees {
		path := fmt.Sprintf("fees[%d]", i)
		s := c.schedule(p, path, in)
		if err := s.Validate(); err != nil {
			p.add(path, "%v", err)
		}
		if seen[s.Key] {
			p.add(path, "there are two schedules for the same currency, network and kind")
		}
		seen[s.Key] = true
		if in.Network != "" && !slices.Contains(given, in.Network) && !slices.ContainsFunc(c.Networks, func(n Network) bool { return n.Name == in.Network }) {
			p.add(path+".network", "there is no network %q", in.Network)
		}
	}
}

func (c *Config) schedule(p *problems, path string, in Fee) fee.Schedule {
	var a money.Asset
	if in.Currency != "" {
		a, _ = c.known(p, path+".currency", in.Currency)
	}
	out := fee.Schedule{
		Key: fee.Key{Currency: in.Currency, Network: in.Network, Kind: fee.Kind(in.Kind)}, Inside: in.Inside, Carry: fee.Carry(in.NetworkFee),
	}
	if out.Carry == "absorbed" {
		out.Carry = fee.Absorbed
	}
	if in.Percent != "" {
		ppm, err := fee.ParsePercent(in.Percent)
		if err != nil {
			p.add(path+".percent", "%v", err)
		}
		out.PPM = ppm
	}
	for _, f := range []struct {
		key  string
		text string
		into *money.Amount
	}{
		{"fixed", in.Fixed, &out.Fixed}, {"minimum", in.Minimum, &out.Minimum}, {"maximum", in.Maximum, &out.Maximum}, {"network_fee_amount", in.NetworkFeeAmount, &out.CarryAmount},
	} {
		if f.text != "" && in.Currency == "" {
			p.add(path+"."+f.key, "an amount needs the currency of the schedule")
		}
		*f.into = amountOr(p, path+"."+f.key, a, f.text)
	}
	return out
}

// FeeSchedules gives the defaults of the installation in the form that everybody
// else uses. The configuration must be valid.
func (c *Config) FeeSchedules() []fee.Schedule {
	var p problems
	var out []fee.Schedule
	for _, in := range c.Fees {
		out = append(out, c.schedule(&p, "", in))
	}
	return out
}
