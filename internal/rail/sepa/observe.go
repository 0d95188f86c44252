package sepa

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"sluice/internal/rail/sepa/message"
)

// Delivery is a file of the bank that was read and may be believed.
type Delivery struct {
	Name   string
	SHA256 string // of the bytes, in hex
	File   *message.File
}

// Refused is a file of the bank that was put into quarantine.
type Refused struct {
	Name   string
	Reason error // a *message.Refusal or ErrChecksum
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
		reason, err := i.one(ctx, in)
		if reason != nil {
			refused = append(refused, Refused{in.Name, reason})
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("file %s: %w", in.Name, err))
		}
	}
	return refused, errors.Join(problems...)
}

func (i Intake) one(ctx context.Context, in Incoming) (refused, err error) {
	d, err := i.read(ctx, in)
	var why *message.Refusal
	switch {
	case errors.As(err, &why) || errors.Is(err, ErrChecksum):
		return err, i.Channel.Quarantine(ctx, in.Name, err.Error())
	case err != nil:
		return nil, err
	}
	if err := i.Take(ctx, d); err != nil {
		return nil, fmt.Errorf("take in: %w", err)
	}
	return nil, i.Channel.Archive(ctx, in.Name)
}

func (i Intake) read(ctx context.Context, in Incoming) (Delivery, error) {
	if in.Size > i.Limits.Bytes {
		return Delivery{}, &message.Refusal{Cause: message.TooLarge, Text: fmt.Sprintf("the file has %d bytes, at most %d are read", in.Size, i.Limits.Bytes)}
	}
	r, err := i.Channel.Open(ctx, in.Name)
	if err != nil {
		return Delivery{}, err
	}
	defer r.Close() //nolint:errcheck // only read from
	// What the parser does not read (after a refusal) need not be summed up.
	hash := sha256.New()
	f, err := message.Read(io.TeeReader(r, hash), i.Limits)
	if err != nil {
		return Delivery{}, err
	}
	if err := f.Check(i.Own); err != nil {
		return Delivery{}, err
	}
	return Delivery{in.Name, hex.EncodeToString(hash.Sum(nil)), f}, nil
}
