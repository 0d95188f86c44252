package sepa

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sluice/internal/bank"
	"sluice/internal/bank/message"
)

// Delivery is a file of the bank that was read and may be believed.
type Delivery struct {
	Name    string // as it may be shown
	Content bank.Content
	Files   []*message.File // its messages, without their entries
	Left    []string        // what of it is not used, and why
}

// Refused is a file of the bank of which nothing is used, or what is no file.
type Refused struct {
	Name    string // as it may be shown
	Reason  error  // a *message.Refusal or ErrChecksum
	Size    int64
	Content bank.Content // zero for one that was not read
}

// Intake takes in what a bank has left.
type Intake struct {
	Channel Channel
	// Own tells whether an account number is ours at this bank.
	Own    func(number string) bool
	Limits message.Limits
	// Take keeps what the file says. It must be safe to repeat: a file is put away
	// only afterwards, and comes again if that fails. An error leaves it in the inbox.
	Take func(ctx context.Context, d Delivery) error
	// Refuse keeps a file of which nothing is used, before it goes into quarantine; and what is
	// no file, which stays in the inbox. nil: the channel's quarantine is enough. It must be
	// safe to repeat.
	Refuse func(ctx context.Context, r Refused) error
}

// Run goes through the inbox once. Files that cannot be trusted are put into
// quarantine whole, with the reason, and are in the answer; the others are taken in one
// after another. An error about one file does not stop the others.
func (i Intake) Run(ctx context.Context) ([]Refused, error) {
	list, err := i.Channel.Inbox(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the inbox: %w", err)
	}
	var refused []Refused
	var problems []error
	for _, in := range list {
		if err := ctx.Err(); err != nil {
			return refused, err
		}
		list, err := i.one(ctx, in)
		refused = append(refused, list...)
		if err != nil {
			problems = append(problems, fmt.Errorf("file %s: %w", printable(in.Name), err))
		}
	}
	return refused, errors.Join(problems...)
}

// one takes a file in, and puts it away. What is packed in it is taken in file by file; if one
// of these is refused, the whole goes into quarantine, so that a person finds it there.
func (i Intake) one(ctx context.Context, in Incoming) ([]Refused, error) {
	name := printable(in.Name)
	if in.Odd != "" {
		return nil, i.refuse(ctx, Refused{Name: name, Reason: &message.Refusal{Cause: message.NoFile, Text: "it stays in the inbox and is not read: " + in.Odd}, Size: in.Size})
	}
	content, err := i.fetch(ctx, in)
	var why *message.Refusal
	var refused []Refused
	switch {
	case errors.As(err, &why) || errors.Is(err, ErrChecksum):
		refused = append(refused, Refused{name, err, in.Size, content})
	case err != nil:
		return nil, err
	default:
		if refused, err = i.members(ctx, unpack(name, content, i.Limits.Bytes)); err != nil {
			return nil, err
		}
	}
	if len(refused) == 0 {
		return nil, i.Channel.Archive(ctx, in.Name)
	}
	var reasons []string
	for _, r := range refused {
		if err := i.refuse(ctx, r); err != nil {
			return nil, err
		}
		reason := r.Reason.Error()
		if r.Name != name {
			reason = r.Name + ": " + reason
		}
		reasons = append(reasons, reason)
	}
	return refused, i.Channel.Quarantine(ctx, in.Name, strings.Join(reasons, "\n"))
}

func (i Intake) refuse(ctx context.Context, r Refused) error {
	if i.Refuse == nil {
		return nil
	}
	if err := i.Refuse(ctx, r); err != nil {
		return fmt.Errorf("keep a refused file: %w", err)
	}
	return nil
}

// members takes in the files in a file, and gives those that are refused.
func (i Intake) members(ctx context.Context, list []member) (refused []Refused, err error) {
	for _, m := range list {
		m.name = printable(m.name)
		d := Delivery{Name: m.name, Content: m.content}
		if m.reason == nil {
			d.Files, d.Left, m.reason = i.read(m.content)
		}
		var why *message.Refusal
		switch {
		case errors.As(m.reason, &why):
			refused = append(refused, Refused{m.name, m.reason, m.size, m.content})
			continue
		case m.reason != nil:
			return nil, m.reason
		}
		if err := i.Take(ctx, d); err != nil {
			return nil, fmt.Errorf("take in: %w", err)
		}
	}
	return refused, nil
}

// fetch packs a file of the channel.
func (i Intake) fetch(ctx context.Context, in Incoming) (bank.Content, error) {
	if in.Size > i.Limits.Bytes {
		return bank.Content{}, &message.Refusal{Cause: message.TooLarge, Text: fmt.Sprintf("the file has %d bytes, at most %d are read", in.Size, i.Limits.Bytes)}
	}
	r, err := i.Channel.Open(ctx, in.Name)
	if err != nil {
		return bank.Content{}, err
	}
	defer r.Close() //nolint:errcheck // only read from
	// A channel may know the size wrongly: what is larger than allowed is not read on.
	content, err := bank.Pack(r, i.Limits.Bytes)
	if errors.Is(err, bank.ErrTooLarge) {
		return content, &message.Refusal{Cause: message.TooLarge, Text: err.Error()}
	}
	return content, err
}

// read reads the messages of a file, without keeping their entries.
func (i Intake) read(content bank.Content) (files []*message.File, left []string, err error) {
	r, err := content.Open()
	if err != nil {
		return nil, nil, err
	}
	defer r.Close() //nolint:errcheck // only read from
	files, unknown, err := message.Walk(r, i.Limits, func(*message.File, *message.Account, message.Entry) error { return nil })
	if err != nil {
		return nil, nil, err
	}
	if left, err = message.Sift(files, i.Own); err != nil {
		return nil, nil, err
	}
	for _, name := range unknown {
		left = append(left, fmt.Sprintf("a document %.60q is not used: it is no pain.002, camt.029, camt.052, camt.053 or camt.054", printable(name)))
	}
	return files, left, nil
}
