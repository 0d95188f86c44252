// Command sluice is the product: server and tools in one binary.
package main

import (
	"os"

	"sluice/internal/cli"
)

func main() { os.Exit(cli.Main()) }
