package build_test

import (
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail/utxo/bitcoin"
	"sluice/internal/signer"
	"sluice/internal/signer/build"
	"sluice/internal/signer/curve"
)

var bitcoinNetwork = signer.Network{Name: "bitcoin", Family: build.UTXO, Coin: "bitcoin"}

// TestCoinAddresses are the examples of BIP 173 and BIP 86: one key, two addresses.
func TestCoinAddresses(t *testing.T) {
	for _, c := range []struct {
		public string
		at     int
		want   string
	}{
		{"\x02\x79\xbe\x66\x7e\xf9\xdc\xbb\xac\x55\xa0\x62\x95\xce\x87\x0b\x07\x02\x9b\xfc\xdb\x2d\xce\x28\xd9\x59\xf2\x81\x5b\x16\xf8\x17\x98", 0, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"},
		{"\x03\xcc\x8a\x4b\xc6\x4d\x89\x7b\xdd\xc5\xfb\xc2\xf6\x70\xf7\xa8\xba\x0b\x38\x67\x79\x10\x6c\xf1\x22\x3c\x6f\xc5\xd7\xcd\x6f\xc1\x15", 1, "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr"},
	} {
		got, err := build.Builder{}.Addresses(bitcoinNetwork, []byte(c.public))
		if err != nil || len(got) != 2 || got[c.at] != c.want {
			t.Errorf("got %v (%v), want %s at %d", got, err, c.want, c.at)
		}
	}
}

// payment is a good intent of a wallet with two coins.
func payment(t *testing.T, wallet string) signer.Intent {
	t.Helper()
	chain, _ := bitcoin.ChainByName("bitcoin")
	own, _, err := chain.Decode(wallet)
	if err != nil {
		t.Fatal(err)
	}
	return signer.Intent{
		Family: build.UTXO, Network: "bitcoin", Wallet: wallet,
		Inputs: []signer.Input{
			{TxID: strings.Repeat("1", 64), Index: 3, Amount: money.Of(50_000), Script: own},
			{TxID: strings.Repeat("2", 64), Amount: money.Of(60_000), Script: own},
		},
		Outputs: []signer.Output{{Ref: "wd_1", Asset: "BTC", To: bitcoin.WitnessScript(0, make([]byte, 20)), Amount: money.Of(70_000)}},
		Change:  signer.Output{To: own, Amount: money.Of(39_000)},
	}
}

// TestCase45_CoinRefusals changes one thing at a time in a payment that is in order.
func TestCase45_CoinRefusals(t *testing.T) {
	key := secp256k1.PrivKeyFromBytes([]byte("a key of a test"))
	public := key.PubKey().SerializeCompressed()
	addresses, err := build.Builder{}.Addresses(bitcoinNetwork, public)
	if err != nil {
		t.Fatal(err)
	}
	foreign := bitcoin.WitnessScript(0, []byte("twenty bytes of else"))
	for _, wallet := range addresses {
		for _, c := range []struct {
			name, code string
			change     func(*signer.Intent)
		}{
			{"in order", "", func(*signer.Intent) {}},
			{"a child of itself", "", func(in *signer.Intent) { in.Outputs = nil }},
			{"a cancel", "", func(in *signer.Intent) { in.Cancel = true; in.Change.Amount = money.Of(109_000) }},
			{"without change", "", func(in *signer.Intent) { in.Change = signer.Output{} }},
			{"another family", "sign_family", func(in *signer.Intent) { in.Family = "evm" }},
			{"another wallet", "sign_wallet", func(in *signer.Intent) { in.Wallet = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4" }},
			{"no coins", "sign_input", func(in *signer.Intent) { in.Inputs = nil }},
			{"a coin twice", "sign_input", func(in *signer.Intent) { in.Inputs[1] = in.Inputs[0] }},
			{"a coin of somebody else", "sign_input", func(in *signer.Intent) { in.Inputs[1].Script = foreign }},
			{"a coin that is none", "sign_input", func(in *signer.Intent) { in.Inputs[1].TxID = "0x12" }},
			{"the other script of the key", "sign_input", func(in *signer.Intent) {
				for _, a := range addresses {
					if a != in.Wallet {
						in.Inputs[1].Script = payment(t, a).Inputs[0].Script
					}
				}
			}},
			{"change to somebody else", "sign_change", func(in *signer.Intent) { in.Change.To = foreign }},
			{"change that is dust", "sign_amount", func(in *signer.Intent) { in.Change.Amount = money.Of(293) }},
			{"a payout that is dust", "sign_amount", func(in *signer.Intent) { in.Outputs[0].Amount = money.Of(293) }},
			{"more than the coins", "sign_amount", func(in *signer.Intent) { in.Outputs[0].Amount = money.Of(71_001) }},
			{"more than there are", "sign_amount", func(in *signer.Intent) { in.Inputs[0].Amount = money.Of(1 << 62) }},
			{"a script without an address", "sign_recipient", func(in *signer.Intent) { in.Outputs[0].To = []byte{0x6a, 1, 7} }},
			{"nobody", "sign_recipient", func(in *signer.Intent) { in.Outputs, in.Change = nil, signer.Output{} }},
			{"a token", "sign_token", func(in *signer.Intent) { in.Outputs[0].Token = make([]byte, 20) }},
			{"gas", "sign_outputs", func(in *signer.Intent) { in.Gas = 21_000 }},
		} {
			t.Run(wallet[:4]+" "+c.name, func(t *testing.T) {
				in := payment(t, wallet)
				c.change(&in)
				got, err := build.Builder{}.Build(bitcoinNetwork, public, in)
				if code := fault.CodeOf(err); err != nil && code != c.code || err == nil && c.code != "" {
					t.Fatalf("got %v (%s), want code %q", err, code, c.code)
				}
				if err != nil {
					return
				}
				finish(t, key, got, len(in.Inputs))
			})
		}
	}
}

// finish signs, and tries with the signature of another key as well.
func finish(t *testing.T, key *secp256k1.PrivateKey, u signer.Unsigned, inputs int) {
	t.Helper()
	sign := func(key *secp256k1.PrivateKey) (out [][]byte) {
		for _, d := range u.Digests {
			if d.Scheme == signer.ECDSA {
				out = append(out, curve.Sign(key, d.Hash))
				continue
			}
			s, err := curve.SignTaproot(key, d.Hash)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, s)
		}
		return out
	}
	if len(u.Digests) != inputs {
		t.Fatalf("%d digests for %d inputs", len(u.Digests), inputs)
	}
	if got, err := u.Finish(sign(secp256k1.PrivKeyFromBytes([]byte("another key")))); err == nil {
		t.Errorf("took the signatures of another key: %s", got.TxID)
	}
	got, err := u.Finish(sign(key))
	if err != nil {
		t.Fatal(err)
	}
	tx, err := bitcoin.ParseTx(got.Raw)
	if err != nil || tx.ID().String() != got.TxID {
		t.Errorf("made %x, which is not %s (%v)", got.Raw, got.TxID, err)
	}
}
