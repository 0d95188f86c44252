// Command gen writes the diagram of the states of a withdrawal next to their table.
package main

import (
	"os"

	"sluice/internal/withdrawal"
)

func main() {
	if err := os.WriteFile("states.md", []byte(withdrawal.Diagram()), 0o644); err != nil { //nolint:gosec // a page of documentation
		panic(err)
	}
}
