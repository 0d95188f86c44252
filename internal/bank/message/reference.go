package message

import "strings"

// placeholders are what banks write where a reference must stand and they have none, in
// upper case and without anything but letters and digits.
var placeholders = map[string]bool{}

func init() {
	for _, s := range strings.Fields(`NONREF NOREF NONE NULL NIL NA NAN NV NN NOTPROVIDED NOTPROVIDE NOTPROV NOTAVAILABLE NOTAVAIL NOTAPPLICABLE NOTGIVEN NOTUSED
		NOTKNOWN UNKNOWN UNDEFINED UNSPECIFIED NOREFERENCE NOREFERENCEPROVIDED NOID WITHOUT WITHOUTREFERENCE MISSING EMPTY BLANK DEFAULT DUMMY PLACEHOLDER STANDARD CONSTANT
		REF REFERENCE NO NOE NOTPRESENT NOTSUPPLIED KEINE KEINEREFERENZ KREF OHNE OHNEREFERENZ UNBEKANNT NICHTVORHANDEN NICHTANGEGEBEN LEER AUCUNE SANSREF SANSREFERENCE INCONNU
		NONCOMMUNIQUE NONCOMMUNIQUEE SINREFERENCIA SINREF NINGUNA DESCONOCIDO NESSUNO NESSUNA NONDISPONIBILE SCONOSCIUTO ONBEKEND GEEN GEENREFERENTIE BRAK INGEN UKENDT UKJENT OKAND EITIEDOSSA`) {
		placeholders[s] = true
	}
}

// Placeholder tells whether a reference names nothing: it is empty, a word for none
// (NONREF, NOTPROVIDED), one character over and over (0000, XXX), or a number so small that
// it only counts entries.
func Placeholder(ref string) bool {
	core := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
			return r
		}
		return -1
	}, ref)
	return core == "" || placeholders[core] || strings.Trim(core, core[:1]) == "" && len(core) > 1 || len(core) <= counterDigits && strings.Trim(core, "0123456789") == ""
}

// counterDigits is how many digits alone may be the place of an entry in its statement.
const counterDigits = 6

// given is a reference, "" for a placeholder.
func given(ref string) string {
	if Placeholder(ref) {
		return ""
	}
	return ref
}
