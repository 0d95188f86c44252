// Package socket is the wire between the server and a signer in a process of its own: a
// unix socket with frames of JSON. The signer holds whoever asks to be an attacker:
// frames are bounded, read strictly, and only users that were named may connect.
package socket

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/signer"
)

// version is the version of the protocol. A change of meaning is a new one.
const version = 3

// frameMax is the longest frame. The largest file for a bank fits; and a batch as large as a
// block may hold, with the transactions that made its coins, each at most 100,000 bytes where
// nodes pass it on.
const frameMax = 128 << 20

// The operations.
const (
	opSign      = "sign"
	opAddresses = "addresses"
	opMay       = "may"     // of the intent, network and outputs
	opHistory   = "history" // after a place
	opHealth    = "health"
)

// request is one question. Answers carry its id and may come in another order.
type request struct {
	Version int     `json:"v"`
	ID      uint64  `json:"id"`
	Op      string  `json:"op"`
	Intent  *intent `json:"intent,omitempty"`
	After   string  `json:"after,omitempty"`
}

// answer is the answer to one question: exactly one of the others is set.
type answer struct {
	Version   int      `json:"v"`
	ID        uint64   `json:"id"`
	Signed    *signed  `json:"signed,omitempty"`
	Addresses []string `json:"addresses,omitempty"`
	History   *history `json:"history,omitempty"`
	Error     *failure `json:"error,omitempty"`
}

// history is a page of the signer's log.
type history struct {
	Page []record `json:"page"`
	Next string   `json:"next"`
}

// record is signer.Record as it travels.
type record struct {
	At      time.Time `json:"at"`
	Network string    `json:"network"`
	Wallet  string    `json:"wallet"`
	Fence   int64     `json:"fence"`
	Nonce   *uint64   `json:"nonce,omitempty"`
	Coins   []string  `json:"coins,omitempty"`
	Amounts []string  `json:"amounts,omitempty"`
	Bound   string    `json:"bound"`
	Cancel  bool      `json:"cancel,omitempty"`
	Again   bool      `json:"again,omitempty"`
	Payouts []output  `json:"payouts,omitempty"`
}

func writeRecord(r signer.Record) record {
	out := record{
		At: r.At, Network: r.Network, Wallet: r.Wallet, Fence: r.Fence, Nonce: r.Nonce, Coins: r.Coins, Amounts: r.Amounts, Bound: r.Bound, Cancel: r.Cancel, Again: r.Again,
	}
	for _, o := range r.Payouts {
		out.Payouts = append(out.Payouts, writeOutput(o))
	}
	return out
}

func (r record) read() (signer.Record, error) {
	out := signer.Record{
		At: r.At, Network: r.Network, Wallet: r.Wallet, Fence: r.Fence, Nonce: r.Nonce, Coins: r.Coins, Amounts: r.Amounts, Bound: r.Bound, Cancel: r.Cancel, Again: r.Again,
	}
	for _, o := range r.Payouts {
		p, err := o.read()
		if err != nil {
			return out, err
		}
		out.Payouts = append(out.Payouts, p)
	}
	return out, nil
}

type signed struct {
	TxID string `json:"txid"`
	Raw  []byte `json:"raw"`
}

type failure struct {
	Kind    fault.Kind `json:"kind"`
	Code    string     `json:"code"`
	Message string     `json:"message"`
}

// intent is signer.Intent as it travels: amounts are texts of minor units.
type intent struct {
	Family   string   `json:"family"`
	Network  string   `json:"network"`
	Wallet   string   `json:"wallet"`
	Outputs  []output `json:"outputs,omitempty"`
	ChainID  uint64   `json:"chain_id,omitempty"`
	Nonce    uint64   `json:"nonce,omitempty"`
	Gas      uint64   `json:"gas,omitempty"`
	FeeCap   string   `json:"fee_cap,omitempty"`
	TipCap   string   `json:"tip_cap,omitempty"`
	Vault    []byte   `json:"vault,omitempty"`
	GasEach  uint64   `json:"gas_each,omitempty"`
	Inputs   []input  `json:"inputs,omitempty"`
	Previous [][]byte `json:"previous,omitempty"`
	Change   *output  `json:"change,omitempty"`
	File     []byte   `json:"file,omitempty"`
	Cancel   bool     `json:"cancel,omitempty"`
	Fence    int64    `json:"fence,omitempty"`
	Bound    string   `json:"bound,omitempty"`
}

type output struct {
	Ref      string `json:"ref,omitempty"`
	Asset    string `json:"asset,omitempty"`
	To       []byte `json:"to"`
	Minor    string `json:"minor"`
	Token    []byte `json:"token,omitempty"`
	Approval string `json:"approval,omitempty"`
	Memo     string `json:"memo,omitempty"`
	Accepted string `json:"acceptance,omitempty"`
}

type input struct {
	TxID   string `json:"txid"`
	Index  uint32 `json:"index"`
	Minor  string `json:"minor"`
	Script []byte `json:"script"`
}

func writeOutput(o signer.Output) output {
	return output{Ref: o.Ref, Asset: o.Asset, To: o.To, Minor: o.Amount.Minor(), Token: o.Token, Approval: o.Approval, Memo: o.Memo, Accepted: o.Acceptance}
}

func (o output) read() (signer.Output, error) {
	amount, err := money.ParseMinor(o.Minor)
	return signer.Output{Ref: o.Ref, Asset: o.Asset, To: o.To, Amount: amount, Token: o.Token, Approval: o.Approval, Memo: o.Memo, Acceptance: o.Accepted}, err
}

func writeIntent(in signer.Intent) *intent {
	out := &intent{
		Family: in.Family, Network: in.Network, Wallet: in.Wallet, ChainID: in.ChainID, Nonce: in.Nonce, Gas: in.Gas,
		FeeCap: in.FeeCap.Minor(), TipCap: in.TipCap.Minor(), Vault: in.Vault, GasEach: in.GasEach, Cancel: in.Cancel, Fence: in.Fence, Bound: in.Bound,
	}
	for _, o := range in.Outputs {
		out.Outputs = append(out.Outputs, writeOutput(o))
	}
	out.Previous, out.File = in.Previous, in.File
	for _, c := range in.Inputs {
		out.Inputs = append(out.Inputs, input{TxID: c.TxID, Index: c.Index, Minor: c.Amount.Minor(), Script: c.Script})
	}
	if len(in.Change.To) > 0 || !in.Change.Amount.IsZero() {
		c := writeOutput(in.Change)
		out.Change = &c
	}
	return out
}

func (i *intent) read() (signer.Intent, error) {
	in := signer.Intent{
		Family: i.Family, Network: i.Network, Wallet: i.Wallet, ChainID: i.ChainID, Nonce: i.Nonce, Gas: i.Gas,
		Vault: i.Vault, GasEach: i.GasEach, Cancel: i.Cancel, Fence: i.Fence, Bound: i.Bound, Previous: i.Previous, File: i.File,
	}
	var err error
	if in.FeeCap, err = optional(i.FeeCap); err != nil {
		return in, err
	}
	if in.TipCap, err = optional(i.TipCap); err != nil {
		return in, err
	}
	for _, o := range i.Outputs {
		out, err := o.read()
		if err != nil {
			return in, err
		}
		in.Outputs = append(in.Outputs, out)
	}
	for _, c := range i.Inputs {
		amount, err := money.ParseMinor(c.Minor)
		if err != nil {
			return in, err
		}
		in.Inputs = append(in.Inputs, signer.Input{TxID: c.TxID, Index: c.Index, Amount: amount, Script: c.Script})
	}
	if i.Change != nil {
		in.Change, err = i.Change.read()
	}
	return in, err
}

func optional(minor string) (money.Amount, error) {
	if minor == "" {
		return money.Amount{}, nil
	}
	return money.ParseMinor(minor)
}

// frame is a message with its length before it.
func frame(v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(body) > frameMax {
		return nil, fault.New(fault.Invalid, "signer_frame", "a message of %d bytes to or from the signer: the most is %d", len(body), frameMax)
	}
	out := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body))) //nolint:gosec // bounded above
	return append(out, body...), nil
}

// readFrame reads a message. Keys that nobody knows, bytes behind it and frames that
// are too long are errors; memory grows with what came, not with what was promised.
func readFrame(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size == 0 || size > frameMax {
		return fmt.Errorf("a message of %d bytes: want 1 to %d", size, frameMax)
	}
	var body bytes.Buffer
	if n, err := io.CopyN(&body, r, int64(size)); err != nil {
		return fmt.Errorf("a message of %d bytes ends after %d: %w", size, n, io.ErrUnexpectedEOF)
	}
	d := json.NewDecoder(&body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("a message that cannot be read: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("a message with something behind its end")
	}
	return nil
}
