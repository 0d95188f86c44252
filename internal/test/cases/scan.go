package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	named    = regexp.MustCompile(`^(?:Test)?Case(\d{2})(?:\D|$)`)
	remarked = regexp.MustCompile(`\bcase-(\d{2})\b`)
	runnable = regexp.MustCompile(`^(?:Test|Fuzz)[^a-z]`)
)

// scan finds the tests of every case in the Go sources below internal. A test reads
// "ledger: TestCase04_Total".
func scan(module fs.FS) (map[int][]string, error) {
	found := map[int][]string{}
	err := fs.WalkDir(module, "internal", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		switch {
		case entry.IsDir() && (entry.Name() == "testdata" || name == "internal/test/cases"):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		case !strings.HasSuffix(name, "_test.go") && !strings.HasSuffix(dir, "test"):
			return nil // product code proves nothing
		}
		source, err := fs.ReadFile(module, name)
		if err != nil {
			return err
		}
		f := file{set: token.NewFileSet(), place: strings.TrimPrefix(dir, "internal/"), found: found}
		if f.tree, err = parser.ParseFile(f.set, name, source, parser.ParseComments|parser.SkipObjectResolution); err != nil {
			return err
		}
		return f.scan()
	})
	for number, tests := range found {
		slices.Sort(tests)
		found[number] = slices.Compact(tests)
	}
	return found, err
}

// file is one source file.
type file struct {
	set   *token.FileSet
	tree  *ast.File
	place string
	found map[int][]string
}

func (f *file) line(p token.Pos) int { return f.set.Position(p).Line }

func (f *file) add(digits, test string) {
	n, _ := strconv.Atoi(digits) // two digits
	f.found[n] = append(f.found[n], f.place+": "+test)
}

func (f *file) scan() error {
	names := map[int]string{} // the first string of each line
	for _, d := range f.tree.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if ok && fn.Recv == nil {
			if m := named.FindStringSubmatch(fn.Name.Name); m != nil && runnable.MatchString(fn.Name.Name) {
				f.add(m[1], fn.Name.Name)
			}
		}
		ast.Inspect(d, func(n ast.Node) bool {
			literal, isLiteral := n.(*ast.BasicLit)
			if !isLiteral || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				return true
			}
			if line := f.line(literal.Pos()); names[line] == "" {
				names[line] = text
			}
			if m := named.FindStringSubmatch(text); m != nil {
				f.add(m[1], f.in(literal.Pos())+text)
			}
			return true
		})
	}
	for _, group := range f.tree.Comments {
		for _, c := range group.List {
			for _, m := range remarked.FindAllStringSubmatch(c.Text, -1) {
				test := names[f.line(c.Pos())]
				if test == "" {
					test = f.function(c.Pos())
				} else {
					test = f.in(c.Pos()) + test
				}
				if test == "" {
					return fmt.Errorf("%s: case-%s is neither at a test nor at the name of one", f.set.Position(c.Pos()), m[1])
				}
				f.add(m[1], test)
			}
		}
	}
	return nil
}

// function is the test function that a position is in or documents, "" for none.
func (f *file) function(p token.Pos) string {
	for _, d := range f.tree.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || !runnable.MatchString(fn.Name.Name) {
			continue
		}
		from := fn.Pos()
		if fn.Doc != nil {
			from = fn.Doc.Pos()
		}
		if from <= p && p <= fn.End() {
			return fn.Name.Name
		}
	}
	return ""
}

// in is what stands before the name of a subtest: its test function, if it is in one.
func (f *file) in(p token.Pos) string {
	if name := f.function(p); name != "" {
		return name + "/"
	}
	return ""
}
