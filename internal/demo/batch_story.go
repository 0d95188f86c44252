package demo

import (
	"context"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/event"
	"sluice/internal/money"
	"sluice/internal/rail/evm"
)

// batchSize is how many withdrawals one request asks for.
const batchSize = 100

// batchAnswer is what came of the request, one result for each withdrawal.
type batchAnswer struct {
	Accepted int `json:"accepted"`
	Results  []struct {
		Status     int              `json:"status"`
		Withdrawal withdrawalObject `json:"withdrawal"`
		Problem    problemObject    `json:"problem"`
	} `json:"results"`
}

// payHundred pays a hundred people who have never held the token with one request. The
// wallet has a vault, so that one transaction carries them.
func (s *story) payHundred(ctx context.Context) error {
	s.guild.name = "Guild"
	var a accountObject
	if err := s.post(ctx, "/v1/accounts", map[string]string{"kind": "customer", "foreign_id": "guild", "name": "Guild of Painters"}, &a); err != nil {
		return err
	}
	s.guild.account = a.ID
	var list []map[string]any
	for n := range batchSize {
		member, err := customerAddress("a member")
		if err != nil {
			return err
		}
		// 10.01, 10.02 and so on: nobody's amount is another's.
		body := s.order(customer{account: a.ID, address: member}, fmt.Sprintf("member-%03d", n+1), usdt.Code, usdt.Format(money.Of(10_000_000+uint64(n+1)*10_000)))
		list = append(list, body)
	}
	var c creditObject
	if err := s.post(ctx, "/v1/credits", map[string]any{"account": a.ID, "currency": usdt.Code, "amount": "1050.50", "reference": "the guild's month"}, &c); err != nil {
		return err
	}
	if err := s.await(ctx, want{event.AccountOpened, a.ID, 1}, want{event.CreditCreated, c.ID, 1}, want{event.BalanceUpdated, a.ID, 1}); err != nil {
		return err
	}
	ask, err := s.request(ctx, http.MethodPost, "/v1/withdrawals/batch", map[string]any{"withdrawals": list}, http.StatusOK)
	if err != nil {
		return err
	}
	var got batchAnswer
	if err := ask.into(&got); err != nil {
		return err
	}
	s.rep.note("note", fmt.Sprintf("%d withdrawals in one request: %d accepted", len(list), got.Accepted), "accepted", strconv.Itoa(got.Accepted))
	s.rep.check("accepted withdrawals", strconv.Itoa(got.Accepted), strconv.Itoa(batchSize))
	var members []*payout
	for _, r := range got.Results {
		if r.Status != http.StatusCreated {
			return fmt.Errorf("one of the withdrawals was refused: %s: %s", r.Problem.Code, r.Problem.Detail)
		}
		p := s.created(customer{name: s.guild.name, account: a.ID, address: r.Withdrawal.Destination.Address}, r.Withdrawal, "confirmed")
		p.group = fmt.Sprintf("member-001 to %03d", batchSize)
		members = append(members, p)
	}
	if err := s.awaitHundred(ctx); err != nil {
		return err
	}
	if err := s.hundredOnChain(ctx, members); err != nil {
		return err
	}
	return s.balance(ctx, s.guild, usdt.Code, "0.000000", "0.000000", "0.000000")
}

// awaitHundred waits for all messages of the batch, and shows how many they were.
func (s *story) awaitHundred(ctx context.Context) error {
	before := s.read
	s.quiet = true
	defer func() { s.quiet = false }()
	wants := []want{{event.BalanceUpdated, s.guild.account, 2 * batchSize}}
	for _, t := range []event.Type{event.WithdrawalCreated, event.WithdrawalQueued, event.WithdrawalProcessing, event.WithdrawalBroadcast, event.WithdrawalConfirmed} {
		wants = append(wants, want{t, "", batchSize})
	}
	if err := s.await(ctx, wants...); err != nil {
		return err
	}
	s.rep.note("webhook", fmt.Sprintf("%d messages: every withdrawal created, queued, processing, broadcast, confirmed; two balances for each", s.read-before))
	return nil
}

// hundredOnChain counts what the members got, and what it took.
func (s *story) hundredOnChain(ctx context.Context, members []*payout) error {
	all, err := s.chain.AllPayments(ctx)
	if err != nil {
		return err
	}
	got := map[string][]string{}
	for _, p := range all {
		if p.Token == s.token {
			got[p.To] = append(got[p.To], usdt.Format(p.Amount)+" by "+p.TxHash)
		}
	}
	shares := new(big.Int)
	var txs []string
	for _, p := range members {
		s.rep.check("state of "+p.foreign, p.last.State, "confirmed")
		s.rep.check("what the chain shows for "+p.foreign, strings.Join(got[p.who.address], " and "), p.amount+" by "+p.last.TxID)
		if p.last.NetworkFee == nil {
			return fmt.Errorf("withdrawal %s is confirmed without a network fee", p.foreign)
		}
		share, err := eth.Parse(p.last.NetworkFee.Amount)
		if err != nil {
			return err
		}
		shares.Add(shares, share.Big())
		if !slices.Contains(txs, p.last.TxID) {
			txs = append(txs, p.last.TxID)
		}
	}
	return s.costOf(ctx, members, txs, shares)
}

// costOf holds the shares of the fee against what the blocks say, and the gas of a payout
// of the batch against that of Ada's, which went alone.
func (s *story) costOf(ctx context.Context, members []*payout, txs []string, shares *big.Int) error {
	var gas uint64
	fee := new(big.Int)
	for _, tx := range txs {
		r, err := s.chain.Client().TransactionReceipt(ctx, common.HexToHash(tx))
		if err != nil {
			return err
		}
		gas += r.GasUsed
		fee.Add(fee, new(big.Int).Mul(new(big.Int).SetUint64(r.GasUsed), r.EffectiveGasPrice))
		count := 0
		for _, p := range members {
			if p.last.TxID == tx {
				count++
			}
		}
		what := fmt.Sprintf("%d payouts by the vault %s", count, clip(s.vault))
		if count == 1 {
			what = "one payout, taken before the others had come"
		}
		s.rep.note("chain", fmt.Sprintf("block %s  %s  %d gas  tx %s", r.BlockNumber, what, r.GasUsed, clip(tx)),
			"txid", tx, "payouts", strconv.Itoa(count), "gas", strconv.FormatUint(r.GasUsed, 10))
	}
	s.rep.note("chain", fmt.Sprintf("each of %d new holders got exactly what is theirs, exactly once", len(members)))
	alone, err := s.chain.Client().TransactionReceipt(ctx, common.HexToHash(s.withdrawn[0].last.TxID))
	if err != nil {
		return err
	}
	each := gas / uint64(len(members))
	s.rep.note("chain", fmt.Sprintf("%d gas per payout; Ada's, which went alone, took %d", each, alone.GasUsed), "gas_each", strconv.FormatUint(each, 10), "gas_alone", strconv.FormatUint(alone.GasUsed, 10))
	s.rep.check("transactions are few", strconv.FormatBool(len(txs) <= batchFew), "true")
	s.rep.check("a payout of a batch costs less than two thirds of one alone", strconv.FormatBool(3*each < 2*alone.GasUsed), "true")
	took, err := evm.Amount(fee)
	if err != nil {
		return err
	}
	s.rep.note("chain", fmt.Sprintf("the network took %s ETH in all; the %d shares add up to exactly that", short(eth.Format(took)), len(members)), "fee", eth.Format(took))
	s.rep.check("sum of the shares of the network's fee, in wei", shares.String(), fee.String())
	return nil
}

// batchFew is the most transactions that the batch may take: those that wait are taken
// together, and some of the hundred may come too late for the first list.
const batchFew = 5
