package tronnode

import (
	"strings"

	"sluice/internal/test/tronnode/chain"
	"sluice/internal/test/tronnode/wire"
)

// refused is an answer of calls that build or simulate: their errors are in result, with
// status 200 and without Error (java-tron: TriggerConstantContractServlet).
func (q query) refused(code chain.Code, message string) object {
	return object{"result": object{"code": string(code)}.text("message", q.message(message))}
}

func (q query) broken(class, text string) object {
	return q.refused(chain.OtherError, "class "+class+" : "+text)
}

// contractCall is what the trigger calls read: function_selector and parameter, or data.
func (q query) contractCall() (wire.Trigger, object) {
	for _, key := range []string{"owner_address", "contract_address"} {
		if q.string(key) == "" {
			return wire.Trigger{}, q.broken("java.security.InvalidParameterException", key+" isn't set.")
		}
	}
	if q.string("function_selector") == "" && q.string("data") == "" {
		return wire.Trigger{}, q.broken("java.security.InvalidParameterException", "At least one of function_selector and data must be set.")
	}
	f := &fieldReader{request: q.request}
	t := wire.Trigger{Owner: f.address("owner_address"), Contract: f.address("contract_address"), CallValue: f.number("call_value")}
	if selector := q.string("function_selector"); selector != "" {
		hash := wire.Keccak([]byte(selector))
		t.Data = append(hash[:4], f.hex("parameter")...)
	} else {
		t.Data = f.hex("data")
	}
	if f.err != nil {
		return t, q.refused(chain.OtherError, f.err.Error())
	}
	return t, nil
}

func triggerConstantContract(q query) (any, error) {
	t, refusal := q.contractCall()
	if refusal != nil {
		return refusal, nil
	}
	if q.node.options.NoConstant {
		return q.refused(chain.ContractValidateError, "this node does not support constant"), nil
	}
	owner, _ := wire.AddressOf(t.Owner)
	contract, _ := wire.AddressOf(t.Contract)
	result, logs := q.Constant(owner, contract, t.CallValue, t.Data)
	if result == nil {
		return q.refused(chain.ContractValidateError, "Smart contract is not exist."), nil
	}
	tx := wire.NewTransaction(draft(q.Reader, wire.TypeTrigger, t.Encode()))
	return q.simulated(tx, result, logs), nil
}

// estimateEnergy searches the least limit with which the call succeeds, as java-tron does.
func estimateEnergy(q query) (any, error) {
	t, refusal := q.contractCall()
	if refusal != nil {
		return refusal, nil
	}
	if !q.node.options.EstimateEnergy || q.node.options.NoConstant {
		return q.broken("org.tron.core.exception.ContractExeException", "this node does not support estimate energy"), nil
	}
	owner, _ := wire.AddressOf(t.Owner)
	contract, _ := wire.AddressOf(t.Contract)
	most, _ := q.Constant(owner, contract, t.CallValue, t.Data)
	switch {
	case most == nil:
		return q.refused(chain.ContractValidateError, "Smart contract is not exist."), nil
	case most.Code != wire.ResultSuccess:
		return q.broken("org.tron.core.exception.ContractExeException", most.Message), nil
	}
	low, high := most.Used-1, 2*most.Used // low fails: a call never needs less than it uses
	for low+1 < high {
		middle := (low + high) / 2
		if r, _ := q.Simulate(owner, contract, t.CallValue, t.Data, middle); r.Code == wire.ResultSuccess {
			high = middle
		} else {
			low = middle
		}
	}
	return object{"result": object{"result": true}}.num("energy_required", high), nil
}

// triggerSmartContract builds a call; the client signs it.
func triggerSmartContract(q query) (any, error) {
	t, refusal := q.contractCall()
	if refusal != nil {
		return refusal, nil
	}
	contract, _ := wire.AddressOf(t.Contract)
	if _, _, exists := q.Contract(contract); !exists {
		return q.refused(chain.ContractValidateError, "No contract or not a valid smart contract"), nil
	}
	raw := draft(q.Reader, wire.TypeTrigger, t.Encode())
	f := &fieldReader{request: q.request}
	raw.FeeLimit, raw.Contracts[0].PermissionID = f.number("fee_limit"), int32(f.number("Permission_id"))
	if f.err != nil {
		return q.refused(chain.OtherError, f.err.Error()), nil
	}
	shown := q.transaction(wire.NewTransaction(raw))
	shown["visible"] = q.visible
	return object{"result": object{"result": true}, "transaction": shown}, nil
}

// createTransaction builds a transfer; the client signs it. With visible, extra_data is a
// text.
func createTransaction(q query) (any, error) {
	f := &fieldReader{request: q.request}
	t := wire.Transfer{Owner: f.address("owner_address"), To: f.address("to_address"), Amount: f.number("amount")}
	raw := draft(q.Reader, wire.TypeTransfer, t.Encode())
	raw.Contracts[0].PermissionID = int32(f.number("Permission_id"))
	if q.visible {
		raw.Data = []byte(q.string("extra_data"))
	} else {
		raw.Data = f.hex("extra_data")
	}
	if f.err != nil {
		return nil, f.err
	}
	if refusal := q.Check(t); refusal != nil {
		return nil, failure{"org.tron.core.exception.ContractValidateException", strings.TrimPrefix(refusal.Message, "Contract validate error : ")}
	}
	shown := q.transaction(wire.NewTransaction(raw))
	shown["visible"] = q.visible
	return shown, nil
}

// getSignWeight says who has signed, with which weight.
func getSignWeight(q query) (any, error) {
	tx, err := q.pack(encode(q.fields))
	if err != nil {
		return nil, err
	}
	if len(tx.Raw.Contracts) == 0 {
		return object{"result": object{"code": "OTHER_ERROR", "message": "Invalid transaction: no valid contract"}}, nil
	}
	shown := object{"transaction": q.transaction(tx), "txid": tx.ID().String(), "result": object{"result": true}}
	answer := object{"transaction": shown}
	permission, found := q.PermissionOf(tx.Raw.Contracts[0])
	if !found {
		answer["result"] = object{"code": "PERMISSION_ERROR", "message": "Permission for this, does not exist!"}
		return answer, nil
	}
	kind := ""
	if permission.ID != 0 {
		kind = "Active"
	}
	answer["permission"] = q.permission(permission, kind)
	var signed []any
	for _, sig := range tx.Signatures {
		if who, err := wire.Recover(tx.ID(), sig); err == nil {
			signed = append(signed, q.style.address(who[:]))
		}
	}
	answer.list("approved_list", signed)
	weight, refusal := q.SignedWeight(permission, tx)
	switch {
	case refusal != nil:
		answer["result"] = object{"code": "PERMISSION_ERROR", "message": refusal.Message}
	case weight < permission.Threshold:
		answer["result"] = object{"code": "NOT_ENOUGH_PERMISSION"}
	default:
		answer["result"] = object{} // ENOUGH_PERMISSION is 0
	}
	return answer.num("current_weight", weight), nil
}
