package evm

// Contract is the contract of a token; "" for what is none here.
func (r *Rail) Contract(asset string) string {
	if t, ok := r.tokens[asset]; ok {
		return t.contract.Hex()
	}
	return ""
}
