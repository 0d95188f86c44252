package pricing_test

import (
	"context"
	"testing"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/pricing"
	"sluice/internal/pricing/fee"
	"sluice/internal/pricing/fx"
	"sluice/internal/rail"
	"sluice/internal/withdrawal"
)

// node says what a network may take.
type node struct {
	most  money.Amount
	err   error
	asked int
}

func (n *node) Ceiling(_ context.Context, to rail.Target, asset string, amount money.Amount) (money.Amount, error) {
	n.asked++
	if string(to.Decoded) != "bob" || asset == "" || amount.IsZero() {
		return money.Amount{}, rail.ErrUnavailable
	}
	return n.most, n.err
}

func bob(context.Context) (rail.Target, error) {
	return rail.Target{Network: "ethereum", Decoded: []byte("bob")}, nil
}

// What is held for the network comes from what it may take, is exchanged at the house's
// price and rounded up, and never is above what the schedule says.
func TestHeldForTheNetwork(t *testing.T) {
	const gwei = 1_000_000_000
	for _, c := range []struct {
		name  string
		from  money.Asset
		carry fee.Carry
		bound uint64
		node  node
		hold  string // in From; or a code
		rate  string
		asked int
	}{
		{"absorbed: nobody is asked", eth, fee.Absorbed, 0, node{}, "0", "", 0},
		{"flat: nobody is asked", eth, fee.Flat, 99, node{err: rail.ErrUnavailable}, "99", withdrawal.NetworkFlat, 0},
		{"at cost: what it may take", eth, fee.Cost, 0, node{most: money.Of(21_000 * gwei)}, "21000000000000", "1/1", 1},
		{"at cost, below the bound", eth, fee.Cost, 30_000 * gwei, node{most: money.Of(21_000 * gwei)}, "21000000000000", "1/1", 1},
		{"at cost, at the bound", eth, fee.Cost, 21_000 * gwei, node{most: money.Of(21_000 * gwei)}, "21000000000000", "1/1", 1},
		{"at cost, above the bound: the house bears the rest", eth, fee.Cost, 20_000 * gwei, node{most: money.Of(21_000 * gwei)}, "20000000000000", "1/1", 1},
		{"at cost, it takes nothing", eth, fee.Cost, 0, node{}, "0", "1/1", 1},
		// 0.000021 ETH at 2001 euros are 4.2021 cents: 5.
		{"at cost, in euros, rounded up", eur, fee.Cost, 0, node{most: money.Of(21_000 * gwei)}, "5", "2001/10000000000000000", 1},
		{"at cost, in euros, below a cent is a cent", eur, fee.Cost, 0, node{most: money.Of(1)}, "1", "2001/10000000000000000", 1},
		{"at cost, nobody knows: the bound", eth, fee.Cost, 77, node{err: rail.ErrUnavailable}, "77", "1/1", 1},
		{"at cost, nobody knows and there is no bound", eth, fee.Cost, 0, node{err: rail.ErrUnavailable}, "network_fee_unknown", "", 1},
		{"at cost, the network would refuse", eth, fee.Cost, 77, node{err: &rail.Refusal{Reason: "dust"}}, "network_refuses", "", 1},
		{"at cost, no price of the fee", usdt, fee.Cost, 77, node{most: money.Of(1)}, "rate_unavailable", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &pricing.Book{
				Markets: prices{}.set("ETH", "EUR", "1999", "2001"), FeeAssets: map[string]money.Asset{"ethereum": eth}, Costs: &c.node,
				Fees: []fee.Schedule{{Carry: c.carry, CarryAmount: money.Of(c.bound)}},
			}
			got, err := b.For(t.Context(), pricing.Ask{Merchant: shop, From: c.from, To: c.from, Network: "ethereum", Amount: money.Of(100), Target: bob})
			if c.node.asked != c.asked {
				t.Errorf("asked %d times, want %d", c.node.asked, c.asked)
			}
			if err != nil {
				if fault.CodeOf(err) != c.hold {
					t.Errorf("%v, want %s", err, c.hold)
				}
				return
			}
			var cmd withdrawal.Create
			got.Fill(&cmd, c.from)
			if cmd.NetworkHold.String() != c.hold || cmd.NetworkRate != c.rate {
				t.Errorf("%s at %q, want %s at %q", cmd.NetworkHold, cmd.NetworkRate, c.hold, c.rate)
			}
		})
	}
}

// Without anybody who estimates, with a target that is not there, and for a price alone,
// the schedule's own amount is all that is known.
func TestNothingIsHeldThatNobodyCanPay(t *testing.T) {
	n := &node{most: money.Of(5)}
	b := &pricing.Book{FeeAssets: map[string]money.Asset{"ethereum": eth}, Costs: n, Fees: []fee.Schedule{{Carry: fee.Cost, CarryAmount: money.Of(9)}}}
	ask := pricing.Ask{Merchant: shop, From: eth, To: eth, Network: "ethereum", Form: fx.SendForm, Amount: money.Of(1)}
	for name, target := range map[string]func(context.Context) (rail.Target, error){
		"a price alone": nil,
		"no target":     func(context.Context) (rail.Target, error) { return rail.Target{}, nil },
	} {
		ask.Target = target
		if got, err := b.For(t.Context(), ask); err != nil || got.Network.Hold != money.Of(9) || n.asked != 0 {
			t.Errorf("%s: %+v, %v, asked %d times", name, got.Network, err, n.asked)
		}
	}
	ask.Network = "bank" // takes no fee of its own
	ask.Target = bob
	if got, err := b.For(t.Context(), ask); err != nil || got.Network.Carry != fee.Absorbed || !got.Network.Hold.IsZero() {
		t.Errorf("%+v, %v", got.Network, err)
	}
}
