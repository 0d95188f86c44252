package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Key describes one thing that can be set.
type Key struct {
	Path string // as in the file: commit.batch_max
	Env  string // SLUICE_COMMIT_BATCH_MAX; "" for what is in a list
	Doc  string
	Type string // for people: text, number, true or false, duration, secret
	// Default of live mode as the file writes it; "" for what is in a list.
	Default string
}

// Keys lists every key, in the order in which the struct has them. Keys of lists
// are written assets[].code.
func Keys() []Key {
	var out []Key
	c := Default(Live)
	walk(reflect.ValueOf(&c).Elem(), "", func(path string, f reflect.StructField, v reflect.Value) {
		k := Key{Path: path, Doc: f.Tag.Get("doc"), Type: typeName(v)}
		if !strings.Contains(path, "[]") {
			k.Env, k.Default = envName(path), tomlValue(v)
		}
		out = append(out, k)
	})
	return out
}

// envPrefix begins every variable of ours.
const envPrefix = "SLUICE_"

func envName(path string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// walk calls fn with every leaf. Lists of tables are walked once, as an empty
// element, so that their keys are known.
func walk(v reflect.Value, prefix string, fn func(string, reflect.StructField, reflect.Value)) {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		path, fv := prefix+f.Tag.Get("toml"), v.Field(i)
		switch {
		case isLeaf(fv):
			fn(path, f, fv)
		case fv.Kind() == reflect.Slice:
			walk(reflect.New(fv.Type().Elem()).Elem(), path+"[].", fn)
		default:
			walk(fv, path+".", fn)
		}
	}
}

func isLeaf(v reflect.Value) bool {
	if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return true
	}
	switch v.Kind() {
	case reflect.Struct:
		return false
	case reflect.Slice:
		return v.Type().Elem().Kind() != reflect.Struct
	default:
		return true
	}
}

func typeName(v reflect.Value) string {
	switch v.Addr().Interface().(type) {
	case *Secret:
		return "secret"
	case *Duration:
		return "duration"
	}
	switch v.Kind() {
	case reflect.Int:
		return "number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "list of texts"
	case reflect.Map:
		return "table"
	default:
		return "text"
	}
}

// find gives the leaf with a path that is in no list.
func (c *Config) find(path string) (reflect.Value, bool) {
	var found reflect.Value
	walk(reflect.ValueOf(c).Elem(), "", func(p string, _ reflect.StructField, v reflect.Value) {
		if p == path && !strings.Contains(p, "[]") {
			found = v
		}
	})
	return found, found.IsValid()
}

// put reads a text into a leaf.
func put(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is no whole number", text)
		}
		v.SetInt(int64(n))
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		v.SetBool(b)
	case reflect.Slice:
		v.Set(reflect.ValueOf(strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })))
	default:
		return fmt.Errorf("only the file can set this")
	}
	return nil
}

// nearest gives the candidate that is the fewest edits away, "" when none is close.
func nearest(name string, candidates []string) string {
	best, bestAt := "", max(2, len(name)/3)+1
	for _, c := range candidates {
		if d := distance(name, c); d < bestAt {
			best, bestAt = c, d
		}
	}
	return best
}

// distance is Levenshtein's, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d++
			}
			diagonal = row[j+1]
			row[j+1] = min(d, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
