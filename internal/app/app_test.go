package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice/internal/app"
	"sluice/internal/commit"
	"sluice/internal/config"
	"sluice/internal/demo/devnet"
	"sluice/internal/fault"
	"sluice/internal/merchant"
	"sluice/internal/rail"
	"sluice/internal/rail/evm"
	"sluice/internal/signer"
	"sluice/internal/signer/build"
	"sluice/internal/signer/guard"
	"sluice/internal/signer/keystore"
	"sluice/internal/store/pgtest"
	"sluice/internal/test/harness"
)

func TestMain(m *testing.M) {
	var ignore []goleak.Option
	for _, f := range devnet.LeftBehind {
		ignore = append(ignore, goleak.IgnoreTopFunction(f))
	}
	goleak.VerifyTestMain(m, ignore...)
}

// limit is how long a test waits for what must happen.
const limit = 30 * time.Second

// setup is a configuration on a database of its own.
func setup(t *testing.T) config.Config {
	t.Helper()
	c := config.Default(config.Dev)
	c.Listen, c.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	c.DatabaseURL = config.NewSecret("sqlite:" + filepath.Join(t.TempDir(), "sluice.db"))
	c.Keystore.Dir = filepath.Join(t.TempDir(), "keys")
	c.Assets = []config.Asset{{Code: "EUR", Scale: 2}}
	return c
}

// syncBuffer is a log that several goroutines write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

type running struct {
	*app.App
	log  *syncBuffer
	stop context.CancelFunc
	done chan error
}

// start runs an App until the end of the test, or until it is stopped.
func start(t *testing.T, c config.Config) *running {
	t.Helper()
	return startWith(t, c, app.Options{})
}

// startWith is start with parts that are handed in.
func startWith(t *testing.T, c config.Config, opt app.Options) *running {
	t.Helper()
	r := &running{log: &syncBuffer{}, done: make(chan error, 1)}
	opt.Log = slog.New(slog.NewTextHandler(r.log, nil))
	var err error
	if r.App, err = app.New(t.Context(), c, opt); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go func() {
		defer close(r.done)
		r.done <- r.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		http.DefaultClient.CloseIdleConnections()
		for range r.done { // until it has ended: its folder is removed next
		}
	})
	select {
	case <-r.Ready():
	case err := <-r.done:
		t.Fatalf("it did not start: %v", err)
	case <-time.After(limit):
		t.Fatal("it did not start in time")
	}
	return r
}

func (r *running) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(limit):
		t.Fatal("it did not stop in time")
		return nil
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	return getAs(t, url)
}

// getAs is get with headers, which have the value 1.
func getAs(t *testing.T, url string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		req.Header.Set(h, "1")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestStartsServesAndStops(t *testing.T) {
	r := start(t, setup(t))
	for _, c := range []struct {
		url  string
		code int
		want string
	}{
		{r.URL() + "/healthz", 200, `"ok"`},
		{r.URL() + "/readyz", 200, `"ready":true`},
		{r.URL() + "/metrics", 200, "sluice_build_info{"},
		{r.URL() + "/v1/accounts", 401, "api_key_required"},
		{r.URL() + "/openapi.yaml", 200, "openapi: 3.1"},
		{r.URL() + "/nowhere", 404, "no_such_route"},
		{r.AdminURL() + "/metrics", 200, "sluice_oldest_age_seconds{state=\"queued\"} 0"},
		{r.AdminURL() + "/debug/pprof/", 200, "goroutine"},
	} {
		if code, body := get(t, c.url); code != c.code || !strings.Contains(body, c.want) {
			t.Errorf("%s: got %d %.200q, want %d with %q", c.url, code, body, c.code, c.want)
		}
	}
	r.stop()
	if err := r.wait(t); err != nil {
		t.Error(err)
	}
	if code, _ := get(t, r.URL()+"/healthz"); code != 0 {
		t.Error("it still answers")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestMetricsNameWhatHappened(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			c := setup(t)
			if engine == "postgres" {
				c.DatabaseURL = config.NewSecret(pgtest.URL(t))
			}
			r := start(t, c)
			if _, err := commit.Do(t.Context(), r.Loop, app.Operator, merchant.Create{Name: "Shop", Mode: merchant.Test}); err != nil {
				t.Fatal(err)
			}
			get(t, r.URL()+"/v1/accounts")
			for _, want := range []string{
				"sluice_commit_batch_size_count 1", "sluice_commit_duration_seconds_count 1", "sluice_outbox_lag_seconds 0",
				"sluice_unknown_outcome 0", "sluice_webhook_oldest_pending_seconds 0", "sluice_webhook_endpoints_disabled 0", "sluice_webhook_endpoints_behind 0",
				`sluice_oldest_age_seconds{state="processing"} 0`,
				`sluice_http_requests_total{code="401",route="GET /v1/accounts"} 1`, `sluice_ledger_imbalance{asset="EUR"} 0`,
				"go_goroutines", "process_open_fds",
			} {
				harness.Eventually(t, "metrics with "+want, func() bool { _, body := get(t, r.AdminURL()+"/metrics"); return strings.Contains(body, want) })
			}
			r.stop()
			if err := r.wait(t); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReadinessGoesOffBeforeItStops(t *testing.T) {
	r := start(t, setup(t))
	begun, release := make(chan struct{}), make(chan struct{})
	r.HoldStop(begun, release)
	r.stop()
	<-begun
	code, body := get(t, r.URL()+"/readyz")
	if code != http.StatusServiceUnavailable || !strings.Contains(body, `"ready":false`) || !strings.Contains(body, "the process is stopping") {
		t.Errorf("readyz: %d %s", code, body)
	}
	// It still serves those who have not noticed.
	if code, _ := get(t, r.URL()+"/healthz"); code != http.StatusOK {
		t.Errorf("healthz: %d", code)
	}
	if _, err := commit.Do(t.Context(), r.Loop, app.Operator, merchant.Create{Name: "Shop", Mode: merchant.Test}); err != nil {
		t.Errorf("a command during the delay: %v", err)
	}
	close(release)
	if err := r.wait(t); err != nil {
		t.Error(err)
	}
}

func TestABrokenWritePathIsNotReady(t *testing.T) {
	r := start(t, setup(t))
	if _, err := commit.Do(t.Context(), r.Loop, app.Operator, broken{}); err == nil {
		t.Fatal("the command passed")
	}
	if code, body := get(t, r.URL()+"/readyz"); code != 503 || !strings.Contains(body, "broken invariant") {
		t.Errorf("got %d %s", code, body)
	}
	if code, _ := get(t, r.URL()+"/healthz"); code != 200 {
		t.Errorf("the process answers, but healthz says %d", code)
	}
	r.stop()
	if err := r.wait(t); err == nil {
		t.Error("it ended as if nothing had happened")
	}
}

// broken is a command that finds the books wrong.
type broken struct{}

func (broken) Reads(*commit.Wants) {}
func (broken) Apply(*commit.View) (commit.Nothing, error) {
	return commit.Nothing{}, commit.ErrInvariant
}

func TestRefusesToStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	cases := []struct {
		name   string
		change func(*config.Config)
		code   string
		say    string
	}{
		{"a port is taken", func(c *config.Config) { c.Listen = taken.Addr().String() }, "cannot_listen", "choose another"},
		{"the admin port is taken", func(c *config.Config) { c.AdminListen = taken.Addr().String() }, "cannot_listen", "admin_listen"},
		{"the scale of an asset changed", func(c *config.Config) { c.Assets[0].Scale = 4 }, "asset_scale_changed", "assets.EUR.scale"},
		{"a wrong configuration", func(c *config.Config) { c.Mode = "prod" }, "config_invalid", "mode"},
		{"no such folder", func(c *config.Config) { c.DatabaseURL = config.NewSecret("sqlite:/nowhere/at/all.db") }, "no_database", "/nowhere/at/all.db"},
	}
	c := setup(t)
	r := start(t, c)
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	for _, x := range cases {
		t.Run(x.name, func(t *testing.T) {
			c := c
			c.Assets = []config.Asset{c.Assets[0]}
			x.change(&c)
			_, err := app.New(t.Context(), c, app.Options{Log: slog.New(slog.DiscardHandler)})
			if fault.CodeOf(err) != x.code || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(x.say)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAnAssetThatWasUsedAndIsGoneIsTold(t *testing.T) {
	c := setup(t)
	r := start(t, c)
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	c.Assets = []config.Asset{{Code: "USD", Scale: 2}}
	r = start(t, c)
	if !strings.Contains(r.log.String(), "asset=EUR") {
		t.Errorf("the log does not name EUR:\n%s", r.log)
	}
}

func TestOldSchemasWaitForTheOperator(t *testing.T) {
	c := setup(t)
	c.AutoMigrate = false
	r := start(t, c) // a file that does not exist is made all the same
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.log.String(), "made a new database") {
		t.Errorf("the log does not say that the database is new:\n%s", r.log)
	}
}

func TestARequestThatHangsIsCutOff(t *testing.T) {
	c := setup(t)
	c.StopTimeout = config.Duration(2 * time.Second)
	r := start(t, c)
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.URL(), "http://")) //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "POST /v1/accounts HTTP/1.1\r\nHost: x\r\n"); err != nil { // and then nothing
		t.Fatal(err)
	}
	// The server must have taken the connection before it stops.
	harness.Eventually(t, "it answers", func() bool { code, _ := get(t, r.URL()+"/healthz"); return code == 200 })
	r.stop()
	if err := r.wait(t); err != nil {
		t.Errorf("got %v", err)
	}
}

// TestPartsMayBeHandedIn hands rail and signer in, as the demo and tests of others do.
func TestPartsMayBeHandedIn(t *testing.T) {
	chain, err := devnet.New(devnet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := chain.Close(); err != nil {
			t.Error(err)
		}
	}()
	keys := t.TempDir()
	if _, err := keystore.Create(keys, "x", keystore.Light); err != nil {
		t.Fatal(err)
	}
	opened, err := keystore.Open(keys, "x")
	if err != nil {
		t.Fatal(err)
	}
	sign, err := guard.Open(t.Context(), guard.Options{Keys: opened, Build: build.Builder{}, Policy: guard.Policy{
		Networks: []guard.Network{{Network: signer.Network{Name: "ethereum", Family: build.EVM, ChainID: chain.ID()}, Open: true}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	way, err := evm.New(evm.Config{Network: "ethereum", ChainID: chain.ID()}, chain.Client().Client())
	if err != nil {
		t.Fatal(err)
	}
	c := setup(t)
	c.Assets = append(c.Assets, config.Asset{Code: "ETH", Scale: 18, Networks: []string{"ethereum"}})
	log := slog.New(slog.DiscardHandler)
	a, err := app.New(t.Context(), c, app.Options{Log: log, Rails: map[string]rail.Rail{"ethereum": way}, Signer: sign})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	c.Assets = append(c.Assets, config.Asset{Code: "USDT", Scale: 6, Networks: []string{"ethereum"}})
	_, err = app.New(t.Context(), c, app.Options{Log: log, Rails: map[string]rail.Rail{"ethereum": way}, Signer: sign})
	if fault.CodeOf(err) != "config_invalid" || !strings.Contains(err.Error(), "does not pay it") {
		t.Errorf("an asset that the rail does not pay: %v", err)
	}
}

// Every query of the board is over metrics that exist, by labels that they have.
func TestTheBoardAsksForMetricsThatExist(t *testing.T) {
	labels := app.MetricLabels()
	text, err := os.ReadFile("../../docs/operations/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string `json:"title"`
			Targets []struct {
				Expr   string `json:"expr"`
				Legend string `json:"legendFormat"`
			} `json:"targets"`
		} `json:"panels"`
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	queries := 0
	for _, p := range board.Panels {
		for _, q := range p.Targets {
			queries++
			var has []string
			for _, name := range regexp.MustCompile(`\bsluice_[a-z_]+\b`).FindAllString(q.Expr, -1) {
				of, known := labels[name]
				if base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, ""); !known && base != name {
					of, known = labels[base]
					of = append(slices.Clone(of), "le")
				}
				if !known {
					t.Errorf("%s: there is no metric %s", p.Title, name)
				}
				has = append(has, of...)
			}
			if len(has) == 0 && !strings.Contains(q.Expr, "sluice_") {
				t.Errorf("%s asks for nothing of ours: %s", p.Title, q.Expr)
			}
			var by []string
			for _, m := range regexp.MustCompile(`\bby \(([^)]*)\)`).FindAllStringSubmatch(q.Expr, -1) {
				by = append(by, strings.Split(m[1], ", ")...)
			}
			for _, l := range by {
				if !slices.Contains(has, l) {
					t.Errorf("%s: %s has no label %s", p.Title, q.Expr, l)
				}
			}
			for _, m := range regexp.MustCompile(`{{(.*?)}}`).FindAllStringSubmatch(q.Legend, -1) {
				if !slices.Contains(by, m[1]) {
					t.Errorf("%s: the legend names %s, which %s does not keep", p.Title, m[1], q.Expr)
				}
			}
			if strings.Count(q.Expr, "(") != strings.Count(q.Expr, ")") {
				t.Errorf("%s: %s", p.Title, q.Expr)
			}
		}
	}
	if queries < 20 {
		t.Errorf("only %d queries", queries)
	}
}

func TestTheOperatorsPagesNameEveryMetric(t *testing.T) {
	names := app.MetricNames()
	page, err := os.ReadFile("../../docs/operations/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	alerts, err := os.ReadFile("../../docs/operations/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !regexp.MustCompile(name + `\b`).Match(page) {
			t.Errorf("monitoring.md does not explain %s", name)
		}
	}
	for _, found := range regexp.MustCompile(`\bsluice_[a-z_]+\b`).FindAllString(string(page)+string(alerts), -1) {
		if !slices.Contains(names, strings.TrimSuffix(found, "_bucket")) {
			t.Errorf("there is no metric %s", found)
		}
	}
}
