package bank

import (
	"fmt"
	"strings"
	"time"
)

// lengths of the IBANs of some countries; of others only the check digits are looked at.
var lengths = map[string]int{
	"AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20, "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21,
	"HU": 28, "IE": 22, "IT": 27, "LT": 20, "LU": 20, "LV": 21, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "SE": 24, "SI": 19, "SK": 24,
}

// validIBAN computes the remainder digit by digit, on the rearranged number.
func validIBAN(s string) bool {
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	if want, known := lengths[s[:2]]; known && len(s) != want {
		return false
	}
	r := 0
	for _, c := range s[4:] + s[:4] {
		var digits string
		switch {
		case '0' <= c && c <= '9':
			digits = string(c)
		case 'A' <= c && c <= 'Z':
			digits = fmt.Sprint(c - 'A' + 10)
		default:
			return false
		}
		for _, d := range digits {
			r = (10*r + int(d-'0')) % 97
		}
	}
	return r == 1
}

// latin is the character set that every bank takes.
const latin = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ "

func onlyLatin(s string) bool {
	for _, c := range s {
		if !strings.ContainsRune(latin, c) {
			return false
		}
	}
	return true
}

func validID(s string) bool {
	return s != "" && len(s) <= 35 && onlyLatin(s) && s[0] != '/' && s[len(s)-1] != '/' && !strings.Contains(s, "//")
}

// cents reads an amount in euro with two decimals at the most.
func cents(s string) (int64, bool) {
	whole, frac, _ := strings.Cut(s, ".")
	if whole == "" || len(whole) > 12 || len(frac) > 2 {
		return 0, false
	}
	var v int64
	for _, c := range whole + (frac + "00")[:2] {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = 10*v + int64(c-'0')
	}
	return v, true
}

// euro writes cents as euro.
func euro(c int64) string {
	sign := ""
	if c < 0 {
		sign, c = "-", -c
	}
	return fmt.Sprintf("%s%d.%02d", sign, c/100, c%100)
}

// openDay tells whether T2 is open on a date.
func openDay(date string) bool {
	d, err := time.Parse(time.DateOnly, date)
	if err != nil || d.Weekday() == time.Saturday || d.Weekday() == time.Sunday {
		return false
	}
	easter := easterSunday(d.Year())
	switch date[5:] {
	case "01-01", "05-01", "12-25", "12-26":
		return false
	}
	return !d.Equal(easter.AddDate(0, 0, -2)) && !d.Equal(easter.AddDate(0, 0, 1))
}

// addOpenDays is the n-th day after a date on which T2 is open.
func addOpenDays(date string, n int) string {
	d, err := time.Parse(time.DateOnly, date)
	for err == nil && n > 0 {
		d = d.AddDate(0, 0, 1)
		if openDay(d.Format(time.DateOnly)) {
			n--
		}
	}
	return d.Format(time.DateOnly)
}

// easterSunday follows Butcher's method for the Gregorian calendar (Nature, 1876).
func easterSunday(y int) time.Time {
	a, b, c := y%19, y/100, y%100
	h := (19*a + b - b/4 - (b-(b+8)/25+1)/3 + 15) % 30
	l := (32 + 2*(b%4) + 2*(c/4) - h - c%4) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return time.Date(y, time.Month(n/31), n%31+1, 0, 0, 0, 0, time.UTC)
}
