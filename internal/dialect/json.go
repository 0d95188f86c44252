package dialect

import (
	"sluice/internal/fault"
	"sluice/internal/json"
)

// policy bounds the body of a request on a wire beyond its size: wide enough for everything
// that clients of the vendors send along.
var policy = json.Policy{Depth: 16, Members: 256, Nodes: 1 << 14, Replace: true}

// ParseBody reads the body of a request. A body of nothing is an object without members:
// several clients send none on calls without parameters. A name that appears twice, in any
// case, is refused at every depth; everything else about unknown members is for the caller.
func ParseBody(body []byte) (json.Value, error) {
	d, err := json.Parse(body, policy)
	if fault.CodeOf(err) == "body_required" {
		return json.Empty().Root(), nil
	}
	if err != nil {
		return json.Value{}, err
	}
	return d.Root(), nil
}
