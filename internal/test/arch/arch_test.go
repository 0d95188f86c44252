// Package arch_test holds the rules of the tree that no compiler checks: which
// package may import which, and how files look. It has no product code.
package arch_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "sluice"

// pkg is what the rules need of `go list -json`.
type pkg struct {
	ImportPath string
	Doc        string
	GoFiles    []string
	Imports    []string
}

// name is the path below the module, as the tables of rules write it.
func (p pkg) name() string { return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/") }

// files are the product sources, relative to the module root.
func (p pkg) files() []string {
	var out []string
	for _, f := range p.GoFiles {
		out = append(out, path.Join(p.name(), f))
	}
	return out
}

func TestImportsFollowTheFloors(t *testing.T) {
	for _, problem := range draw(floors).floorProblems(listPackages(t)) {
		t.Error(problem)
	}
}

func TestRulesNameWhatExists(t *testing.T) {
	tree := listPackages(t)
	var files []string
	for _, p := range tree {
		files = append(files, p.files()...)
	}
	for _, problem := range draw(floors).nameProblems(tree, files) {
		t.Error(problem)
	}
}

func TestCoreKnowsNoOutsideWorld(t *testing.T) {
	for _, problem := range coreProblems(listPackages(t)) {
		t.Error(problem)
	}
}

func TestTestSupportIsImportedByTestsOnly(t *testing.T) {
	for _, problem := range testSupportProblems(listPackages(t)) {
		t.Error(problem)
	}
}

// case-52: no stand-in for a bank or a chain can be left on.
func TestProductionLinksNoNodeAndNoSimulator(t *testing.T) {
	out := goList(t, "-deps", "./"+production)
	for _, problem := range linkProblems(strings.Fields(out)) {
		t.Error(problem)
	}
}

// TestRulesCatchViolations feeds each rule a tree that breaks it: a rule that
// accepts everything looks exactly like a clean tree.
func TestRulesCatchViolations(t *testing.T) {
	one := func(name string, imports ...string) []pkg {
		for i, p := range imports {
			imports[i] = strings.Replace(p, "~", module+"/internal", 1)
		}
		return []pkg{{ImportPath: module + "/" + name, GoFiles: []string{"x.go"}, Imports: imports}}
	}
	floorProblems := draw(floors).floorProblems
	cases := []struct {
		name string
		rule func([]pkg) []string
		tree []pkg
		want string // part of the one problem, "" for none
	}{
		{"lower floor", floorProblems, one("internal/ledger", "~/money", "~/commit"), ""},
		{"own parent", floorProblems, one("internal/demo/devnet", "~/demo"), ""},
		{"before it on an ordered floor", floorProblems, one("internal/ledger/account", "~/ledger"), ""},
		{"behind it on an ordered floor", floorProblems, one("internal/ledger", "~/ledger/account"), "internal/ledger (books) imports internal/ledger/account (books)"},
		{"beside it on a floor that is not", floorProblems, one("internal/payout", "~/payout/due"), "internal/payout (paying) imports internal/payout/due (paying)"},
		{"higher floor", floorProblems, one("internal/money", "~/ledger"), "internal/money (words) imports internal/ledger (books)"},
		{"adapter knows adapter", floorProblems, one("internal/rail/evm", "~/store"), "internal/rail/evm (adapters) imports internal/store (adapters)"},
		{"siblings below one entry", floorProblems, one("internal/rail/evm", "~/rail/utxo"), "internal/rail/evm (adapters) imports internal/rail/utxo (adapters)"},
		{"a line of its own", floorProblems, one("internal/ledger", "~/signer/approval"), ""},
		{"below an entry", floorProblems, one("internal/ledger", "~/signer/newkms"), "internal/signer/newkms (adapters)"},
		{"new package", floorProblems, one("internal/util"), "internal/util has no floor"},
		{"test-only package with code", floorProblems, one("internal/test/arch"), "internal/test/arch has product code"},
		{"HTTP in the core", coreProblems, one("internal/webhook", "net/http"), "imports net/http"},
		{"HTTP tree in the core", coreProblems, one("internal/webhook", "net/http/httptrace"), "imports net/http/httptrace"},
		{"SQL in the core", coreProblems, one("internal/commit", "database/sql"), "imports database/sql"},
		{"chain library in the core", coreProblems, one("internal/rail", geth+"common"), "imports " + geth + "common"},
		{"pure helpers in the core", coreProblems, one("internal/webhook", "crypto/hmac", "net/netip", "net/url"), ""},
		{"HTTP in an adapter", coreProblems, one("internal/api", "net/http"), ""},
		{"product imports test support", testSupportProblems, one("internal/app", "~/store/storetest"), "imports internal/store/storetest"},
		{"test support imports test support", testSupportProblems, one("internal/store/storetest", "~/store/pgtest"), ""},
		{"node", asLinked, one("x", geth+"node"), geth + "node"},
		{"chain backend", asLinked, one("x", geth+"eth/ethconfig"), geth + "eth/ethconfig"},
		{"simulated chain", asLinked, one("x", geth+"ethclient/simulated"), "simulated"},
		{"devnet", asLinked, one("x", "~/demo/devnet"), "internal/demo/devnet"},
		{"stand-in node", asLinked, one("x", "~/test/tronnode/wire"), "internal/test/tronnode/wire"},
		{"test framework", asLinked, one("x", "testing"), "testing"},
		{"client library", asLinked, one("x", geth+"ethclient", geth+"core/types", geth+"p2p/netutil"), ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := c.rule(c.tree)
			switch {
			case c.want == "" && len(got) > 0:
				t.Errorf("got %q, want no problem", got)
			case c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)):
				t.Errorf("got %q, want one problem with %q", got, c.want)
			}
		})
	}
}

// TestNamesCatchViolations gives the tables names of what is not there.
func TestNamesCatchViolations(t *testing.T) {
	tree := listPackages(t)
	var files []string
	for _, p := range tree {
		files = append(files, p.files()...)
	}
	p := draw(append(slices.Clone(floors), floor{"attic", ordered, "ledger/old util/*"}))
	if got := p.nameProblems(tree, files); len(got) != 2 || !strings.HasPrefix(got[0], "internal/ledger/old does not exist") || !strings.HasPrefix(got[1], "internal/util/* does not exist") {
		t.Errorf("%q", got)
	}
	without := slices.DeleteFunc(slices.Clone(files), func(f string) bool { return strings.HasPrefix(f, "internal/bench/") })
	if got := draw(floors).nameProblems(tree, without); len(got) != 1 || !strings.HasPrefix(got[0], "internal/bench/ does not exist: take it out of floats") {
		t.Errorf("%q", got)
	}
}

func coreProblems(tree []pkg) []string {
	var problems []string
	for _, p := range tree {
		if !draw(floors).inCore(p.name()) {
			continue
		}
		for _, imported := range p.Imports {
			if matches(imported, notInCore) {
				problems = append(problems, p.name()+" imports "+imported+", which belongs to adapters")
			}
		}
	}
	return problems
}

func testSupportProblems(tree []pkg) []string {
	var problems []string
	for _, p := range tree {
		if isTestSupport(p.name()) {
			continue
		}
		for _, imported := range p.Imports { // imports of _test.go files are not among these
			if name, ours := strings.CutPrefix(imported, module+"/"); ours && isTestSupport(name) {
				problems = append(problems, p.name()+" imports "+name+" outside its tests")
			}
		}
	}
	return problems
}

func linkProblems(deps []string) []string {
	var problems []string
	for _, dep := range deps {
		if matches(dep, notInProduction) {
			problems = append(problems, production+" links "+dep)
		}
	}
	return problems
}

// asLinked applies the link rule to the imports of a single made-up package.
func asLinked(tree []pkg) []string { return linkProblems(tree[0].Imports) }

// isTestSupport recognizes storetest, railtest, pgtest and their kind, and what is below
// internal/test.
func isTestSupport(name string) bool {
	return strings.HasPrefix(name, "internal/") && strings.HasSuffix(name, "test") || strings.HasPrefix(name, "internal/test/")
}

// matches says whether path is in list, where an entry with a trailing slash
// stands for everything below it.
func matches(path string, list []string) bool {
	return slices.ContainsFunc(list, func(entry string) bool {
		return path == entry || (strings.HasSuffix(entry, "/") && strings.HasPrefix(path, entry))
	})
}

// listPackages returns every package of the module. -e keeps going over a
// package that does not compile: that is for the compiler to report.
func listPackages(t *testing.T) []pkg {
	t.Helper()
	var tree []pkg
	decoder := json.NewDecoder(strings.NewReader(goList(t, "-e", "-json=ImportPath,Doc,GoFiles,Imports", "./...")))
	for {
		var p pkg
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return tree
		}
		if err != nil {
			t.Fatal(err)
		}
		tree = append(tree, p)
	}
}

func goList(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	cmd.Dir = moduleRoot(t)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, stderr.String())
	}
	return string(out)
}

// moduleRoot is two levels up: go test runs in the package's directory.
func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	return root
}
