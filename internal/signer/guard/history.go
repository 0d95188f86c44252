package guard

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/signer"
)

// pageBytes bounds a page of the history, in bytes of the log: far below a frame of the socket.
const pageBytes = 1 << 20

// History implements signer.Historian. A guard without a folder has none.
func (g *Guard) History(_ context.Context, after string) (page []signer.Record, next string, err error) {
	if g.opt.Dir == "" {
		return nil, after, nil
	}
	return History(g.opt.Dir, after)
}

// History reads a page of the log in a folder, as signer.Historian says. It needs no
// keys and no lock: a line that is being written counts as not there yet.
func History(dir, after string) (page []signer.Record, next string, err error) {
	r := reader{dir: dir}
	if err := r.place.parse(after); err != nil {
		return nil, after, err
	}
	return r.page()
}

// place is how far a history was read: a line, and how many of its facts were given.
type place struct {
	number int   // of the file; 0: at the beginning
	start  int64 // where the line begins
	head   [sha256.Size]byte
	given  int
}

func (p place) String() string {
	if p.number == 0 {
		return ""
	}
	return fmt.Sprintf("%d:%d:%x:%d", p.number, p.start, p.head, p.given)
}

func (p *place) parse(text string) error {
	if text == "" {
		return nil
	}
	var head string
	n, err := fmt.Sscanf(strings.ReplaceAll(text, ":", " "), "%d %d %s %d", &p.number, &p.start, &head, &p.given)
	raw, bad := hex.DecodeString(head)
	if err != nil || n != 4 || bad != nil || len(raw) != len(p.head) || p.number < 1 || p.start < 0 || p.given < 0 {
		return fault.New(fault.Invalid, "signer_log_place", "%q is no place in a signer's log", text)
	}
	p.head = [sha256.Size]byte(raw)
	return nil
}

// reader reads one page.
type reader struct {
	dir   string
	place place
	out   []signer.Record
	bytes int
}

func (r *reader) page() ([]signer.Record, string, error) {
	number := max(r.place.number, 1)
	for {
		more, err := r.file(number)
		if err != nil {
			return nil, "", err
		}
		if !more || r.bytes >= pageBytes {
			return r.out, r.place.String(), nil
		}
		number++
	}
}

// file reads one file from the place on. more says that another file follows.
func (r *reader) file(number int) (more bool, err error) {
	j := journal{dir: r.dir, number: number}
	f, err := os.Open(j.path())
	if errors.Is(err, fs.ErrNotExist) {
		if r.place.number == number {
			return false, r.other()
		}
		return false, nil // nothing was ever written, or the file is being made
	}
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // only read
	from := int64(0)
	if r.place.number == number {
		from = r.place.start
	}
	in := bufio.NewReaderSize(io.NewSectionReader(f, from, 1<<62), 1<<20)
	for again := r.place.number == number; ; again = false {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return false, fmt.Errorf("read the signer's log: %w", err)
		}
		if err != nil || bytes.IndexByte(line, 0) >= 0 {
			if again {
				return false, r.other()
			}
			return more, nil
		}
		j.at, j.head = from, r.place.head
		if more, err = r.line(&j, line, again); err != nil || r.bytes >= pageBytes {
			return more, err
		}
		from += int64(len(line))
	}
}

// line gives the facts of a line; again says that it is the one which the place names.
func (r *reader) line(j *journal, line []byte, again bool) (more bool, err error) {
	at := place{number: j.number, start: j.at}
	var entries []entry
	if again {
		if len(line) < hashLength || hex.EncodeToString(r.place.head[:]) != string(line[:hashLength-1]) {
			return false, r.other()
		}
		at = r.place
		entries, err = decode(line[hashLength:])
	} else {
		entries, at.head, err = j.parse(line)
	}
	if err != nil {
		return false, j.damaged("the chain of hashes breaks", err)
	}
	for n, e := range entries {
		more = more || e.Kind == kindNext
		if n < at.given || r.bytes >= pageBytes {
			continue
		}
		at.given = n + 1
		if e.Kind != kindBind && e.Kind != kindAgain {
			continue
		}
		rec, err := e.record()
		if err != nil {
			return false, j.damaged("an entry makes no sense", err)
		}
		r.out = append(r.out, rec)
		r.bytes += e.size()
	}
	r.place = at
	return more, nil
}

func (r *reader) other() error {
	return fault.New(fault.Conflict, "signer_log_other",
		"the signer's log in %s does not have the line that was read last time: it is another log, or an older copy of it. Put back the newest copy there is", r.dir)
}

// size is about what an entry takes in the log and on the wire.
func (e entry) size() int {
	n := 300 + 70*len(e.Coins)
	for _, p := range e.Payouts {
		n += 250 + len(p.To) + len(p.Memo)
	}
	return n
}

func (e entry) record() (signer.Record, error) {
	out := signer.Record{
		At: time.UnixMilli(e.At).UTC(), Network: e.Network, Wallet: e.Wallet[strings.LastIndexByte(e.Wallet, '/')+1:], Fence: e.Fence, Nonce: e.Nonce,
		Coins: e.Coins, Amounts: e.Amounts, Bound: e.Bound, Cancel: e.Cancel, Again: e.Kind == kindAgain,
	}
	for _, p := range e.Payouts {
		amount, err := money.ParseMinor(p.Minor)
		if err != nil {
			return out, err
		}
		o := signer.Output{Ref: p.Ref, Asset: p.Asset, Amount: amount, Memo: p.Memo}
		if o.To, err = hex.DecodeString(p.To); err != nil {
			return out, err
		}
		if o.Token, err = hex.DecodeString(p.Token); err != nil {
			return out, err
		}
		out.Payouts = append(out.Payouts, o)
	}
	return out, nil
}
