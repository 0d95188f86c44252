// Package pkcs11 signs with keys in a hardware module, through the module's own library.
// That needs cgo, so it is in programs built with the tag pkcs11 only. Signatures are by
// ECDSA only.
package pkcs11

// Options say where the keys are.
type Options struct {
	Module string // path of the module's library
	Token  string // label
	PIN    string
}
