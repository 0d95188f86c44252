package payout

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault/outage"
	"sluice/internal/id"
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
	// DoneWork lists the newest dispatches of a wallet that are done, newest first.
	DoneWork(ctx context.Context, wallet id.Seq, limit int) ([]Work, error)
	// Stand gives what a wallet's proofs stand on, and what of it is gone, oldest first.
	Stand(ctx context.Context, wallet id.Seq) (Stand, []LostWork, error)
	// HeldKeys gives the keys that live slots of a wallet hold.
	HeldKeys(ctx context.Context, wallet id.Seq) (map[string]bool, error)
}

// Options set a worker. The zero value of each field means its default.
type Options struct {
	// Owner names this running process; it must never be used twice.
	Owner string
	// Window is how many dispatches of one wallet may wait for a block at the same time.
	// Default 16, what nodes guarantee to keep of one sender.
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
	// LookAgain is how long a wallet's nonce must stand beyond what Sluice knows before it
	// is believed: a payout behind a gap would never be mined. Default 10 s.
	LookAgain time.Duration
	// LookBack is how often it is made sure that the chain still has the block of a
	// wallet's latest proof. Default 15 s.
	LookBack time.Duration
	// Panicked is called for every panic that was caught. Default: nothing.
	Panicked func(network string)
	// Mine gives those of the wallets that this process can sign for. Default: all.
	Mine func(ctx context.Context, all []Wallet) []Wallet
	// Accepted signs for the signer what a withdrawal was accepted as, with the key of
	// the process that accepts. Default: nobody does.
	Accepted func(acceptance.Statement) string
	// Outages, if set, is told whether the nodes answer, and which dispatches do not advance.
	Outages *outage.Book
	// Looking tells whether the books, as far as a wallet is concerned, are only looked at: then
	// nothing is claimed, signed or sent, and what was sent before is followed. Default: never.
	Looking func(wallet id.Seq) bool
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
	if o.LookAgain <= 0 {
		o.LookAgain = 10 * time.Second
	}
	if o.LookBack <= 0 {
		o.LookBack = 15 * time.Second
	}
	if o.Panicked == nil {
		o.Panicked = func(string) {}
	}
	if o.Mine == nil {
		o.Mine = func(_ context.Context, all []Wallet) []Wallet { return all }
	}
	if o.Accepted == nil {
		o.Accepted = func(acceptance.Statement) string { return "" }
	}
	if o.Looking == nil {
		o.Looking = func(id.Seq) bool { return false }
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
	hands := map[id.Seq]*walletWorker{}
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
			wg.Go(func() { h.run(ctx) })
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

func (h *walletWorker) inFlight(open []Work) []rail.InFlight {
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
