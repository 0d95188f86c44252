package railtest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail"
)

// This file holds what happens before anything is signed.

func (h *Harness) describes(t *testing.T) {
	if h.Rail.Network() == "" || h.Rail.PollEvery() <= 0 {
		t.Errorf("network %q, poll every %s", h.Rail.Network(), h.Rail.PollEvery())
	}
	if h.Assets[0] != h.Rail.FeeAsset() {
		t.Errorf("fee asset %s, want %s", h.Rail.FeeAsset(), h.Assets[0])
	}
	for _, a := range h.Assets {
		if !slices.Contains(h.Rail.Assets(), a) {
			t.Errorf("%s is not among %v", a, h.Rail.Assets())
		}
	}
}

func (h *Harness) check(t *testing.T) {
	for _, c := range h.Check {
		t.Run(c.Name, func(t *testing.T) {
			got, err := h.Rail.Check(t.Context(), c.Typed, c.Tag, c.Asset)
			if c.Code != "" {
				if fault.CodeOf(err) != c.Code || fault.KindOf(err) != fault.Invalid {
					t.Errorf("got %v (%s), want code %s", err, fault.CodeOf(err), c.Code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Canonical != c.Canonical || got.Typed != c.Typed || got.Network != h.Rail.Network() || len(got.Decoded) == 0 {
				t.Errorf("got %+v, want canonical %s", got, c.Canonical)
			}
			if w := h.Rail.Warn(t.Context(), got); (len(w) > 0) != c.Warned {
				t.Errorf("warnings %q, want some: %v", w, c.Warned)
			}
		})
	}
}

func (h *Harness) feasible(t *testing.T) {
	fee, asset := h.Assets[0], h.Assets[len(h.Assets)-1]
	wallet := h.Wallet(t)
	pay := []rail.Payout{{Ref: newRef(), Asset: asset, To: h.target(t, h.Recipient(t), asset), Amount: h.Payout}}
	want := func(t *testing.T, code string, inFlight ...rail.InFlight) {
		t.Helper()
		f, err := h.Rail.Feasible(t.Context(), wallet, inFlight, pay)
		if err != nil || f.OK != (code == "") || f.Code != code || f.OK != (f.Reason == "") {
			t.Errorf("got %+v (error %v), want code %q", f, err, code)
		}
		if code != "" && !strings.Contains(f.Reason, wallet) {
			t.Errorf("the reason does not name the wallet to top up: %s", f.Reason)
		}
	}
	want(t, "wallet_out_of_funds")
	if asset != fee {
		h.Credit(t, wallet, asset, h.Payout)
		want(t, "wallet_out_of_gas")
	}
	h.Credit(t, wallet, fee, h.Enough)
	want(t, "")

	if h.picker() != nil {
		h.feasibleCoins(t, wallet, pay, want)
		return
	}
	h.Credit(t, wallet, asset, h.Payout) // twice the payout now, and not a unit more for a token
	j := h.job(t, wallet, asset, "")
	if asset == fee {
		j.payouts[0].Amount = h.Enough // whatever is in flight is all the wallet has
	} else {
		j.payouts[0].Amount = plus(t, h.Payout, money.Of(1))
	}
	want(t, "wallet_out_of_funds", rail.InFlight{Slot: j.slot, Payouts: j.payouts})

	j = h.job(t, wallet, asset, "")
	want(t, "", rail.InFlight{Slot: j.slot, Payouts: j.payouts})
	want(t, "wallet_out_of_gas", rail.InFlight{Slot: j.slot, Payouts: j.payouts, MaxFee: h.Enough})
	j.submit(j.attempt())
	h.Blocks(t, 1)
	j.observe(rail.StageMined)
	// The block has taken it from the balance: it must not count a second time.
	want(t, "", rail.InFlight{Slot: j.slot, Payouts: j.payouts, MaxFee: h.Enough})

	h.namesTheNode(t, wallet, pay)
}

// namesTheNode wants a payout over a network that cannot be trusted to wait for the node,
// and for nothing that money or a merchant could end.
func (h *Harness) namesTheNode(t *testing.T, wallet string, pay []rail.Payout) {
	t.Helper()
	for name, broken := range h.Broken {
		f, err := broken.Feasible(t.Context(), wallet, nil, pay)
		if err != nil || f.OK || !strings.HasPrefix(f.Code, "node_") || f.Cause == nil && f.Reason == rail.TextSilent {
			t.Errorf("broken %s: got %+v (error %v), want it to wait for the node", name, f, err)
		}
	}
}

// refused wants a refusal before anything is signed, and only while nothing is.
func (h *Harness) refused(t *testing.T) {
	for _, r := range h.Refuse {
		t.Run(r.Name, func(t *testing.T) {
			wallet := h.Wallet(t) // what is signed for it here is never sent
			h.Credit(t, wallet, h.Assets[0], h.Enough)
			if r.Asset != h.Assets[0] {
				h.Credit(t, wallet, r.Asset, h.Enough)
			}
			j := h.job(t, wallet, r.Asset, r.Recipient(t))
			before := *j
			before.attempt() // it can be paid now
			r.Start(t, j.typed)
			_, err := j.prepare()
			if !isRefusal(err) || !strings.Contains(err.Error(), r.Reason) {
				t.Errorf("got %v, want a refusal with %q", err, r.Reason)
			}
			if _, err := before.prepare(); isRefusal(err) {
				t.Errorf("a slot with signed bytes was refused: %v", err)
			}
			for name, broken := range h.Broken {
				if _, err := broken.Prepare(t.Context(), j.slot, j.payouts, nil); err == nil || isRefusal(err) {
					t.Errorf("broken %s: an error became a refusal: %v", name, err)
				}
			}
		})
	}
}

// poor wants a payout that the wallet cannot pay to wait, not to be refused: the
// simulation fails for the same reason as the wallet is empty.
func (h *Harness) poor(t *testing.T) {
	for _, asset := range h.Assets {
		wallet := h.Wallet(t)
		if p := h.picker(); p != nil {
			pay := []rail.Payout{{Ref: newRef(), Asset: asset, To: h.target(t, h.Recipient(t), asset), Amount: h.Payout}}
			if slot, _, err := p.Pick(t.Context(), wallet, "test", pay, nil); !errors.Is(err, rail.ErrUnavailable) {
				t.Errorf("picked %+v (error %v) from nothing, want to be told to try later", slot, err)
			}
			continue
		}
		j := h.job(t, wallet, asset, "")
		if _, err := j.prepare(); err == nil || isRefusal(err) || !errors.Is(err, rail.ErrUnavailable) {
			t.Errorf("%s: got %v, want to be told to try later", asset, err)
		}
		h.Credit(t, wallet, h.Assets[0], h.Enough)
		if asset == h.Assets[0] {
			continue
		}
		if _, err := j.prepare(); err == nil || isRefusal(err) || !errors.Is(err, rail.ErrUnavailable) {
			t.Errorf("%s with fees: got %v, want to be told to try later", asset, err)
		}
	}
}

// takenSlot wants a slot that a block has used to be turned down before signing.
func (h *Harness) takenSlot(t *testing.T) {
	asset := h.Assets[0]
	wallet := h.rich(t)
	j := h.job(t, wallet, asset, "")
	j.submit(j.attempt())
	h.Blocks(t, 1)
	j.observe(rail.StageMined)
	late := h.job(t, wallet, asset, "")
	if h.picker() == nil && late.slot.Nonce != j.slot.Nonce+1 {
		t.Errorf("next nonce %d, want %d", late.slot.Nonce, j.slot.Nonce+1)
	}
	late.slot = j.slot
	if _, err := late.prepare(); !errors.Is(err, rail.ErrSlotTaken) {
		t.Errorf("got %v, want ErrSlotTaken", err)
	}
	if _, err := j.prepare(); !errors.Is(err, rail.ErrLook) {
		t.Errorf("a replacement for what is in a block: got %v, want ErrLook", err)
	}
}

// amounts wants more than there can be to be refused when it is asked for; what was taken
// all the same stands in nobody's way.
func (h *Harness) amounts(t *testing.T) {
	checker, ok := h.Rail.(rail.AmountChecker)
	if !ok {
		t.Fatal("a rail checks amounts when they are asked for: implement rail.AmountChecker")
	}
	most, err := money.ParseMinor(strings.Repeat("9", money.Digits))
	if err != nil {
		t.Fatal(err)
	}
	fee := h.Assets[0]
	if err := checker.CheckAmount(fee, "", most); fault.KindOf(err) != fault.Invalid || len(fault.Of(err).Fields) == 0 {
		t.Errorf("%s %s: got %v, want a refusal of the amount", most, fee, err)
	}
	for _, asset := range h.Assets {
		if err := checker.CheckAmount(asset, "", h.Payout); err != nil {
			t.Errorf("%s %s: %v", h.Payout, asset, err)
		}
		wallet := h.rich(t, asset)
		pay := func(a money.Amount) rail.Payout {
			return rail.Payout{Ref: newRef(), Asset: asset, To: h.target(t, h.Recipient(t), asset), Amount: a}
		}
		list := []rail.Payout{pay(h.Payout), pay(most), pay(h.Payout)}
		lists := [][]int{{0}, {1}, {2}}
		if g, ok := h.Rail.(rail.Grouper); ok {
			if lists, err = g.Group(t.Context(), wallet, list); err != nil {
				t.Fatalf("%s: one payout that cannot be stops all: %v", asset, err)
			}
		}
		for _, l := range lists {
			var some []rail.Payout
			for _, n := range l {
				some = append(some, list[n])
			}
			f, err := h.Rail.Feasible(t.Context(), wallet, nil, some)
			bad := slices.Contains(l, 1)
			if bad && (len(l) > 1 || f.OK) {
				t.Errorf("%s: %v is planned: %+v", asset, l, f)
			}
			if !bad && (!f.OK || err != nil) {
				t.Errorf("%s: %v waits for what it has no part in: %+v (%v)", asset, l, f, err)
			}
		}
	}
}
