package demo_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Ctrl-C ends `make demo` at its terminal with status 0: while the story is told, and after it.
func TestMakeDemoEndsWellWithCtrlC(t *testing.T) {
	for _, program := range []string{"script", "make"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	must(t, err)
	for name, when := range map[string]string{"in the story": "Ben withdraws", "afterwards": "Running until Ctrl-C"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			// script gives it a terminal of its own, and its exit code.
			cmd := exec.CommandContext(ctx, "script", "-qec", "make demo ARGS='--listen 127.0.0.1:0'", os.DevNull)
			cmd.Dir, cmd.Env = root, append(os.Environ(), "TERM=xterm", "MAKEFLAGS=", "MAKELEVEL=")
			keys, err := cmd.StdinPipe()
			must(t, err)
			said := &pressed{when: when, keys: keys}
			cmd.Stdout = said
			if err := cmd.Run(); err != nil {
				t.Errorf("%v:\n%s", err, said.text.String())
			}
		})
	}
}

// pressed presses Ctrl-C when it reads something.
type pressed struct {
	when string
	keys io.WriteCloser
	text bytes.Buffer
	done bool
}

func (p *pressed) Write(b []byte) (int, error) {
	p.text.Write(b)
	if !p.done && strings.Contains(p.text.String(), p.when) {
		p.done = true
		_, _ = p.keys.Write([]byte{3})
	}
	return len(b), nil
}
