package json_test

import (
	"bytes"
	std "encoding/json"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"sluice/internal/fault"
	"sluice/internal/json"
)

var strict = json.Policy{Depth: 8, Members: 64, Nodes: 1 << 16}

var bodies = []string{
	`{}`, `{"a":"b"}`, `{"a":{"b":[1,-2.5e+3,true,false,null,"x"]}}`, `{"a":"\u00e9\ud83d\ude00\n\/"}`, `{"a":1,"A":2}`, `{"a":1,"a":2}`,
	`{"a":"` + "\xff" + `"}`, `{"a":"\ud800"}`, `{"a":01}`, `{"a":.5}`, `[{}]`, ` {"a" : [ ] , "b":{ } } `, `{"a":"x"}x`, `{"a":-}`, `{"K":"x","` + "\u212a" + `":"y"}`,
	`{"account":"acc_1","amount":"12.5","destination":{"network":"ethereum","address":"0x1"},"metadata":{"k":"v"}}`, `{"amount":12.50}`,
}

// What Parse takes is JSON that means the same to the standard library, and its
// canonical form is a fixed point that means the same again.
func FuzzParse(f *testing.F) {
	for _, b := range bodies {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := json.Parse(body, strict)
		if err != nil {
			return
		}
		canonical := d.Root().Canonical(nil)
		var a, b any
		if err := decode(body, &a); err != nil {
			t.Fatalf("%q was taken, but %v", body, err)
		}
		if err := decode(canonical, &b); err != nil {
			t.Fatalf("canonical %q: %v", canonical, err)
		}
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("%q became %q", body, canonical)
		}
		again, err := json.Parse(canonical, strict)
		if err != nil {
			t.Fatalf("canonical %q was refused: %v", canonical, err)
		}
		if second := again.Root().Canonical(nil); !bytes.Equal(second, canonical) {
			t.Fatalf("canonical %q became %q", canonical, second)
		}
	})
}

func decode(b []byte, into *any) error {
	d := std.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(into)
}

// What AppendString writes, the standard library reads back.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a", "\"\\\n\r\t\b\f\x00\x1f\x7f", "é😀\u2028", "\xff\xfe", "a\xffb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := std.Unmarshal(json.AppendString(nil, s), &got); err != nil {
			t.Fatal(err)
		}
		if want := string([]rune(s)); got != want {
			t.Fatalf("%q became %q", s, got)
		}
	})
}

// A16: a name that appears twice, in any case, in any spelling, at any depth.
func TestA16NamesAppearOnce(t *testing.T) {
	for text, code := range map[string]string{
		`{"amount":"1.50","amount":"15.00"}`:        "duplicate_key",
		`{"amount":"1.50","Amount":"15.00"}`:        "ambiguous_key",
		`{"amount":"1.50","\u0061mount":"15.00"}`:   "duplicate_key",
		`{"k":1,"` + "\u212a" + `":2}`:              "ambiguous_key", // the sign of kelvin folds to k
		`{"is":1,"i` + "\u017f" + `":2}`:            "ambiguous_key", // the long s folds to s
		`{"a":{"iban":"x","iban":"y"}}`:             "duplicate_key",
		`{"a":[1,{"b":[{"iban":"x","IBAN":"y"}]}]}`: "ambiguous_key",
		`[{"a":1,"a":1}]`:                           "duplicate_key",
		`{"a":1,"b":{"a":2},"c":[{"a":3}]}`:         "",
	} {
		_, err := json.Parse([]byte(text), strict)
		if got := fault.CodeOf(err); err == nil != (code == "") || err != nil && got != code {
			t.Errorf("%s: %v, want %q", text, err, code)
		}
	}
}

func TestLimits(t *testing.T) {
	small := json.Policy{Depth: 2, Members: 2, Nodes: 6}
	for text, good := range map[string]bool{
		`{"a":{"b":1}}`: true, `{"a":{"b":[1]}}`: false, `{"a":1,"b":2}`: true, `{"a":1,"b":2,"c":3}`: false, `[1,2,3,4,5]`: true, `[1,2,3,4,5,6]`: false,
	} {
		if _, err := json.Parse([]byte(text), small); err == nil != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// What is no character ends the parsing, or is replaced.
func TestHalfCharacters(t *testing.T) {
	loose := strict
	loose.Replace = true
	for text, want := range map[string]string{
		`"\ud83d"`: "\ufffd", `"a\u0000b"`: "a\ufffdb", `"\ud83d\u0041"`: "\ufffdA", `"\ud83d\ud83d\ude00"`: "\ufffd😀", `"\ude00x"`: "\ufffdx",
	} {
		if _, err := json.Parse([]byte(text), strict); fault.CodeOf(err) != "malformed_json" {
			t.Errorf("strict: %s: %v", text, err)
		}
		d, err := json.Parse([]byte(text), loose)
		if err != nil || d.Root().Text() != want {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestValues(t *testing.T) {
	d, err := json.Parse([]byte(`{"b": 1.50, "a": "x", "n": null, "o": {"z": [1, 2], "y": true}}`), strict)
	if err != nil {
		t.Fatal(err)
	}
	v := d.Root()
	if s, ok := v.Get("b").Scalar(); s != "1.50" || !ok {
		t.Errorf("a number is %q", s)
	}
	if n := v.Get("n"); n.Exists() || n.Kind() != json.Null {
		t.Errorf("null is %q", n.Kind())
	}
	if n := v.Get("none"); n.Exists() || n.Kind() != "" || n.Len() != 0 || n.Get("x").Exists() {
		t.Error("a member that does not exist does")
	}
	if _, ok := v.Get("o").Scalar(); ok {
		t.Error("an object is a scalar")
	}
	var unread []string
	for name := range v.Unread() {
		unread = append(unread, name)
	}
	if got := strings.Join(unread, " "); got != "a" {
		t.Errorf("unread: %s", got)
	}
	if got := string(v.Append(nil)); got != `{"b":1.50,"a":"x","n":null,"o":{"z":[1,2],"y":true}}` {
		t.Errorf("in order: %s", got)
	}
	if got := string(v.Canonical(nil)); got != `{"a":"x","b":1.50,"n":null,"o":{"y":true,"z":[1,2]}}` {
		t.Errorf("canonical: %s", got)
	}
}

func TestWriter(t *testing.T) {
	w := &json.Writer{}
	w.Open().Text("t", "a\"/<é").Maybe("m", "").Int("n", -3).Raw("r", "1e-7").Key("l").List().Open().Close().Open().Text("x", "").Close().End().Key("o").Open().Close().Close()
	if got := string(w.Bytes()); got != `{"t":"a\"/<é","m":null,"n":-3,"r":1e-7,"l":[{},{"x":""}],"o":{}}` {
		t.Error(got)
	}
}

// JavaScript writes a string the same way.
func TestStringsAreThoseOfJavaScript(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	var text []byte
	for c := range rune(0x180) {
		text = append(text, string(c)...)
	}
	text = json.AppendString(nil, string(text)+"\u2028\u2029\ufeff😀")
	cmd := exec.CommandContext(t.Context(), node, "-e", `const t = require('fs').readFileSync(0, 'utf8'); if (JSON.stringify(JSON.parse(t)) !== t) process.exit(1)`)
	cmd.Stdin = bytes.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("JavaScript writes it another way: %v %s", err, out)
	}
}
