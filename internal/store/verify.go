package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/holiman/uint256"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/money"
	"sluice/internal/seal"
	"sluice/internal/store/chain"
	"sluice/internal/withdrawal"
)

// DifferencesMax bounds the differences that are listed per shard; all are counted.
const DifferencesMax = 100

// Report says whether the books of a database are right.
type Report struct {
	Shards []ShardReport `json:"shards"`
}

// OK tells whether nothing differs.
func (r Report) OK() bool {
	for _, s := range r.Shards {
		if s.Count > 0 {
			return false
		}
	}
	return true
}

// Other gives the differences that are not about the state of the chain alone: those
// that a new chain would take as they are.
func (r Report) Other() (out []Difference) {
	for _, s := range r.Shards {
		for _, d := range s.Differences {
			if d.Check != checkChainState {
				out = append(out, d)
			}
		}
	}
	return out
}

// ShardReport is what was compared in one shard and what differs.
type ShardReport struct {
	Shard       id.Shard     `json:"shard"`
	Balances    int64        `json:"balances"`
	Houses      int64        `json:"house_accounts"`
	Transfers   int64        `json:"transfers"`
	Withdrawals int64        `json:"withdrawals"`
	Events      int64        `json:"events"`
	Chain       *ChainReport `json:"chain"` // nil: the database has no chain
	Count       int64        `json:"differences_count"`
	Differences []Difference `json:"differences"` // the first DifferencesMax
}

// Difference is one thing that is not as it must be.
type Difference struct {
	Check string `json:"check"` // stable name of the rule
	Where string `json:"where"` // what breaks it, by public id where there is one
	Want  string `json:"want"`
	Have  string `json:"have"`
}

// The rules that Verify checks.
const (
	checkBalance    = "balance_equals_transfers"     // every bucket is the sum of its transfers
	checkHouse      = "house_equals_transfers"       // both totals are the sums of their transfers
	checkTrial      = "trial_balance"                // per currency, what is there and what went out cancel out
	checkHeld       = "reserved_equals_held"         // the reserved bucket is what open withdrawals hold
	checkMoney      = "withdrawal_equals_transfers"  // a withdrawal's transfers are those of its state
	checkEvents     = "event_sequence"               // no gap, no overlap, and the shard's row knows the last one
	checkTransition = "state_machine"                // events walk along the transition table to the row's state
	checkTransfer   = "transfer_names_known_account" // a transfer's sides are buckets or house accounts
	checkCredit     = "credit_equals_transfers"      // a credit has its transfers and its events, and the other way round
	checkTarget     = "withdrawal_equals_destination"
	checkItem       = "item_equals_withdrawal"
	checkChain      = "chain_rows"     // the rows of a table are those that the program wrote
	checkChainLog   = "chain_log"      // so are those of a log, in their order
	checkChainState = "chain_state"    // the state of the chain is one that the program wrote
	checkRow        = "row_readable"   // a row holds what the program writes
	checkMark       = "record_mark"    // a row is as it was written
	checkSealed     = "sealed_for_row" // sealed values open in their row
	checkAnchor     = "chain_anchor"   // the chain goes through what was written down outside the database
)

// Verify recomputes everything that is derived, from the rows that never change,
// and compares. It sees one state of the database, holds nobody up, and needs memory
// that does not grow with the number of rows.
func (db *DB) Verify(ctx context.Context) (Report, error) { return db.VerifyWith(ctx, VerifyOptions{}) }

// VerifyOptions are what Verify may be given. All of them may be zero.
type VerifyOptions struct {
	// Anchors of the chain, which were kept outside the database, oldest first.
	Anchors []chain.Anchor
	// Chain leaves out everything but the chain.
	Chain bool
	// Progress hears how far it has come, often.
	Progress func(Progress)
}

// VerifyWith is Verify with options.
func (db *DB) VerifyWith(ctx context.Context, opt VerifyOptions) (Report, error) {
	var r Report
	err := db.engine.snapshot(ctx, func(q querier) error {
		at := &Progress{Since: time.Now()}
		of := func(n id.Shard) *verifier {
			return &verifier{ctx: ctx, q: q, key: db.key, seal: db.seal, opt: opt, out: ShardReport{Shard: n, Differences: []Difference{}}, trial: map[string]*trial{}}
		}
		if opt.Progress != nil {
			for n := range db.shards {
				rows, err := of(id.Shard(n)).expected()
				if err != nil {
					return err
				}
				at.Of += rows
			}
			q = counted{q, at, opt.Progress}
		}
		for n := range db.shards {
			v := of(id.Shard(n))
			checks := v.checks()
			if opt.Chain {
				checks = checks[:1]
			}
			for _, c := range checks {
				at.Shard, at.Doing = v.out.Shard, c.name
				err := c.run()
				if errors.Is(err, errUnreadable) {
					v.differ(checkRow, "a table", "rows as the program writes them", err.Error())
				} else if err != nil {
					return fmt.Errorf("verify shard %d: %w", n, err)
				}
			}
			r.Shards = append(r.Shards, v.out)
		}
		return nil
	})
	return r, err
}

// check is one pass over a shard.
type check struct {
	name string
	run  func() error
}

func (v *verifier) checks() []check {
	return []check{
		{"the chain", v.chain},
		{"balances and transfers", v.ledger},
		{"money of withdrawals", v.withdrawals},
		{"events", v.events},
		{"states of withdrawals", v.transitions},
		{"credits", v.credits},
		{"destinations", v.targets},
		{"dispatches", v.items},
		{"sealed values", v.sealed},
	}
}

type verifier struct {
	ctx   context.Context
	q     querier
	key   *chain.Key
	seal  *seal.Ring
	opt   VerifyOptions
	out   ShardReport
	trial map[string]*trial // by currency
}

// trial is the two sides of a trial balance. Totals may have more digits than an
// amount, so they are wider.
type trial struct{ in, out uint256.Int }

func (v *verifier) differ(check, where, want, have string) {
	v.out.Count++
	if len(v.out.Differences) < DifferencesMax {
		v.out.Differences = append(v.out.Differences, Difference{check, where, want, have})
	}
}

func (v *verifier) name(k id.Kind, s id.Seq) string { return id.ID{Shard: v.out.Shard, Seq: s}.Text(k) }

func (v *verifier) each(query string, dst []any, fn func() error) error {
	return v.q.each(v.ctx, query, []any{int64(v.out.Shard)}, dst, fn)
}

// The rows of the ledger in one stream, in the order of the accounts they belong to:
// stored balances and house accounts (1), both sides of every transfer (2 out, 3 in),
// and what open withdrawals hold (4). A house account has account 0 and its name in
// house; the bucket of an account stands in part.
const ledgerStream = `SELECT account, currency, house, source, part, a, b, c, d FROM (
	SELECT account, currency, '' AS house, 1 AS source, '' AS part, available AS a, pending AS b, locked AS c, reserved AS d FROM balance WHERE shard = $1
	UNION ALL SELECT 0, currency, name, 1, '', total_in, total_out, '0', '0' FROM house WHERE shard = $1
	UNION ALL SELECT debit_account, currency, CASE WHEN debit_account = 0 THEN debit_name ELSE '' END, 2,
		CASE WHEN debit_account = 0 THEN '' ELSE debit_name END, amount, '0', '0', '0' FROM transfer WHERE shard = $1
	UNION ALL SELECT credit_account, currency, CASE WHEN credit_account = 0 THEN credit_name ELSE '' END, 3,
		CASE WHEN credit_account = 0 THEN '' ELSE credit_name END, amount, '0', '0', '0' FROM transfer WHERE shard = $1
	UNION ALL SELECT account, currency, '', 4, '', amount, fee, network_hold, '0' FROM withdrawal
		WHERE shard = $1 AND state IN ('new', 'review', 'queued', 'processing')
) s ORDER BY account, currency, house, source`

// line is one row of the stream.
type line struct {
	account  id.Seq
	currency string
	house    string
	source   int64
	part     string
	a, b, c  money.Amount
	d        money.Amount
}

// group is everything about one balance or house account.
type group struct {
	of     line // its key
	stored line
	in     [4]uint256.Int // by bucket; a house account uses the first
	out    [4]uint256.Int
	held   uint256.Int
}

var bucketOrder = [4]ledger.Bucket{ledger.Available, ledger.Pending, ledger.Locked, ledger.Reserved}

func (v *verifier) ledger() error {
	var l line
	var g *group
	err := v.each(ledgerStream, []any{&l.account, &l.currency, &l.house, &l.source, &l.part, &l.a, &l.b, &l.c, &l.d}, func() error {
		if g == nil || g.of.account != l.account || g.of.currency != l.currency || g.of.house != l.house {
			v.close(g)
			g = &group{of: l}
		}
		v.add(g, l)
		return nil
	})
	if err != nil {
		return err
	}
	v.close(g)
	for currency, t := range v.trial {
		if !t.in.Eq(&t.out) {
			v.differ(checkTrial, currency, t.in.Dec(), t.out.Dec())
		}
	}
	return nil
}

func (v *verifier) add(g *group, l line) {
	switch l.source {
	case 1:
		g.stored = l
	case 2, 3:
		if l.source == 2 {
			v.out.Transfers++ // each transfer has one debit side
		}
		at := bucketAt(l)
		if at < 0 {
			v.differ(checkTransfer, v.where(l), "a bucket of an account", fmt.Sprintf("%q", l.part))
			return
		}
		if l.source == 2 {
			plus(&g.out[at], l.a)
		} else {
			plus(&g.in[at], l.a)
		}
	case 4:
		plus(&g.held, l.a)
		plus(&g.held, l.b)
		plus(&g.held, l.c)
	}
}

// bucketAt is the position of the bucket that a line is about.
func bucketAt(l line) int {
	if l.account == 0 {
		return 0
	}
	for i, b := range bucketOrder {
		if string(b) == l.part {
			return i
		}
	}
	return -1
}

// close compares a group with what is stored.
func (v *verifier) close(g *group) {
	if g == nil {
		return
	}
	s, t := g.stored, v.trial[g.of.currency]
	if t == nil {
		t = &trial{}
		v.trial[g.of.currency] = t
	}
	if g.of.account == 0 {
		v.out.Houses++
		v.same(checkHouse, v.where(g.of)+" in", &g.in[0], s.a)
		v.same(checkHouse, v.where(g.of)+" out", &g.out[0], s.b)
		plus(&t.in, s.a)
		plus(&t.out, s.b)
		return
	}
	v.out.Balances++
	for i, have := range []money.Amount{s.a, s.b, s.c, s.d} {
		where := v.where(g.of) + " " + string(bucketOrder[i])
		plus(&t.in, have)
		if g.in[i].Lt(&g.out[i]) {
			v.differ(checkBalance, where, "not below zero", "-"+new(uint256.Int).Sub(&g.out[i], &g.in[i]).Dec())
			continue
		}
		v.same(checkBalance, where, new(uint256.Int).Sub(&g.in[i], &g.out[i]), have)
	}
	v.same(checkHeld, v.where(g.of), &g.held, s.d)
}

func (v *verifier) same(check, where string, want *uint256.Int, have money.Amount) {
	if w := want.Dec(); w != have.Minor() {
		v.differ(check, where, w, have.Minor())
	}
}

func (v *verifier) where(l line) string {
	if l.account == 0 {
		return l.house + " " + l.currency
	}
	return v.name(id.Account, l.account) + " " + l.currency
}

func plus(sum *uint256.Int, a money.Amount) {
	b := a.Bytes32()
	var x uint256.Int
	sum.Add(sum, x.SetBytes32(b[:]))
}

// Withdrawals (1) with their transfers (2), in one stream.
const withdrawalStream = `SELECT seq, source, state, kind, currency, amount, fee, hold, charge, paid FROM (
	SELECT seq, 1 AS source, state, receive_currency AS kind, currency, amount, fee, network_hold AS hold, network_charge AS charge, receive AS paid
		FROM withdrawal WHERE shard = $1
	UNION ALL SELECT withdrawal, 2, '', kind, currency, amount, '0', '0', '0', '0' FROM transfer WHERE shard = $1 AND withdrawal <> 0
) s ORDER BY seq, source`

// withdrawals checks that each withdrawal has exactly the transfers of its state.
func (v *verifier) withdrawals() error {
	var seq id.Seq
	var source int64
	var state, kind, currency string
	var amount, fee, hold, charge, paid money.Amount
	var m *moved
	row := []any{&seq, &source, &state, &kind, &currency, &amount, &fee, &hold, &charge, &paid}
	err := v.each(withdrawalStream, row, func() error {
		if m == nil || m.seq != seq {
			v.settle(m)
			m = &moved{seq: seq, by: map[movedKey]money.Amount{}}
		}
		if source == 1 {
			v.out.Withdrawals++
			m.row = withdrawal.Withdrawal{
				State: withdrawal.State(state), Currency: currency, Amount: amount, Fee: fee, NetworkHold: hold, NetworkCharge: charge,
				ReceiveCurrency: kind, Receive: paid,
			}
			return nil
		}
		k := movedKey{ledger.Kind(kind), currency}
		sum, err := m.by[k].Add(amount)
		m.by[k] = sum
		return err
	})
	if err == nil {
		v.settle(m)
	}
	return err
}

// movedKey is a kind of transfer in one currency.
type movedKey struct {
	kind     ledger.Kind
	currency string
}

// moved is what the transfers of one withdrawal moved.
type moved struct {
	seq id.Seq
	row withdrawal.Withdrawal // the part that says what must have moved; no state: there is no such withdrawal
	by  map[movedKey]money.Amount
}

// expected is what must have moved for a withdrawal in its state.
func (m *moved) expected() (map[movedKey]money.Amount, error) {
	w := m.row
	held, err := w.Amount.Add(w.Fee)
	if err == nil {
		held, err = held.Add(w.NetworkHold)
	}
	if err != nil {
		return nil, err
	}
	want := map[movedKey]money.Amount{{ledger.KindReserve, w.Currency}: held}
	switch w.State {
	case withdrawal.New, withdrawal.Review, withdrawal.Queued, withdrawal.Processing:
	case withdrawal.Cancelled, withdrawal.Rejected, withdrawal.Failed:
		want[movedKey{ledger.KindRelease, w.Currency}] = held
	case withdrawal.Confirmed, withdrawal.Returned:
		want[movedKey{ledger.KindPayout, w.ReceiveCurrency}] = w.Receive
		want[movedKey{ledger.KindFee, w.Currency}] = w.Fee
		want[movedKey{ledger.KindNetworkFee, w.Currency}] = w.NetworkCharge
		if want[movedKey{ledger.KindRelease, w.Currency}], err = w.NetworkHold.Sub(w.NetworkCharge); err != nil {
			return nil, err
		}
		if w.Converted() {
			want[movedKey{ledger.KindExchange, w.Currency}] = w.Amount
		} else if w.Receive != w.Amount {
			return nil, fmt.Errorf("%s is taken and %s paid out, in one currency", w.Amount.Minor(), w.Receive.Minor())
		}
	}
	return want, nil
}

func (v *verifier) settle(m *moved) {
	if m == nil {
		return
	}
	where := v.name(id.Withdrawal, m.seq)
	if m.row.State == "" {
		v.differ(checkMoney, where, "a withdrawal", "transfers of one that does not exist")
		return
	}
	want, err := m.expected()
	if err != nil {
		v.differ(checkMoney, where, "amounts that fit", err.Error())
		return
	}
	if m.row.State == withdrawal.Returned {
		k := movedKey{ledger.KindReturn, m.row.ReceiveCurrency}
		want[k] = m.by[k] // less what the bank kept: any amount up to what was paid
		if m.row.Receive.Less(m.by[k]) {
			v.differ(checkMoney, where+" return", "at most "+m.row.Receive.Minor(), m.by[k].Minor())
		}
	}
	for k, have := range m.by {
		if have != want[k] {
			v.differ(checkMoney, where+" "+string(k.kind), want[k].Minor(), have.Minor())
		}
		delete(want, k)
	}
	for k, amount := range want {
		if !amount.IsZero() {
			v.differ(checkMoney, where+" "+string(k.kind), amount.Minor(), "0")
		}
	}
}

// events checks that the log has no gap and ends where the shard's row says.
func (v *verifier) events() error {
	var last int64
	if err := v.each("SELECT last_event FROM shard WHERE number = $1", []any{&last}, func() error { return nil }); err != nil {
		return err
	}
	next := int64(1)
	var e event.Event
	err := v.each("SELECT seq, type, currency, subject_version FROM event WHERE shard = $1 ORDER BY seq", []any{&e.Seq, (*string)(&e.Type), &e.Currency, &e.Version}, func() error {
		v.out.Events++
		if e.Seq != next {
			v.differ(checkEvents, fmt.Sprintf("event %d", e.Seq), fmt.Sprintf("sequence %d", next), fmt.Sprintf("sequence %d", e.Seq))
		}
		next = e.Seq + e.Messages()
		return nil
	})
	if err == nil && next != last+1 {
		v.differ(checkEvents, "shard", fmt.Sprintf("last sequence %d", last), fmt.Sprintf("last sequence %d", next-1))
	}
	return err
}

// The events about withdrawals (1) and then the withdrawal as it is (2).
const transitionStream = `SELECT subject, source, seq, state, version FROM (
	SELECT subject, 1 AS source, seq, state, subject_version AS version FROM event WHERE shard = $1 AND subject <> 0 AND type LIKE 'withdrawal.%'
	UNION ALL SELECT seq, 2, 0, state, version FROM withdrawal WHERE shard = $1
) s ORDER BY subject, source, seq`

// transitions checks that the events of every withdrawal walk along the transition
// table, version by version, and end at the state of its row.
func (v *verifier) transitions() error {
	var seq, at id.Seq
	var source, sequence, version, was int64
	var state, from string
	check := func() error {
		if at != seq {
			at, from, was = seq, "", 0
		}
		where := v.name(id.Withdrawal, seq)
		switch {
		case source == 2 && (from != state || was != version):
			v.differ(checkTransition, where, fmt.Sprintf("%s, version %d, as its last event", from, was), fmt.Sprintf("%s, version %d", state, version))
		case source == 1 && (version != was+1 || !mayFollow(withdrawal.State(from), withdrawal.State(state))):
			v.differ(checkTransition, where, fmt.Sprintf("a change of %q that may follow, version %d", from, was+1), fmt.Sprintf("%q, version %d", state, version))
		}
		from, was = state, version
		return nil
	}
	return v.each(transitionStream, []any{&seq, &source, &sequence, &state, &version}, check)
}

func mayFollow(from, to withdrawal.State) bool {
	if from == to {
		return true
	}
	if from == "" {
		return to == withdrawal.New
	}
	for _, t := range withdrawal.Transitions {
		if t.From == from && t.To == to {
			return true
		}
	}
	return false
}

// Err turns a report that is not clean into an error that names the first difference.
func (r Report) Err() error {
	for _, s := range r.Shards {
		if s.Count == 0 {
			continue
		}
		d := s.Differences[0]
		return fmt.Errorf("%w: shard %d has %d differences, first %s at %s: want %s, have %s", commit.ErrInvariant, s.Shard, s.Count, d.Check, d.Where, d.Want, d.Have)
	}
	return nil
}
