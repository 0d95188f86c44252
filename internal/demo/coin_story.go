package demo

import (
	"context"
	"fmt"
	"strconv"

	"sluice/internal/event"
)

// withdrawBTC pays somebody in Bitcoin, where there is a node for it.
func (s *story) withdrawBTC(ctx context.Context) error {
	if s.coins == nil {
		why := "no Bitcoin node is here"
		if s.coinTrouble != "" {
			why = s.btcd + " does not work: " + s.coinTrouble
		}
		s.rep.note("note", "skipped: "+why+". `make bin/btcd` builds one, once, from the network; or name yours with --btcd or SLUICE_DEMO_BTCD", "skipped", "true")
		return nil
	}
	s.dora.name = "Dora"
	var a accountObject
	if err := s.post(ctx, "/v1/accounts", map[string]string{"kind": "customer", "foreign_id": "dora", "name": s.dora.name}, &a); err != nil {
		return err
	}
	s.dora.account = a.ID
	var err error
	if s.dora.address, err = coinAddress(); err != nil {
		return err
	}
	var c creditObject
	if err := s.post(ctx, "/v1/credits", map[string]any{"account": a.ID, "currency": btc.Code, "amount": "0.02", "reference": "order 1005"}, &c); err != nil {
		return err
	}
	if err := s.await(ctx, want{event.AccountOpened, a.ID, 1}, want{event.CreditCreated, c.ID, 1}, want{event.BalanceUpdated, a.ID, 1}); err != nil {
		return err
	}
	p, err := s.create(ctx, s.dora, map[string]any{
		"account": a.ID, "foreign_id": "order-1005", "currency": btc.Code, "amount": "0.015",
		"destination": map[string]string{"network": coinNetwork, "address": s.dora.address},
	}, "confirmed")
	if err != nil {
		return err
	}
	if err := s.await(ctx, want{event.WithdrawalCreated, p.id, 1}, want{event.WithdrawalQueued, p.id, 1}, want{event.WithdrawalProcessing, p.id, 1},
		want{event.WithdrawalBroadcast, p.id, 1}, want{event.BalanceUpdated, a.ID, 1}); err != nil {
		return err
	}
	s.rep.note("note", fmt.Sprintf("%d blocks are made", coinFinal))
	if err := s.coins.mine(ctx, coinFinal); err != nil {
		return err
	}
	if err := s.await(ctx, want{event.WithdrawalConfirmed, p.id, 1}, want{event.BalanceUpdated, a.ID, 1}); err != nil {
		return err
	}
	if err := s.inBlocks(ctx, p); err != nil {
		return err
	}
	return s.balance(ctx, s.dora, btc.Code, "0.00500000", "0.00000000", "0.00000000")
}

// inBlocks compares a finished withdrawal with what the blocks hold for its address.
func (s *story) inBlocks(ctx context.Context, p *payout) error {
	s.rep.check("state of the withdrawal", p.last.State, p.state)
	got, err := s.coins.payments(ctx, p.who.address, coinFinal)
	if err != nil {
		return err
	}
	for _, pay := range got {
		s.rep.note("chain", fmt.Sprintf("block %d  %s BTC to %s  tx %s", pay.Height, short(pay.Amount), clip(p.who.address), clip(pay.TxID)),
			"block", strconv.FormatInt(pay.Height, 10), "txid", pay.TxID, "amount", pay.Amount, "to", p.who.address)
		s.rep.check("transaction on the chain", pay.TxID, p.last.TxID)
		s.rep.check("amount on the chain", pay.Amount, p.amount)
	}
	s.rep.check("payments on the chain", strconv.Itoa(len(got)), "1")
	if p.last.NetworkFee == nil {
		return fmt.Errorf("withdrawal %s is confirmed without a network fee", p.id)
	}
	s.rep.note("chain", fmt.Sprintf("the network took %s BTC", p.last.NetworkFee.Amount), "fee", p.last.NetworkFee.Amount)
	return nil
}
