package commit

import (
	"time"

	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/seal"
)

// Shard is the row that a batch locks first. It orders everything in its shard
// and holds the counters from which new numbers come.
type Shard struct {
	Number    id.Shard
	LastSeq   id.Seq // the last row number given out
	LastEvent int64  // the last event sequence given out; gap-free
	Version   int64  // batches committed so far
	// Looking says that these books may be older than what was paid: nothing is accepted,
	// taken back or paid until they were compared with the world outside.
	Looking bool
}

// View is the open book of one shard during one batch: the rows that its commands
// declared, and the changes made so far. Only the loop and stores make one.
type View struct {
	marker Marker
	keys   *seal.Ring
	shard  Shard
	saved  Shard
	now    time.Time
	sets   []rowset
	used   []rowset
}

// Wants collects the keys that commands declare.
type Wants struct {
	v *View
	n int
}

// NewView makes an empty view; stores fill it. now is the time all commands of the batch see.
func NewView(now time.Time) *View {
	v := &View{sets: make([]rowset, tableCount)}
	v.reset(now)
	return v
}

// reset makes the view empty for the next batch. Nothing may hold on to a pointer
// into it: what leaves a view are copies.
func (v *View) reset(now time.Time) {
	for _, s := range v.used {
		s.reset()
	}
	// Microseconds, because that is what stores keep: a row reads back as it was written.
	v.marker, v.keys = nil, nil
	v.now, v.shard, v.saved, v.used = now.UTC().Truncate(time.Microsecond), Shard{}, Shard{}, v.used[:0]
}

// Now is the time of the batch, in UTC, to the microsecond.
func (v *View) Now() time.Time { return v.now }

// Shard is the number of the shard.
func (v *View) Shard() id.Shard { return v.shard.Number }

// NewID gives a fresh row number.
func (v *View) NewID() id.Seq {
	v.shard.LastSeq = id.Next(v.shard.LastSeq, v.now)
	return v.shard.LastSeq
}

// Looking tells whether the shard only looks, see Shard.Looking.
func (v *View) Looking() bool { return v.shard.Looking }

// Accepts refuses what books must not do that are only looked at: to accept, to take
// back, to pay.
func (v *View) Accepts() error {
	if v.shard.Looking {
		return fault.New(fault.Unavailable, "looking_only", "the database was restored and is being compared with what was paid since; nothing was done. "+
			"Repeat the request, unchanged, once an operator has opened the books (`sluice recover`)")
	}
	return nil
}

// SetLooking makes the shard only look, or ends that.
func (v *View) SetLooking(on bool) { v.shard.Looking = on }

// ID is the address of a row of this shard.
func (v *View) ID(s id.Seq) id.ID { return id.ID{Shard: v.shard.Number, Seq: s} }

// NextEvents reserves n consecutive event sequences and gives the first.
func (v *View) NextEvents(n int64) int64 {
	first := v.shard.LastEvent + 1
	v.shard.LastEvent += n
	return first
}

// Marker makes marks of records with a key that is kept outside the database: who can
// only write the database can make none.
type Marker interface {
	Mark(record []byte) []byte
	Marked(record, mark []byte) bool
}

// SetMarker is how a store that keeps marks hands over what makes them.
func (v *View) SetMarker(m Marker) { v.marker = m }

// SetKeys is how a store hands over the keys of the installation for sealed values.
func (v *View) SetKeys(keys *seal.Ring) { v.keys = keys }

// Keys seal values for the row that a command writes: SealAt and Move, which give the same
// for the same. nil: the installation has none, and values stay as they are.
func (v *View) Keys() *seal.Ring { return v.keys }

// Mark is the mark of a record, to be kept beside it; nil where no marks are kept. The
// same record has the same mark.
func (v *View) Mark(record []byte) []byte {
	if v.marker == nil {
		return nil
	}
	return v.marker.Mark(record)
}

// Holds tells whether a record is the one that a mark was made of. Where no marks are
// kept, nobody can tell otherwise.
func (v *View) Holds(record, mark []byte) bool {
	return v.marker == nil || v.marker.Marked(record, mark)
}

// Altered is the refusal of a row whose mark is not of it: what rests on it is not done.
// row is its public id.
func Altered(what, row string) error {
	return fault.New(fault.Internal, "record_altered",
		"the %s %s is not as this program wrote it: somebody else changed the database. Nothing was done; an operator has to run `sluice verify`", what, row)
}

// SetShard is how a store hands over the shard's row once it is locked.
func (v *View) SetShard(s Shard) { v.shard = s }

// ShardRow is the shard's row as it is to be written. Stores only.
func (v *View) ShardRow() Shard { return v.shard }

// begin marks the point to which rollback returns: the start of one command.
func (v *View) begin() {
	v.saved = v.shard
	for _, s := range v.used {
		s.begin()
	}
}

func (v *View) rollback() {
	v.shard = v.saved
	for _, s := range v.used {
		s.rollback()
	}
}
