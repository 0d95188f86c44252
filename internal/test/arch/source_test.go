package arch_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestMoneyIsNoFloat: packages that know money have no floats, whatever they are called.
func TestMoneyIsNoFloat(t *testing.T) {
	eachSource(t, func(p pkg, name string, text []byte) []string {
		if p.name() != "internal/money" && !slices.Contains(p.Imports, module+"/internal/money") || exempt(name, floats) {
			return nil
		}
		return floatProblems(name, text)
	})
}

// TestCoreHasNoClock: commands take the time from their view, everything else of the core
// from an argument.
func TestCoreHasNoClock(t *testing.T) {
	p := draw(floors)
	eachSource(t, func(k pkg, name string, text []byte) []string {
		if !p.inCore(k.name()) || exempt(name, clocks) {
			return nil
		}
		return clockProblems(name, text)
	})
}

func TestSourceRulesCatchViolations(t *testing.T) {
	for _, c := range []struct {
		name  string
		rule  func(string, []byte) []string
		text  string
		wants []string // the lines of the problems
	}{
		{"a type", floatProblems, "var x float64\nvar y []float32", []string{"3", "4"}},
		{"a constant", floatProblems, "var x = 0.5\nvar y = 1e3", []string{"3", "4"}},
		{"a conversion", floatProblems, "func f() { g(strconv.ParseFloat(s, 64)); n.Float64(); big.NewFloat(x) }", []string{"3", "3", "3"}},
		{"a large float", floatProblems, "var x *big.Float", []string{"3"}},
		{"whole numbers", floatProblems, "var x = 15 // 0.5 float64\nvar y = \"0.5\"\nvar z = 0x1e3", nil},
		{"a clock", clockProblems, "import \"time\"\n\nfunc f() { time.Now(); time.Since(x); time.Until(x) }", []string{"5", "5", "5"}},
		{"handed on", clockProblems, "import \"time\"\n\nvar now = time.Now", []string{"5"}},
		{"another name", clockProblems, "import clock \"time\"\n\nvar now = clock.Now", []string{"5"}},
		{"somebody else's", clockProblems, "import \"time\"\n\nvar d = 2 * time.Second\n\nfunc f() { v.Now() }", nil},
		{"no clock", clockProblems, "func f() { time.Now() }", nil},
	} {
		got := c.rule("a.go", []byte("package a\n\n"+c.text+"\n"))
		ok := len(got) == len(c.wants)
		for i := range min(len(got), len(c.wants)) {
			ok = ok && strings.HasPrefix(got[i], "a.go:"+c.wants[i]+":")
		}
		if !ok {
			t.Errorf("%s: %q, want lines %v", c.name, got, c.wants)
		}
	}
}

// floatWords are names that stand for floats, or for what makes one.
var floatWords = []string{"float32", "float64", "Float", "NewFloat", "ParseFloat", "FormatFloat", "AppendFloat", "Float32", "Float64"}

func floatProblems(name string, text []byte) []string {
	return problemsIn(name, text, func(_ *ast.File, n ast.Node) string {
		switch x := n.(type) {
		case *ast.Ident:
			if slices.Contains(floatWords, x.Name) {
				return x.Name + ": money is money.Amount, rates are fractions"
			}
		case *ast.BasicLit:
			if x.Kind == token.FLOAT {
				return x.Value + ": money is money.Amount, rates are fractions"
			}
		}
		return ""
	})
}

func clockProblems(name string, text []byte) []string {
	return problemsIn(name, text, func(file *ast.File, n ast.Node) string {
		s, ok := n.(*ast.SelectorExpr)
		if !ok || !slices.Contains([]string{"Now", "Since", "Until"}, s.Sel.Name) {
			return ""
		}
		if x, ok := s.X.(*ast.Ident); ok && x.Name == importedAs(file, "time") {
			return x.Name + "." + s.Sel.Name + ": the core takes the time from its view or from an argument"
		}
		return ""
	})
}

// problemsIn collects what a rule says about the nodes of a file, "" for nothing.
func problemsIn(name string, text []byte, rule func(*ast.File, ast.Node) string) []string {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil // for the compiler to report
	}
	var problems []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		if n == nil {
			return false
		}
		if problem := rule(parsed, n); problem != "" {
			problems = append(problems, fmt.Sprintf("%s: %s", files.Position(n.Pos()), problem))
		}
		return true
	})
	return problems
}

// importedAs is the name of a package of the standard library in a file, "" where it is
// not imported.
func importedAs(file *ast.File, pkg string) string {
	for _, spec := range file.Imports {
		if imported, _ := strconv.Unquote(spec.Path.Value); imported != pkg {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return pkg
	}
	return ""
}

// exempt reports whether a table of exemptions names a file or its package.
func exempt(name string, table map[string]string) bool {
	for entry := range table {
		if matches(name, []string{entry}) {
			return true
		}
	}
	return false
}

// eachSource applies a rule to the product code of every package; names are relative to
// the module root. Test support is no product code.
func eachSource(t *testing.T, rule func(p pkg, name string, text []byte) []string) {
	t.Helper()
	root := moduleRoot(t)
	for _, p := range listPackages(t) {
		if isTestSupport(p.name()) {
			continue
		}
		for _, name := range p.files() {
			text, err := os.ReadFile(filepath.Join(root, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, problem := range rule(p, name, text) {
				t.Error(problem)
			}
		}
	}
}
