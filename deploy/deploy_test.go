// Package deploy_test runs what is in this folder: units, containers, proxies.
package deploy_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"debug/elf"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/internal/app"
	"sluice/internal/config"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	must(t, err)
	return string(b)
}

// missing skips a test for the lack of a program, and fails where nothing may be missing.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing: tools/need-deploy installs what the tests need", what)
	}
	t.Skipf("%s is missing: `tools/need-deploy` installs it", what)
}

// program finds a program; Debian keeps some where only root looks.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, at := range []string{name, "/usr/sbin/" + name, "/sbin/" + name} {
		if p, err := exec.LookPath(at); err == nil {
			return p
		}
	}
	missing(t, name)
	return ""
}

// server runs a server in this process and returns where it listens.
func server(t *testing.T) string {
	t.Helper()
	c := config.Default(config.Dev)
	c.Listen, c.AdminListen = "127.0.0.1:0", ""
	c.DatabaseURL = config.NewSecret("sqlite:" + filepath.Join(t.TempDir(), "sluice.db"))
	c.Keystore.Dir = filepath.Join(t.TempDir(), "keys")
	c.Assets = []config.Asset{{Code: "EUR", Scale: 2}}
	c.MetricsOnMain = false
	a, err := app.New(t.Context(), c, app.Options{Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-a.Ready():
	case err := <-done:
		done <- nil
		t.Fatal(err)
	}
	return strings.TrimPrefix(a.URL(), "http://")
}

// freePort is one that nobody listens at now.
func freePort(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	must(t, l.Close())
	return port
}

// certificate writes a certificate of localhost and its key, and returns who trusts it.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	must(t, os.WriteFile(filepath.Join(dir, "fullchain.pem"), cert, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "privkey.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return pool
}

// run starts a program and ends it with the test.
func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", cmd.Path, out)
		}
	})
}

// proxied holds what a server promises against what comes through a proxy with TLS.
func proxied(t *testing.T, port string, trust *x509.CertPool) {
	t.Helper()
	client := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	ask := func(method, path string, size int) (got answer, err error) {
		req, err := http.NewRequestWithContext(t.Context(), method, "https://localhost:"+port, io.LimitReader(zeros{}, int64(size)))
		must(t, err)
		req.URL.Path, req.ContentLength = path, int64(size)
		res, err := client.Do(req)
		if err != nil {
			return got, err
		}
		defer res.Body.Close() //nolint:errcheck // read to its end
		body, err := io.ReadAll(res.Body)
		return answer{res.StatusCode, res.ProtoMajor, res.Header.Get("Strict-Transport-Security"), string(body)}, err
	}
	// The proxy has to start, and to find the server ready.
	for deadline := time.Now().Add(time.Minute); ; {
		res, err := ask("GET", "/healthz", 0)
		if err == nil && res.status == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the proxy does not answer: %v", err)
		}
		<-time.After(20 * time.Millisecond)
	}
	for _, c := range []struct {
		method, path string
		size         int
		want         int
		text         string
	}{
		{"GET", "/v1/accounts", 0, 401, "api_key_required"},
		{"GET", "/v1//accounts", 0, 404, "no_such_route"}, // paths arrive as they were sent
		{"GET", "/metrics", 0, 404, "no_such_route"},
		{"POST", "/v1/withdrawals/batch", 8 << 20, 401, "api_key_required"}, // a body of the size of the largest batch
		{"POST", "/v1/withdrawals/batch", 10 << 20, 0, ""},                  // and a larger one is not for the server
	} {
		res, err := ask(c.method, c.path, c.size)
		switch {
		case c.want == 0:
			if err == nil && res.status < 400 {
				t.Errorf("%s %s with %d bytes: %+v", c.method, c.path, c.size, res)
			}
		case err != nil:
			t.Errorf("%s %s with %d bytes: %v", c.method, c.path, c.size, err)
		case res.status != c.want || !strings.Contains(res.body, c.text):
			t.Errorf("%s %s with %d bytes: %+v, want %d with %s", c.method, c.path, c.size, res, c.want, c.text)
		case res.proto != 2 || res.hsts == "":
			t.Errorf("%s %s: %+v", c.method, c.path, res)
		}
	}
}

// answer is what came back through a proxy.
type answer struct {
	status, proto int // proto: the major version of HTTP
	hsts, body    string
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestCaddy(t *testing.T) {
	caddy := program(t, "caddy")
	dir, port := t.TempDir(), freePort(t)
	trust := certificate(t, dir)
	example, err := filepath.Abs("caddy/Caddyfile")
	must(t, err)
	// Of the certificate alone the test brings its own: no authority gives one for localhost.
	file := filepath.Join(dir, "Caddyfile")
	text := fmt.Sprintf("{\n\tadmin off\n\tauto_https off\n}\n%s", strings.Replace(read(t, example), "\trequest_body {",
		"\ttls "+filepath.Join(dir, "fullchain.pem")+" "+filepath.Join(dir, "privkey.pem")+"\n\trequest_body {", 1))
	must(t, os.WriteFile(file, []byte(text), 0o600))
	env := append(os.Environ(), "SLUICE_HOST=https://localhost:"+port, "SLUICE_UPSTREAM="+server(t), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	cmd := exec.CommandContext(context.Background(), caddy, "run", "--adapter", "caddyfile", "--config", file)
	cmd.Env = env
	run(t, cmd)
	proxied(t, port, trust)
}

func TestNginx(t *testing.T) {
	nginx := program(t, "nginx")
	dir, port := t.TempDir(), freePort(t)
	must(t, os.Chmod(dir, 0o755))
	trust := certificate(t, dir)
	text := read(t, "nginx/sluice.conf")
	for from, to := range map[string]string{
		"listen 443 ": "listen 127.0.0.1:" + port + " ", "server 127.0.0.1:8080;": "server " + server(t) + ";",
		"/etc/letsencrypt/live/pay.example.com": dir, "server_name pay.example.com": "server_name localhost",
	} {
		if !strings.Contains(text, from) {
			t.Fatalf("the example has no %q", from)
		}
		text = strings.ReplaceAll(text, from, to)
	}
	must(t, os.WriteFile(filepath.Join(dir, "sluice.conf"), []byte(text), 0o600))
	whole := "daemon off; pid DIR/pid; error_log DIR/error.log; events {}\nhttp {\naccess_log off;\nclient_body_temp_path DIR/body; proxy_temp_path DIR/proxy;\n" +
		"fastcgi_temp_path DIR/fastcgi; uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;\ninclude DIR/sluice.conf;\n}\n"
	if os.Geteuid() == 0 {
		whole = "user root;\n" + whole
	}
	must(t, os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(strings.ReplaceAll(whole, "DIR", dir)), 0o600))
	run(t, exec.CommandContext(context.Background(), nginx, "-p", dir, "-c", filepath.Join(dir, "nginx.conf")))
	proxied(t, port, trust)
}

// build makes the program as the recipe does, and returns its path.
func build(t *testing.T, version string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "sluice")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-X sluice/internal/app.version="+version, "-o", out, "../cmd/sluice")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

// The image has nothing but the program: it needs no other file, is not root, and checks
// itself.
func TestContainer(t *testing.T) {
	recipe := read(t, "container/Containerfile")
	for _, want := range []string{"FROM scratch\n", "USER 65532:65532\n", `HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["/sluice", "health"]`, "tools/compile ./cmd/sluice"} {
		if !strings.Contains(recipe, want) {
			t.Errorf("the recipe has no %q", want)
		}
	}
	bin := build(t, "v1.2.3")
	if f, err := elf.Open(bin); err == nil {
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
				t.Error("the program is not static")
			}
		}
		must(t, f.Close())
	}
	at := "http://" + server(t)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--version"}, 0, "sluice v1.2.3 ("},
		{[]string{"health", "--url", at}, 0, `{"status":"ok"}`},
		{[]string{"health", "--url", at, "--ready"}, 0, `"ready":true`},
		{[]string{"health", "--url", "http://127.0.0.1:1"}, 2, "nothing answers at http://127.0.0.1:1/healthz"},
	} {
		cmd := exec.CommandContext(t.Context(), bin, c.args...)
		cmd.Env, cmd.Dir = []string{}, "/"
		if os.Geteuid() == 0 { // as in the image: nothing else there, and nobody
			root := t.TempDir()
			must(t, os.Rename(bin, filepath.Join(root, "sluice")))
			for _, dir := range []string{root, filepath.Dir(root)} {
				must(t, os.Chmod(dir, 0o755))
			}
			cmd.Path = "/sluice"
			cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
			bin = filepath.Join(root, "sluice")
		}
		out, _ := cmd.CombinedOutput() // the code is asked for
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != c.code || !strings.Contains(string(out), c.want) {
			t.Errorf("sluice %v: %v\n%s\nwant %d with %s", c.args, cmd.ProcessState, out, c.code, c.want)
		}
	}
}

// What the compose file mounts can be read by the programs that it starts, and they agree
// on the socket and its users.
func TestCompose(t *testing.T) {
	file := read(t, "container/compose.yaml")
	dir := t.TempDir()
	secret := func(text string) string {
		for _, name := range regexp.MustCompile(`file:/run/secrets/(\w+)`).FindAllStringSubmatch(text, -1) {
			if !strings.Contains(file, "  "+name[1]+": {file: secrets/"+name[1]+"}") {
				t.Errorf("compose.yaml has no secret %s", name[1])
			}
			value := "sqlite:" + filepath.Join(dir, "x.db")
			switch name[1] {
			case "seal_keys":
				value = "2026-01-01:" + strings.Repeat("A", 42) + "E="
			case "chain_key":
				value = strings.Repeat("A", 42) + "E="
			}
			must(t, os.WriteFile(filepath.Join(dir, name[1]), []byte(value), 0o600))
		}
		return strings.ReplaceAll(text, "/run/secrets/", dir+"/")
	}
	serverFile, signerFile := filepath.Join(dir, "sluice.toml"), filepath.Join(dir, "signer.toml")
	must(t, os.WriteFile(serverFile, []byte(secret(read(t, "container/sluice.toml"))), 0o600))
	must(t, os.WriteFile(signerFile, []byte(secret(read(t, "container/signer.toml"))), 0o600))
	c, _, err := config.Load(config.Source{File: serverFile})
	must(t, err)
	s, err := config.LoadSigner(signerFile, nil)
	must(t, err)
	if c.Mode != config.Live || c.Keystore.Dir != "" || c.Signer.Socket != s.Socket || len(s.SocketUsers) != 1 || s.SocketUsers[0] != 65532 {
		t.Errorf("the server and the signer do not fit: %+v, %+v", c.Signer, s)
	}
	for _, want := range []string{
		"network_mode: none", `user: "65533:65532"`, "read_only: true", "cap_drop: [ALL]", "stop_grace_period: 45s", `ports: ["127.0.0.1:8080:8080"]`,
		`command: ["signer", "run", "--policy", "/etc/sluice/signer.toml"]`, "socket:" + filepath.Dir(s.Socket),
	} {
		if !strings.Contains(file, want) {
			t.Errorf("compose.yaml has no %q", want)
		}
	}
}

// Units are as systemd takes them, and let the programs do nothing that they need not.
func TestUnits(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		missing(t, "systemd-analyze")
	}
	for name, exposed := range map[string]string{"sluice.service": "20", "sluice-signer.service": "10"} { // tenths: 0 is nothing, 100 everything
		t.Run(name, func(t *testing.T) {
			text := read(t, "systemd/"+name)
			bin, err := exec.LookPath("true")
			must(t, err)
			unit := filepath.Join(t.TempDir(), name)
			// The programs are not installed here.
			must(t, os.WriteFile(unit, []byte(strings.ReplaceAll(text, "/usr/local/bin/sluice", bin)), 0o600))
			for _, args := range [][]string{{"verify", unit}, {"security", "--offline=true", "--threshold=" + exposed, unit}} {
				out, err := exec.CommandContext(t.Context(), analyze, args...).CombinedOutput()
				if err != nil || args[0] == "verify" && strings.Contains(string(out), name) {
					t.Errorf("%v: %v\n%s", args, err, out)
				}
			}
		})
	}
}
