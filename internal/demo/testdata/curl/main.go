// Command curl is the part of curl that our pages use, for machines without it.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "curl:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	method, url, body, fail := "", "", "", false
	header := http.Header{}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		value := func() string {
			if len(args) == 0 {
				return ""
			}
			v := args[0]
			args = args[1:]
			return v
		}
		switch arg {
		case "-sS":
		case "-sf":
			fail = true
		case "-X":
			method = value()
		case "-d":
			body = value()
		case "-H":
			k, v, _ := strings.Cut(value(), ":")
			header.Add(k, strings.TrimSpace(v))
		default:
			if strings.HasPrefix(arg, "-") {
				return fmt.Errorf("option %s is not known here", arg)
			}
			url = arg
		}
	}
	if method == "" {
		method = http.MethodGet
		if body != "" {
			method = http.MethodPost
		}
	}
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header = header
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if fail && res.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("the server answers %s", res.Status)
	}
	_, err = io.Copy(os.Stdout, res.Body)
	return err
}
