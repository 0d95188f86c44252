package cli

import (
	"slices"
)

type sealStatusCmd struct{}

// sealUseOut is one line of what is sealed under which key.
type sealUseOut struct {
	Key   string `json:"key"`
	What  string `json:"what"`
	Count int64  `json:"count"`
	Here  bool   `json:"here"`
}

// Run implements the command.
func (sealStatusCmd) Run(e *env) error {
	return e.open(func(t *tool) error {
		keys, err := t.conf.Seal.Ring()
		if err != nil {
			return err
		}
		uses, err := t.db.SealUses(t.ctx)
		if err != nil {
			return err
		}
		out, lost := []sealUseOut{}, false
		for _, u := range uses {
			here := slices.Contains(keys.IDs(), u.Key)
			lost = lost || !here
			out = append(out, sealUseOut{u.Key, u.What, u.Count, here})
		}
		if err := list(e, out, "KEY HERE WHAT COUNT", func(u sealUseOut) []any { return []any{u.Key, u.Here, u.What, u.Count} }); err != nil {
			return err
		}
		if lost {
			return quiet{ExitNo}
		}
		return nil
	})
}
