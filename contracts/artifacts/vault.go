// Package artifacts carries the one compiled contract that real networks get. The
// others in this folder are for the demo and the tests; see package contracts.
package artifacts

import _ "embed" // for Vault

// Vault is Vault.json, with "abi" and "bytecode".
//
//go:embed Vault.json
var Vault []byte
