package treasury

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/fault/outage"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/rail"
)

// Turns gives somebody a wallet for itself: fn is called once, soon, while nothing
// else is booked for the wallet, with a guard that fails once that is over. It may be
// called from another goroutine, never within Turns itself when that would wait, and
// not at all by a process that does not pay from the wallet.
type Turns func(wallet id.Seq, fn func(ctx context.Context, g Guard))

// Options set a worker.
type Options struct {
	Assets money.Assets
	// Every is how often wallets are looked at. Default 15 s.
	Every time.Duration
	// Doubt is how long a node must show less of a native coin than can have left before the
	// alarm is raised all the same. Default 10 min.
	Doubt time.Duration
	// Outages, if set, is told whether the nodes answer.
	Outages *outage.Book
	Log     *slog.Logger
}

// Worker looks at the wallets again and again: it books deposits, raises the alarm for
// what left without us, and tells when a wallet runs low.
type Worker struct {
	loop   *commit.Loop
	survey Survey
	turns  Turns // nil: this process only looks
	opt    Options
	sights sights

	mu   sync.Mutex
	seen []Status
	free map[[2]string]money.Amount // by network and asset: see Need.Free
	at   map[string]time.Time       // of what is free, by network
}

// NewWorker makes a worker. turns may be nil in a process that pays nothing: then it
// books nothing either.
func NewWorker(loop *commit.Loop, survey Survey, turns Turns, opt Options) *Worker {
	if opt.Every <= 0 {
		opt.Every = 15 * time.Second
	}
	if opt.Doubt <= 0 {
		opt.Doubt = 10 * time.Minute
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	w := &Worker{loop: loop, survey: survey, turns: turns, opt: opt, sights: sights{after: opt.Doubt, now: survey.Now}}
	w.survey.Calm = w.sights.calm
	return w
}

// Seen is what the last look showed, for metrics.
func (w *Worker) Seen() []Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen)
}

// Run works until ctx ends.
func (w *Worker) Run(ctx context.Context) error {
	tick := time.NewTicker(w.opt.Every)
	defer tick.Stop()
	for {
		w.Look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// lookTimeout bounds one look.
const lookTimeout = 30 * time.Second

// Look looks once at every wallet.
func (w *Worker) Look(ctx context.Context) {
	wallets, err := w.survey.Read.TreasuryWallets(ctx)
	if err != nil {
		w.warn(ctx, "the wallets cannot be listed", err)
		return
	}
	begin := w.survey.Now()
	wallets = slices.DeleteFunc(wallets, func(wal Wallet) bool { return w.survey.Rails[wal.Network] == nil })
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	// Side by side: a node that hangs must not make what is known of others old.
	seen, failed := make([]Status, len(wallets)), make([]bool, len(wallets))
	var wg sync.WaitGroup
	for n, wal := range wallets {
		wg.Go(func() {
			st, pos, err := w.survey.One(ctx, wal, false)
			switch node := (outage.Subject{What: outage.Node, Name: wal.Network}); {
			case err != nil:
				w.warn(ctx, "the books of a wallet cannot be read", err, "wallet", wal.Text())
			case st.Problem != "" && ctx.Err() == nil:
				w.opt.Outages.Fail(node, errors.New(st.Problem))
			case st.Problem == "":
				w.opt.Outages.OK(node)
			}
			w.low(ctx, st)
			w.book(st, pos)
			seen[n], failed[n] = st, err != nil || len(st.Figures) == 0
		})
	}
	wg.Wait()
	w.count(ctx, begin, seen, failed)
	w.mu.Lock()
	w.seen = seen
	w.mu.Unlock()
}

func (w *Worker) warn(ctx context.Context, text string, err error, args ...any) {
	if ctx.Err() == nil {
		w.opt.Log.Warn(text, append(args, "error", err)...)
	}
}

// book asks for a turn on the wallet when its lines show something new that has been seen
// often enough. Even when its payouts are not all concluded yet: they are by the time the
// turn comes.
func (w *Worker) book(st Status, pos rail.Position) {
	steady := map[string]sight{}
	for _, l := range st.Lines {
		if s, ok := w.sights.see(l); ok {
			steady[l.Asset] = s
		}
		if l.Asset == st.FeeAsset && l.settled && l.news().Sign() == 0 {
			w.sights.agreed(st.Wallet.Seq, pos.Nonce)
		}
	}
	if w.turns == nil || len(steady) == 0 {
		return
	}
	w.turns(st.Wallet.Seq, func(ctx context.Context, g Guard) {
		if err := w.bookNow(ctx, g, st, pos, steady); err != nil {
			w.warn(ctx, "a deposit cannot be booked; it is tried again", err, "wallet", st.Wallet.Text())
		}
	})
}

// bookNow books what a position shows beyond the ledger, at most as much of each asset as
// all looks before have shown. The caller has the wallet for itself.
func (w *Worker) bookNow(ctx context.Context, g Guard, seen Status, pos rail.Position, steady map[string]sight) error {
	wal := seen.Wallet
	st, calm, err := w.survey.state(ctx, wal, pos)
	if err != nil {
		return err
	}
	for _, l := range Judge(wal, seen.FeeAsset, calm, pos, nil, st) {
		s, ok := steady[l.Asset]
		if !ok || !l.due() || l.news().Sign() != s.sign {
			continue
		}
		c, err := l.booking(s.least)
		if err != nil {
			return err
		}
		c.Guard, c.Hash, c.Seen = g, pos.Hash, st.Books[l.Asset].Version
		if _, err := commit.Do(ctx, w.loop, OperatorShard, c); err != nil {
			if code := fault.CodeOf(err); code == "lease_lost" || code == "books_moved" {
				return nil // the next look sees it again
			}
			return err
		}
		w.sights.forget(l)
		if l.Asset == seen.FeeAsset {
			w.sights.agreed(wal.Seq, pos.Nonce)
		}
		w.say(c, wal)
	}
	return nil
}

// say logs what was booked.
func (w *Worker) say(c BookChain, wal Wallet) {
	text := func(a money.Amount) string { return w.opt.Assets[c.Asset].Format(a) + " " + c.Asset }
	if !c.Back.IsZero() {
		w.opt.Log.Warn("what had left a wallet without a payout of ours is there: the alarm is over", "wallet", wal.Text(), "amount", text(c.Back), "block", c.Block)
	}
	if !c.Deposit.IsZero() {
		w.opt.Log.Info("a deposit to a wallet was booked", "wallet", wal.Text(), "amount", text(c.Deposit), "block", c.Block)
	}
	if !c.Gone.IsZero() {
		w.opt.Log.Error("money left a wallet without a payout of ours: find out how, then book it with `sluice reconcile book`",
			"wallet", wal.Text(), "address", wal.Address, "network", wal.Network, "amount", text(c.Gone), "block", c.Block)
	}
}

// low tells when a wallet has crossed its threshold. The row that remembers it is only
// written when it did.
func (w *Worker) low(ctx context.Context, st Status) {
	for _, f := range st.Figures {
		if f.Low == f.wasLow {
			continue
		}
		a := w.opt.Assets[f.Asset]
		text := fmt.Sprintf("%s can pay %s %s; the threshold is %s. Send more to %s on %s", st.Wallet.Text(), a.Format(f.Spendable), f.Asset,
			a.Format(f.Below), st.Wallet.Address, st.Wallet.Network)
		_, err := commit.Do(ctx, w.loop, OperatorShard, SetLow{Wallet: st.Wallet.Seq, Asset: f.Asset, Low: f.Low, Spendable: f.Spendable, Text: text})
		switch {
		case err != nil:
			w.warn(ctx, "a low balance cannot be noted", err, "wallet", st.Wallet.Text())
		case f.Low:
			w.opt.Log.Warn("a wallet is low", "wallet", st.Wallet.Text(), "asset", f.Asset, "reason", text)
		default:
			w.opt.Log.Info("a wallet is no longer low", "wallet", st.Wallet.Text(), "asset", f.Asset)
		}
	}
}
