package guard_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/signer"
	"sluice/internal/signer/guard"
)

// with gives the options of a guard with a folder for its log.
func with(folder string) func(*guard.Options) {
	return func(o *guard.Options) { o.Dir = folder }
}

// sign signs the example intent with a change.
func sign(t testing.TB, g *guard.Guard, change func(*signer.Intent)) error {
	t.Helper()
	in := intent(t)
	if change != nil {
		change(&in)
	}
	_, err := g.Sign(t.Context(), in)
	return err
}

func code(t testing.TB, err error, want string) {
	t.Helper()
	if fault.CodeOf(err) != want {
		t.Errorf("got %v (%s), want code %q", err, fault.CodeOf(err), want)
	}
}

func nonce(v uint64) func(*signer.Intent) { return func(in *signer.Intent) { in.Nonce = v } }

// TestCase21_binding_outlives_the_process uses a slot, and a lease, and starts again.
func TestCase21_binding_outlives_the_process(t *testing.T) {
	keys, folder := imported(t), t.TempDir()
	g := open(t, keys, with(folder))
	first, err := g.Sign(t.Context(), intent(t))
	must(t, err)
	must(t, sign(t, g, func(in *signer.Intent) { in.Nonce, in.Fence = 9, 5 }))
	must(t, g.Close())

	g = open(t, keys, with(folder))
	defer g.Close() //nolint:errcheck // read only
	code(t, sign(t, g, func(in *signer.Intent) { in.Fence = 6; in.Outputs[0].Amount = money.Of(6) }), "sign_slot")
	code(t, sign(t, g, nil), "sign_fence") // it has lease 3, and 5 was seen
	again, err := g.Sign(t.Context(), func() signer.Intent { in := intent(t); in.Fence = 5; return in }())
	must(t, err)
	if again.TxID != first.TxID || !bytes.Equal(again.Raw, first.Raw) {
		t.Error("signed again, differently")
	}
}

// TestSharedLog lets two processes of one machine use the same keys.
func TestSharedLog(t *testing.T) {
	keys, folder := imported(t), t.TempDir()
	one, two := open(t, keys, with(folder)), open(t, keys, with(folder))
	defer one.Close() //nolint:errcheck // read only
	defer two.Close() //nolint:errcheck // read only
	for n := range uint64(20) {
		a, b := one, two
		if n%2 == 1 {
			a, b = two, one
		}
		must(t, sign(t, a, nonce(n)))
		code(t, sign(t, b, func(in *signer.Intent) { in.Nonce = n; in.Outputs[0].Amount = money.Of(6) }), "sign_slot")
		must(t, sign(t, b, nonce(n)))
	}
}

func logFiles(t testing.TB, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.log"))
	must(t, err)
	return files
}

// written makes a log of three lines and gives it.
func written(t testing.TB, keys string) (folder string, text []byte) {
	t.Helper()
	folder = t.TempDir()
	g := open(t, keys, with(folder))
	for n := range uint64(3) {
		must(t, sign(t, g, nonce(n)))
	}
	must(t, g.Close())
	text, err := os.ReadFile(logFiles(t, folder)[0])
	must(t, err)
	return folder, text
}

func reopen(t testing.TB, keys, folder string) (*guard.Guard, error) {
	t.Helper()
	opt := options(t, keys)
	opt.Dir = folder
	return guard.Open(t.Context(), opt)
}

// TestTornTail cuts the last line at every byte, as a crash may: it was never answered,
// so it is as if it had never been written, and everything before it holds.
func TestTornTail(t *testing.T) {
	keys := imported(t)
	folder, text := written(t, keys)
	last := bytes.LastIndexByte(text[:len(text)-1], '\n') + 1
	zeros := append(bytes.Clone(text[:last+10]), make([]byte, len(text)-last-11)...)
	for name, torn := range map[string][]byte{
		"nothing of it": text[:last], "one byte": text[:last+1], "half": text[:(last+len(text))/2], "all but its end": text[:len(text)-1],
		"zeros": append(bytes.Clone(zeros), '\n'), "zeros without an end": zeros,
	} {
		must(t, os.WriteFile(logFiles(t, folder)[0], torn, 0o600))
		g, err := reopen(t, keys, folder)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		code(t, sign(t, g, func(in *signer.Intent) { in.Nonce = 1; in.Outputs[0].Amount = money.Of(6) }), "sign_slot")
		must(t, sign(t, g, func(in *signer.Intent) { in.Nonce = 2; in.Outputs[0].Amount = money.Of(6) }))
		must(t, g.Close())
		g, err = reopen(t, keys, folder)
		must(t, err)
		code(t, sign(t, g, nonce(2)), "sign_slot")
		must(t, g.Close())
	}
}

// TestTamperedLog changes a byte anywhere, or takes lines out: nothing is signed then.
func TestTamperedLog(t *testing.T) {
	keys := imported(t)
	folder, text := written(t, keys)
	lines := bytes.SplitAfter(text, []byte("\n"))
	bad := map[string][]byte{
		"first line gone":      bytes.Join(lines[1:], nil),
		"middle line gone":     bytes.Join([][]byte{lines[0], lines[2]}, nil),
		"lines swapped":        bytes.Join([][]byte{lines[1], lines[0], lines[2]}, nil),
		"line twice":           append(bytes.Clone(text), lines[2]...),
		"torn in the middle":   bytes.Join([][]byte{lines[0], lines[1][:20], {0}, []byte("\n"), lines[2]}, nil),
		"an amount":            bytes.Replace(text, []byte(`"minor":"5"`), []byte(`"minor":"4"`), 1),
		"the last line":        append(bytes.Clone(text[:len(text)-3]), []byte("x]\n")...),
		"a line of a stranger": append(bytes.Clone(text), []byte("hello\n")...),
	}
	for at := 0; at < len(text)-1; at += 37 {
		changed := bytes.Clone(text)
		changed[at] ^= 1
		bad["byte "+money.Of(uint64(at)).String()] = changed
	}
	for name, changed := range bad {
		must(t, os.WriteFile(logFiles(t, folder)[0], changed, 0o600))
		g, err := reopen(t, keys, folder)
		if fault.CodeOf(err) != "signer_log_damaged" {
			t.Errorf("%s: got %v, want signer_log_damaged", name, err)
		}
		if g != nil {
			must(t, g.Close())
		}
	}
}

// TestLogCutWhileItRuns takes the log away from under a running guard.
func TestLogCutWhileItRuns(t *testing.T) {
	keys, folder := imported(t), t.TempDir()
	g := open(t, keys, with(folder))
	defer g.Close() //nolint:errcheck // it is broken
	must(t, sign(t, g, nonce(1)))
	must(t, os.Truncate(logFiles(t, folder)[0], 10))
	code(t, sign(t, g, nonce(2)), "signer_log_damaged")
	code(t, sign(t, g, nonce(1)), "signer_log_damaged")
}

func TestSeveralFiles(t *testing.T) {
	keys, folder := imported(t), t.TempDir()
	small := func(o *guard.Options) { o.Dir, o.FileSize = folder, 1000 }
	one, two := open(t, keys, small), open(t, keys, small)
	for n := range uint64(30) {
		must(t, sign(t, one, nonce(2*n)))
		must(t, sign(t, two, nonce(2*n+1)))
	}
	must(t, one.Close())
	must(t, two.Close())
	files := logFiles(t, folder)
	if len(files) < 5 {
		t.Fatalf("%d files, want several", len(files))
	}
	g := open(t, keys, small)
	for n := range uint64(60) {
		code(t, sign(t, g, func(in *signer.Intent) { in.Nonce = n; in.Outputs[0].Amount = money.Of(6) }), "sign_slot")
	}
	must(t, g.Close())
	for _, gone := range []string{files[2], files[0]} {
		must(t, os.Rename(gone, gone+".away"))
		_, err := reopen(t, keys, folder)
		code(t, err, "signer_log_damaged")
		must(t, os.Rename(gone+".away", gone))
	}
	g, err := reopen(t, keys, folder)
	must(t, err)
	must(t, g.Close())
}

// TestGroupCommit holds the first fsync until many others wait: they share the next one.
func TestGroupCommit(t *testing.T) {
	const others = 50
	var syncs int
	held, free := make(chan struct{}), make(chan struct{})
	g := open(t, imported(t), func(o *guard.Options) {
		o.Dir = t.TempDir()
		o.Sync = func(f *os.File) error {
			if syncs++; syncs == 1 {
				close(held)
				<-free
			}
			return f.Sync()
		}
	})
	defer g.Close() //nolint:errcheck // read only
	var all sync.WaitGroup
	ask := func(n uint64) { all.Go(func() { must(t, sign(t, g, nonce(n))) }) }
	ask(0)
	<-held
	for n := range uint64(others) {
		ask(n + 1)
	}
	for end := time.Now().Add(10 * time.Second); guard.Waiting(g) < others; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("the others do not wait")
		}
	}
	close(free)
	all.Wait()
	if syncs != 2 {
		t.Errorf("%d fsyncs for %d slots, want 2", syncs, others+1)
	}
}

// TestStop holds the kill switch: it works at once, on every process, across restarts.
func TestStop(t *testing.T) {
	keys, folder := imported(t), t.TempDir()
	g := open(t, keys, with(folder))
	must(t, sign(t, g, nil))
	must(t, guard.Stop(folder))
	must(t, guard.Stop(folder))
	code(t, sign(t, g, nil), "sign_stopped")
	code(t, sign(t, g, nonce(8)), "sign_stopped")
	must(t, g.Close())
	g = open(t, keys, with(folder))
	defer g.Close() //nolint:errcheck // read only
	code(t, sign(t, g, nil), "sign_stopped")
	must(t, guard.Resume(folder))
	must(t, guard.Resume(folder))
	must(t, sign(t, g, nonce(8)))
	text, err := os.ReadFile(logFiles(t, folder)[0])
	must(t, err)
	for _, want := range []string{`"kind":"stop"`, `"kind":"resume"`} {
		if bytes.Count(text, []byte(want)) != 1 {
			t.Errorf("the log has %s %d times, want once", want, bytes.Count(text, []byte(want)))
		}
	}
}
