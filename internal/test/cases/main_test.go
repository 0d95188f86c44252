package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// Every number has its proof, in the sources of this module.
func TestEveryCaseIsProved(t *testing.T) {
	found, err := scan(os.DirFS("../../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems(table, found) {
		t.Error(p)
	}
	if len(table) != 61 {
		t.Errorf("%d rows", len(table))
	}
}

func TestScan(t *testing.T) {
	sources := map[string]string{
		"internal/a/a_test.go": `
// case-02: and more.
func TestOne(t *testing.T) {}
func TestCase03_Two(t *testing.T) {
	t.Run("Case04 three", f)
	t.Run("four", f) // case-05
	// case-06, case-07
}
func TestCase8(t *testing.T) {}
func helper() { x("Cases99", "no Case98", "case 98") }`,
		"internal/b/btest/suite.go": `func run() { t.Run("Case10_"+asset, f) }
var table = []any{
	{"five", f}, // case-11
}`,
		"internal/b/b.go":                `// case-12 in product code proves nothing: "Case12"`,
		"internal/b/testdata/x_test.go":  `func TestCase13(t *testing.T) {}`,
		"internal/b/c_test.go":           `func (s suite) TestCase14() {}`,
		"internal/test/cases/y_test.go":  `func TestCase15(t *testing.T) {}`,
		"internal/b/notes.md":            `case-16`,
		"internal/b/twice_test.go":       "func TestCase17(t *testing.T) { t.Run(\"Case17\", f) }\n// case-17\nfunc TestAgain(t *testing.T) {}",
		"internal/b/btest/names_test.go": "func FuzzCase18(f *testing.F) {}\n\n// case-18\nfunc FuzzOther(f *testing.F) {}",
	}
	found, err := scan(tree(sources))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range slices.Sorted(maps.Keys(found)) {
		got = append(got, fmt.Sprintf("%d %s", n, strings.Join(found[n], ", ")))
	}
	want := []string{
		"2 a: TestOne", "3 a: TestCase03_Two", "4 a: TestCase03_Two/Case04 three", "5 a: TestCase03_Two/four", "6 a: TestCase03_Two", "7 a: TestCase03_Two",
		"10 b/btest: Case10_", "11 b/btest: five", "17 b: TestAgain, b: TestCase17, b: TestCase17/Case17", "18 b/btest: FuzzOther",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	sources["internal/a/lost_test.go"] = "// case-20\nfunc helper() {}"
	if _, err := scan(tree(sources)); err == nil || !strings.Contains(err.Error(), "lost_test.go:3:1: case-20") {
		t.Errorf("a mark at no test: %v", err)
	}
}

func TestProblems(t *testing.T) {
	full := []incident{{1, "there", "here", "", ""}, {2, "there", "here", "", "why"}}
	for name, c := range map[string]struct {
		table []incident
		found map[int][]string
		want  string
	}{
		"none":              {full, map[int][]string{1: {"a"}}, ""},
		"no test":           {full, nil, "case 1 has no test"},
		"open, and no test": {[]incident{{1, "there", "here", "more", ""}}, nil, "case 1 has no test"},
		"test and excuse":   {full, map[int][]string{1: {"a"}, 2: {"b"}}, "case 2 has a test (b)"},
		"no such number":    {full, map[int][]string{1: {"a"}, 62: {"b"}}, "case 62 is in no row"},
		"a number is gone":  {full[1:], nil, "case 2 stands in row 1"},
		"says nothing":      {[]incident{{1, "there", "", "", ""}}, map[int][]string{1: {"a"}}, "case 1 says nothing"},
	} {
		got := strings.Join(problems(c.table, c.found), "\n")
		if (c.want == "") != (got == "") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func tree(sources map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range sources {
		out[name] = &fstest.MapFile{Data: []byte("package p\n\n" + text + "\n")}
	}
	return out
}
