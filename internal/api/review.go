package api

import (
	"cmp"
	"maps"
	"net/http"
	"slices"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/signer/approval"
	"sluice/internal/withdrawal"
	"sluice/internal/withdrawal/waiting"
)

// reviewMax is how many waiting withdrawals one answer lists.
const reviewMax = 500

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

// anyWithdrawal reads the id in the path, of whichever merchant.
func (c *call) anyWithdrawal() (id.ID, error) {
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
	if proof != "" && !approval.WellFormed(proof) {
		return 0, errNoProof
	}
	at, err := c.anyWithdrawal()
	if err != nil {
		return 0, err
	}
	return c.decideReview(at, withdrawal.NewApprove(at.Seq, proof, reason, c.who.actor))
}

// errNoProof is the answer to an approval that was cut or mistyped: better now than from the signer.
var errNoProof = fault.Bad("invalid_approval", "approval", "must be what `sluice approver sign` prints, all of it")

// handInApproval adds a proof for the signer to a merchant's own withdrawal. It decides
// nothing: a withdrawal that an operator has to review stays where it is.
func handInApproval(c *call) (int, error) {
	o := c.doc.body()
	proof := o.text("approval")
	o.end()
	if err := c.doc.err(); err != nil {
		return 0, err
	}
	if !approval.WellFormed(proof) {
		return 0, errNoProof
	}
	at, err := c.id(id.Withdrawal, errNoWithdrawal)
	if err != nil {
		return 0, err
	}
	x, err := commit.Do(c.ctx(), c.Loop, at.Shard, withdrawal.NewHandIn(c.who.merchant.Seq, at.Seq, proof, c.who.actor))
	if err != nil {
		return 0, err
	}
	c.objects().withdrawal(x)
	return http.StatusOK, nil
}

// listWaiting lists everything that waits for a person, with the command that ends it.
func listWaiting(c *call) (int, error) {
	items, err := waiting.List(c.ctx(), c.Reads, c.Assets)
	if err != nil {
		return 0, unavailable(err)
	}
	o := c.operator()
	o.open()
	o.plain("object", "list")
	o.list("data")
	for _, i := range items {
		o.waiting(i)
	}
	o.endList()
	o.null("next_cursor")
	o.close()
	return http.StatusOK, nil
}

func (o objects) waiting(i waiting.Item) {
	o.open()
	o.plain("object", "waiting")
	o.plain("kind", string(i.Kind))
	o.text("subject", i.Subject)
	if i.Merchant.IsZero() {
		o.null("merchant")
	} else {
		o.plain("merchant", i.Merchant.Text(id.Merchant))
	}
	o.maybe("network", i.Network)
	o.maybe("currency", i.Asset)
	if i.Asset == "" {
		o.null("amount")
	} else {
		o.amount("amount", i.Asset, i.Amount)
	}
	o.number("withdrawals", i.Count)
	o.plain("reason", i.Reason)
	o.maybe("text", i.Text)
	o.time("since", i.Since)
	o.list("commands")
	for _, c := range i.Commands {
		o.item(c)
	}
	o.endList()
	o.close()
}

func rejectWithdrawal(c *call) (int, error) {
	o := c.doc.body()
	reason := o.text("reason")
	o.end()
	if err := c.doc.err(); err != nil {
		return 0, err
	}
	at, err := c.anyWithdrawal()
	if err != nil {
		return 0, err
	}
	return c.decideReview(at, withdrawal.NewReject(at.Seq, reason, c.who.actor))
}

// decideReview submits in the withdrawal's own shard. Both commands are answered the
// same when they are repeated, so no key is needed.
func (c *call) decideReview(at id.ID, cmd commit.Command[withdrawal.Withdrawal]) (int, error) {
	x, err := commit.Do(c.ctx(), c.Loop, at.Shard, cmd)
	if err != nil {
		if f := fault.Of(err); f.Kind == fault.NotFound {
			return 0, errNoWithdrawal
		}
		return 0, err
	}
	c.objects().reviewed(at, x)
	return http.StatusOK, nil
}
