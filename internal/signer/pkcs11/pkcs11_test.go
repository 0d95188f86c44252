//go:build pkcs11

package pkcs11_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	module "github.com/miekg/pkcs11"

	"sluice/internal/fault"
	"sluice/internal/signer"
	"sluice/internal/signer/curve"
	"sluice/internal/signer/pkcs11"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// library is where systems keep SoftHSM.
func library(t *testing.T) string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/*/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so", "/opt/homebrew/lib/softhsm/libsofthsm2.so"} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[0]
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("SoftHSM is missing: tools/need-softhsm installs it")
	}
	t.Skip("SoftHSM is missing: tools/need-softhsm installs it")
	return ""
}

// token makes a token with keys on two curves.
func token(t *testing.T) pkcs11.Options {
	t.Helper()
	opt := pkcs11.Options{Module: library(t), Token: "payouts", PIN: "4321"}
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	must(t, os.Mkdir(filepath.Join(dir, "tokens"), 0o700))
	must(t, os.WriteFile(conf, []byte("directories.tokendir = "+filepath.Join(dir, "tokens")+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600))
	t.Setenv("SOFTHSM2_CONF", conf)
	out, err := exec.CommandContext(t.Context(), "softhsm2-util", "--init-token", "--free", "--label", opt.Token, "--so-pin", "1234", "--pin", opt.PIN).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	m := module.New(opt.Module)
	must(t, m.Initialize())
	defer func() { must(t, m.Finalize()); m.Destroy() }()
	slots, err := m.GetSlotList(true)
	must(t, err)
	session, err := m.OpenSession(slots[0], module.CKF_SERIAL_SESSION|module.CKF_RW_SESSION)
	must(t, err)
	must(t, m.Login(session, module.CKU_USER, opt.PIN))
	for id, curve := range [][]byte{
		{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a}, {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a}, // secp256k1
		{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, // P-256
	} {
		both := []*module.Attribute{module.NewAttribute(module.CKA_TOKEN, true), module.NewAttribute(module.CKA_ID, []byte{byte(id)})}
		_, _, err := m.GenerateKeyPair(session, []*module.Mechanism{module.NewMechanism(module.CKM_EC_KEY_PAIR_GEN, nil)},
			append(slices.Clone(both), module.NewAttribute(module.CKA_EC_PARAMS, curve), module.NewAttribute(module.CKA_VERIFY, true)),
			append(slices.Clone(both), module.NewAttribute(module.CKA_SIGN, true), module.NewAttribute(module.CKA_PRIVATE, true), module.NewAttribute(module.CKA_SENSITIVE, true)))
		must(t, err)
	}
	must(t, m.Logout(session))
	must(t, m.CloseSession(session))
	return opt
}

func TestSign(t *testing.T) {
	opt := token(t)
	k, err := pkcs11.Open(opt)
	must(t, err)
	defer func() { must(t, k.Close()) }()
	keys, err := k.Public(t.Context())
	must(t, err)
	if len(keys) != 2 {
		t.Fatalf("%d keys, want the two on the curve", len(keys))
	}
	var all sync.WaitGroup
	for i := range byte(40) {
		all.Go(func() {
			public, d := keys[i%2], signer.Digest{Scheme: signer.ECDSA, Hash: [32]byte{i, 1}}
			got, err := k.Sign(t.Context(), public, d)
			if err != nil {
				t.Error(err)
				return
			}
			if who, err := curve.Recover(got, d.Hash); err != nil || !slices.Equal(who, public) || got[32] > 0x7f {
				t.Errorf("%x is not by %x in the one form: %v", got, public, err)
			}
		})
	}
	all.Wait()
	if _, err := k.Sign(t.Context(), keys[0], signer.Digest{Scheme: signer.Taproot}); fault.CodeOf(err) != "sign_scheme" {
		t.Errorf("taproot: %v", err)
	}
	if _, err := k.Sign(t.Context(), make([]byte, 33), signer.Digest{Scheme: signer.ECDSA}); fault.CodeOf(err) != "sign_failed" {
		t.Errorf("another key: %v", err)
	}
}

func TestOpenRefusals(t *testing.T) {
	opt := token(t)
	for name, change := range map[string]func(*pkcs11.Options){
		"no module": func(o *pkcs11.Options) { o.Module = "/nonexistent.so" },
		"no token":  func(o *pkcs11.Options) { o.Token = "other" },
		"wrong PIN": func(o *pkcs11.Options) { o.PIN = "0000" },
	} {
		o := opt
		change(&o)
		if _, err := pkcs11.Open(o); fault.CodeOf(err) != "pkcs11" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
