package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice/internal/cli"
)

// server is a `sluice serve`, in this process or in one of its own.
type server struct {
	url  string
	http *http.Client
	end  func()     // asks it to stop
	done chan error // told once, when it has stopped
	log  *output
}

// output is what a server logs, readable while it does.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// says waits until the log has a line with all of these.
func (v *server) says(t *testing.T, parts ...string) {
	t.Helper()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		for line := range strings.Lines(v.log.String()) {
			found := true
			for _, p := range parts {
				found = found && strings.Contains(line, p)
			}
			if found {
				return
			}
		}
	}
	t.Fatalf("no line with %q in\n%s", parts, v.log)
}

var anyPort = []string{"serve", "--json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}

// serve runs the server in this process.
func serve(t *testing.T, s *shell, args ...string) *server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	v := &server{end: cancel, done: make(chan error, 1), log: &output{}}
	go func() {
		code := cli.Run(ctx, append(anyPort, args...), cli.IO{Stdin: strings.NewReader(""), Stdout: in, Stderr: v.log, Environ: s.env})
		_ = in.Close()
		if code != 0 {
			v.done <- fmt.Errorf("exit code %d", code)
		}
		close(v.done)
	}()
	v.ready(t, out)
	return v
}

// process runs the server in a process of its own, which can be killed.
func process(t *testing.T, s *shell, args ...string) *server {
	t.Helper()
	cmd := exec.Command(os.Args[0], append(anyPort, args...)...) //nolint:noctx // it is ended by signals
	cmd.Env = append([]string{asProgram + "=1"}, s.env...)
	v := &server{done: make(chan error, 1), log: &output{}}
	cmd.Stderr = v.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	v.end = func() { _ = cmd.Process.Signal(syscall.SIGTERM) }
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	v.ready(t, out)
	go func() {
		_, _ = io.Copy(io.Discard, out)
		v.done <- cmd.Wait()
		close(v.done)
	}()
	return v
}

func (v *server) ready(t *testing.T, out io.Reader) {
	t.Helper()
	v.http = &http.Client{Transport: &http.Transport{}, Timeout: limit}
	t.Cleanup(func() { v.end(); v.http.CloseIdleConnections() })
	line, err := bufio.NewReader(out).ReadString('\n')
	var told struct{ API string }
	if err != nil || json.Unmarshal([]byte(line), &told) != nil || told.API == "" {
		t.Fatalf("the server did not start: %q, %v\n%s", line, err, v.log)
	}
	v.url = told.API
}

// wait waits until it has stopped, and tells whether it did so well.
func (v *server) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-v.done:
		return err
	case <-time.After(limit):
		t.Fatalf("the server did not stop\n%s", v.log)
		return nil
	}
}

// stop ends it and fails the test if that did not go well.
func (v *server) stop(t *testing.T) {
	t.Helper()
	v.end()
	if err := v.wait(t); err != nil {
		t.Fatalf("the server stopped with %v\n%s", err, v.log)
	}
}

// send makes one request. status 0: there was no answer.
func (v *server) send(ctx context.Context, key, method, path, body string) (status int, answer map[string]any) {
	r, err := http.NewRequestWithContext(ctx, method, v.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil
	}
	r.Header.Set("Authorization", "Bearer "+key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", rand.Text())
	}
	res, err := v.http.Do(r)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = res.Body.Close() }()
	if json.NewDecoder(res.Body).Decode(&answer) != nil {
		return 0, nil // cut off
	}
	return res.StatusCode, answer
}

func (v *server) post(t *testing.T, key, path, body string) map[string]any {
	t.Helper()
	code, answer := v.send(t.Context(), key, http.MethodPost, path, body)
	if code != http.StatusCreated {
		t.Fatalf("POST %s: %d %v", path, code, answer)
	}
	return answer
}

func (v *server) get(t *testing.T, key, path string) map[string]any {
	t.Helper()
	code, answer := v.send(t.Context(), key, http.MethodGet, path, "")
	if code != http.StatusOK {
		t.Fatalf("GET %s: %d %v", path, code, answer)
	}
	return answer
}
