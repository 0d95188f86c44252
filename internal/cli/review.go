package cli

import (
	"cmp"
	"maps"
	"slices"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/signer/approval"
	"sluice/internal/store"
	"sluice/internal/withdrawal"
)

type withdrawalReviewCmd struct{}

// Run implements the command.
func (c *withdrawalReviewCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		rows, err := t.db.InReview(t.ctx, store.PageMax)
		if err != nil {
			return err
		}
		assets, err := t.assets()
		if err != nil {
			return err
		}
		var out []withdrawalOut
		for _, at := range slices.SortedFunc(maps.Keys(rows), func(a, b id.ID) int {
			return cmp.Or(rows[a].ReleaseAt.Compare(rows[b].ReleaseAt), cmp.Compare(a.Shard, b.Shard), cmp.Compare(a.Seq, b.Seq))
		}) {
			out = append(out, showWithdrawal(at.Shard, rows[at], assets))
		}
		return list(e, out, "ID MERCHANT AMOUNT TO NETWORK SINCE WHY", func(w withdrawalOut) []any {
			return []any{w.ID, w.Merchant, short(w.Amount) + " " + w.Currency, w.Address, w.Network, when(w.UpdatedAt), w.Review}
		})
	})
}

type withdrawalApproveCmd struct {
	ID       string `arg:"" help:"The withdrawal, wd_..."`
	Approval string `placeholder:"PROOF" help:"What \"sluice approver sign\" printed, where the signer asks for it; without it only the review ends."`
	Reason   string `help:"Why; kept in the trail."`
}

// Run implements the command.
func (c *withdrawalApproveCmd) Run(e *env) error {
	if c.Approval != "" && !approval.WellFormed(c.Approval) {
		return fault.New(fault.Invalid, "usage", "--approval: must be what `sluice approver sign` prints, all of it")
	}
	return e.decide(c.ID, func(at id.ID) commit.Command[withdrawal.Withdrawal] {
		return withdrawal.NewApprove(at.Seq, c.Approval, c.Reason, actor)
	})
}

type withdrawalRejectCmd struct {
	ID     string `arg:"" help:"The withdrawal, wd_..."`
	Reason string `required:"" help:"Why; the merchant reads it."`
}

// Run implements the command.
func (c *withdrawalRejectCmd) Run(e *env) error {
	return e.decide(c.ID, func(at id.ID) commit.Command[withdrawal.Withdrawal] {
		return withdrawal.NewReject(at.Seq, c.Reason, actor)
	})
}

// decide changes a withdrawal and prints what it became.
func (e *env) decide(text string, command func(id.ID) commit.Command[withdrawal.Withdrawal]) error {
	return e.withdrawal(text, func(t *tool, at id.ID, w withdrawal.Withdrawal, assets money.Assets) error {
		if err := t.write(func(loop *commit.Loop) (err error) {
			w, err = commit.Do(t.ctx, loop, at.Shard, command(at))
			return err
		}); err != nil {
			return err
		}
		return e.printWithdrawal(showWithdrawal(at.Shard, w, assets))
	})
}
