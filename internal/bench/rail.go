package bench

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/signer"
)

// paper is a rail that checks addresses by their form and pays nothing: what is
// measured ends where a withdrawal is accepted.
type paper struct{}

func (paper) Network() string          { return network }
func (paper) FeeAsset() string         { return asset.Code }
func (paper) Assets() []string         { return []string{asset.Code} }
func (paper) PollEvery() time.Duration { return time.Hour }

func (paper) Check(_ context.Context, typed, _, _ string) (rail.Target, error) {
	digits, ok := strings.CutPrefix(typed, "0x")
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil || len(raw) != 20 {
		return rail.Target{}, fault.Bad("address_malformed", "address", "an address is 0x and 40 hex digits")
	}
	return rail.Target{Network: network, Typed: typed, Canonical: typed, Decoded: raw}, nil
}

func (paper) Warn(context.Context, rail.Target) []string { return nil }

func (paper) Feasible(context.Context, string, []rail.InFlight, []rail.Payout) (rail.Feasibility, error) {
	return rail.Feasibility{}, rail.ErrUnavailable
}
func (paper) NextNonce(context.Context, string) (uint64, error) { return 0, rail.ErrUnavailable }

func (paper) Prepare(context.Context, rail.Slot, []rail.Payout, []rail.Attempt) (signer.Intent, error) {
	return signer.Intent{}, rail.ErrUnavailable
}
func (paper) Submit(context.Context, rail.Attempt) error { return rail.ErrUnavailable }

func (paper) Observe(context.Context, rail.Slot, []rail.Payout, []rail.Attempt) (rail.Observation, error) {
	return rail.Observation{}, rail.ErrUnavailable
}

func (paper) Balance(context.Context, string) (map[string]money.Amount, error) {
	return nil, rail.ErrUnavailable
}

var _ rail.Rail = paper{}
