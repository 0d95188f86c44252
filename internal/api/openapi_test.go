package api_test

import (
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"sluice/internal/event"
)

// hook is what the contract says of an event type.
type hook struct {
	summary, data string
	example       any
}

// webhooks are the messages that the contract describes, by event type.
func (c *contract) webhooks() map[string]hook {
	out := map[string]hook{}
	for name, item := range c.doc.Webhooks {
		m := item.Post.RequestBody.Value.Content["application/json"]
		data := strings.TrimPrefix(m.Schema.Value.Properties["data"].Ref, "#/components/schemas/")
		out[name] = hook{item.Post.Summary, data, m.Example}
	}
	return out
}

// Every event type has its message in the contract, with the schema of its data and an
// example. Examples were validated when the contract was read.
func TestEveryEventTypeIsInTheContract(t *testing.T) {
	c := newContract(t)
	hooks := c.webhooks()
	var known []string
	for _, of := range c.doc.Components.Schemas["EventType"].Value.Enum {
		known = append(known, of.(string)) //nolint:errcheck // the schema says so
	}
	var want []string
	for _, k := range event.All {
		want = append(want, string(k.Type))
		h, described := hooks[string(k.Type)]
		example, _ := h.example.(map[string]any)
		if !described || h.data == "" || example["type"] != string(k.Type) {
			t.Errorf("webhooks of the contract do not describe %s: %+v", k.Type, h)
		}
	}
	if len(hooks) != len(want) {
		t.Errorf("the contract describes %d event types, and there are %d", len(hooks), len(want))
	}
	for _, k := range want {
		if !strings.Contains(" "+strings.Join(known, " ")+" ", " "+k+" ") {
			t.Errorf("EventType does not name %s", k)
		}
	}
}

// Every request and every answer that has a body has an example.
func TestEveryBodyHasAnExample(t *testing.T) {
	c := newContract(t)
	for _, path := range c.doc.Paths.Keys() {
		for method, op := range c.doc.Paths.Value(path).Operations() {
			if r := op.RequestBody; r != nil && r.Ref == "" {
				for _, m := range r.Value.Content {
					if m.Example == nil {
						t.Errorf("%s %s: the request has no example", method, path)
					}
				}
			}
			for status, r := range op.Responses.Map() {
				for kind, m := range r.Value.Content {
					if strings.HasPrefix(status, "2") && kind == "application/json" && m.Example == nil {
						t.Errorf("%s %s: the answer %s has no example", method, path, status)
					}
				}
			}
		}
	}
}

// Generators of clients make types of what is there: a member with a default becomes
// required, and a part of a combination that says only what is required becomes
// `unknown`.
func TestGeneratorsGetTypes(t *testing.T) {
	c := newContract(t)
	seen := map[*openapi3.Schema]bool{}
	var walk func(where string, ref *openapi3.SchemaRef)
	walk = func(where string, ref *openapi3.SchemaRef) {
		if ref == nil || ref.Value == nil || seen[ref.Value] {
			return
		}
		s := ref.Value
		seen[s] = true
		for name, p := range s.Properties {
			if p.Value.Default != nil {
				t.Errorf("%s.%s has a default", where, name)
			}
			walk(where+"."+name, p)
		}
		walk(where+"[]", s.Items)
		for _, parts := range []openapi3.SchemaRefs{s.AllOf, s.OneOf, s.AnyOf} {
			for _, p := range parts {
				if v := p.Value; p.Ref == "" && v.Type == nil && len(v.Enum) == 0 && v.Const == nil && len(v.AllOf)+len(v.OneOf)+len(v.AnyOf) == 0 {
					t.Errorf("%s is combined with a schema that has no type", where)
				}
				walk(where, p)
			}
		}
	}
	for name, s := range c.doc.Components.Schemas {
		walk(name, s)
	}
	for _, item := range c.doc.Paths.Map() {
		for _, op := range item.Operations() {
			if op.RequestBody != nil {
				for _, m := range op.RequestBody.Value.Content {
					walk(op.OperationID, m.Schema)
				}
			}
		}
	}
}
