package tylt

// ReadAmount gives baseAmount of a request as it was written, and as it is read.
func ReadAmount(s Signed) (given, plain string, ok bool) {
	f, err := fieldsOf(s)
	if err != nil || !f.has("baseAmount") {
		return "", "", false
	}
	plain, err = f.decimal("baseAmount")
	return f["baseAmount"].plain, plain, err == nil
}

// Rewrite writes JSON again.
func Rewrite(body []byte) ([]byte, bool) {
	v, err := parse(body)
	return v.text(), err == nil
}

// Messages are what may have been signed.
func Messages(s Signed) [][]byte { return s.messages(false) }
