package bank

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The folders that the bank and its customer share, seen from the customer, and where
// the bank keeps what it took.
const (
	outbox = "outbox"
	inbox  = "inbox"
	taken  = "taken"
)

func folder(dir, name string) error { return os.MkdirAll(filepath.Join(dir, name), 0o700) }

// collect takes what lies in the outbox, in the order of the names.
func (b *Bank) collect(now time.Time) error {
	list, err := os.ReadDir(filepath.Join(b.cfg.Dir, outbox))
	if err != nil {
		return err
	}
	for _, f := range list {
		if name := f.Name(); f.Type().IsRegular() && strings.HasSuffix(name, ".xml") && name[0] != '.' {
			if err := b.take(now, name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *Bank) take(now time.Time, name string) error {
	at := filepath.Join(b.cfg.Dir, outbox, name)
	file, err := os.ReadFile(at) //nolint:gosec // a name from the list of the folder
	if err != nil {
		return err
	}
	sum, err := os.ReadFile(at + ".sha256") //nolint:gosec // the same
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && !strings.HasPrefix(string(sum), fmt.Sprintf("%x", sha256.Sum256(file))) {
		b.note(now, "refused", name, "the checksum does not fit: left where it is")
		return nil
	}
	b.files++
	kept := filepath.Join(b.cfg.Dir, taken, fmt.Sprintf("%04d-%s", b.files, name))
	if err := os.Rename(at, kept); err != nil {
		return err
	}
	if err := os.Remove(at + ".sha256"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return b.order(now, file)
}

// order decides about a payment order and answers.
func (b *Bank) order(now time.Time, file []byte) error {
	d, bad := b.parse(file, now)
	id := d.Init.Header.ID
	if bad != nil {
		b.note(now, "refused", id, "%s: %s", bad.code, bad.text)
		if b.cfg.Silent || id == "" {
			return nil
		}
		return b.put("pain.002", b.groupReject(now, id, *bad))
	}
	b.orders[id] = true
	pays, refused := b.accept(d, now)
	var reports []report
	for n, p := range pays {
		switch {
		case refused[n] != nil:
			b.note(now, "rejected", p.endToEnd, "%s: %s", refused[n].code, refused[n].text)
			reports = append(reports, report{p, "RJCT", refused[n].code})
			continue
		case b.cfg.Positive:
			reports = append(reports, report{p, "ACCP", ""})
		}
		b.waiting = append(b.waiting, p)
	}
	b.note(now, "taken", id, "%d payments", len(pays))
	return b.report(now, reports)
}

// put leaves a file in the inbox: first its checksum, then the file under a hidden name,
// then the name.
func (b *Bank) put(kind string, file []byte) error {
	b.files++
	names := []string{fmt.Sprintf("%05d-%s.xml", b.files, kind)}
	if b.cfg.Twice {
		names = append(names, fmt.Sprintf("%05d-%s-again.xml", b.files, kind))
	}
	slices.Sort(names)
	for _, name := range names {
		at := filepath.Join(b.cfg.Dir, inbox, name)
		if err := os.WriteFile(at+".sha256", fmt.Appendf(nil, "%x  %s\n", sha256.Sum256(file), name), 0o600); err != nil {
			return err
		}
		hidden := filepath.Join(b.cfg.Dir, inbox, "."+name)
		if err := os.WriteFile(hidden, file, 0o600); err != nil {
			return err
		}
		if err := os.Rename(hidden, at); err != nil {
			return err
		}
	}
	return nil
}
