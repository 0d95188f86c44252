package guard_test

import (
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/core/types"
	"go.uber.org/goleak"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/signer"
	"sluice/internal/signer/build"
	"sluice/internal/signer/guard"
	"sluice/internal/signer/keystore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	passphrase = "correct horse"
	// The example key of EIP-155 and its address.
	exampleKey     = "4646464646464646464646464646464646464646464646464646464646464646"
	exampleAddress = "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// imported is a folder with the example key.
func imported(t testing.TB) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "keys")
	_, err := keystore.Import(dir, passphrase, keystore.Light, "0x"+exampleKey)
	must(t, err)
	return dir
}

// opened are the folders of keys that were opened already, which takes its time.
var opened = map[string]*keystore.Keys{}

func options(t testing.TB, dir string) guard.Options {
	t.Helper()
	keys := opened[dir]
	if keys == nil {
		var err error
		keys, err = keystore.Open(dir, passphrase)
		must(t, err)
		opened[dir] = keys
	}
	return guard.Options{Keys: keys, Build: build.Builder{}, Policy: openPolicy()}
}

func open(t testing.TB, dir string, change ...func(*guard.Options)) *guard.Guard {
	t.Helper()
	opt := options(t, dir)
	for _, f := range change {
		f(&opt)
	}
	g, err := guard.Open(t.Context(), opt)
	must(t, err)
	return g
}

func openPolicy() guard.Policy {
	return guard.Policy{Networks: []guard.Network{{Network: signer.Network{Name: "ethereum", Family: "evm", ChainID: 1337}, Open: true}}}
}

func address(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	must(t, err)
	return b
}

func intent(t testing.TB) signer.Intent {
	t.Helper()
	return signer.Intent{
		Family: "evm", Network: "ethereum", Wallet: exampleAddress, ChainID: 1337, Nonce: 7,
		Outputs: []signer.Output{{To: address(t, "00000000000000000000000000000000000a11ce"), Amount: money.Of(5)}},
		Gas:     21_000, FeeCap: money.Of(30), TipCap: money.Of(2), Fence: 3, Bound: "dsp_1",
	}
}

// TestCase45_signs_what_it_built decodes the bytes: they must be the intent and
// nothing else, and the same every time.
func TestCase45_signs_what_it_built(t *testing.T) {
	s := open(t, imported(t))
	token := address(t, "00000000000000000000000000000000000070ce")
	for _, name := range []string{"native", "token"} {
		t.Run(name, func(t *testing.T) {
			in := intent(t)
			wantTo, wantValue, wantData := in.Outputs[0].To, uint64(5), ""
			if name == "token" {
				in.Nonce++
				in.Outputs[0].Token = token
				wantTo, wantValue = token, 0
				wantData = "a9059cbb" + "00000000000000000000000000000000000000000000000000000000000a11ce" + strings.Repeat("0", 63) + "5"
			}
			got, err := s.Sign(t.Context(), in)
			must(t, err)
			again, err := s.Sign(t.Context(), in)
			must(t, err)
			if again.TxID != got.TxID || string(again.Raw) != string(got.Raw) {
				t.Error("signed twice, differently")
			}
			tx := new(types.Transaction)
			must(t, tx.UnmarshalBinary(got.Raw))
			from, err := types.Sender(types.LatestSignerForChainID(tx.ChainId()), tx)
			must(t, err)
			if from.Hex() != exampleAddress || tx.Hash().Hex() != got.TxID || string(tx.To().Bytes()) != string(wantTo) ||
				tx.Value().Uint64() != wantValue || hex.EncodeToString(tx.Data()) != wantData || tx.Nonce() != in.Nonce ||
				tx.Gas() != 21_000 || tx.GasFeeCap().Uint64() != 30 || tx.GasTipCap().Uint64() != 2 || tx.ChainId().Uint64() != 1337 ||
				len(tx.AccessList()) != 0 || tx.Type() != types.DynamicFeeTxType {
				t.Errorf("signed %+v from %s", tx, from)
			}
		})
	}
}

func TestSignRefusals(t *testing.T) {
	dir := imported(t)
	cases := []struct {
		name, code string
		change     func(*signer.Intent)
	}{
		{"another family", "sign_family", func(in *signer.Intent) { in.Family = "utxo" }},
		{"unknown wallet", "sign_wallet", func(in *signer.Intent) { in.Wallet = "0x00000000000000000000000000000000000a11cE" }},
		{"malformed wallet", "sign_wallet", func(in *signer.Intent) { in.Wallet += "00" }},
		{"unknown network", "sign_network", func(in *signer.Intent) { in.Network = "polygon" }},
		{"another chain", "sign_chain", func(in *signer.Intent) { in.ChainID = 1 }},
		{"no chain", "sign_chain", func(in *signer.Intent) { in.ChainID = 0 }},
		{"no recipients", "sign_outputs", func(in *signer.Intent) { in.Outputs = nil }},
		{"two recipients", "sign_outputs", func(in *signer.Intent) { in.Outputs = append(in.Outputs, in.Outputs[0]) }},
		{"no gas", "sign_gas", func(in *signer.Intent) { in.Gas = 0 }},
		{"too much gas", "sign_gas", func(in *signer.Intent) { in.Gas = 16_777_217 }},
		{"no fee", "sign_fee", func(in *signer.Intent) { in.FeeCap = money.Amount{} }},
		{"tip above the cap", "sign_fee", func(in *signer.Intent) { in.TipCap = money.Of(31) }},
		{"Case35 too large a fee", "sign_fee", func(in *signer.Intent) { in.FeeCap = money.Of(48) }},
		{"zero amount", "sign_amount", func(in *signer.Intent) { in.Outputs[0].Amount = money.Amount{} }},
		{"short recipient", "sign_recipient", func(in *signer.Intent) { in.Outputs[0].To = in.Outputs[0].To[1:] }},
		{"zero recipient", "sign_recipient", func(in *signer.Intent) { in.Outputs[0].To = make([]byte, 20) }},
		{"the token as recipient", "sign_recipient", func(in *signer.Intent) { in.Outputs[0].Token = in.Outputs[0].To }},
		{"short token", "sign_token", func(in *signer.Intent) { in.Outputs[0].Token = []byte{1} }},
	}
	s := open(t, dir, func(o *guard.Options) { o.Policy.Networks[0].MaxFee = money.Of(1_000_000) })
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := intent(t)
			c.change(&in)
			if got, err := s.Sign(t.Context(), in); fault.CodeOf(err) != c.code || len(got.Raw) > 0 {
				t.Errorf("got %v (%s) and %d bytes, want code %s", err, fault.CodeOf(err), len(got.Raw), c.code)
			}
		})
	}
	// None of the refused intents has left a trace: the good one still goes.
	if _, err := s.Sign(t.Context(), intent(t)); err != nil {
		t.Error(err)
	}
}

// TestCase21_slot_is_bound holds one nonce to one payout.
func TestCase21_slot_is_bound(t *testing.T) {
	s := open(t, imported(t))
	sign := func(change func(*signer.Intent)) error {
		in := intent(t)
		change(&in)
		_, err := s.Sign(t.Context(), in)
		return err
	}
	must(t, sign(func(*signer.Intent) {}))
	must(t, sign(func(in *signer.Intent) { in.FeeCap, in.TipCap = money.Of(40), money.Of(3) })) // a bump
	for name, change := range map[string]func(*signer.Intent){
		"amount":    func(in *signer.Intent) { in.Outputs[0].Amount = money.Of(6) },
		"recipient": func(in *signer.Intent) { in.Outputs[0].To = address(t, "00000000000000000000000000000000000b0b00") },
		"token":     func(in *signer.Intent) { in.Outputs[0].Token = address(t, "00000000000000000000000000000000000070ce") },
		"dispatch":  func(in *signer.Intent) { in.Bound = "dsp_2" },
	} {
		if err := sign(change); fault.CodeOf(err) != "sign_slot" || fault.KindOf(err) != fault.Conflict {
			t.Errorf("another %s: got %v, want sign_slot", name, err)
		}
	}
	must(t, sign(func(in *signer.Intent) { in.Nonce++; in.Bound = "dsp_2" }))
}

// TestCase24_fence refuses a worker that lost its lease.
func TestCase24_fence(t *testing.T) {
	dir := imported(t)
	other, err := keystore.Create(dir, passphrase, keystore.Light)
	must(t, err)
	s := open(t, dir)
	sign := func(wallet string, nonce uint64, fence int64) error {
		in := intent(t)
		in.Wallet, in.Nonce, in.Fence = wallet, nonce, fence
		_, err := s.Sign(t.Context(), in)
		return err
	}
	must(t, sign(exampleAddress, 1, 5))
	must(t, sign(exampleAddress, 1, 5))
	must(t, sign(exampleAddress, 1, 6)) // the new owner repeats what the old one signed
	if err := sign(exampleAddress, 2, 5); fault.CodeOf(err) != "sign_fence" {
		t.Errorf("an old lease: got %v, want sign_fence", err)
	}
	must(t, sign(other, 1, 1)) // leases belong to wallets
}

// TestCase51_nonces_of_signatures_differ looks at r of many signatures, which repeats
// when the random part of a signature does.
func TestCase51_nonces_of_signatures_differ(t *testing.T) {
	s := open(t, imported(t))
	seen := map[string]uint64{}
	for nonce := range uint64(2000) {
		in := intent(t)
		in.Nonce = nonce
		got, err := s.Sign(t.Context(), in)
		must(t, err)
		tx := new(types.Transaction)
		must(t, tx.UnmarshalBinary(got.Raw))
		_, r, _ := tx.RawSignatureValues()
		if before, dup := seen[r.String()]; dup {
			t.Fatalf("nonces %d and %d have the same r", before, nonce)
		}
		seen[r.String()] = nonce
	}
}

// TestCancelOnlyUsesASlotUp cancels a slot before and after it was used for outputs.
func TestCancelOnlyUsesASlotUp(t *testing.T) {
	p, _ := strict(t)
	l := newTeller(t, p)
	cancel := func(nonce uint64) func(*signer.Intent) {
		return func(in *signer.Intent) { in.Nonce, in.Cancel, in.Outputs[0].Ref = nonce, true, "wd_1" }
	}
	at := func(nonce uint64) func(*signer.Intent) {
		return func(in *signer.Intent) { in.Nonce, in.Outputs[0].Ref = nonce, "wd_1" }
	}
	must(t, l.pay("ETH", 100, at(1)))
	must(t, l.pay("ETH", 100, cancel(1)))
	must(t, l.pay("ETH", 100, at(1))) // whichever of both the network takes
	// What was too much to be paid stays so after a cancel of it.
	must(t, l.pay("ETH", 5000, cancel(2)))
	code(t, l.pay("ETH", 5000, at(2)), "sign_limit_payout")
	code(t, l.pay("ETH", 50, cancel(3)), "")
	code(t, l.pay("ETH", 50, at(3)), "sign_slot")
	l.restart()
	code(t, l.pay("ETH", 50, at(3)), "sign_slot")
	must(t, l.pay("ETH", 50, cancel(3)))
	code(t, l.pay("ETH", 50, cancel(1), func(in *signer.Intent) { in.FeeCap = money.Of(1000) }), "sign_fee")
}
