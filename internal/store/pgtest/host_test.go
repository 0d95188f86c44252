package pgtest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// These tests sit inside the package because what they prove is how it searches
// a machine, and no test can uninstall PostgreSQL.

func TestFindPrograms(t *testing.T) {
	t.Run("nothing installed says what to install", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		withPatterns(t)
		_, err := findPrograms()
		if !errors.Is(err, errNoPrograms) || !strings.Contains(err.Error(), "apt-get install postgresql") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the newest version wins, by number", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		root := t.TempDir()
		install(t, filepath.Join(root, "9", "bin"), "initdb", "postgres")
		install(t, filepath.Join(root, "15", "bin"), "initdb", "postgres")
		install(t, filepath.Join(root, "16", "bin"), "postgres") // client only: no initdb
		withPatterns(t, filepath.Join(root, "*", "bin"))
		got, err := findPrograms()
		if want := filepath.Join(root, "15", "bin", "postgres"); err != nil || got.postgres != want {
			t.Errorf("got %v, %v, want %s", got, err, want)
		}
	})
	t.Run("PATH comes first", func(t *testing.T) {
		bin := t.TempDir()
		install(t, bin, "initdb", "postgres")
		t.Setenv("PATH", bin)
		got, err := findPrograms()
		if err != nil || got.initdb != filepath.Join(bin, "initdb") {
			t.Errorf("got %v, %v, want the programs in %s", got, err, bin)
		}
	})
}

func TestReachable(t *testing.T) {
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	if reachable(closed) {
		t.Error("a directory of mode 0700 counts as open to every user")
	}
	if !reachable("/") {
		t.Error("the root directory counts as closed")
	}
}

func withPatterns(t *testing.T, patterns ...string) {
	t.Helper()
	old := binPatterns
	binPatterns = patterns
	t.Cleanup(func() { binPatterns = old })
}

func install(t *testing.T, dir string, names ...string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
