package build

import (
	"encoding/hex"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/fault"
)

// Recipient gives the bytes that an intent pays to for an address as people write it.
// Who approves a payout uses it, to trust nobody else with that. An address with both
// cases must have the right checksum.
func Recipient(address string) ([]byte, error) {
	digits, ok := strings.CutPrefix(address, "0x")
	if !ok {
		return nil, fault.Bad("address_malformed", "address", "it has a form that this program cannot turn into bytes")
	}
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != common.AddressLength {
		return nil, fault.Bad("address_malformed", "address", "it must be 0x and 40 hex digits")
	}
	mixed := strings.ToLower(digits) != digits && strings.ToUpper(digits) != digits
	if mixed && common.BytesToAddress(raw).Hex() != address {
		return nil, fault.Bad("address_malformed", "address", "its checksum is wrong: a character differs from what it was made with")
	}
	return raw, nil
}
