//go:build !pkcs11

package app

import (
	"sluice/internal/fault"
	"sluice/internal/signer"
	"sluice/internal/signer/pkcs11"
)

func openModule(pkcs11.Options) (signer.Keys, error) {
	return nil, fault.Bad("config_invalid", "pkcs11", "this program was built without it: build with CGO_ENABLED=1 and -tags pkcs11")
}
