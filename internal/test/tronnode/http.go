package tronnode

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"sluice/internal/test/tronnode/chain"
	"sluice/internal/test/tronnode/wire"
)

const (
	fullPrefix  = "wallet/"
	solidPrefix = "walletsolidity/"
)

// query is a question to the chain as of a view.
type query struct {
	request
	chain.Reader
	node  *Node
	solid bool
}

// answers are the calls that only read. A nil answer is shown as {}.
type answers map[string]func(q query) (any, error)

// handler serves one interface, or both on a gateway.
func (n *Node) handler(prefix string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/")
		served := strings.HasPrefix(path, prefix)
		if n.options.Gateway {
			served = strings.HasPrefix(path, fullPrefix) || strings.HasPrefix(path, solidPrefix)
		}
		if !served {
			http.NotFound(w, r)
			return
		}
		n.count(path)
		if n.options.APIKey != "" && r.Header.Get(KeyHeader) != n.options.APIKey {
			http.Error(w, `{"Success":false,"Error":"an API key is needed"}`, http.StatusForbidden)
			return
		}
		if !n.within() {
			http.Error(w, `{"Success":false,"Error":"request rate exceeded the allowed frequency"}`, http.StatusTooManyRequests)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		n.serve(w, r, path)
	})
}

func (n *Node) count(path string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.requests[path]++
}

// within counts a request against the limit of the present second.
func (n *Node) within() bool {
	if n.options.PerSecond == 0 {
		return true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if now := time.Now().Unix(); now != n.second {
		n.second, n.answered = now, 0
	}
	n.answered++
	return n.answered <= n.options.PerSecond
}

func (n *Node) serve(w http.ResponseWriter, r *http.Request, path string) {
	body, err := io.ReadAll(io.LimitReader(r.Body, bodyMax+1))
	if err != nil {
		return // the client has gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	req, err := readRequest(r)
	lies := n.liesFor(path, req)
	push := func() {
		if tx, err := transactionOf(path, req, body); err == nil {
			_ = n.Chain.Broadcast(tx)
		}
	}
	if n.before(w, r, lies, push) {
		return
	}
	asked := n
	for _, l := range lies {
		if l.Chain != nil {
			asked = l.Chain
		}
	}
	var answer any
	if err == nil {
		answer, err = asked.answer(path, req, body, lies)
	}
	if errors.Is(err, errNoSuchCall) {
		http.NotFound(w, r)
		return
	}
	if err != nil {
		answer = object{"Error": err.Error()}
	}
	_, _ = w.Write(after(path, encode(answer), lies))
}

var errNoSuchCall = errors.New("no such call")

func (n *Node) answer(path string, req request, body []byte, lies []Lie) (any, error) {
	if isBroadcast(path) {
		return n.broadcast(path, req, body, lies)
	}
	name, solid := strings.CutPrefix(path, solidPrefix)
	name = strings.TrimPrefix(name, fullPrefix)
	call, known := reads[name]
	if !known || (solid && !onSolid[name]) {
		return nil, errNoSuchCall
	}
	var answer any
	var err error
	n.Chain.Read(view(lies, solid), func(r chain.Reader) {
		answer, err = call(query{req, r, n, solid})
	})
	if answer == nil {
		answer = object{}
	}
	return answer, err
}

// encode writes JSON as java-tron does: on one line, with a line end.
func encode(v any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(fmt.Sprintf("tronnode: an answer cannot be written: %v", err))
	}
	return out.Bytes()
}

// transactionOf reads the transaction of a broadcast.
func transactionOf(path string, req request, body []byte) (*wire.Transaction, error) {
	if path != fullPrefix+"broadcasthex" {
		return req.pack(body)
	}
	data, err := req.hex("transaction")
	if err != nil {
		return nil, err
	}
	tx, err := wire.DecodeTransaction(data)
	if err != nil {
		return nil, failure{"com.google.protobuf.InvalidProtocolBufferException", err.Error()}
	}
	return tx, nil
}

// broadcast answers broadcasthex, with a plain message, and broadcasttransaction, whose
// message is in hex unless visible is set.
func (n *Node) broadcast(path string, req request, body []byte, lies []Lie) (any, error) {
	if path != fullPrefix+"broadcasthex" && path != fullPrefix+"broadcasttransaction" {
		return nil, errNoSuchCall
	}
	tx, err := transactionOf(path, req, body)
	if err != nil {
		return nil, err
	}
	code, message := n.judge(tx, lies)
	id := tx.ID().String()
	if path == fullPrefix+"broadcasthex" {
		return object{
			"result": code == chain.Success, "code": string(code), "message": message, "txid": id,
			"transaction": plain(tx),
		}, nil
	}
	answer := object{"txid": id}
	if code == chain.Success {
		answer["result"] = true
		return answer, nil
	}
	answer["code"] = string(code)
	return answer.text("message", req.message(message)), nil
}

// judge takes a transaction or refuses it, as far as lies let it.
func (n *Node) judge(tx *wire.Transaction, lies []Lie) (chain.Code, string) {
	send := n.Chain.Broadcast
	for _, l := range lies {
		switch {
		case l.Code != "":
			if l.Pushed {
				_ = n.Chain.Broadcast(tx)
			}
			return l.Code, l.Message
		case l.Local:
			send = n.Chain.BroadcastLocal
		case l.Side != nil || l.Lag > 0:
			var refusal *chain.Refusal
			n.Chain.Read(view(lies, false), func(r chain.Reader) { refusal = r.Judge(tx) })
			if refusal != nil {
				return refusal.Code, refusal.Message
			}
			_ = n.Chain.Broadcast(tx) // what the others make of it stays with them
			return chain.Success, ""
		}
	}
	if refusal := send(tx); refusal != nil {
		return refusal.Code, refusal.Message
	}
	return chain.Success, ""
}
