// Package artifacts carries the compiled contracts that the program itself uses: the
// vault, the only one that real networks get, and a token to measure gas with. The
// others in this folder are for the demo and the tests; see package contracts.
package artifacts

import _ "embed" // for the artifacts

// Vault is Vault.json, with "abi" and "bytecode".
//
//go:embed Vault.json
var Vault []byte

// Dollar is Dollar.json: what transfers cost is measured with it, on chains of one's own.
//
//go:embed Dollar.json
var Dollar []byte
