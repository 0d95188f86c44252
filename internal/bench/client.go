package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"

	"sluice/internal/id"
)

// client is a caller over HTTP/1.1: one connection that stays open, requests that
// differ in a few bytes of fixed places, answers read only as far as needed to find
// their end. net/http's client costs more than the handlers that are measured.
type client struct {
	conn   net.Conn
	stop   func() bool // ends watching the context
	book   *book
	random *rand.Rand

	request               []byte
	key, foreign, account int // where they stand in request
	answer                []byte
	body                  []byte // of the last answer; good until the next
}

// dial opens the connections of n clients.
func dial(ctx context.Context, addr string, b *book, n int) ([]caller, func(), error) {
	callers := make([]caller, 0, n)
	hangUp := func() {
		for _, c := range callers {
			if c, ok := c.(*client); ok {
				c.stop()
				_ = c.conn.Close()
			}
		}
	}
	for range n {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			hangUp()
			return nil, nil, fmt.Errorf("connect the load generator: %w", err)
		}
		c := &client{conn: conn, book: b, random: newRandom(), answer: make([]byte, 0, 8192)}
		c.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
		c.compose(addr)
		callers = append(callers, c)
	}
	return callers, hangUp, nil
}

// compose writes the request with blanks where each one differs.
func (c *client) compose(host string) {
	blank := func(n int) string { return string(bytes.Repeat([]byte{'-'}, n)) }
	body := `{"foreign_id":"` + blank(foreignLen) + `","account":"` + blank(accountLen) + `","currency":"` + asset.Code +
		`","amount":"` + asset.Format(amount) + `","destination":{"network":"` + network + `","address":"` + typed + `"}}`
	head := "POST /v1/withdrawals HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " + c.book.secret +
		"\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\nIdempotency-Key: "
	c.key = len(head)
	head += blank(keyLen) + "\r\n\r\n"
	c.foreign = len(head) + len(`{"foreign_id":"`)
	c.account = c.foreign + foreignLen + len(`","account":"`)
	c.request = []byte(head + body)
}

// accountLen is the length of every id of an account.
const accountLen = len(id.Account) + len("_") + 32

func (c *client) ask(context.Context) error {
	appendForeign(c.request[:c.foreign], c.book.next.Add(1))
	appendKey(c.request[:c.key], c.random)
	copy(c.request[c.account:], c.book.texts[c.random.IntN(len(c.book.texts))])
	if _, err := c.conn.Write(c.request); err != nil {
		return fmt.Errorf("send a request: %w", err)
	}
	status, body, err := c.read()
	c.body = body
	switch {
	case err != nil:
		return fmt.Errorf("read an answer: %w", err)
	case status >= 200 && status < 300:
		return nil
	case status == 503 && bytes.Contains(body, []byte(`"overloaded"`)):
		return errBusy
	}
	return fmt.Errorf("the API answered %d: %s", status, body)
}

var (
	endOfHead  = []byte("\r\n\r\n")
	lengthName = []byte("\r\nContent-Length: ")
	chunked    = []byte("\r\nTransfer-Encoding: chunked")
	endOfBody  = []byte("\r\n0\r\n\r\n")

	errAnswer = errors.New("this is no answer of our server")
)

// read takes in one answer. The body is good until the next call; a chunked one is
// given with its chunk sizes.
func (c *client) read() (status int, body []byte, err error) {
	c.answer = c.answer[:0]
	head := -1
	for head < 0 {
		if err := c.more(); err != nil {
			return 0, nil, err
		}
		head = bytes.Index(c.answer, endOfHead)
	}
	if head < len("HTTP/1.1 200") {
		return 0, nil, errAnswer
	}
	if status, err = strconv.Atoi(string(c.answer[9:12])); err != nil {
		return 0, nil, errAnswer
	}
	from := head + len(endOfHead)
	if at := bytes.Index(c.answer[:head], lengthName); at >= 0 {
		at += len(lengthName)
		line, _, _ := bytes.Cut(c.answer[at:head+2], []byte("\r\n"))
		length, err := strconv.Atoi(string(line))
		if err != nil {
			return 0, nil, errAnswer
		}
		for len(c.answer) < from+length {
			if err := c.more(); err != nil {
				return 0, nil, err
			}
		}
		return status, c.answer[from:], nil
	}
	if !bytes.Contains(c.answer[:head], chunked) {
		return 0, nil, errAnswer
	}
	// No answer of the API holds a line that is only a 0.
	for !bytes.HasSuffix(c.answer, endOfBody) {
		if err := c.more(); err != nil {
			return 0, nil, err
		}
	}
	return status, c.answer[from:], nil
}

func (c *client) more() error {
	if len(c.answer) == cap(c.answer) {
		c.answer = append(c.answer, 0)[:len(c.answer)]
	}
	n, err := c.conn.Read(c.answer[len(c.answer):cap(c.answer)])
	c.answer = c.answer[:len(c.answer)+n]
	if n > 0 {
		return nil
	}
	return err
}
