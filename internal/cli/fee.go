package cli

import (
	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/pricing/fee"
)

type feeCmd struct {
	List   feeListCmd   `cmd:"" help:"Show what a merchant is charged: its own schedules and those of the installation."`
	Set    feeSetCmd    `cmd:"" help:"Give a merchant a schedule of its own, in place of one for the same currency, network and kind."`
	Remove feeRemoveCmd `cmd:"" help:"Take a merchant's own schedule away: what the installation charges holds again."`
}

// feeKey is what a schedule is for.
type feeKey struct {
	Merchant string `required:"" placeholder:"ID" help:"Whose: mer_..."`
	Currency string `placeholder:"CODE" help:"Of the balance that pays. Default: any."`
	Network  string `placeholder:"NAME" help:"The way out. Default: any."`
	Kind     string `placeholder:"KIND" enum:",plain,exchange" default:"" help:"plain or exchange. Default: both."`
}

func (k feeKey) key() (id.ID, fee.Key, error) {
	at, err := parseID(id.Merchant, k.Merchant)
	return at, fee.Key{Merchant: at.Seq, Currency: k.Currency, Network: k.Network, Kind: fee.Kind(k.Kind)}, err
}

// feeOut is a schedule as it is printed. The API has the same names.
type feeOut struct {
	Merchant  string `json:"merchant,omitempty"`
	Currency  string `json:"currency,omitempty"`
	Network   string `json:"network,omitempty"`
	Kind      string `json:"kind,omitempty"`
	Percent   string `json:"percent"`
	Fixed     string `json:"fixed,omitempty"`
	Minimum   string `json:"minimum,omitempty"`
	Maximum   string `json:"maximum,omitempty"`
	FeeFrom   string `json:"fee_from"`
	Carry     string `json:"network_fee"`
	CarryMost string `json:"network_fee_amount,omitempty"`
}

func showFee(at id.ID, s fee.Schedule, assets money.Assets) feeOut {
	amount := func(a money.Amount) string {
		if a.IsZero() {
			return ""
		}
		return assets[s.Currency].Format(a)
	}
	out := feeOut{
		Currency: s.Currency, Network: s.Network, Kind: string(s.Kind), Percent: fee.Percent(s.PPM), Fixed: amount(s.Fixed), Minimum: amount(s.Minimum),
		Maximum: amount(s.Maximum), FeeFrom: "balance", Carry: or(string(s.Carry), "absorbed"), CarryMost: amount(s.CarryAmount),
	}
	if s.Inside {
		out.FeeFrom = "amount"
	}
	if s.Merchant != 0 {
		out.Merchant = at.Text(id.Merchant)
	}
	return out
}

func listFees(e *env, out []feeOut) error {
	return list(e, out, "OF CURRENCY NETWORK KIND PERCENT FIXED MINIMUM MAXIMUM FROM NETWORK-FEE", func(f feeOut) []any {
		of := "installation"
		if f.Merchant != "" {
			of = "merchant"
		}
		carry := f.Carry
		if f.CarryMost != "" {
			carry += " " + f.CarryMost
		}
		return []any{of, or(f.Currency, "any"), or(f.Network, "any"), or(f.Kind, "any"), f.Percent, or(f.Fixed, "-"), or(f.Minimum, "-"), or(f.Maximum, "-"), f.FeeFrom, carry}
	})
}

type feeListCmd struct {
	Merchant string `required:"" placeholder:"ID" help:"Whose: mer_..."`
}

// Run implements the command.
func (c *feeListCmd) Run(e *env) error {
	at, err := parseID(id.Merchant, c.Merchant)
	if err != nil {
		return err
	}
	return e.open(func(t *tool) error {
		_, found, err := t.db.Merchant(t.ctx, at)
		if err == nil {
			err = need(found, "merchant", c.Merchant)
		}
		if err != nil {
			return err
		}
		assets, err := t.assets()
		if err != nil {
			return err
		}
		own, err := t.db.Fees(t.ctx, at)
		if err != nil {
			return err
		}
		var out []feeOut
		for _, s := range own {
			if s.Active {
				out = append(out, showFee(at, s.Schedule, assets))
			}
		}
		for _, s := range t.conf.FeeSchedules() {
			out = append(out, showFee(at, s, assets))
		}
		return listFees(e, out)
	})
}

type feeSetCmd struct {
	feeKey
	Percent          string `default:"0" help:"Of the amount, like 0.8; rounded up to the smallest unit."`
	Fixed            string `placeholder:"AMOUNT" help:"On top of the percentage."`
	Minimum          string `placeholder:"AMOUNT" help:"Percentage and fixed part are at least this."`
	Maximum          string `placeholder:"AMOUNT" help:"And at most this."`
	Inside           bool   `help:"Take the fee out of the amount instead of adding it."`
	NetworkFee       string `default:"absorbed" enum:"absorbed,flat,cost" help:"Who bears the network's fee: the house (absorbed), the merchant with a flat amount, or the merchant with what it costs."`
	NetworkFeeAmount string `placeholder:"AMOUNT" help:"flat: what is charged. cost: the most that is charged; default: what the network may take at acceptance."`
}

// schedule reads the flags.
func (c *feeSetCmd) schedule(key fee.Key, assets money.Assets) (s fee.Schedule, err error) {
	s = fee.Schedule{Key: key, Inside: c.Inside}
	if c.NetworkFee != "absorbed" {
		s.Carry = fee.Carry(c.NetworkFee)
	}
	if s.PPM, err = fee.ParsePercent(c.Percent); err != nil {
		return s, err
	}
	var asset money.Asset
	if key.Currency != "" {
		if asset, err = assets.Get(key.Currency); err != nil {
			return s, err
		}
	}
	for _, part := range []struct {
		flag, text string
		into       *money.Amount
	}{
		{"--fixed", c.Fixed, &s.Fixed},
		{"--minimum", c.Minimum, &s.Minimum},
		{"--maximum", c.Maximum, &s.Maximum},
		{"--network-fee-amount", c.NetworkFeeAmount, &s.CarryAmount},
	} {
		if part.text == "" {
			continue
		}
		if key.Currency == "" {
			return s, fault.New(fault.Invalid, "usage", "%s needs --currency: an amount is in one currency", part.flag)
		}
		if *part.into, err = asset.Parse(part.text); err != nil {
			return s, fault.New(fault.Invalid, "usage", "%s %s: %v", part.flag, part.text, err)
		}
	}
	return s, s.Validate()
}

// Run implements the command.
func (c *feeSetCmd) Run(e *env) error {
	at, key, err := c.key()
	if err != nil {
		return err
	}
	return e.open(func(t *tool) error {
		assets, err := t.assets()
		if err != nil {
			return err
		}
		s, err := c.schedule(key, assets)
		if err != nil {
			return err
		}
		return e.changeFee(t, at, assets, fee.Set{Schedule: s})
	})
}

type feeRemoveCmd struct{ feeKey }

// Run implements the command.
func (c *feeRemoveCmd) Run(e *env) error {
	at, key, err := c.key()
	if err != nil {
		return err
	}
	return e.open(func(t *tool) error {
		assets, err := t.assets()
		if err != nil {
			return err
		}
		return e.changeFee(t, at, assets, fee.Remove{Key: key})
	})
}

// changeFee carries out a change in the merchant's shard and prints the schedule.
func (e *env) changeFee(t *tool, at id.ID, assets money.Assets, cmd commit.Command[fee.Stored]) error {
	if int(at.Shard) >= t.db.Shards() {
		return need(false, "merchant", at.Text(id.Merchant))
	}
	var s fee.Stored
	if err := t.write(func(loop *commit.Loop) (err error) {
		s, err = commit.Do(t.ctx, loop, at.Shard, cmd)
		return err
	}); err != nil {
		return err
	}
	return listFees(e, []feeOut{showFee(at, s.Schedule, assets)})
}
