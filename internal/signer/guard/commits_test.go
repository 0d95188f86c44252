package guard_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/signer"
	"sluice/internal/signer/guard"
)

// What a signature commits to, and what binds it. Each kind of signature that the signer
// gives is a table: what becomes of the same slot once more, with one part of the intent
// changed. Either
//
//   - a code: it is refused. The part is bound to the slot, proved, or ruled out;
//   - anew: another signature for the same slot, as far as the limits of fees let it. Only
//     what is no payment may be that, and the log names exactly what was signed;
//   - the same: the very same bytes. The part is not signed.
//
// The parts are all fields of an intent, found by reflection: one that is added must be
// answered for here, in each kind.
const (
	anew    = "anew"
	theSame = "the same"
)

// signature is a kind of signature.
type signature struct {
	name string
	// set makes the policy of a guard that signs it.
	set func(*guard.Options)
	// intent is one that is signed.
	intent func(t *testing.T) signer.Intent
	parts  map[string]string
}

// everywhere are the parts that are the same for every kind of chain.
var everywhere = map[string]string{
	"Family": "sign_family", "Network": "sign_network", "Wallet": "sign_wallet",
	"Outputs":     "sign_slot", // one more
	"Outputs.Ref": "sign_slot", "Outputs.Asset": "sign_asset", "Outputs.To": "sign_slot", "Outputs.Amount": "sign_slot",
	"Outputs.Token":      "sign_token",
	"Outputs.Approval":   theSame, // the slot is bound: it was approved
	"Outputs.Acceptance": theSame, // as the approval
	"Outputs.Memo":       theSame, // kept with the first signature, for whoever lost the books
	"Bound":              "sign_slot",
	"Fence":              theSame, // who asks; an older one is refused
	"Cancel":             anew,    // pays nobody, from the same slot
}

var account = but(everywhere, map[string]string{
	"Outputs": "sign_outputs", // a wallet pays one
	"ChainID": "sign_chain",
	"Nonce":   "sign_paid", // another slot, and the withdrawal is not signed in two
	"File":    "sign_file",
	"Gas":     anew, "FeeCap": anew, "TipCap": anew,
	"Vault": "sign_vault", "GasEach": "sign_vault",
	"Inputs": "sign_outputs", "Previous": theSame, "Change.Amount": "sign_outputs",
	// Of no change there is nothing to look at.
	"Change.Ref": theSame, "Change.Asset": theSame, "Change.To": theSame, "Change.Token": theSame, "Change.Approval": theSame, "Change.Memo": theSame, "Change.Acceptance": theSame,
})

var coins = but(everywhere, map[string]string{
	"ChainID": "sign_outputs", "Nonce": "sign_outputs", "Gas": "sign_outputs", "Vault": "sign_outputs",
	"File":   "sign_file",
	"FeeCap": theSame, "TipCap": theSame, "GasEach": theSame, // no part of a coin's transaction
	"Inputs": "sign_slot", "Inputs.TxID": "sign_unproved", "Inputs.Index": "sign_input", "Inputs.Amount": "sign_input", "Inputs.Script": "sign_input",
	"Previous":      theSame,       // the log has the amounts by now
	"Change.To":     "sign_change", // the wallet's own script
	"Change.Amount": anew,          // what it leaves is the fee
	"Change.Ref":    theSame, "Change.Asset": theSame, "Change.Approval": theSame, "Change.Memo": theSame, "Change.Acceptance": theSame,
	"Change.Token": "sign_token",
})

// but is a table with some parts otherwise.
func but(table, otherwise map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range table {
		out[k] = v
	}
	for k, v := range otherwise {
		out[k] = v
	}
	return out
}

func signatures(t *testing.T) []signature {
	t.Helper()
	vault := bytes.Repeat([]byte{0xfa}, 20)
	chain := func(o *guard.Options) {
		n := &o.Policy.Networks[0]
		n.Open, n.MaxFee = false, money.Of(10_000_000)
		n.Assets = []guard.Asset{{Code: "ETH"}, {Code: "USDT", Token: tether}}
		n.Vaults = [][]byte{vault}
	}
	coin := func(o *guard.Options) {
		o.Policy.Networks = []guard.Network{{Network: coinNetwork, MaxFee: money.Of(100_000), Assets: []guard.Asset{{Code: "BTC"}}}}
	}
	pay := func(asset string, token []byte) func(*testing.T) signer.Intent {
		return func(t *testing.T) signer.Intent {
			t.Helper()
			in := intent(t)
			in.Outputs[0].Ref, in.Outputs[0].Asset, in.Outputs[0].Token, in.Gas = "wd_1", asset, token, 100_000
			return in
		}
	}
	list := func(t *testing.T) signer.Intent {
		t.Helper()
		in := pay("USDT", tether)(t)
		in.Vault, in.GasEach = vault, 30_000
		in.Outputs = append(in.Outputs, in.Outputs[0])
		in.Outputs[1].Ref = "wd_2"
		return in
	}
	out := []signature{
		// chain id, nonce, prices, gas, recipient, value, no data, no access list
		{"transfer of a coin", chain, pay("ETH", nil), account},
		// the same, with the token as the recipient, and recipient and amount in the data
		{"transfer of a token", chain, pay("USDT", tether), account},
		// the same, with the vault as the recipient; id, token, gas of each, and the list in the data
		{"list of a vault", chain, list, but(account, map[string]string{
			"Outputs": "sign_slot",
			"GasEach": anew, // how much gas each may use, within all of it
			"Cancel":  "sign_cancel",
		})},
		// chain id, nonce, prices, gas; to the wallet itself, without value and data
		{"cancel of a nonce", chain, func(t *testing.T) signer.Intent {
			in := pay("ETH", nil)(t)
			in.Cancel = true
			return in
		}, but(account, map[string]string{
			// It names those that are not paid; none of that is signed.
			"Outputs": theSame, "Outputs.Ref": theSame, "Outputs.Asset": theSame, "Outputs.To": theSame, "Outputs.Amount": theSame, "Outputs.Token": theSame, "Bound": theSame,
			"Vault":  "sign_cancel",
			"Nonce":  anew,        // another slot, used up for nobody
			"Cancel": "sign_slot", // what was used up for nobody pays nobody
		})},
	}
	order := anOrder(t, "M1", payment(t, 1, 100_00, paidAccount), payment(t, 2, 50_00, otherAccount))
	// no key: the bytes of the file. What is in it has a table of its own
	out = append(out, signature{"order to a bank", func(o *guard.Options) {
		o.Policy.Networks = []guard.Network{{Network: bankNetwork, Assets: []guard.Asset{{Code: "EUR"}}}}
	}, func(t *testing.T) signer.Intent { return asked(t, order) }, but(everywhere, map[string]string{
		"File": "sign_file", "Cancel": "sign_cancel",
		"Outputs": "sign_outputs", "Outputs.Ref": "sign_outputs", "Outputs.Asset": "sign_amount", "Outputs.To": "sign_recipient", "Outputs.Amount": "sign_amount",
		"ChainID": "sign_outputs", "Nonce": "sign_outputs", "Gas": "sign_outputs", "GasEach": "sign_outputs", "FeeCap": "sign_outputs", "TipCap": "sign_outputs", "Vault": "sign_outputs",
		"Inputs": "sign_outputs", "Change.Amount": "sign_outputs", "Previous": theSame, // of none there is nothing to leave out
		"Change.Ref": theSame, "Change.Asset": theSame, "Change.To": theSame, "Change.Token": theSame, "Change.Approval": theSame, "Change.Memo": theSame, "Change.Acceptance": theSame,
	})})
	for n, name := range []string{"P2WPKH", "P2TR"} {
		p := purses(t)[n]
		from := p.fund(7, 60_000, 50_000, 1_000)
		pay := func(*testing.T) signer.Intent { return p.spend(from, 70_000, 30_000, 60_000, 50_000) }
		out = append(out,
			// P2WPKH (BIP 143): all outpoints, all outputs, its own coin's amount. P2TR (BIP
			// 341): the same, and the amounts and scripts of all coins
			signature{"payment of " + name, coin, pay, coins},
			signature{"child of " + name, coin, func(*testing.T) signer.Intent {
				in := p.spend(from, 0, 50_000, 60_000)
				in.Outputs = nil
				return in
			}, but(coins, map[string]string{
				"Cancel": theSame, // it pays nobody as it is
			})},
			signature{"cancel of " + name, coin, func(*testing.T) signer.Intent {
				in := p.spend(from, 70_000, 100_000, 60_000, 50_000)
				in.Cancel = true
				return in
			}, but(coins, map[string]string{
				"Outputs": theSame, "Outputs.Ref": theSame, "Outputs.Asset": theSame, "Outputs.To": theSame, "Outputs.Amount": theSame, "Outputs.Token": theSame, "Bound": theSame,
				"Inputs": anew,          // more coins of the wallet, back to it
				"Cancel": "sign_amount", // more than the coins hold; with less it is sign_slot
			})})
	}
	return out
}

// part is one field of an intent that can be changed.
type part struct {
	path   string
	change func(in *signer.Intent)
}

// partsOf are all fields of an intent, and of the first of each list in it.
func partsOf(t *testing.T, in signer.Intent) (out []part) {
	t.Helper()
	var walk func(path string, typ reflect.Type, get func(*signer.Intent) reflect.Value)
	walk = func(path string, typ reflect.Type, get func(*signer.Intent) reflect.Value) {
		add := func(change func(v reflect.Value)) {
			out = append(out, part{path, func(in *signer.Intent) { change(get(in)) }})
		}
		switch {
		case typ == reflect.TypeFor[money.Amount]():
			add(func(v reflect.Value) {
				amount, _ := reflect.TypeAssert[money.Amount](v)
				more, err := amount.Add(money.Of(1))
				must(t, err)
				v.Set(reflect.ValueOf(more))
			})
		case typ == reflect.TypeFor[[]byte]():
			add(func(v reflect.Value) {
				b := slices.Clone(v.Bytes())
				if len(b) == 0 {
					b = bytes.Repeat([]byte{7}, 20)
				}
				b[len(b)-1] ^= 1
				v.SetBytes(b)
			})
		case typ == reflect.TypeFor[[][]byte]():
			add(func(v reflect.Value) { v.SetZero() })
		case typ.Kind() == reflect.Slice:
			add(func(v reflect.Value) { v.Set(reflect.Append(v, another(t, in, typ.Elem()))) })
			if get(&in).Len() > 0 {
				walk(path, typ.Elem(), func(in *signer.Intent) reflect.Value { return get(in).Index(0) })
			}
		case typ.Kind() == reflect.Struct:
			for i := range typ.NumField() {
				walk(strings.TrimPrefix(path+"."+typ.Field(i).Name, "."), typ.Field(i).Type, func(in *signer.Intent) reflect.Value { return get(in).Field(i) })
			}
		case typ.Kind() == reflect.String:
			add(func(v reflect.Value) { v.SetString(other(v.String())) })
		case typ.Kind() == reflect.Bool:
			add(func(v reflect.Value) { v.SetBool(!v.Bool()) })
		case typ.Kind() == reflect.Int64:
			add(func(v reflect.Value) { v.SetInt(v.Int() + 1) })
		case typ.Kind() == reflect.Uint64 || typ.Kind() == reflect.Uint32:
			add(func(v reflect.Value) { v.SetUint(v.Uint() + 1) })
		default:
			t.Fatalf("%s is of a kind that the test does not know: %s", path, typ)
		}
	}
	walk("", reflect.TypeFor[signer.Intent](), func(in *signer.Intent) reflect.Value { return reflect.ValueOf(in).Elem() })
	return out
}

// other is a text of the same form that says something else: its last digit is another.
func other(s string) string {
	if s == "" {
		return "x"
	}
	last := "0"
	if strings.HasSuffix(s, last) {
		last = "1"
	}
	return s[:len(s)-1] + last
}

// another is one more output or coin of an intent.
func another(t *testing.T, in signer.Intent, typ reflect.Type) reflect.Value {
	t.Helper()
	switch {
	case typ == reflect.TypeFor[signer.Output]() && len(in.Outputs) > 0:
		o := in.Outputs[0]
		o.Ref, o.Amount = "wd_more", money.Of(6_000)
		return reflect.ValueOf(o)
	case typ == reflect.TypeFor[signer.Output]():
		return reflect.ValueOf(signer.Output{Ref: "wd_more", Asset: "BTC", To: in.Change.To, Amount: money.Of(5_000)})
	case len(in.Inputs) > 0:
		c := in.Inputs[0]
		c.Index, c.Amount = 2, money.Of(1_000)
		return reflect.ValueOf(c)
	}
	return reflect.ValueOf(signer.Input{TxID: strings.Repeat("1", 64), Amount: money.Of(1)})
}

// clone copies an intent as deep as the test changes it.
func clone(in signer.Intent) signer.Intent {
	in.Outputs, in.Inputs = slices.Clone(in.Outputs), slices.Clone(in.Inputs)
	return in
}

// TestWhatASignatureCommitsTo is the table of all kinds of signatures.
func TestWhatASignatureCommitsTo(t *testing.T) {
	for _, s := range signatures(t) {
		t.Run(s.name, func(t *testing.T) {
			keys, base := imported(t), s.intent(t)
			answered := map[string]bool{}
			for _, p := range partsOf(t, base) {
				answered[p.path] = true
				folder := t.TempDir()
				g := open(t, keys, with(folder), s.set)
				first, err := g.Sign(t.Context(), clone(base))
				must(t, err)
				in := clone(base)
				p.change(&in)
				got, err := g.Sign(t.Context(), in)
				became := fault.CodeOf(err)
				switch {
				case err != nil:
				case bytes.Equal(got.Raw, first.Raw):
					became = theSame
				default:
					became = anew
					logged(t, folder, in)
				}
				if want, ok := s.parts[p.path]; !ok || became != want {
					t.Errorf("%-16s %q, want %q (%v)", p.path, became, want, err)
				}
				must(t, g.Close())
			}
			for path := range s.parts {
				list, _, _ := strings.Cut(path, ".")
				none := list == "Outputs" && len(base.Outputs) == 0 || list == "Inputs" && len(base.Inputs) == 0
				if !answered[path] && !none {
					t.Errorf("%s is in the table and not in an intent", path)
				}
			}
		})
	}
}

// logged holds the newest entry of the log against what was signed.
func logged(t *testing.T, folder string, in signer.Intent) {
	t.Helper()
	text, err := os.ReadFile(logFiles(t, folder)[0])
	must(t, err)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	_, body, _ := strings.Cut(lines[len(lines)-1], " ")
	var entries []struct {
		Tx, Fee, Change string
		Nonce           *uint64
		Coins, Amounts  []string
	}
	must(t, json.Unmarshal([]byte(body), &entries))
	e := entries[0]
	fee, err := in.MaxFee()
	must(t, err)
	if len(e.Tx) < 64 || e.Fee != fee.Minor() || len(in.Inputs) > 0 && e.Change != in.Change.Amount.Minor() || len(e.Coins) != len(in.Inputs) || len(in.Inputs) == 0 && *e.Nonce != in.Nonce {
		t.Errorf("signed with a fee of %s, and the log says %+v", fee, e)
	}
}

// TestWhatADeploymentCommitsTo: the code of a contract is bound to its nonce, by itself and
// against payouts.
func TestWhatADeploymentCommitsTo(t *testing.T) {
	folder := t.TempDir()
	p := openPolicy()
	p.Networks[0].MaxFee, p.Networks[0].FeePerDay = money.Of(10_000_000), minor(12_000_000)
	g := open(t, imported(t), func(o *guard.Options) { o.Dir, o.Policy = folder, p })
	defer g.Close() //nolint:errcheck // read only
	base := signer.Deployment{Network: "ethereum", Wallet: exampleAddress, Nonce: 7, Gas: 100_000, FeeCap: money.Of(30), TipCap: money.Of(2), Code: []byte{0x60, 1}, Fence: 3}
	_, err := g.Deploy(t.Context(), base)
	must(t, err)
	for _, c := range []struct {
		name, code string
		change     func(*signer.Deployment)
	}{
		{"nothing", "", func(*signer.Deployment) {}},
		{"its code", "sign_slot", func(d *signer.Deployment) { d.Code = []byte{0x60, 2} }},
		{"no code", "sign_deployment", func(d *signer.Deployment) { d.Code = nil }},
		{"its price", "", func(d *signer.Deployment) { d.FeeCap = money.Of(40) }},
		{"a high price", "sign_fee", func(d *signer.Deployment) { d.FeeCap = money.Of(101) }},
		{"an old lease", "sign_fence", func(d *signer.Deployment) { d.Fence = 2 }},
		{"another chain", "sign_network", func(d *signer.Deployment) { d.Network = "polygon" }},
		{"a wallet", "sign_wallet", func(d *signer.Deployment) { d.Wallet = "0x00000000000000000000000000000000000A11cE" }},
		{"a nonce", "", func(d *signer.Deployment) { d.Nonce = 8 }},
		{"fees of a day", "sign_fee_day", func(d *signer.Deployment) { d.Nonce, d.FeeCap = 9, money.Of(60) }},
	} {
		d := base
		c.change(&d)
		if _, err := g.Deploy(t.Context(), d); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %q", c.name, err, c.code)
		}
	}
	code(t, sign(t, g, nil), "sign_slot")
	must(t, sign(t, g, nonce(10)))
	d := base
	d.Nonce = 10
	_, err = g.Deploy(t.Context(), d)
	code(t, err, "sign_slot")
}
