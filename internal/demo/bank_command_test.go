package demo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/demo"
)

// TestBankCommandRefuses: wrong arguments are told, and nothing is opened.
func TestBankCommandRefuses(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close() //nolint:errcheck // nothing was written
	for _, args := range []string{
		"", "--account=DE02100500000054540402", "--account=DE03 --dir=%s", "--account=DE02100500000054540402 --dir=%s --rule=1.00", "--account=DE02100500000054540402 --dir=%s --rule=1.00=perish",
		"--account=DE02100500000054540402 --dir=%s --rule=1.00=reject", "--account=DE02100500000054540402 --dir=%s --rule=1.00=return:AC04:x", "--account=DE02100500000054540402 --dir=%s --rule=1.00=keep:AC04:1:x",
		"--account=DE02100500000054540402 --dir=%s --opening=1", "--account=DE02100500000054540402 --dir=%s --zone=Moon", "--account=DE02100500000054540402 --dir=%s --statement-at=8",
	} {
		text, err := os.Create(filepath.Join(t.TempDir(), "err"))
		if err != nil {
			t.Fatal(err)
		}
		args = strings.ReplaceAll(args, "%s", t.TempDir())
		if code := demo.Main(append([]string{"bank"}, strings.Fields(args)...), null, text); code != 2 {
			t.Errorf("%s: exit code %d", args, code)
		}
		said, err := os.ReadFile(text.Name())
		if err != nil || len(said) == 0 {
			t.Errorf("%s: it says %q, %v", args, said, err)
		}
		if err := text.Close(); err != nil {
			t.Error(fmt.Errorf("close: %w", err))
		}
	}
}
