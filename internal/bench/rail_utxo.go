package bench

import (
	"context"
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"sluice/internal/money"
	"sluice/internal/rail/utxo/bitcoin"
	"sluice/internal/signer"
	"sluice/internal/signer/build"
	"sluice/internal/signer/curve"
)

// CoinSize is what a transaction of a coin chain takes.
type CoinSize struct {
	Outputs int
	// VirtualBytes are those of the signed transaction, with one coin and change.
	VirtualBytes uint64
}

// PerPayout is its share per payout, in thousandths of a virtual byte.
func (s CoinSize) PerPayout() uint64 {
	return (s.VirtualBytes*1000 + uint64(s.Outputs) - 1) / uint64(s.Outputs) //nolint:gosec // a number of outputs
}

// String writes it for a person.
func (s CoinSize) String() string {
	p := s.PerPayout()
	return fmt.Sprintf("%d.%03d", p/1000, p%1000)
}

// MeasureCoins builds and signs payments from one P2WPKH coin to P2WPKH addresses, with
// the builder that the signer uses, and gives their sizes.
func MeasureCoins(_ context.Context, outputs ...int) ([]CoinSize, error) {
	key := secp256k1.PrivKeyFromBytes([]byte("measured, never paid from"))
	public := key.PubKey().SerializeCompressed()
	n := signer.Network{Name: "bitcoin", Family: build.UTXO, Coin: "bitcoin-regtest"}
	addresses, err := build.Builder{}.Addresses(n, public)
	if err != nil {
		return nil, err
	}
	chain, _ := bitcoin.ChainByName(n.Coin)
	own, _, err := chain.Decode(addresses[0])
	if err != nil {
		return nil, err
	}
	var out []CoinSize
	for _, count := range outputs {
		in := signer.Intent{
			Family: n.Family, Network: n.Name, Wallet: addresses[0],
			Inputs: []signer.Input{{TxID: bitcoin.Hash{1}.String(), Amount: money.Of(1_000_000_000), Script: own}},
			Change: signer.Output{To: own, Amount: money.Of(10_000)},
		}
		for i := range count {
			to := make([]byte, 20)
			to[0], to[1] = byte(i), byte(i>>8)
			in.Outputs = append(in.Outputs, signer.Output{To: bitcoin.WitnessScript(0, to), Amount: money.Of(10_000)})
		}
		unsigned, err := build.Builder{}.Build(n, public, in)
		if err != nil {
			return nil, err
		}
		signed, err := unsigned.Finish([][]byte{curve.Sign(key, unsigned.Digests[0].Hash)})
		if err != nil {
			return nil, err
		}
		tx, err := bitcoin.ParseTx(signed.Raw)
		if err != nil {
			return nil, err
		}
		out = append(out, CoinSize{Outputs: count, VirtualBytes: tx.Size()})
	}
	return out, nil
}
