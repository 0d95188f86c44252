package treasury

// Exposure is what exchange has left the house with in one currency: above zero it
// took in more than it gave, below zero it gave more and has to buy it back.
type Exposure struct {
	Currency string
	// Done is of conversions that are paid: what the exchange accounts show, over all shards.
	Done Signed
	// Open is of conversions that are accepted and not at their end: what they will take
	// in, less what they will pay out.
	Open Signed
}

// Total is the exposure when every open conversion is paid.
func (e Exposure) Total() Signed {
	var out Signed
	out.v.Add(&e.Done.v, &e.Open.v)
	return out
}
