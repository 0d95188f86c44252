package guard_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail/utxo/bitcoin"
	"sluice/internal/signer"
	"sluice/internal/signer/build"
	"sluice/internal/signer/guard"
)

var coinNetwork = signer.Network{Name: "bitcoin", Family: build.UTXO, Coin: "bitcoin-regtest"}

// purse is a wallet on a coin chain, under the example key.
type purse struct {
	t       *testing.T
	address string
	script  []byte
	public  []byte
}

// purses are the wallets of the example key: P2WPKH and P2TR.
func purses(t *testing.T) []purse {
	t.Helper()
	key := secp256k1.PrivKeyFromBytes(address(t, exampleKey))
	public := key.PubKey().SerializeCompressed()
	all, err := build.Builder{}.Addresses(coinNetwork, public)
	must(t, err)
	chain, _ := bitcoin.ChainByName(coinNetwork.Coin)
	var out []purse
	for _, a := range all {
		script, _, err := chain.Decode(a)
		must(t, err)
		out = append(out, purse{t, a, script, public})
	}
	return out
}

// fund is a transaction that makes coins of these amounts; number makes it unlike others.
func (p purse) fund(number byte, amounts ...uint64) *bitcoin.Tx {
	tx := &bitcoin.Tx{Version: 2, In: []bitcoin.In{{Prev: bitcoin.Outpoint{TxID: bitcoin.Hash{number}}}}}
	for _, a := range amounts {
		tx.Out = append(tx.Out, bitcoin.Out{Value: a, Script: p.script})
	}
	return tx
}

// spend pays one recipient from coins of a transaction, whose amounts are as told.
func (p purse) spend(from *bitcoin.Tx, pay, change uint64, told ...uint64) signer.Intent {
	in := signer.Intent{
		Family: build.UTXO, Network: "bitcoin", Wallet: p.address, Fence: 1, Bound: "dsp_1", Previous: [][]byte{from.Bare()},
		Outputs: []signer.Output{{Ref: "wd_1", Asset: "BTC", To: bitcoin.WitnessScript(0, make([]byte, 20)), Amount: money.Of(pay)}},
	}
	for n, a := range told {
		in.Inputs = append(in.Inputs, signer.Input{TxID: from.ID().String(), Index: uint32(n), Amount: money.Of(a), Script: p.script})
	}
	if change > 0 {
		in.Change = signer.Output{Asset: "BTC", To: p.script, Amount: money.Of(change)}
	}
	return in
}

func (p purse) open(folder string, change ...func(*guard.Options)) *guard.Guard {
	p.t.Helper()
	return open(p.t, imported(p.t), append([]func(*guard.Options){func(o *guard.Options) {
		o.Dir = folder
		o.Policy = guard.Policy{Networks: []guard.Network{{Network: coinNetwork, MaxFee: money.Of(20_000), Assets: []guard.Asset{{Code: "BTC"}}}}}
	}}, change...)...)
}

func (p purse) sign(g *guard.Guard, in signer.Intent) (*bitcoin.Tx, error) {
	p.t.Helper()
	got, err := g.Sign(p.t.Context(), in)
	if err != nil {
		return nil, err
	}
	tx, err := bitcoin.ParseTx(got.Raw)
	must(p.t, err)
	return tx, nil
}

// opens tells for each input of a transaction whether its witness opens the coin as it
// really is: what a node looks at.
func (p purse) opens(tx *bitcoin.Tx, from *bitcoin.Tx) (out []bool) {
	p.t.Helper()
	var prev []bitcoin.Out
	for _, in := range tx.In {
		prev = append(prev, from.Out[in.Prev.Index])
	}
	digests, err := tx.Digests(prev)
	must(p.t, err)
	key, err := secp256k1.ParsePubKey(p.public)
	must(p.t, err)
	for n, in := range tx.In {
		sig, err := ecdsa.ParseDERSignature(in.Witness[0][:len(in.Witness[0])-1])
		out = append(out, err == nil && sig.Verify(digests[n].Hash[:], key))
	}
	return out
}

// TestA1_two_lies_are_one_fee asks twice for one transaction, each time with a lie about
// the other coin. A P2WPKH signature commits to the amount of its own coin alone (BIP 143),
// so that each ask would give one good witness, and both together a transaction which
// leaves five coins to the miners.
func TestA1_two_lies_are_one_fee(t *testing.T) {
	const coin = 100_000_000
	p := purses(t)[0]
	from := p.fund(1, 5*coin, 5*coin)
	pay, fee := uint64(4*coin), uint64(10_000)
	change := 5*coin + 1 - pay - fee // what one true coin and a lie of 1 leave
	lies := [][]uint64{{5 * coin, 1}, {1, 5 * coin}}
	for name, previous := range map[string][][]byte{"with the transaction": {from.Bare()}, "without": nil, "with another": {p.fund(2, 1, 1).Bare()}} {
		t.Run(name, func(t *testing.T) {
			g := p.open(t.TempDir())
			defer g.Close() //nolint:errcheck // read only
			good := make([]bool, 2)
			for _, told := range lies {
				in := p.spend(from, pay, change, told...)
				in.Previous = previous
				tx, err := p.sign(g, in)
				if fault.CodeOf(err) != "sign_input" && fault.CodeOf(err) != "sign_unproved" {
					t.Errorf("asked with %v: %v", told, err)
				}
				if err != nil {
					continue
				}
				for n, ok := range p.opens(tx, from) {
					good[n] = good[n] || ok
				}
			}
			if good[0] && good[1] {
				t.Error("both coins can be spent together, with 5 coins as the fee")
			}
			// Nothing of it is left: the true payment goes.
			tx, err := p.sign(g, p.spend(from, pay, 6*coin-fee, 5*coin, 5*coin))
			must(t, err)
			if ok := p.opens(tx, from); !ok[0] || !ok[1] {
				t.Errorf("the witnesses of the true payment: %v", ok)
			}
		})
	}
}

// TestA1_a_coin_has_one_amount: what the log says of a coin once holds, with and without
// the transaction that made it, also after a restart.
func TestA1_a_coin_has_one_amount(t *testing.T) {
	for _, p := range purses(t) {
		t.Run(p.address[:6], func(t *testing.T) {
			folder := t.TempDir()
			g := p.open(folder)
			from := p.fund(1, 60_000, 50_000)
			first := p.spend(from, 70_000, 39_000, 60_000, 50_000)
			want, err := p.sign(g, first)
			must(t, err)
			for range 2 {
				first.Previous = nil // the log proves it now
				again, err := p.sign(g, first)
				must(t, err)
				if !bytes.Equal(again.Bytes(), want.Bytes()) {
					t.Error("signed again, differently")
				}
				for name, c := range map[string]struct {
					code   string
					change func(*signer.Intent)
				}{
					"one coin more": {"sign_input", func(in *signer.Intent) { in.Inputs[0].Amount, in.Change.Amount = money.Of(61_000), money.Of(40_000) }},
					"one coin less": {"sign_input", func(in *signer.Intent) { in.Inputs[1].Amount, in.Change.Amount = money.Of(49_000), money.Of(38_000) }},
					"no amount": {"sign_input", func(in *signer.Intent) {
						in.Inputs[1].Amount = money.Amount{}
						in.Outputs[0].Amount, in.Change.Amount = money.Of(20_000), money.Of(39_000)
					}},
					"swapped": {"sign_input", func(in *signer.Intent) {
						in.Inputs[0].Amount, in.Inputs[1].Amount = in.Inputs[1].Amount, in.Inputs[0].Amount
					}},
					"another recipient": {"sign_slot", func(in *signer.Intent) { in.Outputs[0].To = bitcoin.WitnessScript(0, bytes.Repeat([]byte{1}, 20)) }},
					"one coin alone": {"sign_slot", func(in *signer.Intent) {
						in.Inputs = in.Inputs[:1]
						in.Outputs[0].Amount, in.Change.Amount = money.Of(20_000), money.Of(39_000)
					}},
					"a raised fee":           {"", func(in *signer.Intent) { in.Change.Amount = money.Of(30_000) }},
					"a fee that is too high": {"sign_fee", func(in *signer.Intent) { in.Change.Amount = money.Of(19_999) }},
				} {
					in := p.spend(from, 70_000, 39_000, 60_000, 50_000)
					c.change(&in)
					if _, err := p.sign(g, in); fault.CodeOf(err) != c.code {
						t.Errorf("%s: %v, want %q", name, err, c.code)
					}
					in.Previous = nil
					if _, err := p.sign(g, in); fault.CodeOf(err) != c.code {
						t.Errorf("%s, without the transaction: %v, want %q", name, err, c.code)
					}
				}
				must(t, g.Close())
				g = p.open(folder)
			}
			must(t, g.Close())
		})
	}
}

// TestA1_a_child_is_proved_too spends change that waits, which its parent proves.
func TestA1_a_child_is_proved_too(t *testing.T) {
	p := purses(t)[0]
	g := p.open(t.TempDir())
	defer g.Close() //nolint:errcheck // read only
	parent, err := p.sign(g, p.spend(p.fund(1, 100_000), 50_000, 40_000, 100_000))
	must(t, err)
	child := signer.Intent{
		Family: build.UTXO, Network: "bitcoin", Wallet: p.address, Fence: 1, Bound: "dsp_1", Previous: [][]byte{parent.Bytes()}, // with its witness
		Inputs: []signer.Input{{TxID: parent.ID().String(), Index: 1, Amount: money.Of(40_000), Script: p.script}},
		Change: signer.Output{Asset: "BTC", To: p.script, Amount: money.Of(30_000)},
	}
	lie := child
	lie.Inputs = []signer.Input{child.Inputs[0]}
	lie.Inputs[0].Amount = money.Of(31_000)
	_, err = p.sign(g, lie)
	code(t, err, "sign_input")
	lie.Previous = nil
	_, err = p.sign(g, lie)
	code(t, err, "sign_unproved")
	_, err = p.sign(g, child)
	must(t, err)
}

// TestA1_the_log_says_all reads what the log has of a payment and of its dearer attempt.
func TestA1_the_log_says_all(t *testing.T) {
	p, folder := purses(t)[0], t.TempDir()
	g := p.open(folder)
	from := p.fund(1, 60_000, 50_000)
	first, err := p.sign(g, p.spend(from, 70_000, 39_000, 60_000, 50_000))
	must(t, err)
	second, err := p.sign(g, p.spend(from, 70_000, 35_000, 60_000, 50_000))
	must(t, err)
	must(t, g.Close())
	text, err := os.ReadFile(logFiles(t, folder)[0])
	must(t, err)
	lines := strings.Split(string(text), "\n")
	for n, want := range [][]string{
		{`"kind":"bind"`, `"amounts":["60000","50000"]`, `"change":"39000"`, `"fee":"1000"`, `"tx":"` + first.ID().String(), `"minor":"70000"`},
		{`"kind":"again"`, `"change":"35000"`, `"fee":"5000"`, `"tx":"` + second.ID().String()},
	} {
		for _, w := range want {
			if !strings.Contains(lines[n], w) {
				t.Errorf("line %d lacks %s: %s", n+1, w, lines[n])
			}
		}
	}
}

// TestA1_a_log_of_before goes on with a log whose coins were bound without their amounts.
func TestA1_a_log_of_before(t *testing.T) {
	p, folder := purses(t)[0], t.TempDir()
	from := p.fund(1, 60_000, 50_000)
	in := p.spend(from, 70_000, 39_000, 60_000, 50_000)
	must(t, os.WriteFile(folder+"/00000001.log", guard.OlderLog(t, in, coinNetwork), 0o600))
	g := p.open(folder)
	defer g.Close() //nolint:errcheck // read only
	bare := in
	bare.Previous = nil
	_, err := p.sign(g, bare)
	code(t, err, "sign_unproved") // it was believed then, and is not now
	other := p.spend(from, 71_000, 38_000, 60_000, 50_000)
	_, err = p.sign(g, other)
	code(t, err, "sign_slot")
	_, err = p.sign(g, in)
	must(t, err)
	_, err = p.sign(g, bare)
	must(t, err)
}
