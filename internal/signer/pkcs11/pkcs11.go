//go:build pkcs11

package pkcs11

import (
	"bytes"
	"context"
	"encoding/asn1"
	"errors"
	"slices"
	"sync"

	"github.com/miekg/pkcs11"

	"sluice/internal/fault"
	"sluice/internal/signer"
	"sluice/internal/signer/curve"
)

// secp256k1 is the curve's name as modules have it: an object identifier in DER.
var secp256k1 = []byte{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a}

// Keys are the keys of a token that are on the curve. A session does one thing at a
// time, so that its callers take turns. It is safe for concurrent use.
type Keys struct {
	mu      sync.Mutex
	module  *pkcs11.Ctx
	session pkcs11.SessionHandle
	known   map[string]pkcs11.ObjectHandle // private key by public key
}

var _ signer.Keys = (*Keys)(nil)

// Open loads the module and logs in to the token.
func Open(opt Options) (*Keys, error) {
	m := pkcs11.New(opt.Module)
	if m == nil {
		return nil, fault.New(fault.Invalid, "pkcs11", "the module %s cannot be loaded", opt.Module)
	}
	k := &Keys{module: m, known: map[string]pkcs11.ObjectHandle{}}
	if err := m.Initialize(); err != nil {
		m.Destroy()
		return nil, fault.Wrap(err, fault.Unavailable, "pkcs11", "the module %s does not start", opt.Module)
	}
	if err := k.login(opt); err != nil {
		return nil, errors.Join(err, k.finish())
	}
	return k, nil
}

func (k *Keys) login(opt Options) error {
	slots, err := k.module.GetSlotList(true)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "pkcs11", "the module does not list its tokens")
	}
	for _, s := range slots {
		info, err := k.module.GetTokenInfo(s)
		if err != nil || info.Label != opt.Token {
			continue
		}
		if k.session, err = k.module.OpenSession(s, pkcs11.CKF_SERIAL_SESSION); err != nil {
			return fault.Wrap(err, fault.Unavailable, "pkcs11", "the token %s opens no session", opt.Token)
		}
		if err := k.module.Login(k.session, pkcs11.CKU_USER, opt.PIN); err != nil {
			return fault.Wrap(err, fault.Refused, "pkcs11", "the token %s does not take the PIN", opt.Token)
		}
		return nil
	}
	return fault.New(fault.NotFound, "pkcs11", "the module has no token with the label %s", opt.Token)
}

// Close logs out and unloads the module.
func (k *Keys) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return errors.Join(k.module.Logout(k.session), k.module.CloseSession(k.session), k.finish())
}

func (k *Keys) finish() error {
	err := k.module.Finalize()
	k.module.Destroy()
	return err
}

func (k *Keys) find(attributes ...*pkcs11.Attribute) ([]pkcs11.ObjectHandle, error) {
	if err := k.module.FindObjectsInit(k.session, attributes); err != nil {
		return nil, err
	}
	const most = 1024
	found, _, err := k.module.FindObjects(k.session, most)
	return found, errors.Join(err, k.module.FindObjectsFinal(k.session))
}

// Public implements signer.Keys. Private and public key of a pair have the same id.
func (k *Keys) Public(context.Context) ([][]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.look(); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "pkcs11", "the token does not list its keys")
	}
	var out [][]byte
	for public := range k.known {
		out = append(out, []byte(public))
	}
	slices.SortFunc(out, slices.Compare[[]byte])
	return out, nil
}

func (k *Keys) look() error {
	publics, err := k.find(pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC))
	if err != nil {
		return err
	}
	for _, p := range publics {
		got, err := k.module.GetAttributeValue(k.session, p, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_ID, nil), pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, nil), pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, nil),
		})
		if err != nil {
			return err
		}
		if !bytes.Equal(got[1].Value, secp256k1) {
			continue
		}
		var point []byte // the point is wrapped once more
		if _, err := asn1.Unmarshal(got[2].Value, &point); err != nil {
			return err
		}
		public, err := curve.Compress(point)
		if err != nil {
			return err
		}
		private, err := k.find(pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY), pkcs11.NewAttribute(pkcs11.CKA_ID, got[0].Value))
		if err != nil {
			return err
		}
		if len(private) == 1 {
			k.known[string(public)] = private[0]
		}
	}
	return nil
}

// Sign implements signer.Keys.
func (k *Keys) Sign(_ context.Context, public []byte, d signer.Digest) ([]byte, error) {
	if d.Scheme != signer.ECDSA {
		return nil, fault.New(fault.Refused, "sign_scheme", "signer: the token makes no signatures of the kind %q", d.Scheme)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.known[string(public)]
	if !ok {
		return nil, fault.New(fault.Internal, "sign_failed", "the token has no such key")
	}
	if err := k.module.SignInit(k.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)}, key); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "pkcs11", "the token does not sign")
	}
	raw, err := k.module.Sign(k.session, d.Hash[:])
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "pkcs11", "the token does not sign")
	}
	out, err := curve.FromRaw(raw, public, d.Hash)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "pkcs11", "the token gave something that is no signature")
	}
	return out, nil
}
