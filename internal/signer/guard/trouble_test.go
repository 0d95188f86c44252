package guard_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/signer"
	"sluice/internal/signer/guard"
	"sluice/internal/test/harness"
)

// disk is what the log is on. It fails when the test says so.
type disk struct {
	err   error
	syncs int
}

func (d *disk) sync(f *os.File) error {
	d.syncs++
	if d.err != nil {
		return d.err
	}
	return f.Sync()
}

// TestA15_full_disk lets the log meet a full disk. Nothing is answered then, and health
// says why; when there is room again, it goes on by itself, with everything that it knew.
func TestA15_full_disk(t *testing.T) {
	keys, folder := imported(t), t.TempDir()
	d := &disk{}
	var said bytes.Buffer
	g := open(t, keys, with(folder), func(o *guard.Options) { o.Sync, o.Log = d.sync, slog.New(slog.NewTextHandler(&said, nil)) })
	must(t, sign(t, g, nonce(1)))
	must(t, g.Health(t.Context()))
	d.err = syscall.ENOSPC
	for range 3 {
		err := sign(t, g, nonce(2))
		if code(t, err, "signer_log"); !strings.Contains(err.Error(), "no space left") || fault.KindOf(err) != fault.Unavailable {
			t.Errorf("it does not say what the disk says: %v", err)
		}
		code(t, sign(t, g, nonce(1)), "signer_log")
		code(t, g.May(t.Context(), "ethereum", intent(t).Outputs), "signer_log")
		code(t, g.Health(t.Context()), "signer_log")
	}
	d.err = nil
	harness.Eventually(t, "it signs again", func() bool { return g.Health(t.Context()) == nil })
	// What was not answered was not bound.
	must(t, sign(t, g, func(in *signer.Intent) { in.Nonce = 2; in.Outputs[0].Amount = money.Of(6) }))
	code(t, sign(t, g, func(in *signer.Intent) { in.Nonce = 1; in.Outputs[0].Amount = money.Of(6) }), "sign_slot")
	must(t, g.Close())
	g = open(t, keys, with(folder))
	defer g.Close() //nolint:errcheck // read only
	code(t, sign(t, g, nonce(2)), "sign_slot")
	for _, want := range []string{`msg="the signer signs nothing"`, `msg="the signer signs again"`} {
		if strings.Count(said.String(), want) != 1 {
			t.Errorf("it does not say once %q:\n%s", want, said.String())
		}
	}
}

// TestA15_a_line_that_stayed lets taking the failed line away fail as well. Nobody can
// know then what the disk holds: what is read of it counts as bound.
func TestA15_a_line_that_stayed(t *testing.T) {
	keys, folder := imported(t), t.TempDir()
	d := &disk{}
	g := open(t, keys, with(folder), func(o *guard.Options) { o.Sync = d.sync })
	defer g.Close() //nolint:errcheck // read only
	must(t, sign(t, g, nonce(1)))
	before, err := os.ReadFile(logFiles(t, folder)[0])
	must(t, err)
	// The whole line arrives, and both calls that would make it certain fail.
	d.err = syscall.EIO
	code(t, sign(t, g, nonce(2)), "signer_log")
	line := guard.Line(before, strings.Replace(string(before[65:len(before)-1]), `"nonce":1`, `"nonce":2`, 1))
	must(t, os.WriteFile(logFiles(t, folder)[0], append(bytes.Clone(before), line...), 0o600))
	d.err = nil
	harness.Eventually(t, "it signs again", func() bool { return g.Health(t.Context()) == nil })
	code(t, sign(t, g, func(in *signer.Intent) { in.Nonce = 2; in.Outputs[0].Amount = money.Of(6) }), "sign_slot")
}

// TestA19_three_guards gives the third one a lock file of its own, by deleting the one of
// the others. All write one log in turn: no slot is signed for two.
func TestA19_three_guards(t *testing.T) {
	keys, folder := imported(t), t.TempDir()
	one, two := open(t, keys, with(folder)), open(t, keys, with(folder))
	must(t, sign(t, one, nonce(0)))
	must(t, os.Remove(filepath.Join(folder, "lock")))
	three := open(t, keys, with(folder))
	guards := []*guard.Guard{one, two, three}
	const slots = 300
	signed := make(chan [2]uint64, 3*slots)
	done := make(chan struct{})
	for who, g := range guards {
		go func() {
			defer func() { done <- struct{}{} }()
			for n := range uint64(slots) {
				amount := money.Of(uint64(who) + 6)
				if sign(t, g, func(in *signer.Intent) { in.Nonce = n + 1; in.Outputs[0].Amount = amount }) == nil {
					signed <- [2]uint64{n, uint64(who)}
				}
			}
		}()
	}
	for range guards {
		<-done
	}
	close(signed)
	count := map[uint64]int{}
	for s := range signed {
		count[s[0]]++
	}
	for n := range uint64(slots) {
		if count[n] != 1 {
			t.Errorf("slot %d was signed by %d guards for different outputs", n, count[n])
		}
	}
	for _, g := range guards {
		must(t, g.Close())
	}
	g, err := reopen(t, keys, folder)
	must(t, err)
	must(t, g.Close())
}

// TestA19_the_log_is_moved takes the folder, or the file, away from under a running guard
// and puts another in its place. It finds out before it signs.
func TestA19_the_log_is_moved(t *testing.T) {
	for name, c := range map[string]struct {
		code string
		move func(folder string)
	}{
		"the folder": {"signer_log", func(folder string) {
			must(t, os.Rename(folder, folder+".away"))
			must(t, os.Mkdir(folder, 0o700))
		}},
		"the file": {"signer_log_damaged", func(folder string) {
			must(t, os.Rename(filepath.Join(folder, "00000001.log"), filepath.Join(folder, "away")))
		}},
		"an older copy": {"signer_log_damaged", func(folder string) {
			file := filepath.Join(folder, "00000001.log")
			text, err := os.ReadFile(file)
			must(t, err)
			must(t, os.Rename(file, file+".away"))
			must(t, os.WriteFile(file, text[:bytes.IndexByte(text, '\n')+1], 0o600))
		}},
		"another log": {"signer_log_damaged", func(folder string) {
			_, text := written(t, imported(t))
			file := filepath.Join(folder, "00000001.log")
			must(t, os.Remove(file))
			must(t, os.WriteFile(file, text, 0o600))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "log")
			g := open(t, imported(t), with(folder))
			defer g.Close() //nolint:errcheck // it is broken
			must(t, sign(t, g, nonce(1)))
			must(t, sign(t, g, nonce(2)))
			c.move(folder)
			code(t, sign(t, g, nonce(3)), c.code)
			code(t, sign(t, g, nonce(1)), c.code)
		})
	}
	t.Run("a copy that is whole", func(t *testing.T) {
		folder := t.TempDir()
		g := open(t, imported(t), with(folder))
		defer g.Close() //nolint:errcheck // read only
		must(t, sign(t, g, nonce(1)))
		file := logFiles(t, folder)[0]
		text, err := os.ReadFile(file)
		must(t, err)
		must(t, os.Remove(file))
		must(t, os.WriteFile(file, text, 0o600))
		_ = sign(t, g, nonce(1)) // it finds another file
		harness.Eventually(t, "it goes on with the copy", func() bool { return g.Health(t.Context()) == nil })
		code(t, sign(t, g, func(in *signer.Intent) { in.Nonce = 1; in.Outputs[0].Amount = money.Of(6) }), "sign_slot")
	})
}
