package awskms_test

import (
	"encoding/asn1"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"go.uber.org/goleak"

	"sluice/internal/fault"
	"sluice/internal/signer"
	"sluice/internal/signer/awskms"
	"sluice/internal/signer/curve"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service answers as AWS KMS does, with a key of its own. Every second signature has
// the higher s, which AWS gives as well.
type service struct {
	t      *testing.T
	key    *secp256k1.PrivateKey
	spec   string
	refuse bool
	asked  map[string]int
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=test/") || !strings.Contains(r.Header.Get("Authorization"), "/eu-central-1/kms/aws4_request") {
		s.t.Errorf("the request is not signed for the service: %q", r.Header.Get("Authorization"))
	}
	op := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "TrentService.")
	s.asked[op]++
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if s.refuse {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": "AccessDeniedException", "message": "no"})
		return
	}
	var q struct {
		KeyID            string `json:"KeyId"`
		Message          []byte
		MessageType      string
		SigningAlgorithm string
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.KeyID != "alias/payouts" {
		s.t.Errorf("asked %s for %+v: %v", op, q, err)
	}
	switch op {
	case "GetPublicKey":
		_ = json.NewEncoder(w).Encode(map[string]any{"KeyId": "arn", "PublicKey": spki(s.t, s.key), "KeySpec": s.spec, "KeyUsage": "SIGN_VERIFY"})
	case "Sign":
		if q.MessageType != "DIGEST" || q.SigningAlgorithm != "ECDSA_SHA_256" || len(q.Message) != 32 {
			s.t.Errorf("asked to sign %+v", q)
		}
		sig := curve.Sign(s.key, [32]byte(q.Message))
		low := new(big.Int).SetBytes(sig[32:64])
		if s.asked[op]%2 == 0 {
			low.Sub(secp256k1.Params().N, low)
		}
		der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(sig[:32]), low})
		if err != nil {
			s.t.Error(err)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"KeyId": "arn", "Signature": der})
	default:
		s.t.Errorf("asked for %s", op)
	}
}

// spki is a public key as X.509 has it.
func spki(t *testing.T, key *secp256k1.PrivateKey) []byte {
	t.Helper()
	type algorithm struct{ Algorithm, Curve asn1.ObjectIdentifier }
	point := key.PubKey().SerializeUncompressed()
	der, err := asn1.Marshal(struct {
		Algorithm algorithm
		Key       asn1.BitString
	}{algorithm{asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}, asn1.ObjectIdentifier{1, 3, 132, 0, 10}}, asn1.BitString{Bytes: point, BitLength: 8 * len(point)}})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func open(t *testing.T) (*service, *awskms.Keys) {
	t.Helper()
	s := &service{t: t, key: secp256k1.PrivKeyFromBytes([]byte{4, 2}), spec: "ECC_SECG_P256K1", asked: map[string]int{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	t.Setenv("AWS_CONFIG_FILE", "/nonexistent")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
	k, err := awskms.Open(t.Context(), awskms.Options{Region: "eu-central-1", Keys: []string{"alias/payouts"}, Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return s, k
}

func TestSign(t *testing.T) {
	s, k := open(t)
	for range 3 {
		got, err := k.Public(t.Context())
		if err != nil || len(got) != 1 || string(got[0]) != string(s.key.PubKey().SerializeCompressed()) {
			t.Fatalf("keys %x, %v", got, err)
		}
	}
	if s.asked["GetPublicKey"] != 1 {
		t.Errorf("asked %d times for one key", s.asked["GetPublicKey"])
	}
	public := s.key.PubKey().SerializeCompressed()
	for i := range byte(10) {
		d := signer.Digest{Scheme: signer.ECDSA, Hash: [32]byte{i, 1}}
		got, err := k.Sign(t.Context(), public, d)
		if err != nil || string(got) != string(curve.Sign(s.key, d.Hash)) {
			t.Errorf("signed %x, %v", got, err)
		}
	}
	if _, err := k.Sign(t.Context(), public, signer.Digest{Scheme: signer.Taproot}); fault.CodeOf(err) != "sign_scheme" {
		t.Errorf("taproot: %v", err)
	}
	if _, err := k.Sign(t.Context(), make([]byte, 33), signer.Digest{Scheme: signer.ECDSA}); fault.CodeOf(err) != "sign_failed" {
		t.Errorf("another key: %v", err)
	}
	s.refuse = true
	if _, err := k.Sign(t.Context(), public, signer.Digest{Scheme: signer.ECDSA}); fault.CodeOf(err) != "aws_kms" || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("refused: %v", err)
	}
}

func TestKeysThatDoNotFit(t *testing.T) {
	s, k := open(t)
	s.spec = "ECC_NIST_P256"
	if _, err := k.Public(t.Context()); fault.CodeOf(err) != "aws_kms" || fault.KindOf(err) != fault.Invalid {
		t.Errorf("another curve: %v", err)
	}
	s.refuse = true
	if _, err := k.Public(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("no access: %v", err)
	}
	if _, err := awskms.Open(t.Context(), awskms.Options{Region: "eu-central-1"}); fault.CodeOf(err) != "config_invalid" {
		t.Errorf("no keys: %v", err)
	}
}
