package sepa

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"sluice/internal/bank"
	"sluice/internal/bank/calendar"
	"sluice/internal/bank/iban"
	"sluice/internal/bank/message"
	"sluice/internal/crash"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/signer"
)

// Config of a rail: one account at one bank.
type Config struct {
	Checker
	Bank    Bank
	Wallet  string // public id of the wallet that stands for the account
	Channel Channel
	// Opens is when the bank's day begins for normal payments. Outside the time from
	// then to the cut-off, and on days on which T2 is closed, they wait.
	Opens CutOff
	// Collect is how long normal payments wait for others to share a file with.
	Collect time.Duration
	Poll    time.Duration // how often the inbox is looked at. Default 30 s
	Limits  message.Limits
}

const pollEvery = 30 * time.Second

// Family is the family name in signing intents.
const Family = "bank"

// Rail is the SEPA rail. It writes files, hands them over, and answers from what the
// book knows of the bank's answers.
type Rail struct {
	Checker
	cfg  Config
	book *bank.Book
	sign signer.Signer

	mu   sync.Mutex
	seen map[string]time.Time // when a payout that waits was seen first. Lost in a restart: it then waits a little longer
}

var (
	_ rail.Rail        = (*Rail)(nil)
	_ rail.Writer      = (*Rail)(nil)
	_ rail.Grouper     = (*Rail)(nil)
	_ rail.SlotPicker  = (*Rail)(nil)
	_ rail.BankChecker = (*Rail)(nil)
)

// New makes a rail. Connect must be called before it is used for more than checks.
func New(cfg Config) *Rail {
	if cfg.Poll <= 0 {
		cfg.Poll = pollEvery
	}
	if cfg.Limits == (message.Limits{}) {
		cfg.Limits = message.DefaultLimits
	}
	return &Rail{Checker: cfg.Checker, cfg: cfg, seen: map[string]time.Time{}}
}

// Connect gives the rail the book in which everything about the bank is kept, and whom it
// asks before a file leaves.
func (r *Rail) Connect(book *bank.Book, sign signer.Signer) { r.book, r.sign = book, sign }

// Account is the account that pays: the address of the rail's wallet.
func (r *Rail) Account() string { return r.cfg.Bank.Account.IBAN.String() }

// Network implements rail.Rail.
func (r *Rail) Network() string { return r.cfg.Network }

// FeeAsset implements rail.Rail. Banks charge by the month, not by the payment.
func (r *Rail) FeeAsset() string { return Currency }

// Assets implements rail.Rail.
func (r *Rail) Assets() []string { return []string{Currency} }

// PollEvery implements rail.Rail.
func (r *Rail) PollEvery() time.Duration { return r.cfg.Poll }

// Warn implements rail.Rail: what there is to be said, the check has said.
func (r *Rail) Warn(context.Context, rail.Target) []string { return nil }

// NextNonce implements rail.Rail. Slots are message ids; nothing counts.
func (r *Rail) NextNonce(context.Context, string) (uint64, error) { return 0, nil }

// Pick implements rail.SlotPicker: the message id is the dispatch's own.
func (r *Rail) Pick(_ context.Context, wallet, ref string, _ []rail.Payout, held map[string]bool) (rail.Slot, []string, error) {
	key := "ref:" + ref
	if held[key] {
		return rail.Slot{}, nil, fault.New(fault.Conflict, "slot_taken", "the message id %s is held by another dispatch", ref)
	}
	return rail.Slot{Wallet: wallet, Ref: ref}, []string{key}, nil
}

// service is what a payout leaves with.
func (r *Rail) service(p rail.Payout) message.Service {
	wanted := message.Service(p.Payment.Service)
	if wanted == "" {
		wanted = message.Normal
	}
	return r.cfg.Bank.Service(wanted, p.Amount)
}

// Feasible implements rail.Rail. The bank's day decides; what the account holds only the
// bank knows, and it rejects what it cannot pay.
func (r *Rail) Feasible(_ context.Context, _ string, _ []rail.InFlight, payouts []rail.Payout) (rail.Feasibility, error) {
	now := time.Now()
	for _, p := range payouts {
		if r.service(p) == message.Instant {
			continue
		}
		if opens := r.opens(now); now.Before(opens) {
			return rail.Feasibility{Code: "bank_closed", Reason: fmt.Sprintf(
				"the bank takes normal payments on business days from %s to %s (%s); this one leaves on %s, and can be cancelled until then",
				r.cfg.Opens, r.cfg.Bank.CutOff, r.cfg.Bank.Zone, opens.In(r.cfg.Bank.Zone).Format("Monday, 2 January 2006, 15:04"))}, nil
		}
	}
	return rail.Feasibility{OK: true}, nil
}

// opens is the next moment at which a normal payment may leave: now, or later.
func (r *Rail) opens(now time.Time) time.Time {
	b := r.cfg.Bank
	y, m, d := now.In(b.Zone).Date()
	for {
		opens := time.Date(y, m, d, r.cfg.Opens.Hour, r.cfg.Opens.Minute, 0, 0, b.Zone)
		closes := time.Date(y, m, d, b.CutOff.Hour, b.CutOff.Minute, 0, 0, b.Zone)
		if calendar.IsBusinessDay(time.Date(y, m, d, 12, 0, 0, 0, time.UTC)) && now.Before(closes) {
			if now.Before(opens) {
				return opens
			}
			return now
		}
		d++
	}
}

// GroupMax implements rail.Grouper.
func (r *Rail) GroupMax() int {
	if r.cfg.Bank.FileMax > 0 {
		return r.cfg.Bank.FileMax
	}
	return fileMax
}

// Group implements rail.Grouper: one file for each service. A payment that no file can
// hold is alone, so that it is refused for itself.
func (r *Rail) Group(_ context.Context, _ string, payouts []rail.Payout) ([][]int, error) {
	var good []Instruction
	var at []int
	var out [][]int
	for n, p := range payouts {
		in, err := r.instruction(p)
		if err == nil {
			w := r.cfg.Bank.Window(time.Now(), r.service(p))
			_, err = r.cfg.Bank.Order("0", time.Now(), w, []Instruction{in})
		}
		if err != nil {
			out = append(out, []int{n})
			continue
		}
		good, at = append(good, in), append(at, n)
	}
	groups, err := r.cfg.Bank.Group(good)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		list := make([]int, len(g))
		for n, k := range g {
			list[n] = at[k]
		}
		out = append(out, list)
	}
	return r.collected(payouts, out), nil
}

// collected leaves those groups out that wait for more payments.
func (r *Rail) collected(payouts []rail.Payout, groups [][]int) [][]int {
	if r.cfg.Collect <= 0 {
		return groups
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now, here := time.Now(), map[string]bool{}
	for _, p := range payouts {
		here[p.Ref] = true
		if _, ok := r.seen[p.Ref]; !ok {
			r.seen[p.Ref] = now
		}
	}
	maps.DeleteFunc(r.seen, func(ref string, _ time.Time) bool { return !here[ref] })
	return slices.DeleteFunc(groups, func(g []int) bool {
		if len(g) >= r.GroupMax() || r.service(payouts[g[0]]) == message.Instant {
			return false
		}
		// Nobody waits beyond the cut-off.
		if r.cfg.Bank.Window(now, message.Normal).Closes.Sub(now) <= r.cfg.Collect {
			return false
		}
		return !slices.ContainsFunc(g, func(n int) bool { return now.Sub(r.seen[payouts[n].Ref]) >= r.cfg.Collect })
	})
}

// instruction opens what a payout says.
func (r *Rail) instruction(p rail.Payout) (Instruction, error) {
	to, err := OpenRecipient(r.cfg.Ring, rail.PayoutPlace(p.Ref), p.To)
	if err != nil {
		return Instruction{}, err
	}
	ref, _, err := bank.EndToEnd(p.Ref)
	if err != nil {
		return Instruction{}, err
	}
	return Instruction{Service: r.service(p), Payout: message.Payout{
		EndToEndID: ref, Amount: p.Amount, Creditor: message.Party{Name: to.BankName, IBAN: to.IBAN, BIC: to.BIC}, Purpose: p.Payment.Purpose, Text: p.Payment.Remittance,
	}}, nil
}

// Prepare implements rail.Rail: the file for the payouts, for the signer to agree to. Day of
// execution and time of creation are those of now; asked for the same order again, the
// signer gives those of the first time.
func (r *Rail) Prepare(_ context.Context, slot rail.Slot, payouts []rail.Payout, previous []rail.Attempt) (signer.Intent, error) {
	if len(previous) > 0 {
		return signer.Intent{}, fault.New(fault.Refused, "file_exists", "there is a file for these payments: a second one could pay them twice")
	}
	var list []Instruction
	for _, p := range payouts {
		in, err := r.instruction(p)
		if err != nil {
			return signer.Intent{}, refusable(err, payouts)
		}
		list = append(list, in)
	}
	now := time.Now()
	o, err := r.cfg.Bank.Order(slot.Ref, now, r.cfg.Bank.Window(now, list[0].Service), list)
	if err != nil {
		return signer.Intent{}, refusable(err, payouts)
	}
	file, err := o.Encode()
	if err != nil {
		return signer.Intent{}, err
	}
	if most := r.cfg.Bank.bytesMax(); len(file) > most {
		return signer.Intent{}, fmt.Errorf("the file for %d payments has %d bytes, at most %d leave: Group makes no such file", len(list), len(file), most)
	}
	in, err := r.intent(file)
	for n, p := range payouts {
		if err == nil {
			in.Outputs[n].Approval = p.Approval
		}
	}
	return in, err
}

// intent is what the signer is asked to agree to: a file, and whom it pays. The file is
// held against every rule again.
func (r *Rail) intent(file []byte) (signer.Intent, error) {
	in := signer.Intent{Family: Family, Network: r.cfg.Network, Wallet: r.Account(), File: file}
	o, err := message.ReadOrder(file)
	if err != nil {
		return in, fmt.Errorf("the file is not what was to be written: %w", err)
	}
	for _, b := range o.Batches {
		for _, p := range b.Payouts {
			in.Outputs = append(in.Outputs, output(bank.RefOf(p.EndToEndID), p.Creditor, p.Amount))
		}
	}
	return in, nil
}

// output is a payment as the signer sees it: by the number of the recipient's account.
func output(ref string, to message.Party, amount money.Amount) signer.Output {
	return signer.Output{Ref: ref, Asset: Currency, To: []byte(to.IBAN.String()), Amount: amount}
}

// Outputs implements rail.Writer.
func (r *Rail) Outputs(payouts []rail.Payout) ([]signer.Output, error) {
	out := make([]signer.Output, 0, len(payouts))
	for _, p := range payouts {
		in, err := r.instruction(p)
		if err != nil {
			return nil, err
		}
		o := output(p.Ref, in.Creditor, p.Amount)
		o.Approval = p.Approval
		out = append(out, o)
	}
	return out, nil
}

// Keep implements rail.Writer: the file is kept under seal.
func (r *Rail) Keep(file signer.Signed) (rail.Attempt, error) {
	raw, err := r.book.Seal(file.Raw)
	return rail.Attempt{TxID: file.TxID, Raw: raw}, err
}

// refusable turns a broken rule of the scheme into a refusal of the only payment that
// can have broken it.
func refusable(err error, payouts []rail.Payout) error {
	if fault.KindOf(err) == fault.Invalid && len(payouts) == 1 {
		return &rail.Refusal{Reason: fault.Of(err).Message}
	}
	return err
}

// Submit implements rail.Rail: the file must be what the signer agrees to; its order is
// kept, so that whatever is answered finds it; then the bank gets the bytes, once.
func (r *Rail) Submit(ctx context.Context, a rail.Attempt) error {
	if over, err := r.book.HandedOver(ctx, a.TxID); err != nil || over {
		return err
	}
	file, err := r.book.Open(a.Raw)
	if err != nil {
		return err
	}
	o, err := message.ReadOrder(file)
	if err != nil {
		return err
	}
	if err := r.agreed(ctx, a, file); err != nil {
		return err
	}
	if _, err := r.book.Sent(ctx, r.cfg.Wallet, o); err != nil {
		return err
	}
	crash.Point("sepa.recorded")
	if err := r.cfg.Channel.Send(ctx, FileName(o.ID), file); err != nil {
		return fault.Wrap(err, fault.Unavailable, "bank_unreachable", "the bank's channel takes no files now; the withdrawal waits, its money stays held")
	}
	crash.Point("sepa.handed")
	return r.book.Handed(ctx, o.ID)
}

// agreed asks the signer for the file once more, before it leaves. A file that was put into
// the database since then is refused; one that was written before there was a signer for
// banks is looked at by its rules now.
func (r *Rail) agreed(ctx context.Context, a rail.Attempt, file []byte) error {
	in, err := r.intent(file)
	if err != nil {
		return err
	}
	in.Fence, in.Bound = a.Fence, a.Bound
	got, err := r.sign.Sign(ctx, in)
	if err != nil {
		return err
	}
	if !bytes.Equal(got.Raw, file) || got.TxID != a.TxID {
		return fault.New(fault.Refused, "file_differs", "the file %s is not the one that the signer agreed to: it does not leave. Somebody or something has changed it", a.TxID)
	}
	return nil
}

// Observe implements rail.Rail.
func (r *Rail) Observe(ctx context.Context, slot rail.Slot, payouts []rail.Payout, attempts []rail.Attempt) (rail.Observation, error) {
	seen := rail.Observation{Stage: rail.StageSent, TxID: slot.Ref, Note: "the file waits to be handed over"}
	if len(attempts) == 0 {
		return seen, nil
	}
	list, fates, err := r.book.Fates(ctx, slot.Ref)
	if err != nil || len(list) == 0 {
		return seen, err
	}
	if len(list) != len(payouts) {
		return seen, fmt.Errorf("order %s has %d payments and its dispatch %d", slot.Ref, len(list), len(payouts))
	}
	seen.Note = "the bank has the file"
	open := 0
	for n, p := range list {
		at := id.ID{Shard: id.Shard(p.Shard), Seq: p.Withdrawal} //nolint:gosec // written from an id.Shard
		if at.Text(id.Withdrawal) != payouts[n].Ref {
			return seen, fmt.Errorf("payment %d of order %s is of another withdrawal than its dispatch says", n, slot.Ref)
		}
		f := fates[n]
		seen.Decided = append(seen.Decided, rail.Fate{Known: f.Known, Paid: f.Paid, Reason: f.Reason})
		seen.Paid, seen.Reasons = append(seen.Paid, f.Paid), append(seen.Reasons, f.Reason)
		if !f.Known {
			open++
		}
	}
	if open > 0 {
		seen.Paid, seen.Reasons = nil, nil
		return seen, nil
	}
	seen.Stage, seen.Decided, seen.Note = rail.StageFinal, nil, "the bank has decided about every payment"
	return seen, nil
}

// Balance implements rail.Rail: what the account held at the end of the last statement.
func (r *Rail) Balance(ctx context.Context, _ string) (map[string]money.Amount, error) {
	held, known, err := r.book.Balance(ctx, r.cfg.Wallet)
	if err == nil && !known {
		err = fmt.Errorf("%w: the bank has sent no statement yet", rail.ErrUnavailable)
	}
	return map[string]money.Amount{Currency: held}, err
}

// Round takes in what the bank has left, and tells withdrawals that came back.
func (r *Rail) Round(ctx context.Context) error {
	in := Intake{
		Channel: r.cfg.Channel, Limits: r.cfg.Limits,
		Own: func(number string) bool { return iban.IsOwn(r.Account(), number) },
		Take: func(ctx context.Context, d Delivery) error {
			crash.Point("sepa.arrived")
			err := r.book.Take(ctx, r.cfg.Wallet, d.Name, d.Content, d.Files, d.Left)
			crash.Point("sepa.taken")
			return err
		},
		Refuse: func(ctx context.Context, f Refused) error {
			return r.book.Refuse(ctx, r.cfg.Wallet, f.Name, f.Size, f.Content, f.Reason.Error())
		},
	}
	_, err := in.Run(ctx)
	return errors.Join(err, r.book.Tell(ctx))
}
