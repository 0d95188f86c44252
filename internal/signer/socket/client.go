package socket

import (
	"bufio"
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"sluice/internal/fault"
	"sluice/internal/signer"
)

// Client asks a signer behind a socket. It connects when it is asked, and again when
// the connection was lost. It is safe for concurrent use.
type Client struct {
	path string

	mu   sync.Mutex
	conn *conn
	next uint64
}

var (
	_ signer.Signer    = (*Client)(nil)
	_ signer.Previewer = (*Client)(nil)
	_ signer.Historian = (*Client)(nil)
	_ signer.Reporter  = (*Client)(nil)
)

// Dial makes a client. Nothing is connected yet: the signer may be started later.
func Dial(path string) *Client { return &Client{path: path} }

// Close ends the connection. What waits is told that the outcome is unknown.
func (c *Client) Close() error {
	c.mu.Lock()
	k := c.conn
	c.conn = nil
	c.mu.Unlock()
	if k == nil {
		return nil
	}
	k.end(errors.New("closed"))
	<-k.done
	return nil
}

// Sign implements signer.Signer. A signer that goes away in the middle is asked again,
// since the same intent for the same slot gets the same answer; one that stays away is
// an Unavailable fault with an unknown outcome: ask again, with the same intent.
func (c *Client) Sign(ctx context.Context, in signer.Intent) (signer.Signed, error) {
	a, err := c.ask(ctx, request{Op: opSign, Intent: writeIntent(in)})
	if err != nil {
		return signer.Signed{}, err
	}
	if a.Signed == nil {
		return signer.Signed{}, fault.New(fault.Internal, "signer_answer", "the signer answered something else than a signature")
	}
	return signer.Signed{TxID: a.Signed.TxID, Raw: a.Signed.Raw}, nil
}

// May implements signer.Previewer.
func (c *Client) May(ctx context.Context, network string, outputs []signer.Output) error {
	_, err := c.ask(ctx, request{Op: opMay, Intent: writeIntent(signer.Intent{Network: network, Outputs: outputs})})
	return err
}

// Addresses implements signer.Signer.
func (c *Client) Addresses(ctx context.Context) ([]string, error) {
	a, err := c.ask(ctx, request{Op: opAddresses})
	return a.Addresses, err
}

// History implements signer.Historian.
func (c *Client) History(ctx context.Context, after string) (page []signer.Record, next string, err error) {
	a, err := c.ask(ctx, request{Op: opHistory, After: after})
	if err != nil {
		return nil, "", err
	}
	if a.History == nil {
		return nil, "", fault.New(fault.Internal, "signer_answer", "the signer answered something else than its log")
	}
	for _, r := range a.History.Page {
		rec, err := r.read()
		if err != nil {
			return nil, "", fault.Wrap(err, fault.Internal, "signer_answer", "the signer's log cannot be read")
		}
		page = append(page, rec)
	}
	return page, a.History.Next, nil
}

// Health implements signer.Reporter. A signer that does not answer is an error as well.
func (c *Client) Health(ctx context.Context) error {
	_, err := c.ask(ctx, request{Op: opHealth})
	return err
}

// answerWithin is how long a signer may think. Keys behind a network are slow, and a
// new key takes seconds to open.
const answerWithin = 30 * time.Second

// ask asks once, and once more over a new connection if the first was lost.
func (c *Client) ask(ctx context.Context, q request) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	var lost error
	for range 2 {
		k, err := c.connection(ctx)
		if err != nil {
			lost = err
			continue
		}
		a, err := k.ask(ctx, q, c.number())
		if err == nil {
			if a.Error != nil {
				return answer{}, fault.New(a.Error.Kind, a.Error.Code, "%s", a.Error.Message)
			}
			return a, nil
		}
		if fault.CodeOf(err) == "signer_frame" {
			return answer{}, err // nothing was sent
		}
		if lost = err; ctx.Err() != nil {
			break
		}
		c.drop(k)
	}
	f := fault.Wrap(lost, fault.Unavailable, "signer_unavailable", "the signer at %s does not answer; is `sluice signer` running, and may this user ask it?", c.path)
	f.Unknown = true
	return answer{}, f
}

func (c *Client) number() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next++
	return c.next
}

func (c *Client) connection(ctx context.Context) (*conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		return c.conn, nil
	}
	var d net.Dialer
	raw, err := d.DialContext(ctx, "unix", c.path)
	if err != nil {
		return nil, err
	}
	c.conn = &conn{raw: raw, waiting: map[uint64]chan answer{}, done: make(chan struct{})}
	go c.conn.read()
	return c.conn, nil
}

// drop forgets a connection that was lost, if nobody has made a new one already.
func (c *Client) drop(k *conn) {
	c.mu.Lock()
	if c.conn == k {
		c.conn = nil
	}
	c.mu.Unlock()
	k.end(errors.New("lost"))
}

// conn is one connection with everybody who waits for an answer on it.
type conn struct {
	raw  net.Conn
	done chan struct{} // closed when nothing is read any more

	write sync.Mutex

	mu      sync.Mutex
	waiting map[uint64]chan answer
	err     error // why it ended
}

func (k *conn) ask(ctx context.Context, q request, id uint64) (answer, error) {
	q.Version, q.ID = version, id
	text, err := frame(q)
	if err != nil {
		return answer{}, err
	}
	mine := make(chan answer, 1)
	k.mu.Lock()
	if k.err != nil {
		k.mu.Unlock()
		return answer{}, k.err
	}
	k.waiting[id] = mine
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		delete(k.waiting, id)
		k.mu.Unlock()
	}()
	k.write.Lock()
	until, _ := ctx.Deadline() // there is one
	if err = k.raw.SetWriteDeadline(until); err == nil {
		_, err = k.raw.Write(text)
	}
	k.write.Unlock()
	if err != nil {
		return answer{}, err
	}
	select {
	case a := <-mine:
		return a, nil
	case <-k.done:
		select {
		case a := <-mine: // it came before the end
			return a, nil
		default:
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		return answer{}, k.err
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
}

// read gives answers to those who wait, until the connection ends.
func (k *conn) read() {
	defer close(k.done)
	in := bufio.NewReaderSize(k.raw, 64<<10)
	for {
		var a answer
		err := readFrame(in, &a)
		if err == nil && a.Version != version {
			err = errors.New("the signer speaks another version of the protocol")
		}
		if err != nil {
			k.end(err)
			return
		}
		k.mu.Lock()
		mine := k.waiting[a.ID]
		delete(k.waiting, a.ID)
		k.mu.Unlock()
		if mine != nil {
			mine <- a
		}
	}
}

// end closes the connection; reading ends by that.
func (k *conn) end(why error) {
	k.mu.Lock()
	if k.err == nil {
		k.err = why
	}
	k.mu.Unlock()
	_ = k.raw.Close()
}
