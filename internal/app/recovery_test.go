package app_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"sluice/internal/app"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/payout"
	"sluice/internal/rail"
	"sluice/internal/test/harness"
)

// away is a network whose node does not answer until it is back.
type away struct {
	rail.Rail
	back atomic.Bool
}

func (a *away) NextNonce(context.Context, string) (uint64, error) {
	if a.back.Load() {
		return 0, nil
	}
	return 0, errors.New("nothing listens there")
}

// A wallet whose node is down at the start, so that nobody knows whether it has paid more than the books
// know, pays nothing new until it was compared. Others do.
func TestA7_AWalletThatCannotBeComparedOnlyLooks(t *testing.T) {
	x := harness.Open(t, harness.Options{})
	down, up := &away{}, &away{}
	up.back.Store(true)
	of := map[string]payout.Wallet{}
	for _, network := range []string{"down", "up"} {
		w, err := commit.Do(t.Context(), x.Loop, 0, payout.CreateWallet{Network: network, Address: paidAt})
		if err != nil {
			t.Fatal(err)
		}
		of[network] = w
	}
	r := app.NewRecovery(x.DB, map[string]rail.Rail{"down": down, "up": up}, nil, config.Config{}, harness.Quiet)
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.Looking() || !r.LookingAt(of["down"].Seq) || r.LookingAt(of["up"].Seq) {
		t.Errorf("looking: all %t, down %t, up %t", r.Looking(), r.LookingAt(of["down"].Seq), r.LookingAt(of["up"].Seq))
	}
	if err := r.Round(t.Context(), x.Loop); err != nil || !r.LookingAt(of["down"].Seq) {
		t.Errorf("the node is still away: looking %t, %v", r.LookingAt(of["down"].Seq), err)
	}
	down.back.Store(true)
	if err := r.Round(t.Context(), x.Loop); err != nil || r.LookingAt(of["down"].Seq) {
		t.Errorf("the node is back: looking %t, %v", r.LookingAt(of["down"].Seq), err)
	}
}

const paidAt = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
