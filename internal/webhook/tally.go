package webhook

import (
	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
)

// DefaultEndpoints is how many endpoints a merchant has at most when nobody says otherwise.
const DefaultEndpoints = 100

// Tally counts the endpoints of a merchant that are not deleted.
type Tally struct {
	Merchant  id.Seq
	Endpoints int64
	Version   int64
}

// Tallies is the table of tallies. A merchant without endpoints may have none.
var Tallies = commit.NewTable("webhook_tally", func(t *Tally) id.Seq { return t.Merchant })

// count adds n to the endpoints of a merchant. It refuses more than limit; 0 is no limit.
func count(v *commit.View, merchant id.Seq, n, limit int64) error {
	t, _ := Tallies.Get(v, merchant)
	if limit > 0 && t.Endpoints+n > limit {
		return fault.New(fault.Conflict, "too_many_endpoints",
			"there are %d webhook endpoints, and a merchant has at most %d: delete one that is no longer used, or ask the operator to raise webhooks.endpoints_max", t.Endpoints, limit)
	}
	t.Merchant, t.Endpoints, t.Version = merchant, max(t.Endpoints+n, 0), t.Version+1
	Tallies.Put(v, t)
	return nil
}

// Notice tells whether a type says how an endpoint is doing. Notices stand in the list of events, in
// the log and in the state of the endpoint; no endpoint is sent them: with many endpoints that fail,
// each notice would make as many deliveries that fail.
func Notice(t event.Type) bool {
	return t == event.EndpointFailing || t == event.EndpointPaused || t == event.EndpointDisabled
}
