// Package calendar knows the business days of T2, the euro settlement system: every
// day but Saturdays, Sundays, 1 January, Good Friday, Easter Monday, 1 May,
// 25 and 26 December. The days are those of Frankfurt (Europe/Berlin).
package calendar

import (
	"time"
	_ "time/tzdata" // the zone must be known on a machine without zone files

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/ecb"
)

// MaxDays bounds n of AddBusinessDays. No settlement takes longer than a month, and
// a larger number is more likely a mistake than a wish.
const MaxDays = 30

// zone is where T2 keeps its days.
var zone = func() *time.Location {
	l, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic("calendar: " + err.Error()) // tzdata is linked in: cannot happen
	}
	return l
}()

var days = func() *cal.Calendar {
	c := &cal.Calendar{Name: "T2"}
	c.AddHoliday(ecb.Holidays...)
	return c
}()

// IsBusinessDay tells whether T2 is open on the day that t falls on in Frankfurt.
func IsBusinessDay(t time.Time) bool {
	d := start(t, 0)
	if d.Weekday() == time.Saturday || d.Weekday() == time.Sunday {
		return false
	}
	holiday, _, _ := days.IsHoliday(d)
	return !holiday
}

// AddBusinessDays gives the moment at which the n-th business day after the day of
// t begins: 00:00 in Frankfurt. n is 0 to MaxDays. What happens on a day that is no business
// day counts as done on the next one (so a Saturday with n = 1 gives Tuesday, and
// with n = 0 Monday); with n = 0 on a business day the answer is the beginning of
// that same day, which has passed.
// Source of the counting: Directive (EU) 2015/2366, article 78(1).
func AddBusinessDays(t time.Time, n int) time.Time {
	d := 0
	for !IsBusinessDay(start(t, d)) {
		d++
	}
	for ; n > 0; n-- {
		d++
		for !IsBusinessDay(start(t, d)) {
			d++
		}
	}
	return start(t, d).UTC()
}

// start is 00:00 in Frankfurt of the day of t plus some days. It counts days, not
// 24 hours: two days a year are shorter or longer.
func start(t time.Time, plus int) time.Time {
	y, m, d := t.In(zone).Date()
	return time.Date(y, m, d+plus, 0, 0, 0, 0, zone)
}
