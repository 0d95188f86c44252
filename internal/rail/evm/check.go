package evm

import (
	"bytes"
	"context"
	"encoding/hex"
	"math/big"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail"
)

// lookTimeout bounds the look for code at an address: a user waits for the answer.
const lookTimeout = 3 * time.Second

// What can be wrong with the form of an address. The right checksum is never told:
// whoever mistyped an address must copy it again, not mend it.
var (
	errPrefix   = fault.New(fault.Invalid, "address_malformed", "an address starts with 0x")
	errLength   = fault.New(fault.Invalid, "address_malformed", "an address has exactly 40 hex digits after 0x")
	errDigits   = fault.New(fault.Invalid, "address_malformed", "an address has only the digits 0-9 and letters a-f after 0x")
	errChecksum = fault.New(fault.Invalid, "address_checksum", "upper and lower case do not match the checksum (EIP-55): copy the address again, one character is wrong")
	errReserved = fault.New(fault.Invalid, "address_reserved", "addresses up to 0xffff are reserved for the network's own functions (EIP-1352): what is sent there is lost")
	errZero     = fault.New(fault.Invalid, "address_zero", "the zero address belongs to nobody: what is sent there is lost")
)

// decodeAddress is strict where the library is not: that one cuts what is too long
// and ignores the checksum. Letters of one case carry no checksum and are taken.
func decodeAddress(s string) (common.Address, *fault.Error) {
	digits, ok := strings.CutPrefix(s, "0x")
	if !ok {
		return common.Address{}, errPrefix
	}
	if len(digits) != 2*common.AddressLength {
		return common.Address{}, errLength
	}
	raw, err := hex.DecodeString(digits)
	if err != nil {
		return common.Address{}, errDigits
	}
	a := common.BytesToAddress(raw)
	mixed := digits != strings.ToLower(digits) && digits != strings.ToUpper(digits)
	if mixed && a.Hex() != s {
		return common.Address{}, errChecksum
	}
	if a == (common.Address{}) {
		return common.Address{}, errZero
	}
	if bytes.Equal(raw[:18], make([]byte, 18)) {
		return common.Address{}, errReserved
	}
	return a, nil
}

// Check implements rail.Rail.
func (r *Rail) Check(_ context.Context, typed, tag, asset string) (rail.Target, error) {
	if _, isToken := r.tokens[asset]; !isToken && asset != r.conf.FeeAsset {
		return rail.Target{}, r.unknownAsset(asset)
	}
	if tag != "" {
		return rail.Target{}, fault.Bad("tag_not_supported", "tag", "addresses on %s have no tag or memo: leave it out", r.conf.Network)
	}
	a, bad := decodeAddress(typed)
	if bad != nil {
		return rail.Target{}, fault.Bad(bad.Code, "address", "%s", bad.Message)
	}
	for code, t := range r.tokens {
		if a == t.contract {
			return rail.Target{}, fault.Bad("address_token_contract", "address",
				"this is the contract of %s itself, not somebody's address: what is sent there is lost", code)
		}
	}
	for _, vault := range r.vaults {
		if a == vault {
			return rail.Target{}, fault.Bad("address_vault", "address", "this is the contract that payouts are made from, not somebody's address")
		}
	}
	return rail.Target{Network: r.conf.Network, Typed: typed, Canonical: a.Hex(), Decoded: a.Bytes()}, nil
}

// nativeMost is more of a native coin than any chain has, in wei: 2^96, 79 thousand
// million coins.
var nativeMost = new(big.Int).Lsh(big.NewInt(1), 96)

// CheckAmount implements rail.AmountChecker. What a token's contract holds at the most,
// only the chain knows.
func (r *Rail) CheckAmount(asset, _ string, amount money.Amount) error {
	if asset == r.conf.FeeAsset && amount.Big().Cmp(nativeMost) >= 0 {
		return fault.Bad("amount_above_supply", "amount", "no chain has so much of its coin")
	}
	return nil
}

// Warn implements rail.Rail.
func (r *Rail) Warn(ctx context.Context, t rail.Target) []string {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	code, err := r.codeAt(ctx, common.BytesToAddress(t.Decoded), nil)
	switch {
	case err != nil || len(code) == 0:
		return nil
	case isDelegation(code):
		return []string{"the address is an account that runs a contract's code (EIP-7702): the code may refuse or redirect payouts"}
	default:
		return []string{"the address is a contract: make sure that it can take and give out the coin"}
	}
}

// isDelegation recognizes an account that runs the code of a contract.
func isDelegation(code []byte) bool {
	_, ok := types.ParseDelegation(code)
	return ok
}
