package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// withValues adds to each rule the value that breaks it, where the rule does not name it. It
// leaves secrets out.
func (p problems) withValues(c *Config) problems {
	for n, f := range p {
		v, ok := valueAt(reflect.ValueOf(c).Elem(), f.Path)
		if !ok {
			continue
		}
		text := fmt.Sprint(v.Interface())
		switch v.Kind() {
		case reflect.String:
			if text == "" {
				text = "empty"
			} else {
				text = strconv.Quote(text)
			}
		case reflect.Int, reflect.Bool:
		default:
			continue
		}
		if !strings.Contains(f.Rule, strings.Trim(text, `"`)) {
			p[n].Rule += "; it is " + text
		}
	}
	return p
}

var pathStep = regexp.MustCompile(`^([^\[]+)(?:\[(\d+)\])?$`)

// valueAt finds the value that a path names, like networks[0].tokens.USDT.
func valueAt(v reflect.Value, path string) (reflect.Value, bool) {
	name, rest, more := strings.Cut(path, ".")
	m := pathStep.FindStringSubmatch(name)
	if m == nil {
		return v, false
	}
	switch v.Kind() {
	case reflect.Map:
		v = v.MapIndex(reflect.ValueOf(path)) // keys may hold dots
		return v, v.IsValid()
	case reflect.Struct:
		found := false
		for i := range v.NumField() {
			if !found && v.Type().Field(i).Tag.Get("toml") == m[1] {
				v, found = v.Field(i), true
				break
			}
		}
		if !found {
			return v, false
		}
	default:
		return v, false
	}
	if m[2] != "" {
		n, err := strconv.Atoi(m[2])
		if err != nil || v.Kind() != reflect.Slice || n >= v.Len() {
			return v, false
		}
		v = v.Index(n)
	}
	if more {
		return valueAt(v, rest)
	}
	_, secret := v.Interface().(Secret)
	return v, !secret
}
