package fee

import (
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/merchant"
)

// Stored is a schedule of one merchant as it is kept. One that was removed stays as
// a row that charges nothing and is not looked for.
type Stored struct {
	Schedule
	Active    bool
	UpdatedAt time.Time
	Version   int64
}

// Schedules is the table of the merchants' own schedules.
var Schedules = commit.NewTable("fee_schedule", func(s *Stored) Key { return s.Key })

// Answer implements commit.Answerer. An operator's change is repeated by sending it again.
func (s Stored) Answer() commit.Answer { return commit.Answer{Ref: s.Merchant} }

// Set gives a merchant a schedule of its own, in place of one with the same key. It
// holds for what is accepted from then on. Only the operator may.
type Set struct{ Schedule Schedule }

// Reads implements commit.Command.
func (c Set) Reads(w *commit.Wants) {
	merchant.Merchants.Want(w, c.Schedule.Merchant)
	Schedules.Want(w, c.Schedule.Key)
}

// Apply implements commit.Command.
func (c Set) Apply(v *commit.View) (Stored, error) {
	if err := c.Schedule.Validate(); err != nil {
		return Stored{}, err
	}
	if _, ok := merchant.Merchants.Get(v, c.Schedule.Merchant); !ok {
		return Stored{}, fault.New(fault.NotFound, "merchant_not_found", "no such merchant")
	}
	was, _ := Schedules.Get(v, c.Schedule.Key)
	s := Stored{Schedule: c.Schedule, Active: true, UpdatedAt: v.Now(), Version: was.Version + 1}
	Schedules.Put(v, s)
	return s, nil
}

// Remove takes a merchant's own schedule away: what the installation charges holds
// again. Only the operator may.
type Remove struct{ Key Key }

// Reads implements commit.Command.
func (c Remove) Reads(w *commit.Wants) { Schedules.Want(w, c.Key) }

// Apply implements commit.Command.
func (c Remove) Apply(v *commit.View) (Stored, error) {
	s, ok := Schedules.Get(v, c.Key)
	if !ok || !s.Active {
		return Stored{}, fault.New(fault.NotFound, "fee_not_found", "this merchant has no such fee schedule of its own")
	}
	s.Active, s.UpdatedAt, s.Version = false, v.Now(), s.Version+1
	Schedules.Put(v, s)
	return s, nil
}
