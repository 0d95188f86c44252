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

// categories are what a webhook can be for. All are taken, also those that nothing is
// ever sent of.
var categories = strings.Fields(`ALL USER USER_CHECK ORDER ORDER_CANCELLATION EXECUTION POSITION CASH_BALANCE ACCOUNT ACCOUNT_GROUP REPORT TREASURY_REPORT
	DIRECT_DEBIT WITHDRAWAL PORTFOLIO PORTFOLIO_ALLOCATION PORTFOLIO_ORDER CORPORATE_ACTION ACCOUNT_VALUATION INTRADAY_ACCOUNT_VALUATION CASH_TRANSACTION
	SECURITY_TRANSACTION ACCOUNT_LIQUIDATION ACCOUNT_RETURNS VIRTUAL_CASH_INCREASE VIRTUAL_CASH_DECREASE FEE_COLLECTION TOPUP`)

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

// webhookBody is what a client sends; nil is what it leaves out.
type webhookBody struct {
	Title   *string         `json:"title"`
	URL     *string         `json:"url"`
	Types   []string        `json:"type"`
	Exclude []string        `json:"exclude_type"`
	Config  *packageRequest `json:"config"`
	Enabled *bool           `json:"enabled"`
}

type packageRequest struct {
	Delay   *string `json:"delay"`
	MaxSize *int    `json:"max_package_size"`
}

var delayPattern = regexp.MustCompile(`^[1-9][0-9]?[sm]$`)

// change puts what a client sends over what holds, and checks it.
func (b webhookBody) change(o options) (options, error) {
	if b.Title != nil {
		if err := length("title", *b.Title, 1, 100); err != nil {
			return o, err
		}
		o.Title = *b.Title
	}
	if b.URL != nil {
		if err := length("url", *b.URL, 1, 1000); err != nil {
			return o, err
		}
	}
	for name, list := range map[string][]string{"type": b.Types, "exclude_type": b.Exclude} {
		for _, t := range list {
			if !slices.Contains(categories, t) {
				return o, bad(name, "%q is not a type", t)
			}
		}
	}
	if len(b.Types) > 0 {
		o.Types = b.Types
	}
	if b.Exclude != nil {
		o.Exclude = b.Exclude
	}
	if b.Config == nil {
		return o, nil
	}
	if d := b.Config.Delay; d != nil {
		wait, err := time.ParseDuration(*d)
		if err != nil || !delayPattern.MatchString(*d) || wait > delayMax {
			return o, bad("config.delay", "must be 1s to 30s")
		}
		o.Config.Delay = *d
	}
	if n := b.Config.MaxSize; n != nil {
		if *n < sizeMin || *n > sizeMax {
			return o, bad("config.max_package_size", "must be %d to %d bytes", sizeMin, sizeMax)
		}
		o.Config.MaxSize = *n
	}
	return o, nil
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
	var b webhookBody
	if err := c.decode(&b); err != nil {
		return answer{}, err
	}
	if b.Title == nil || b.URL == nil {
		return answer{}, bad("title", "title and url are required")
	}
	o, err := b.change(optionsOf(webhook.Endpoint{}))
	if err != nil {
		return answer{}, err
	}
	text, err := encode(o)
	if err != nil {
		return answer{}, err
	}
	// The key is made here, so that it is there before the first message is signed.
	if _, err := c.signer.all(c.ctx, c.Now()); err != nil {
		return answer{}, err
	}
	out, err := c.submit(webhook.CreateEndpoint{
		Merchant: c.party.Merchant.Seq, URL: *b.URL, Types: []string{"*"}, Format: webhook.FormatUpvest, Description: o.Title, AllowHTTP: c.AllowHTTP,
		Options: string(text), Waiting: b.Enabled == nil || !*b.Enabled, Actor: c.party.Actor,
	})
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusCreated, c.endpointBody(out.Result.(webhook.Endpoint))}, nil //nolint:errcheck // it is what CreateEndpoint gives
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
	var list []endpointBody
	for _, e := range rows {
		if e.Format == webhook.FormatUpvest && e.State != webhook.Deleted {
			list = append(list, c.endpointBody(e))
		}
	}
	by := map[string]func(endpointBody) string{
		"created_at": func(b endpointBody) string { return b.CreatedAt + b.ID }, "updated_at": func(b endpointBody) string { return b.UpdatedAt },
		"title": func(b endpointBody) string { return b.Title }, "url": func(b endpointBody) string { return b.URL },
		"enabled": func(b endpointBody) string { return strconv.FormatBool(b.Enabled) },
	}[p.Sort]
	slices.SortStableFunc(list, func(a, b endpointBody) int { return strings.Compare(by(a), by(b)) })
	all := make([]any, len(list))
	for i, b := range list {
		all[i] = b
	}
	return p.of(all), nil
}

func patchWebhook(c *call) (answer, error) {
	e, err := c.endpoint()
	if err != nil {
		return answer{}, err
	}
	var b webhookBody
	if err := c.decode(&b); err != nil {
		return answer{}, err
	}
	o, err := b.change(optionsOf(e))
	if err != nil {
		return answer{}, err
	}
	text, err := encode(o)
	if err != nil {
		return answer{}, err
	}
	cmd := webhook.NewUpdateEndpoint(c.party.Merchant.Seq, e.Seq, c.party.Actor)
	stored := string(text)
	cmd.URL, cmd.Options, cmd.Description, cmd.AllowHTTP = b.URL, &stored, &o.Title, c.AllowHTTP
	if b.Enabled != nil {
		cmd.State = webhook.Disabled
		if *b.Enabled {
			cmd.State = webhook.Enabled
		}
	}
	out, err := c.submit(cmd)
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, c.endpointBody(out.Result.(webhook.Endpoint))}, nil //nolint:errcheck // it is what UpdateEndpoint gives
}

func deleteWebhook(c *call) (answer, error) {
	e, err := c.endpoint()
	if err != nil {
		return answer{}, err
	}
	_, err = c.submit(webhook.NewDeleteEndpoint(c.party.Merchant.Seq, e.Seq, c.party.Actor))
	return answer{status: http.StatusNoContent}, err
}

func testWebhook(c *call) (answer, error) {
	e, err := c.endpoint()
	if err != nil {
		return answer{}, err
	}
	_, err = c.submit(webhook.NewSendTest(c.party.Merchant.Seq, e.Seq, c.party.Actor))
	if fault.CodeOf(err) == "endpoint_disabled" {
		err = problem(http.StatusConflict, "conflict", "The webhook is disabled: enable it first")
	}
	return answer{status: http.StatusAccepted}, err
}
