package commit

import "fmt"

// Table is one kind of row that commands read and write, found by its key within
// a shard. The package that owns the row declares the table once, as a package
// variable; a store binds SQL to it. R is held by value: what Get returns is a
// copy, and nothing changes until Put or Insert.
type Table[K comparable, R any] struct {
	name  string
	index int
	key   func(*R) K
}

// Log is one kind of row that commands only append and never read: transfers, events.
type Log[R any] struct {
	name  string
	index int
}

// tableCount numbers the tables, so that a view finds its rows without a map.
var tableCount int

// NewTable declares a table. It is called from package variables only.
func NewTable[K comparable, R any](name string, key func(*R) K) *Table[K, R] {
	tableCount++
	return &Table[K, R]{name: name, index: tableCount - 1, key: key}
}

// NewLog declares an append-only table. It is called from package variables only.
func NewLog[R any](name string) *Log[R] {
	tableCount++
	return &Log[R]{name: name, index: tableCount - 1}
}

// Name is the table's name in every store.
func (t *Table[K, R]) Name() string { return t.name }

// Name is the table's name in every store.
func (l *Log[R]) Name() string { return l.name }

// slot is one row in the book of a batch. base is the row as the store had it,
// cur the row as the commands so far left it.
type slot[R any] struct {
	base, cur       R
	stored, present bool // the store has it; it exists now
	dirty           bool
}

// rows is the part of a view that belongs to one table. It is used for batch after
// batch: making its slots anew each time would cost as much as all commands do.
type rows[K comparable, R any] struct {
	open   bool // the batch at work has touched it
	slots  map[K]*slot[R]
	wanted []K         // declared, not loaded yet
	order  []*slot[R]  // slots in the order they first became dirty
	undo   []change[R] // what the command at work has changed
	slab   []*[slabSize]slot[R]
	taken  int // slots in use
}

// slabSize is how many slots are made at once; wasteMax how many times more of them
// than a batch used may be kept.
const (
	slabSize = 16
	wasteMax = 32
)

// change is a slot before a command changed it. base never changes.
type change[R any] struct {
	at             *slot[R]
	was            R // of cur; zero when nothing was there
	present, dirty bool
}

type rowset interface {
	begin()
	rollback()
	reset()
}

func (r *rows[K, R]) begin() {
	clear(r.undo)
	r.undo = r.undo[:0]
}

func (r *rows[K, R]) rollback() {
	for i := len(r.undo) - 1; i >= 0; i-- {
		c := &r.undo[i]
		if !c.dirty {
			r.order = r.order[:len(r.order)-1]
		}
		c.at.cur, c.at.present, c.at.dirty = c.was, c.present, c.dirty
	}
	r.begin()
}

// reset forgets the batch, lets go of what its rows point to, and keeps the memory;
// unless the batch used little of it, because then emptying it would cost more than
// making it anew.
func (r *rows[K, R]) reset() {
	r.begin()
	if r.taken*wasteMax < len(r.slab)*slabSize {
		*r = rows[K, R]{slots: map[K]*slot[R]{}}
		return
	}
	for i := range r.taken {
		r.slab[i/slabSize][i%slabSize] = slot[R]{}
	}
	clear(r.slots)
	clear(r.wanted[:cap(r.wanted)])
	r.open, r.wanted, r.order, r.taken = false, r.wanted[:0], r.order[:0], 0
}

// slot gives an empty slot.
func (r *rows[K, R]) slot() *slot[R] {
	if r.taken == len(r.slab)*slabSize {
		r.slab = append(r.slab, new([slabSize]slot[R]))
	}
	s := &r.slab[r.taken/slabSize][r.taken%slabSize]
	r.taken++
	return s
}

// opened gives the table's part of a view, nil if the batch has not touched it.
func (t *Table[K, R]) opened(v *View) *rows[K, R] {
	r, _ := v.sets[t.index].(*rows[K, R]) // the index is the table's own: nothing else is ever there
	if r == nil || !r.open {
		return nil
	}
	return r
}

func (t *Table[K, R]) rows(v *View) *rows[K, R] {
	r, _ := v.sets[t.index].(*rows[K, R])
	if r == nil {
		r = &rows[K, R]{slots: map[K]*slot[R]{}}
		v.sets[t.index] = r
	}
	if !r.open {
		r.open = true
		v.used = append(v.used, r)
	}
	return r
}

// Want declares that a command reads or writes the row with key k.
func (t *Table[K, R]) Want(w *Wants, k K) {
	r := t.rows(w.v)
	if _, ok := r.slots[k]; !ok {
		r.slots[k] = r.slot()
		r.wanted = append(r.wanted, k)
		w.n++
	}
}

func (t *Table[K, R]) slot(v *View, k K) (*rows[K, R], *slot[R]) {
	r := t.rows(v)
	s, ok := r.slots[k]
	if !ok {
		panic(fmt.Sprintf("commit: a command uses %s %v without declaring it", t.name, k))
	}
	return r, s
}

// Get gives a copy of the row with key k, and whether there is one. Using a key
// that the command did not declare is a bug and panics.
func (t *Table[K, R]) Get(v *View, k K) (R, bool) {
	_, s := t.slot(v, k)
	return s.cur, s.present
}

// Put writes a row whose key was declared, new or not.
func (t *Table[K, R]) Put(v *View, row R) {
	r, s := t.slot(v, t.key(&row))
	t.set(r, s, row)
}

// Insert writes a row that cannot exist yet, because its key was made by this
// command with View.NewID; it needs no declaration.
func (t *Table[K, R]) Insert(v *View, row R) {
	r, k := t.rows(v), t.key(&row)
	s, ok := r.slots[k]
	if !ok {
		s = r.slot()
		r.slots[k] = s
	} else if s.present {
		panic(fmt.Sprintf("commit: %s %v inserted twice", t.name, k))
	}
	t.set(r, s, row)
}

func (t *Table[K, R]) set(r *rows[K, R], s *slot[R], row R) {
	r.undo = append(r.undo, change[R]{at: s, present: s.present, dirty: s.dirty})
	if s.present {
		r.undo[len(r.undo)-1].was = s.cur
	}
	if !s.dirty {
		r.order = append(r.order, s)
	}
	s.cur, s.present, s.dirty = row, true, true
}

// Wanted gives the keys that a store has to load and marks them as asked for. They
// are good until the next Want. Stores only.
func (t *Table[K, R]) Wanted(v *View) []K {
	r := t.opened(v)
	if r == nil {
		return nil
	}
	w := r.wanted
	r.wanted = r.wanted[:0]
	return w
}

// Fill puts a row that a store has loaded into the view. Stores only.
func (t *Table[K, R]) Fill(v *View, row R) {
	r := t.rows(v)
	k := t.key(&row)
	s, ok := r.slots[k]
	if !ok {
		s = r.slot()
		r.slots[k] = s
	}
	s.base, s.cur, s.stored, s.present = row, row, true, true
}

// Update is a row as the store had it and as it is to be.
type Update[R any] struct{ Old, New *R }

// Changed gives the rows to insert and to update, each in the order in which
// commands first touched them. Stores only.
func (t *Table[K, R]) Changed(v *View) (inserts []*R, updates []Update[R]) {
	r := t.opened(v)
	if r == nil {
		return nil, nil
	}
	for _, d := range r.order {
		if d.stored {
			updates = append(updates, Update[R]{Old: &d.base, New: &d.cur})
		} else {
			inserts = append(inserts, &d.cur)
		}
	}
	return inserts, updates
}

type logRows[R any] struct {
	open bool
	rows []R
	mark int
}

func (l *logRows[R]) begin()    { l.mark = len(l.rows) }
func (l *logRows[R]) rollback() { l.rows = l.rows[:l.mark] }

func (l *logRows[R]) reset() {
	if len(l.rows)*wasteMax < cap(l.rows) {
		*l = logRows[R]{}
		return
	}
	clear(l.rows[:cap(l.rows)])
	l.open, l.rows, l.mark = false, l.rows[:0], 0
}

// Append adds a row.
func (l *Log[R]) Append(v *View, row R) {
	s, _ := v.sets[l.index].(*logRows[R])
	if s == nil {
		s = &logRows[R]{}
		v.sets[l.index] = s
	}
	if !s.open {
		s.open = true
		v.used = append(v.used, s)
	}
	s.rows = append(s.rows, row)
}

// Appended gives the rows to insert. Stores only.
func (l *Log[R]) Appended(v *View) []R {
	if s, _ := v.sets[l.index].(*logRows[R]); s != nil {
		return s.rows
	}
	return nil
}
