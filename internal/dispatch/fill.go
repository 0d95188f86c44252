package dispatch

import (
	"context"
	"slices"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/rail"
	"sluice/internal/signer"
	"sluice/internal/withdrawal"
)

// planMore fills the window with queued withdrawals, oldest first. What the wallet
// cannot pay now stays queued and says why; smaller ones behind it may go on.
func (h *hand) planMore(ctx, step context.Context, open []Work) {
	room := h.window()
	for _, d := range open {
		if d.Dispatch.State == Sealed || d.Dispatch.State == Planned {
			room--
		}
	}
	if room <= 0 {
		return
	}
	groups, err := h.groups(step, room)
	if err != nil {
		h.trouble(err)
		return
	}
	for _, g := range groups {
		g = h.payable(step, open, h.allowed(step, g))
		if len(g) == 0 {
			continue
		}
		if room <= 0 || ctx.Err() != nil || step.Err() != nil {
			return
		}
		d, err := h.plan(step, g)
		if err == nil {
			d, err = h.advance(step, d)
		}
		if d.Dispatch.Seq != 0 && d.Dispatch.State.Open() {
			open = append(open, d)
			room--
		}
		if h.stop(d.Dispatch, err) || err != nil && d.Dispatch.Seq == 0 {
			return
		}
	}
}

// groups reads what is queued and splits it into lists that one slot each shall pay.
func (h *hand) groups(ctx context.Context, room int) ([][]Candidate, error) {
	grouper, batches := h.rail.(rail.Grouper)
	per := 1
	if batches {
		per = grouper.GroupMax()
	}
	// Twice the room, so that one that cannot be paid does not stop those behind it.
	queued, err := h.queued(ctx, 2*room*per)
	if err != nil {
		return nil, err
	}
	if !batches {
		groups := make([][]Candidate, len(queued))
		for n := range queued {
			groups[n] = queued[n : n+1]
		}
		return groups, nil
	}
	lists, err := grouper.Group(ctx, h.wallet.Address, wanted(queued))
	if err != nil {
		return nil, err
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

func (h *hand) queued(ctx context.Context, limit int) ([]Candidate, error) {
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
// the longest of its halves, quarters and so on from the front. What is alone and
// still too much is told why it waits.
func (h *hand) payable(ctx context.Context, open []Work, g []Candidate) []Candidate {
	for len(g) > 0 {
		f, err := h.rail.Feasible(ctx, h.wallet.Address, h.inFlight(open), wanted(g))
		if h.trouble(err) {
			f = rail.Feasibility{Code: "node_unavailable", Reason: "the node of " + h.wallet.Network + " does not answer; the withdrawal waits"}
		}
		if f.OK {
			return g
		}
		if len(g) == 1 || f.Code != "wallet_out_of_funds" && f.Code != "wallet_out_of_gas" {
			h.attendEach(ctx, g, f.Code, f.Reason)
			return nil
		}
		g = g[:len(g)/2]
	}
	return nil
}

// tellBehind notes on queued withdrawals why they wait, when a slot that is not signed
// stands before all of them: the same for everybody, if it is the signer's or the node's.
func (h *hand) tellBehind(ctx context.Context, err error) {
	code, text := h.why(err)
	switch {
	case code == notAdvancing:
		return
	case refusedByRule(err) && code != "sign_stopped": // a matter of that payout, such as its approval
		code = "waits_behind"
	}
	waiting, err := h.queued(ctx, behindMax)
	if err != nil {
		h.log.Warn("queued withdrawals cannot be read", "error", err)
		return
	}
	h.attendEach(ctx, waiting, code, "it waits behind an earlier payout of the wallet: "+text)
}

// behindMax is how many withdrawals of each currency are told why they wait.
const behindMax = 1000

// attendEach tells candidates why they wait, those that do not say so already.
func (w *Worker) attendEach(ctx context.Context, g []Candidate, code, text string) {
	for _, c := range g {
		if c.Withdrawal.Attention == code {
			continue
		}
		if _, err := commit.Do[withdrawal.Withdrawal](ctx, w.loop, c.ID.Shard, withdrawal.NewAttend(c.ID.Seq, code, text, Actor)); err != nil {
			w.opt.Log.Error("a reason cannot be noted", "withdrawal", c.ID.Text(id.Withdrawal), "reason", code, "error", err)
		}
	}
}

func (h *hand) plan(ctx context.Context, g []Candidate) (Work, error) {
	items := make([]Item, 0, len(g))
	for _, c := range g {
		items = append(items, item(c))
	}
	d, err := commit.Do[Dispatch](ctx, h.loop, OperatorShard, Plan{Wallet: h.wallet.Seq, Fence: h.wallet.Fence, Network: h.wallet.Network, Items: items})
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
func (h *hand) allowed(ctx context.Context, g []Candidate) []Candidate {
	would, ok := h.Worker.sign.(signer.Previewer)
	if _, writes := h.rail.(rail.Writer); !ok || writes {
		return g
	}
	may := func(g []Candidate) error {
		outputs := make([]signer.Output, 0, len(g))
		for _, c := range g {
			w := c.Withdrawal
			outputs = append(outputs, signer.Output{
				Ref: c.ID.Text(id.Withdrawal), Asset: w.ReceiveCurrency, To: w.Decoded, Amount: w.Receive, Approval: w.Proof(), Acceptance: h.accept(c),
			})
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
	}
	for len(out) > 1 && may(out) != nil {
		out = out[:len(out)/2]
	}
	return out
}
