package tronnode

import (
	"encoding/hex"
	"fmt"
	"strings"

	"sluice/internal/test/tronnode/chain"
	"sluice/internal/test/tronnode/wire"
)

// blocksMax is how many blocks one answer may hold.
const blocksMax = 100

// reads are the calls by name. Those that are missing get 404.
var reads = answers{
	"getnowblock":                  func(q query) (any, error) { return q.block(q.Head(), true), nil },
	"getblock":                     getBlock,
	"getblockbynum":                getBlockByNum,
	"getblockbyid":                 getBlockByID,
	"getblockbylimitnext":          getBlockByLimitNext,
	"getblockbylatestnum":          getBlockByLatestNum,
	"gettransactionbyid":           ofTransaction(func(q query, id wire.TxID) any { return q.shown(q.Transaction(id)) }),
	"gettransactioninfobyid":       ofTransaction(getTransactionInfoByID),
	"gettransactioninfobyblocknum": getTransactionInfoByBlockNum,
	"gettransactioncountbyblocknum": func(q query) (any, error) {
		number, err := q.number("num")
		count := int64(-1)
		if b := q.Block(number); b != nil {
			count = int64(len(b.Transactions))
		}
		return object{"count": count}, err
	},
	"gettransactionfrompending":     ofTransaction(func(q query, id wire.TxID) any { return q.shown(q.Pending(id)) }),
	"gettransactionlistfrompending": getTransactionListFromPending,
	"getpendingsize":                func(q query) (any, error) { return object{"pendingSize": len(q.Pool())}, nil },
	"getaccount":                    ofAddress("address", getAccount),
	"getaccountresource":            ofAddress("address", getAccountResource),
	"getaccountnet":                 ofAddress("address", getAccountNet),
	"getchainparameters":            getChainParameters,
	"getnodeinfo":                   getNodeInfo,
	"getcontract":                   ofAddress("value", getContract),
	"getcontractinfo":               ofAddress("value", getContractInfo),
	"triggerconstantcontract":       triggerConstantContract,
	"estimateenergy":                estimateEnergy,
	"triggersmartcontract":          triggerSmartContract,
	"createtransaction":             createTransaction,
	"getsignweight":                 getSignWeight,
	"validateaddress":               validateAddress,
	"getburntrx":                    func(q query) (any, error) { return object{"burnTrxAmount": q.Burned()}, nil },
	"getenergyprices":               func(q query) (any, error) { return q.prices(chain.EnergyPrice), nil },
	"getbandwidthprices":            func(q query) (any, error) { return q.prices(chain.BandwidthPrice), nil },
}

// onSolid are the calls that a solidity node has too.
var onSolid = map[string]bool{
	"getnowblock": true, "getblock": true, "getblockbynum": true, "getblockbyid": true, "getblockbylimitnext": true,
	"getblockbylatestnum": true, "gettransactionbyid": true, "gettransactioninfobyid": true,
	"gettransactioninfobyblocknum": true, "gettransactioncountbyblocknum": true, "getaccount": true,
	"triggerconstantcontract": true, "estimateenergy": true, "getnodeinfo": true, "getburntrx": true,
	"getenergyprices": true, "getbandwidthprices": true,
}

// block shows a block, and nothing for one that does not exist.
func (q query) block(b *chain.Block, detail bool) any {
	if b == nil {
		return nil
	}
	return q.style.block(b, detail)
}

func (q query) byID(id []byte) *chain.Block {
	if len(id) != 32 {
		return nil
	}
	b := q.Block(wire.BlockID(id).Number())
	if b == nil || b.ID != wire.BlockID(id) {
		return nil
	}
	return b
}

// getBlock finds by number or id; without either it is the head, without transactions
// unless detail is set.
func getBlock(q query) (any, error) {
	detail, err := q.boolean("detail")
	if err != nil {
		return nil, err
	}
	wanted := q.string("id_or_num")
	switch {
	case wanted == "":
		return q.block(q.Head(), detail), nil
	case len(wanted) == 64:
		id, err := unhex(wanted)
		return q.block(q.byID(id), detail), err
	default:
		number, err := q.number("id_or_num")
		return q.block(q.Block(number), detail), err
	}
}

func getBlockByNum(q query) (any, error) {
	number, err := q.number("num")
	if err != nil {
		return nil, err
	}
	return q.block(q.Block(number), true), nil
}

func getBlockByID(q query) (any, error) {
	id, err := q.hex("value")
	if err != nil {
		return nil, err
	}
	return q.block(q.byID(id), true), nil
}

// getBlockByLimitNext has blocks from startNum up to, and without, endNum.
func getBlockByLimitNext(q query) (any, error) {
	from, err := q.number("startNum")
	if err != nil {
		return nil, err
	}
	to, err := q.number("endNum")
	if err != nil || from < 0 || to <= from || to-from > blocksMax {
		return nil, err
	}
	return q.blocks(from, to), nil
}

func getBlockByLatestNum(q query) (any, error) {
	n, err := q.number("num")
	if err != nil || n <= 0 || n >= blocksMax {
		return nil, err
	}
	head := q.Head().Number()
	return q.blocks(max(head-n+1, 0), head+1), nil
}

func (q query) blocks(from, to int64) object {
	var list []any
	for number := from; number < to; number++ {
		if b := q.Block(number); b != nil {
			list = append(list, q.block(b, true))
		}
	}
	return object{}.list("block", list)
}

// ofTransaction is a call about the transaction whose id is in value. Anything that is no
// id is unknown.
func ofTransaction(answer func(q query, id wire.TxID) any) func(q query) (any, error) {
	return func(q query) (any, error) {
		id, ok, err := q.txID("value")
		if err != nil || !ok {
			return nil, err
		}
		return answer(q, id), nil
	}
}

// ofAddress is a call about the address in a field.
func ofAddress(field string, answer func(q query, a wire.Address) any) func(q query) (any, error) {
	return func(q query) (any, error) {
		b, err := q.address(field)
		if err != nil {
			return nil, err
		}
		a, _ := wire.AddressOf(b)
		return answer(q, a), nil
	}
}

// shown shows a transaction, and nothing for one that does not exist.
func (q query) shown(tx *wire.Transaction) any {
	if tx == nil {
		return nil
	}
	return q.transaction(tx)
}

// getTransactionListFromPending lists what is in the pool; a solidity node has none.
func getTransactionListFromPending(q query) (any, error) {
	var list []any
	for _, id := range q.Pool() {
		list = append(list, id.String())
	}
	return object{}.list("txId", list), nil
}

func getTransactionInfoByID(q query, id wire.TxID) any {
	info := q.Info(id)
	if info == nil {
		return nil
	}
	return q.fullInfo(info)
}

func (q query) fullInfo(info *chain.Info) object {
	o := q.info(info)
	if q.node.options.SaveInternal {
		o.list("internal_transactions", q.internal(info))
	}
	return o
}

// getTransactionInfoByBlockNum has an empty list for a block without transactions and for
// one that does not exist, and {} for block 0 and below.
func getTransactionInfoByBlockNum(q query) (any, error) {
	number, err := q.number("num")
	if err != nil || number <= 0 {
		return nil, err
	}
	list := []any{}
	if b := q.Block(number); b != nil {
		for _, info := range b.Infos {
			list = append(list, q.fullInfo(info))
		}
	}
	return list, nil
}

func getAccount(q query, address wire.Address) any {
	a, exists := q.Account(address)
	if !exists {
		return nil
	}
	return q.account(address, a)
}

func getAccountResource(q query, address wire.Address) any {
	r, exists := q.Resources(address)
	if !exists {
		return nil
	}
	return resources(r)
}

func getAccountNet(q query, address wire.Address) any {
	r, exists := q.Resources(address)
	if !exists {
		return nil
	}
	r.EnergyLimit, r.EnergyUsed, r.TotalEnergyLimit, r.TotalEnergyWeight = 0, 0, 0, 0
	return resources(r)
}

func getChainParameters(q query) (any, error) {
	var list []any
	for _, p := range q.Parameters() {
		list = append(list, object{"key": p.Key}.num("value", p.Value))
	}
	return object{"chainParameter": list}, nil
}

func (q query) prices(key string) object {
	for _, p := range q.Parameters() {
		if p.Key == key {
			return object{"prices": fmt.Sprintf("0:%d", p.Value)}
		}
	}
	return object{}
}

func getNodeInfo(q query) (any, error) {
	head, solid := q.Head(), q.Block(q.SolidNumber())
	place := func(b *chain.Block) string { return fmt.Sprintf("Num:%d,ID:%s", b.Number(), b.ID) }
	return object{
		"beginSyncNum": head.Number(), "block": place(head), "solidityBlock": place(solid),
		"currentConnectCount": 27, "activeConnectCount": 20, "passiveConnectCount": 7, "totalFlow": 0, "peerList": []any{},
		"configNodeInfo": object{"codeVersion": "4.8.2", "p2pVersion": "11111", "supportConstant": !q.node.options.NoConstant},
		"machineInfo":    object{"threadCount": 1},
	}, nil
}

func getContract(q query, address wire.Address) any {
	deployed, code, exists := q.Contract(address)
	if !exists {
		return nil
	}
	return q.deployed(deployed, code)
}

func getContractInfo(q query, address wire.Address) any {
	_, code, exists := q.Contract(address)
	if !exists {
		return nil
	}
	usage, factor, cycle := q.Activity(address)
	return object{
		"smart_contract": getContract(q, address), "runtimecode": hex.EncodeToString(code),
		"contract_state": object{}.num("energy_usage", usage).num("energy_factor", factor).num("update_cycle", cycle),
	}
}

func validateAddress(q query) (any, error) {
	text := strings.TrimSpace(q.string("address"))
	if _, err := wire.ParseAddress(text); err != nil {
		return object{"message": "Invalid address"}, nil
	}
	if len(text) == 2*wire.AddressSize {
		return object{"result": true, "message": "Hex string format"}, nil
	}
	return object{"result": true, "message": "Base58check format"}, nil
}
