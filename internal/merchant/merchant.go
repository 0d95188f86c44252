// Package merchant holds the tenants of an installation and their API keys.
package merchant

import (
	"strings"
	"time"
	"unicode"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
)

// Mode separates test data from real money. It is fixed when the merchant is made.
type Mode string

// The modes.
const (
	Live Mode = "live"
	Test Mode = "test"
)

// Merchant is a tenant. Everything it owns lives in its shard.
type Merchant struct {
	Seq  id.Seq
	Name string
	Mode Mode
	// CancelWindow keeps every new withdrawal cancellable for that long. Whole
	// seconds, 0 to 30 days.
	CancelWindow time.Duration
	CreatedAt    time.Time
	Version      int64
}

// Merchants is the table of merchants.
var Merchants = commit.NewTable("merchant", func(m *Merchant) id.Seq { return m.Seq })

// MaxCancelWindow bounds Merchant.CancelWindow.
const MaxCancelWindow = 30 * 24 * time.Hour

// Create makes a merchant in the shard it is submitted to.
type Create struct {
	Name         string
	Mode         Mode
	CancelWindow time.Duration
}

// Reads implements commit.Command.
func (c Create) Reads(*commit.Wants) {}

// Apply implements commit.Command.
func (c Create) Apply(v *commit.View) (Merchant, error) {
	// Names are shown on terminals and in pages: a control character could rewrite them.
	if c.Name == "" || len(c.Name) > 200 || strings.ContainsFunc(c.Name, unicode.IsControl) {
		return Merchant{}, fault.Bad("invalid_name", "name", "a merchant needs a name of 1 to 200 bytes without control characters")
	}
	if c.Mode != Live && c.Mode != Test {
		return Merchant{}, fault.Bad("invalid_mode", "mode", "the mode is live or test")
	}
	if err := checkWindow(c.CancelWindow); err != nil {
		return Merchant{}, err
	}
	m := Merchant{Seq: v.NewID(), Name: c.Name, Mode: c.Mode, CancelWindow: c.CancelWindow, CreatedAt: v.Now(), Version: 1}
	Merchants.Insert(v, m)
	return m, nil
}

func checkWindow(d time.Duration) error {
	if d < 0 || d > MaxCancelWindow || d%time.Second != 0 {
		return fault.Bad("invalid_cancel_window", "cancel_window", "the cancel window is a whole number of seconds, 0 to 30 days")
	}
	return nil
}

// SetCancelWindow changes how long new withdrawals stay cancellable. Withdrawals
// that exist keep the window they were made with.
type SetCancelWindow struct {
	Merchant     id.Seq
	CancelWindow time.Duration
}

// Reads implements commit.Command.
func (c SetCancelWindow) Reads(w *commit.Wants) { Merchants.Want(w, c.Merchant) }

// Apply implements commit.Command.
func (c SetCancelWindow) Apply(v *commit.View) (Merchant, error) {
	if err := checkWindow(c.CancelWindow); err != nil {
		return Merchant{}, err
	}
	m, ok := Merchants.Get(v, c.Merchant)
	if !ok {
		return Merchant{}, fault.New(fault.NotFound, "not_found", "no such merchant")
	}
	m.CancelWindow, m.Version = c.CancelWindow, m.Version+1
	Merchants.Put(v, m)
	return m, nil
}
