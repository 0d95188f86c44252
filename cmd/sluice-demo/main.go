// Command sluice-demo pays users out on an Ethereum chain inside the process and
// shows every step. It is a program of its own so that the server links no chain node.
package main

import (
	"os"

	"sluice/internal/demo"
)

func main() { os.Exit(demo.Main(os.Args[1:], os.Stdout, os.Stderr)) }
