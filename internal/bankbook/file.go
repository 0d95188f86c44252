package bankbook

import (
	"sluice/internal/commit"
	"sluice/internal/rail/sepa/message"
)

// Actor is the name under which the changes of this package appear.
const Actor = "worker:bank"

// KeepFile keeps a file before anything in it is used, or gives what is known of it.
// Result: File.
type KeepFile struct {
	File   File // Hash, Wallet, Name, Kind, MessageID, State, Reason, Size, Entries
	Raw    []byte
	Sealed bool
}

// Reads implements commit.Command.
func (c KeepFile) Reads(w *commit.Wants) { Files.Want(w, c.File.Hash) }

// Apply implements commit.Command.
func (c KeepFile) Apply(v *commit.View) (any, error) {
	if f, ok := Files.Get(v, c.File.Hash); ok {
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

// EndFile notes that everything in a file was taken in. Result: File.
type EndFile struct {
	Hash     string
	Problems int64
}

// Reads implements commit.Command.
func (c EndFile) Reads(w *commit.Wants) { Files.Want(w, c.Hash) }

// Apply implements commit.Command.
func (c EndFile) Apply(v *commit.View) (any, error) {
	f, ok := Files.Get(v, c.Hash)
	if !ok || f.State != FileBegun {
		return f, nil
	}
	f.State, f.Problems, f.DoneAt, f.Version = FileTaken, c.Problems, v.Now(), f.Version+1
	Files.Put(v, f)
	return f, nil
}

// Alarm writes one alert. It is for what concerns no row; Payment may be an end-to-end id. Result: nil.
type Alarm struct{ Cause, Text, Payment string }

// Reads implements commit.Command.
func (Alarm) Reads(*commit.Wants) {}

// Apply implements commit.Command.
func (c Alarm) Apply(v *commit.View) (any, error) {
	alert(v, c.Cause, c.Payment, c.Text)
	return true, nil
}

func booked(a message.Account) (in, out []message.Entry) {
	for _, n := range a.Entries {
		switch {
		case n.Status != message.Booked:
		case n.Side == message.Credit:
			in = append(in, n)
		default:
			out = append(out, n)
		}
	}
	return in, out
}
