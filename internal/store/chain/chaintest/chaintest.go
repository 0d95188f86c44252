// Package chaintest has the key that the databases of tests are proved with. Only tests
// import this package.
package chaintest

import "sluice/internal/store/chain"

// Text is the key as a configuration names it.
const Text = "c2x1aWNlIHRlc3RzIHNsdWljZSB0ZXN0cyBzbHVpY2U="

// Key is the key.
var Key = func() *chain.Key {
	k, err := chain.ParseKey(Text)
	if err != nil {
		panic(err) // a constant
	}
	return k
}()
