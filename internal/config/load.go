package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"sluice/internal/fault"
)

// DefaultFile is read when it exists and no other file is named.
const DefaultFile = "sluice.toml"

// EnvFile names the variable that names the file.
const EnvFile = "SLUICE_CONFIG"

// EnvAPIKey names the variable with the key of commands that ask a server.
const EnvAPIKey = "SLUICE_API_KEY" //nolint:gosec // a name, no key

// Source is where the layers come from.
type Source struct {
	// File is the path of a TOML file. "": the one that SLUICE_CONFIG names, else
	// DefaultFile if it exists.
	File string
	// Environ is the environment, as os.Environ gives it.
	Environ []string
	// Flags are values by key (commit.batch_max), over everything else.
	Flags map[string]string
}

// Load puts the layers together and checks the result. The error is a fault of
// kind Invalid that names every wrong key with its rule. file is the file that
// was read, "" for none.
func Load(src Source) (c Config, file string, err error) {
	env := environment(src.Environ)
	var problems problems
	text, file, err := readFile(src)
	if err != nil {
		return Config{}, "", err
	}
	c = Default(modeOf(text, env, src.Flags))
	problems.toml(file, text, &c)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		problems.env(name, env[name], &c)
	}
	for _, path := range slices.Sorted(maps.Keys(src.Flags)) {
		problems.flag(path, src.Flags[path], &c)
	}
	c.fill()
	problems.secrets(&c, func(name string) (string, bool) { v, ok := lookup(src.Environ, name); return v, ok })
	if len(problems) == 0 {
		problems = append(problems, c.check(nil)...)
	}
	return c, file, problems.err()
}

func lookup(environ []string, name string) (string, bool) {
	for _, kv := range slices.Backward(environ) {
		if k, v, _ := strings.Cut(kv, "="); k == name {
			return v, true
		}
	}
	return "", false
}

// notOurs are variables with our prefix that other programs make: Kubernetes for a
// service that is called sluice or sluice-something, and our own tests.
var notOurs = regexp.MustCompile(`^SLUICE_(([A-Z0-9_]+_)?(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT(_\d+_[A-Z0-9_]+)?)|TEST_[A-Z0-9_]+|(CRASH|PAUSE)_AT)$`)

func environment(environ []string) map[string]string {
	out := map[string]string{}
	for _, kv := range environ {
		k, v, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(k, envPrefix) && k != EnvFile && k != EnvAPIKey && !notOurs.MatchString(k) {
			out[k] = v
		}
	}
	return out
}

func readFile(src Source) (text []byte, file string, err error) {
	file = src.File
	if file == "" {
		file, _ = lookup(src.Environ, EnvFile)
	}
	named := file != ""
	if !named {
		file = DefaultFile
	}
	text, err = os.ReadFile(file) //nolint:gosec // the operator names the file
	switch {
	case err == nil:
		return text, file, nil
	case errors.Is(err, fs.ErrNotExist) && !named:
		return nil, "", nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, "", fault.New(fault.Invalid, "config_missing", "there is no configuration at %s: `sluice init` writes one", file)
	default:
		return nil, "", fault.Wrap(err, fault.Invalid, "config_missing", "the configuration %s cannot be read", file)
	}
}

// modeOf finds the mode before everything else, since defaults depend on it. A
// wrong one is told later, with all other problems.
func modeOf(text []byte, env, flags map[string]string) Mode {
	var only struct {
		Mode string `toml:"mode"`
	}
	_ = toml.Unmarshal(text, &only) // told later
	for _, m := range []string{flags["mode"], env[envName("mode")], only.Mode} {
		if m != "" {
			return Mode(m)
		}
	}
	return Live
}

// problems are all that is wrong, each under its key.
type problems []fault.Field

func (p *problems) add(path, format string, args ...any) {
	*p = append(*p, fault.Field{Path: path, Rule: fmt.Sprintf(format, args...)})
}

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	lines := make([]string, 0, len(p))
	for _, f := range p {
		lines = append(lines, f.Path+": "+f.Rule)
	}
	text := "the configuration is wrong: " + lines[0]
	if len(lines) > 1 {
		text = fmt.Sprintf("the configuration has %d problems:\n  %s", len(lines), strings.Join(lines, "\n  "))
	}
	e := fault.New(fault.Invalid, "config_invalid", "%s", text)
	e.Fields = p
	return e
}

func (p *problems) toml(file string, text []byte, c *Config) {
	document{problems: p, file: file, unknown: func(path string) string { return didYouMean(path, filePaths()) }}.read(text, c)
}

// filePaths are the keys as an unknown one in a file is compared with them.
func filePaths() []string {
	var out []string
	for _, k := range Keys() {
		out = append(out, strings.ReplaceAll(k.Path, "[]", ""))
	}
	return out
}

func didYouMean(name string, candidates []string) string {
	if near := nearest(name, candidates); near != "" {
		return "; did you mean " + near + "?"
	}
	return "; docs/configuration.md lists all keys"
}

func (p *problems) env(name, value string, c *Config) {
	var names []string
	for _, k := range Keys() {
		if k.Env == "" {
			continue
		}
		if k.Env == name {
			v, _ := c.find(k.Path)
			if err := put(v, value); err != nil {
				p.add(name, "%v", err)
			}
			return
		}
		names = append(names, k.Env)
	}
	p.add(name, "unknown variable%s", didYouMean(name, names))
}

func (p *problems) flag(path, value string, c *Config) {
	v, ok := c.find(path)
	if !ok {
		p.add(path, "unknown key%s", didYouMean(path, filePaths()))
		return
	}
	if err := put(v, value); err != nil {
		p.add(path, "%v", err)
	}
}
