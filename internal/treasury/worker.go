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
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/outage"
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
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	return &Worker{loop: loop, survey: survey, turns: turns, opt: opt}
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

// book asks for a turn on the wallet when its lines show something new. Even when its
// payouts are not all concluded yet: they are by the time the turn comes.
func (w *Worker) book(st Status, pos rail.Position) {
	if w.turns == nil || !slices.ContainsFunc(st.Lines, func(l Line) bool { return l.news().Sign() != 0 }) {
		return
	}
	w.turns(st.Wallet.Seq, func(ctx context.Context, g Guard) {
		if err := w.bookNow(ctx, g, st.Wallet, pos); err != nil {
			w.warn(ctx, "a deposit cannot be booked; it is tried again", err, "wallet", st.Wallet.Text())
		}
	})
}

// bookNow books what a position shows beyond the ledger. The caller has the wallet for
// itself.
func (w *Worker) bookNow(ctx context.Context, g Guard, wal Wallet, pos rail.Position) error {
	st, err := w.survey.Read.TreasuryState(ctx, wal, pos)
	if err != nil {
		return err
	}
	for _, l := range Judge(wal, pos, nil, st) {
		if !l.due() {
			continue
		}
		news := l.news()
		abs, err := news.Abs()
		if err != nil {
			return err
		}
		c := BookChain{Guard: g, Wallet: wal.Seq, Asset: l.Asset, Block: pos.Block, Hash: pos.Hash, Seen: st.Books[l.Asset].Version}
		if news.Sign() > 0 {
			c.Deposit = abs
		} else {
			c.Gone = abs
		}
		if _, err := commit.Do[Book](ctx, w.loop, OperatorShard, c); err != nil {
			if code := fault.CodeOf(err); code == "lease_lost" || code == "books_moved" {
				return nil // the next look sees it again
			}
			return err
		}
		text := w.opt.Assets[l.Asset].Format(abs) + " " + l.Asset
		if news.Sign() > 0 {
			w.opt.Log.Info("a deposit to a wallet was booked", "wallet", wal.Text(), "amount", text, "block", pos.Block)
			continue
		}
		w.opt.Log.Error("money left a wallet without a payout of ours: find out how, then book it with `sluice reconcile book`",
			"wallet", wal.Text(), "address", wal.Address, "network", wal.Network, "amount", text, "block", pos.Block)
	}
	return nil
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
		_, err := commit.Do[Book](ctx, w.loop, OperatorShard, SetLow{Wallet: st.Wallet.Seq, Asset: f.Asset, Low: f.Low, Spendable: f.Spendable, Text: text})
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
