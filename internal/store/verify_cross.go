package store

import (
	"bytes"
	"fmt"

	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/money"
	"sluice/internal/rail"
)

// Credits (1) with their transfers (2) and events (3), in one stream.
const creditStream = `SELECT seq, source, account, currency, amount, state, version FROM (
	SELECT seq, 1 AS source, account, currency, amount, CASE WHEN taken_back_at <> 0 THEN '` + takenBack + `' ELSE state END AS state, version FROM credit WHERE shard = $1
	UNION ALL SELECT cause, 2, CASE WHEN kind = '` + string(ledger.KindTakeBack) + `' THEN debit_account ELSE credit_account END, currency, amount, kind, 0
		FROM transfer WHERE shard = $1 AND kind IN ('` + string(ledger.KindCredit) + `', '` + string(ledger.KindSettle) + `', '` + string(ledger.KindTakeBack) + `')
	UNION ALL SELECT subject, 3, account, currency, '0', CASE WHEN type = '` + string(event.CreditTakenBack) + `' THEN '` + takenBack + `' ELSE state END, subject_version
		FROM event WHERE shard = $1 AND subject <> 0 AND type LIKE 'credit.%'
) s ORDER BY seq, source, version, state`

// takenBack stands for the state of a credit that was taken back.
const takenBack = "taken_back"

// credited is a credit with everything that tells of it.
type credited struct {
	seq                     id.Seq
	account                 id.Seq
	currency, amount, state string
	version                 int64
	known                   bool
	moved                   map[string]string // by kind of transfer: account, currency, amount
	told                    int64             // version of the last event
	said                    string            // its state
}

// credits checks that money came in for a credit that exists, that every credit
// brought its money, once, and that its events say so.
func (v *verifier) credits() error {
	var c *credited
	var seq, account id.Seq
	var source, version int64
	var currency, state string
	var amount money.Amount
	err := v.each(creditStream, []any{&seq, &source, &account, &currency, &amount, &state, &version}, func() error {
		if c == nil || c.seq != seq {
			v.credit(c)
			c = &credited{seq: seq, moved: map[string]string{}}
		}
		switch source {
		case 1:
			c.known, c.account, c.currency, c.amount, c.state, c.version = true, account, currency, amount.Minor(), state, version
		case 2:
			if _, twice := c.moved[state]; twice {
				v.differ(checkCredit, v.name(id.Credit, seq), "one transfer "+state, "more than one")
			}
			c.moved[state] = creditLine(account, currency, amount.Minor())
		default:
			c.told, c.said = version, state
		}
		return nil
	})
	if err == nil {
		v.credit(c)
	}
	return err
}

func creditLine(account id.Seq, currency, amount string) string {
	return fmt.Sprintf("%s %s account %d", amount, currency, account)
}

// credit compares one credit with its transfers and events.
func (v *verifier) credit(c *credited) {
	if c == nil {
		return
	}
	where := v.name(id.Credit, c.seq)
	if !c.known {
		v.differ(checkCredit, where, "a credit", "transfers or events of one that does not exist")
		return
	}
	want := map[string]string{string(ledger.KindCredit): creditLine(c.account, c.currency, c.amount)}
	if c.state == account.CreditSettled && c.version > 1 || c.state == takenBack && c.version > 2 {
		want[string(ledger.KindSettle)] = want[string(ledger.KindCredit)]
	}
	if c.state == takenBack {
		want[string(ledger.KindTakeBack)] = want[string(ledger.KindCredit)]
	}
	for _, kind := range []ledger.Kind{ledger.KindCredit, ledger.KindSettle, ledger.KindTakeBack} {
		if k := string(kind); c.moved[k] != want[k] {
			v.differ(checkCredit, where+" "+k, orNothing(want[k]), orNothing(c.moved[k]))
		}
	}
	if c.told != c.version || c.said != c.state {
		v.differ(checkCredit, where, fmt.Sprintf("%s, version %d, as its last event", orNothing(c.said), c.told), fmt.Sprintf("%s, version %d", c.state, c.version))
	}
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// targets checks that a withdrawal to a registered destination goes where that says.
func (v *verifier) targets() error {
	var seq, to id.Seq
	var found, network, canonical, tag, network2, canonical2, tag2 string
	var decoded, decoded2 []byte
	return v.each(`SELECT w.seq, w.destination, CASE WHEN d.seq IS NULL THEN '' ELSE 'found' END, w.network, w.canonical, w.tag, w.decoded,
		coalesce(d.network, ''), coalesce(d.canonical, ''), coalesce(d.tag, ''), coalesce(d.decoded, w.decoded)
		FROM withdrawal w LEFT JOIN destination d ON d.shard = w.shard AND d.seq = w.destination WHERE w.shard = $1 AND w.destination <> 0`,
		[]any{&seq, &to, &found, &network, &canonical, &tag, &decoded, &network2, &canonical2, &tag2, &decoded2}, func() error {
			same := network == network2 && canonical == canonical2 && tag == tag2
			if !rail.Hidden(canonical) { // a bank account is sealed for each of them apart
				same = same && bytes.Equal(decoded, decoded2)
			}
			if found == "" || !same {
				v.differ(checkTarget, v.name(id.Withdrawal, seq), fmt.Sprintf("%s %s, as %s says", network2, canonical2, v.name(id.Destination, to)), network+" "+canonical)
			}
			return nil
		})
}

// items checks, in the operator's shard, that what dispatches pay is what withdrawals
// of any shard were accepted for.
func (v *verifier) items() error {
	if v.out.Shard != 0 {
		return nil
	}
	var dispatch, seq, claimed id.Seq
	var shard id.Shard
	var place int64
	var found, outcome, asset, asset2, payment, payment2, state string
	var to, to2 []byte
	var amount, amount2 money.Amount
	return v.q.each(v.ctx, `SELECT i.dispatch, i.place, i.withdrawal_shard, i.withdrawal, i.asset, i.recipient, i.amount, i.payment, i.outcome,
		CASE WHEN w.seq IS NOT NULL THEN 'found' WHEN EXISTS (SELECT 1 FROM kept_foreign_id k
			WHERE k.shard = i.withdrawal_shard AND k.withdrawal = i.withdrawal AND k.dispatch = i.dispatch AND k.asset = i.asset AND k.amount = i.amount)
			THEN 'written off' ELSE '' END, coalesce(w.dispatch, 0), coalesce(w.receive_currency, ''), coalesce(w.decoded, i.recipient), coalesce(w.receive, '0'), coalesce(w.payment, ''), coalesce(w.state, '')
		FROM dispatch_item i LEFT JOIN withdrawal w ON w.shard = i.withdrawal_shard AND w.seq = i.withdrawal WHERE i.shard = $1`, []any{int64(0)},
		[]any{&dispatch, &place, &shard, &seq, &asset, &to, &amount, &payment, &outcome, &found, &claimed, &asset2, &to2, &amount2, &payment2, &state}, func() error {
			where := fmt.Sprintf("%s, item %d", v.name(id.Dispatch, dispatch), place)
			of := id.ID{Shard: shard, Seq: seq}.Text(id.Withdrawal)
			switch {
			case found == "written off": // a payout that was lost with its withdrawal
			case found == "":
				v.differ(checkItem, where, "a withdrawal", of+", which does not exist")
			case asset != asset2 || !bytes.Equal(to, to2) || amount != amount2 || payment != payment2:
				v.differ(checkItem, where, fmt.Sprintf("%s %s to %x, as %s was accepted", amount2.Minor(), asset2, short(to2), of), fmt.Sprintf("%s %s to %x", amount.Minor(), asset, short(to)))
			case (outcome == "paid" || outcome == "unpaid") && claimed != dispatch:
				v.differ(checkItem, where, fmt.Sprintf("%s, which belongs to this dispatch", of), fmt.Sprintf("one that belongs to dispatch %d", claimed))
			}
			return nil
		})
}

// short is enough of a recipient to tell it from another: what a seal holds is long.
func short(to []byte) []byte { return to[:min(len(to), 32)] }
