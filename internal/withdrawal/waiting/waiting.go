// Package waiting lists what waits for a person: which thing, since when and why, and which
// command ends it. The API, the command line, the log and the metrics show this one list.
package waiting

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/withdrawal"
)

// Kind says what sort of decision is asked for.
type Kind string

// The kinds.
const (
	Review   Kind = "review"   // an operator approves or rejects
	Approval Kind = "approval" // the signer wants the proof of an approver
	Refusal  Kind = "refusal"  // a rule of the signer, or of a rail, says no until somebody changes something
	Wallet   Kind = "wallet"   // a wallet, its key or its money is missing
	Outcome  Kind = "outcome"  // nothing is proved, and more waiting proves nothing
	Booking  Kind = "booking"  // a bank's booking in suspense
	Outflow  Kind = "outflow"  // money left a wallet without a payout of ours
)

// Kinds lists them.
var Kinds = []Kind{Review, Approval, Refusal, Wallet, Outcome, Booking, Outflow}

// Item is one thing that waits.
type Item struct {
	Kind     Kind
	Subject  string // wd_..., wal_..., bke_...; or the name of a network
	Merchant id.ID  // whose withdrawal; zero for the operator's own things
	Network  string
	Asset    string
	Amount   money.Amount // with Asset; zero for several withdrawals
	Count    int64        // of withdrawals that this keeps; 0 for other things
	Reason   string       // stable code
	Text     string
	Since    time.Time
	Commands []string // each of them ends it; words in capitals are the person's to fill in
}

// Key tells items apart.
func (i Item) Key() string { return string(i.Kind) + " " + i.Subject + " " + i.Reason + " " + i.Asset }

// Group is how many open withdrawals wait on a network for one reason.
type Group struct {
	Network string
	Reason  string // an attention, or InReview
	Count   int64
	Since   time.Time // of the one that waits longest
}

// InReview is the reason of a Group that waits for the operator's review.
const InReview = "review"

// Suspended is a bank's booking that waits for an explanation.
type Suspended struct {
	ID     id.ID
	Asset  string
	Amount money.Amount
	Cause  string
	Text   string
	Since  time.Time
}

// Gap is money that left a wallet without a payout.
type Gap struct {
	Wallet  id.ID
	Network string
	Asset   string
	Amount  money.Amount
	Since   time.Time
}

// Reader reads what waits. The store implements it.
type Reader interface {
	// WaitingGroups counts open withdrawals by what they wait for, over all shards.
	WaitingGroups(ctx context.Context) ([]Group, error)
	// Waiting gives open withdrawals of one group, at most limit of each shard.
	Waiting(ctx context.Context, of Group, limit int) (map[id.ID]withdrawal.Withdrawal, error)
	// WaitingBookings gives bookings in suspense, oldest first.
	WaitingBookings(ctx context.Context, limit int) ([]Suspended, error)
	// WaitingGaps gives what left wallets and was not explained.
	WaitingGaps(ctx context.Context) ([]Gap, error)
}

// limitEach bounds what is listed of one reason.
const limitEach = 500

// List gives what waits for a person, the longest waiting first. assets write amounts.
func List(ctx context.Context, r Reader, assets money.Assets) ([]Item, error) {
	groups, err := r.WaitingGroups(ctx)
	if err != nil {
		return nil, err
	}
	var out []Item
	for _, g := range groups {
		how := ruleOf(g.Reason)
		switch {
		case how.passes:
			continue
		case how.together != nil:
			out = append(out, how.together(g))
			continue
		}
		rows, err := r.Waiting(ctx, g, limitEach)
		if err != nil {
			return nil, err
		}
		for at, w := range rows {
			out = append(out, one(how, g.Reason, at, w))
		}
	}
	bookings, err := r.WaitingBookings(ctx, limitEach)
	if err != nil {
		return nil, err
	}
	for _, b := range bookings {
		out = append(out, b.item())
	}
	gaps, err := r.WaitingGaps(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range gaps {
		out = append(out, g.item(assets))
	}
	slices.SortFunc(out, func(a, b Item) int { return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.Key(), b.Key())) })
	return out, nil
}

func one(how rule, reason string, at id.ID, w withdrawal.Withdrawal) Item {
	i := Item{
		Kind: how.kind, Subject: at.Text(id.Withdrawal), Merchant: id.ID{Shard: at.Shard, Seq: w.Merchant}, Network: w.Network,
		Asset: w.ReceiveCurrency, Amount: w.Receive, Count: 1, Reason: reason, Text: w.AttentionText, Since: w.UpdatedAt,
	}
	if reason == InReview {
		i.Text = w.Review
	}
	i.Commands = how.commands(i.Subject, end(i.Subject, w))
	return i
}

// operatorShard is where dispatches are.
const operatorShard id.Shard = 0

// end is the command that gives up a withdrawal: before a dispatch has claimed it, and after.
func end(subject string, w withdrawal.Withdrawal) string {
	if w.State.Cancellable() {
		return "sluice withdrawal reject " + subject + " --reason WHY"
	}
	return "sluice dispatch cancel " + id.ID{Shard: operatorShard, Seq: w.Dispatch}.Text(id.Dispatch) + " --reason WHY"
}

func (b Suspended) item() Item {
	subject := b.ID.Text(id.BankEntry)
	return Item{
		Kind: Booking, Subject: subject, Asset: b.Asset, Amount: b.Amount, Reason: b.Cause, Text: b.Text, Since: b.Since,
		Commands: []string{"sluice bank suspense resolve " + subject + " --as HOW --text WHY"},
	}
}

func (g Gap) item(assets money.Assets) Item {
	subject := g.Wallet.Text(id.Wallet)
	amount := assets[g.Asset].Format(g.Amount)
	return Item{
		Kind: Outflow, Subject: subject, Network: g.Network, Asset: g.Asset, Amount: g.Amount, Reason: "unexplained", Since: g.Since,
		Text: fmt.Sprintf("%s %s left the wallet without a payout: find out how", amount, g.Asset),
		Commands: []string{
			"sluice reconcile own --wallet " + subject + " --txid TXID --reason WHY",
			"sluice reconcile book --wallet " + subject + " --asset " + g.Asset + " --amount " + amount + " --reason WHY",
		},
	}
}
