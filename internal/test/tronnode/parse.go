package tronnode

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"sluice/internal/test/tronnode/wire"
)

// bodyMax is the largest request that a node reads (java-tron: Util.checkBodySize).
const bodyMax = 4 << 20

// failure is an exception: a node answers with status 200 and {"Error": "class : text"}.
type failure struct{ class, text string }

func (f failure) Error() string { return "class " + f.class + " : " + f.text }

func parseFailure(format string, args ...any) failure {
	return failure{"org.tron.core.services.http.JsonFormat$ParseException", fmt.Sprintf(format, args...)}
}

// request is what a handler reads: the JSON body, or the query of a GET.
type request struct {
	style
	fields map[string]json.RawMessage
}

func readRequest(r *http.Request) (request, error) {
	req := request{fields: map[string]json.RawMessage{}}
	body, err := io.ReadAll(io.LimitReader(r.Body, bodyMax+1))
	if err != nil {
		return req, err
	}
	if len(body) > bodyMax {
		return req, failure{"java.lang.Exception", fmt.Sprintf("body size is too big, the limit is %d", bodyMax)}
	}
	if len(bytes.TrimSpace(body)) > 0 {
		if err := json.Unmarshal(body, &req.fields); err != nil {
			return req, failure{"com.alibaba.fastjson.JSONException", err.Error()}
		}
	}
	for key, values := range r.URL.Query() {
		if _, set := req.fields[key]; set {
			continue
		}
		quoted, err := json.Marshal(values[0])
		if err != nil {
			return req, err
		}
		req.fields[key] = quoted
	}
	req.visible, err = req.boolean("visible")
	return req, err
}

// string returns a field, without quotes if it has any.
func (r request) string(key string) string {
	var s string
	if json.Unmarshal(r.fields[key], &s) == nil {
		return s
	}
	return string(r.fields[key])
}

func (r request) boolean(key string) (bool, error) {
	switch s := r.string(key); s {
	case "", "false", "null":
		return false, nil
	case "true":
		return true, nil
	default:
		return false, parseFailure("1:1: Expected \"true\" or \"false\". %s", s)
	}
}

// number returns a whole number; a missing one is 0.
func (r request) number(key string) (int64, error) {
	s := r.string(key)
	if s == "" {
		return 0, nil
	}
	var n int64
	if err := json.Unmarshal([]byte(s), &n); err != nil {
		return 0, parseFailure("1:1: Couldn't parse integer: For input string: %q", s)
	}
	return n, nil
}

func (r request) hex(key string) ([]byte, error) { return unhex(r.string(key)) }

// unhex reads hex as java-tron does: with or without 0x, and an odd digit has a 0 before it.
func unhex(s string) ([]byte, error) {
	s = strings.TrimPrefix(s, "0x")
	if len(s)%2 == 1 {
		s = "0" + s
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return nil, parseFailure("1:1: INVALID hex String")
	}
	return b, nil
}

// address reads an address in the one form that visible asks for.
func (r request) address(key string) ([]byte, error) { return r.readAddress(r.string(key)) }

func (s style) readAddress(text string) ([]byte, error) {
	if !s.visible {
		return unhex(text)
	}
	if text == "" {
		return nil, nil
	}
	b, err := wire.DecodeBase58Check(text)
	if err != nil {
		return nil, parseFailure("1:1: INVALID base58 String")
	}
	return b, nil
}

func (r request) txID(key string) (wire.TxID, bool, error) {
	b, err := r.hex(key)
	if err != nil || len(b) != 32 {
		return wire.TxID{}, false, err
	}
	return wire.TxID(b), true, nil
}

// jsonTransaction is a transaction as clients send it. raw_data_hex and txID are not read.
type jsonTransaction struct {
	RawData   jsonRaw  `json:"raw_data"`
	Signature []string `json:"signature"`
}

type jsonRaw struct {
	RefBlockBytes string `json:"ref_block_bytes"`
	RefBlockNum   int64  `json:"ref_block_num"`
	RefBlockHash  string `json:"ref_block_hash"`
	Expiration    int64  `json:"expiration"`
	Data          string `json:"data"`
	Scripts       string `json:"scripts"`
	Timestamp     int64  `json:"timestamp"`
	FeeLimit      int64  `json:"fee_limit"`
	Contract      []struct {
		Type         string `json:"type"`
		PermissionID int32  `json:"Permission_id"`
		Parameter    struct {
			Value   map[string]json.RawMessage `json:"value"`
			TypeURL string                     `json:"type_url"`
		} `json:"parameter"`
	} `json:"contract"`
}

// pack encodes a JSON transaction again (java-tron: Util.packTransaction).
func (s style) pack(body []byte) (*wire.Transaction, error) {
	var j jsonTransaction
	if err := json.Unmarshal(body, &j); err != nil {
		return nil, failure{"com.alibaba.fastjson.JSONException", err.Error()}
	}
	raw := wire.Raw{
		RefBlockNum: j.RawData.RefBlockNum, Expiration: j.RawData.Expiration,
		Timestamp: j.RawData.Timestamp, FeeLimit: j.RawData.FeeLimit,
	}
	for _, f := range []struct {
		into *[]byte
		from string
	}{
		{&raw.RefBlockBytes, j.RawData.RefBlockBytes},
		{&raw.RefBlockHash, j.RawData.RefBlockHash},
		{&raw.Data, j.RawData.Data},
		{&raw.Scripts, j.RawData.Scripts},
	} {
		b, err := unhex(f.from)
		if err != nil {
			return nil, err
		}
		*f.into = b
	}
	for _, c := range j.RawData.Contract {
		t, known := wire.ContractTypeOf(c.Type)
		if !known {
			return nil, failure{"java.lang.IllegalArgumentException", "contract type " + c.Type + " is not known to this stand-in node"}
		}
		value, err := request{s, c.Parameter.Value}.contractValue(t)
		if err != nil {
			return nil, err
		}
		raw.Contracts = append(raw.Contracts, wire.NewContract(t, value, c.PermissionID))
	}
	tx := wire.NewTransaction(raw)
	for _, sig := range j.Signature {
		b, err := unhex(sig)
		if err != nil {
			return nil, err
		}
		tx.Signatures = append(tx.Signatures, b)
	}
	return tx, nil
}

// fieldReader reads several fields and keeps the first error.
type fieldReader struct {
	request
	err error
}

func (f *fieldReader) address(key string) []byte {
	b, err := f.request.address(key)
	f.keep(err)
	return b
}

func (f *fieldReader) hex(key string) []byte {
	b, err := f.request.hex(key)
	f.keep(err)
	return b
}

func (f *fieldReader) number(key string) int64 {
	n, err := f.request.number(key)
	f.keep(err)
	return n
}

func (f *fieldReader) keep(err error) {
	if f.err == nil {
		f.err = err
	}
}

// contractValue encodes the fields of a contract.
func (r request) contractValue(t wire.ContractType) ([]byte, error) {
	f := &fieldReader{request: r}
	var value []byte
	switch t {
	case wire.TypeTransfer:
		value = wire.Transfer{Owner: f.address("owner_address"), To: f.address("to_address"), Amount: f.number("amount")}.Encode()
	case wire.TypeTrigger:
		value = wire.Trigger{
			Owner: f.address("owner_address"), Contract: f.address("contract_address"), CallValue: f.number("call_value"),
			Data: f.hex("data"), CallTokenValue: f.number("call_token_value"), TokenID: f.number("token_id"),
		}.Encode()
	case wire.TypeCreate:
		inner := fieldReader{request: request{style: r.style}}
		f.keep(json.Unmarshal(r.fields["new_contract"], &inner.fields))
		value = wire.Create{
			Owner: f.address("owner_address"), Origin: inner.address("origin_address"), Bytecode: inner.hex("bytecode"),
			CallValue: inner.number("call_value"), UserPercent: inner.number("consume_user_resource_percent"),
			Name: inner.string("name"), OriginEnergyLimit: inner.number("origin_energy_limit"),
		}.Encode()
		f.keep(inner.err)
	}
	return value, f.err
}
