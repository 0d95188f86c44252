// Package app puts the parts of Sluice together. New builds them in the order in
// which they depend on each other, Run starts them and stops them in order. The
// server, the demo and the tests build the same App.
package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/dialect"
	"sluice/internal/fault"
	"sluice/internal/fault/outage"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/payout"
	"sluice/internal/payout/due"
	"sluice/internal/pricing"
	"sluice/internal/pricing/fx/source"
	"sluice/internal/rail"
	"sluice/internal/seal"
	"sluice/internal/signer"
	"sluice/internal/signer/acceptance"
	"sluice/internal/store"
	"sluice/internal/treasury"
	"sluice/internal/webhook/deliver"
)

// Options are what a program hands in instead of having it made from the
// configuration. All of them may be zero.
type Options struct {
	// Rails by network, besides those that are configured or in place of them.
	// Who opened them closes them.
	Rails map[string]rail.Rail
	// Signer is used instead of the keystore.
	Signer signer.Signer
	// Log hears of everything. Default slog.Default().
	Log *slog.Logger
}

// App is a whole installation in one process.
type App struct {
	// Loop is the one way in for changes. It works while Run does.
	Loop *commit.Loop
	// Store is for reading.
	Store *store.DB
	// Assets are the currencies.
	Assets money.Assets

	conf    config.Config
	log     *slog.Logger
	metrics *metrics
	outages *outage.Book
	rails   map[string]rail.Rail
	banks   []bank
	sign    signer.Signer // who signs for this process, and agrees to files
	health  *signerHealth // nil: nobody signs for this process, or it cannot tell
	books   *Recovery

	book     *book
	lookout  *lookout // nil: nothing is paid out from here
	anchors  *anchors
	writes   *writes
	schedule *due.Schedule
	dispatch *payout.Worker  // nil: nothing is paid out from here
	deliver  *deliver.Worker // nil: nothing is sent from here
	terms    *pricing.Book
	rates    *source.Poller   // nil: there are no prices
	treasury *treasury.Worker // nil: there are no networks
	survey   *treasury.Survey // nil: there are no networks
	dialects []dialect.Dialect
	ring     *seal.Ring // nil: the installation has no keys for secrets

	listener, adminListener net.Listener // admin: nil when not served
	server, adminServer     *http.Server

	pause    func(context.Context, time.Duration) // the stop delay; tests hold it
	ready    chan struct{}
	draining atomic.Bool
	closers  []func() error // called last first
	closed   sync.Once
	closeErr error
}

// New builds everything and opens database, keys and listeners, but starts
// nothing. The configuration is checked again. Close, or the end of Run, gives
// everything back.
func New(ctx context.Context, conf config.Config, opt Options) (_ *App, err error) {
	if err := conf.Validate(networksOf(opt.Rails)...); err != nil {
		return nil, err
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	outages := outage.New(opt.Log)
	a := &App{conf: conf, log: slog.New(outages.Handler(opt.Log.Handler())), outages: outages, metrics: newMetrics(Version()), Assets: conf.Money(), pause: pause, ready: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	alone, err := store.Alone(conf.DatabaseURL.Reveal())
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, alone)
	if a.Store, err = openStore(ctx, conf, a.log, outages); err != nil {
		return nil, err
	}
	a.closers = append(a.closers, a.Store.Close)
	a.writes = &writes{probe: a.Store.ProbeWrites}
	if err := registerAssets(ctx, a.Store, a.Assets, a.log); err != nil {
		return nil, err
	}
	if err := a.openRails(ctx, opt.Rails); err != nil {
		return nil, err
	}
	if conf.Dispatch.Enabled && len(a.rails) > 0 {
		a.lookout = newLookout(a.Store, a.Assets, a.log)
	}
	a.Loop = commit.New(watchedStore{a.Store, a.metrics, a.queued, a.lookout.changed, a.writes}, a.Store.Shards(), commit.Options{
		BatchMax: conf.Commit.BatchMax, BatchWait: conf.Commit.BatchWait.Std(), Queue: conf.Commit.Queue, Observe: a.observe, Log: a.log,
	})
	if conf.Mode == config.Live && conf.Credits.Merchants == config.CreditsUnlimited {
		a.log.Warn("every merchant can credit itself without limit, and be paid whatever the wallets hold: credits.merchants is unlimited")
	}
	a.schedule = due.New(a.Loop, a.Store, due.Options{Queued: a.queued, Outages: a.outages, Log: a.log})
	a.books = NewRecovery(a.Store, a.rails, nil, conf, a.log)
	if err := a.newDispatch(ctx, opt.Signer); err != nil {
		return nil, err
	}
	a.connectBanks()
	if err := a.books.Start(ctx); err != nil {
		return nil, err
	}
	a.newTreasury()
	if err := a.newTerms(); err != nil {
		return nil, err
	}
	if err := a.newDialects(); err != nil {
		return nil, err
	}
	if err := a.newDeliver(); err != nil {
		return nil, err
	}
	a.book = newBook(a.Store, a.Assets, conf.TrialEvery.Std(), a.log)
	a.metrics.registry.MustRegister(a.book, newOut(a.outages))
	if err := a.newAnchors(ctx); err != nil {
		return nil, err
	}
	return a, a.listen(ctx)
}

func networksOf(rails map[string]rail.Rail) []string {
	var out []string
	for name := range rails {
		out = append(out, name)
	}
	return out
}

// newDispatch makes the worker that pays, if this process has rails and keys for it.
func (a *App) newDispatch(ctx context.Context, sign signer.Signer) (err error) {
	if !a.conf.Dispatch.Enabled || len(a.rails) == 0 {
		return nil
	}
	if sign == nil {
		if sign, err = a.openSigner(ctx); err != nil {
			return err
		}
	}
	a.books.Log, _ = sign.(signer.Historian)
	if r, ok := sign.(signer.Reporter); ok {
		a.health = &signerHealth{Reporter: r, outages: a.outages}
	}
	a.sign = watchedSigner{sign, a.metrics, a.outages}
	own := newOwnKeys(a.sign, a.health, a.outages)
	keys, err := own.look(ctx)
	if err != nil {
		return err
	}
	for _, b := range a.banks {
		own.mine[strings.ToLower(b.rail.Account())] = true
	}
	for _, b := range a.banks {
		if would, ok := sign.(signer.Previewer); ok {
			if err := would.May(ctx, b.conf.Name, nil); fault.CodeOf(err) == "sign_network" {
				a.log.Error("the signer's policy does not have the account at the bank; its payments wait. Add it under [[banks]] there", "network", b.conf.Name, "error", err)
			}
		}
	}
	if !keys && len(a.conf.Networks) > 0 {
		a.log.Warn("there are no keys yet: withdrawals to networks are accepted and wait. `sluice wallet create` makes a wallet", "keystore", a.conf.Keystore.Dir)
	}
	accepted, err := a.accepted()
	if err != nil {
		return err
	}
	a.dispatch = payout.NewWorker(a.Loop, a.Store, a.rails, a.sign, payout.Options{
		Owner: processName(), Window: a.conf.Dispatch.Window, LeaseFor: a.conf.Dispatch.LeaseFor.Std(), ResendEvery: a.conf.Dispatch.ResendEvery.Std(),
		BumpAfter: a.conf.Dispatch.BumpAfter.Std(), Mine: own.of, Accepted: accepted, Looking: a.books.LookingAt, Outages: a.outages, Panicked: a.metrics.panicked, Log: a.log,
	})
	return nil
}

// accepted signs what withdrawals were accepted as; nil: this installation has no key for that.
func (a *App) accepted() (func(acceptance.Statement) string, error) {
	key, err := a.conf.ChainKey(false)
	if err != nil || key == nil {
		return nil, err
	}
	return func(s acceptance.Statement) string { return acceptance.Sign(key.Sign, s) }, nil
}

func (a *App) newDeliver() (err error) {
	if !a.conf.Webhooks.Enabled {
		return nil
	}
	dev := a.conf.Mode == config.Dev
	a.deliver, err = deliver.New(a.Loop, a.Store, a.formats(), deliver.Options{
		AllowLoopback: dev, AllowHTTP: dev, Allow: a.conf.Webhooks.Ranges(), PendingMax: int64(a.conf.Webhooks.PendingMax), Observe: a.metrics.webhook, Log: a.log,
	})
	return err
}

// observe is told of every commit. It must not block.
func (a *App) observe(b commit.Batch) {
	a.metrics.batch(b)
	if b.Events == 0 {
		return
	}
	a.writes.committed()
	a.schedule.Wake(b.Shard)
	if a.deliver != nil {
		a.deliver.Wake(b.Shard)
	}
}

// queued is told when withdrawals wait to be paid. It must not block.
func (a *App) queued() {
	if a.dispatch != nil {
		a.dispatch.Wake()
	}
}

// Ready is closed once Run has started everything.
func (a *App) Ready() <-chan struct{} { return a.ready }

// URL is where the API is served.
func (a *App) URL() string { return "http://" + a.listener.Addr().String() }

// AdminURL is where metrics and profiles are served, "" when they are not.
func (a *App) AdminURL() string {
	if a.adminListener == nil {
		return ""
	}
	return "http://" + a.adminListener.Addr().String()
}

// Rails are the ways out, by network.
func (a *App) Rails() map[string]rail.Rail { return a.rails }

// Close gives back what New opened. It is for an App that was not run; Run calls
// it by itself.
func (a *App) Close() error {
	a.closed.Do(func() {
		for i := len(a.closers) - 1; i >= 0; i-- {
			a.closeErr = errors.Join(a.closeErr, a.closers[i]())
		}
	})
	return a.closeErr
}

// OpenStore opens the database, and makes or migrates it where the configuration
// allows that.
func OpenStore(ctx context.Context, conf config.Config, log *slog.Logger) (*store.DB, error) {
	return openStore(ctx, conf, log, nil)
}

func openStore(ctx context.Context, conf config.Config, log *slog.Logger, outages *outage.Book) (*store.DB, error) {
	url := conf.DatabaseURL.Reveal()
	if err := store.Writable(url); err != nil {
		return nil, noDatabase(conf, err)
	}
	fresh := isNewFile(url)
	if conf.AutoMigrate || fresh {
		if err := Migrate(ctx, conf, log); err != nil {
			return nil, err
		}
	}
	if fresh {
		log.Info("made a new database", "database", conf.DatabaseName())
	}
	opt, err := StoreOptions(conf, log)
	if err != nil {
		return nil, err
	}
	if opt.Chain == nil {
		log.Warn("the books have no chain: nobody notices when the database is changed. Set chain.key, then `sluice chain begin`")
	}
	opt.Outages = outages
	db, err := store.Open(ctx, url, opt)
	if err != nil {
		return nil, noDatabase(conf, err)
	}
	return db, nil
}

// Migrate brings the schema of the database up to this program. Where that begins the
// chain of the books, its key is made.
func Migrate(ctx context.Context, conf config.Config, log *slog.Logger) error {
	url := conf.DatabaseURL.Reveal()
	begins, err := store.BeginsChain(ctx, url)
	if err != nil {
		return noDatabase(conf, err)
	}
	key, err := conf.ChainKey(begins)
	if err != nil {
		return noDatabase(conf, err)
	}
	if err := store.Migrate(ctx, url, store.Options{Shards: conf.Shards, Log: log, Chain: key}); err != nil {
		return noDatabase(conf, err)
	}
	return nil
}

// StoreOptions are how the database of a configuration is opened.
func StoreOptions(conf config.Config, log *slog.Logger) (store.Options, error) {
	key, err := conf.ChainKey(false)
	if err != nil {
		return store.Options{}, err
	}
	keys, err := conf.Seal.Ring()
	return store.Options{Shards: conf.Shards, Log: log, Chain: key, Seal: keys}, err
}

func noDatabase(conf config.Config, err error) error {
	return fault.Wrap(err, fault.Unavailable, "no_database", "database_url: %s cannot be used", conf.DatabaseName())
}

// Write runs a commit loop for the time of fn: for tools that change something
// beside a running server, or without one.
func Write(ctx context.Context, db *store.DB, fn func(*commit.Loop) error) error {
	loop := commit.New(db, db.Shards(), commit.Options{Queue: 64})
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- loop.Run(run) }()
	err := fn(loop)
	stop()
	return errors.Join(err, <-done)
}

// Operator is the shard of the operator.
const Operator id.Shard = payout.OperatorShard
