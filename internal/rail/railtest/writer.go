package railtest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/signer"
)

// Files is a rail whose attempts are files, with whoever agrees to them and what takes
// them. Its payouts end one by one.
type Files struct {
	Rail interface {
		rail.Rail
		rail.Writer
		rail.Grouper
		rail.SlotPicker
	}
	Signer        signer.Signer
	Wallet, Asset string
	// Payout makes a payout of a withdrawal that there never was before. instant asks for
	// one that leaves at any time of any day.
	Payout func(t *testing.T, amount money.Amount, instant bool) rail.Payout
	// Bad makes a payout that no file can hold. Reason is part of the refusal.
	Bad func(t *testing.T) (p rail.Payout, reason string)
	// Taken lists the files that were handed over, in any order, each once however
	// often it was handed over.
	Taken func(t *testing.T) [][]byte
	// Unreachable makes handing over fail until the function it gives is called.
	Unreachable func(t *testing.T) (back func())
	// Book and Reject let the other side decide about a payout and tell us.
	Book, Reject func(t *testing.T, slot rail.Slot, p rail.Payout)
	// Closed is the same rail at a time at which payouts that are not instant have to wait.
	Closed rail.Rail
}

// RunFiles runs the suite for rails that write files.
func RunFiles(t *testing.T, open func(t *testing.T) Files) {
	h := open(t)
	t.Run("Describes itself", h.describesItself)
	t.Run("Case07_same_bytes_twice", h.sameBytes)
	t.Run("Case18_never_a_second_file", h.second)
	t.Run("Case15_silence_proves_nothing", h.silence)
	t.Run("Decides_one_by_one", h.oneByOne)
	t.Run("Case23_not_handed_over", h.unreachable)
	t.Run("A3_only_what_was_agreed_to", h.agreed)
	t.Run("Refuses_alone", h.refusesAlone)
	t.Run("Groups", h.groups)
	t.Run("Waits_for_its_time", h.waits)
}

func (h Files) describesItself(t *testing.T) {
	if h.Rail.Network() == "" || h.Rail.PollEvery() <= 0 || h.Rail.GroupMax() < 2 {
		t.Errorf("network %q, poll every %s, %d together", h.Rail.Network(), h.Rail.PollEvery(), h.Rail.GroupMax())
	}
	if a := h.Rail.Assets(); len(a) != 1 || a[0] != h.Asset {
		t.Errorf("assets %v", a)
	}
}

// file is a slot with its payouts and its attempt.
type file struct {
	slot    rail.Slot
	payouts []rail.Payout
	attempt rail.Attempt
}

// refs makes ids of dispatches.
var refs = 0

func (h Files) write(t *testing.T, payouts ...rail.Payout) file {
	t.Helper()
	refs++
	ref := strings.Repeat("0", 28) + strings.ToLower(string([]byte{'a' + byte(refs/676%26), 'a' + byte(refs/26%26), 'a' + byte(refs%26), 'f'}))
	slot, keys, err := h.Rail.Pick(t.Context(), h.Wallet, ref, payouts, nil)
	if err != nil || len(keys) == 0 || slot.Wallet != h.Wallet {
		t.Fatalf("pick: %+v, %v, %v", slot, keys, err)
	}
	held := map[string]bool{}
	for _, k := range keys {
		held[k] = true
	}
	if _, _, err := h.Rail.Pick(t.Context(), h.Wallet, ref, payouts, held); err == nil {
		t.Error("a slot that is held was picked again")
	}
	a, err := h.attempt(t, slot, payouts)
	if err != nil || len(a.Raw) == 0 || a.TxID == "" {
		t.Fatalf("write: %+v, %v", a, err)
	}
	return file{slot, payouts, a}
}

// attempt has a file agreed to, as a worker does.
func (h Files) attempt(t *testing.T, slot rail.Slot, payouts []rail.Payout) (rail.Attempt, error) {
	t.Helper()
	in, err := h.Rail.Prepare(t.Context(), slot, payouts, nil)
	if err != nil {
		return rail.Attempt{}, err
	}
	in.Fence, in.Bound = 1, "dsp_"+slot.Ref
	signed, err := h.Signer.Sign(t.Context(), in)
	if err != nil {
		return rail.Attempt{}, err
	}
	a, err := h.Rail.Keep(signed)
	a.Fence, a.Bound = in.Fence, in.Bound
	return a, err
}

// agreed stores another file than the one that the signer agreed to: it does not leave.
func (h Files) agreed(t *testing.T) {
	before := len(h.Taken(t))
	f := h.write(t, h.Payout(t, money.Of(100), true))
	other := h.Payout(t, money.Of(200), true)
	dearer := f.payouts[0]
	dearer.Amount = money.Of(101)
	for name, payouts := range map[string][]rail.Payout{"another amount": {dearer}, "another payout": {other}, "one more": {f.payouts[0], other}} {
		in, err := h.Rail.Prepare(t.Context(), f.slot, payouts, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.attempt(t, f.slot, payouts); fault.CodeOf(err) != "sign_slot" {
			t.Errorf("%s under the same id: %v", name, err)
		}
		stored, err := h.Rail.Keep(signer.Signed{TxID: f.attempt.TxID, Raw: in.File}) // by whoever has the database and its keys
		if err != nil {
			t.Fatal(err)
		}
		stored.Fence, stored.Bound = f.attempt.Fence, f.attempt.Bound
		if err := h.Rail.Submit(t.Context(), stored); err == nil {
			t.Errorf("%s: handed over", name)
		}
	}
	if n := len(h.Taken(t)); n != before {
		t.Fatalf("%d files arrived that nobody agreed to", n-before)
	}
	again, err := h.attempt(t, f.slot, f.payouts)
	if err != nil || again.TxID != f.attempt.TxID {
		t.Errorf("the same order again: %+v, %v", again, err)
	}
	h.submit(t, f)
	if n := len(h.Taken(t)); n != before+1 {
		t.Errorf("%d files for one", n-before)
	}
}

func (h Files) submit(t *testing.T, f file) {
	t.Helper()
	if err := h.Rail.Submit(t.Context(), f.attempt); err != nil {
		t.Fatalf("submit: %v", err)
	}
}

func (h Files) observe(t *testing.T, f file) rail.Observation {
	t.Helper()
	o, err := h.Rail.Observe(t.Context(), f.slot, f.payouts, []rail.Attempt{f.attempt})
	if err != nil {
		t.Fatalf("observe: %v", err)
	}
	return o
}

func (h Files) sameBytes(t *testing.T) {
	before := len(h.Taken(t))
	f := h.write(t, h.Payout(t, money.Of(100), true))
	for range 3 {
		h.submit(t, f)
	}
	if n := len(h.Taken(t)); n != before+1 {
		t.Errorf("%d files for one", n-before)
	}
	if o := h.observe(t, f); o.Stage != rail.StageSent || o.TxID != f.attempt.TxID {
		t.Errorf("%+v", o)
	}
}

func (h Files) second(t *testing.T) {
	f := h.write(t, h.Payout(t, money.Of(100), true))
	if in, err := h.Rail.Prepare(t.Context(), f.slot, f.payouts, []rail.Attempt{f.attempt}); err == nil {
		t.Errorf("a second file for the same payouts: %+v", in)
	} else if isRefusal(err) {
		t.Errorf("what is in a file was refused: %v", err)
	}
}

func (h Files) silence(t *testing.T) {
	f := h.write(t, h.Payout(t, money.Of(100), true))
	proves := func(o rail.Observation) bool {
		for _, fate := range o.Decided {
			if fate.Known {
				return true
			}
		}
		return o.Stage == rail.StageFinal || len(o.Paid) > 0
	}
	if o := h.observe(t, f); proves(o) {
		t.Errorf("before it was handed over: %+v", o)
	}
	h.submit(t, f)
	for range 3 {
		if o := h.observe(t, f); proves(o) {
			t.Errorf("out of silence: %+v", o)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if o, err := h.Rail.Observe(ctx, f.slot, f.payouts, []rail.Attempt{f.attempt}); err == nil && proves(o) {
		t.Errorf("out of a look that failed: %+v", o)
	}
}

func (h Files) oneByOne(t *testing.T) {
	f := h.write(t, h.Payout(t, money.Of(100), true), h.Payout(t, money.Of(200), true), h.Payout(t, money.Of(300), true))
	h.submit(t, f)
	h.Reject(t, f.slot, f.payouts[1])
	o := h.observe(t, f)
	if len(o.Decided) != 3 || o.Decided[0].Known || !o.Decided[1].Known || o.Decided[1].Paid || o.Decided[1].Reason == "" || o.Decided[2].Known || o.Stage == rail.StageFinal {
		t.Fatalf("after one was rejected: %+v", o)
	}
	h.Book(t, f.slot, f.payouts[2])
	if o = h.observe(t, f); len(o.Decided) != 3 || !o.Decided[2].Known || !o.Decided[2].Paid || o.Decided[0].Known {
		t.Fatalf("after another was booked: %+v", o)
	}
	h.Book(t, f.slot, f.payouts[0])
	o = h.observe(t, f)
	if o.Stage != rail.StageFinal || len(o.Paid) != 3 || !o.Paid[0] || o.Paid[1] || !o.Paid[2] || o.Reasons[1] == "" || o.Reasons[0] != "" {
		t.Fatalf("at the end: %+v", o)
	}
	h.Book(t, f.slot, f.payouts[1]) // what was proved never changes
	if again := h.observe(t, f); again.Stage != rail.StageFinal || again.Paid[1] {
		t.Errorf("a fate changed: %+v", again)
	}
}

func (h Files) unreachable(t *testing.T) {
	before := len(h.Taken(t))
	f := h.write(t, h.Payout(t, money.Of(100), true))
	back := h.Unreachable(t)
	if err := h.Rail.Submit(t.Context(), f.attempt); err == nil || fault.KindOf(err) != fault.Unavailable && !errors.Is(err, rail.ErrUnavailable) {
		t.Errorf("handed over to nobody: %v", err)
	}
	if n := len(h.Taken(t)); n != before {
		t.Errorf("%d files arrived all the same", n-before)
	}
	if o := h.observe(t, f); o.Stage == rail.StageFinal {
		t.Errorf("an error proved something: %+v", o)
	}
	back()
	h.submit(t, f)
	taken := h.Taken(t)
	if len(taken) != before+1 {
		t.Fatalf("%d files", len(taken)-before)
	}
	found := false
	for _, b := range taken {
		found = found || bytes.Contains(b, []byte(f.slot.Ref))
	}
	if !found {
		t.Error("the file does not carry the id of its slot")
	}
}

func (h Files) refusesAlone(t *testing.T) {
	bad, reason := h.Bad(t)
	good := h.Payout(t, money.Of(100), true)
	lists, err := h.Rail.Group(t.Context(), h.Wallet, []rail.Payout{good, bad, h.Payout(t, money.Of(100), true)})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lists {
		for _, n := range l {
			if n == 1 && len(l) > 1 {
				t.Errorf("a payout that no file can hold shares one: %v", lists)
			}
		}
	}
	slot, _, err := h.Rail.Pick(t.Context(), h.Wallet, strings.Repeat("b", 32), []rail.Payout{bad}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Rail.Prepare(t.Context(), slot, []rail.Payout{bad}, nil); !isRefusal(err) || !strings.Contains(err.Error(), reason) {
		t.Errorf("got %v, want a refusal with %q", err, reason)
	}
	if _, err := h.Rail.Prepare(t.Context(), slot, []rail.Payout{good, bad}, nil); err == nil || isRefusal(err) {
		t.Errorf("others were refused with it: %v", err)
	}
}

func (h Files) groups(t *testing.T) {
	list := []rail.Payout{h.Payout(t, money.Of(100), true), h.Payout(t, money.Of(100), false), h.Payout(t, money.Of(100), true), h.Payout(t, money.Of(100), false)}
	lists, err := h.Rail.Group(t.Context(), h.Wallet, list)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, l := range lists {
		for _, n := range l {
			if seen[n] {
				t.Errorf("payout %d is in two files: %v", n, lists)
			}
			seen[n] = true
			if n%2 != l[0]%2 {
				t.Errorf("a file mixes services: %v", lists)
			}
		}
	}
	if len(seen) != len(list) {
		t.Errorf("%v leaves some out", lists)
	}
}

func (h Files) waits(t *testing.T) {
	f, err := h.Closed.Feasible(t.Context(), h.Wallet, nil, []rail.Payout{h.Payout(t, money.Of(100), false)})
	if err != nil || f.OK || f.Code == "" || f.Reason == "" {
		t.Errorf("outside its time: %+v, %v", f, err)
	}
	f, err = h.Closed.Feasible(t.Context(), h.Wallet, nil, []rail.Payout{h.Payout(t, money.Of(100), true)})
	if err != nil || !f.OK {
		t.Errorf("an instant one: %+v, %v", f, err)
	}
}
