package message

import (
	"strconv"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/money"
)

// scales are the currencies of ISO 4217 whose minor unit is not a hundredth.
var scales = map[string]int{
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0, "UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3, "CLF": 4, "UYW": 4,
}

// readAmount reads an amount with its currency. ISO 20022 takes up to five decimals, and
// some banks write all of them; what the currency does not have must be zeros, since no
// money of that size exists. path names the element in a refusal.
func readAmount(n *node, path string) (money.Amount, string, error) {
	if n == nil {
		return money.Amount{}, "", refuse(Malformed, "%s is missing", path)
	}
	currency := n.attribute("Ccy")
	if len(currency) != 3 || strings.ToUpper(currency) != currency {
		return money.Amount{}, "", refuse(Malformed, "%s is %.40q and has no currency (Ccy)", path, n.text)
	}
	scale, odd := scales[currency]
	if !odd {
		scale = 2
	}
	// Some banks pad on the left, and to the five decimals of the schema on the right.
	text := strings.TrimLeft(n.text, "0")
	if text == "" || text[0] == '.' {
		text = "0" + text
	}
	if whole, decimals, ok := strings.Cut(text, "."); ok && len(decimals) <= decimalsMax {
		for len(decimals) > scale && decimals[len(decimals)-1] == '0' {
			decimals = decimals[:len(decimals)-1]
		}
		if text = whole; decimals != "" {
			text += "." + decimals
		}
	}
	if n.text == "" {
		text = ""
	}
	a, err := money.Asset{Code: currency, Scale: scale}.Parse(text)
	if err != nil {
		return a, currency, refuse(Malformed, "%s is %.40q: %s", path, n.text, fault.Of(err).Message)
	}
	return a, currency, nil
}

// decimalsMax is how many decimals are read: the schema allows five, and some write more zeros.
const decimalsMax = 18

func readSide(n *node, path string) (Side, error) {
	s := n.get()
	switch Side(s) {
	case Debit, Credit:
		return Side(s), nil
	}
	if s == "" {
		return "", refuse(Malformed, "%s is missing: it says whether the amount is a debit (DBIT) or a credit (CRDT)", path)
	}
	return "", refuse(Malformed, "%s is %.40q, neither DBIT nor CRDT", path, s)
}

func readBool(s, path string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "1":
		return true, nil
	case "", "false", "0":
		return false, nil
	}
	return false, refuse(Malformed, "%s is %.40q, neither true nor false", path, s)
}

// readDay reads a date that stands as Dt or as DtTm, or directly. None is fine.
func readDay(n *node, path string) (Day, error) {
	s := first(n.get("Dt"), n.get("DtTm"), n.get())
	if s == "" {
		return "", nil
	}
	d, err := ParseDay(s)
	if err != nil {
		return "", refuse(Malformed, "%s: %s", path, err)
	}
	return d, nil
}

// readTime reads a time for the record; nothing is decided by it, so an odd one
// does not spoil the file.
func readTime(s string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// numberMax bounds counts and sequence numbers.
const numberMax = 1 << 40

func readNumber(n *node) (uint64, error) {
	// The schema's type is a decimal: "12312.0" is as good as "12312".
	whole, frac, _ := strings.Cut(n.text, ".")
	v, err := strconv.ParseUint(whole, 10, 64)
	if err != nil || v > numberMax || strings.Trim(frac, "0") != "" {
		return 0, refuse(Malformed, "%s is %.40q, not a number", n.name, n.text)
	}
	return v, nil
}

func readPage(n *node) (Page, error) {
	if n == nil {
		return Page{}, nil
	}
	number := n.at("PgNb")
	if number == nil {
		return Page{}, refuse(Malformed, "%s/PgNb is missing", n.name)
	}
	v, err := readNumber(number)
	if err != nil {
		return Page{}, err
	}
	last, err := readBool(n.get("LastPgInd"), n.name+"/LastPgInd")
	return Page{Number: int(v), Last: last}, err //nolint:gosec // readNumber bounds it
}
