package calendar_test

import (
	"testing"
	"time"

	"sluice/internal/bank/calendar"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	x, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// closed lists every weekday of 2026 to 2030 on which T2 is closed, as the ECB's
// rule gives them; weekends that a holiday falls on are left out.
var closed = map[string]bool{
	"2026-01-01": true, "2026-04-03": true, "2026-04-06": true, "2026-05-01": true, "2026-12-25": true,
	"2027-01-01": true, "2027-03-26": true, "2027-03-29": true,
	"2028-04-14": true, "2028-04-17": true, "2028-05-01": true, "2028-12-25": true, "2028-12-26": true,
	"2029-01-01": true, "2029-03-30": true, "2029-04-02": true, "2029-05-01": true, "2029-12-25": true, "2029-12-26": true,
	"2030-01-01": true, "2030-04-19": true, "2030-04-22": true, "2030-05-01": true, "2030-12-25": true, "2030-12-26": true,
}

func TestIsBusinessDayOnEveryDayOfFiveYears(t *testing.T) {
	for d := at(t, "2026-01-01T12:00:00Z"); d.Year() < 2031; d = d.AddDate(0, 0, 1) {
		weekend := d.Weekday() == time.Saturday || d.Weekday() == time.Sunday
		want := !weekend && !closed[d.Format(time.DateOnly)]
		if got := calendar.IsBusinessDay(d); got != want {
			t.Errorf("%s: business day is %v, want %v", d.Format(time.DateOnly), got, want)
		}
	}
}

func TestAddBusinessDays(t *testing.T) {
	cases := []struct {
		name, from string
		n          int
		want       string
	}{
		{"the day itself", "2026-11-18T09:30:00Z", 0, "2026-11-17T23:00:00Z"},
		{"the next day", "2026-11-18T09:30:00Z", 1, "2026-11-18T23:00:00Z"},
		{"two days", "2026-11-18T09:30:00Z", 2, "2026-11-19T23:00:00Z"},
		{"over a weekend", "2026-11-19T09:30:00Z", 2, "2026-11-22T23:00:00Z"},
		{"Saturday counts as Monday", "2026-11-21T09:30:00Z", 0, "2026-11-22T23:00:00Z"},
		{"Saturday and one", "2026-11-21T09:30:00Z", 1, "2026-11-23T23:00:00Z"},
		{"late evening in London is tomorrow in Frankfurt", "2026-11-18T23:30:00Z", 1, "2026-11-19T23:00:00Z"},
		{"over Easter", "2026-04-02T10:00:00Z", 1, "2026-04-06T22:00:00Z"},
		{"over Easter from Good Friday", "2026-04-03T10:00:00Z", 1, "2026-04-07T22:00:00Z"},
		{"over the first of May", "2026-04-30T10:00:00Z", 1, "2026-05-03T22:00:00Z"},
		{"over Christmas on a Friday and a Saturday", "2026-12-24T10:00:00Z", 1, "2026-12-27T23:00:00Z"},
		{"over Christmas in the week", "2029-12-24T10:00:00Z", 1, "2029-12-26T23:00:00Z"},
		{"over New Year", "2029-12-31T10:00:00Z", 1, "2030-01-01T23:00:00Z"},
		{"into summer time", "2026-03-27T10:00:00Z", 1, "2026-03-29T22:00:00Z"},
		{"out of summer time", "2026-10-23T10:00:00Z", 1, "2026-10-25T23:00:00Z"},
		{"a month", "2026-11-02T10:00:00Z", calendar.MaxDays, "2026-12-13T23:00:00Z"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := calendar.AddBusinessDays(at(t, c.from), c.n); !got.Equal(at(t, c.want)) {
				t.Errorf("%s + %d = %s, want %s", c.from, c.n, got.Format(time.RFC3339), c.want)
			}
		})
	}
}

// Later in, never earlier out; one more day is always later.
func TestAddBusinessDaysIsMonotonic(t *testing.T) {
	last := make([]time.Time, calendar.MaxDays+1)
	for d := at(t, "2026-01-01T00:30:00Z"); d.Year() < 2031; d = d.Add(7 * time.Hour) {
		for n := 0; n <= calendar.MaxDays; n += 3 {
			got := calendar.AddBusinessDays(d, n)
			if got.Before(last[n]) {
				t.Fatalf("%s + %d is before the answer for an earlier moment", d, n)
			}
			if !calendar.IsBusinessDay(got) {
				t.Fatalf("%s + %d = %s is no business day", d, n, got)
			}
			last[n] = got
		}
	}
}
