package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/outage"
	"sluice/internal/rail"
	"sluice/internal/signer"
	"sluice/internal/signer/acceptance"
	"sluice/internal/withdrawal"
)

// Actor is the name under which the worker's changes appear.
const Actor = "worker:dispatch"

// Candidate is a withdrawal that is ready to be paid.
type Candidate struct {
	ID         id.ID
	Withdrawal withdrawal.Withdrawal
	// Altered says that the row is not what was accepted: another hand changed it.
	Altered bool
}

// Work is a dispatch that is not done, with everything written about it.
type Work struct {
	Dispatch Dispatch
	Items    []Item    // in order of place
	Attempts []Attempt // in order of number
	Cancel   *Cancel   // an operator's order; nil for none
}

// ForSigner is what the signer gets to know of a withdrawal beside its payout.
type ForSigner struct {
	Candidate
	Memo string // see signer.Output
}

// Reader gives hints of what there is to do; commands decide.
type Reader interface {
	// Wallets lists every wallet.
	Wallets(ctx context.Context) ([]Wallet, error)
	// OpenWork lists the dispatches of a wallet that are not done, oldest first.
	OpenWork(ctx context.Context, wallet id.Seq) ([]Work, error)
	// Queued lists withdrawals of one currency that are queued for a network, oldest
	// first, over all shards.
	Queued(ctx context.Context, network, asset string, limit int) ([]Candidate, error)
	// ForSigner gives what the signer gets to know of each withdrawal beside its payout.
	ForSigner(ctx context.Context, of []id.ID) ([]ForSigner, error)
	// HeldKeys gives the keys that live slots of a wallet hold.
	HeldKeys(ctx context.Context, wallet id.Seq) (map[string]bool, error)
}

// Options set a worker. The zero value of each field means its default.
type Options struct {
	// Owner names this running process; it must never be used twice.
	Owner string
	// Window is how many dispatches of one wallet may be in flight. Default 16,
	// what nodes guarantee to keep of one sender.
	Window int
	// LeaseFor is how long a wallet stays ours without renewal. Default 30 s.
	LeaseFor time.Duration
	// ResendEvery is how often the stored bytes of a dispatch that is in no block are
	// sent again. Default 12 s.
	ResendEvery time.Duration
	// BumpAfter is how long the newest attempt of a dispatch may be in no block before
	// a dearer one of the same slot and list is signed. Default 0: never.
	BumpAfter time.Duration
	// Poll overrides how often a rail is asked. Default: what the rail says.
	Poll time.Duration
	// Mine gives those of the wallets that this process can sign for. Default: all.
	Mine func(ctx context.Context, all []Wallet) []Wallet
	// Accepted signs for the signer what a withdrawal was accepted as, with the key of
	// the process that accepts. Default: nobody does.
	Accepted func(acceptance.Statement) string
	// Outages, if set, is told whether the nodes answer, and which dispatches do not advance.
	Outages *outage.Book
	Log     *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Window <= 0 {
		o.Window = 16
	}
	if o.LeaseFor <= 0 {
		o.LeaseFor = 30 * time.Second
	}
	if o.ResendEvery <= 0 {
		o.ResendEvery = 12 * time.Second
	}
	if o.Mine == nil {
		o.Mine = func(_ context.Context, all []Wallet) []Wallet { return all }
	}
	if o.Accepted == nil {
		o.Accepted = func(acceptance.Statement) string { return "" }
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// Worker carries queued withdrawals over the rails. Several processes may run one:
// the lease on a wallet keeps them apart.
type Worker struct {
	loop  *commit.Loop
	read  Reader
	rails map[string]rail.Rail
	sign  signer.Signer
	opt   Options
	wake  chan struct{}

	turnsMu sync.Mutex
	turns   map[id.Seq]func(context.Context, Holder) // see Turn
}

// NewWorker makes a worker over the rails, by network.
func NewWorker(loop *commit.Loop, read Reader, rails map[string]rail.Rail, sign signer.Signer, opt Options) *Worker {
	return &Worker{loop: loop, read: read, rails: rails, sign: sign, opt: opt.withDefaults(), wake: make(chan struct{}, 1), turns: map[id.Seq]func(context.Context, Holder){}}
}

// Wake makes the worker look for work now. It never blocks.
func (w *Worker) Wake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// findEvery is how often the worker looks for wallets that were made meanwhile.
const findEvery = 5 * time.Second

// Run works until ctx ends, finishes the step at hand, and gives the leases back.
func (w *Worker) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	hands := map[id.Seq]*hand{}
	tick := time.NewTicker(findEvery)
	defer tick.Stop()
	for {
		wallets, err := w.read.Wallets(ctx)
		if err != nil && ctx.Err() == nil {
			w.opt.Log.Error("the wallets cannot be listed", "error", err)
		}
		own := w.opt.Mine(ctx, wallets)
		if err == nil {
			w.unserved(ctx, wallets, own)
		}
		for _, wal := range own {
			r := w.rails[wal.Network]
			if r == nil || hands[wal.Seq] != nil {
				continue
			}
			h := newHand(w, r, wal)
			hands[wal.Seq] = h
			wg.Add(1)
			go func() {
				defer wg.Done()
				h.run(ctx)
			}()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.wake:
			for _, h := range hands {
				h.poke()
			}
		case <-tick.C:
		}
	}
}

// hand is the work on one wallet, on one goroutine: order is what a nonce needs.
type hand struct {
	*Worker
	rail   rail.Rail
	wallet Wallet
	log    *slog.Logger
	now    chan struct{}
	// sentAt says when a dispatch's bytes last left. It is lost in a crash, which
	// only means that they are sent once more.
	sentAt map[id.Seq]time.Time
	// records of acceptance that were made, since a signature takes longer than a look.
	records map[id.ID]string
	leased  bool
	clean   map[id.Seq]bool // see bound
	// flying is how many dispatches of the wallet held a slot when last looked.
	flying int
}

func newHand(w *Worker, r rail.Rail, wal Wallet) *hand {
	return &hand{
		Worker: w, rail: r, wallet: wal, now: make(chan struct{}, 1), sentAt: map[id.Seq]time.Time{}, records: map[id.ID]string{}, clean: map[id.Seq]bool{},
		log: w.opt.Log.With("network", wal.Network, "wallet", wal.Text()),
	}
}

func (h *hand) poke() {
	select {
	case h.now <- struct{}{}:
	default:
	}
}

// stepTimeout bounds one round on a wallet, also while shutting down.
const stepTimeout = 20 * time.Second

func (h *hand) run(ctx context.Context) {
	every := h.opt.Poll
	if every <= 0 {
		every = h.rail.PollEvery()
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		h.round(ctx)
		select {
		case <-ctx.Done():
		case <-h.now:
		case <-tick.C:
		}
	}
	h.unlease() //nolint:contextcheck // ctx has ended; giving back has its own time limit
}

// round does everything there is to do now. What has begun is finished even when
// ctx ends, so that a shutdown leaves nothing half recorded; between steps it stops.
func (h *hand) round(ctx context.Context) {
	step, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepTimeout)
	defer cancel()
	if idle, err := h.idle(step); err != nil || idle || !h.lease(step) {
		if err != nil {
			h.log.Error("what there is to do cannot be read", "error", err)
		}
		return
	}
	// Read under the lease: what another process did before is written by now.
	work, err := h.read.OpenWork(step, h.wallet.Seq)
	if err != nil {
		h.log.Error("open dispatches cannot be read", "error", err)
		return
	}
	h.flying = 0
	h.remember(work)
	for _, d := range work {
		if d.Dispatch.State == Sealed {
			h.flying++
		}
	}
	var open []Work
	for _, d := range work {
		if ctx.Err() != nil {
			return
		}
		now, err := h.advance(step, d)
		if h.stop(d.Dispatch, err) {
			if h.leased {
				h.turn(step)
				h.tellBehind(step, err)
			}
			return
		}
		if now.Dispatch.State.Open() {
			open = append(open, now)
		}
	}
	h.turn(step)
	h.planMore(ctx, step, open)
}

// stop logs an error and tells whether the round must end: without the lease
// nothing may be written, and out of order nothing may be sent.
func (h *hand) stop(d Dispatch, err error) bool {
	if err == nil {
		h.opt.Outages.OK(stuck(d))
		return false
	}
	if fault.CodeOf(err) == "lease_lost" {
		h.leased = false
		h.log.Warn("another process has taken over the wallet", "dispatch", dispatchText(d.Seq))
		return true
	}
	// What is away is told already, and what the signer refuses stands on the withdrawals.
	if !unavailable(err) && !refusedByRule(err) && fault.KindOf(err) != fault.Unavailable {
		h.opt.Outages.Fail(stuck(d), err, "wallet", h.wallet.Text(), "state", string(d.State))
	}
	// What holds a slot and is not signed must not be overtaken: a later nonce would wait
	// for it. What is only planned holds none, and stands in nobody's way.
	return d.State == Sealed && d.Attempts == 0
}

// stuck is a dispatch as an outage names it.
func stuck(d Dispatch) outage.Subject {
	return outage.Subject{What: outage.Dispatch, Name: dispatchText(d.Seq)}
}

func dispatchText(seq id.Seq) string { return id.ID{Shard: OperatorShard, Seq: seq}.Text(id.Dispatch) }

// reached notes whether the node answered, and gives the error back.
func (h *hand) reached(err error) error {
	node := outage.Subject{What: outage.Node, Name: h.wallet.Network}
	if err != nil && unavailable(err) {
		h.opt.Outages.Fail(node, err)
	} else {
		h.opt.Outages.OK(node)
	}
	return err
}

// trouble notes whether the wallet can be planned for, and tells whether it cannot.
func (h *hand) trouble(err error) bool {
	if err == nil || unavailable(err) {
		_ = h.reached(err) // noted
		return err != nil
	}
	h.opt.Outages.Fail(outage.Subject{What: outage.Work, Name: "payouts of " + h.wallet.Text()}, err)
	return true
}

// idle tells whether there is nothing to do on the wallet. Then its lease is left to
// end: renewing it would cost a commit per poll.
func (h *hand) idle(ctx context.Context) (bool, error) {
	queued, err := h.queued(ctx, 1)
	if err != nil || len(queued) > 0 || h.turnWaits(h.wallet.Seq) {
		return false, err
	}
	work, err := h.read.OpenWork(ctx, h.wallet.Seq)
	return len(work) == 0, err
}

// lease takes the wallet, or renews the lease once half of it is over.
func (h *hand) lease(ctx context.Context) bool {
	if h.leased && time.Until(h.wallet.LeaseUntil) > h.opt.LeaseFor/2 {
		return true
	}
	wal, err := commit.Do[Wallet](ctx, h.loop, OperatorShard, Lease{Wallet: h.wallet.Seq, Owner: h.opt.Owner, For: h.opt.LeaseFor})
	if err != nil {
		if fault.CodeOf(err) != "wallet_leased" {
			h.log.Error("the wallet cannot be leased", "error", err)
		}
		h.leased = false
		return false
	}
	if wal.Fence != h.wallet.Fence {
		clear(h.clean) // another process may have had the wallet, and asked the signer
	}
	h.wallet, h.leased = wal, true
	return true
}

func (h *hand) unlease() {
	if !h.leased {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	if _, err := commit.Do[Wallet](ctx, h.loop, OperatorShard, Unlease{Wallet: h.wallet.Seq, Owner: h.opt.Owner}); err != nil {
		h.log.Warn("the lease cannot be given back; it ends by itself", "error", err)
	}
}

func payout(it Item) rail.Payout {
	bank, err := rail.ParsePayment(it.Payment)
	if err != nil {
		panic(fmt.Errorf("%w: the payment of item %d of dispatch %d cannot be read: %w", commit.ErrInvariant, it.Place, it.Dispatch, err))
	}
	return rail.Payout{Ref: it.ID().Text(id.Withdrawal), Asset: it.Asset, To: it.To, Amount: it.Amount, Payment: bank}
}

// payouts are the items that belong to the list: all before it is sealed, then
// those that were claimed.
func (d Work) payouts() []rail.Payout {
	var out []rail.Payout
	for _, it := range d.Items {
		if it.Outcome != OutcomeDropped {
			out = append(out, payout(it))
		}
	}
	return out
}

func (d Work) attempts() []rail.Attempt {
	out := make([]rail.Attempt, 0, len(d.Attempts))
	for _, a := range d.Attempts {
		out = append(out, rail.Attempt{TxID: a.TxID, Raw: a.Raw, Fee: a.MaxFee, At: a.CreatedAt})
	}
	return out
}

func (h *hand) inFlight(open []Work) []rail.InFlight {
	var out []rail.InFlight
	for _, d := range open {
		if d.Dispatch.State != Planned && d.Dispatch.State != Sealed {
			continue
		}
		slot, err := h.slot(d.Dispatch)
		if err != nil {
			h.log.Error("a slot cannot be read", "dispatch", dispatchText(d.Dispatch.Seq), "error", err)
			continue
		}
		f := rail.InFlight{Slot: slot, Payouts: d.payouts(), Attempts: d.attempts()}
		for _, a := range d.Attempts {
			if f.MaxFee.Less(a.MaxFee) {
				f.MaxFee = a.MaxFee
			}
		}
		out = append(out, f)
	}
	return out
}

// unavailable tells whether an error only says that the network did not answer.
func unavailable(err error) bool {
	return errors.Is(err, rail.ErrUnavailable) || errors.Is(err, rail.ErrLook)
}
