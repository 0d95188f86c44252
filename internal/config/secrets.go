package config

import (
	"fmt"
	"os"
	"reflect"
	"strings"
)

// vault reads what secrets name, and tells what is wrong with it.
type vault struct {
	problems *problems
	getenv   func(string) (string, bool)
	strict   bool      // what everybody can read is refused, where it opens or signs something
	warnings *[]string // for what is not
}

// read resolves one secret. material: it is or opens a key, so that who reads it has the money.
func (v vault) read(path string, s *Secret, material bool) {
	rule := readable(*s)
	if err := s.resolve(v.getenv); err != nil {
		v.problems.add(path, "%v", err)
		return
	}
	switch {
	case rule == "":
	case v.strict && material:
		v.problems.add(path, "%s", rule)
	default:
		*v.warnings = append(*v.warnings, path+": "+rule)
	}
}

// readable tells what is wrong with the mode of a file that holds a secret; "" for nothing.
func readable(s Secret) string {
	path, ok := strings.CutPrefix(s.text, "file:")
	if !ok {
		return ""
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o004 == 0 {
		return ""
	}
	return fmt.Sprintf("the file %s can be read by every user of this machine (mode %04o): run `chmod 600 %s`", path, info.Mode().Perm(), path)
}

// secrets reads what secrets name.
func (p *problems) secrets(c *Config, getenv func(string) (string, bool)) {
	v := vault{p, getenv, c.Mode == Live, &c.warnings}
	walk(reflect.ValueOf(c).Elem(), "", func(path string, _ reflect.StructField, f reflect.Value) {
		if s, ok := f.Addr().Interface().(*Secret); ok && !strings.Contains(path, "[]") {
			v.read(path, s, path != "database_url")
		}
	})
	for i := range c.Networks {
		v.read(fmt.Sprintf("networks[%d].url", i), &c.Networks[i].URL, false)
	}
	for i := range c.Banks {
		v.read(fmt.Sprintf("banks[%d].password", i), &c.Banks[i].Password, true)
		v.read(fmt.Sprintf("banks[%d].key", i), &c.Banks[i].Key, true)
	}
	for i := range c.Exchange.Sources {
		v.read(fmt.Sprintf("exchange.sources[%d].url", i), &c.Exchange.Sources[i].URL, false)
		v.read(fmt.Sprintf("exchange.sources[%d].header_value", i), &c.Exchange.Sources[i].HeaderValue, false)
	}
}
