package api

import (
	"context"

	"sluice/internal/fault"
	"sluice/internal/treasury"
)

// ExposureReads reads what exchange has left the house with.
type ExposureReads interface {
	Exposure(ctx context.Context) ([]treasury.Exposure, error)
}

// exposures writes what exchange has left the house with, by currency.
func (o objects) exposures(all []treasury.Exposure) {
	o.list("exchange")
	for _, x := range all {
		a, ok := o.assets[x.Currency]
		if !ok {
			o.fail(fault.New(fault.Internal, "internal", "the currency %s is not configured any more; an operator has to add it back", x.Currency))
			return
		}
		o.open()
		o.plain("currency", x.Currency)
		o.plain("done", x.Done.Format(a))
		o.plain("open", x.Open.Format(a))
		o.plain("exposure", x.Total().Format(a))
		o.close()
	}
	o.endList()
}
