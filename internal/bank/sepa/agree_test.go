package sepa_test

import (
	"context"
	"testing"

	"sluice/internal/bank/sepa"
	"sluice/internal/signer"
	"sluice/internal/signer/build"
	"sluice/internal/signer/guard"
)

// keyless has no keys: an account at a bank needs none.
type keyless struct{ signer.Keys }

func (keyless) Public(context.Context) ([][]byte, error) { return nil, nil }

// agreeing is a signer that agrees to every order of an account, if change says nothing else.
func agreeing(t testing.TB, account string, change ...func(*guard.Options)) *guard.Guard {
	t.Helper()
	opt := guard.Options{Build: build.Builder{}, Keys: keyless{}, Policy: guard.Policy{
		Networks: []guard.Network{{Network: signer.Network{Name: "sepa", Family: sepa.Family, Account: account}, Open: true}},
	}}
	for _, f := range change {
		f(&opt)
	}
	g, err := guard.Open(context.WithoutCancel(t.Context()), opt)
	check(t, err)
	return g
}
