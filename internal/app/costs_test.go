package app_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sluice/internal/app"
	"sluice/internal/money"
	"sluice/internal/rail"
)

// priced is a rail that only estimates; everything else of it is not asked.
type priced struct {
	rail.Rail
	most  uint64
	err   error
	hangs bool
	asked int
}

func (p *priced) Estimate(ctx context.Context, wallet string, payouts []rail.Payout) (rail.Estimate, error) {
	p.asked++
	if p.hangs {
		<-ctx.Done()
		return rail.Estimate{}, rail.ErrUnavailable
	}
	if wallet != "rich" || len(payouts) != 1 {
		return rail.Estimate{}, errors.New("not what was asked for")
	}
	return rail.Estimate{Likely: money.Of(1), Ceiling: money.Of(p.most)}, p.err
}

// purse has one wallet, or none.
type purse bool

func (p purse) Richest(string, string) (string, bool) { return "rich", bool(p) }

// What a network may take is asked of its node, remembered for the same payout, and
// for others only while the node does not tell, and not for long.
func TestWhatANetworkMayTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := &priced{most: 50}
		c := app.NewCosts(map[string]rail.Rail{"chain": node}, purse(true))
		ask := func(to string, want uint64, asked int) {
			t.Helper()
			got, err := c.Ceiling(t.Context(), rail.Target{Network: "chain", Decoded: []byte(to)}, "ETH", money.Of(9))
			if want == 0 != errors.Is(err, rail.ErrUnavailable) || got != money.Of(want) || node.asked != asked {
				t.Fatalf("%s: %s, %v after %d questions; want %d after %d", to, got, err, node.asked, want, asked)
			}
		}
		ask("bob", 50, 1)
		node.most = 70
		ask("bob", 50, 1)
		ask("eve", 70, 2)
		time.Sleep(10 * time.Second)
		ask("bob", 70, 3)
		node.err = rail.ErrUnavailable
		ask("joe", 70, 4)
		node.hangs = true
		begin := time.Now()
		ask("joe", 70, 5)
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("a node that hangs costs %s", took)
		}
		ask("joe", 70, 5) // it is left alone
		time.Sleep(5 * time.Second)
		ask("joe", 70, 6)
		time.Sleep(2 * time.Minute)
		ask("joe", 0, 7)
		node.hangs, node.err = false, &rail.Refusal{Reason: "dust"}
		time.Sleep(5 * time.Second)
		var refused *rail.Refusal
		if _, err := c.Ceiling(t.Context(), rail.Target{Network: "chain", Decoded: []byte("joe")}, "ETH", money.Of(9)); !errors.As(err, &refused) {
			t.Error(err)
		}
	})
}

func TestNobodyEstimatesWithoutAWallet(t *testing.T) {
	for name, c := range map[string]interface {
		Ceiling(ctx context.Context, to rail.Target, asset string, amount money.Amount) (money.Amount, error)
	}{
		"no wallet":  app.NewCosts(map[string]rail.Rail{"chain": &priced{most: 1}}, purse(false)),
		"no network": app.NewCosts(nil, purse(true)),
	} {
		if _, err := c.Ceiling(t.Context(), rail.Target{Network: "chain", Decoded: []byte("bob")}, "ETH", money.Of(9)); !errors.Is(err, rail.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
