package bank

import (
	"time"

	"sluice/internal/commit"
)

// Actor is the name under which the changes of this package appear.
const Actor = "worker:bank"

// KeepFile keeps a file before anything in it is used, or gives what is known of it.
type KeepFile struct {
	File   File // Hash, Wallet, Name, Kind, MessageID, State, Reason, Size, Entries
	Raw    []byte
	Sealed bool
}

// Reads implements commit.Command.
func (c KeepFile) Reads(w *commit.Wants) { Files.Want(w, c.File.Hash) }

// Apply implements commit.Command.
func (c KeepFile) Apply(v *commit.View) (File, error) {
	if f, ok := Files.Get(v, c.File.Hash); ok {
		if f.State == FileRefused && c.File.State == FileBegun {
			// It was put into the inbox again, and now it can be used: its bytes are here.
			f.State, f.Reason, f.Kind, f.MessageID, f.DoneAt, f.Version = FileBegun, "", c.File.Kind, c.File.MessageID, time.Time{}, f.Version+1
			Files.Put(v, f)
		}
		return f, nil
	}
	f := c.File
	f.Seq, f.CreatedAt, f.Version = v.NewID(), v.Now(), 1
	if f.State == FileRefused {
		f.DoneAt = v.Now()
		alert(v, "file_refused", "", "the file "+f.Name+" is refused and kept: "+f.Reason)
	}
	Files.Put(v, f)
	if len(c.Raw) > 0 {
		Bytes.Append(v, FileBytes{v.NewID(), f.Hash, c.Sealed, c.Raw})
	}
	return f, nil
}

// EndFile notes that everything in a file was taken in.
type EndFile struct {
	Hash     string
	Entries  int64  // bookings or payments that it tells of
	Problems int64  // alerts and suspended bookings that it led to
	Note     string // what of it was not used or was known, and why; "" for nothing
}

// Reads implements commit.Command.
func (c EndFile) Reads(w *commit.Wants) { Files.Want(w, c.Hash) }

// Apply implements commit.Command.
func (c EndFile) Apply(v *commit.View) (File, error) {
	f, ok := Files.Get(v, c.Hash)
	if !ok || f.State != FileBegun {
		return f, nil
	}
	f.State, f.Entries, f.Problems, f.Reason, f.DoneAt, f.Version = FileTaken, c.Entries, c.Problems, c.Note, v.Now(), f.Version+1
	Files.Put(v, f)
	return f, nil
}

// Alarm writes one alert. It is for what concerns no row; Payment may be an end-to-end id.
type Alarm struct{ Cause, Text, Payment string }

// Reads implements commit.Command.
func (Alarm) Reads(*commit.Wants) {}

// Apply implements commit.Command.
func (c Alarm) Apply(v *commit.View) (bool, error) {
	alert(v, c.Cause, c.Payment, c.Text)
	return true, nil
}
