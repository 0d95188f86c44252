package tronnode_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"sluice/internal/test/tronnode"
	"sluice/internal/test/tronnode/wire"
)

// keys are the names in an object, for comparing shapes.
func keys(v any) string {
	object, _ := v.(map[string]any)
	names := make(map[string]bool, len(object))
	for name := range object {
		names[name] = true
	}
	out, _ := json.Marshal(names) // sorted
	return strings.NewReplacer(`":true`, "", `"`, "", "{", "", "}", "").Replace(string(out))
}

// TestReceipts are the shapes of three receipts of the main network: I1 ran out of energy,
// I2 paid USDT, I3 paid TRX.
func TestReceipts(t *testing.T) {
	n := start(t, tronnode.Options{})
	usdt := n.dollar()
	n.must(n.Chain.SetFactor(usdt.Address, 34_000))
	info := func(raw wire.Raw) any {
		t.Helper()
		id, err := n.Send(raw, n.key)
		n.must(err)
		n.Chain.Produce(1)
		return n.ask("wallet/gettransactioninfobyid", `{"value":"`+id.String()+`"}`)
	}
	t.Run("I3", func(t *testing.T) {
		got := info(n.Transfer(n.payer, n.payee, 5))
		if k := keys(got); k != "blockNumber,blockTimeStamp,contractResult,id,receipt" {
			t.Errorf("fields %s", k)
		}
		if !same(at(got, "receipt"), map[string]any{"net_usage": 265}) || !same(at(got, "contractResult"), []string{""}) {
			t.Errorf("%v", got)
		}
	})
	t.Run("I2", func(t *testing.T) {
		n.must(n.Fund(n.payer, 1_000_000*trx))
		n.must(n.Chain.Stake(n.payer, 0, 900_000*trx))
		n.must(n.Chain.SetParameter("getFreeNetLimit", 0))
		got := info(usdt.Transfer(n.payer, n.payee, big.NewInt(3_500), 100*trx))
		if k := keys(got); k != "blockNumber,blockTimeStamp,contractResult,contract_address,fee,id,log,receipt" {
			t.Errorf("fields %s", k)
		}
		if k := keys(at(got, "receipt")); k != "energy_penalty_total,energy_usage,energy_usage_total,net_fee,result" {
			t.Errorf("fields of the receipt %s", k)
		}
		if number(got, "fee") != 345_000 || number(got, "receipt.net_fee") != 345_000 || at(got, "receipt.result") != "SUCCESS" {
			t.Errorf("%v", got)
		}
		if at(got, "contractResult.0") != strings.Repeat("0", 64) || at(got, "contract_address") != usdt.Address.Hex() {
			t.Errorf("%v", got)
		}
		log := at(got, "log.0")
		evm := usdt.Address.EVM()
		if at(log, "address") != hex.EncodeToString(evm[:]) || at(log, "data") != fmt.Sprintf("%064x", 3500) {
			t.Errorf("log %v", log)
		}
		from, to := n.payer.Hex()[2:], n.payee.Hex()[2:]
		if at(log, "topics.0") != "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef" ||
			at(log, "topics.1") != strings.Repeat("0", 24)+from || at(log, "topics.2") != strings.Repeat("0", 24)+to {
			t.Errorf("log %v", log)
		}
	})
	t.Run("I1", func(t *testing.T) {
		n.must(n.Chain.Stake(n.payer, 0, -900_000*trx))
		n.must(n.Chain.SetParameter("getEnergyFee", 210))
		raw := usdt.Transfer(n.payer, wire.KeyFromSeed("empty").Address(), big.NewInt(1), 16_500_120)
		got := info(raw)
		if k := keys(got); k != "blockNumber,blockTimeStamp,contractResult,contract_address,fee,id,receipt,resMessage,result" {
			t.Errorf("fields %s", k)
		}
		if at(got, "result") != "FAILED" || at(got, "receipt.result") != "OUT_OF_ENERGY" || number(got, "receipt.energy_fee") != 16_500_120 || number(got, "receipt.energy_usage_total") != 78_572 {
			t.Errorf("%v", got)
		}
		message, _ := hex.DecodeString(text(got, "resMessage"))
		for _, want := range []string{"'SSTORE'", "curInvokeEnergyLimit[78572]", "curOpEnergy[20000]", "penaltyEnergy[68000]"} {
			if !strings.Contains(string(message), want) {
				t.Errorf("message %q has no %s", message, want)
			}
		}
		if !same(at(got, "contractResult"), []string{""}) {
			t.Errorf("%v", got)
		}
	})
}

// shape is what stands somewhere in an answer.
type shape struct {
	path, body string
	at         string
	keys       string // of the object there
	want       any    // or its value
}

// shapes of a chain with a call in block 2 and a transfer in the pool.
func (n *net) shapes(usdt *tronnode.Token, id, pooled wire.TxID) []shape {
	nobody := wire.KeyFromSeed("nobody").Address()
	return []shape{
		{path: "wallet/getnowblock", keys: "blockID,block_header,transactions"},
		{path: "wallet/getnowblock", at: "block_header", keys: "raw_data,witness_signature"},
		{path: "wallet/getnowblock", at: "block_header.raw_data", keys: "number,parentHash,timestamp,txTrieRoot,version,witness_address"},
		{path: "wallet/getblock", keys: "blockID,block_header"},
		{path: "wallet/getblock", body: `{"detail":true}`, keys: "blockID,block_header,transactions"},
		{path: "wallet/getblock", body: `{"id_or_num":"1"}`, at: "block_header.raw_data.number", want: 1},
		{path: "wallet/getblockbynum", body: `{"num":0}`, at: "block_header", keys: "raw_data"},
		{path: "wallet/getblockbynum", body: `{"num":0}`, at: "block_header.raw_data", keys: "parentHash,timestamp,txTrieRoot"},
		{path: "wallet/getblockbynum", body: `{"num":99}`, want: map[string]any{}},
		{path: "wallet/getblockbynum", body: `{"num":-1}`, want: map[string]any{}},
		{path: "wallet/getblockbyid", body: `{"value":"` + strings.Repeat("0", 64) + `"}`, want: map[string]any{}},
		{path: "wallet/getblockbylimitnext", body: `{"startNum":0,"endNum":2}`, at: "block.1.block_header.raw_data.number", want: 1},
		{path: "wallet/getblockbylimitnext", body: `{"startNum":5,"endNum":2}`, want: map[string]any{}},
		{path: "wallet/getblockbylimitnext", body: `{"startNum":0,"endNum":101}`, want: map[string]any{}},
		{path: "wallet/getblockbylatestnum", body: `{"num":1}`, at: "block.0.block_header.raw_data.number", want: 2},
		{path: "walletsolidity/getnowblock", at: "block_header.raw_data.timestamp", want: 1793491200000},
		{path: "wallet/gettransactionbyid", body: `{"value":"` + id.String() + `"}`, keys: "raw_data,raw_data_hex,ret,signature,txID"},
		{path: "wallet/gettransactionbyid", body: `{"value":"` + id.String() + `"}`, at: "ret", want: []any{map[string]any{"contractRet": "SUCCESS"}}},
		{path: "wallet/gettransactionbyid", body: `{"value":"` + id.String() + `"}`, at: "raw_data", keys: "contract,data,expiration,fee_limit,ref_block_bytes,ref_block_hash,timestamp"},
		{path: "wallet/gettransactionbyid", body: `{"value":"` + id.String() + `"}`, at: "raw_data.contract.0", keys: "parameter,type"},
		{path: "wallet/gettransactionbyid", body: `{"value":"` + id.String() + `"}`, at: "raw_data.data", want: "6d656d6f"},
		{path: "wallet/gettransactionbyid", body: `{"value":"` + id.String() + `"}`, at: "raw_data.contract.0.parameter.value", keys: "contract_address,data,owner_address"},
		{path: "wallet/gettransactionbyid", body: `{"value":"` + pooled.String() + `"}`, at: "raw_data.contract.0.Permission_id", want: 2},
		{path: "wallet/gettransactionbyid", body: `{"value":"` + pooled.String() + `"}`, at: "ret", want: []any{map[string]any{"contractRet": "SUCCESS"}}},
		{path: "wallet/gettransactionbyid", body: `{"value":"00"}`, want: map[string]any{}},
		{path: "walletsolidity/gettransactionbyid", body: `{"value":"` + id.String() + `"}`, want: map[string]any{}},
		{path: "wallet/gettransactioninfobyid", body: `{"value":"` + pooled.String() + `"}`, want: map[string]any{}},
		{path: "walletsolidity/gettransactioninfobyid", body: `{"value":"` + id.String() + `"}`, want: map[string]any{}},
		{path: "wallet/gettransactioninfobyblocknum", body: `{"num":2}`, at: "0.id", want: id.String()},
		{path: "wallet/gettransactioninfobyblocknum", body: `{"num":1}`, want: []any{}},
		{path: "wallet/gettransactioninfobyblocknum", body: `{"num":99}`, want: []any{}},
		{path: "wallet/gettransactioninfobyblocknum", body: `{"num":0}`, want: map[string]any{}},
		{path: "wallet/gettransactioncountbyblocknum", body: `{"num":2}`, at: "count", want: 1},
		{path: "wallet/gettransactioncountbyblocknum", body: `{"num":99}`, at: "count", want: -1},
		{path: "wallet/gettransactionlistfrompending", at: "txId", want: []any{pooled.String()}},
		{path: "wallet/gettransactionfrompending", body: `{"value":"` + pooled.String() + `"}`, at: "txID", want: pooled.String()},
		{path: "wallet/getpendingsize", at: "pendingSize", want: 1},
		{path: "wallet/getaccount", body: `{"address":"` + nobody.Hex() + `"}`, want: map[string]any{}},
		{path: "wallet/getaccount", body: `{"address":"` + nobody.String() + `","visible":true}`, want: map[string]any{}},
		{path: "wallet/getaccount", body: `{"address":"` + n.payee.Hex() + `"}`, keys: "account_resource,active_permission,address,asset_optimized,balance,create_time,frozenV2,net_window_optimized,net_window_size,owner_permission"},
		{path: "wallet/getaccount", body: `{"address":"` + n.payee.Hex() + `"}`, at: "owner_permission", want: map[string]any{"permission_name": "owner", "threshold": 1, "keys": []any{map[string]any{"address": n.payee.Hex(), "weight": 1}}}},
		{path: "wallet/getaccount", body: `{"address":"` + n.payee.String() + `","visible":true}`, at: "owner_permission.keys.0.address", want: n.payee.String()},
		{path: "wallet/getaccount", body: `{"address":"` + n.payee.Hex() + `"}`, at: "active_permission.0", keys: "id,keys,operations,permission_name,threshold,type"},
		{path: "wallet/getaccount", body: `{"address":"` + usdt.Address.Hex() + `"}`, at: "type", want: "Contract"},
		{path: "wallet/getaccount", body: `{"address":"` + usdt.Address.Hex() + `"}`, at: "balance", want: nil},
		{path: "wallet/getaccountresource", body: `{"address":"` + nobody.Hex() + `"}`, want: map[string]any{}},
		{path: "wallet/getaccountresource", body: `{"address":"` + n.payee.Hex() + `"}`, keys: "TotalEnergyLimit,TotalEnergyWeight,TotalNetLimit,TotalNetWeight,freeNetLimit"},
		{path: "wallet/getaccountresource", body: `{"address":"` + n.payer.Hex() + `"}`, keys: "TotalEnergyLimit,TotalEnergyWeight,TotalNetLimit,TotalNetWeight,freeNetLimit,freeNetUsed"},
		{path: "wallet/getcontract", body: `{"value":"` + nobody.Hex() + `"}`, want: map[string]any{}},
		{path: "wallet/getcontract", body: `{"value":"` + usdt.Address.Hex() + `"}`, keys: "abi,bytecode,code_hash,consume_user_resource_percent,contract_address,name,origin_address,origin_energy_limit,version"},
		{path: "wallet/getcontractinfo", body: `{"value":"` + usdt.Address.Hex() + `"}`, keys: "contract_state,runtimecode,smart_contract"},
		{path: "wallet/getcontractinfo", body: `{"value":"` + usdt.Address.Hex() + `"}`, at: "contract_state", keys: "energy_usage,update_cycle"},
		{path: "wallet/getchainparameters", at: "chainParameter.0", want: map[string]any{"key": "getMaintenanceTimeInterval", "value": 21600000}},
		{path: "wallet/getnodeinfo", at: "block", want: nowPlace(n)},
		{path: "wallet/getenergyprices", at: "prices", want: "0:100"},
	}
}

// TestShapes: which fields answers have, and which they leave out.
func TestShapes(t *testing.T) {
	n := start(t, tronnode.Options{})
	usdt := n.dollar()
	raw := usdt.Transfer(n.payer, n.payee, big.NewInt(5), 100*trx)
	raw.Data = []byte("memo")
	id, err := n.Send(raw, n.key)
	n.must(err)
	n.Chain.Produce(1)
	waiting := n.Transfer(n.payer, n.payee, 7)
	waiting.Contracts[0].PermissionID = 2
	pooled, err := n.Send(waiting, n.key)
	n.must(err)
	for _, c := range n.shapes(usdt, id, pooled) {
		t.Run(c.path+" "+c.at, func(t *testing.T) {
			answer := n.ask(c.path, c.body)
			got := answer
			if c.at != "" {
				got = at(answer, c.at)
			}
			if c.keys != "" {
				if keys(got) != c.keys {
					t.Errorf("%s: fields %s, want %s", c.body, keys(got), c.keys)
				}
				return
			}
			if !same(got, c.want) {
				t.Errorf("%s: %v, want %v", c.body, got, c.want)
			}
		})
	}
}

func nowPlace(n *net) string {
	block := n.ask("wallet/getnowblock", "")
	return fmt.Sprintf("Num:%d,ID:%s", number(block, "block_header.raw_data.number"), at(block, "blockID"))
}

// TestVisible: one form per request, and the other is an error or unknown.
func TestVisible(t *testing.T) {
	n := start(t, tronnode.Options{})
	usdt := n.dollar()
	id, err := n.Send(usdt.Transfer(n.payer, n.payee, big.NewInt(5), 100*trx), n.key)
	n.must(err)
	n.Chain.Produce(1)
	cases := []struct {
		path, body, at string
		want           any
	}{
		{"wallet/getaccount", `{"address":"` + n.payer.String() + `"}`, "Error", "class org.tron.core.services.http.JsonFormat$ParseException : 1:1: INVALID hex String"},
		{"wallet/getaccount", `{"address":"` + n.payer.Hex() + `","visible":true}`, "Error", "class org.tron.core.services.http.JsonFormat$ParseException : 1:1: INVALID base58 String"},
		{"wallet/getaccount", `{"address":"` + n.payer.Hex() + `"}`, "address", n.payer.Hex()},
		{"wallet/getaccount", `{"address":"` + n.payer.String() + `","visible":true}`, "address", n.payer.String()},
		{"wallet/gettransactionbyid", `{"value":"` + id.String() + `","visible":true}`, "raw_data.contract.0.parameter.value.contract_address", usdt.Address.String()},
		{"wallet/gettransactioninfobyid", `{"value":"` + id.String() + `","visible":true}`, "log.0.address", usdt.Address.String()},
		{"wallet/gettransactioninfobyid", `{"value":"` + id.String() + `","visible":true}`, "contract_address", usdt.Address.String()},
	}
	for _, c := range cases {
		if got := at(n.ask(c.path, c.body), c.at); !same(got, c.want) {
			t.Errorf("%s %s: %v, want %v", c.path, c.body, got, c.want)
		}
	}
}

// TestBroadcast: the two calls, and their messages in plain and in hex.
func TestBroadcast(t *testing.T) {
	n := start(t, tronnode.Options{})
	tx := n.signed(n.Transfer(n.payer, n.payee, 5))
	good := n.sendHex(tx)
	if keys(good) != "code,message,result,transaction,txid" || at(good, "result") != true || at(good, "code") != "SUCCESS" || at(good, "message") != "" || at(good, "txid") != tx.ID().String() {
		t.Errorf("%v", good)
	}
	again := n.sendHex(tx)
	if at(again, "result") != false || at(again, "code") != "DUP_TRANSACTION_ERROR" || at(again, "message") != "Dup transaction." {
		t.Errorf("%v", again)
	}
	shown, err := json.Marshal(n.ask("wallet/gettransactionbyid", `{"value":"`+tx.ID().String()+`"}`))
	n.must(err)
	asJSON := n.ask("wallet/broadcasttransaction", string(shown))
	if keys(asJSON) != "code,message,txid" || at(asJSON, "message") != hex.EncodeToString([]byte("Dup transaction.")) || at(asJSON, "txid") != tx.ID().String() {
		t.Errorf("%v", asJSON)
	}
	// raw_data_hex and txID are ignored: what counts is raw_data.
	changed := strings.Replace(string(shown), hex.EncodeToString(tx.Raw.Encode()), "00", 1)
	changed = strings.Replace(changed, tx.ID().String(), "00", 1)
	if got := n.ask("wallet/broadcasttransaction", changed); at(got, "txid") != tx.ID().String() || changed == string(shown) {
		t.Errorf("%v", got)
	}
	n.Chain.Produce(1)
	if n.Balance(n.payee) != 6 {
		t.Errorf("the payee has %d", n.Balance(n.payee))
	}
	for body, want := range map[string]string{
		`{"transaction":"zz"}`:     "INVALID hex String",
		`{"transaction":"0a05ff"}`: "malformed",
		`{`:                        "JSONException",
	} {
		if got, _ := at(n.ask("wallet/broadcasthex", body), "Error").(string); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

// TestConstant: a revert is a success of the call; only ret and the message tell.
func TestConstant(t *testing.T) {
	n := start(t, tronnode.Options{EstimateEnergy: true})
	usdt := n.dollar()
	call := func(path string, from wire.Address, contract wire.Address) any {
		return n.ask(path, fmt.Sprintf(`{"owner_address":%q,"contract_address":%q,"function_selector":"transfer(address,uint256)","parameter":"%x"}`,
			from.Hex(), contract.Hex(), tronnode.TransferData(n.payee, big.NewInt(5))[4:]))
	}
	const path = "wallet/triggerconstantcontract"
	good := call(path, n.payer, usdt.Address)
	if at(good, "result.result") != true || at(good, "result.message") != nil || !same(at(good, "transaction.ret"), []any{map[string]any{}}) ||
		number(good, "energy_used") != 28_921 || at(good, "constant_result.0") != strings.Repeat("0", 64) || at(good, "logs.0.data") == nil {
		t.Errorf("%v", good)
	}
	bad := call(path, n.payee, usdt.Address)
	if at(bad, "result.result") != true || at(bad, "result.message") != hex.EncodeToString([]byte("REVERT opcode executed")) ||
		!same(at(bad, "transaction.ret"), []any{map[string]any{"ret": "FAILED"}}) {
		t.Errorf("%v", bad)
	}
	none := call(path, n.payer, n.payee)
	if at(none, "result.result") != nil || at(none, "result.code") != "CONTRACT_VALIDATE_ERROR" {
		t.Errorf("%v", none)
	}
	if estimate := call("wallet/estimateenergy", n.payer, usdt.Address); number(estimate, "energy_required") != 28_921 {
		t.Errorf("%v", estimate)
	}
	if missing := n.ask(path, `{"contract_address":"41"}`); at(missing, "result.code") != "OTHER_ERROR" {
		t.Errorf("%v", missing)
	}
	off := start(t, tronnode.Options{NoConstant: true})
	off.dollar()
	if got := off.ask("wallet/estimateenergy", `{"owner_address":"41","contract_address":"41","data":"00"}`); at(got, "result.code") != "OTHER_ERROR" {
		t.Errorf("%v", got)
	}
}

// TestBuilt: transactions that the node builds live a minute and refer to the head.
func TestBuilt(t *testing.T) {
	n := start(t, tronnode.Options{})
	built := n.ask("wallet/createtransaction", fmt.Sprintf(`{"owner_address":%q,"to_address":%q,"amount":7,"visible":true,"extra_data":"hello"}`, n.payer, n.payee))
	raw, err := hex.DecodeString(text(built, "raw_data_hex"))
	n.must(err)
	decoded, err := wire.DecodeRaw(raw)
	n.must(err)
	if head := number(n.ask("wallet/getnowblock", ""), "block_header.raw_data.timestamp"); decoded.Expiration != head+60_000 || string(decoded.Data) != "hello" {
		t.Errorf("expiration %d, head %d, memo %q", decoded.Expiration, head, decoded.Data)
	}
	if got := n.sendHex(n.signed(decoded)); at(got, "result") != true {
		t.Errorf("%v", got)
	}
	refused := n.ask("wallet/createtransaction", fmt.Sprintf(`{"owner_address":%q,"to_address":%q,"amount":7}`, n.payer.Hex(), n.payer.Hex()))
	if at(refused, "Error") != "class org.tron.core.exception.ContractValidateException : Cannot transfer TRX to yourself." {
		t.Errorf("%v", refused)
	}
}
