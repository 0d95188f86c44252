// Package contracts carries the compiled test contracts of this folder: tokens and
// recipients that behave and misbehave as real ones do. They are for the demo and
// the tests; the production rail knows nothing of them. tools/solc rebuilds the
// artifacts from the sources.
package contracts

import "embed"

// Artifacts holds artifacts/NAME.json, each with "abi" and "bytecode".
//
//go:embed artifacts/*.json
var Artifacts embed.FS
