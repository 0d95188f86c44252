package tronnode_test

import (
	"math/big"
	"testing"

	"sluice/internal/test/tronnode"
	"sluice/internal/test/tronnode/wire"
)

func TestSmoke(t *testing.T) {
	n, err := tronnode.Start(tronnode.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	payer, to := wire.KeyFromSeed("payer"), wire.KeyFromSeed("to").Address()
	if err := n.Fund(payer.Address(), 100_000_000); err != nil {
		t.Fatal(err)
	}
	usdt, err := n.DeployDollar()
	if err != nil {
		t.Fatal(err)
	}
	std, err := n.DeployStandard("USDC", 6)
	if err != nil {
		t.Fatal(err)
	}
	for _, tok := range []*tronnode.Token{usdt, std} {
		if err := tok.Issue(payer.Address(), big.NewInt(1e9)); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Chain.SetFactor(usdt.Address, 34000); err != nil {
		t.Fatal(err)
	}
	n.Chain.Produce(1)
	for i := range 3 {
		for _, tok := range []*tronnode.Token{usdt, std} {
			raw := tok.Transfer(payer.Address(), to, big.NewInt(5), 30_000_000)
			raw.Timestamp += int64(i)
			id, err := n.Send(raw, payer)
			if err != nil {
				t.Fatal(err)
			}
			n.Chain.Produce(1)
			t.Logf("%+v", n.Info(id))
		}
	}
	id, err := n.Send(n.Transfer(payer.Address(), to, 1_000_000), payer)
	if err != nil {
		t.Fatal(err)
	}
	n.Chain.Produce(1)
	t.Logf("%+v", n.Info(id))
	t.Log(usdt.Balance(to), n.Balance(to))
	n.Solidify()
	t.Log(n.HeadNumber(), n.SolidNumber())
}
