package demo

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"sluice/internal/bank"
	"sluice/internal/ledger"
)

// walletObject is a wallet as its operator sees it.
type walletObject struct {
	ID             string `json:"id"`
	Network        string `json:"network"`
	Reconciliation []struct {
		Currency string `json:"currency"`
		Chain    string `json:"chain"`
		Ledger   string `json:"ledger"`
		Cause    string `json:"cause"`
		Text     string `json:"text"`
	} `json:"reconciliation"`
}

func (w walletObject) agrees() bool {
	for _, l := range w.Reconciliation {
		if l.Cause != "agrees" {
			return false
		}
	}
	return true
}

// reconcile holds the books against what is outside, as `sluice reconcile` does. What was
// given to the wallets is booked as a deposit by the server itself.
func (s *story) reconcile(ctx context.Context) error {
	var list struct {
		Data []walletObject `json:"data"`
	}
	a, err := s.operator.do(ctx, http.MethodGet, "/v1/wallets", nil)
	if err != nil {
		return err
	}
	if err := a.into(&list); err != nil {
		return err
	}
	for _, w := range list.Data {
		if w.Network == bankNetwork {
			err = s.reconcileBank(ctx, w)
		} else {
			err = s.reconcileChain(ctx, w)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reconcileChain waits until the last deposit is booked, and shows both sides.
func (s *story) reconcileChain(ctx context.Context, w walletObject) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		a, err := s.operator.do(ctx, http.MethodGet, "/v1/wallets/"+w.ID, nil)
		if err != nil {
			return err
		}
		if err := a.into(&w); err != nil {
			return err
		}
		if len(w.Reconciliation) > 0 && w.agrees() {
			break
		}
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		break
	}
	if len(w.Reconciliation) == 0 {
		return fmt.Errorf("the wallet on %s cannot be compared", w.Network)
	}
	for _, l := range w.Reconciliation {
		s.rep.note("chain", fmt.Sprintf("%s on %s: %s on the chain, %s in the books", l.Currency, w.Network, short(l.Chain), short(l.Ledger)),
			"currency", l.Currency, "network", w.Network, "chain", l.Chain, "ledger", l.Ledger, "cause", l.Cause)
		s.rep.check("the books of "+l.Currency+" on "+w.Network+" "+l.Text, l.Ledger+" "+l.Cause, l.Chain+" agrees")
	}
	return nil
}

// reconcileBank compares with the statements, once the bank has made that of its last day.
func (s *story) reconcileBank(ctx context.Context, w walletObject) error {
	if err := s.work(1); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		r, err := bank.Reconcile(ctx, s.app.Store, s.house, w.ID)
		if err != nil {
			return err
		}
		want := eur.Format(s.bankBalance())
		if got := bank.Signed(r.Closing); r.OK() && got == want {
			s.rep.note("bank", fmt.Sprintf("EUR: %s on the last statement, %s by the books; %d days, no difference", got, bank.Signed(r.Expected), len(r.Days)), "closing", got)
			s.rep.check("the books of EUR at the bank", bank.Signed(r.Expected), got)
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the statements say %s, the bank %s, the books %s: %+v", bank.Signed(r.Closing), want, bank.Signed(r.Expected), r.Days)
		}
	}
}

// house is an account of the house. There is one shard, as SQLite has it.
func (s *story) house(ctx context.Context, name, currency string) (ledger.House, error) {
	list, err := s.app.Store.Houses(ctx, 0)
	for _, h := range list {
		if h.Name == name && h.Currency == currency {
			return h, nil
		}
	}
	return ledger.House{}, err
}
