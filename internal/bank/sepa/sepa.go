// Package sepa pays to bank accounts in euro with files: payment orders (pain.001) go
// to a bank, status reports and statements (pain.002, camt.054, camt.053) come back.
//
// The parts below it are pure and usable alone: text and code (what may be written),
// message (files in and out), match (what the bank's answers mean). This package adds
// what depends on a bank: which day a payment is ordered for, which payments go into one
// file, and how files travel (Channel, with adapters in channel).
//
// A slot is the message id of a file. An attempt is the exact bytes of the file, which
// carry that id, so a bank that gets them twice can tell. There is never a second file
// for the same payments: see docs/rails/sepa.md.
package sepa

import (
	"fmt"
	"strings"
	"time"

	"sluice/internal/bank/calendar"
	"sluice/internal/bank/message"
	"sluice/internal/fault"
	"sluice/internal/money"
)

// CutOff is the time of a bank's day until which orders are executed on the same day.
type CutOff struct{ Hour, Minute int }

// ParseCutOff reads a time like "14:30".
func ParseCutOff(s string) (CutOff, error) {
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != 5 {
		return CutOff{}, fmt.Errorf("cut-off %q: want hours and minutes like \"14:30\"", s)
	}
	return CutOff{t.Hour(), t.Minute()}, nil
}

// String is the form that ParseCutOff reads.
func (c CutOff) String() string { return fmt.Sprintf("%02d:%02d", c.Hour, c.Minute) }

// Bank is what one bank agreed with us about one account.
type Bank struct {
	Account   message.Party // ours: what pays
	Initiator string        // our name as the party that sends files
	Zone      *time.Location
	CutOff    CutOff // for normal payments; put the time that a file needs to travel in front
	// OneBooking asks for one debit for a whole file instead of one for each payment.
	OneBooking bool
	// FileMax is how many payments go into one file. 0: 1000.
	FileMax int
	// BytesMax is how many bytes a file has. 0: 48 MiB, three quarters of what channels take.
	BytesMax int
	// InstantMax is the largest amount that the bank takes as an instant payment; larger
	// ones are refused when they are asked for (Rail.CheckAmount). Zero:
	// no limit of the bank's own.
	InstantMax money.Amount
	// BICOutsideEEA says that the bank wants the BIC of recipients outside the European
	// Economic Area.
	BICOutsideEEA bool
	// Address is ours, and When it goes into an order.
	Address message.Address
	When    AddressRule
}

// AddressRule says when our address goes into an order.
type AddressRule string

// The rules.
const (
	AddressNever      AddressRule = "never" // also ""
	AddressOutsideEEA AddressRule = "outside_eea"
	AddressAlways     AddressRule = "always"
)

const (
	fileMax  = 1000
	bytesMax = 48 << 20
)

// Window is a day of execution, and the moment until which orders for it can leave.
type Window struct {
	Day    message.Day
	Closes time.Time
}

// Window says for which day an order that leaves now is executed. Normal payments:
// today until the cut-off if T2 is open today, else the next day on which it is. Instant
// payments: today, whatever day it is.
func (b Bank) Window(now time.Time, service message.Service) Window {
	y, m, d := now.In(b.Zone).Date()
	if service == message.Instant {
		return Window{message.DayOf(now.In(b.Zone)), time.Date(y, m, d+1, 0, 0, 0, 0, b.Zone)}
	}
	for {
		closes := time.Date(y, m, d, b.CutOff.Hour, b.CutOff.Minute, 0, 0, b.Zone)
		noon := time.Date(y, m, d, 12, 0, 0, 0, time.UTC)
		if now.Before(closes) && calendar.IsBusinessDay(noon) {
			return Window{message.DayOf(noon), closes}
		}
		d++
	}
}

// Instruction is a payment that wants to leave.
type Instruction struct {
	message.Payout
	Service message.Service
}

// Service is what a payment of this amount leaves with, if it was wanted so: an
// instant payment above the bank's limit is no instant payment.
func (b Bank) Service(wanted message.Service, amount money.Amount) message.Service {
	if wanted == message.Instant && !b.InstantMax.IsZero() && b.InstantMax.Less(amount) {
		return message.Normal
	}
	return wanted
}

// Group says which payments go into one file: those with the same service, in the
// order in which they come, at most FileMax and BytesMax. The account and the day are the same
// for all payments that one account sends now. The answer is lists of indexes; every index is
// in exactly one.
func (b Bank) Group(list []Instruction) ([][]int, error) {
	most, bytes := b.FileMax, b.bytesMax()
	if most <= 0 {
		most = fileMax
	}
	type open struct{ at, size int }
	var out [][]int
	last := map[message.Service]open{} // the list that a service fills
	for n, p := range list {
		size, err := p.Size()
		if err != nil {
			return nil, err
		}
		s := b.Service(p.Service, p.Amount)
		o, there := last[s]
		if !there || len(out[o.at]) == most || o.size+size > bytes {
			out = append(out, nil)
			o = open{len(out) - 1, message.FrameSize}
		}
		out[o.at] = append(out[o.at], n)
		last[s] = open{o.at, o.size + size}
	}
	return out, nil
}

func (b Bank) bytesMax() int {
	if b.BytesMax > 0 {
		return b.BytesMax
	}
	return bytesMax
}

// Order puts payments of one group into a file: one batch of one account, one day and
// one service. id is the message id, at most 33 characters; created goes into the file.
// Both must be stored before the first call, and the bytes before they leave.
func (b Bank) Order(id string, created time.Time, w Window, list []Instruction) (message.Order, error) {
	if len(list) == 0 {
		return message.Order{}, fmt.Errorf("order %s has no payments", id)
	}
	batch := message.Batch{
		ID: id + "-1", Service: b.Service(list[0].Service, list[0].Amount), Day: w.Day, OneBooking: b.OneBooking, Debtor: b.Account,
	}
	outside := false
	for _, p := range list {
		if b.Service(p.Service, p.Amount) != batch.Service {
			return message.Order{}, fmt.Errorf("order %s mixes services", id)
		}
		if err := b.bic(p.Creditor); err != nil {
			return message.Order{}, err
		}
		outside = outside || !p.Creditor.IBAN.EEA()
		batch.Payouts = append(batch.Payouts, p.Payout)
	}
	if b.When == AddressAlways || b.When == AddressOutsideEEA && outside {
		batch.Debtor.Address = b.Address
	}
	o := message.Order{ID: id, CreatedAt: created.UTC().Truncate(time.Second), Initiator: b.Initiator, Batches: []message.Batch{batch}}
	return o, o.Check()
}

// bic refuses a recipient without the BIC that the bank asks for.
func (b Bank) bic(to message.Party) error {
	if b.BICOutsideEEA && !to.IBAN.EEA() && to.BIC.IsZero() {
		return fault.Bad("bic_required", "bic", "this bank needs the BIC of accounts in %s: give it with the IBAN", to.IBAN.Country())
	}
	return nil
}

// FileName is the name under which an order travels.
func FileName(orderID string) string {
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '_'
	}, orderID)
	return "pain.001." + safe + ".xml"
}
