package tylt_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"sluice/internal/dialect/dialecttest"
	"sluice/internal/dialect/tylt"
	"sluice/internal/merchant/credential"
	"sluice/internal/money"
	"sluice/internal/withdrawal/intake"
)

// What clients in production send, and what receivers do with callbacks.

// numbers are decimals and what JavaScript makes of them; exact says that nothing is lost.
var numbers = []struct {
	decimal, down, up string
	exact             bool
}{
	{"0", "0", "0", true},
	{"0.00", "0", "0", true},
	{"7.30", "7.3", "7.3", true},
	{"100", "100", "100", true},
	{"0.000001", "0.000001", "0.000001", true},
	{"0.0000001", "1e-7", "1e-7", true},
	{"0.00000012345", "1.2345e-7", "1.2345e-7", true},
	{"0.000000000000000001", "1e-18", "1e-18", true},
	{"123456789.012345", "123456789.012345", "123456789.012345", true},
	{"1.234567890123456789", "1.23456789012345", "1.23456789012346", false},
	{"0.123456789012345678", "0.123456789012345", "0.123456789012346", false},
	{"0.999999999999999999", "0.999999999999999", "1", false},
	{"999999999999999.999", "999999999999999", "1000000000000000", false},
	{"12345678901234567890", "12345678901234500000", "12345678901234600000", false},
	{"100000000000000000000", "100000000000000000000", "100000000000000000000", true},
	{"1000000000000000000000", "1e+21", "1e+21", true},
	{"1234000000000000000000000", "1.234e+24", "1.234e+24", true},
}

func TestTylt1_NumbersOfJavaScript(t *testing.T) {
	for _, c := range numbers {
		for up, want := range map[bool]string{false: c.down, true: c.up} {
			if got, exact := tylt.Number(c.decimal, up); got != want || exact != c.exact {
				t.Errorf("%s, up %v: %s (%v), want %s (%v)", c.decimal, up, got, exact, want, c.exact)
			}
		}
	}
}

// JavaScript writes every number of this wire again as it is, and no number lies on the
// wrong side of the amount.
func TestTylt1_RoundTripsThroughJavaScript(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, seed))
	t.Logf("seed %d", seed)
	all := []string{}
	for n := range 20_000 {
		digits := fmt.Sprint(random.Uint64N(1+1<<random.Uint32N(63))) + strings.Repeat("0", int(random.Uint32N(3))*int(random.Uint32N(8)))
		if scale := int(random.Uint32N(19)); scale > 0 {
			digits = strings.Repeat("0", max(scale+1-len(digits), 0)) + digits
			digits = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
		}
		text, exact := tylt.Number(digits, n%2 == 0)
		got, ok := new(big.Rat).SetString(text)
		is, _ := new(big.Rat).SetString(digits)
		switch {
		case !ok, exact != (got.Cmp(is) == 0), n%2 == 0 && got.Cmp(is) < 0, n%2 == 1 && got.Cmp(is) > 0:
			t.Fatalf("%s is written %s (%v)", digits, text, exact)
		}
		all = append(all, text)
	}
	text := "[" + strings.Join(all, ",") + "]"
	cmd := exec.CommandContext(t.Context(), node, "-e", `
		const t = require('fs').readFileSync(0, 'utf8'), a = t.slice(1, -1).split(',');
		JSON.parse(t).forEach((v, i) => { if (JSON.stringify(v) !== a[i]) { console.log(a[i] + ' is written ' + v); process.exit(1); } });`)
	cmd.Stdin = bytes.NewReader([]byte(text))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// A callback whose amounts JavaScript cannot hold is written again with the same bytes, and
// has all digits beside.
func TestTylt1_CallbacksOfFineAmounts(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	for amount, parts := range map[string][]string{
		"0.123456789012345678": {`"settledAmountSent":0.123456789012345,"settledAmountSentExact":"0.123456789012345678",`, `"settledAmountDebited":0.123456789012346,"settledAmountDebitedExact":"0.123456789012345678",`},
		"0.00000007":           {`"baseAmount":7e-8,"baseCurrency":"ETH"`, `"settledAmountSent":7e-8,"commission":0,`},
		"0.25":                 {`"settledAmountSent":0.25,"commission":0,`},
	} {
		w := dialecttest.New(t, wire, dialecttest.Options{})
		w.Fund(w.A, "ETH", "1")
		post(w, payout(amount, `,"merchantOrderId":"é/\u2028\u0007"`))
		post(w, payout(amount, ""))
		w.Confirm(w.A, w.Newest(w.A).Seq)
		body := (driver{}).Read(w, w.A, w.Callbacks(1)[0]).Body
		for _, part := range parts {
			if !strings.Contains(body, part) {
				t.Errorf("%s is not in %s", part, body)
			}
		}
		cmd := exec.CommandContext(t.Context(), node, "-e", `const t = require('fs').readFileSync(0, 'utf8'); process.exit(JSON.stringify(JSON.parse(t)) === t ? 0 : 1)`)
		cmd.Stdin = strings.NewReader(body)
		if err := cmd.Run(); err != nil {
			t.Errorf("JavaScript writes it another way: %s", body)
		}
	}
}

// A merchant who holds only what it settles in pays what is named in another currency.
func TestTylt2_NamedInAnotherCurrency(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	w.Fund(w.A, "USDT", "100")
	got := post(w, `{"baseAmount":20,"baseCurrency":"EUR","address":"`+dialecttest.Alice+`","settledCurrency":"USDT","networkSymbol":"ETH"}`)
	if got.Status != 200 || !strings.Contains(got.Body, `"baseAmount":20,"baseCurrency":"EUR","settledCurrency":"USDT","settledAmountRequested":25,`) {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	if b := w.Balance(w.A, "USDT"); b.Reserved != money.Of(25_000_000) {
		t.Errorf("%s are held", b.Reserved)
	}
	if o := (credential.Credential{Dialect: tylt.Name}).Option("base"); o != "price" {
		t.Errorf("the default is %q", o)
	}
}

func TestTylt3_BothFormsOfABody(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{Bend: func(d *intake.Intake) {
		d.Rails["ripple"] = dialecttest.Tagged{Name: "ripple"}
		d.Assets["XRP"] = money.Asset{Code: "XRP", Scale: 6, Networks: []string{"ripple"}}
	}})
	w.Fund(w.A, "ETH", "100")
	w.Fund(w.A, "EUR", "100")
	w.Fund(w.A, "XRP", "100")
	const eth = `"settledCurrency":"ETH"`
	to := `{"address":"` + dialecttest.Alice + `"}`
	for body, amount := range map[string]string{
		`{"merchantOrderId":"n-1","settledAmount":"1.25","networkSymbol":"ETH","destinationDetails":` + to + `,` + eth + `}`:                                  "1.25",
		`{"settledAmount":2,"networkSymbol":"ETH","destinationDetails":{"walletAddress":"` + dialecttest.Alice + `"},` + eth + `}`:                            "2",
		`{"settledAmount":"3","destinationDetails":{"networkSymbol":"ETH","toAddress":"` + dialecttest.Alice + `","name":"Jo"},` + eth + `}`:                  "3",
		`{"settledAmount":"4","networkSymbol":"ETH","destinationDetails":"` + dialecttest.Alice + `",` + eth + `}`:                                            "4",
		`{"baseAmount":5,"settledAmount":"5.00","networkSymbol":"ETH","address":"` + dialecttest.Alice + `","destinationDetails":` + to + `,` + eth + `}`:     "5",
		`{"settledAmount":"6","baseCurrency":"EUR","networkSymbol":"ETH","destinationDetails":` + to + `,` + eth + `}`:                                        "6",
		`{"baseAmount":20,"baseCurrency":"EUR","settledAmount":"0.0099","networkSymbol":"ETH","destinationDetails":` + to + `,` + eth + `,"payeeDetails":[]}`: "0.01",
		`{"baseAmount":7,"networkSymbol":"ETH","address":"` + dialecttest.Alice + `","destinationDetails":[],"settledAmount":"",` + eth + `}`:                 "7",
		`{"settledAmount":"8","settledCurrency":"XRP","destinationDetails":{"address":"rX","network":"XRP","memo":77}}`:                                       "8",
		`{"settledAmount":"9","settledCurrency":"ETH","networkSymbol":"ETH","destinationDetails":` + strings.Replace(to, "}", `,"tag":"nothing"}`, 1) + `}`:   "9",
	} {
		if got := post(w, body); got.Status != 200 || !strings.Contains(got.Body, `"settledAmountRequested":`+amount+`,`) {
			t.Errorf("%s: %d %s", body, got.Status, got.Body)
		}
	}
	for body, no := range map[string]string{
		`{"baseAmount":1,"settledAmount":"2","networkSymbol":"ETH","destinationDetails":` + to + `,` + eth + `}`:                               no(1010, "settledAmount is invalid"),
		`{"settledAmount":"2","networkSymbol":"ETH","address":"0x1","destinationDetails":` + to + `,` + eth + `}`:                              no(1010, "destinationDetails is invalid"),
		`{"settledAmount":"2","networkSymbol":"BSC","destinationDetails":{"network":"ETH","address":"` + dialecttest.Alice + `"},` + eth + `}`: no(1010, "destinationDetails is invalid"),
		`{"settledAmount":"2","networkSymbol":"ETH","destinationDetails":{"address":"0x1","walletAddress":"0x2"},` + eth + `}`:                 no(1011, "Invalid address"),
		`{"settledAmount":"2","networkSymbol":"ETH",` + eth + `}`:                                                                              no(1010, "address is required"),
		`{"settledAmount":"-2","networkSymbol":"ETH","destinationDetails":` + to + `,` + eth + `}`:                                             no(1010, "settledAmount is invalid"),
		`{"destinationDetails":` + to + `,"networkSymbol":"ETH",` + eth + `}`:                                                                  no(1010, "baseAmount is required"),
		`{"settledAmount":"2","settledCurrency":"XRP","destinationDetails":{"address":"rX","network":"XRP","memo":"x"}}`:                       no(1010, "tag is invalid"),
	} {
		want(w, post(w, body), 400, no)
	}
}

func TestTylt4_WordsOfWhatWasNotPaid(t *testing.T) {
	for option, words := range map[string][2]string{"own": {"Cancelled", "Rejected"}, "failed": {"Failed", "Failed"}} {
		w := dialecttest.New(t, wire, dialecttest.Options{Option: map[string]string{"unpaid": option}})
		w.Fund(w.A, "ETH", "10")
		first := post(w, payout("1", ""))
		w.Cancel(w.A, w.Newest(w.A).Seq)
		second := post(w, payout("3", ""))
		x := w.Release(w.A, w.Newest(w.A).Seq)
		w.Reject(w.A, x.Seq, "no")
		for n, made := range []exchange{first, second} {
			if got := (driver{}).Look(w, w.A, made.Answer); got.Word != words[n] {
				t.Errorf("%s: it is %s", option, got.Word)
			}
			c := (driver{}).Read(w, w.A, w.Callbacks(2)[n])
			if c.Word != words[n] || !strings.Contains(c.Body, `"isFinal":1,"isDebited":0`) {
				t.Errorf("%s: told %s", option, c.Body)
			}
		}
	}
}

func TestTylt6_OtherTypesOfJSON(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	w.Fund(w.A, "ETH", "10")
	for given, id := range map[string]string{`12345678901234567890`: "12345678901234567890", `7.50`: "7.50", `"x"`: "x"} {
		got := post(w, payout("1", `,"merchantOrderId":`+given))
		if got.Status != 200 || w.Newest(w.A).ForeignID != id {
			t.Errorf("%s: %d %s", given, got.Status, got.Body)
		}
		// The same id as a text is the same id.
		want(w, post(w, payout("1", `,"merchantOrderId":"`+id+`"`)), 400, no(1021, "merchantOrderId already exists"))
	}
	for given, kept := range map[string]string{
		`"payeeDetails":[]`: "", `"payeeDetails":{}`: "", `"payeeDetails":null`: "", `"payeeDetails":"Jo"`: `"tylt.payeeDetails":"Jo"`, `"payeeDetails":[{"a":1}]`: `"tylt.payeeDetails":"[{\"a\":1}]"`,
		`"customerName":7`: `"tylt.customerName":"7"`, `"comments":{"a":true}`: `"tylt.comments":"{\"a\":true}"`, `"customerName":false`: `"tylt.customerName":"false"`, `"comments":"\ud83d x\u0000y"`: `"tylt.comments":" xy"`,
		`"customerName":"` + strings.Repeat("ü", 150) + `"`: `"tylt.customerName":"` + strings.Repeat("ü", 100) + `"`, `"customerEmail":"a@b.c","redirectUrl":9`: `"tylt.redirectUrl":"9"`,
	} {
		got := post(w, payout("0.1", ","+given))
		if x := w.Newest(w.A); got.Status != 200 || !strings.Contains(x.Metadata, kept) || kept == "" && strings.Contains(x.Metadata, "payee") {
			t.Errorf("%s: %d %s, kept %s", given, got.Status, got.Body, x.Metadata)
		}
	}
	if got := post(w, payout("0.1", `,"callBackUrl":"www.shop.example/told"`)); got.Status != 200 || !strings.Contains(got.Body, `"callBackURL":"https://www.shop.example/told"`) {
		t.Errorf("a callback URL without a scheme: %d %s", got.Status, got.Body)
	}
	// Amounts and currencies stay strict.
	for _, more := range []string{`"baseCurrency":["ETH"]`, `"settledAmount":true`, `"tag":{}`} {
		if got := post(w, payout("0.1", ","+more)); got.Status != 400 {
			t.Errorf("%s: %d %s", more, got.Status, got.Body)
		}
	}
}

// Bounds of payouts, as this wire shows and says them.
func TestBoundsOfPayouts(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{Bend: func(d *intake.Intake) {
		eth := d.Assets["ETH"]
		eth.Limits = map[string]money.Limit{"ethereum": {Min: money.Of(1e16), Max: money.Of(2e18)}}
		d.Assets["ETH"] = eth
	}})
	w.Fund(w.A, "ETH", "10")
	if got := get(w, "getSupportedCryptoCurrenciesList", ""); !strings.Contains(got.Body, `"maximumWithdrawal":2,"minimumWithdrawal":0.01}`) {
		t.Errorf("%s", got.Body)
	}
	want(w, post(w, payout("0.0099", "")), 400, no(1012, "Amount below minimum"))
	want(w, post(w, payout("2.0001", "")), 400, no(1012, "Amount above maximum"))
	if got := post(w, payout("0.01", "")); got.Status != 200 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

// The callback that JavaScript can hold has no member that is not the vendor's.
func TestExactIsForNumbersThatLoseDigits(t *testing.T) {
	w := dialecttest.New(t, wire, dialecttest.Options{})
	w.Fund(w.A, "ETH", "1")
	got := post(w, payout("0.5", ""))
	var x struct{ Data map[string]any }
	w.Must(json.Unmarshal([]byte(got.Body), &x))
	for name := range x.Data {
		if strings.HasSuffix(name, "Exact") {
			t.Errorf("%s is there", name)
		}
	}
}
