package arch_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// place is where a package stands: on which floor, and at which entry of it.
type place struct{ floor, entry int }

// plan is the table of floors, ready to look packages up.
type plan struct {
	floors []floor
	at     map[string]place
}

func draw(floors []floor) plan {
	p := plan{floors, map[string]place{}}
	for n, f := range floors {
		for i, name := range strings.Fields(f.packages) {
			p.at[full(name)] = place{n, i}
		}
	}
	return p
}

// full is a name of the table below the module.
func full(name string) string {
	if rest, top := strings.CutPrefix(name, "/"); top {
		return rest
	}
	return "internal/" + name
}

// find returns the entry of the table that a package stands under: its own name, or the
// deepest /* above it.
func (p plan) find(name string) (entry string, ok bool) {
	if _, ok := p.at[name]; ok {
		return name, true
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, ok := p.at[dir+"/*"]; ok {
			return dir + "/*", true
		}
	}
	return "", false
}

// above reports whether a package on floor a may import one at b.
func (p plan) above(a, b place) bool {
	return b.floor < a.floor || b.floor == a.floor && p.floors[a.floor].order == ordered && b.entry < a.entry
}

func (p plan) describe(name string) string {
	entry, _ := p.find(name)
	return fmt.Sprintf("%s (%s)", name, p.floors[p.at[entry].floor].name)
}

// floorProblems reports imports that go up or sideways, and packages without a floor.
func (p plan) floorProblems(tree []pkg) []string {
	var problems []string
	for _, k := range tree {
		name := k.name()
		if slices.Contains(testOnly, name) {
			if len(k.GoFiles) > 0 {
				problems = append(problems, name+" has product code: give it a floor")
			}
			continue
		}
		entry, known := p.find(name)
		if !known {
			problems = append(problems, name+" has no floor: add it to internal/test/arch/floors_test.go")
			continue
		}
		for _, imported := range k.Imports {
			other, ours := strings.CutPrefix(imported, module+"/")
			if !ours || other == path.Dir(name) {
				continue
			}
			// A package without a floor is reported for itself.
			if under, known := p.find(other); known && !p.above(p.at[entry], p.at[under]) {
				problems = append(problems, p.describe(name)+" imports "+p.describe(other)+": only lower floors, its own parent, and what stands before it on an ordered floor")
			}
		}
	}
	return problems
}

// inCore reports whether a package stands on one of the lower floors.
func (p plan) inCore(name string) bool {
	entry, known := p.find(name)
	return known && p.at[entry].floor < core
}

// nameProblems reports names in the tables of rules that name nothing.
func (p plan) nameProblems(tree []pkg, files []string) []string {
	used := map[string]bool{}
	var names []string
	for _, k := range tree {
		names = append(names, k.name())
		if entry, ok := p.find(k.name()); ok {
			used[entry] = true
		}
	}
	var problems []string
	missing := func(name, table string) {
		problems = append(problems, name+" does not exist: take it out of "+table)
	}
	for entry := range p.at {
		if !used[entry] {
			missing(entry, "floors")
		}
	}
	for _, name := range append(slices.Clone(testOnly), production) {
		if !slices.Contains(names, name) {
			missing(name, "testOnly or production")
		}
	}
	for _, entry := range notInProduction {
		name, ours := strings.CutPrefix(entry, module+"/")
		if ours && !slices.ContainsFunc(names, func(n string) bool { return matches(n, []string{name}) }) {
			missing(name, "notInProduction")
		}
	}
	for table, exempt := range map[string]map[string]string{"clocks": clocks, "floats": floats} {
		for name := range exempt {
			if !slices.ContainsFunc(files, func(f string) bool { return matches(f, []string{name}) }) {
				missing(name, table)
			}
		}
	}
	slices.Sort(problems)
	return problems
}
