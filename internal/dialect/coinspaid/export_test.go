package coinspaid

// ReadAmount gives the member amount of a body as it was written, and as it is read.
func ReadAmount(body []byte) (given, plain string, ok bool) {
	r, err := parse(body)
	if err != nil || !r.has("amount") {
		return "", "", false
	}
	given, _ = r.body.Get("amount").Scalar()
	plain, ok = decimal(given)
	return given, plain, ok
}
