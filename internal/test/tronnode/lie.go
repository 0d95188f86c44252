package tronnode

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"sluice/internal/test/tronnode/chain"
	"sluice/internal/test/tronnode/wire"
)

// Lie is one way in which a node misbehaves. Exactly one of the groups below says how. What
// happens to the chain itself is at chain.Chain: forks, missed slots, producers that are
// offline, signatures that change on their way, contracts that run out of time.
type Lie struct {
	// Path limits it to paths that begin so: "wallet/broadcast", "walletsolidity/". Lies about
	// broadcasts are told there only.
	Path string
	// Times is for how many requests; 0 is until it is taken back.
	Times int

	// Code answers a broadcast with a code, Message with it. The transaction is not taken,
	// unless Pushed says so. With Success and without Pushed it is success and drop.
	Code    chain.Code
	Message string
	Pushed  bool
	// Local answers a broadcast truthfully, and no block ever takes the transaction.
	Local bool

	// Silent never answers: the client has to give up. A broadcast is taken with Pushed.
	Silent bool
	// Delay answers late.
	Delay time.Duration
	// Status answers with an HTTP status, Body and RetryAfter (seconds, when not 0).
	Status     int
	Body       string
	RetryAfter int

	// Lag answers as of so many blocks ago: before the head, or before the last solid block.
	Lag int
	// Side answers as a node on another branch (chain.Chain.Branch). A broadcast that it takes
	// reaches the others.
	Side *chain.Side
	// Chain answers as a node of another network.
	Chain *Node

	// Empty answers {}: about one transaction when ID is set, else about anything.
	Empty bool
	ID    wire.TxID
	// Omit removes a field from the answer, "block_header.raw_data.timestamp" for example. In
	// a list it is removed from every element.
	Omit string
	// Replace changes the answer to anything.
	Replace func(path string, answer []byte) []byte
}

// told is a lie that is being told.
type told struct {
	Lie
	left int
}

// Lie tells a lie until the function that it returns is called, or for as long as the lie
// says. Several lies are told together; of two that exclude each other, the first counts.
func (n *Node) Lie(l Lie) (truth func()) {
	t := &told{l, l.Times}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lies = append(n.lies, t)
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.lies = slices.DeleteFunc(n.lies, func(other *told) bool { return other == t })
	}
}

// Truth takes all lies back.
func (n *Node) Truth() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lies = nil
}

// liesFor returns what is told to one request, and counts it.
func (n *Node) liesFor(path string, req request) []Lie {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []Lie
	for _, t := range n.lies {
		if !t.concerns(path, req) {
			continue
		}
		list = append(list, t.Lie)
		if t.Times > 0 {
			t.left--
		}
	}
	n.lies = slices.DeleteFunc(n.lies, func(t *told) bool { return t.Times > 0 && t.left <= 0 })
	return list
}

func (l Lie) concerns(path string, req request) bool {
	if !strings.HasPrefix(path, l.Path) {
		return false
	}
	if (l.Code != "" || l.Local) && !isBroadcast(path) {
		return false
	}
	return l.ID == (wire.TxID{}) || req.string("value") == l.ID.String()
}

func isBroadcast(path string) bool { return strings.HasPrefix(path, fullPrefix+"broadcast") }

// view is what the request is answered from.
func view(lies []Lie, solid bool) chain.View {
	for _, l := range lies {
		switch {
		case l.Side != nil && !solid:
			return chain.View{Side: l.Side}
		case l.Lag > 0:
			return chain.View{Lag: l.Lag, Solid: solid}
		}
	}
	return chain.View{Solid: solid}
}

// before does what comes before an answer, and reports whether there is none to make.
func (n *Node) before(w http.ResponseWriter, r *http.Request, lies []Lie, push func()) bool {
	for _, l := range lies {
		switch {
		case l.Silent:
			if l.Pushed {
				push()
			}
			n.wait(r, nil)
			return true
		case l.Delay > 0:
			timer := time.NewTimer(l.Delay)
			n.wait(r, timer.C)
			timer.Stop()
		case l.Status != 0:
			if l.RetryAfter != 0 {
				w.Header().Set("Retry-After", fmt.Sprint(l.RetryAfter))
			}
			http.Error(w, l.Body, l.Status)
			return true
		case l.Empty:
			_, _ = w.Write([]byte("{}\n"))
			return true
		}
	}
	return false
}

// wait returns when the client has gone, the node closes or until happens.
func (n *Node) wait(r *http.Request, until <-chan time.Time) {
	select {
	case <-r.Context().Done():
	case <-n.done:
	case <-until:
	}
}

// after changes an answer.
func after(path string, answer []byte, lies []Lie) []byte {
	for _, l := range lies {
		if l.Omit != "" {
			answer = omit(answer, strings.Split(l.Omit, "."))
		}
		if l.Replace != nil {
			answer = l.Replace(path, answer)
		}
	}
	return answer
}

// omit removes the field at the end of the names from a JSON value.
func omit(value []byte, names []string) []byte {
	var list []json.RawMessage
	if json.Unmarshal(value, &list) == nil && list != nil {
		for i := range list {
			list[i] = omit(list[i], names)
		}
		return encode(list)
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(value, &fields) != nil {
		return value
	}
	if inner, there := fields[names[0]]; there {
		if len(names) > 1 {
			fields[names[0]] = omit(inner, names[1:])
		} else {
			delete(fields, names[0])
		}
	}
	return encode(fields)
}
