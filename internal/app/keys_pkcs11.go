//go:build pkcs11

package app

import (
	"sluice/internal/signer"
	"sluice/internal/signer/pkcs11"
)

func openModule(opt pkcs11.Options) (signer.Keys, error) { return pkcs11.Open(opt) }
