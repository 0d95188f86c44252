package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"sluice/internal/id"
)

// The insert floor writes the rows that the product wrote, taken from the measured
// database, into a scratch copy of the schema: same tables, same indexes, same
// lengths. Only what must be unique or must grow is made anew.

// perWithdrawal are the tables that get one row for each accepted withdrawal, in
// the order in which they are written.
var perWithdrawal = []string{"idempotency", "withdrawal", "transfer", "event"}

// sampleMax bounds how many withdrawals are taken as patterns, so that memory does
// not grow with the duration.
const sampleMax = 16384

// sample holds the rows of one table, each value as the engine's driver has it.
type sample struct {
	table   string
	columns []string
	types   []uint32 // PostgreSQL only: object ids of the types
	rows    [][]any
}

func (s *sample) position(name string) int {
	for i, c := range s.columns {
		if c == name {
			return i
		}
	}
	return -1
}

// raw is a database without the product: what the floors and the facts need.
type raw interface {
	name() string // of the engine
	// facts gives the version of the engine and the settings that make it durable.
	facts(ctx context.Context) (version, durability string, err error)
	// strangers counts the merchants that are not of the bench. A database without
	// a schema has none.
	strangers(ctx context.Context) (int, error)
	// rows reads the rows of a query as a sample of a table.
	rows(ctx context.Context, table, query string, args ...any) (sample, error)
	// batches is how many batches a shard has committed so far.
	batches(ctx context.Context, shard id.Shard) (int64, error)
	// written is a position that grows with every byte written; ok is false where
	// that cannot be known.
	written(ctx context.Context) (bytes int64, ok bool, err error)
	// scratch makes an empty copy of the schema beside the database.
	scratch(ctx context.Context, shard id.Shard) (scratch, error)
	codec
	close(ctx context.Context) error
}

// codec reads and makes the few values that the floor changes, in the form of the engine.
type codec interface {
	number(v any) int64
	// moved is v with n added.
	moved(v any, n int64) any
	text(b []byte) any
}

// scratch is the database of the insert floor.
type scratch interface {
	// load makes the rows that the floor changes, the balances, and gets ready to
	// write those of a generator.
	load(ctx context.Context, balances sample, g *generator) error
	// batch writes n withdrawals in one durable transaction, as fast as the engine can.
	batch(ctx context.Context, g *generator, n int) error
	// row changes one row in one durable transaction: the least that an answer can wait for.
	row(ctx context.Context) error
	drop(ctx context.Context) error
}

// generator makes the rows of withdrawal after withdrawal from patterns.
type generator struct {
	codec
	samples []sample // as perWithdrawal, all of the same length
	random  *rand.Rand
	next    int64   // withdrawals made so far
	span    []int64 // of each table: how far its numbers move when the patterns start over
	at      [][]shift
	event   sample // where the balance after each withdrawal stands
	balance [balanceColumns]int
	row     []any
}

// shift says how a column of a pattern becomes that of a new row.
type shift struct {
	at   int
	kind shiftKind
}

type shiftKind int

const (
	shiftNumber  shiftKind = iota + 1 // a number of a row: grows
	shiftForeign                      // a foreign id
	shiftKey                          // an idempotency key
)

// The columns of an event that hold the balance after it, and of the balance that they become.
const balanceColumns = 7

var (
	eventBalance = [balanceColumns]string{"account", "currency", "available", "pending", "locked", "reserved", "at"}
	balanceRow   = [balanceColumns]string{"account", "currency", "available", "pending", "locked", "reserved", "updated_at"}
)

var shifted = map[string]map[string]shiftKind{
	"idempotency": {"key": shiftKey, "ref": shiftNumber},
	"withdrawal":  {"seq": shiftNumber, "foreign_id": shiftForeign},
	"transfer":    {"seq": shiftNumber, "withdrawal": shiftNumber},
	"event":       {"seq": shiftNumber, "subject": shiftNumber},
}

func newGenerator(c codec, samples []sample) (*generator, error) {
	g := &generator{codec: c, samples: samples, random: newRandom()}
	n := sampleMax
	for _, s := range samples {
		n = min(n, len(s.rows))
	}
	for i := range samples {
		s := &samples[i]
		if n == 0 {
			return nil, fmt.Errorf("the floor needs withdrawals to copy, and there is no row of %s", s.table)
		}
		s.rows = s.rows[:n]
		var at []shift
		for name, kind := range shifted[s.table] {
			if s.position(name) < 0 {
				return nil, fmt.Errorf("the floor knows no column %s of %s", name, s.table)
			}
			at = append(at, shift{s.position(name), kind})
		}
		g.at = append(g.at, at)
		span := int64(0)
		if i := s.position("seq"); i >= 0 {
			first, last := c.number(s.rows[0][i]), c.number(s.rows[n-1][i])
			span = last - first + 2
		}
		g.span = append(g.span, span)
	}
	// Rows of the same numbering move by the same distance.
	g.span[0] = max(g.span[1], g.span[2])
	g.span[1], g.span[2] = g.span[0], g.span[0]
	g.event = g.samples[len(samples)-1]
	for i, name := range eventBalance {
		if g.balance[i] = g.event.position(name); g.balance[i] < 0 {
			return nil, fmt.Errorf("the floor knows no column %s of event", name)
		}
	}
	return g, nil
}

// values gives the row of a table for withdrawal number n, counted from 0. The
// slice is good until the next call.
func (g *generator) values(table int, n int64) []any {
	s := &g.samples[table]
	size := int64(len(s.rows))
	g.row = append(g.row[:0], s.rows[n%size]...)
	round := n / size
	for _, c := range g.at[table] {
		switch c.kind {
		case shiftNumber:
			by := g.span[table]
			if s.columns[c.at] == "subject" { // an event counts its own seq, and names a withdrawal
				by = g.span[1]
			}
			g.row[c.at] = g.moved(g.row[c.at], round*by)
		case shiftForeign:
			g.row[c.at] = g.text(appendForeign(nil, n))
		case shiftKey:
			g.row[c.at] = g.text(appendKey(nil, g.random))
		}
	}
	return g.row
}

// balances gives the rows of balance that withdrawals from to from+n change: the
// last state of each account, in the order of balanceRow.
func (g *generator) balances(from int64, n int) [][balanceColumns]any {
	size := int64(len(g.event.rows))
	last := make(map[int64]int, n)
	out := make([][balanceColumns]any, 0, n)
	for i := range int64(n) {
		pattern := g.event.rows[(from+i)%size]
		var row [balanceColumns]any
		for c, at := range g.balance {
			row[c] = pattern[at]
		}
		account := g.number(row[0])
		if was, ok := last[account]; ok {
			out[was] = row
			continue
		}
		last[account] = len(out)
		out = append(out, row)
	}
	return out
}

// bytesEach is the length of all values of one withdrawal.
func (g *generator) bytesEach() float64 {
	n := 0
	for t := range g.samples {
		for _, v := range g.values(t, 0) {
			switch x := v.(type) {
			case []byte:
				n += len(x)
			case string:
				n += len(x)
			default:
				n += 8
			}
		}
	}
	return float64(n)
}

// take reserves the next n withdrawals.
func (g *generator) take(n int) int64 {
	from := g.next
	g.next += int64(n)
	return from
}

// patterns reads the rows of the last withdrawals of the bench's merchant, oldest
// first, and all its balances.
func patterns(ctx context.Context, r raw, b *book) (rows []sample, balances sample, err error) {
	// The numbers are ours, so they may stand in the text: the two engines name parameters differently.
	last := fmt.Sprintf("(SELECT shard, seq FROM withdrawal WHERE shard = %d AND merchant = %d ORDER BY seq DESC LIMIT %d)",
		b.merchant.Shard, b.merchant.Seq, sampleMax)
	queries := map[string]string{
		"withdrawal": "SELECT t.* FROM withdrawal t JOIN " + last + " w ON t.shard = w.shard AND t.seq = w.seq ORDER BY t.seq",
		"transfer":   "SELECT t.* FROM transfer t JOIN " + last + " w ON t.shard = w.shard AND t.withdrawal = w.seq AND t.withdrawal <> 0 ORDER BY t.seq",
		"event":      "SELECT t.* FROM event t JOIN " + last + " w ON t.shard = w.shard AND t.subject = w.seq AND t.subject <> 0 WHERE t.type = 'withdrawal.created' ORDER BY t.seq",
		// Which record is whose does not matter: key and ref are made anew.
		"idempotency": fmt.Sprintf("SELECT t.* FROM idempotency t WHERE shard = %d AND merchant = %d LIMIT %d", b.merchant.Shard, b.merchant.Seq, sampleMax),
	}
	for _, table := range perWithdrawal {
		s, err := r.rows(ctx, table, queries[table])
		if err != nil {
			return nil, balances, fmt.Errorf("read what was written to %s: %w", table, err)
		}
		rows = append(rows, s)
	}
	balances, err = r.rows(ctx, "balance", fmt.Sprintf("SELECT t.* FROM balance t WHERE shard = %d AND merchant = %d", b.merchant.Shard, b.merchant.Seq))
	return rows, balances, err
}

// insertFloor writes batches of one size for a while.
func insertFloor(ctx context.Context, s scratch, g *generator, size int, d time.Duration) (load, error) {
	start := time.Now()
	var l load
	for ok := true; ok; ok = l.elapsed < d {
		if err := s.batch(ctx, g, size); err != nil {
			return l, fmt.Errorf("the insert floor: %w", err)
		}
		l.accepted += int64(size)
		l.elapsed = time.Since(start)
	}
	return l, nil
}
