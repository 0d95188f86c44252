package config

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// document is a TOML file on its way into a struct. What is wrong with it is told in words
// of our own, with line, key, value and what to write instead: those of the library speak
// of its own insides.
type document struct {
	problems *problems
	file     string
	lines    []string
	unknown  func(path string) string // what to say of a key that nobody knows, without its lists' numbers
	root     reflect.Type             // of what it goes into
}

// read decodes text into a struct. It tells everything that is wrong, and decodes nothing then.
func (d document) read(text []byte, into any) {
	d.lines, d.root = strings.Split(string(text), "\n"), reflect.TypeOf(into).Elem()
	var raw map[string]any
	err := toml.Unmarshal(text, &raw)
	var broken *toml.DecodeError
	switch {
	case errors.As(err, &broken):
		d.broken(broken)
		return
	case err != nil:
		d.problems.add(d.file, "cannot be read as TOML")
		return
	}
	before := len(*d.problems)
	d.table(raw, reflect.ValueOf(into).Elem(), "")
	if len(*d.problems) > before {
		return
	}
	if err := toml.Unmarshal(text, into); errors.As(err, &broken) { // a value that its own type refuses
		line, _ := broken.Position()
		d.problems.add(d.at(line, strings.Join(broken.Key(), ".")), "%s", strings.TrimPrefix(broken.Error(), "toml: "))
	} else if err != nil {
		d.problems.add(d.file, "%v", err)
	}
}

func (d document) at(line int, path string) string {
	where := fmt.Sprintf("%s:%d", d.file, line)
	if path != "" {
		where += ": " + path
	}
	return where
}

// bare finds a value that lacks its quotes, and what stands around it.
var bare = regexp.MustCompile(`^\s*([A-Za-z0-9_.-]+)\s*=\s*([^"'\[{#\s][^#]*?)\s*(#.*)?$`)

// broken tells what keeps a file from being TOML, in the order in which one looks at a line.
func (d document) broken(e *toml.DecodeError) {
	n, _ := e.Position()
	n = min(max(n, 1), len(d.lines))
	line := strings.TrimSpace(d.lines[n-1])
	table := d.tableOf(n)
	key, _, assigned := strings.Cut(line, "=")
	path := strings.TrimPrefix(table+"."+strings.TrimSpace(key), ".")
	first, _, blank := strings.Cut(strings.TrimSpace(key), " ")
	if (!assigned || first == "" || blank) && !strings.HasPrefix(line, "[") {
		d.problems.add(d.at(n, first), "cannot be read: a line is key = value, with strings in quotes")
		return
	}
	if !strings.HasPrefix(line, "[") && d.hides(path) {
		d.problems.add(d.at(n, path), "cannot be read: is a quote missing, or is the key there twice? (The value is not shown: it may be secret)")
		return
	}
	quotes := strings.Count(strings.ReplaceAll(line, `\"`, ""), `"`)
	value := bare.FindStringSubmatch(line)
	switch {
	case len(e.Key()) > 0 && strings.HasPrefix(line, "["):
		d.problems.add(d.at(n, strings.Join(e.Key(), ".")), "the table is there twice: put its keys together under one %s", line)
	case len(e.Key()) > 0 && assigned:
		d.problems.add(d.at(n, path), "is there twice, or has a value that no key can have: %s", line)
	case strings.HasPrefix(line, "["):
		d.problems.add(d.at(n, ""), "the brackets do not match: %s; a table is [name], one of a list [[name]]", line)
	case quotes%2 == 1:
		d.problems.add(d.at(n, path), "has no closing quote: %s", line)
	case value != nil && d.kindOf(path) == reflect.Bool:
		d.problems.add(d.at(n, path), "is %s: write true or false, without quotes", value[2])
	case value != nil && d.kindOf(path) == reflect.Int:
		d.problems.add(d.at(n, path), "is %s, and must be a whole number", value[2])
	case value != nil:
		d.problems.add(d.at(n, path), "is %s: a string needs quotes, %s = %q", value[2], value[1], value[2])
	case strings.Contains(line, "["):
		d.problems.add(d.at(n, path), "the list is not complete: write it like [\"a\", \"b\"], each string in quotes")
	default:
		d.problems.add(d.at(n, path), "has no value that can be read: %s", line)
	}
}

// numbers are those that a path has of its lists.
var numbers = regexp.MustCompile(`\[\d+\]`)

// leaf is the type of what a path names, nil for a key that nobody knows.
func (d document) leaf(path string) reflect.Type {
	t := d.root
	for name := range strings.SplitSeq(numbers.ReplaceAllString(path, ""), ".") {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct {
			t = t.Elem()
		}
		switch t.Kind() {
		case reflect.Map:
			t = t.Elem()
			continue
		case reflect.Struct:
		default:
			return nil
		}
		i := slices.IndexFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Tag.Get("toml") == name })
		if i < 0 {
			return nil
		}
		t = reflect.VisibleFields(t)[i].Type
	}
	return t
}

// kindOf is the kind of what a path names, for better advice.
func (d document) kindOf(path string) reflect.Kind {
	if t := d.leaf(path); t != nil {
		return t.Kind()
	}
	return reflect.Invalid
}

// hides tells whether the value of a path must not be shown: a secret, or what may be one.
func (d document) hides(path string) bool {
	t := d.leaf(path)
	return t == nil || t == reflect.TypeFor[Secret]()
}

// tableOf is the table that a line stands in, "" for the top.
func (d document) tableOf(line int) string {
	for n := min(line, len(d.lines)) - 1; n >= 0; n-- {
		if text := strings.TrimSpace(d.lines[n]); strings.HasPrefix(text, "[") && n != line-1 {
			name, _, _ := strings.Cut(strings.TrimLeft(text, "["), "]")
			return strings.TrimSpace(name)
		}
	}
	return ""
}

// table holds a table against the struct that it goes into.
func (d document) table(raw map[string]any, into reflect.Value, path string) {
	fields := map[string]reflect.Value{}
	for i := range into.NumField() {
		fields[into.Type().Field(i).Tag.Get("toml")] = into.Field(i)
	}
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		at := strings.TrimPrefix(path+"."+key, ".")
		f, known := fields[key]
		if !known {
			plain := numbers.ReplaceAllString(at, "")
			d.problems.add(d.at(d.lineOf(at), plain), "unknown key%s", d.unknown(plain))
			continue
		}
		d.value(raw[key], f, at)
	}
}

// value holds a value against what its key takes.
func (d document) value(raw any, into reflect.Value, path string) {
	if into.Kind() == reflect.Pointer {
		into = reflect.New(into.Type().Elem()).Elem()
	}
	_, asText := into.Addr().Interface().(encoding.TextUnmarshaler)
	switch {
	case asText || into.Kind() == reflect.String:
		if _, ok := raw.(string); !ok {
			d.noText(raw, into, path)
		}
	case into.Kind() == reflect.Struct:
		if t, ok := raw.(map[string]any); ok {
			d.table(t, into, path)
			return
		}
		d.wrong(path, "is %s, and must be a table: its keys stand under [%s]", d.written(raw, path), path)
	case into.Kind() == reflect.Slice && into.Type().Elem().Kind() == reflect.Struct:
		d.tables(raw, into, path)
	case into.Kind() == reflect.Slice:
		d.list(raw, into, path)
	case into.Kind() == reflect.Map:
		d.mapping(raw, into, path)
	case into.Kind() == reflect.Bool:
		if _, ok := raw.(bool); !ok {
			d.wrong(path, "is %s: write true or false, without quotes", d.written(raw, path))
		}
	default:
		d.number(raw, path)
	}
}

func (d document) wrong(path, format string, args ...any) {
	d.problems.add(d.at(d.lineOf(path), path), format, args...)
}

func (d document) noText(raw any, into reflect.Value, path string) {
	written := d.written(raw, path)
	switch raw.(type) {
	case map[string]any, []any, []map[string]any:
		d.wrong(path, "must be one string in quotes, and is %s", written)
	default:
		if _, span := into.Addr().Interface().(*Duration); span {
			d.wrong(path, "is %s: a duration is a string with its unit, like \"5s\" or \"1m30s\"", written)
			return
		}
		if d.hides(path) {
			d.wrong(path, "must be a string in quotes, like \"file:PATH\"")
			return
		}
		d.wrong(path, "is %s, and must be a string: write it in quotes, %q", written, strings.Trim(written, `'"`))
	}
}

func (d document) tables(raw any, into reflect.Value, path string) {
	var all []any
	switch x := raw.(type) {
	case []any:
		all = x
	case []map[string]any:
		for _, t := range x {
			all = append(all, t)
		}
	default:
		d.wrong(path, "is a list of tables: each begins with [[%s]], in double brackets", path)
		return
	}
	for n, x := range all {
		d.value(x, reflect.New(into.Type().Elem()).Elem(), fmt.Sprintf("%s[%d]", path, n))
	}
}

func (d document) list(raw any, into reflect.Value, path string) {
	all, ok := raw.([]any)
	if !ok {
		d.wrong(path, "is %s, and must be a list: write [%s]", d.written(raw, path), d.written(raw, path))
		return
	}
	for n, x := range all {
		d.value(x, reflect.New(into.Type().Elem()).Elem(), fmt.Sprintf("%s[%d]", path, n))
	}
}

func (d document) mapping(raw any, into reflect.Value, path string) {
	t, ok := raw.(map[string]any)
	if !ok {
		d.wrong(path, "is %s, and must be a table of strings, like { NAME = \"value\" }", d.written(raw, path))
		return
	}
	for _, key := range slices.Sorted(maps.Keys(t)) {
		d.value(t[key], reflect.New(into.Type().Elem()).Elem(), path+"."+key)
	}
}

func (d document) number(raw any, path string) {
	switch x := raw.(type) {
	case int64:
	case string:
		if _, err := strconv.ParseInt(x, 10, 64); err == nil {
			d.wrong(path, "is the string %q: write the number without quotes, %s", x, x)
			return
		}
		d.wrong(path, "is %q, and must be a whole number", x)
	default:
		d.wrong(path, "is %s, and must be a whole number", d.written(raw, path))
	}
}

// written is a value as it stands in the file; a secret is not shown.
func (d document) written(raw any, path string) string {
	if d.hides(path) {
		return "something else"
	}
	if n := d.lineOf(path); n > 0 {
		if _, v, ok := strings.Cut(d.lines[n-1], "="); ok {
			v, _, _ = strings.Cut(v, "#")
			if v = strings.TrimSpace(v); v != "" {
				return v
			}
		}
	}
	return fmt.Sprint(raw)
}

// lineOf finds the line on which a key is set; the line of its table if it stands within a
// value, and 1 at the worst.
func (d document) lineOf(path string) int {
	table, counts, best := "", map[string]int{}, 1
	for n, text := range d.lines {
		text = strings.TrimSpace(text)
		if strings.HasPrefix(text, "[") {
			name, _, _ := strings.Cut(strings.TrimLeft(text, "["), "]")
			table = strings.TrimSpace(name)
			if strings.HasPrefix(text, "[[") {
				counts[table]++
				table = fmt.Sprintf("%s[%d]", table, counts[table]-1)
			} else if parent, rest, ok := strings.Cut(table, "."); ok && counts[parent] > 0 { // [networks.coin]
				table = fmt.Sprintf("%s[%d].%s", parent, counts[parent]-1, rest)
			}
			if table == path || strings.HasPrefix(path, table+".") {
				best = n + 1
			}
			continue
		}
		key, _, ok := strings.Cut(text, "=")
		if !ok || strings.HasPrefix(text, "#") {
			continue
		}
		at := strings.TrimPrefix(table+"."+strings.TrimSpace(key), ".")
		if at == path || strings.HasPrefix(path, at+".") || strings.HasPrefix(path, at+"[") {
			return n + 1
		}
	}
	return best
}
