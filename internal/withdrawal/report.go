package withdrawal

import (
	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/id"
)

// Report notes in the timeline what the way out says of a withdrawal. It is a courtesy:
// nothing waits for it, and it changes neither state nor money. One that has ended gets
// none without Ended.
type Report struct {
	onWithdrawal
	Text  string
	Ended bool // also for one that was paid or came back
	Actor string
}

// NewReport makes the command.
func NewReport(withdrawal id.Seq, text, actor string) Report {
	return Report{onWithdrawal: onWithdrawal{withdrawal}, Text: text, Actor: actor}
}

// Apply implements commit.Command.
func (c Report) Apply(v *commit.View) (Withdrawal, error) {
	w, err := c.get(v, 0)
	paid := w.State == Confirmed || w.State == Returned
	if err != nil || w.State != Processing && (!c.Ended || !paid) {
		return w, err
	}
	return record(v, w, event.WithdrawalReported, c.Actor, c.Text, ""), nil
}
