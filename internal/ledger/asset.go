package ledger

import (
	"sluice/internal/commit"
	"sluice/internal/fault"
)

// KnownAsset is a currency as this database keeps it. Amounts are stored in smallest
// units, so the scale of one that was ever used can never change.
type KnownAsset struct {
	Code    string
	Scale   int64
	Version int64
}

// KnownAssets is the table of currencies. It lives in the operator's shard.
var KnownAssets = commit.NewTable("asset", func(a *KnownAsset) string { return a.Code })

// RegisterAsset makes a currency known, or gives the one that is. Another scale is
// refused. It runs in the operator's shard.
type RegisterAsset struct {
	Code  string
	Scale int
}

// Reads implements commit.Command.
func (c RegisterAsset) Reads(w *commit.Wants) { KnownAssets.Want(w, c.Code) }

// Apply implements commit.Command.
func (c RegisterAsset) Apply(v *commit.View) (KnownAsset, error) {
	a, ok := KnownAssets.Get(v, c.Code)
	if !ok {
		a = KnownAsset{Code: c.Code, Scale: int64(c.Scale), Version: 1}
		KnownAssets.Put(v, a)
		return a, nil
	}
	if a.Scale != int64(c.Scale) {
		return KnownAsset{}, fault.New(fault.Conflict, "asset_scale_changed", "%s is kept with scale %d here, which can never change to %d", c.Code, a.Scale, c.Scale)
	}
	return a, nil
}
