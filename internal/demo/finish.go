package demo

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/money"
)

// compareWithChain holds the books against the chain: what the wallet has left is
// what it was given less what was paid and what the network took.
func (s *story) compareWithChain(ctx context.Context) error {
	inUSDT, inETH, err := s.holdings(ctx)
	if err != nil {
		return err
	}
	leftUSDT, leftETH := s.fundedUSDT, s.fundedETH
	for _, p := range s.withdrawn {
		if p.state != "confirmed" || p.last.Destination.Network != networkName {
			continue
		}
		asset, left := usdt, &leftUSDT
		if p.last.Receive.Currency == eth.Code {
			asset, left = eth, &leftETH
		}
		if *left, err = less(*left, asset, p.last.Receive.Amount); err != nil {
			return err
		}
		if p.last.NetworkFee == nil {
			return fmt.Errorf("withdrawal %s is confirmed without a network fee", p.id)
		}
		if leftETH, err = less(leftETH, eth, p.last.NetworkFee.Amount); err != nil {
			return err
		}
		if p.group == "" {
			s.rep.note("chain", fmt.Sprintf("the network took %s ETH for %s", short(p.last.NetworkFee.Amount), p.foreign), "fee", p.last.NetworkFee.Amount, "withdrawal", p.id)
		}
	}
	s.rep.note("chain", fmt.Sprintf("wallet and vault have %s USDT and %s ETH", short(usdt.Format(inUSDT)), short(eth.Format(inETH))), "usdt", usdt.Format(inUSDT), "eth", eth.Format(inETH))
	s.rep.check("the wallet's USDT on the chain", usdt.Format(inUSDT), usdt.Format(leftUSDT))
	s.rep.check("the wallet's ETH on the chain", eth.Format(inETH), eth.Format(leftETH))
	return nil
}

func less(a money.Amount, asset money.Asset, text string) (money.Amount, error) {
	b, err := asset.Parse(text)
	if err != nil {
		return a, err
	}
	return a.Sub(b)
}

// wanted says how often a type of message must have come for a withdrawal.
var wanted = map[string]map[string]int{
	"confirmed": {"withdrawal.created": 1, "withdrawal.queued": 1, "withdrawal.processing": 1, "withdrawal.broadcast": 1, "withdrawal.confirmed": 1},
	"failed":    {"withdrawal.created": 1, "withdrawal.queued": 1, "withdrawal.processing": 1, "withdrawal.broadcast": 1, "withdrawal.failed": 1},
	"returned": {
		"withdrawal.created": 1, "withdrawal.queued": 1, "withdrawal.processing": 1, "withdrawal.broadcast": 1, "withdrawal.confirmed": 1, "withdrawal.returned": 1,
	},
	"cancelled": {"withdrawal.created": 1, "withdrawal.cancelled": 1},
}

// optional messages depend on when the chain was looked at.
var optional = map[string]bool{"withdrawal.mined": true}

// summary closes the story: it compares all messages with what must have come, and
// prints a line per withdrawal.
func (s *story) summary() {
	s.rep.begin("summary", "What came of it")
	rows := [][]string{{"withdrawal", "for", "amount", "state", "transaction", "webhooks"}}
	groups := map[string]*group{}
	for _, p := range s.withdrawn {
		count := 0
		for typ, n := range p.seen {
			count += n
			if !optional[typ] {
				s.rep.check("messages "+typ+" for "+p.foreign, strconv.Itoa(n), strconv.Itoa(wanted[p.state][typ]))
			}
		}
		for typ, n := range wanted[p.state] {
			if p.seen[typ] == 0 {
				s.rep.check("messages "+typ+" for "+p.foreign, "0", strconv.Itoa(n))
			}
		}
		s.rep.check("state of "+p.foreign, p.last.State, p.state)
		if p.group != "" {
			if groups[p.group] == nil {
				groups[p.group] = &group{}
			}
			if groups[p.group].add(p, count) < batchSize {
				continue
			}
			row := groups[p.group].row(p)
			rows = append(rows, row)
			s.rep.now.Entries = append(s.rep.now.Entries, entry{Kind: "withdrawals", Text: p.group, Facts: map[string]string{
				"amount": row[2], "state": row[3], "transaction": row[4], "webhooks": row[5],
			}})
			continue
		}
		tx := "-"
		if p.last.TxID != "" {
			tx = clip(p.last.TxID)
		}
		amount := short(p.amount) + " " + p.currency
		if got := p.last.Receive; got.Currency != p.currency {
			amount += " as " + short(got.Amount) + " " + got.Currency
		}
		rows = append(rows, []string{clip(p.foreign), p.who.name, amount, p.last.State, tx, strconv.Itoa(count)})
		s.rep.now.Entries = append(s.rep.now.Entries, entry{Kind: "withdrawal", Text: p.foreign, Facts: map[string]string{
			"id": p.id, "amount": p.amount, "currency": p.currency, "state": p.last.State, "txid": p.last.TxID, "webhooks": strconv.Itoa(count),
		}})
	}
	for n, row := range rows { // which transaction stands above; without it a row fits the screen
		rows[n] = append(slices.Clone(row[:4]), row[5])
	}
	s.rep.table(rows)
	s.rep.check("requests that had to be refused", strconv.Itoa(s.refused), "3")
	for _, f := range s.hook.faults() {
		s.rep.problem("a webhook was turned away: %s", f)
	}
	turned, taken := s.hook.calls.faults()
	s.rep.check("callbacks that were turned away: "+strings.Join(turned, "; "), strconv.Itoa(len(turned)), strconv.Itoa(s.wires.forged))
	verdict, kind := "Everything is as it must be.", "good"
	if s.rep.bad > 0 {
		verdict, kind = "Something differs from what must be.", "bad"
	}
	s.rep.print("")
	for _, line := range wrap(fmt.Sprintf("%s %d checks. %d webhooks, both signatures of each verified, and %d callbacks in other formats, verified as well.", verdict, s.rep.held, s.read, taken), screenWidth-4) {
		s.rep.print("    %s", s.rep.paint(kind, line))
	}
	s.rep.end()
	s.closing(taken)
}

// group is withdrawals that are shown in one line.
type group struct {
	count, messages int
	total           money.Amount
	txs             []string
}

// add takes one more, and tells how many they are.
func (g *group) add(p *payout, messages int) int {
	g.count, g.messages = g.count+1, g.messages+messages
	if a, err := usdt.Parse(p.amount); err == nil {
		if sum, err := g.total.Add(a); err == nil {
			g.total = sum
		}
	}
	if !slices.Contains(g.txs, p.last.TxID) {
		g.txs = append(g.txs, p.last.TxID)
	}
	return g.count
}

func (g *group) row(p *payout) []string {
	tx := clip(g.txs[0])
	if len(g.txs) > 1 {
		tx = fmt.Sprintf("%d transactions", len(g.txs))
	}
	return []string{p.group, p.who.name, short(usdt.Format(g.total)) + " " + p.currency, p.last.State, tx, strconv.Itoa(g.messages)}
}

// offer prints what is needed to go on by hand.
func (s *story) offer() {
	if s.rep.json {
		s.rep.begin("serving", "Still running, until SIGTERM")
		s.rep.note("note", s.app.URL(), "api", s.app.URL(), "key", s.key, "chain", s.chain.URL(), "token", s.token, "wallet", s.wallet, "config", s.configPath(),
			"ada", s.ada.account, "ada_address", s.ada.address, "ben", s.ben.account, "ben_address", s.ben.address)
		s.rep.end()
		return
	}
	if s.rep.brief != nil {
		s.invite()
		return
	}
	s.rep.print("\n%s\n", s.rep.paint("title", "Still running, until Ctrl-C. Paste into another terminal:"))
	for _, line := range s.lines() {
		s.rep.print("%s", line)
	}
}

// lines can be pasted into a shell as they are.
func (s *story) lines() []string {
	first := []string{"export SLUICE=" + s.app.URL(), "export SLUICE_API_KEY=" + s.key, "export SLUICE_CONFIG=" + s.configPath()}
	if len(s.withdrawn) == 0 { // there was no story
		return first
	}
	return append(first,
		"",
		"# balances of Ada",
		`curl -sS -H "Authorization: Bearer $SLUICE_API_KEY" $SLUICE/v1/accounts/`+s.ada.account+"/balances",
		"",
		"# pay her 10 USDT; $(date +%s) makes an id of your own that was not used before",
		`curl -sS -H "Authorization: Bearer $SLUICE_API_KEY" -H "Content-Type: application/json" $SLUICE/v1/withdrawals \`,
		`  -d '{"account": "`+s.ada.account+`", "foreign_id": "by-hand-'$(date +%s)'", "currency": "USDT", "amount": "10",`,
		`       "destination": {"network": "`+networkName+`", "address": "`+s.ada.address+`"}}'`,
		"",
		"# all withdrawals, the newest first",
		`curl -sS -H "Authorization: Bearer $SLUICE_API_KEY" $SLUICE/v1/withdrawals`,
		"",
		"# what happened to her first one, and which money moved",
		`curl -sS -H "Authorization: Bearer $SLUICE_API_KEY" $SLUICE/v1/withdrawals/`+s.withdrawn[0].id+"/timeline",
		"",
		"# the chain itself",
		`curl -sS -H "Content-Type: application/json" `+s.chain.URL()+` -d '{"jsonrpc": "2.0", "id": 1, "method": "eth_getTransactionReceipt", "params": ["`+s.withdrawn[0].last.TxID+`"]}'`,
	)
}

// verifyBooks recomputes every balance from its transfers, as `sluice verify` does.
func (s *story) verifyBooks(ctx context.Context) error {
	report, err := s.app.Store.Verify(ctx)
	if err != nil {
		return err
	}
	for _, sh := range report.Shards {
		s.rep.note("note", fmt.Sprintf("%d balances, %d house accounts, %d transfers, %d withdrawals, %d events: %d differences",
			sh.Balances, sh.Houses, sh.Transfers, sh.Withdrawals, sh.Events, sh.Count), "transfers", strconv.FormatInt(sh.Transfers, 10), "differences", strconv.FormatInt(sh.Count, 10))
		for _, d := range sh.Differences {
			s.rep.problem("%s: %s has %s, want %s", d.Check, d.Where, d.Have, d.Want)
		}
	}
	return nil
}
