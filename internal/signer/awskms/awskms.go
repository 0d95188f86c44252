// Package awskms signs with keys that are kept by AWS KMS: keys of the kind
// ECC_SECG_P256K1 for SIGN_VERIFY. A key never leaves the service. Signatures are by
// ECDSA only, and another one each time.
package awskms

import (
	"context"
	"encoding/asn1"
	"errors"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"sluice/internal/fault"
	"sluice/internal/signer"
	"sluice/internal/signer/curve"
)

// Options say which keys to use. Who asks is found where AWS programs find it: the
// environment, the shared files, or the machine's role.
type Options struct {
	Region   string
	Keys     []string // ids or ARNs
	Endpoint string   // in place of AWS's own
}

// Keys are keys at AWS KMS. It is safe for concurrent use.
type Keys struct {
	client *kms.Client
	ids    []string

	mu    sync.Mutex
	known map[string]string // id by public key
}

var _ signer.Keys = (*Keys)(nil)

// Open makes a client. The service is asked later.
func Open(ctx context.Context, opt Options) (*Keys, error) {
	if len(opt.Keys) == 0 {
		return nil, fault.Bad("config_invalid", "aws_kms.keys", "is needed: the ids or ARNs of the keys")
	}
	conf, err := config.LoadDefaultConfig(ctx, config.WithRegion(opt.Region))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "aws_kms", "the access to AWS is not set up")
	}
	client := kms.NewFromConfig(conf, func(o *kms.Options) {
		if opt.Endpoint != "" {
			o.BaseEndpoint = aws.String(opt.Endpoint)
		}
	})
	return &Keys{client: client, ids: slices.Clone(opt.Keys), known: map[string]string{}}, nil
}

// Public implements signer.Keys. A key at AWS never changes, so each is asked for once.
func (k *Keys) Public(ctx context.Context) ([][]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	have := map[string]bool{}
	for _, id := range k.known {
		have[id] = true
	}
	for _, id := range k.ids {
		if have[id] {
			continue
		}
		public, err := k.fetch(ctx, id)
		if err != nil {
			return nil, err
		}
		k.known[string(public)] = id
	}
	var out [][]byte
	for public := range k.known {
		out = append(out, []byte(public))
	}
	slices.SortFunc(out, slices.Compare[[]byte])
	return out, nil
}

func (k *Keys) fetch(ctx context.Context, id string) ([]byte, error) {
	answer, err := k.client.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: aws.String(id)})
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "aws_kms", "AWS KMS does not give the public key of %s", id)
	}
	if answer.KeySpec != types.KeySpecEccSecgP256k1 || answer.KeyUsage != types.KeyUsageTypeSignVerify {
		return nil, fault.New(fault.Invalid, "aws_kms", "the key %s is of the kind %s for %s: want ECC_SECG_P256K1 for SIGN_VERIFY", id, answer.KeySpec, answer.KeyUsage)
	}
	public, err := parsePublic(answer.PublicKey)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "aws_kms", "AWS KMS gave something that is no public key for %s", id)
	}
	return public, nil
}

// parsePublic reads a key in the form of X.509, whose curve Go's own reader does not know.
func parsePublic(der []byte) ([]byte, error) {
	var info struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	rest, err := asn1.Unmarshal(der, &info)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, errors.New("there is something behind it")
	}
	return curve.Compress(info.Key.RightAlign())
}

// Sign implements signer.Keys.
func (k *Keys) Sign(ctx context.Context, public []byte, d signer.Digest) ([]byte, error) {
	if d.Scheme != signer.ECDSA {
		return nil, fault.New(fault.Refused, "sign_scheme", "signer: AWS KMS makes no signatures of the kind %q", d.Scheme)
	}
	k.mu.Lock()
	id, ok := k.known[string(public)]
	k.mu.Unlock()
	if !ok {
		return nil, fault.New(fault.Internal, "sign_failed", "AWS KMS has no such key")
	}
	answer, err := k.client.Sign(ctx, &kms.SignInput{
		KeyId: aws.String(id), Message: d.Hash[:], MessageType: types.MessageTypeDigest, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "aws_kms", "AWS KMS does not sign; nothing was sent, it is tried again")
	}
	out, err := curve.FromDER(answer.Signature, public, d.Hash)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "aws_kms", "AWS KMS gave something that is no signature")
	}
	return out, nil
}
