package coinspaid

import "encoding/json"

// ReadAmount gives the member amount of a body as it was written, and as it is read.
func ReadAmount(body []byte) (given, plain string, ok bool) {
	r, err := parse(body)
	if err != nil || !r.has("amount") {
		return "", "", false
	}
	if json.Unmarshal(r.members["amount"], &given) != nil {
		given = string(r.members["amount"])
	}
	plain, ok = decimal(given)
	return given, plain, ok
}
