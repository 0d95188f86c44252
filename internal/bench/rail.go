package bench

import (
	"context"
	"encoding/hex"
	"strings"

	"sluice/internal/fault"
	"sluice/internal/rail"
)

// paper is a rail that checks addresses by their form and pays nothing: what is
// measured ends where a withdrawal is accepted, so the rest of the interface is
// never asked.
type paper struct{ rail.Rail }

// Network implements rail.Rail.
func (paper) Network() string { return network }

// FeeAsset implements rail.Rail: paper costs nothing.
func (paper) FeeAsset() string { return "" }

// Assets implements rail.Rail.
func (paper) Assets() []string { return []string{asset.Code} }

// Check implements rail.Rail.
func (paper) Check(_ context.Context, typed, _, _ string) (rail.Target, error) {
	digits, ok := strings.CutPrefix(typed, "0x")
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil || len(raw) != 20 {
		return rail.Target{}, fault.Bad("address_malformed", "address", "an address is 0x and 40 hex digits")
	}
	return rail.Target{Network: network, Typed: typed, Canonical: typed, Decoded: raw}, nil
}
