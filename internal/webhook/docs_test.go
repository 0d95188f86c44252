package webhook_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"sluice/internal/event"
)

// TestPageListsEveryEventType: the catalogue is code, the page follows it.
func TestPageListsEveryEventType(t *testing.T) {
	page, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(page), "## Event types\n")
	if !ok {
		t.Fatal("the page has no list of event types")
	}
	for _, e := range event.All {
		row := fmt.Sprintf("| `%s` | %s%s. |\n", e.Type, strings.ToUpper(e.Text[:1]), e.Text[1:])
		if !strings.Contains(table, row) {
			t.Errorf("docs/webhooks.md lacks this row:\n%s", row)
		}
	}
	if got, want := strings.Count(table, "| `"), len(event.All); got != want {
		t.Errorf("docs/webhooks.md lists %d event types, the catalogue has %d", got, want)
	}
}
