package bitcoin_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/internal/fault"
	"sluice/internal/rail/utxo/bitcoin"
)

func chain(t testing.TB, name string) bitcoin.Chain {
	t.Helper()
	c, ok := bitcoin.ChainByName(name)
	if !ok {
		t.Fatalf("no chain %s", name)
	}
	return c
}

// TestCase41_addresses are the examples of BIP 173 and BIP 350, addresses that are known
// by everybody, and what must not pass for one. case-40: one of another network is none.
func TestCase41_addresses(t *testing.T) {
	for _, c := range []struct{ chain, typed, script, code string }{
		{"bitcoin", "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "0014751e76e8199196d454941c45d1b3a323f1433bd6", ""},
		{"bitcoin", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798", ""},
		{"bitcoin-testnet", "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7", "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262", ""},
		{"bitcoin", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac", ""},
		{"bitcoin", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "a914b472a266d0bd89c13706a4132ccfb16f7c3b9fcb87", ""},
		// Versions that nobody protects yet, and programs of wrong lengths.
		{"bitcoin", "BC1SW50QGDZ25J", "", "address_unsupported"},
		{"bitcoin", "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", "", "address_unsupported"},
		{"bitcoin", "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y", "", "address_unsupported"},
		{"bitcoin", "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P", "", "address_malformed"},
		// f18: version 1 whose 32 bytes are no point of the curve, and those above its field.
		{"bitcoin-regtest", "bcrt1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqc8gma6", "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798", ""},
		{"bitcoin-regtest", "bcrt1pqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqzssr24l3", "", "address_unspendable"},
		{"bitcoin-regtest", "bcrt1plllllllllllllllllllllllllllllllllllllllllllllllllllse0lp4e", "", "address_unspendable"},
		{"bitcoin-regtest", "bcrt1pqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqm3usuw", "", "address_unspendable"},
		// The checksum of the other version: bech32 for v1, bech32m for v0.
		{"bitcoin", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd", "", "address_checksum"},
		{"bitcoin", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh", "", "address_checksum"},
		{"bitcoin", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "", "address_checksum"},
		{"bitcoin", "bc1qW508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "", "address_malformed"},
		{"bitcoin", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "", "address_other_network"},
		{"bitcoin-regtest", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "", "address_other_network"},
		{"litecoin", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "", "address_other_network"},
		{"bitcoin", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "", "address_checksum"},
		{"litecoin", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "", "address_other_network"},
		{"bitcoin", "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798", "", "address_public_key"},
		{"litecoin", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "", "address_ambiguous"},
		{"litecoin", "ltcmweb1qqw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7k", "", "address_unsupported"},
		{"bitcoin", "", "", "address_malformed"},
		{"bitcoin", "bc1", "", "address_malformed"},
		{"bitcoin", strings.Repeat("1", 34), "", "address_malformed"},
		{"bitcoin", "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F", "", "address_malformed"},
		{"bitcoin", "bitcoin:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "", "address_malformed"},
		{"bitcoin", " 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "", "address_malformed"},
	} {
		t.Run(c.chain+" "+c.typed, func(t *testing.T) {
			script, canonical, err := chain(t, c.chain).Decode(c.typed)
			if fault.CodeOf(err) != c.code && (err != nil || c.code != "") {
				t.Fatalf("got %v (%s), want code %q", err, fault.CodeOf(err), c.code)
			}
			if hex.EncodeToString(script) != c.script {
				t.Errorf("got %x, want %s", script, c.script)
			}
			if err == nil && !strings.EqualFold(canonical, c.typed) {
				t.Errorf("canonical %s", canonical)
			}
		})
	}
}

// TestAddressRoundTrip writes scripts as addresses and reads them back, on every chain;
// one changed character never gives another script.
func TestAddressRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, _ := bitcoin.ChainByName(rapid.SampledFrom(bitcoin.ChainNames()).Draw(t, "chain"))
		hash := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash")
		script := [][]byte{
			bitcoin.WitnessScript(0, hash[:20]), bitcoin.WitnessScript(0, hash), bitcoin.WitnessScript(1, hash),
			append(append([]byte{0x76, 0xa9, 20}, hash[:20]...), 0x88, 0xac), append(append([]byte{0xa9, 20}, hash[:20]...), 0x87),
		}[rapid.IntRange(0, 4).Draw(t, "kind")]
		typed := c.Address(script)
		got, canonical, err := c.Decode(typed)
		if bitcoin.KindOf(script) == bitcoin.P2TR && !bitcoin.OnCurve(hash) {
			if fault.CodeOf(err) != "address_unspendable" {
				t.Fatalf("%s: got %x (%v), and nobody can spend it", typed, got, err)
			}
			return
		}
		if err != nil || string(got) != string(script) || canonical != typed {
			t.Fatalf("%s: got %x %s (%v), want %x", typed, got, canonical, err, script)
		}
		at := rapid.IntRange(0, len(typed)-1).Draw(t, "at")
		with := rapid.SampledFrom([]byte("023456789acdefghjklmnpqrstuvwxyzABCZ")).Draw(t, "with")
		wrong := typed[:at] + string(with) + typed[at+1:]
		if got, _, err := c.Decode(wrong); err == nil && !strings.EqualFold(wrong, typed) {
			t.Fatalf("%s was taken, as %x", wrong, got)
		}
	})
}

// The example of BIP 143 for P2WPKH: what is signed.
func TestDigestOfBIP143(t *testing.T) {
	raw, err := hex.DecodeString("0100000002fff7f7881a8099afa6940d42d1e7f6362bec38171ea3edf433541db4e4ad969f0000000000eeffffff" +
		"ef51e1b804cc89d182d279655c3aa89e815b1b309fe287d9b2b55d57b90ec68a0100000000ffffffff02202cb206000000001976a9148280b37df378db99f66f85c95a783a76ac7a6d5988ac" +
		"9093510d000000001976a9143bde42dbee7e4dbe6a21b2d50ce2f0167faa815988ac11000000")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := bitcoin.ParseTx(raw)
	if err != nil {
		t.Fatal(err)
	}
	if string(tx.Bytes()) != string(raw) {
		t.Error("the transaction is written differently than it was read")
	}
	// The second input spends 6 coins under this script.
	script, err := hex.DecodeString("00141d0f172a0ecb48aee1be1f2687d2963ae33f71a1")
	if err != nil {
		t.Fatal(err)
	}
	other := bitcoin.Out{Value: 625_000_000, Script: script}
	digests, err := tx.Digests([]bitcoin.Out{other, {Value: 600_000_000, Script: script}})
	if err != nil {
		t.Fatal(err)
	}
	const want = "c37af31116d1b27caf68aae9e3ac82f1477929014d5b917657d0eb49478cb670"
	if got := hex.EncodeToString(digests[1].Hash[:]); got != want || digests[1].Schnorr {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWhatIsNoTransaction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "raw")
		if tx, err := bitcoin.ParseTx(raw); err == nil && len(tx.In) == 0 {
			t.Fatalf("%x is no transaction", raw)
		}
		if _, err := bitcoin.ParseBlock(raw); err == nil {
			t.Fatalf("%x is no block", raw)
		}
	})
}
