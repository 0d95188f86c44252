package chain

// change is one change of the state that can be taken back and made again.
type change interface {
	undo()
	redo()
}

// journal collects changes in their order. What is taken out of it belongs to a block.
type journal struct{ changes []change }

// mark is a place in the journal to go back to.
func (j *journal) mark() int { return len(j.changes) }

// revert takes back everything since mark.
func (j *journal) revert(mark int) {
	undo(j.changes[mark:])
	j.changes = j.changes[:mark]
}

// take empties the journal and returns what was in it; the state stays as it is.
func (j *journal) take() []change {
	taken := j.changes
	j.changes = nil
	return taken
}

func undo(changes []change) {
	for i := len(changes) - 1; i >= 0; i-- {
		changes[i].undo()
	}
}

func redo(changes []change) {
	for _, c := range changes {
		c.redo()
	}
}

// table is a map whose every change is in the journal.
type table[K comparable, V any] struct {
	rows    map[K]V
	journal *journal
}

func newTable[K comparable, V any](j *journal) *table[K, V] {
	return &table[K, V]{rows: map[K]V{}, journal: j}
}

func (t *table[K, V]) get(key K) (V, bool) {
	v, ok := t.rows[key]
	return v, ok
}

func (t *table[K, V]) set(key K, value V) {
	before, had := t.rows[key]
	t.apply(&row[K, V]{t: t, key: key, before: before, had: had, after: value, has: true})
}

func (t *table[K, V]) remove(key K) {
	if before, had := t.rows[key]; had {
		t.apply(&row[K, V]{t: t, key: key, before: before, had: true})
	}
}

func (t *table[K, V]) apply(r *row[K, V]) {
	r.redo()
	t.journal.changes = append(t.journal.changes, r)
}

type row[K comparable, V any] struct {
	t             *table[K, V]
	key           K
	before, after V
	had, has      bool
}

func (r *row[K, V]) undo() { r.put(r.before, r.had) }
func (r *row[K, V]) redo() { r.put(r.after, r.has) }

func (r *row[K, V]) put(v V, present bool) {
	if present {
		r.t.rows[r.key] = v
		return
	}
	delete(r.t.rows, r.key)
}

// cell is a single value whose every change is in the journal.
type cell[V any] struct{ table *table[struct{}, V] }

func newCell[V any](j *journal) cell[V] { return cell[V]{newTable[struct{}, V](j)} }

func (c cell[V]) get() V {
	v, _ := c.table.get(struct{}{})
	return v
}

func (c cell[V]) set(v V) { c.table.set(struct{}{}, v) }
