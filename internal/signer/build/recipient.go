package build

import (
	"encoding/hex"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/fault"
	"sluice/internal/rail/utxo/bitcoin"
)

// Recipient gives the bytes that an intent pays to for an address as people write it.
// Who approves a payout uses it, to trust nobody else with that. coin names the chain of
// a coin network; "" is for EVM, where an address with both cases must have the right
// checksum.
func Recipient(coin, address string) ([]byte, error) {
	if coin != "" {
		chain, ok := bitcoin.ChainByName(coin)
		if !ok {
			return nil, fault.Bad("unknown_coin", "coin", "there is no coin chain %q", coin)
		}
		script, _, err := chain.Decode(address)
		return script, err
	}
	digits, ok := strings.CutPrefix(address, "0x")
	if !ok {
		return nil, fault.Bad("address_malformed", "address", "it must begin with 0x; for a coin network, name its chain as well")
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
