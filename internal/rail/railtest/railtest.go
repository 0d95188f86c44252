// Package railtest is the conformance suite of rails. Whatever pays out passes it,
// against a network that is as real as it can be had in a test. What a network
// cannot do (undo blocks, hold payments back) its Harness leaves out.
package railtest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/signer"
)

// Harness is a rail with the network behind it. The fields of the first group are
// required; those of the second are abilities, nil or empty when the network has not
// got them.
type Harness struct {
	Rail   rail.Rail
	Signer signer.Signer
	// Stranger holds the same keys and remembers nothing of Signer: somebody else who
	// uses the wallets.
	Stranger signer.Signer
	// Assets are the codes to run the payments with. The first one is the fee asset.
	Assets []string
	Check  []CheckCase
	// Wallet gives a wallet with a key of its own that nothing has happened to. The
	// suite takes at most WalletsWanted.
	Wallet func(t *testing.T) string
	// Recipient gives an address, as typed, to which nobody has ever paid.
	Recipient func(t *testing.T) string
	// Credit gives a wallet coins; afterwards a block holds them.
	Credit func(t *testing.T, wallet, asset string, amount money.Amount)
	// Received lists what the network itself says that an address got of an asset.
	Received func(t *testing.T, address, asset string) []money.Amount
	// Blocks lets time pass by n blocks.
	Blocks func(t *testing.T, n int)
	// Finalize makes everything final that is in a block now.
	Finalize func(t *testing.T)

	// Enough of any asset for what one test pays, fees included, and the amount that
	// tests pay. Zero: what suits networks with many decimals.
	Enough, Payout money.Amount
	// Holds is set when payments stay out of blocks until Blocks is called.
	Holds bool
	// Refuse makes the network refuse every payment of an asset to an address from
	// now on. The reason must show up in what the rail reports.
	Refuse []Refuse
	// Lies are assets whose payments can be made to fail without the network saying so.
	Lies []Lie
	// Undo takes a block and all that came after it away and lets the network go on
	// without them; their payments are forgotten unless keep is set.
	Undo func(t *testing.T, block uint64, keep bool)
	// Obeys is set when Undo keeps or drops payments as told. Without it what becomes
	// of them is left to chance, as on a real network.
	Obeys bool
	// Polite is set when the network answers with success to bytes that others have
	// taken the place of, while no block holds either.
	Polite bool
	// LosesAnswers hands over what is submitted and then fails.
	LosesAnswers rail.Rail
	// Broken are rails over networks that answer nothing to the point, Blind over such
	// as know everything but the payments. None of them may ever prove anything.
	Broken, Blind map[string]rail.Rail
	// Float gives a wallet the coins from which it pays lists; afterwards a block holds
	// them. nil: this rail pays one payout per slot.
	Float func(t *testing.T, wallet, asset string, amount money.Amount)
	// ReceivedInList lists what an address got, also as part of a list. nil: Received.
	ReceivedInList func(t *testing.T, address, asset string) []money.Amount
	// Forgetful sees the present like Rail, but cannot look into the past.
	Forgetful rail.Rail
	// Wires are between the rail and its node. Required of every rail that asks one.
	Wires *Wires

	shared []string // wallets that tests take in turn
	turn   int
}

// richWallets is how many wallets the tests share that do not need one of their own:
// making keys is the slowest part of the suite.
const richWallets = 4

// WalletsWanted is how many wallets with keys a harness must be able to give.
const WalletsWanted = 12

// CheckCase is one line of the table of addresses.
type CheckCase struct {
	Name, Typed, Tag, Asset string
	Canonical               string // for a good one
	Code                    string // of the fault, for a bad one
	Warned                  bool
}

// Refuse is a way in which the network can refuse an asset.
type Refuse struct {
	Name, Asset string
	// Recipient gives an address that can receive until Start is called for it.
	Recipient func(t *testing.T) string
	Start     func(t *testing.T, recipient string) // until the end of the test
	All       bool                                 // it refuses all recipients of the asset
	Reason    string                               // part of what a person is told
}

// Lie is a way in which a payment can look done without being done.
type Lie struct {
	Name, Asset string
	Start       func(t *testing.T) // until the end of the test
	// Stage that the rail must report when the block is final: final and unpaid, or
	// unknown when something moved that is not the payout.
	Stage rail.Stage
}

// Run runs the suite. open is called once; the tests share its network but not its
// wallets.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	h := open(t)
	if h.Enough.IsZero() {
		h.Enough = money.Of(2_000_000_000_000_000_000)
	}
	if h.Payout.IsZero() {
		h.Payout = money.Of(1_234_567) // no round number, so that no other is mistaken for it
	}
	t.Run("Describes itself", h.describes)
	t.Run("Case41_checks_destinations", h.check) // case-40
	t.Run("Feasible", h.feasible)
	for _, asset := range h.Assets {
		t.Run("Pays_"+asset, func(t *testing.T) { h.pays(t, asset) })
		t.Run("Case07_same_bytes_twice_"+asset, func(t *testing.T) { h.twice(t, asset) })
		t.Run("Case20_replacement_"+asset, func(t *testing.T) { h.replaces(t, asset) })
		t.Run("Case22_reorg_"+asset, func(t *testing.T) { h.reorg(t, asset) })
		t.Run("Case15_errors_prove_nothing_"+asset, func(t *testing.T) { h.broken(t, asset) })
		t.Run("Case21_slot_used_by_another_"+asset, func(t *testing.T) { h.stranger(t, asset) })
		t.Run("Case26_slot_used_for_the_payout_"+asset, func(t *testing.T) { h.strangerPays(t, asset) })
	}
	if h.Float != nil {
		if h.ReceivedInList == nil {
			h.ReceivedInList = h.Received
		}
		for _, asset := range h.Assets {
			t.Run("List_"+asset, func(t *testing.T) { h.lists(t, asset) })
		}
	}
	t.Run("Cancels", h.cancels)
	t.Run("Case23_lost_answer", h.lostAnswer)
	t.Run("Refused_before_signing", h.refused)
	t.Run("Reverted_after_signing", h.reverted)
	t.Run("Case38_only_a_log_pays", h.lies) // case-37: also a log of less than was to be paid
	t.Run("Takes_only_free_slots", h.takenSlot)
	if h.picker() != nil {
		t.Run("Case21_held_slots_are_left_alone", h.heldSlot)
		t.Run("Pays_many_in_one_slot", h.many)
	}
	t.Run("Wallet_without_money_is_no_refusal", h.poor)
	t.Run("Amounts_that_cannot_be", h.amounts)
	h.answers(t)
}

// rich gives a wallet with enough of the fee asset and of those named. Another test
// may have used it, and left nothing of it in flight.
func (h *Harness) rich(t *testing.T, assets ...string) string {
	t.Helper()
	if len(h.shared) < richWallets {
		h.shared = append(h.shared, h.Wallet(t))
	}
	h.turn++
	wallet := h.shared[h.turn%len(h.shared)]
	h.Credit(t, wallet, h.Assets[0], h.Enough)
	for _, a := range assets {
		if a != h.Assets[0] {
			h.Credit(t, wallet, a, h.Enough)
		}
	}
	return wallet
}

// target checks a typed address.
func (h *Harness) target(t *testing.T, typed, asset string) []byte {
	t.Helper()
	target, err := h.Rail.Check(t.Context(), typed, "", asset)
	if err != nil {
		t.Fatalf("check %s: %v", typed, err)
	}
	return target.Decoded
}

// job is a slot with its payout, on its way through the rail.
type job struct {
	*Harness
	t        *testing.T
	slot     rail.Slot
	payouts  []rail.Payout
	typed    string
	attempts []rail.Attempt
}

// job makes a payout of one asset out of a wallet, to a new recipient if typed is "".
func (h *Harness) job(t *testing.T, wallet, asset, typed string) *job {
	t.Helper()
	if typed == "" {
		typed = h.Recipient(t)
	}
	j := &job{
		Harness: h, t: t, typed: typed,
		payouts: []rail.Payout{{Ref: newRef(), Asset: asset, To: h.target(t, typed, asset), Amount: h.Payout}},
	}
	j.slot = h.slot(t, wallet, j.payouts)
	return j
}

// slot is the next one of a wallet. Where slots are picked nothing is held, so that
// two jobs of one wallet get the same one, as they do where it is a nonce.
func (h *Harness) slot(t *testing.T, wallet string, payouts []rail.Payout) rail.Slot {
	t.Helper()
	if picker := h.picker(); picker != nil {
		slot, keys, err := picker.Pick(t.Context(), wallet, "test", payouts, nil)
		if err != nil || len(keys) == 0 || slot.Wallet != wallet {
			t.Fatalf("picked %+v holding %v (error %v)", slot, keys, err)
		}
		return slot
	}
	nonce, err := h.Rail.NextNonce(t.Context(), wallet)
	if err != nil {
		t.Fatalf("next nonce: %v", err)
	}
	return rail.Slot{Wallet: wallet, Nonce: nonce}
}

// picker is the rail, if its slots are picked; nil where they are nonces.
func (h *Harness) picker() rail.SlotPicker {
	p, _ := h.Rail.(rail.SlotPicker)
	return p
}

// prepare asks for an intent and stores nothing.
func (j *job) prepare() (signer.Intent, error) {
	in, err := j.Rail.Prepare(j.t.Context(), j.slot, j.payouts, j.attempts)
	in.Fence, in.Bound = 1, "dsp_test"
	return in, err
}

// attempt prepares, signs and stores, as a worker does before it sends.
func (j *job) attempt() rail.Attempt {
	j.t.Helper()
	if len(j.attempts) == 0 {
		// A worker asks before it plans, and a rail may remember what it answered.
		if _, err := j.Rail.Feasible(j.t.Context(), j.slot.Wallet, nil, j.payouts); err != nil {
			j.t.Fatalf("feasible: %v", err)
		}
	}
	in, err := j.prepare()
	if err != nil {
		j.t.Fatalf("prepare: %v", err)
	}
	a := sign(j.t, j.Signer, in)
	j.attempts = append(j.attempts, a)
	return a
}

func sign(t *testing.T, s signer.Signer, in signer.Intent) rail.Attempt {
	t.Helper()
	signed, err := s.Sign(t.Context(), in)
	if err != nil {
		t.Fatalf("sign: %v", err)
	}
	fee, err := in.MaxFee()
	if err != nil {
		t.Fatalf("fee: %v", err)
	}
	return rail.Attempt{TxID: signed.TxID, Raw: signed.Raw, Fee: fee}
}

func (j *job) submit(a rail.Attempt) {
	j.t.Helper()
	if err := j.Rail.Submit(j.t.Context(), a); err != nil {
		j.t.Fatalf("submit: %v", err)
	}
}

// observe looks until the stage is the wanted one: a node may take a moment to show
// what it has. The test's own deadline ends a wait in vain.
func (j *job) observe(want rail.Stage) rail.Observation {
	j.t.Helper()
	var last rail.Observation
	var err error
	for range 200 {
		if last, err = j.Rail.Observe(j.t.Context(), j.slot, j.payouts, j.attempts); err == nil && last.Stage == want {
			return last
		}
	}
	j.t.Fatalf("observed %+v (error %v), want stage %s", last, err, want)
	return last
}

// outcome makes the blocks final and wants the payout's fate to be the given one.
func (j *job) outcome(paid bool) rail.Observation {
	j.t.Helper()
	j.Blocks(j.t, 1)
	j.Finalize(j.t)
	o := j.observe(rail.StageFinal)
	if len(o.Paid) != 1 || o.Paid[0] != paid || len(o.Reasons) != 1 || (o.Reasons[0] == "") != paid {
		j.t.Errorf("paid %v, reasons %q, want paid %v", o.Paid, o.Reasons, paid)
	}
	want := []money.Amount{j.Payout}
	if !paid {
		want = nil
	}
	j.received(want...)
	if again := j.observe(rail.StageFinal); again.TxID != o.TxID || again.Fee != o.Fee || again.Block != o.Block {
		j.t.Errorf("a final outcome changed from %+v to %+v", o, again)
	}
	return o
}

// received compares with what the network itself says the recipient has got.
func (j *job) received(want ...money.Amount) {
	j.t.Helper()
	got := j.Received(j.t, j.typed, j.payouts[0].Asset)
	same := len(got) == len(want)
	for i := 0; same && i < len(got); i++ {
		same = got[i] == want[i]
	}
	if !same {
		j.t.Errorf("the recipient got %v, want %v", got, want)
	}
}

func (h *Harness) balance(t *testing.T, wallet, asset string) money.Amount {
	t.Helper()
	b, err := h.Rail.Balance(t.Context(), wallet)
	if err != nil {
		t.Fatalf("balance: %v", err)
	}
	return b[asset]
}

func plus(t *testing.T, a, b money.Amount) money.Amount {
	t.Helper()
	sum, err := a.Add(b)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func isRefusal(err error) bool {
	var r *rail.Refusal
	return errors.As(err, &r)
}

// withdrawals counts those that the suite has made up.
var withdrawals atomic.Int64

// newRef names a withdrawal that nothing was signed for: a signer signs each in one slot.
func newRef() string { return fmt.Sprintf("wd_test_%d", withdrawals.Add(1)) }
