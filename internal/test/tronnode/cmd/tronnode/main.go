// Command tronnode is the stand-in TRON node as a process of its own: it makes blocks by
// the wall clock, keeps its state in memory, and does not mind who comes and goes.
//
//	go run ./internal/test/tronnode/cmd/tronnode --interval 500ms
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"sluice/internal/test/tronnode/control"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := control.Main(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "tronnode:", err)
		os.Exit(1)
	}
}
