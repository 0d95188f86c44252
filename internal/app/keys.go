package app

import (
	"context"
	"log/slog"

	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/signer"
	"sluice/internal/signer/awskms"
	"sluice/internal/signer/keystore"
	"sluice/internal/signer/pkcs11"
)

// openKeys opens the one place of keys that a signer has.
func openKeys(ctx context.Context, f config.SignerFile, log *slog.Logger) (signer.Keys, error) {
	places := 0
	for _, there := range []bool{f.Keystore.Dir != "", f.AWSKMS != nil, f.PKCS11 != nil} {
		if there {
			places++
		}
	}
	switch {
	case places == 0 && len(f.Networks) == 0:
		return noKeys{}, nil // accounts at banks need none
	case places != 1:
		return nil, fault.Bad("config_invalid", "keystore", "one place of keys is needed: keystore, aws_kms or pkcs11")
	case f.AWSKMS != nil:
		return awskms.Open(ctx, awskms.Options{Region: f.AWSKMS.Region, Keys: f.AWSKMS.Keys, Endpoint: f.AWSKMS.Endpoint})
	case f.PKCS11 != nil:
		return openModule(pkcs11.Options{Module: f.PKCS11.Module, Token: f.PKCS11.Token, PIN: f.PKCS11.PIN.Reveal()})
	case f.Keystore.Passphrase.IsZero():
		return nil, fault.Bad("config_invalid", "keystore.passphrase", "is needed to open the keys; set it, best as file:PATH or env:NAME")
	default:
		return openKeystore(f.Keystore, log)
	}
}

// openKeystore opens what opens of a folder of keys, and says which files do not.
func openKeystore(k config.Keystore, log *slog.Logger) (signer.Keys, error) {
	keys, err := keystore.Open(k.Dir, k.Passphrase.Reveal(), k.Passphrase.Earlier()...)
	if err != nil {
		return nil, err
	}
	keys.Report(func(l keystore.Locked) {
		log.Error("a file among the keys gives no key; nothing is paid from its wallet", "file", l.Path, "code", fault.CodeOf(l.Err), "error", l.Err)
	})
	return keys, nil
}
