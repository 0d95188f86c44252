// Package contracts carries the compiled contracts of this folder. Vault is the product's
// own, see package artifacts; the others are tokens and recipients that behave and
// misbehave as real ones do, for the demo and the tests only. tools/solc rebuilds the
// artifacts from the sources.
package contracts

import "embed"

// Artifacts holds artifacts/NAME.json, each with "abi" and "bytecode".
//
//go:embed artifacts/*.json
var Artifacts embed.FS
