package upvest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/webhook"
)

// category is the form of the types that a webhook can be for. All are taken, also those
// that nothing is ever sent of: the vendor has new ones from time to time.
var category = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$`)

// categoryMax bounds the length of a type.
const categoryMax = 100

// Bounds and defaults of packages.
const (
	delayDefault = "5s"
	delayMax     = 30 * time.Second
	sizeDefault  = 10240
	sizeMin      = 100
	sizeMax      = 1 << 20
)

// options are what a webhook has beyond an endpoint, as they are stored with it.
type options struct {
	Title   string        `json:"title"`
	Types   []string      `json:"type"`
	Exclude []string      `json:"exclude_type,omitempty"`
	Config  packageConfig `json:"config"`
	Stays   bool          `json:"returned_stays_confirmed,omitempty"` // of a setting only, see format.Setting
}

type packageConfig struct {
	Delay   string `json:"delay"`
	MaxSize int    `json:"max_package_size"`
}

// optionsOf reads what is stored. An endpoint that was made on another way has none.
func optionsOf(e webhook.Endpoint) options {
	o := options{Types: []string{"ALL"}, Config: packageConfig{delayDefault, sizeDefault}}
	if e.Options != "" {
		_ = json.Unmarshal([]byte(e.Options), &o) // check wrote it
	}
	return o
}

// wants tells whether events of a category are asked for.
func (o options) wants(category string) bool {
	return !slices.Contains(o.Exclude, category) && (slices.Contains(o.Types, "ALL") || slices.Contains(o.Types, category))
}

// wait is how long an event may wait for others.
func (o options) wait() time.Duration {
	d, err := time.ParseDuration(o.Config.Delay)
	if err != nil {
		return 0
	}
	return min(d, delayMax)
}

// webhookRequest is what a client sends; nil is what it leaves out.
type webhookRequest struct {
	url     *string
	enabled *bool
	options options // with what held before where the client says nothing
}

var delayPattern = regexp.MustCompile(`^[1-9][0-9]?[sm]$`)

// webhookRequest reads a webhook of a request over what holds.
func (in members) webhookRequest(o options) webhookRequest {
	r := webhookRequest{url: in.optional("url"), enabled: in.boolean("enabled")}
	if title := in.optional("title"); title != nil {
		in.note(length("title", *title, 1, 100))
		o.Title = *title
	}
	if r.url != nil {
		in.note(length("url", *r.url, 1, 1000))
	}
	if types := in.categories("type"); len(types) > 0 {
		o.Types = types
	}
	if in.has("exclude_type") {
		o.Exclude = in.categories("exclude_type")
	}
	o.Config = in.object("config").packages(o.Config)
	r.options = o
	return r
}

func (in members) categories(name string) []string {
	out := in.texts(name)
	for _, t := range out {
		if len(t) > categoryMax || !category.MatchString(t) {
			in.mistake(name, "%q is not a type", t[:min(len(t), categoryMax)])
		}
	}
	return out
}

// packages reads how events are packed.
func (in members) packages(p packageConfig) packageConfig {
	if d := in.text("delay"); d != "" {
		wait, err := time.ParseDuration(d)
		if err != nil || !delayPattern.MatchString(d) || wait > delayMax {
			in.mistake("delay", "must be 1s to 30s")
		}
		p.Delay = d
	}
	if n := in.integer("max_package_size"); n != nil {
		if *n < sizeMin || *n > sizeMax {
			in.mistake("max_package_size", "must be %d to %d bytes", sizeMin, sizeMax)
		}
		p.MaxSize = *n
	}
	return p
}

// endpointBody is a webhook as it is sent.
type endpointBody struct {
	ID        string        `json:"id"`
	CreatedAt string        `json:"created_at"`
	UpdatedAt string        `json:"updated_at"`
	Title     string        `json:"title"`
	URL       string        `json:"url"`
	Types     []string      `json:"type"`
	Exclude   []string      `json:"exclude_type,omitempty"`
	Config    packageConfig `json:"config"`
	Enabled   bool          `json:"enabled"`
}

func (c *call) endpointBody(e webhook.Endpoint) endpointBody {
	o := optionsOf(e)
	if o.Title == "" {
		o.Title = e.Description
	}
	return endpointBody{
		ID: uuid(id.Endpoint, c.at(e.Seq)), CreatedAt: stamp(e.CreatedAt), UpdatedAt: stamp(e.UpdatedAt), Title: o.Title, URL: e.URL, Types: o.Types,
		Exclude: o.Exclude, Config: o.Config, Enabled: e.State == webhook.Enabled,
	}
}

func createWebhook(c *call) (answer, error) {
	in := c.members()
	r := in.webhookRequest(optionsOf(webhook.Endpoint{}))
	for _, name := range []string{"title", "url"} {
		if in.text(name) == "" {
			in.mistake(name, "is required")
		}
	}
	if err := in.err(); err != nil {
		return answer{}, err
	}
	text, err := encode(r.options)
	if err != nil {
		return answer{}, err
	}
	// The key is made here, so that it is there before the first message is signed.
	if _, err := c.signer.all(c.ctx, c.Now()); err != nil {
		return answer{}, err
	}
	e, err := made(c, webhook.CreateEndpoint{
		Merchant: c.party.Merchant.Seq, URL: *r.url, Types: []string{"*"}, Format: webhook.FormatUpvest, Description: r.options.Title, AllowHTTP: c.AllowHTTP, Ranges: c.Ranges,
		Options: string(text), Waiting: r.enabled == nil || !*r.enabled, Limit: c.EndpointsMax, Actor: c.party.Actor,
	}, c.Reads.Endpoint)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusCreated, c.endpointBody(e)}, nil
}

// endpoint finds the webhook that the path names.
func (c *call) endpoint() (webhook.Endpoint, error) {
	at, err := c.parseID(id.Endpoint, c.args[0])
	if err != nil {
		return webhook.Endpoint{}, err
	}
	e, found, err := c.Reads.Endpoint(c.ctx, at)
	return one(e, found, err)(e.Merchant == c.party.Merchant.Seq && e.Format == webhook.FormatUpvest && e.State != webhook.Deleted)
}

func getWebhook(c *call) (answer, error) {
	e, err := c.endpoint()
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, c.endpointBody(e)}, nil
}

func listWebhooks(c *call) (answer, error) {
	p, _, err := c.page("created_at", "updated_at", "title", "url", "enabled")
	if err != nil {
		return answer{}, err
	}
	rows, err := c.Reads.Endpoints(c.ctx, c.party.Merchant)
	if err != nil {
		return answer{}, err
	}
	var mine []endpointBody
	for _, e := range rows {
		if e.Format == webhook.FormatUpvest && e.State != webhook.Deleted {
			mine = append(mine, c.endpointBody(e))
		}
	}
	by := map[string]func(endpointBody) string{
		"created_at": func(b endpointBody) string { return b.CreatedAt + b.ID }, "updated_at": func(b endpointBody) string { return b.UpdatedAt },
		"title": func(b endpointBody) string { return b.Title }, "url": func(b endpointBody) string { return b.URL },
		"enabled": func(b endpointBody) string { return strconv.FormatBool(b.Enabled) },
	}[p.Sort]
	slices.SortStableFunc(mine, func(a, b endpointBody) int { return strings.Compare(by(a), by(b)) })
	p.sorted = true
	all := make([]row, len(mine))
	for i, b := range mine {
		all[i] = row{body: b}
	}
	return p.of(all), nil
}

func patchWebhook(c *call) (answer, error) {
	e, err := c.endpoint()
	if err != nil {
		return answer{}, err
	}
	in := c.members()
	r := in.webhookRequest(optionsOf(e))
	if err := in.err(); err != nil {
		return answer{}, err
	}
	text, err := encode(r.options)
	if err != nil {
		return answer{}, err
	}
	cmd := webhook.NewUpdateEndpoint(c.party.Merchant.Seq, e.Seq, c.party.Actor)
	stored := string(text)
	cmd.URL, cmd.Options, cmd.Description, cmd.AllowHTTP, cmd.Ranges = r.url, &stored, &r.options.Title, c.AllowHTTP, c.Ranges
	if r.enabled != nil {
		cmd.State = webhook.Disabled
		if *r.enabled {
			cmd.State = webhook.Enabled
		}
	}
	if e, err = made(c, cmd, c.Reads.Endpoint); err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, c.endpointBody(e)}, nil
}

func deleteWebhook(c *call) (answer, error) {
	e, err := c.endpoint()
	if err != nil {
		return answer{}, err
	}
	_, err = submit(c, webhook.NewDeleteEndpoint(c.party.Merchant.Seq, e.Seq, c.party.Actor))
	return answer{status: http.StatusNoContent}, err
}

func testWebhook(c *call) (answer, error) {
	e, err := c.endpoint()
	if err != nil {
		return answer{}, err
	}
	_, err = submit(c, webhook.NewSendTest(c.party.Merchant.Seq, e.Seq, c.party.Actor))
	if fault.CodeOf(err) == "endpoint_disabled" {
		err = problem(http.StatusConflict, "conflict", "The webhook is disabled: enable it first")
	}
	return answer{status: http.StatusAccepted}, err
}
