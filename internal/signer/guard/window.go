package guard

import (
	"time"

	"sluice/internal/money"
)

// window is what was paid of one asset in the last day. The sums are kept, so that
// asking is cheap however much was paid.
type window struct {
	paid []paid // of the last day and older, oldest first
	// From dayFrom on, paid is within a day of the newest look, and its sum is day.
	// The same for the hour.
	dayFrom, hourFrom int
	day, hour         money.Amount
}

type paid struct {
	at     time.Time
	amount money.Amount
}

// add remembers a payout. Times never go back.
func (w *window) add(at time.Time, amount money.Amount) (err error) {
	w.slide(at)
	w.paid = append(w.paid, paid{at, amount})
	if w.day, err = w.day.Add(amount); err != nil {
		return err
	}
	w.hour, err = w.hour.Add(amount)
	return err
}

// used is what was paid in some time before a moment.
type used struct {
	sum   money.Amount
	count int
}

// sums gives what was paid in the hour and in the day before a time.
func (w *window) sums(now time.Time) (hour, day used) {
	if w == nil {
		return hour, day
	}
	w.slide(now)
	return used{w.hour, len(w.paid) - w.hourFrom}, used{w.day, len(w.paid) - w.dayFrom}
}

// back makes what was paid after a moment count as paid at that moment: the clock that
// said so was wrong.
func (w *window) back(to time.Time) error {
	before := w.paid
	*w = window{}
	for _, p := range before {
		if p.at.After(to) {
			p.at = to
		}
		if err := w.add(p.at, p.amount); err != nil {
			return err
		}
	}
	w.slide(to)
	return nil
}

func (w *window) slide(now time.Time) {
	leave := func(from *int, sum *money.Amount, span time.Duration) {
		for *from < len(w.paid) && !w.paid[*from].at.After(now.Add(-span)) {
			*sum, _ = sum.Sub(w.paid[*from].amount) // it is a part of the sum
			*from++
		}
	}
	leave(&w.hourFrom, &w.hour, time.Hour)
	leave(&w.dayFrom, &w.day, 24*time.Hour)
	if w.dayFrom > len(w.paid)/2 && w.dayFrom > 1024 {
		w.paid = append([]paid(nil), w.paid[w.dayFrom:]...)
		w.hourFrom -= w.dayFrom
		w.dayFrom = 0
	}
}
