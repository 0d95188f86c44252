package iban

// country says how account numbers of a country look after the check digits. form
// has one character for each place: n a digit, a a letter, c either.
type country struct {
	form string
	sepa bool
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
	"AT": {"16n", true}, "BE": {"12n", true}, "BG": {"4a6n8c", true}, "CY": {"8n16c", true},
	"CZ": {"20n", true}, "DE": {"18n", true}, "DK": {"14n", true}, "EE": {"16n", true},
	"ES": {"20n", true}, "FI": {"14n", true}, "FR": {"10n11c2n", true}, "GR": {"7n16c", true},
	"HR": {"17n", true}, "HU": {"24n", true}, "IE": {"4a14n", true}, "IS": {"22n", true},
	"IT": {"1a10n12c", true}, "LI": {"5n12c", true}, "LT": {"16n", true}, "LU": {"3n13c", true},
	"LV": {"4a13c", true}, "MT": {"4a5n18c", true}, "NL": {"4a10n", true}, "NO": {"11n", true},
	"PL": {"24n", true}, "PT": {"21n", true}, "RO": {"4a16c", true}, "SE": {"20n", true},
	"SI": {"15n", true}, "SK": {"20n", true},

	// The others of SEPA.
	"AD": {"8n12c", true}, "AL": {"8n16c", true}, "CH": {"5n12c", true}, "GB": {"4a14n", true},
	"GI": {"4a15c", true}, "MC": {"10n11c2n", true}, "MD": {"20c", true}, "ME": {"18n", true},
	"MK": {"3n10c2n", true}, "RS": {"18n", true}, "SM": {"1a10n12c", true}, "VA": {"18n", true},

	// Not in SEPA. Known so that a refusal names the true reason.
	"AE": {"19n", false}, "AZ": {"4a20c", false}, "BA": {"16n", false}, "BH": {"4a14c", false},
	"BI": {"23n", false}, "BR": {"23n1a1c", false}, "BY": {"4c4n16c", false}, "CR": {"18n", false},
	"DJ": {"23n", false}, "DO": {"4c20n", false}, "EG": {"25n", false}, "FK": {"2a12n", false},
	"FO": {"14n", false}, "GE": {"2a16n", false}, "GL": {"14n", false}, "GT": {"4c20c", false},
	"HN": {"4a20n", false}, "IL": {"19n", false}, "IQ": {"4a15n", false}, "JO": {"4a4n18c", false},
	"KW": {"4a22c", false}, "KZ": {"3n13c", false}, "LB": {"4n20c", false}, "LC": {"4a24c", false},
	"LY": {"21n", false}, "MN": {"16n", false}, "MR": {"23n", false}, "MU": {"4a19n3a", false},
	"NI": {"4a20n", false}, "OM": {"3n16c", false}, "PK": {"4a16c", false}, "PS": {"4a21c", false},
	"QA": {"4a21c", false}, "RU": {"14n15c", false}, "SA": {"2n18c", false}, "SC": {"4a20n3a", false},
	"SD": {"14n", false}, "SO": {"19n", false}, "ST": {"21n", false}, "SV": {"4a20n", false},
	"TL": {"19n", false}, "TN": {"20n", false}, "TR": {"6n16c", false}, "UA": {"6n19c", false},
	"VG": {"4a16n", false}, "XK": {"16n", false}, "YE": {"4a4n18c", false},
}
