package payout

import (
	"bytes"
	"context"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/rail"
	"sluice/internal/signer/acceptance"
)

// codeAltered is the code of commit.Altered.
const codeAltered = "record_altered"

// accepted gives the payouts of a dispatch with all that the signer gets to know of them.
// What the list says must be what each withdrawal was accepted as: an item or a
// withdrawal that another hand has changed is not paid. It is read each time: a person
// may have added a proof because the signer asked for it.
func (h *walletWorker) accepted(ctx context.Context, d Work) ([]rail.Payout, error) {
	var items []Item
	var of []id.ID
	for _, it := range d.Items {
		if it.Outcome != OutcomeDropped {
			items, of = append(items, it), append(of, it.ID())
		}
	}
	known, err := h.read.ForSigner(ctx, of)
	if err != nil {
		return nil, err
	}
	out := d.payouts()
	to, broken := h.outputs(out) // what is wrong with it, Prepare says
	for n, k := range known {
		if want := item(k.Candidate); k.Altered || !same(want, items[n]) {
			return nil, commit.Altered("payout", of[n].Text(id.Withdrawal))
		}
		out[n].Approval, out[n].Memo = k.Withdrawal.Proof(), k.Memo
		if broken == nil {
			out[n].Acceptance = h.accept(k.Candidate, to[n].To)
		}
	}
	return out, nil
}

// same tells whether an item pays what another one says.
func same(a, b Item) bool {
	return a.Withdrawal == b.Withdrawal && a.Shard == b.Shard && a.Asset == b.Asset && a.Amount == b.Amount && a.Payment == b.Payment && bytes.Equal(a.To, b.To)
}

// accept is the record of the acceptance of a withdrawal, for the signer, which sees the
// recipient as to.
func (h *walletWorker) accept(c Candidate, to []byte) string {
	if r := h.records.get(c.ID); r != "" {
		return r // what was accepted never changes
	}
	w := c.Withdrawal
	r := h.opt.Accepted(acceptance.Statement{
		Network: w.Network, Ref: c.ID.Text(id.Withdrawal), Asset: w.ReceiveCurrency, Amount: w.Receive, To: to, At: w.CreatedAt,
		Merchant: id.ID{Shard: c.ID.Shard, Seq: w.Merchant}.Text(id.Merchant), Account: id.ID{Shard: c.ID.Shard, Seq: w.Account}.Text(id.Account),
	})
	h.records.set(c.ID, r)
	return r
}

// unaltered leaves out the candidates whose rows are not what was accepted, and says so
// on them: an operator has to look.
func (h *walletWorker) unaltered(ctx context.Context, all []Candidate) (out []Candidate) {
	for _, c := range all {
		if !c.Altered {
			out = append(out, c)
			continue
		}
		f := fault.Of(commit.Altered("withdrawal", c.ID.Text(id.Withdrawal)))
		h.log.Error("a withdrawal is not paid", "error", f)
		h.attendEach(ctx, []Candidate{c}, f.Code, f.Message)
		h.aside.put(c) // it takes no place from those behind it
	}
	return out
}
