package webhook

// CheckURL checks the form of a URL that messages are to be sent to. Whether it may be
// reached is decided when it is dialled. The fault is about the field url.
func CheckURL(s string, allowHTTP bool) error { return checkURL(s, allowHTTP) }
