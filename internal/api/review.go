package api

import (
	"cmp"
	"maps"
	"net/http"
	"slices"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/withdrawal"
)

// reviewMax is how many waiting withdrawals one answer lists.
const reviewMax = 500

// review says why a withdrawal has to wait for a person; "" when it does not.
func (c *call) review(cmd withdrawal.Create) string {
	return c.desk().Review(cmd.Asset, cmd.Amount)
}

// listReview lists what waits for the operator, of all merchants.
func listReview(c *call) (int, error) {
	rows, err := c.Reads.InReview(c.ctx(), reviewMax)
	if err != nil {
		return 0, unavailable(err)
	}
	ids := slices.SortedFunc(maps.Keys(rows), func(a, b id.ID) int {
		return cmp.Or(rows[a].ReleaseAt.Compare(rows[b].ReleaseAt), cmp.Compare(a.Shard, b.Shard), cmp.Compare(a.Seq, b.Seq))
	})
	o := c.objects()
	o.open()
	o.plain("object", "list")
	o.list("data")
	for _, at := range ids {
		o.reviewed(at, rows[at])
	}
	o.endList()
	o.null("next_cursor")
	o.close()
	return http.StatusOK, nil
}

// reviewed writes a withdrawal for the operator: with whose it is.
func (o objects) reviewed(at id.ID, x withdrawal.Withdrawal) {
	o.shard = at.Shard
	o.open()
	o.plain("object", "review")
	o.ref("merchant", id.Merchant, x.Merchant)
	o.key("withdrawal")
	o.withdrawal(x)
	o.close()
}

// anyones reads the id in the path, of whichever merchant.
func (c *call) anyones() (id.ID, error) {
	at, err := id.Parse(id.Withdrawal, c.r.PathValue("id"))
	if err != nil {
		return at, errNoWithdrawal
	}
	_, found, err := maybe(c.Reads.Withdrawal(c.ctx(), at))
	if err == nil && !found {
		err = errNoWithdrawal
	}
	return at, err
}

func approveWithdrawal(c *call) (int, error) {
	o := c.doc.body()
	proof, reason := o.optional("approval"), o.optional("reason")
	o.end()
	if err := c.doc.err(); err != nil {
		return 0, err
	}
	if proof == "" {
		proof = "unsigned " + c.who.actor // enough for the server; a signer that wants a proof refuses it
	}
	at, err := c.anyones()
	if err != nil {
		return 0, err
	}
	return c.decideReview(at, withdrawal.NewApprove(at.Seq, proof, reason, c.who.actor))
}

func rejectWithdrawal(c *call) (int, error) {
	o := c.doc.body()
	reason := o.text("reason")
	o.end()
	if err := c.doc.err(); err != nil {
		return 0, err
	}
	at, err := c.anyones()
	if err != nil {
		return 0, err
	}
	return c.decideReview(at, withdrawal.NewReject(at.Seq, reason, c.who.actor))
}

// decideReview submits in the withdrawal's own shard. Both commands are answered the
// same when they are repeated, so no key is needed.
func (c *call) decideReview(at id.ID, cmd commit.Command) (int, error) {
	x, err := commit.Do[withdrawal.Withdrawal](c.ctx(), c.Loop, at.Shard, cmd)
	if err != nil {
		if f := fault.Of(err); f.Kind == fault.NotFound {
			return 0, errNoWithdrawal
		}
		return 0, err
	}
	c.objects().reviewed(at, x)
	return http.StatusOK, nil
}
