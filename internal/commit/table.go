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

// rows is the part of a view that belongs to one table.
type rows[K comparable, R any] struct {
	slots  map[K]*slot[R]
	wanted []K         // declared, not loaded yet
	order  []*slot[R]  // slots in the order they first became dirty
	undo   []change[R] // what the command at work has changed
}

type change[R any] struct {
	at  *slot[R]
	was slot[R]
}

type rowset interface {
	begin()
	rollback()
}

func (r *rows[K, R]) begin() { r.undo = r.undo[:0] }

func (r *rows[K, R]) rollback() {
	for i := len(r.undo) - 1; i >= 0; i-- {
		c := r.undo[i]
		if !c.was.dirty {
			r.order = r.order[:len(r.order)-1]
		}
		*c.at = c.was
	}
	r.undo = r.undo[:0]
}

// opened gives the table's part of a view, nil if nothing has touched it.
func (t *Table[K, R]) opened(v *View) *rows[K, R] {
	r, _ := v.sets[t.index].(*rows[K, R]) // the index is the table's own: nothing else is ever there
	return r
}

func (t *Table[K, R]) rows(v *View) *rows[K, R] {
	if r := t.opened(v); r != nil {
		return r
	}
	r := &rows[K, R]{slots: map[K]*slot[R]{}}
	v.sets[t.index] = r
	v.used = append(v.used, r)
	return r
}

// Want declares that a command reads or writes the row with key k.
func (t *Table[K, R]) Want(w *Wants, k K) {
	r := t.rows(w.v)
	if _, ok := r.slots[k]; !ok {
		r.slots[k] = &slot[R]{}
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
		s = &slot[R]{}
		r.slots[k] = s
	} else if s.present {
		panic(fmt.Sprintf("commit: %s %v inserted twice", t.name, k))
	}
	t.set(r, s, row)
}

func (t *Table[K, R]) set(r *rows[K, R], s *slot[R], row R) {
	r.undo = append(r.undo, change[R]{at: s, was: *s})
	if !s.dirty {
		r.order = append(r.order, s)
	}
	s.cur, s.present, s.dirty = row, true, true
}

// Wanted gives the keys that a store has to load and marks them as asked for.
// Stores only.
func (t *Table[K, R]) Wanted(v *View) []K {
	r := t.opened(v)
	if r == nil {
		return nil
	}
	w := r.wanted
	r.wanted = nil
	return w
}

// Fill puts a row that a store has loaded into the view. Stores only.
func (t *Table[K, R]) Fill(v *View, row R) {
	r := t.rows(v)
	k := t.key(&row)
	s, ok := r.slots[k]
	if !ok {
		s = &slot[R]{}
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
	rows []R
	mark int
}

func (l *logRows[R]) begin()    { l.mark = len(l.rows) }
func (l *logRows[R]) rollback() { l.rows = l.rows[:l.mark] }

// Append adds a row.
func (l *Log[R]) Append(v *View, row R) {
	s, _ := v.sets[l.index].(*logRows[R])
	if s == nil {
		s = &logRows[R]{}
		v.sets[l.index] = s
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
