// Package sepatest holds bank files against the schemas of ISO 20022 with a real
// XSD validator (xmllint of libxml2), for tests. There is no way to skip it: without
// xmllint a test fails and says what to install.
package sepatest

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

//go:embed testdata/*.xsd
var schemas embed.FS

// The names of the messages there are schemas for.
const (
	Payment      = "pain.001.001.09"
	Status       = "pain.002.001.10"
	Statement    = "camt.053.001.08"
	Notification = "camt.054.001.08"
)

// Schema gives the text of a schema.
func Schema(message string) ([]byte, error) { return schemas.ReadFile("testdata/" + message + ".xsd") }

// tool makes sure that xmllint is there, once per test process.
var tool = sync.OnceValues(func() (string, error) {
	if path, err := exec.LookPath("xmllint"); err == nil {
		return path, nil
	}
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	out, err := exec.Command(filepath.Join(root, "tools", "need-xmllint")).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
	}
	return exec.LookPath("xmllint")
})

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, found := os.Stat(filepath.Join(dir, "go.mod")); found == nil {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", errors.New("the tests run outside of the source tree")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}

// Validate gives what the validator says against a file, or nil.
func Validate(t testing.TB, message string, file []byte) error {
	t.Helper()
	lint, err := tool()
	if err != nil {
		t.Fatalf("the bank files cannot be validated: %v", err)
	}
	schema, err := Schema(message)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	xsd := filepath.Join(dir, message+".xsd")
	if err := os.WriteFile(xsd, schema, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), lint, "--noout", "--nonet", "--schema", xsd, "-")
	cmd.Stdin = bytes.NewReader(file)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return errors.New(strings.TrimSpace(string(out)))
	case err != nil:
		t.Fatalf("xmllint: %v", err)
	}
	return nil
}

// MustBeValid fails the test if the schema refuses the file.
func MustBeValid(t testing.TB, message string, file []byte) {
	t.Helper()
	if err := Validate(t, message, file); err != nil {
		t.Errorf("not valid against %s: %v\n%s", message, err, file)
	}
}
