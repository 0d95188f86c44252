package pgtest

import (
	"context"
	"os"
	"path/filepath"
)

// StartStandby starts the server again, after Crash, as a standby: it answers reads, and
// refuses every write until Promote.
func (s *Server) StartStandby(ctx context.Context) error {
	if err := os.WriteFile(filepath.Join(s.data(), "standby.signal"), nil, 0o644); err != nil {
		return err
	}
	return s.Start(ctx)
}

// Promote makes a standby take writes.
func (s *Server) Promote(ctx context.Context) error {
	return execute(ctx, s.URL(), "SELECT pg_promote()")
}
