package api

import (
	"net/http"
	"strconv"

	"golang.org/x/sync/errgroup"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/withdrawal"
)

const (
	// batchMax is how many withdrawals one request may ask for.
	batchMax = 1000
	// batchAtOnce is how many of them wait for the write path at a time: enough to
	// share commits, few enough that several big requests fit its queue.
	batchAtOnce = 256
)

// item is one withdrawal of many, and what became of it.
type item struct {
	cmd      withdrawal.Create
	row      withdrawal.Withdrawal
	replayed bool
	err      error
}

// createWithdrawals takes many withdrawals. Each stands alone: it is accepted or
// refused by itself, and the answer has a result for each, in order.
func createWithdrawals(c *call) (int, error) {
	o := c.doc.body()
	list := o.objects("withdrawals", batchMax)
	o.end()
	if err := c.doc.err(); err != nil {
		return 0, err
	}
	key, mark, err := c.commandKey()
	if err != nil {
		return 0, err
	}
	if key.Key != "" {
		// The items have keys of their own below. This one ties them to the whole
		// body, so that another list under the same key moves nothing at all.
		out, err := commit.Submit(c.ctx(), c.Loop, c.who.merchant.Shard, commit.Request[commit.Nothing]{Command: opened{}, Key: key, Fingerprint: mark})
		if err != nil {
			return 0, err
		}
		c.replayed = out.Replayed
	}
	items := make([]item, len(list))
	for n, of := range list {
		// Each item collects its own errors; the parsed text is shared.
		one := object{d: &document{Document: c.doc.Document}, v: of.v}
		items[n].cmd, items[n].err = c.withdrawal(one)
	}
	c.submitAll(items, key, mark)
	c.results(items)
	return http.StatusOK, nil
}

// opened is the command that only remembers a key.
type opened struct{}

// Reads implements commit.Command.
func (opened) Reads(*commit.Wants) {}

// Apply implements commit.Command.
func (opened) Apply(*commit.View) (commit.Nothing, error) { return commit.Nothing{}, nil }

// submitAll carries the items to the write path, in order of their places as far
// as one can, many at once.
func (c *call) submitAll(items []item, key commit.Key, mark []byte) {
	var g errgroup.Group
	g.SetLimit(batchAtOnce)
	for n := range items {
		g.Go(func() error {
			c.submitItem(&items[n], n, key, mark)
			return nil // the item has its own
		})
	}
	_ = g.Wait()
}

func (c *call) submitItem(it *item, n int, key commit.Key, mark []byte) {
	if it.err != nil {
		return
	}
	req := commit.Request[withdrawal.Withdrawal]{Command: it.cmd}
	if key.Key != "" {
		req.Key, req.Fingerprint = key, mark
		req.Key.Key += " " + strconv.Itoa(n) // no key of a client holds a blank
	}
	out, err := commit.Submit(c.ctx(), c.Loop, c.who.merchant.Shard, req)
	if it.err = err; err == nil {
		it.row, it.err = c.made(out)
	}
	it.replayed = out.Replayed
}

func (c *call) results(items []item) {
	accepted := 0
	o := c.objects()
	o.open()
	o.plain("object", "withdrawal_batch")
	o.list("results")
	for n := range items {
		it := &items[n]
		o.open()
		o.number("index", int64(n))
		if f := fault.Of(it.err); f != nil {
			o.number("status", int64(statusOf(f)))
			o.key("problem")
			appendProblem(o.writer, f, "", "")
		} else {
			accepted++
			o.number("status", http.StatusCreated)
			o.key("withdrawal")
			o.withdrawal(it.row)
		}
		o.close()
	}
	o.endList()
	o.number("accepted", int64(accepted))
	o.number("refused", int64(len(items)-accepted))
	o.close()
}
