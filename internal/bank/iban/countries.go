package iban

// country says how account numbers of a country look after the check digits. form
// has one character for each place: n a digit, a a letter, c either.
type country struct {
	form string
	sepa bool
	eea  bool // of the European Economic Area: what a bank asks of a payment to it is less
}

func (c country) length() int { return expand(c.form, nil) }

func (c country) fits(bban string) bool {
	ok := true
	expand(c.form, func(n int, kind byte) {
		b := bban[n]
		if kind == 'n' && !isDigit(b) || kind == 'a' && !isLetter(b) {
			ok = false
		}
	})
	return ok
}

// expand walks a form like "4a14n" place by place and returns how many it has.
func expand(form string, each func(n int, kind byte)) int {
	places, count := 0, 0
	for n := range len(form) {
		if isDigit(form[n]) {
			count = count*10 + int(form[n]-'0')
			continue
		}
		for range count {
			if each != nil {
				each(places, form[n])
			}
			places++
		}
		count = 0
	}
	return places
}

// Countries lists the codes of the countries whose IBANs are known, SEPA ones only
// on request. The order is not defined.
func Countries(onlySEPA bool) []string {
	var out []string
	for code, c := range countries {
		if c.sepa || !onlySEPA {
			out = append(out, code)
		}
	}
	return out
}

// countries holds the forms of the IBAN registry (ISO 13616, kept by SWIFT), and
// which countries take part in SEPA (European Payments Council, EPC409-09). Parts of
// a country use the country's letters: GF, GP, MQ, RE, YT and others are FR, the
// Åland Islands FI, Guernsey, Jersey and the Isle of Man GB.
var countries = map[string]country{
	// European Economic Area.
	"AT": {"16n", true, true}, "BE": {"12n", true, true}, "BG": {"4a6n8c", true, true}, "CY": {"8n16c", true, true},
	"CZ": {"20n", true, true}, "DE": {"18n", true, true}, "DK": {"14n", true, true}, "EE": {"16n", true, true},
	"ES": {"20n", true, true}, "FI": {"14n", true, true}, "FR": {"10n11c2n", true, true}, "GR": {"7n16c", true, true},
	"HR": {"17n", true, true}, "HU": {"24n", true, true}, "IE": {"4a14n", true, true}, "IS": {"22n", true, true},
	"IT": {"1a10n12c", true, true}, "LI": {"5n12c", true, true}, "LT": {"16n", true, true}, "LU": {"3n13c", true, true},
	"LV": {"4a13c", true, true}, "MT": {"4a5n18c", true, true}, "NL": {"4a10n", true, true}, "NO": {"11n", true, true},
	"PL": {"24n", true, true}, "PT": {"21n", true, true}, "RO": {"4a16c", true, true}, "SE": {"20n", true, true},
	"SI": {"15n", true, true}, "SK": {"20n", true, true},

	// The others of SEPA.
	"AD": {"8n12c", true, false}, "AL": {"8n16c", true, false}, "CH": {"5n12c", true, false}, "GB": {"4a14n", true, false},
	"GI": {"4a15c", true, false}, "MC": {"10n11c2n", true, false}, "MD": {"20c", true, false}, "ME": {"18n", true, false},
	"MK": {"3n10c2n", true, false}, "RS": {"18n", true, false}, "SM": {"1a10n12c", true, false}, "VA": {"18n", true, false},

	// Not in SEPA. Known so that a refusal names the true reason.
	"AE": {"19n", false, false}, "AZ": {"4a20c", false, false}, "BA": {"16n", false, false}, "BH": {"4a14c", false, false},
	"BI": {"23n", false, false}, "BR": {"23n1a1c", false, false}, "BY": {"4c4n16c", false, false}, "CR": {"18n", false, false},
	"DJ": {"23n", false, false}, "DO": {"4c20n", false, false}, "EG": {"25n", false, false}, "FK": {"2a12n", false, false},
	"FO": {"14n", false, false}, "GE": {"2a16n", false, false}, "GL": {"14n", false, false}, "GT": {"4c20c", false, false},
	"HN": {"4a20n", false, false}, "IL": {"19n", false, false}, "IQ": {"4a15n", false, false}, "JO": {"4a4n18c", false, false},
	"KW": {"4a22c", false, false}, "KZ": {"3n13c", false, false}, "LB": {"4n20c", false, false}, "LC": {"4a24c", false, false},
	"LY": {"21n", false, false}, "MN": {"16n", false, false}, "MR": {"23n", false, false}, "MU": {"4a19n3a", false, false},
	"NI": {"4a20n", false, false}, "OM": {"3n16c", false, false}, "PK": {"4a16c", false, false}, "PS": {"4a21c", false, false},
	"QA": {"4a21c", false, false}, "RU": {"14n15c", false, false}, "SA": {"2n18c", false, false}, "SC": {"4a20n3a", false, false},
	"SD": {"14n", false, false}, "SO": {"19n", false, false}, "ST": {"21n", false, false}, "SV": {"4a20n", false, false},
	"TL": {"19n", false, false}, "TN": {"20n", false, false}, "TR": {"6n16c", false, false}, "UA": {"6n19c", false, false},
	"VG": {"4a16n", false, false}, "XK": {"16n", false, false}, "YE": {"4a4n18c", false, false},
}
