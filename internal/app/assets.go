package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/ledger"
	"sluice/internal/money"
	"sluice/internal/store"
)

// registerAssets holds the configured currencies against those that the database
// was used with: amounts are kept in smallest units, so another scale would move
// the point in every balance.
func registerAssets(ctx context.Context, db *store.DB, assets money.Assets, log *slog.Logger) error {
	known, err := db.KnownAssets(ctx)
	if err != nil {
		return err
	}
	scales := map[string]int{}
	for _, k := range known {
		scales[k.Code] = int(k.Scale)
		if a, ok := assets[k.Code]; !ok {
			log.Warn("the database was used with a currency that is not configured: its balances cannot be used", "asset", k.Code, "scale", k.Scale)
		} else if a.Scale != int(k.Scale) {
			return fault.New(fault.Invalid, "asset_scale_changed",
				"assets.%s.scale: is %d, but this database keeps %s with scale %d, and that can never change. Put %d back, or use another code for the new asset",
				k.Code, a.Scale, k.Code, k.Scale, k.Scale)
		}
	}
	var missing []money.Asset
	for _, code := range assets.Codes() {
		if _, ok := scales[code]; !ok {
			missing = append(missing, assets[code])
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return Write(ctx, db, func(loop *commit.Loop) error {
		for _, a := range missing {
			if _, err := commit.Do(ctx, loop, Operator, ledger.RegisterAsset{Code: a.Code, Scale: a.Scale}); err != nil {
				return err
			}
		}
		return nil
	})
}

// isNewFile tells whether a database URL names a SQLite file that does not exist.
func isNewFile(url string) bool {
	path, ok := strings.CutPrefix(url, "sqlite:")
	if !ok {
		return false
	}
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// version is what a build names that has no history, like one in a container.
var version string

// Version is what was built: what the build named, else the tag, else the revision.
func Version() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			revision = s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+changes"
		}
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	if revision == "" {
		return "dev"
	}
	return revision + dirty
}
