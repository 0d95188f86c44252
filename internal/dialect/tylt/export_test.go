package tylt

import "sluice/internal/dialect"

// ReadAmount gives baseAmount of a request as it was written, and as it is read.
func ReadAmount(s Signed) (given, plain string, ok bool) {
	f, err := fieldsOf(s)
	if err != nil || !f.has("baseAmount") {
		return "", "", false
	}
	plain, err = f.decimal("baseAmount")
	return f.Get("baseAmount").Text(), plain, err == nil
}

// Rewrite writes JSON again.
func Rewrite(body []byte) ([]byte, bool) {
	v, err := dialect.ParseBody(body)
	return v.Append(nil), err == nil
}

// Messages are what may have been signed.
func Messages(s Signed) [][]byte { return s.messages(false) }

// Number writes a decimal as a number; exact tells whether all of it is there.
func Number(decimal string, up bool) (text string, exact bool) { return number(decimal, up) }
