package bank

import (
	"context"
	"fmt"

	"sluice/internal/bank/code"
	"sluice/internal/bank/message"
	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/withdrawal"
)

// answers takes in what a bank answers to recalls. An answer moves nothing: the money of
// one that was accepted is back when its return is booked, and until then the payment is
// what it was. The operator is told, and the withdrawal's timeline says so.
func (b *Book) answers(ctx context.Context, list []message.CancelAnswer) error {
	for _, a := range list {
		text := recallText(a)
		p, ok, err := b.read.BankPayment(ctx, a.EndToEndID)
		if err != nil {
			return err
		}
		if !ok || a.EndToEndID == "" {
			text += "; it names no payment of ours: " + fmt.Sprintf("%.40q", a.EndToEndID)
		} else {
			at, err := withdrawalOf(p.EndToEnd)
			if err != nil {
				return err
			}
			c := withdrawal.NewReport(at.Seq, text, Actor)
			c.Ended = true
			if _, err := commit.Do(ctx, b.loop, at.Shard, c); err != nil && fault.KindOf(err) != fault.NotFound {
				return err
			}
		}
		if _, err := commit.Do(ctx, b.loop, Shard, Alarm{"recall_answered", text, a.EndToEndID}); err != nil {
			return err
		}
	}
	return nil
}

func recallText(a message.CancelAnswer) string {
	switch {
	case a.Accepted():
		return "the bank called the payment back (" + a.Status + "): the money is here when its return is booked"
	case a.Refused():
		text := "the recall was refused: the payment stays where it is"
		if a.Reason != "" {
			text += " (" + a.Reason + ": " + code.ReasonOf(a.Reason).Meaning + ")"
		}
		return text
	}
	return "the bank answers to the recall " + a.Status + ": it is not decided"
}
