package tronnode

import (
	"encoding/hex"
	"encoding/json"
	"strings"

	"sluice/internal/test/tronnode/chain"
	"sluice/internal/test/tronnode/tvm"
	"sluice/internal/test/tronnode/wire"
)

// object is a message in java-tron's JSON (JsonFormat): a field of value zero, false or
// empty is not there.
type object map[string]any

func (o object) num(key string, n int64) object {
	if n != 0 {
		o[key] = n
	}
	return o
}

func (o object) text(key, s string) object {
	if s != "" {
		o[key] = s
	}
	return o
}

func (o object) hex(key string, b []byte) object { return o.text(key, hex.EncodeToString(b)) }

func (o object) flag(key string, on bool) object {
	if on {
		o[key] = true
	}
	return o
}

func (o object) list(key string, l []any) object {
	if len(l) > 0 {
		o[key] = l
	}
	return o
}

// style is how bytes are shown: with visible, addresses in base58 and messages as text.
type style struct{ visible bool }

func (s style) address(b []byte) string {
	if s.visible && len(b) > 0 {
		return wire.EncodeBase58Check(b)
	}
	return hex.EncodeToString(b)
}

func (s style) message(m string) string {
	if s.visible {
		return m
	}
	return hex.EncodeToString([]byte(m))
}

// transaction shows a transaction (java-tron: Util.printTransactionToJSON).
func (s style) transaction(tx *wire.Transaction) object {
	o := object{"txID": tx.ID().String(), "raw_data": s.raw(&tx.Raw)}
	o.hex("raw_data_hex", tx.Raw.Encode())
	var signatures, results []any
	for _, sig := range tx.Signatures {
		signatures = append(signatures, hex.EncodeToString(sig))
	}
	for _, r := range tx.Results {
		result := object{}
		if code := wire.DecodeResult(r); code != wire.ResultDefault {
			result["contractRet"] = code.String()
		}
		results = append(results, result)
	}
	return o.list("signature", signatures).list("ret", results)
}

func (s style) raw(r *wire.Raw) object {
	contracts := []any{}
	for _, c := range r.Contracts {
		parameter := object{"value": s.contract(c)}.text("type_url", c.TypeURL)
		contracts = append(contracts, object{"parameter": parameter, "type": c.Type.String()}.num("Permission_id", int64(c.PermissionID)))
	}
	return object{"contract": contracts}.
		hex("ref_block_bytes", r.RefBlockBytes).num("ref_block_num", r.RefBlockNum).hex("ref_block_hash", r.RefBlockHash).
		num("expiration", r.Expiration).hex("data", r.Data).hex("scripts", r.Scripts).
		num("timestamp", r.Timestamp).num("fee_limit", r.FeeLimit)
}

func (s style) contract(c wire.Contract) object {
	switch c.Type {
	case wire.TypeTransfer:
		t, _ := wire.DecodeTransfer(c)
		return object{}.text("owner_address", s.address(t.Owner)).text("to_address", s.address(t.To)).num("amount", t.Amount)
	case wire.TypeTrigger:
		t, _ := wire.DecodeTrigger(c)
		return object{}.text("owner_address", s.address(t.Owner)).text("contract_address", s.address(t.Contract)).
			num("call_value", t.CallValue).hex("data", t.Data).num("call_token_value", t.CallTokenValue).num("token_id", t.TokenID)
	case wire.TypeCreate:
		t, _ := wire.DecodeCreate(c)
		deployed := object{}.text("origin_address", s.address(t.Origin)).hex("bytecode", t.Bytecode).text("name", t.Name).
			num("call_value", t.CallValue).num("consume_user_resource_percent", t.UserPercent).num("origin_energy_limit", t.OriginEnergyLimit)
		return object{"new_contract": deployed}.text("owner_address", s.address(t.Owner))
	default:
		return object{}
	}
}

// plain is a transaction as broadcasthex gives it back: a string of JSON in which what a
// contract says is still encoded (java-tron: JsonFormat.printToString).
func plain(tx *wire.Transaction) string {
	s := style{visible: true}
	raw := s.raw(&tx.Raw)
	var contracts, signatures []any
	for _, c := range tx.Raw.Contracts {
		parameter := object{}.text("type_url", c.TypeURL).hex("value", c.Value)
		contracts = append(contracts, object{"type": c.Type.String(), "parameter": parameter}.num("Permission_id", int64(c.PermissionID)))
	}
	raw["contract"] = contracts
	for _, sig := range tx.Signatures {
		signatures = append(signatures, hex.EncodeToString(sig))
	}
	return strings.TrimSpace(string(encode(object{"raw_data": raw}.list("signature", signatures))))
}

// block shows a block (java-tron: Util.printBlockToJSON).
func (s style) block(b *chain.Block, detail bool) object {
	h := b.Header
	raw := object{}.num("number", h.Number).num("timestamp", h.Timestamp).hex("parentHash", h.ParentHash[:]).
		hex("txTrieRoot", h.TxTrieRoot[:]).num("version", int64(h.Version))
	if h.Number > 0 {
		raw.text("witness_address", s.address(h.Witness[:]))
	}
	o := object{"blockID": b.ID.String(), "block_header": object{"raw_data": raw}.hex("witness_signature", b.WitnessSignature())}
	if !detail {
		return o
	}
	var list []any
	for _, tx := range b.Transactions {
		list = append(list, s.transaction(tx))
	}
	return o.list("transactions", list)
}

// info shows what a transaction did.
func (s style) info(i *chain.Info) object {
	o := object{
		"id": i.ID.String(), "receipt": s.receipt(i), "contractResult": []any{hex.EncodeToString(i.Output)},
	}.num("blockNumber", i.BlockNumber).num("blockTimeStamp", i.BlockTime).num("fee", i.Fee).
		text("contract_address", s.address(i.Contract)).list("log", s.logs(i.Logs))
	if i.Failed {
		o["result"] = "FAILED"
		o.text("resMessage", s.message(i.Message))
	}
	return o
}

func (s style) receipt(i *chain.Info) object {
	r := i.Receipt
	o := object{}.num("energy_usage", r.EnergyUsage).num("energy_fee", r.EnergyFee).num("origin_energy_usage", r.OriginEnergyUsage).
		num("energy_usage_total", r.EnergyUsageTotal).num("energy_penalty_total", r.EnergyPenalty).
		num("net_usage", r.NetUsage).num("net_fee", r.NetFee)
	if r.Machine {
		o["result"] = i.Outcome.String()
	}
	return o
}

// logs shows events. The address has 20 bytes, and 21 of them with visible.
func (s style) logs(logs []chain.Log) []any {
	var list []any
	for _, l := range logs {
		address := hex.EncodeToString(l.Address[:])
		if s.visible {
			address = wire.FromEVM(l.Address).String()
		}
		var topics []any
		for _, topic := range l.Topics {
			topics = append(topics, hex.EncodeToString(topic[:]))
		}
		list = append(list, object{"address": address}.list("topics", topics).hex("data", l.Data))
	}
	return list
}

// internal shows calls between contracts, which a node keeps only when it is told to.
func (s style) internal(i *chain.Info) []any {
	var list []any
	for n, call := range i.Internal {
		caller, to := wire.FromEVM(call.Caller), wire.FromEVM(call.To)
		hash := wire.Keccak(i.ID[:], []byte{byte(n >> 8), byte(n)})
		list = append(list, object{
			"hash": hex.EncodeToString(hash[:]), "callValueInfo": []any{object{}.num("callValue", call.Value)}, "note": hex.EncodeToString([]byte("call")),
		}.text("caller_address", s.address(caller[:])).text("transferTo_address", s.address(to[:])).flag("rejected", call.Rejected))
	}
	return list
}

func (s style) account(address wire.Address, a chain.Account) object {
	energy := object{}.num("energy_usage", a.Energy.Used).num("latest_consume_time_for_energy", a.Energy.Slot).
		num("delegated_frozenV2_balance_for_energy", a.Delegated.Energy).num("acquired_delegated_frozenV2_balance_for_energy", a.Acquired.Energy)
	energy["energy_window_size"], energy["energy_window_optimized"] = windowSize(a.Energy), true
	o := object{
		"address": s.address(address[:]), "net_window_size": windowSize(a.Net), "net_window_optimized": true,
		"account_resource": energy, "owner_permission": s.permission(a.Owner, ""), "asset_optimized": true,
		"frozenV2": []any{object{}.num("amount", a.Staked.Net), object{"type": "ENERGY"}.num("amount", a.Staked.Energy), object{"type": "TRON_POWER"}},
	}.num("balance", a.Balance).num("create_time", a.Created).num("latest_opration_time", a.LastOperation).
		num("net_usage", a.Net.Used).num("latest_consume_time", a.Net.Slot).
		num("free_net_usage", a.FreeNet.Used).num("latest_consume_free_time", a.FreeNet.Slot).
		num("delegated_frozenV2_balance_for_bandwidth", a.Delegated.Net).num("acquired_delegated_frozenV2_balance_for_bandwidth", a.Acquired.Net)
	if a.Contract {
		o["type"] = "Contract"
	}
	var active []any
	for _, p := range a.Active {
		active = append(active, s.permission(p, "Active"))
	}
	return o.list("active_permission", active)
}

// windowSize is in slots and thousandths of them, as optimized windows are.
func windowSize(u chain.Usage) int64 {
	if u.Window != 0 {
		return u.Window
	}
	return 28_800_000
}

func (s style) permission(p chain.Permission, kind string) object {
	var keys []any
	for _, k := range p.Keys {
		keys = append(keys, object{"address": s.address(k.Address[:])}.num("weight", k.Weight))
	}
	o := object{}.text("type", kind).num("id", int64(p.ID)).text("permission_name", p.Name).num("threshold", p.Threshold).list("keys", keys)
	if kind != "" {
		o.hex("operations", p.Operations[:])
	}
	return o
}

func resources(r chain.Resources) object {
	return object{}.num("freeNetUsed", r.FreeNetUsed).num("freeNetLimit", r.FreeNetLimit).
		num("NetUsed", r.NetUsed).num("NetLimit", r.NetLimit).
		num("TotalNetLimit", r.TotalNetLimit).num("TotalNetWeight", r.TotalNetWeight).
		num("EnergyUsed", r.EnergyUsed).num("EnergyLimit", r.EnergyLimit).
		num("TotalEnergyLimit", r.TotalEnergyLimit).num("TotalEnergyWeight", r.TotalEnergyWeight)
}

func (s style) deployed(c chain.Contract, code []byte) object {
	hash := wire.Keccak(code)
	o := object{}.text("origin_address", s.address(c.Origin[:])).text("contract_address", s.address(c.Address[:])).
		hex("bytecode", c.Bytecode).num("consume_user_resource_percent", c.UserPercent).text("name", c.Name).
		num("origin_energy_limit", c.OriginEnergyLimit).hex("code_hash", hash[:]).num("version", c.Version)
	o["abi"] = abiEntries(c.ABI)
	return o
}

// abiEntries shows an ABI in the words of protocol.SmartContract.ABI.
func abiEntries(abi []byte) object {
	var parsed []struct {
		Type, Name, StateMutability string
		Inputs, Outputs             []struct {
			Name, Type string
			Indexed    bool
		}
	}
	if json.Unmarshal(abi, &parsed) != nil {
		return object{}
	}
	words := map[string]string{
		"function": "Function", "constructor": "Constructor", "event": "Event", "error": "Error", "fallback": "Fallback",
		"view": "View", "pure": "Pure", "nonpayable": "Nonpayable", "payable": "Payable",
	}
	var entries []any
	for _, e := range parsed {
		var inputs, outputs []any
		for _, i := range e.Inputs {
			inputs = append(inputs, object{"type": i.Type}.text("name", i.Name).flag("indexed", i.Indexed))
		}
		for _, out := range e.Outputs {
			outputs = append(outputs, object{"type": out.Type}.text("name", out.Name))
		}
		entries = append(entries, object{"type": words[e.Type]}.text("name", e.Name).text("stateMutability", words[e.StateMutability]).
			flag("constant", e.StateMutability == "view" || e.StateMutability == "pure").list("inputs", inputs).list("outputs", outputs))
	}
	return object{}.list("entrys", entries)
}

// simulated shows a constant call (protocol.TransactionExtention). A revert is a success of
// the call: only ret and the message tell.
func (s style) simulated(tx *wire.Transaction, r *tvm.Result, logs []chain.Log) object {
	shown := s.transaction(tx)
	shown["visible"] = s.visible
	result, ret := object{"result": true}, object{}
	if r.Code != wire.ResultSuccess {
		result.text("message", s.message(r.Message))
		ret["ret"] = "FAILED"
	}
	shown["ret"] = []any{ret}
	o := object{"result": result, "transaction": shown, "constant_result": []any{hex.EncodeToString(r.Output)}}
	return o.num("energy_used", r.Used).num("energy_penalty", r.Penalty).list("logs", s.logs(logs))
}
