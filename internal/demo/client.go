package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// client speaks to the API as any merchant does: over HTTP, with a key.
type client struct {
	base, key string
	http      *http.Client
}

func newClient(base, key string) *client {
	return &client{base: base, key: key, http: &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{}}}
}

// answer is what came back.
type answer struct {
	Status int
	Body   []byte
}

// into reads the body as an object of the API.
func (a answer) into(v any) error {
	if err := json.Unmarshal(a.Body, v); err != nil {
		return fmt.Errorf("the answer %d is not what the API describes: %w: %s", a.Status, err, a.Body)
	}
	return nil
}

// do sends one request. Its error says that there was no answer; a refusal is an answer.
func (c *client) do(ctx context.Context, method, path string, body any) (answer, error) {
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		in = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, in)
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", rand.Text())
	}
	res, err := c.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	text, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	return answer{res.StatusCode, text}, err
}

func (c *client) close() { c.http.CloseIdleConnections() }

// The objects of the API, as far as the story looks at them.

type withdrawalObject struct {
	ID          string `json:"id"`
	Version     int64  `json:"object_version"`
	State       string `json:"state"`
	Cancellable bool   `json:"cancellable"`
	ForeignID   string `json:"foreign_id"`
	Currency    string `json:"currency"`
	Amount      string `json:"amount"`
	Stage       string `json:"stage"`
	TxID        string `json:"txid"`
	NetworkFee  *struct {
		Currency string `json:"currency"`
		Amount   string `json:"amount"`
	} `json:"network_fee"`
	Attention *struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	} `json:"attention"`
	Receive struct {
		Currency string `json:"currency"`
		Amount   string `json:"amount"`
	} `json:"receive"` // what is paid out: another currency than that of the balance with exchange
	Destination struct {
		Network string `json:"network"`
		Address string `json:"address"`
	} `json:"destination"`
}

type balanceObject struct {
	Account   string `json:"account"`
	Currency  string `json:"currency"`
	Version   int64  `json:"object_version"`
	Total     string `json:"balance"`
	Available string `json:"available_for_withdrawal"`
	Pending   string `json:"pending_settlement"`
	Locked    string `json:"locked_for_trading"`
	Reserved  string `json:"reserved"`
}

type creditObject struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

type accountObject struct {
	ID string `json:"id"`
}

type endpointObject struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
	Public string `json:"public_key"`
}

type problemObject struct {
	Code       string `json:"code"`
	Detail     string `json:"detail"`
	Available  string `json:"available"`
	Withdrawal string `json:"withdrawal"`
}
