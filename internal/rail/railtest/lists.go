package railtest

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"sluice/internal/money"
	"sluice/internal/rail"
)

// This file holds the tests of slots that pay several payouts, and of cancels.

// listLength is how many payouts the lists of the tests have.
const listLength = 5

// list makes a slot that pays several payouts, all but the typed ones to new recipients.
func (h *Harness) list(t *testing.T, asset string, typed ...string) *listJob {
	t.Helper()
	wallet := h.rich(t)
	h.Float(t, wallet, asset, h.Enough)
	l := &listJob{job: h.job(t, wallet, asset, "")}
	l.payouts = nil
	for n := range listLength {
		to := h.Recipient(t)
		if n < len(typed) {
			to = typed[n]
		}
		l.to = append(l.to, to)
		l.payouts = append(l.payouts, rail.Payout{
			Ref: newRef(), Asset: asset, To: h.target(t, to, asset), Amount: plus(t, h.Payout, money.Of(uint64(n))),
		})
	}
	return l
}

// listJob is a job with several payouts.
type listJob struct {
	*job
	to []string // as typed, by place
}

// ends makes the blocks final and wants every payout's fate to be the given one.
func (l *listJob) ends(paid ...bool) rail.Observation {
	l.t.Helper()
	l.Blocks(l.t, 1)
	l.Finalize(l.t)
	o := l.observe(rail.StageFinal)
	if !slices.Equal(o.Paid, paid) || len(o.Reasons) != len(paid) {
		l.t.Fatalf("paid %v, reasons %q, want %v", o.Paid, o.Reasons, paid)
	}
	for n, p := range l.payouts {
		if (o.Reasons[n] == "") != paid[n] {
			l.t.Errorf("payout %d: paid %v, reason %q", n, paid[n], o.Reasons[n])
		}
		var want []money.Amount
		if paid[n] {
			want = []money.Amount{p.Amount}
		}
		if got := l.ReceivedInList(l.t, l.to[n], p.Asset); !slices.Equal(got, want) {
			l.t.Errorf("payout %d: the recipient got %v, want %v", n, got, want)
		}
	}
	if again := l.observe(rail.StageFinal); again.TxID != o.TxID || again.Fee != o.Fee || !slices.Equal(again.Paid, o.Paid) {
		l.t.Errorf("a final outcome changed from %+v to %+v", o, again)
	}
	return o
}

func every(v bool) []bool { return slices.Repeat([]bool{v}, listLength) }

// lists runs the tests of one asset.
func (h *Harness) lists(t *testing.T, asset string) {
	t.Run("Pays", func(t *testing.T) { h.listPays(t, asset) })
	t.Run("Case07_same_bytes_twice", func(t *testing.T) { h.listTwice(t, asset) })
	t.Run("Case20_replacement", func(t *testing.T) { h.listReplaced(t, asset) })
	t.Run("Case22_reorg", func(t *testing.T) { h.listReorg(t, asset) })
	t.Run("Case15_errors_prove_nothing", func(t *testing.T) { h.listBroken(t, asset) })
	t.Run("Case21_slot_used_by_another", func(t *testing.T) { h.listStranger(t, asset) })
	t.Run("Case26_slot_used_for_the_list", func(t *testing.T) { h.listStrangerPays(t, asset) })
	t.Run("Case18_paid_in_another_slot", func(t *testing.T) { h.listElsewhere(t, asset) })
	t.Run("Case23_lost_answer", func(t *testing.T) { h.listLostAnswer(t, asset) })
	t.Run("One_is_refused", func(t *testing.T) { h.listRefused(t, asset) })
}

func (h *Harness) listPays(t *testing.T, asset string) {
	l := h.list(t, asset)
	fees, coins := h.balance(t, l.slot.Wallet, h.Assets[0]), h.balance(t, l.slot.Wallet, asset)
	f, err := h.Rail.Feasible(t.Context(), l.slot.Wallet, nil, l.payouts)
	if err != nil || !f.OK {
		t.Errorf("feasible: %+v (error %v)", f, err)
	}
	a := l.attempt()
	l.observe(rail.StageSent)
	l.submit(a)
	h.Blocks(t, 1)
	if o := l.observe(rail.StageMined); o.TxID != a.TxID || o.Paid != nil {
		t.Errorf("in a block: %+v", o)
	}
	o := l.ends(every(true)...)
	if a.Fee.Less(o.Fee) || o.Fee.IsZero() {
		t.Errorf("it cost %s, at most %s was allowed", o.Fee, a.Fee)
	}
	spent := money.Amount{}
	for _, p := range l.payouts {
		spent = plus(t, spent, p.Amount)
	}
	if asset == h.Assets[0] {
		spent = plus(t, spent, o.Fee)
	} else if rest := plus(t, h.balance(t, l.slot.Wallet, h.Assets[0]), o.Fee); rest != fees {
		t.Errorf("the wallet had %s for fees, spent %s and has not the rest", fees, o.Fee)
	}
	if left := plus(t, h.balance(t, l.slot.Wallet, asset), spent); left != coins {
		t.Errorf("the wallet had %s %s, spent %s and has not the rest", coins, asset, spent)
	}
}

func (h *Harness) listTwice(t *testing.T, asset string) {
	l := h.list(t, asset)
	a := l.attempt()
	l.submit(a)
	l.submit(a)
	h.Blocks(t, 1)
	l.observe(rail.StageMined)
	l.submit(a)
	l.ends(every(true)...)
	l.submit(a)
	h.Blocks(t, 1)
	l.ends(every(true)...)
}

func (h *Harness) listReplaced(t *testing.T, asset string) {
	l := h.list(t, asset)
	gap := h.job(t, l.slot.Wallet, h.Assets[0], "")
	l.slot.Nonce++
	first := l.attempt()
	l.submit(first)
	second := l.attempt()
	l.submit(second)
	if !first.Fee.Less(second.Fee) {
		t.Errorf("fees do not rise: %s, %s", first.Fee, second.Fee)
	}
	if err := h.Rail.Submit(t.Context(), first); !errors.Is(err, rail.ErrLook) && (!h.Polite || err != nil) {
		t.Errorf("the replaced attempt again: got %v, want ErrLook", err)
	}
	gap.submit(gap.attempt())
	h.Blocks(t, 2)
	if o := l.ends(every(true)...); o.TxID != second.TxID {
		t.Errorf("paid by %s, want %s", o.TxID, second.TxID)
	}
}

func (h *Harness) listReorg(t *testing.T, asset string) {
	if h.Undo == nil {
		return // declared: this network never takes a block back
	}
	l := h.list(t, asset)
	h.Finalize(t) // what the wallet owns stays
	a := l.attempt()
	l.submit(a)
	h.Blocks(t, 1)
	before := l.observe(rail.StageMined)
	h.Blocks(t, 1)
	h.Undo(t, before.BlockNumber, false)
	if h.Obeys {
		if o := l.observe(rail.StageSent); o.TxID != a.TxID || o.Paid != nil {
			t.Errorf("after the reorg: %+v", o)
		}
	}
	l.submit(a)
	h.Blocks(t, 1)
	after := l.observe(rail.StageMined)
	if after.TxID != a.TxID || after.Block == before.Block {
		t.Errorf("mined again: %+v, before %+v", after, before)
	}
	if h.Obeys {
		h.Undo(t, after.BlockNumber, true)
		if o := l.observe(rail.StageMined); o.TxID != a.TxID || o.Block == after.Block {
			t.Errorf("moved to another block: %+v, before %+v", o, after)
		}
	}
	l.ends(every(true)...)
}

func (h *Harness) listBroken(t *testing.T, asset string) {
	l := h.list(t, asset)
	a := l.attempt()
	all := maps.Clone(h.Broken)
	maps.Copy(all, h.Blind)
	silent := func() {
		t.Helper()
		for name, broken := range all {
			o, err := broken.Observe(t.Context(), l.slot, l.payouts, l.attempts)
			if o.Stage == rail.StageFinal || len(o.Paid) > 0 || err == nil && o.Stage == rail.StageMined {
				t.Errorf("broken %s: an outcome out of nothing: %+v", name, o)
			}
			if err != nil && !errors.Is(err, rail.ErrUnavailable) {
				t.Errorf("broken %s: got %v, want ErrUnavailable", name, err)
			}
		}
		for name, broken := range h.Broken {
			if _, err := broken.Prepare(t.Context(), l.slot, l.payouts, nil); err == nil || isRefusal(err) {
				t.Errorf("broken %s: prepared, or refused: %v", name, err)
			}
		}
	}
	silent()
	l.submit(a)
	h.Blocks(t, 1)
	l.observe(rail.StageMined)
	silent()
	l.ends(every(true)...)
	silent()
}

// listStranger has somebody else use the slot for one payout: of the list none is paid.
func (h *Harness) listStranger(t *testing.T, asset string) {
	l := h.list(t, asset)
	l.attempt()
	other := h.job(t, l.slot.Wallet, h.Assets[0], "")
	theirs := h.foreign(t, other.slot, other.payouts)
	if o := l.observe(rail.StageUnknown); o.Note == "" {
		t.Errorf("not final yet: %+v", o)
	}
	if o := l.ends(every(false)...); o.TxID != theirs.TxID {
		t.Errorf("the slot was used by %s, want %s", o.TxID, theirs.TxID)
	}
	if h.Forgetful == nil {
		return
	}
	o, err := h.Forgetful.Observe(t.Context(), l.slot, l.payouts, l.attempts)
	if err != nil || o.Stage != rail.StageUnknown || len(o.Paid) > 0 {
		t.Errorf("without a look into the past: %+v (error %v), want unknown", o, err)
	}
}

// listStrangerPays is a list whose attempt is not in our store: another one of the same
// slot pays it.
func (h *Harness) listStrangerPays(t *testing.T, asset string) {
	l := h.list(t, asset)
	in, err := l.prepare()
	if err != nil {
		t.Fatal(err)
	}
	in.Gas++ // what we have stored is another transaction
	l.attempts = append(l.attempts, sign(t, h.Signer, in))
	theirs := h.foreign(t, l.slot, l.payouts)
	if o := l.ends(every(true)...); o.TxID != theirs.TxID {
		t.Errorf("paid by %s, want %s", o.TxID, theirs.TxID)
	}
}

// listElsewhere is a list that somebody has paid in another slot, say before the store
// was restored from a backup. What is sent for it must not pay again, and that it did
// not is no proof that nobody was paid.
func (h *Harness) listElsewhere(t *testing.T, asset string) {
	l := h.list(t, asset)
	first := h.job(t, l.slot.Wallet, h.Assets[0], "")
	l.slot.Nonce++
	a := l.attempt()
	h.foreign(t, first.slot, l.payouts)
	l.submit(a)
	h.Blocks(t, 1)
	l.observe(rail.StageMined)
	h.Finalize(t)
	if o := l.observe(rail.StageUnknown); len(o.Paid) > 0 || !strings.Contains(o.Note, "operator must look") {
		t.Errorf("%+v, want a call for an operator", o)
	}
	for n, p := range l.payouts {
		if got := l.ReceivedInList(t, l.to[n], asset); !slices.Equal(got, []money.Amount{p.Amount}) {
			t.Errorf("payout %d: the recipient got %v, want it once", n, got)
		}
	}
}

func (h *Harness) listLostAnswer(t *testing.T, asset string) {
	if h.LosesAnswers == nil {
		return // declared: no answers can be lost here
	}
	l := h.list(t, asset)
	a := l.attempt()
	if err := h.LosesAnswers.Submit(t.Context(), a); err == nil {
		t.Fatal("the answer was not lost")
	}
	h.Blocks(t, 1)
	l.observe(rail.StageMined)
	l.submit(a)
	l.ends(every(true)...)
}

// listRefused has one payout refused after the list was signed: the others are paid.
func (h *Harness) listRefused(t *testing.T, asset string) {
	for _, r := range h.Refuse {
		if r.Asset != asset || r.All {
			continue
		}
		t.Run(r.Name, func(t *testing.T) {
			l := h.list(t, asset, r.Recipient(t))
			a := l.attempt()
			r.Start(t, l.to[0])
			l.submit(a)
			h.Blocks(t, 1)
			l.observe(rail.StageMined)
			want := every(true)
			want[0] = false
			if o := l.ends(want...); !strings.Contains(o.Reasons[0], r.Reason) {
				t.Errorf("reason %q, want %q in it", o.Reasons[0], r.Reason)
			}
		})
	}
}

// cancels orders a cancel that comes in time, and one that comes too late.
func (h *Harness) cancels(t *testing.T) {
	canceller, ok := h.Rail.(rail.Canceller)
	if !ok {
		return // declared: this rail cannot cancel
	}
	cancel := func(t *testing.T, j *job) rail.Attempt {
		t.Helper()
		in, err := canceller.Cancel(t.Context(), j.slot, j.payouts, j.attempts)
		if err != nil {
			t.Fatal(err)
		}
		in.Fence, in.Bound = 1, "dsp_test"
		a := sign(t, h.Signer, in)
		j.attempts = append(j.attempts, a)
		return a
	}
	for _, asset := range h.Assets {
		t.Run("in time "+asset, func(t *testing.T) {
			wallet := h.rich(t, asset)
			gap := h.job(t, wallet, h.Assets[0], "") // without it nothing moves
			j := h.job(t, wallet, asset, "")
			j.slot.Nonce++
			coins := h.balance(t, wallet, asset)
			j.submit(j.attempt())
			a := cancel(t, j)
			j.submit(a)
			again := cancel(t, j) // and dearer
			j.submit(again)
			if _, err := j.prepare(); err == nil || isRefusal(err) {
				t.Errorf("a payment was prepared for a slot that is being cancelled: %v", err)
			}
			gap.submit(gap.attempt())
			h.Blocks(t, 2)
			o := j.outcome(false)
			if o.TxID != again.TxID || !strings.Contains(o.Reasons[0], "cancelled") {
				t.Errorf("%+v, want the cancel %s", o, again.TxID)
			}
			if asset != h.Assets[0] && h.balance(t, wallet, asset) != coins {
				t.Error("the wallet paid something")
			}
		})
		t.Run("too late "+asset, func(t *testing.T) {
			j := h.job(t, h.rich(t, asset), asset, "")
			first := j.attempt()
			late := *j
			a := cancel(t, &late)
			j.submit(first)
			h.Blocks(t, 1)
			j.attempts = late.attempts
			j.observe(rail.StageMined)
			if err := h.Rail.Submit(t.Context(), a); err != nil && !errors.Is(err, rail.ErrLook) {
				t.Errorf("the cancel: got %v, want ErrLook", err)
			}
			if o := j.outcome(true); o.TxID != first.TxID {
				t.Errorf("paid by %s, want %s", o.TxID, first.TxID)
			}
		})
	}
	if h.Float == nil {
		return
	}
	t.Run("a list", func(t *testing.T) {
		l := h.list(t, h.Assets[0])
		gap := h.job(t, l.slot.Wallet, h.Assets[0], "")
		l.slot.Nonce++
		l.submit(l.attempt())
		a := cancel(t, l.job)
		l.submit(a)
		gap.submit(gap.attempt())
		h.Blocks(t, 2)
		if o := l.ends(every(false)...); o.TxID != a.TxID {
			t.Errorf("%s ended it, want the cancel %s", o.TxID, a.TxID)
		}
	})
}
