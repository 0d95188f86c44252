package sepatest_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/bank/sepatest"
)

// A validator that accepts everything looks exactly like valid files.
func TestTheValidatorRefuses(t *testing.T) {
	for _, m := range []string{sepatest.Payment, sepatest.Status, sepatest.Statement, sepatest.Notification} {
		for name, file := range map[string]string{
			"empty document": `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:` + m + `"/>`,
			"wrong message":  `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"><X/></Document>`,
			"no XML":         "hello",
			"nothing":        "",
		} {
			if sepatest.Validate(t, m, []byte(file)) == nil {
				t.Errorf("%s: %s is valid", m, name)
			}
		}
	}
}

// The data files are what SOURCES.md says they are.
func TestDataFilesAreUnchanged(t *testing.T) {
	list, err := os.ReadFile("testdata/SOURCES.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(list)) {
		cells := strings.Split(line, "|")
		if len(cells) != 8 || !strings.Contains(line, "github.com") {
			continue
		}
		n++
		data, err := os.ReadFile(filepath.Join("testdata", strings.TrimSpace(cells[1])))
		if err != nil {
			t.Error(err)
			continue
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(data)); got != strings.TrimSpace(cells[6]) {
			t.Errorf("%s has changed: %s", cells[1], got)
		}
	}
	if n != 7 {
		t.Errorf("%d files are listed, want 7", n)
	}
}

func TestSamplesAreValid(t *testing.T) {
	for name, m := range map[string]string{
		"camt053.v8.xml":           sepatest.Statement,
		"camt054.v8.xml":           sepatest.Notification,
		"camt054.v8-with-UETR.xml": sepatest.Notification,
	} {
		data, err := os.ReadFile("../message/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		sepatest.MustBeValid(t, m, data)
	}
}
