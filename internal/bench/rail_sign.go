package bench

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"sluice/internal/fault"
	"sluice/internal/signer/curve"
)

// SigningReport is the outcome of RailSigner.
type SigningReport struct {
	Benchmark string         `json:"benchmark"` // "rail_signer"
	Rows      []SignerReport `json:"rows"`
	// FloorFsync is how often a second an entry of the log's size is appended and synced,
	// one after the other; FloorSign how many digests one core signs.
	FloorFsync float64 `json:"floor_fsync_per_second"`
	FloorSign  float64 `json:"floor_signatures_per_second"`
}

// RailSigner measures the signer through its socket with so many callers at a time, and
// its floors in the same run.
func RailSigner(ctx context.Context, callers []int, span time.Duration) (SigningReport, error) {
	out := SigningReport{Benchmark: "rail_signer"}
	if span <= 0 || span > time.Hour {
		return out, fault.Bad("invalid_duration", "duration", "above 0, at most 1h")
	}
	for _, n := range callers {
		if n < 1 || n > 4096 {
			return out, fault.Bad("invalid_callers", "callers", "1 to 4096 callers")
		}
		row, err := MeasureSigner(ctx, n, span)
		if err != nil {
			return out, err
		}
		row.PerSecond, row.MeanMS, row.SharedByCommit = round(row.PerSecond, 1), round(row.MeanMS, 3), round(row.SharedByCommit, 1)
		out.Rows = append(out.Rows, row)
	}
	var err error
	out.FloorFsync, err = syncFloor(span / 2)
	out.FloorSign = signFloor(span / 2)
	return out, err
}

// entrySize is about what the signer's log keeps of one payout.
const entrySize = 512

func syncFloor(span time.Duration) (float64, error) {
	dir, err := os.MkdirTemp("", "sluice-sign")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	f, err := os.CreateTemp(dir, "log")
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // measured, not kept
	count, start := 0, time.Now()
	for ; time.Since(start) < span; count++ {
		if _, err := f.Write(make([]byte, entrySize)); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
	}
	return round(float64(count)/time.Since(start).Seconds(), 1), nil
}

func signFloor(span time.Duration) float64 {
	key := secp256k1.PrivKeyFromBytes([]byte("measured, never paid from"))
	digest := sha256.Sum256(nil)
	count, start := 0, time.Now()
	for ; time.Since(start) < span; count++ {
		digest = sha256.Sum256(curve.Sign(key, digest))
	}
	return round(float64(count)/time.Since(start).Seconds(), 1)
}

// WriteText writes the report for people.
func (r SigningReport) WriteText(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "signatures through the socket, one key\n%8s %12s %12s %10s\n", "callers", "per second", "per commit", "mean ms"); err != nil {
		return err
	}
	for _, row := range r.Rows {
		if _, err := fmt.Fprintf(w, "%8d %12.0f %12.1f %10.2f\n", row.Callers, row.PerSecond, row.SharedByCommit, row.MeanMS); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "floors: %.0f appends with fsync per second, one after the other; %.0f signatures per second on one core\n", r.FloorFsync, r.FloorSign)
	return err
}
