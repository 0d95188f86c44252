package payout

import (
	"context"
	"slices"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/rail"
	"sluice/internal/signer"
)

// unfinalMax is how many times the window of dispatches may be open, those in blocks that
// are not final yet included.
const unfinalMax = 32

// room is how many dispatches more may be begun. What is in a block no longer waits in
// the nodes' pools.
func (h *walletWorker) room(open []Work) int {
	waiting, all := 0, 0
	for _, d := range open {
		if d.Dispatch.State == Sealed || d.Dispatch.State == Planned {
			all++
			if d.Dispatch.Stage != rail.StageMined {
				waiting++
			}
		}
	}
	return min(h.window()-waiting, unfinalMax*h.window()-all)
}

// planMore fills the window with queued withdrawals, oldest first. What the wallet
// cannot pay now stays queued, says why, and is put aside: those behind it go on.
func (h *walletWorker) planMore(ctx, step context.Context, open []Work) {
	room := h.room(open)
	if room <= 0 || h.opt.Looking(h.wallet.Seq) {
		return
	}
	groups, err := h.groups(step, room)
	if err != nil {
		h.log.Error("what is queued cannot be read", "error", err)
		return
	}
	h.foresee(step, open, groups[:min(room, len(groups))])
	var begun []Work
	defer func() { h.sendAll(step, begun) }()
	for _, g := range groups {
		if room <= 0 || ctx.Err() != nil || !h.leased() {
			return
		}
		g, goOn := h.payable(step, open, h.allowed(step, g))
		if !goOn {
			return
		}
		if len(g) == 0 {
			continue
		}
		d, err := h.begin(step, g)
		if d.Dispatch.Seq != 0 && d.Dispatch.State.Open() {
			open, begun = append(open, d), append(begun, d)
			room--
		}
		if h.stop(d.Dispatch, err) || err != nil && d.Dispatch.Seq == 0 {
			return
		}
	}
}

// begin plans a dispatch and carries it as far as it goes.
func (h *walletWorker) begin(ctx context.Context, g []Candidate) (d Work, err error) {
	if d, err = h.plan(ctx, g); err != nil {
		return d, err
	}
	planned := d
	err = h.caught(func() (err error) { d, err = h.advance(ctx, d); return err })
	if d.Dispatch.Seq == 0 {
		d = planned
	}
	return d, err
}

// foresee asks the network side by side what payable will ask one after the other: the
// round remembers the answers. Whether one is payable depends on those before it, so that
// nothing is decided here.
func (h *walletWorker) foresee(ctx context.Context, open []Work, groups [][]Candidate) {
	if len(groups) < 2 {
		return
	}
	inFlight := h.inFlight(open)
	_ = rail.Side(len(groups), followers, func(n int) error { // what goes wrong, payable meets again
		_, err := h.rail.Feasible(ctx, h.wallet.Address, inFlight, wanted(groups[n]))
		return err
	})
}

// groups reads what is queued and splits it into lists that one slot each shall pay. A
// rail that cannot group them gets them one by one, so that each answers for itself.
func (h *walletWorker) groups(ctx context.Context, room int) ([][]Candidate, error) {
	grouper, batches := h.rail.(rail.Grouper)
	per := 1
	if batches {
		per = grouper.GroupMax()
	}
	// Twice the room, so that one that cannot be paid does not stop those behind it.
	queued, err := h.queued(ctx, 2*room*per+h.aside.now())
	if err != nil {
		return nil, err
	}
	queued = h.aside.without(queued)
	var lists [][]int
	if batches {
		err = h.caught(func() (err error) { lists, err = grouper.Group(ctx, h.wallet.Address, wanted(queued)); return err })
	}
	if !batches || err != nil {
		if err != nil && !h.panicked(err, "what is queued could not be grouped") {
			h.log.Warn("what is queued cannot be grouped; it is looked at one by one", "error", err)
		}
		groups := make([][]Candidate, len(queued))
		for n := range queued {
			groups[n] = queued[n : n+1]
		}
		return groups, nil
	}
	groups := make([][]Candidate, 0, len(lists))
	for _, list := range lists {
		var g []Candidate
		for _, n := range list {
			g = append(g, queued[n])
		}
		groups = append(groups, g)
	}
	return groups, nil
}

func (h *walletWorker) queued(ctx context.Context, limit int) ([]Candidate, error) {
	all, err := h.queuedOn(ctx, h.wallet.Network, limit)
	return h.unaltered(ctx, all), err
}

// queuedOn reads what waits for a network, oldest first. Each currency is asked for its own
// oldest ones: one that waits for money must not stand in the way of the others.
func (w *Worker) queuedOn(ctx context.Context, network string, limit int) ([]Candidate, error) {
	var out []Candidate
	for _, asset := range w.rails[network].Assets() {
		some, err := w.read.Queued(ctx, network, asset, limit)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	slices.SortStableFunc(out, func(a, b Candidate) int { return a.Withdrawal.ReleaseAt.Compare(b.Withdrawal.ReleaseAt) })
	return out, nil
}

// item is what a candidate becomes in a list.
func item(c Candidate) Item {
	w := c.Withdrawal
	return Item{Shard: int64(c.ID.Shard), Withdrawal: c.ID.Seq, Asset: w.ReceiveCurrency, To: w.Decoded, Amount: w.Receive, Payment: w.Payment}
}

func wanted(queued []Candidate) []rail.Payout {
	out := make([]rail.Payout, 0, len(queued))
	for _, c := range queued {
		out = append(out, payout(item(c)))
	}
	return out
}

// payable gives the part of a group that the wallet can pay now: the whole of it, or
// the longest of its halves, quarters and so on from the front. What is alone and cannot
// be paid says why, and is put aside. goOn is false when the reason concerns every payout
// of the wallet: then all that waits says so, and the network is left alone.
func (h *walletWorker) payable(ctx context.Context, open []Work, g []Candidate) (_ []Candidate, goOn bool) {
	for len(g) > 0 {
		var f rail.Feasibility
		err := h.caught(func() (err error) {
			f, err = h.rail.Feasible(ctx, h.wallet.Address, h.inFlight(open), wanted(g))
			return err
		})
		if f.OK && err == nil {
			h.nodeBack(ctx)
			return g, true
		}
		if err != nil { // nothing that time heals: the payouts themselves are wrong
			if !h.panicked(err, "a payout could not be looked at") && len(g) == 1 && h.aside.new(g[0]) {
				h.log.Warn("a payout cannot be planned and is put aside", "withdrawal", g[0].ID.Text(id.Withdrawal), "error", err)
			}
			f.Code, f.Reason = why(err)
		}
		_ = h.reached(f.Cause) // noted
		if rail.EverybodyWaits(f.Code) {
			h.everybodyWaits(ctx, g, f)
			return nil, false
		}
		if len(g) == 1 {
			h.attendEach(ctx, g, f.Code, f.Reason)
			h.aside.put(g[0])
			return nil, true
		}
		g = g[:len(g)/2]
	}
	return nil, true
}

// everybodyWaits says on all that is queued why it waits. The payout that it was found
// with goes behind the others: its question may be the one that gets no answer.
func (h *walletWorker) everybodyWaits(ctx context.Context, g []Candidate, f rail.Feasibility) {
	h.troubled = true
	if len(g) == 1 && f.Code == rail.CodeSilent {
		h.aside.put(g[0])
	}
	queued, err := h.queued(ctx, calmMax)
	if err != nil {
		h.log.Error("queued withdrawals cannot be read", "error", err)
		queued = g
	}
	h.attendEach(ctx, queued, f.Code, f.Reason)
}

func (h *walletWorker) plan(ctx context.Context, g []Candidate) (Work, error) {
	items := make([]Item, 0, len(g))
	for _, c := range g {
		items = append(items, item(c))
	}
	d, err := commit.Do(ctx, h.loop, OperatorShard, Plan{Wallet: h.wallet.Seq, Fence: h.wallet.Fence, Network: h.wallet.Network, Items: items})
	if err != nil {
		return Work{}, err
	}
	for n := range items {
		items[n].ItemKey, items[n].Version = ItemKey{d.Seq, int64(n)}, 1
	}
	return Work{Dispatch: d, Items: items}, nil
}

// allowed gives the part of a group that the signer would sign now: each payout by
// itself, and then as many from the front as its limits let through together. One that
// it refuses waits with the signer's reason, still cancellable and bound to no slot:
// once a slot was bound, everything behind it would have to wait as well.
func (h *walletWorker) allowed(ctx context.Context, g []Candidate) []Candidate {
	would, ok := h.Worker.sign.(signer.Previewer)
	if !ok {
		return g
	}
	may := func(g []Candidate) error {
		payouts := wanted(g)
		for n := range payouts {
			payouts[n].Approval = g[n].Withdrawal.Proof()
		}
		outputs, err := h.outputs(payouts)
		if err != nil && len(g) == 1 {
			return nil // what is wrong with it, Prepare says
		}
		if err != nil {
			return err
		}
		for n := range outputs {
			outputs[n].Acceptance = h.accept(g[n], outputs[n].To)
		}
		return would.May(ctx, h.wallet.Network, outputs)
	}
	err := may(g)
	if err == nil {
		return g
	}
	var out []Candidate
	for _, c := range g {
		alone := may([]Candidate{c})
		if alone == nil {
			out = append(out, c)
			continue
		}
		f := fault.Of(alone)
		if f.Kind != fault.Refused { // it does not answer: nobody knows what it would sign
			h.attendEach(ctx, g, f.Code, f.Message)
			return nil
		}
		h.attendEach(ctx, []Candidate{c}, f.Code, f.Message)
		h.aside.put(c)
	}
	for len(out) > 1 && may(out) != nil {
		out = out[:len(out)/2]
	}
	return out
}
