package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/webhook"
)

var _ webhook.Reader = (*DB)(nil)

// selectRows reads rows of a table in the form of its binding. tail is what comes
// after FROM; its first parameter is the shard.
func selectRows[R any](ctx context.Context, db *DB, m *meta, fields func(*R, []any) []any, tail string, args ...any) ([]R, error) {
	var out []R
	var r R
	dst := fields(&r, nil)
	err := db.engine.each(ctx, "SELECT "+strings.Join(m.names(), ", ")+" FROM "+m.name+" "+tail, args, dst, func() error {
		out = append(out, r)
		return nil
	})
	return out, err
}

// inLists are the lengths of lists in statements: few texts, prepared once each.
var inLists = [...]int{1, 8, 64, 512}

// eachList calls fn with parts of a list, padded to a length of inLists by
// repeating its last element, and with the placeholders for it from $first on.
func eachList[N ~int64](list []N, first int, fn func(marks string, args []any) error) error {
	for part := range slices.Chunk(list, inLists[len(inLists)-1]) {
		size := 0
		for inLists[size] < len(part) {
			size++
		}
		args, marks := make([]any, inLists[size]), make([]string, inLists[size])
		for n := range args {
			args[n] = int64(part[min(n, len(part)-1)])
			marks[n] = fmt.Sprintf("$%d", first+n)
		}
		if err := fn(strings.Join(marks, ", "), args); err != nil {
			return err
		}
	}
	return nil
}

// FannedOut implements webhook.Reader.
func (db *DB) FannedOut(ctx context.Context, shard id.Shard) (int64, error) {
	var at int64
	err := db.engine.each(ctx, "SELECT event FROM event_cursor WHERE shard = $1 AND name = $2", []any{int64(shard), webhook.CursorName}, []any{&at},
		func() error { return nil })
	return at, err
}

// EventsAfter implements webhook.Reader.
func (db *DB) EventsAfter(ctx context.Context, shard id.Shard, after int64, limit int) ([]event.Event, error) {
	return selectRows(ctx, db, &events.meta, events.fields, "WHERE shard = $1 AND seq > $2 ORDER BY seq LIMIT $3", int64(shard), after, limit)
}

// HeldBack implements webhook.Reader.
func (db *DB) HeldBack(ctx context.Context, shard id.Shard) ([]webhook.Behind, error) {
	var out []webhook.Behind
	var b webhook.Behind
	columns := make([]string, 0, len(endpoints.names())+1)
	for _, c := range endpoints.names() {
		columns = append(columns, "e."+c)
	}
	// Names between the prefix and its successor: one look into the key.
	err := db.engine.each(ctx, "SELECT "+strings.Join(append(columns, "c.event"), ", ")+` FROM event_cursor c
		JOIN webhook_endpoint e ON e.shard = c.shard AND e.seq = CAST(substr(c.name, 9) AS BIGINT)
		WHERE c.shard = $1 AND c.name > 'webhook:' AND c.name < 'webhook;' AND c.event >= 0 ORDER BY e.seq`,
		[]any{int64(shard)}, append(endpoints.fields(&b.Endpoint, nil), &b.After), func() error {
			out = append(out, b)
			return nil
		})
	return out, err
}

// PendingOf implements webhook.Reader.
func (db *DB) PendingOf(ctx context.Context, shard id.Shard, endpoint id.Seq, limit int64) (n int64, err error) {
	err = db.engine.each(ctx, "SELECT count(*) FROM (SELECT 1 FROM webhook_delivery WHERE shard = $1 AND endpoint = $2 AND state = 'pending' LIMIT $3) p",
		[]any{int64(shard), int64(endpoint), limit}, []any{&n}, func() error { return nil })
	return n, err
}

// EventsAt gives the events with these Seqs, in any order; missing ones are left out.
func (db *DB) EventsAt(ctx context.Context, shard id.Shard, seqs []int64) ([]event.Event, error) {
	var out []event.Event
	err := eachList(seqs, 2, func(marks string, args []any) error {
		part, err := selectRows(ctx, db, &events.meta, events.fields, "WHERE shard = $1 AND seq IN ("+marks+")", append([]any{int64(shard)}, args...)...)
		out = append(out, part...)
		return err
	})
	return out, err
}

// EndpointsOf gives the endpoints of these merchants that are not deleted.
func (db *DB) EndpointsOf(ctx context.Context, shard id.Shard, merchants []id.Seq) ([]webhook.Endpoint, error) {
	var out []webhook.Endpoint
	err := eachList(merchants, 2, func(marks string, args []any) error {
		part, err := selectRows(ctx, db, &endpoints.meta, endpoints.fields,
			"WHERE shard = $1 AND state <> 'deleted' AND merchant IN ("+marks+") ORDER BY seq", append([]any{int64(shard)}, args...)...)
		out = append(out, part...)
		return err
	})
	return out, err
}

// WaitingEndpoints implements webhook.Reader. One look into the index of due
// deliveries per endpoint and lane.
func (db *DB) WaitingEndpoints(ctx context.Context, shard id.Shard) ([]webhook.Waiting, error) {
	var out []webhook.Waiting
	var e webhook.Endpoint
	earliest := make([]time.Time, len(webhook.Lanes))
	dst, columns := endpoints.fields(&e, nil), endpoints.names()
	for n, lane := range webhook.Lanes {
		dst = append(dst, &earliest[n])
		columns = append(columns, fmt.Sprintf(`coalesce((SELECT d.next_at FROM webhook_delivery d
			WHERE d.shard = e.shard AND d.endpoint = e.seq AND d.state = 'pending' AND d.lane = %d ORDER BY d.next_at LIMIT 1), 0)`, lane))
	}
	err := db.engine.each(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM webhook_endpoint e WHERE e.shard = $1", []any{int64(shard)}, dst, func() error {
		at := map[webhook.Lane]time.Time{}
		for n, lane := range webhook.Lanes {
			if !earliest[n].IsZero() {
				at[lane] = earliest[n]
			}
		}
		if len(at) > 0 {
			out = append(out, webhook.Waiting{Endpoint: e, At: at})
		}
		return nil
	})
	return out, err
}

// DueDeliveries implements webhook.Reader.
func (db *DB) DueDeliveries(ctx context.Context, shard id.Shard, endpoint id.Seq, lane webhook.Lane, at time.Time, limit int) ([]webhook.Delivery, error) {
	return selectRows(ctx, db, &deliveries.meta, deliveries.fields,
		"WHERE shard = $1 AND endpoint = $2 AND state = 'pending' AND lane = $3 AND next_at <= $4 ORDER BY next_at, seq LIMIT $5",
		int64(shard), int64(endpoint), int64(lane), micros(at), limit)
}

// Packaged implements webhook.Reader.
func (db *DB) Packaged(ctx context.Context, shard id.Shard, endpoint id.Seq, pack int64) ([]webhook.Delivery, error) {
	return selectRows(ctx, db, &deliveries.meta, deliveries.fields,
		"WHERE shard = $1 AND endpoint = $2 AND state = 'pending' AND package = $3 ORDER BY seq", int64(shard), int64(endpoint), pack)
}

// RunningReplays implements webhook.Reader.
func (db *DB) RunningReplays(ctx context.Context, shard id.Shard, limit int) ([]webhook.Replay, error) {
	return selectRows(ctx, db, &replays.meta, replays.fields, "WHERE shard = $1 AND state = 'running' ORDER BY seq LIMIT $2", int64(shard), limit)
}

// replayScan is how many deliveries one statement of a replay looks at: it bounds
// how long a connection is held for a filter that matches little.
const replayScan = 10_000

// errEnough ends the reading of a result.
var errEnough = errors.New("enough")

// ReplayPage implements webhook.Reader.
func (db *DB) ReplayPage(ctx context.Context, shard id.Shard, r webhook.Replay, limit int) ([]id.Seq, error) {
	after := r.After
	for {
		var d webhook.Delivery
		var out []id.Seq
		var last id.Seq
		seen := 0
		err := db.engine.each(ctx, "SELECT "+strings.Join(deliveries.names(), ", ")+
			" FROM webhook_delivery WHERE shard = $1 AND endpoint = $2 AND seq > 0 AND seq > $3 AND seq < $4 ORDER BY seq LIMIT $5",
			[]any{int64(shard), int64(r.Endpoint), int64(after), int64(r.Seq), replayScan}, deliveries.fields(&d, nil), func() error {
				seen, last = seen+1, d.Seq
				if r.Asks(d) {
					out = append(out, d.Seq)
				}
				if len(out) == limit {
					return errEnough
				}
				return nil
			})
		if err != nil && !errors.Is(err, errEnough) {
			return nil, err
		}
		if len(out) > 0 || seen < replayScan {
			return out, nil
		}
		after = last
	}
}
