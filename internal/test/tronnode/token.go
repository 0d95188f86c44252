package tronnode

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	"sluice/contracts"
	"sluice/internal/test/tronnode/chain"
	"sluice/internal/test/tronnode/wire"
)

// Issuer owns every token that a node deploys.
var Issuer = wire.KeyFromSeed("issuer")

// Token is a TRC-20 contract on the chain. Its methods act at once, without transactions.
type Token struct {
	Address wire.Address
	node    *Node
	methods abi.ABI
	json    []byte
}

// transferABI is what the fallback of TronDollar answers: it is in no ABI of the compiler.
const transferABI = `{"type":"function","name":"transfer","stateMutability":"nonpayable",` +
	`"inputs":[{"name":"to","type":"address"},{"name":"value","type":"uint256"}],"outputs":[{"name":"","type":"bool"}]}`

// DeployDollar deploys a token that behaves like USDT (contracts/TronDollar.sol), 6 decimals.
func (n *Node) DeployDollar() (*Token, error) { return n.Deploy("TronDollar", "Tether USD", "USDT") }

// DeployStandard deploys an ordinary token (contracts/Trc20.sol).
func (n *Node) DeployStandard(symbol string, decimals uint8) (*Token, error) {
	return n.Deploy("Trc20", symbol, symbol, decimals)
}

// Deploy deploys a contract of package contracts for Issuer, whose callers pay all energy.
func (n *Node) Deploy(contract string, arguments ...any) (*Token, error) {
	raw, err := contracts.Artifacts.ReadFile("artifacts/" + contract + ".json")
	if err != nil {
		return nil, err
	}
	var artifact struct {
		ABI      []json.RawMessage `json:"abi"`
		Bytecode string            `json:"bytecode"`
	}
	if err := json.Unmarshal(raw, &artifact); err != nil {
		return nil, err
	}
	if contract == "TronDollar" {
		artifact.ABI = append(artifact.ABI, json.RawMessage(transferABI))
	}
	methods, err := abi.JSON(bytes.NewReader(encode(artifact.ABI)))
	if err != nil {
		return nil, err
	}
	constructor, err := methods.Pack("", arguments...)
	if err != nil {
		return nil, err
	}
	address, err := n.Chain.Deploy(chain.Deployment{
		Owner: Issuer.Address(), Name: contract, ABI: encode(artifact.ABI),
		Code: slices.Concat(common.FromHex(artifact.Bytecode), constructor), UserPercent: 100,
	})
	return &Token{address, n, methods, encode(artifact.ABI)}, err
}

// ABI is the contract's interface, as JSON.
func (t *Token) ABI() string { return string(t.json) }

// Call runs a method as an account, without a transaction: "pause", "addBlackList" and so on.
func (t *Token) Call(as wire.Address, method string, arguments ...any) error {
	data, err := t.methods.Pack(method, evmWords(arguments)...)
	if err != nil {
		return err
	}
	return t.node.Chain.Call(as, t.Address, data)
}

// evmWords turns addresses into those of the machine.
func evmWords(arguments []any) []any {
	for i, a := range arguments {
		if address, is := a.(wire.Address); is {
			arguments[i] = common.Address(address.EVM())
		}
	}
	return arguments
}

// Issue gives an account units out of nothing.
func (t *Token) Issue(to wire.Address, units *big.Int) error {
	return t.Call(Issuer.Address(), "issue", to, units)
}

// Own runs a method as the owner of the token.
func (t *Token) Own(method string, arguments ...any) error {
	return t.Call(Issuer.Address(), method, arguments...)
}

// Balance is what an account has at the head, with what is in the pool. It panics when the
// contract does not answer.
func (t *Token) Balance(of wire.Address) *big.Int {
	data, err := t.methods.Pack("balanceOf", common.Address(of.EVM()))
	if err != nil {
		panic(err)
	}
	units := new(big.Int)
	t.node.Chain.Read(chain.View{}, func(r chain.Reader) {
		result, _ := r.Constant(of, t.Address, 0, data)
		if result == nil || result.Code != wire.ResultSuccess {
			err = errors.New("tronnode: balanceOf does not answer")
			return
		}
		units.SetBytes(result.Output)
	})
	if err != nil {
		panic(err)
	}
	return units
}

// TransferData is the call data of transfer(to, units).
func TransferData(to wire.Address, units *big.Int) []byte {
	hash := wire.Keccak([]byte("transfer(address,uint256)"))
	var recipient [32]byte
	word := to.EVM()
	copy(recipient[12:], word[:])
	return slices.Concat(hash[:4], recipient[:], units.FillBytes(make([]byte, 32)))
}

// Transfer is a payment of this token, ready to be changed and signed: it refers to the
// head and expires in a minute.
func (t *Token) Transfer(from, to wire.Address, units *big.Int, feeLimit int64) wire.Raw {
	raw := t.node.Raw(wire.TypeTrigger, wire.Trigger{Owner: from[:], Contract: t.Address[:], Data: TransferData(to, units)}.Encode())
	raw.FeeLimit = feeLimit
	return raw
}

// Transfer is a payment of TRX, ready to be changed and signed.
func (n *Node) Transfer(from, to wire.Address, sun int64) wire.Raw {
	return n.Raw(wire.TypeTransfer, wire.Transfer{Owner: from[:], To: to[:], Amount: sun}.Encode())
}

// Send signs raw data and gives it to the node as a broadcast does.
func (n *Node) Send(raw wire.Raw, keys ...wire.Key) (wire.TxID, error) {
	tx := wire.NewTransaction(raw).Sign(keys...)
	if refusal := n.Chain.Broadcast(tx); refusal != nil {
		return tx.ID(), fmt.Errorf("%s: %w", tx.ID(), refusal)
	}
	return tx.ID(), nil
}
