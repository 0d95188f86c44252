package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/payout/recovery"
	"sluice/internal/rail"
	"sluice/internal/signer"
	"sluice/internal/store"
	"sluice/internal/store/chain"
)

// Recovery finds out whether the books are older than what the world outside knows, and
// takes in what they lack. The server asks it at its start and from then on; the tools
// take in and open again. docs/operations/backup.md says what for.
type Recovery struct {
	DB    *store.DB
	Rails map[string]rail.Rail
	Log   signer.Historian // nil: this process has no signer, or one without a log
	Conf  config.Config
	Text  *slog.Logger
	// Read hears of every record of the signer's log that Find has read; nil: nobody does.
	Read func(records int)

	looking atomic.Bool
	place   string          // how far the signer's log was compared; ahead of what is noted
	noted   time.Time       // when it was noted
	away    bool            // it was said that the signer's log cannot be compared now
	nonces  map[id.Seq]bool // wallets whose nonces were compared with their chains
	owed    sync.Map        // by wallet: its chain did not answer when it was to be compared, and has not since
}

// NewRecovery looks at the books of db. log is that of the signer, nil for none.
func NewRecovery(db *store.DB, rails map[string]rail.Rail, log signer.Historian, conf config.Config, text *slog.Logger) *Recovery {
	return &Recovery{DB: db, Rails: rails, Log: log, Conf: conf, Text: text, nonces: map[id.Seq]bool{}}
}

// compareWithin bounds what is compared before the server starts; what is left is compared
// while it runs.
const compareWithin = 10 * time.Second

// watchEvery is how often a running server compares.
const watchEvery = 5 * time.Second

// noteEvery bounds how often it is written down how far the signer's log was compared.
const noteEvery = 10 * time.Minute

// Looking tells whether the books are only looked at, as far as this process knows.
func (r *Recovery) Looking() bool { return r.looking.Load() }

// LookingAt tells whether the books are only looked at as far as a wallet is concerned: all are, or
// its chain did not answer yet, so it may have paid more than the books know.
func (r *Recovery) LookingAt(wallet id.Seq) bool {
	_, owed := r.owed.Load(wallet)
	return owed || r.Looking()
}

// Start compares before anything is accepted.
func (r *Recovery) Start(ctx context.Context) error {
	i, err := r.DB.Installation(ctx)
	if err != nil {
		return err
	}
	found := recovery.Look{Reason: i.Reason, Asks: i.Asks, Actor: i.Actor} // goes on, where it had begun
	older, err := r.behindAnchors(ctx)
	if err == nil && older.Reason == "" && i.State != recovery.Looking {
		older, err = r.behindOthers(ctx, i)
	}
	if err != nil {
		return err
	}
	if older.Reason != "" {
		found = older
	}
	if older.Reason == "" && i.State != recovery.Looking {
		return nil
	}
	r.Text.Error("LOOKING ONLY: the books may be older than what was paid. Nothing is accepted, taken back or paid until `sluice recover` has compared them", "reason", found.Reason)
	return Write(ctx, r.DB, func(loop *commit.Loop) error { return r.look(ctx, loop, found) })
}

// behindAnchors says why the books are older than what was written down of them; it is
// empty where they are not. Events that are missing need an operator: what was accepted
// and not paid left no other trace.
func (r *Recovery) behindAnchors(ctx context.Context) (recovery.Look, error) {
	known, err := chain.ReadAnchors(r.Conf.AnchorFile())
	if err != nil {
		return recovery.Look{}, err
	}
	behind, err := r.DB.Behind(ctx, known)
	if err != nil || len(behind) == 0 {
		return recovery.Look{}, err
	}
	shards, err := r.DB.ShardRows(ctx)
	if err != nil {
		return recovery.Look{}, err
	}
	out := recovery.Look{Actor: recovery.Actor}
	for _, b := range behind {
		for _, s := range shards {
			if s.Number == b.Shard {
				out.Reason = fmt.Sprintf("at %s shard %d was at event %d and version %d, and now it is at %d and %d: the database was restored, or its end was cut off",
					b.At.Format(time.RFC3339), b.Shard, b.LastEvent, b.Version, s.LastEvent, s.Version)
				out.Asks = out.Asks || b.LastEvent > s.LastEvent
			}
		}
	}
	return out, nil
}

// behindOthers says why the books are older than the signer's log or than the chains.
func (r *Recovery) behindOthers(ctx context.Context, i recovery.Installation) (recovery.Look, error) {
	ctx, cancel := context.WithTimeout(ctx, compareWithin)
	defer cancel()
	if r.place == "" {
		r.place = i.Place
	}
	why, err := r.behindSigner(ctx)
	switch {
	case err == nil:
		r.away = false
	case fault.KindOf(err) != fault.Unavailable && !errors.Is(err, context.DeadlineExceeded):
		return recovery.Look{}, err
	case !r.away:
		r.away = true
		r.Text.Warn("the signer's log cannot be compared with the books now; that goes on while the server runs", "error", err)
	}
	if why != "" {
		return recovery.Look{Reason: why, Actor: recovery.Actor}, nil
	}
	why, err = r.behindNonces(ctx)
	return recovery.Look{Reason: why, Actor: recovery.Actor}, err
}

// behindSigner reads on in the signer's log, until something in it is not in the books.
func (r *Recovery) behindSigner(ctx context.Context) (string, error) {
	if r.Log == nil {
		return "", nil
	}
	for {
		page, next, err := r.Log.History(ctx, r.place)
		if fault.CodeOf(err) == "signer_log_other" {
			return err.Error(), nil
		}
		if err != nil || len(page) == 0 {
			return "", err
		}
		lost, err := r.lost(ctx, page)
		if err != nil {
			return "", err
		}
		if len(lost) > 0 {
			return fmt.Sprintf("the signer's log knows %s of %s, which these books do not have: they are older", lost[0].Bound, lost[0].At.Format(time.RFC3339)), nil
		}
		r.place = next
	}
}

// lost are the records of slots that were bound for payouts and that the books do not know
// of. A dispatch is written, and its slot is bound in the books, before the signer is asked.
func (r *Recovery) lost(ctx context.Context, page []signer.Record) (out []signer.Record, err error) {
	var seqs []id.Seq
	for _, rec := range page {
		if at, ok := r.bound(rec); ok {
			seqs = append(seqs, at)
		}
	}
	states, err := r.DB.DispatchStates(ctx, seqs)
	if err != nil {
		return nil, err
	}
	for _, rec := range page {
		if at, ok := r.bound(rec); ok && !recovery.Knows(string(states[at])) {
			out = append(out, rec)
		}
	}
	return out, nil
}

// bound is the dispatch that a record bound a slot for, if the record is about payouts on
// a network of this installation.
func (r *Recovery) bound(rec signer.Record) (id.Seq, bool) {
	at, err := id.Parse(id.Dispatch, rec.Bound)
	return at.Seq, err == nil && !rec.Again && !rec.Cancel && len(rec.Payouts) > 0 && r.Rails[rec.Network] != nil
}

// look makes all shards only look.
func (r *Recovery) look(ctx context.Context, loop *commit.Loop, why recovery.Look) error {
	for n := range r.DB.Shards() {
		// The operator's is the first: a process that ends in between is followed by one that
		// reads there what to do.
		if _, err := commit.Do(ctx, loop, id.Shard(n), why); err != nil {
			return err
		}
	}
	r.looking.Store(true)
	return nil
}

// Look makes the books only looked at, as an operator says.
func (r *Recovery) Look(ctx context.Context, loop *commit.Loop, reason, actor string) error {
	return r.look(ctx, loop, recovery.Look{Reason: reason, Asks: true, Actor: actor})
}

// Copied makes a copy of the books, which a backup has just made, only look: whoever starts
// a server with it has restored it.
func (r *Recovery) Copied(ctx context.Context, loop *commit.Loop) error {
	return r.look(ctx, loop, recovery.Look{Actor: recovery.BackupActor, Reason: "this is a backup of " + time.Now().UTC().Format(time.RFC3339)})
}

// run watches until ctx ends.
func (r *Recovery) run(ctx context.Context, loop *commit.Loop) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		if err := r.round(ctx, loop); err != nil && ctx.Err() == nil {
			r.Text.Warn("the books cannot be compared with what is outside", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// round compares once, and opens the books again when nothing is missing any more.
func (r *Recovery) round(ctx context.Context, loop *commit.Loop) error {
	i, err := r.DB.Installation(ctx)
	if err != nil {
		return err
	}
	r.looking.Store(i.State == recovery.Looking)
	if i.State == recovery.Looking {
		return r.maybeOpen(ctx, loop, i)
	}
	older, err := r.behindOthers(ctx, i)
	if err != nil {
		return err
	}
	if older.Reason != "" {
		r.Text.Error("LOOKING ONLY from now on: the books are older than something outside them", "reason", older.Reason)
		return r.look(ctx, loop, older)
	}
	if r.place != i.Place && time.Since(r.noted) >= noteEvery {
		if _, err := commit.Do(ctx, loop, recovery.Shard, recovery.Compared{From: i.Place, To: r.place}); err != nil {
			return err
		}
		r.noted = time.Now()
	}
	return nil
}

// lastAnchors are by shard the highest numbers of events that were written down.
func (r *Recovery) lastAnchors() (map[id.Shard]int64, error) {
	known, err := chain.ReadAnchors(r.Conf.AnchorFile())
	out := map[id.Shard]int64{}
	for _, a := range known {
		out[a.Shard] = max(out[a.Shard], a.LastEvent)
	}
	return out, err
}

// anchor writes down that the books as they are now take the place of what was written
// down of them before.
func (r *Recovery) anchor(ctx context.Context, reason string) error {
	all, err := r.DB.Anchors(ctx, time.Now(), reason)
	if path := r.Conf.AnchorFile(); err == nil && path != "" && len(all) > 0 {
		err = chain.AppendAnchors(path, all)
	}
	return err
}
