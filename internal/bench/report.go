package bench

import (
	"fmt"
	"io"
	"math"
	"time"
)

// Report is the outcome of a run: one JSON object. Rates count withdrawals per
// second, also those of the floors, so that a share is one divided by the other.
type Report struct {
	Benchmark   string `json:"benchmark"` // "accept"
	Mode        string `json:"mode"`      // "in_process" or "http"
	Engine      string `json:"engine"`    // "sqlite" or "postgres"
	Database    string `json:"database"`  // "temporary" or "given"
	StartedAt   string `json:"started_at"`
	Accounts    int    `json:"accounts"`
	Concurrency int    `json:"concurrency"`
	// DurationSeconds is how long withdrawals were accepted and measured, over all rounds.
	DurationSeconds float64 `json:"duration_seconds"`
	Rounds          int     `json:"rounds"`

	Accepted          int64   `json:"accepted"`
	PushedBack        int64   `json:"pushed_back"` // refused because the queue was full
	AcceptedPerSecond float64 `json:"accepted_per_second"`
	P50MS             float64 `json:"p50_ms"`
	P99MS             float64 `json:"p99_ms"`
	MaxMS             float64 `json:"max_ms"`
	BatchMean         float64 `json:"batch_mean"`

	FloorInsertPerSecond float64  `json:"floor_insert_per_second"`
	ShareOfInsertFloor   float64  `json:"share_of_insert_floor"`
	FloorFsyncPerSecond  float64  `json:"floor_fsync_per_second"`
	ShareOfFsyncFloor    float64  `json:"share_of_fsync_floor"`
	FloorHTTPPerSecond   *float64 `json:"floor_http_per_second,omitempty"`
	ShareOfHTTPFloor     *float64 `json:"share_of_http_floor,omitempty"`
	FloorHTTPP99MS       *float64 `json:"floor_http_p99_ms,omitempty"`

	// A lone caller waits for a batch of one; its floor is one bare transaction of the
	// same rows. FloorRowMS is a transaction that changes a single row.
	LoneP50MS   float64 `json:"lone_p50_ms"`
	FloorLoneMS float64 `json:"floor_lone_ms"`
	LoneRatio   float64 `json:"lone_ratio"`
	FloorRowMS  float64 `json:"floor_row_ms"`

	// BytesPerWithdrawal is what was written: the log of PostgreSQL, or everything
	// that this process wrote with SQLite. Absent where it cannot be known.
	BytesPerWithdrawal *float64 `json:"bytes_per_withdrawal,omitempty"`
	// CPUMSPerWithdrawal is processor time of this process, load generator included.
	CPUMSPerWithdrawal *float64 `json:"cpu_ms_per_withdrawal,omitempty"`

	Verify  string  `json:"verify"` // "clean"
	Machine Machine `json:"machine"`
}

// ratio rounds a quotient for people: the noise of a run is far above a thousandth.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return round(a/b, 3)
}

func round(x float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(x*p) / p
}

func millis(d time.Duration) float64 { return round(d.Seconds()*1000, 3) }

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	line := func(name, format string, args ...any) string {
		return fmt.Sprintf("%-28s"+format+"\n", append([]any{name}, args...)...)
	}
	callers := "callers in this process"
	if r.Mode == modeHTTP {
		callers = "HTTP connections"
	}
	s := fmt.Sprintf("%s (%s), %d cores, %s; %d %s, %d accounts\n\n", r.Machine.Engine, r.Machine.Durability, r.Machine.Cores, r.Machine.Go, r.Concurrency, callers, r.Accounts)
	s += line("accepted", "%12.0f /s   p50 %.2f ms   p99 %.2f ms   %.0f per commit", r.AcceptedPerSecond, r.P50MS, r.P99MS, r.BatchMean)
	s += line("floor: raw inserts", "%12.0f /s   accepted is %.2f of it", r.FloorInsertPerSecond, r.ShareOfInsertFloor)
	s += line("floor: append and fsync", "%12.0f /s   accepted is %.2f of it", r.FloorFsyncPerSecond, r.ShareOfFsyncFloor)
	if r.FloorHTTPPerSecond != nil {
		s += line("floor: empty HTTP handler", "%12.0f /s   accepted is %.2f of it", *r.FloorHTTPPerSecond, *r.ShareOfHTTPFloor)
	}
	s += line("one caller alone", "%12.2f ms   %.2f times one bare transaction of the same rows (%.2f ms); of a single row %.2f ms", r.LoneP50MS, r.LoneRatio, r.FloorLoneMS, r.FloorRowMS)
	if r.BytesPerWithdrawal != nil {
		s += line("written per withdrawal", "%12.0f bytes", *r.BytesPerWithdrawal)
	}
	if r.CPUMSPerWithdrawal != nil {
		s += line("CPU per withdrawal", "%12.3f ms of this process, load generator included", *r.CPUMSPerWithdrawal)
	}
	s += line("verify", "%12s   %d withdrawals", r.Verify, r.Accepted)
	_, err := io.WriteString(w, s)
	return err
}
