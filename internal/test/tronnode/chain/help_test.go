package chain_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"sluice/contracts"
	"sluice/internal/test/tronnode/chain"
	"sluice/internal/test/tronnode/wire"
)

const trx = 1_000_000 // sun

// world is a chain with an account that pays and one that is paid.
type world struct {
	*testing.T
	*chain.Chain
	key   wire.Key
	payer wire.Address
	payee wire.Address
	owner wire.Address // of tokens
}

func newWorld(t *testing.T, config chain.Config) *world {
	t.Helper()
	w := &world{T: t, Chain: chain.New(config), key: wire.KeyFromSeed("payer"), payee: wire.KeyFromSeed("payee").Address()}
	w.payer, w.owner = w.key.Address(), wire.KeyFromSeed("token owner").Address()
	w.must(w.Fund(w.payer, 1000*trx))
	w.must(w.Fund(w.payee, 1))
	w.Produce(1)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) head() (b *chain.Block) {
	w.Read(chain.View{}, func(r chain.Reader) { b = r.Head() })
	return b
}

func (w *world) solid() (height int64) {
	w.Read(chain.View{}, func(r chain.Reader) { height = r.SolidNumber() })
	return height
}

func (w *world) info(id wire.TxID) (info *chain.Info) {
	w.Read(chain.View{}, func(r chain.Reader) { info = r.Info(id) })
	return info
}

// mined reports whether a transaction is in a block of the view.
func (w *world) mined(v chain.View, id wire.TxID) (is bool) {
	w.Read(v, func(r chain.Reader) { is = r.Info(id) != nil })
	return is
}

func (w *world) pooled(id wire.TxID) (is bool) {
	w.Read(chain.View{}, func(r chain.Reader) { is = r.Pending(id) != nil })
	return is
}

func (w *world) balance(a wire.Address) (sun int64) {
	w.Read(chain.View{}, func(r chain.Reader) {
		account, _ := r.Account(a)
		sun = account.Balance
	})
	return sun
}

func (w *world) resources(a wire.Address) (res chain.Resources) {
	w.Read(chain.View{}, func(r chain.Reader) { res, _ = r.Resources(a) })
	return res
}

// raw refers to the head and expires in ten minutes.
func (w *world) raw(t wire.ContractType, value []byte) wire.Raw {
	b := w.head()
	return wire.Raw{
		RefBlockBytes: b.ID.RefBytes(), RefBlockHash: b.ID.RefHash(), Expiration: b.Time() + 600_000, Timestamp: b.Time(),
		Contracts: []wire.Contract{wire.NewContract(t, value, 0)},
	}
}

func (w *world) transfer(to wire.Address, sun int64) wire.Raw {
	return w.raw(wire.TypeTransfer, wire.Transfer{Owner: w.payer[:], To: to[:], Amount: sun}.Encode())
}

func (w *world) call(contract wire.Address, data []byte, feeLimit int64) wire.Raw {
	raw := w.raw(wire.TypeTrigger, wire.Trigger{Owner: w.payer[:], Contract: contract[:], Data: data}.Encode())
	raw.FeeLimit = feeLimit
	return raw
}

func (w *world) signed(raw wire.Raw, keys ...wire.Key) *wire.Transaction {
	if len(keys) == 0 {
		keys = []wire.Key{w.key}
	}
	return wire.NewTransaction(raw).Sign(keys...)
}

// send gives a transaction to the node, which must take it.
func (w *world) send(raw wire.Raw, keys ...wire.Key) wire.TxID {
	w.Helper()
	tx := w.signed(raw, keys...)
	if refusal := w.Broadcast(tx); refusal != nil {
		w.Fatal(refusal)
	}
	return tx.ID()
}

// run sends a transaction and returns what it did in the next block.
func (w *world) run(raw wire.Raw, keys ...wire.Key) *chain.Info {
	w.Helper()
	id := w.send(raw, keys...)
	w.Produce(1)
	info := w.info(id)
	if info == nil {
		w.Fatalf("%s is in no block", id)
	}
	return info
}

// token deploys a contract of package contracts and gives the payer tokens.
func (w *world) token(name string) wire.Address {
	w.Helper()
	raw, err := contracts.Artifacts.ReadFile("artifacts/" + name + ".json")
	w.must(err)
	var artifact struct{ Bytecode string }
	w.must(json.Unmarshal(raw, &artifact))
	code := slices.Concat(common.FromHex(artifact.Bytecode), constructor(name))
	at, err := w.Deploy(chain.Deployment{Owner: w.owner, Name: name, Code: code, UserPercent: 100})
	w.must(err)
	issue := "issue"
	if name == "Dollar" {
		issue = "mint"
	}
	w.must(w.Call(w.owner, at, method(issue+"(address,uint256)", w.payer, 1_000_000)))
	return at
}

// constructor is ("T", "T") and, for Trc20, (6).
func constructor(name string) []byte {
	text := append(word(1), slices.Concat([]byte("T"), make([]byte, 31))...)
	if name == "Trc20" {
		return slices.Concat(word(96), word(160), word(6), text, text)
	}
	return slices.Concat(word(64), word(128), text, text)
}

func word(n int64) []byte {
	out := make([]byte, 32)
	for i := 31; n > 0; i, n = i-1, n>>8 {
		out[i] = byte(n)
	}
	return out
}

// method is call data; arguments are addresses and whole numbers.
func method(signature string, arguments ...any) []byte {
	hash := wire.Keccak([]byte(signature))
	data := slices.Clone(hash[:4])
	for _, a := range arguments {
		switch v := a.(type) {
		case wire.Address:
			evm := v.EVM()
			data = slices.Concat(data, make([]byte, 12), evm[:])
		case int:
			data = append(data, word(int64(v))...)
		case []byte:
			data = append(data, v...)
		}
	}
	return data
}

func pay(to wire.Address, units int) []byte { return method("transfer(address,uint256)", to, units) }

// units is what an account has of a token.
func (w *world) units(token, of wire.Address) (n int64) {
	w.Read(chain.View{}, func(r chain.Reader) {
		result, _ := r.Constant(of, token, 0, method("balanceOf(address)", of))
		for _, b := range result.Output {
			n = n<<8 | int64(b)
		}
	})
	return n
}
