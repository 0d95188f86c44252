package message

import (
	"slices"

	"sluice/internal/money"
)

// readCharges reads what a bank says it charged, in the currency of the entry. Since version
// 4 there is one Chrgs with a total and records; before, one for each charge, some with a
// total. The answer is every sum that this may mean: whoever asks whether a difference is
// a charge compares it with each.
func readCharges(list []*node, currency string) []money.Amount {
	var totals, records []money.Amount
	take := func(to *[]money.Amount, n *node) {
		if n == nil {
			return
		}
		if a, c, err := readAmount(n, "Chrgs/Amt"); err == nil && c == currency && !a.IsZero() {
			*to = append(*to, a)
		}
	}
	for _, c := range list {
		take(&totals, c.at("TtlChrgsAndTaxAmt"))
		for _, r := range append(c.all("Rcrd"), c) {
			// What the bank gives back is no charge, and what it does not take here neither.
			if r.get("CdtDbtInd") != string(Credit) && r.get("ChrgInclInd") != "false" {
				take(&records, r.at("Amt"))
			}
		}
	}
	var out []money.Amount
	for _, sums := range [][]money.Amount{totals, records} {
		if total, err := money.Sum(sums...); err == nil && !total.IsZero() && !slices.Contains(out, total) {
			out = append(out, total)
		}
	}
	return out
}
