package sepa

import (
	"bytes"
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
	Raw    []byte
	File   *message.File
}

// Refused is a file of the bank that was put into quarantine.
type Refused struct {
	Name   string
	Reason error // a *message.Refusal or ErrChecksum
	Size   int64
	Raw    []byte // nil for one that is too large
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
	// Refuse keeps a file of which nothing is used, before it goes into quarantine. nil:
	// the channel's quarantine is enough. It must be safe to repeat.
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
		r, err := i.one(ctx, in)
		if r.Reason != nil {
			refused = append(refused, r)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("file %s: %w", in.Name, err))
		}
	}
	return refused, errors.Join(problems...)
}

func (i Intake) one(ctx context.Context, in Incoming) (refused Refused, err error) {
	d, err := i.read(ctx, in)
	var why *message.Refusal
	switch {
	case errors.As(err, &why) || errors.Is(err, ErrChecksum):
		refused = Refused{in.Name, err, in.Size, d.Raw}
		if i.Refuse != nil {
			if err := i.Refuse(ctx, refused); err != nil {
				return Refused{}, fmt.Errorf("keep a refused file: %w", err)
			}
		}
		return refused, i.Channel.Quarantine(ctx, in.Name, err.Error())
	case err != nil:
		return Refused{}, err
	}
	if err := i.Take(ctx, d); err != nil {
		return Refused{}, fmt.Errorf("take in: %w", err)
	}
	return Refused{}, i.Channel.Archive(ctx, in.Name)
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
	// A channel may know the size wrongly: what is larger than allowed is not read on.
	raw, err := io.ReadAll(io.LimitReader(r, i.Limits.Bytes+1))
	d := Delivery{Name: in.Name, Raw: raw}
	switch {
	case err != nil:
		return d, err
	case int64(len(raw)) > i.Limits.Bytes:
		return Delivery{}, &message.Refusal{Cause: message.TooLarge, Text: fmt.Sprintf("the file has more than %d bytes", i.Limits.Bytes)}
	}
	sum := sha256.Sum256(raw)
	d.SHA256 = hex.EncodeToString(sum[:])
	if d.File, err = message.Read(bytes.NewReader(raw), i.Limits); err != nil {
		return d, err
	}
	return d, d.File.Check(i.Own)
}
