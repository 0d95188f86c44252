package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"sluice/internal/event"
)

//go:generate go test -run TestDocsPageIsOfTheContract -update .

var update = flag.Bool("update", false, "write docs.html")

// docs.html is written from openapi.yaml, here, so that the product needs no YAML.
func TestDocsPageIsOfTheContract(t *testing.T) {
	want := newContract(t).page()
	if *update {
		must(t, os.WriteFile("docs.html", want, 0o644))
	}
	got, err := os.ReadFile("docs.html")
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Error("docs.html is not what openapi.yaml says: run go generate ./internal/api")
	}
}

// case-46
func TestDocsAreServedWithoutOutsideScripts(t *testing.T) {
	w := newWorld(t)
	page := w.want(w.call("", "GET", "/docs", ""), http.StatusOK, "<h1>Sluice", `id="insufficient_funds"`, "POST /v1/withdrawals", `id="createWithdrawal"`,
		`<input id="search"`, `href="#createWithdrawal"`, `curl &#34;$SLUICE/v1/withdrawals&#34;`, "integer, 1 to 200, default 50", `id="event-withdrawal.confirmed"`)
	if csp := page.header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; style-src 'sha256-") || !strings.Contains(csp, "; script-src 'sha256-") || strings.Contains(csp, "unsafe") {
		t.Errorf("Content-Security-Policy is %q", csp)
	}
	if m := regexp.MustCompile(`(?i)<script[^>]|\son\w+="|style="|src=|href="https?:`).Find(page.body); m != nil {
		t.Errorf("the page holds %q", m)
	}
	w.want(w.call("", "GET", "/openapi.yaml", ""), http.StatusOK, "openapi: 3.1.0")
}

const style = `body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#1a1d21;background:#fff}
main{max-width:60rem;padding:1rem 1rem 4rem 19rem}nav{position:fixed;top:0;bottom:0;left:0;width:16rem;overflow-y:auto;padding:1rem;background:#f6f7f9;font-size:14px}
nav input{width:100%;box-sizing:border-box;font:inherit;padding:.35rem;margin-bottom:.5rem}nav ul{list-style:none;margin:0 0 .75rem;padding:0}nav li{padding:.1rem 0}nav li[hidden]{display:none}
@media(max-width:55rem){nav{position:static;width:auto;max-height:40vh}main{padding:1rem}}
code,pre{font:14px/1.5 ui-monospace,monospace;background:#f1f3f5;border-radius:4px}code{padding:0 .25em}pre{padding:.75rem;overflow-x:auto}
table{border-collapse:collapse;width:100%;display:block;overflow-x:auto}td,th{border-top:1px solid #d7dce1;padding:.35rem .6rem .35rem 0;text-align:left;vertical-align:top}
h2{margin-top:3rem;border-bottom:2px solid #d7dce1}h3{margin-top:2.5rem}h4{margin:1rem 0 .25rem}summary{cursor:pointer}
a{color:#0b5cad}.method{font-weight:700}:target{background:#fff3c4}
@media(prefers-color-scheme:dark){body{color:#e6e9ec;background:#15181c}nav{background:#1b1f24}code,pre{background:#23282e}td,th,h2{border-color:#3a4149}a{color:#7cb7f2}:target{background:#4a3d10}}`

// search hides what does not have the words of the box, in the sidebar. It is the one
// script of the page, which is whole without it.
const search = `var box=document.getElementById("search");box.hidden=false;box.addEventListener("input",function(){
var words=box.value.toLowerCase().split(" ");document.querySelectorAll("nav li").forEach(function(li){
var text=(li.textContent+" "+li.dataset.words).toLowerCase();li.hidden=!words.every(function(w){return text.includes(w)})})})`

type page struct{ bytes.Buffer }

func (p *page) line(format string, args ...any) { fmt.Fprintf(&p.Buffer, format+"\n", args...) }

var (
	inCode = regexp.MustCompile("`([^`]+)`")
	inBold = regexp.MustCompile(`\*\*([^*]+)\*\*`)
)

// prose is Markdown as far as the contract uses it.
func prose(s string) string {
	s = inCode.ReplaceAllString(html.EscapeString(strings.TrimSpace(s)), "<code>$1</code>")
	return inBold.ReplaceAllString(s, "<strong>$1</strong>")
}

func (p *page) paragraphs(s string) {
	for part := range strings.SplitSeq(strings.TrimSpace(s), "\n\n") {
		if part != "" {
			p.line("<p>%s</p>", prose(part))
		}
	}
}

// page writes the whole description as one page.
func (c *contract) page() []byte {
	p := &page{}
	p.line("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sluice API</title>")
	p.line("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<style>%s</style></head><body>", style)
	p.sidebar(c.doc)
	p.line("<main><h1>%s API</h1>\n<p>The contract for programs: <a href=\"/openapi.yaml\">openapi.yaml</a>.</p>", c.doc.Info.Title)
	p.paragraphs(c.doc.Info.Description)
	for _, tag := range c.doc.Tags {
		p.line("<h2 id=\"%s\">%s</h2>", anchor(tag.Name), tag.Name)
		for _, path := range c.doc.Paths.Keys() {
			item := c.doc.Paths.Value(path)
			for _, method := range methods {
				if op := item.GetOperation(method); op != nil && slices.Contains(op.Tags, tag.Name) {
					p.operation(method, path, op)
				}
			}
		}
	}
	p.messages(c)
	p.schemas(c.doc)
	p.codes(c.doc)
	p.line("</main><script>%s</script></body></html>", search)
	return p.Bytes()
}

var methods = []string{"POST", "GET", "PUT", "PATCH", "DELETE"}

// sidebar lists everything, with a box that searches in it.
func (p *page) sidebar(doc *openapi3.T) {
	p.line("<nav><input id=\"search\" type=\"search\" placeholder=\"Search\" aria-label=\"Search\" hidden>")
	for _, tag := range doc.Tags {
		p.line("<a href=\"#%s\">%s</a><ul>", anchor(tag.Name), tag.Name)
		for _, path := range doc.Paths.Keys() {
			for _, method := range methods {
				if op := doc.Paths.Value(path).GetOperation(method); op != nil && slices.Contains(op.Tags, tag.Name) {
					p.line("<li data-words=\"%s %s %s\"><a href=\"#%s\">%s</a></li>", method, path, op.OperationID, op.OperationID, html.EscapeString(op.Summary))
				}
			}
		}
		p.line("</ul>")
	}
	p.line("<a href=\"#webhooks\">What webhooks send</a><ul>")
	for _, k := range event.All {
		p.line("<li data-words=\"webhook event\"><a href=\"#event-%s\">%s</a></li>", k.Type, k.Type)
	}
	p.line("</ul><ul><li data-words=\"schemas types\"><a href=\"#objects\">Objects</a></li><li data-words=\"codes problems\"><a href=\"#errors\">Errors</a></li></ul></nav>")
}

// messages shows what every event type carries.
func (p *page) messages(c *contract) {
	p.line("<h2 id=\"webhooks\">What webhooks send</h2>\n<p>One POST for each event, signed; <code>GET /v1/events</code> gives the same.</p>")
	hooks := c.webhooks()
	for _, k := range event.All {
		h := hooks[string(k.Type)]
		p.line("<h3 id=\"event-%s\"><code>%s</code></h3>\n<p>%s Data: <a href=\"#object-%s\">%s</a></p>", k.Type, k.Type, html.EscapeString(h.summary), h.data, h.data)
		p.example("Message", h.example)
	}
}

// example shows a value as JSON, folded.
func (p *page) example(title string, v any) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // it was read from JSON
	}
	p.line("<details><summary>%s</summary><pre>%s</pre></details>", title, html.EscapeString(string(text)))
}

// curl is how an operation is called from a shell in which the tour's variables are set.
func curl(method, path string, op *openapi3.Operation, body any) string {
	path = regexp.MustCompile(`{(\w+)}`).ReplaceAllStringFunc(path, func(s string) string { return "$" + strings.ToUpper(strings.Trim(s, "{}")) })
	var query []string
	key := ""
	for _, r := range op.Parameters {
		switch v := r.Value; {
		case v.In == "query" && v.Required:
			query = append(query, v.Name+"=$"+strings.ToUpper(v.Name))
		case v.In == "header" && v.Name == "Idempotency-Key" && v.Required:
			key = " \\\n  -H \"Idempotency-Key: $(uuidgen)\""
		}
	}
	if len(query) > 0 {
		path += "?" + strings.Join(query, "&")
	}
	text := "curl \"$SLUICE" + path + "\" \\\n  -H \"Authorization: Bearer $SLUICE_API_KEY\"" + key
	if method != "GET" && (method != "POST" || body == nil) {
		text = strings.Replace(text, "curl ", "curl -X "+method+" ", 1)
	}
	if body == nil {
		return text
	}
	b, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		panic(err) // it was read from JSON
	}
	return text + " \\\n  -H \"Content-Type: application/json\" \\\n  -d '" + strings.ReplaceAll(string(b), "'", `'\''`) + "'"
}

func anchor(s string) string { return strings.ReplaceAll(strings.ToLower(s), " ", "-") }

func (p *page) operation(method, path string, op *openapi3.Operation) {
	p.line("<h3 id=\"%s\">%s</h3>\n<p><code class=\"method\">%s %s</code></p>", op.OperationID, html.EscapeString(op.Summary), method, path)
	p.paragraphs(op.Description)
	if len(op.Parameters) > 0 {
		p.line("<table><tr><th>Parameter</th><th>In</th><th>What</th></tr>")
		for _, r := range op.Parameters {
			v := r.Value
			text := v.Description
			if v.Required {
				text = "Required. " + text
			}
			p.line("<tr><td><code>%s</code></td><td>%s</td><td>%s %s%s</td></tr>", v.Name, v.In, prose(text), typeOf(v.Schema), bounds(v.Schema.Value))
		}
		p.line("</table>")
	}
	var body any
	if op.RequestBody != nil {
		for _, m := range op.RequestBody.Value.Content {
			p.line("<p>Body: %s</p>", typeOf(m.Schema))
			body = m.Example
		}
	}
	p.line("<details><summary>Request</summary><pre>%s</pre></details>", html.EscapeString(curl(method, path, op, body)))
	for _, status := range op.Responses.Keys() {
		if r := op.Responses.Value(status); strings.HasPrefix(status, "2") {
			of := ""
			for _, m := range r.Value.Content {
				of = typeOf(m.Schema)
			}
			p.line("<p>Answer: <code>%s</code> %s %s</p>", status, of, prose(*r.Value.Description))
			for _, m := range r.Value.Content {
				p.example("Answer", m.Example)
			}
		}
	}
}

// bounds are the limits of a number or text, and what holds without it.
func bounds(s *openapi3.Schema) string {
	var of []string
	if s.Min != nil && s.Max != nil {
		of = append(of, fmt.Sprintf("%v to %v", *s.Min, *s.Max))
	}
	if s.Default != nil {
		of = append(of, fmt.Sprintf("default %v", s.Default))
	}
	if len(of) == 0 {
		return ""
	}
	return ", " + strings.Join(of, ", ")
}

// typeOf names a schema: a link to an object, or what it is.
func typeOf(s *openapi3.SchemaRef) string {
	if s == nil {
		return ""
	}
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return fmt.Sprintf("<a href=\"#object-%s\">%s</a>", name, name)
	}
	v := s.Value
	switch {
	case len(v.AllOf) == 1:
		return typeOf(v.AllOf[0])
	case v.Items != nil:
		return "list of " + typeOf(v.Items)
	case len(v.Enum) > 0:
		var of []string
		for _, e := range v.Enum {
			of = append(of, fmt.Sprintf("<code>%v</code>", e))
		}
		return strings.Join(of, " or ")
	case v.Const != nil:
		return fmt.Sprintf("<code>%v</code>", v.Const)
	case v.Type != nil:
		return strings.Join(v.Type.Slice(), " or ")
	}
	var of []string
	for _, one := range v.OneOf {
		of = append(of, typeOf(one))
	}
	return strings.Join(of, " or ")
}

func (p *page) schemas(doc *openapi3.T) {
	p.line("<h2 id=\"objects\">Objects</h2>")
	names := make([]string, 0, len(doc.Components.Schemas))
	for name := range doc.Components.Schemas {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		v := doc.Components.Schemas[name].Value
		p.line("<h3 id=\"object-%s\">%s</h3>", name, name)
		p.paragraphs(v.Description)
		if len(v.Properties) == 0 {
			p.line("<p>%s</p>", typeOf(&openapi3.SchemaRef{Value: v}))
			continue
		}
		p.line("<table><tr><th>Field</th><th>Type</th><th>What</th></tr>")
		fields := make([]string, 0, len(v.Properties))
		for f := range v.Properties {
			fields = append(fields, f)
		}
		slices.SortFunc(fields, func(a, b string) int { return strings.Compare(order(v, a), order(v, b)) })
		for _, f := range fields {
			text := ""
			if d := v.Properties[f]; d.Ref == "" {
				text = d.Value.Description
			}
			if !slices.Contains(v.Required, f) {
				text = "Optional. " + text
			}
			p.line("<tr><td><code>%s</code></td><td>%s</td><td>%s</td></tr>", f, typeOf(v.Properties[f]), prose(text))
		}
		p.line("</table>")
	}
}

// order puts required fields first, as the contract lists them.
func order(v *openapi3.Schema, field string) string {
	if n := slices.Index(v.Required, field); n >= 0 {
		return fmt.Sprintf("%03d", n)
	}
	return "optional " + field
}

// codes are the extension of the contract that explains the codes of problems.
func (c *contract) codes(t testing.TB) map[string]string {
	t.Helper()
	out, err := codesOf(c.doc)
	must(t, err)
	return out
}

func codesOf(doc *openapi3.T) (map[string]string, error) {
	text, err := json.Marshal(doc.Extensions["x-codes"])
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	return out, json.Unmarshal(text, &out)
}

func (p *page) codes(doc *openapi3.T) {
	codes, err := codesOf(doc)
	if err != nil {
		panic(err) // the contract was validated
	}
	names := make([]string, 0, len(codes))
	for name := range codes {
		names = append(names, name)
	}
	slices.Sort(names)
	p.line("<h2 id=\"errors\">Errors</h2>\n<table><tr><th>Code</th><th>Status, and what it means</th></tr>")
	for _, name := range names {
		p.line("<tr id=\"%s\"><td><code>%s</code></td><td>%s</td></tr>", name, name, prose(codes[name]))
	}
	p.line("</table>")
}
