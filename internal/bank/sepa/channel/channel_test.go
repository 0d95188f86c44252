package channel_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"sluice/internal/bank/sepa"
	"sluice/internal/bank/sepa/channel"
)

// bench is a channel and the directories that both sides see.
type bench struct {
	sepa.Channel
	bank string // where the bank has outbox and inbox
	keep string // where sent, archive and quarantine are
}

func folders(t *testing.T, dir string) {
	t.Helper()
	for _, f := range []string{"outbox", "inbox", "sent", "archive", "quarantine"} {
		if err := os.MkdirAll(filepath.Join(dir, f), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

func config(s *server) channel.SFTPConfig {
	return channel.SFTPConfig{
		Address: s.address, User: "sluice", Auth: []ssh.AuthMethod{ssh.PublicKeys(s.user)}, HostKeys: []ssh.PublicKey{s.hostKey},
		Outbox: "outbox", Inbox: "inbox", Sent: "sent", Archive: "archive", Quarantine: "quarantine",
	}
}

// every runs a test on every kind of channel.
func every(t *testing.T, test func(t *testing.T, b bench)) {
	t.Run("folder", func(t *testing.T) {
		dir := t.TempDir()
		c, err := channel.OpenFolder(dir, channel.FolderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		test(t, bench{c, dir, dir})
	})
	t.Run("sftp", func(t *testing.T) {
		dir := t.TempDir()
		folders(t, dir)
		c, err := channel.OpenSFTP(config(serve(t, dir)))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		test(t, bench{c, dir, dir})
	})
	t.Run("sftp, no folders of ours", func(t *testing.T) {
		dir, local := t.TempDir(), t.TempDir()
		folders(t, dir)
		cfg := config(serve(t, dir))
		cfg.Sent, cfg.Archive, cfg.Quarantine, cfg.Local = "", "", "", local
		c, err := channel.OpenSFTP(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		test(t, bench{c, dir, local})
	})
}

// files lists a folder with what is in the files, hidden ones too.
func files(t *testing.T, dir, folder string) string {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(dir, folder))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		data, err := os.ReadFile(filepath.Join(dir, folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(e.Name(), ".sha256") {
			data = []byte("sum")
		}
		out = append(out, e.Name()+"="+string(data))
	}
	return strings.Join(out, " ")
}

func leave(t *testing.T, b bench, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.bank, "inbox", name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func sum(text, name string) string { return fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(text)), name) }

func TestSend(t *testing.T) {
	every(t, func(t *testing.T, b bench) {
		ctx := t.Context()
		for range 3 {
			if err := b.Send(ctx, "a.xml", []byte("one")); err != nil {
				t.Fatal(err)
			}
		}
		if got := files(t, b.bank, "outbox"); got != "a.xml=one a.xml.sha256=sum" {
			t.Errorf("outbox: %s", got)
		}
		side, err := os.ReadFile(filepath.Join(b.bank, "outbox", "a.xml.sha256"))
		if err != nil || string(side) != sum("one", "a.xml") {
			t.Errorf("sidecar %q, %v", side, err)
		}
		if err := b.Send(ctx, "a.xml", []byte("two")); !errors.Is(err, sepa.ErrNameTaken) {
			t.Errorf("other bytes under the same name: %v", err)
		}
		// The bank takes it. A repeat does not hand it over again.
		for _, f := range []string{"a.xml", "a.xml.sha256"} {
			if err := os.Remove(filepath.Join(b.bank, "outbox", f)); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Send(ctx, "a.xml", []byte("one")); err != nil {
			t.Error(err)
		}
		if err := b.Send(ctx, "a.xml", []byte("two")); !errors.Is(err, sepa.ErrNameTaken) {
			t.Errorf("other bytes under the same name, later: %v", err)
		}
		if got := files(t, b.bank, "outbox"); got != "" {
			t.Errorf("outbox: %s", got)
		}
		if got := files(t, b.keep, "sent"); got != "a.xml=one" {
			t.Errorf("sent: %s", got)
		}
	})
}

// TestSendAfterACrash: whatever a dead process left, the next one finishes.
// case-17: what lies at the bank is looked at before anything is handed over again.
func TestSendAfterACrash(t *testing.T) {
	every(t, func(t *testing.T, b bench) {
		for name, left := range map[string]map[string]string{
			"half.xml":  {".half.xml.part": "ha"},
			"side.xml":  {"side.xml.sha256": sum("text", "side.xml")},
			"there.xml": {"there.xml.sha256": sum("text", "there.xml"), "there.xml": "text"},
		} {
			for f, text := range left {
				if err := os.WriteFile(filepath.Join(b.bank, "outbox", f), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.Send(t.Context(), name, []byte("text")); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := files(t, b.bank, "outbox"); got != "half.xml=text half.xml.sha256=sum side.xml=text side.xml.sha256=sum there.xml=text there.xml.sha256=sum" {
			t.Errorf("outbox: %s", got)
		}
	})
}

func TestInbox(t *testing.T) {
	every(t, func(t *testing.T, b bench) {
		ctx := t.Context()
		for name, text := range map[string]string{
			"b.xml": "b", "a.xml": "text", "a.xml.sha256": sum("text", "a.xml"), "wrong.xml": "changed", "wrong.xml.sha256": sum("text", "wrong.xml"),
			"odd.xml": "x", "odd.xml.sha256": "no sum", ".hidden.xml": "x", "c.xml.part": "x", "d.tmp": "x", "e.FILEPART": "x", "with blank.xml": "x",
		} {
			leave(t, b, name, text)
		}
		if err := os.Mkdir(filepath.Join(b.bank, "inbox", "folder.xml"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/etc/passwd", filepath.Join(b.bank, "inbox", "link.xml")); err != nil {
			t.Fatal(err)
		}
		list, err := b.Inbox(ctx)
		if err != nil || names(list) != "a.xml b.xml folder.xml! link.xml! odd.xml with blank.xml wrong.xml" {
			t.Fatalf("%v, %v", list, err)
		}
		read := func(name string) (string, error) {
			r, err := b.Open(ctx, name)
			if err != nil {
				return "", err
			}
			defer func() { _ = r.Close() }()
			data, err := io.ReadAll(r)
			return string(data), err
		}
		if text, err := read("a.xml"); text != "text" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
		if text, err := read("b.xml"); text != "b" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
		for _, name := range []string{"wrong.xml", "odd.xml"} {
			if _, err := read(name); !errors.Is(err, sepa.ErrChecksum) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := read("none.xml"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v", err)
		}
		if err := b.Archive(ctx, "a.xml"); err != nil {
			t.Error(err)
		}
		if err := b.Quarantine(ctx, "wrong.xml", "it was changed"); err != nil {
			t.Error(err)
		}
		// The same names come again: both are kept.
		leave(t, b, "a.xml", "later")
		leave(t, b, "wrong.xml", "again")
		if err := errors.Join(b.Archive(ctx, "a.xml"), b.Quarantine(ctx, "wrong.xml", "twice")); err != nil {
			t.Error(err)
		}
		if got := files(t, b.keep, "archive"); !strings.Contains(got, "a.xml=text") || !strings.Contains(got, "a.xml.2=later") {
			t.Errorf("archive: %s", got)
		}
		if got := files(t, b.keep, "quarantine"); !strings.Contains(got, "wrong.xml.2.reason.txt=twice") || !strings.Contains(got, "wrong.xml=changed") || !strings.Contains(got, "wrong.xml.reason.txt=it was changed") {
			t.Errorf("quarantine: %s", got)
		}
		list, err = b.Inbox(ctx)
		if err != nil || names(list) != "b.xml folder.xml! link.xml! odd.xml with blank.xml" {
			t.Errorf("%v, %v", list, err)
		}
		if err := b.Archive(ctx, "a.xml"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("put away twice: %v", err)
		}
	})
}

// names lists what is in an inbox, with a mark behind what is no file.
func names(list []sepa.Incoming) string {
	var out []string
	for _, in := range list {
		if in.Odd != "" {
			in.Name += "!"
		}
		out = append(out, in.Name)
	}
	return strings.Join(out, " ")
}

func TestNamesStayInTheirFolders(t *testing.T) {
	every(t, func(t *testing.T, b bench) {
		ctx := t.Context()
		for _, name := range []string{"", ".", "..", "../x.xml", "a/b.xml", "/etc/passwd", "a\x00", `a\b`} {
			_, open := b.Open(ctx, name)
			for what, err := range map[string]error{"open": open, "archive": b.Archive(ctx, name), "quarantine": b.Quarantine(ctx, name, "x")} {
				if err == nil {
					t.Errorf("%s %q went through", what, name)
				}
			}
		}
		for _, name := range []string{"", "..", "../x.xml", "a/b.xml", ".hidden", "a.sha256", "a.part", "a.reason.txt", "a b", "ä.xml", "a\x00", strings.Repeat("x", 121), `a\b`} {
			if err := b.Send(ctx, name, nil); err == nil {
				t.Errorf("%q was sent", name)
			}
		}
		if err := b.Send(ctx, "big.xml", make([]byte, channel.SendMax+1)); err == nil {
			t.Error("a file of any size is sent")
		}
	})
}

// TestK01_Names: whatever a bank calls a file, it is read under that name and put away under
// a safe one.
func TestK01_Names(t *testing.T) {
	every(t, func(t *testing.T, b bench) {
		long := strings.Repeat("x", 250) + ".xml"
		given := []string{
			"Kontoauszug Nr 1 (Kopie).xml", "C53~2.xml", "camt.053+4.xml", "Auszug_März.xml", long, "выписка.xml", "-rf.xml", "a'b\"c.xml", "100%.xml", "$(id).xml", "a;b&c.xml",
			"new\nline.xml", "tab\t.xml", "\xff\xfe.xml", "no ending", "UPPER.XML", "x.reason.txt", "😀.xml", "a:b.xml", ".being-written.xml", "=1+1.xml",
		}
		for _, name := range given {
			if name[0] == '.' {
				continue // hidden: being written
			}
			leave(t, b, name, "text of "+name)
		}
		list, err := b.Inbox(t.Context())
		if err != nil || len(list) != len(given)-1 {
			t.Fatalf("%d of %d are listed: %v, %v", len(list), len(given)-1, names(list), err)
		}
		for n, in := range list {
			r, err := b.Open(t.Context(), in.Name)
			if err != nil {
				t.Errorf("%q: %v", in.Name, err)
				continue
			}
			data, err := io.ReadAll(r)
			if err := errors.Join(err, r.Close()); err != nil || string(data) != "text of "+in.Name {
				t.Errorf("%q: %q, %v", in.Name, data, err)
			}
			put := b.Archive
			if n%2 == 0 {
				put = func(ctx context.Context, name string) error { return b.Quarantine(ctx, name, "why") }
			}
			if err := put(t.Context(), in.Name); err != nil {
				t.Errorf("%q is not put away: %v", in.Name, err)
			}
		}
		for _, folder := range []string{"archive", "quarantine"} {
			kept, err := os.ReadDir(filepath.Join(b.keep, folder))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range kept {
				if strings.Trim(e.Name(), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" || e.Name()[0] == '.' || len(e.Name()) > 125 {
					t.Errorf("%s has %q", folder, e.Name())
				}
			}
		}
		if list, err := b.Inbox(t.Context()); err != nil || len(list) > 0 {
			t.Errorf("left: %v, %v", list, err)
		}
	})
}

// TestFutureTime: a file whose time lies ahead of our clock is listed.
func TestFutureTime(t *testing.T) {
	every(t, func(t *testing.T, b bench) {
		leave(t, b, "a.xml", "x")
		ahead := time.Now().Add(time.Hour)
		if err := os.Chtimes(filepath.Join(b.bank, "inbox", "a.xml"), ahead, ahead); err != nil {
			t.Fatal(err)
		}
		if list, err := b.Inbox(t.Context()); err != nil || names(list) != "a.xml" {
			t.Errorf("%v, %v", list, err)
		}
	})
}

// TestFutureTimeAndQuiet: where files must be quiet, one from the future is listed once
// nothing has happened to it for that long by our own clock. What is never finished is
// mentioned in the end.
func TestFutureTimeAndQuiet(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		folder, err := channel.OpenFolder(dir, channel.FolderOptions{QuietFor: 30 * time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = folder.Close() }()
		b := bench{folder, dir, dir}
		look := func(want string) {
			t.Helper()
			if list, err := b.Inbox(t.Context()); err != nil || names(list) != want {
				t.Errorf("%s: %q, %v, want %q", time.Now().Format(time.TimeOnly), names(list), err, want)
			}
		}
		// The clock of the test stands in the year 2000: every file is from the future.
		leave(t, b, "a.xml", "x")
		leave(t, b, ".b.xml", "x")
		look("")
		time.Sleep(20 * time.Minute)
		look("")
		leave(t, b, "a.xml", "xx") // it goes on
		look("")
		time.Sleep(20 * time.Minute)
		look("")
		time.Sleep(10 * time.Minute)
		look("a.xml")
		time.Sleep(20 * time.Minute)
		look(".b.xml! a.xml")
	})
}

func TestCancelledContext(t *testing.T) {
	every(t, func(t *testing.T, b bench) {
		leave(t, b, "a.xml", "x")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, list := b.Inbox(ctx)
		_, open := b.Open(ctx, "a.xml")
		for what, err := range map[string]error{"send": b.Send(ctx, "b.xml", nil), "inbox": list, "open": open, "archive": b.Archive(ctx, "a.xml"), "quarantine": b.Quarantine(ctx, "a.xml", "x")} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

func TestQuietFor(t *testing.T) {
	dir := t.TempDir()
	folders(t, dir)
	folder, err := channel.OpenFolder(dir, channel.FolderOptions{QuietFor: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = folder.Close() }()
	cfg := config(serve(t, dir))
	cfg.QuietFor = time.Hour
	remote, err := channel.OpenSFTP(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b := bench{folder, dir, dir}
	leave(t, b, "new.xml", "x")
	leave(t, b, "whole.xml", "x")
	leave(t, b, "whole.xml.sha256", sum("x", "whole.xml"))
	leave(t, b, "old.xml", "x")
	past := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "inbox", "old.xml"), past, past); err != nil {
		t.Fatal(err)
	}
	for _, c := range []sepa.Channel{folder, remote} {
		if list, err := c.Inbox(t.Context()); err != nil || names(list) != "old.xml whole.xml" {
			t.Errorf("%T: %v, %v", c, list, err)
		}
	}
}

// case-52
func TestHostKeyIsPinned(t *testing.T) {
	dir := t.TempDir()
	folders(t, dir)
	s := serve(t, dir)
	cfg := config(s)
	cfg.HostKeys = []ssh.PublicKey{key(t).PublicKey()}
	c, err := channel.OpenSFTP(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Send(t.Context(), "a.xml", []byte("secret")); err == nil || !strings.Contains(err.Error(), "another key than the bank's") {
		t.Errorf("got %v", err)
	}
	if s.count() != 0 || files(t, dir, "outbox") != "" {
		t.Error("something reached a server that is not the bank's")
	}
	// While the bank changes its key, either is fine.
	cfg.HostKeys = append(cfg.HostKeys, s.hostKey)
	if c, err = channel.OpenSFTP(cfg); err != nil {
		t.Fatal(err)
	}
	if err := c.Send(t.Context(), "a.xml", []byte("x")); err != nil {
		t.Error(err)
	}
}

func TestSFTPLogin(t *testing.T) {
	dir := t.TempDir()
	folders(t, dir)
	cfg := config(serve(t, dir))
	cfg.Auth = []ssh.AuthMethod{ssh.PublicKeys(key(t))}
	c, err := channel.OpenSFTP(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Send(t.Context(), "a.xml", nil); err == nil {
		t.Error("another key gets in")
	}
}

func TestSFTPServerThatHangs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	cfg := config(&server{address: l.Addr().String(), user: key(t), hostKey: key(t).PublicKey()})
	cfg.Timeout = 50 * time.Millisecond
	c, err := channel.OpenSFTP(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Inbox(t.Context()); err == nil {
		t.Error("got an answer")
	}
}

func TestSFTPConfig(t *testing.T) {
	good := config(&server{address: "bank.example:22", user: key(t), hostKey: key(t).PublicKey()})
	for name, spoil := range map[string]func(*channel.SFTPConfig){
		"no port":     func(c *channel.SFTPConfig) { c.Address = "bank.example" },
		"no user":     func(c *channel.SFTPConfig) { c.User = "" },
		"no key":      func(c *channel.SFTPConfig) { c.Auth = nil },
		"no host key": func(c *channel.SFTPConfig) { c.HostKeys = nil },
		"no outbox":   func(c *channel.SFTPConfig) { c.Outbox = "" },
		"no inbox":    func(c *channel.SFTPConfig) { c.Inbox = "" },
		"no place":    func(c *channel.SFTPConfig) { c.Archive = "" },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := channel.OpenSFTP(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := channel.OpenSFTP(good); err != nil {
		t.Error(err)
	}
}
