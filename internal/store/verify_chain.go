package store

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/internal/commit"
	"sluice/internal/id"
	"sluice/internal/store/chain"
)

// ChainReport is what the chain of a shard covers.
type ChainReport struct {
	ID      string    `json:"id"`
	Began   time.Time `json:"began"`   // what was there before was taken as it was
	Rows    int64     `json:"rows"`    // that it covers
	Anchors int       `json:"anchors"` // that it was compared with
}

// chain works the chain out from the rows, and compares it with the state that the
// program wrote last, and with the anchors that were kept outside.
func (v *verifier) chain() error {
	s, sealed, err := v.shard()
	if err != nil {
		return err
	}
	if v.key == nil && len(sealed) == 0 {
		return nil
	}
	if v.key == nil {
		v.differ(checkChainState, "shard", "the key that the chain was made with", "no key: set chain.key")
		return nil
	}
	place := placeOf(s)
	state, err := v.state(place, sealed)
	w := walk{
		key: v.key, shard: v.out.Shard, anchors: v.anchors(place, state),
		unreadable: func(m *meta, err error) { v.differ(checkRow, m.name, "rows as the program writes them", err.Error()) },
		passed: func(a chain.Anchor, log string, have chain.Head) {
			v.differ(checkAnchor, anchorName(a)+" "+log, fmt.Sprintf("%d rows with the head %s", a.Logs[log].Rows, a.Logs[log].Head), "the log does not pass there; its head is "+have.String())
		},
	}
	if state != nil || errors.Is(err, chain.ErrAltered) { // otherwise nothing was marked with this key
		w.altered = v.altered
	}
	if state != nil && (state.Flags&flagLooking != 0) != s.Looking {
		v.differ(checkChainState, "shard", fmt.Sprintf("looking %t, as the program wrote it", !s.Looking), fmt.Sprintf("looking %t", s.Looking))
	}
	have, err := w.state(v.ctx, v.q)
	if err != nil {
		return err
	}
	if state == nil {
		return nil
	}
	v.out.Chain = &ChainReport{ID: hex.EncodeToString(state.Begin.ID[:]), Began: time.UnixMicro(state.Begin.At).UTC(), Anchors: len(w.anchors)}
	for i, b := range bindings {
		if at := layoutAt[i]; at >= 0 {
			v.out.Chain.Rows += state.Parts[at].Rows
			v.part(b.describe(), state.Parts[at], have.Parts[at])
		}
	}
	return nil
}

// shard reads the shard's own row, with the sealed state of its chain.
func (v *verifier) shard() (s commit.Shard, sealed []byte, err error) {
	s.Number = v.out.Shard
	err = v.each("SELECT last_seq, last_event, version, chain, looking FROM shard WHERE number = $1", []any{&s.LastSeq, &s.LastEvent, &s.Version, &sealed, &s.Looking}, func() error { return nil })
	return s, sealed, err
}

// state opens the state of the chain. One that cannot be opened is a difference.
func (v *verifier) state(place chain.Place, sealed []byte) (*chain.State, error) {
	if len(sealed) == 0 {
		v.differ(checkChainState, "shard", "the state of the chain", "none: it was never begun, or another hand removed it")
		return nil, errNoChain
	}
	state, err := v.key.Open(layout, place, sealed)
	if err != nil {
		v.differ(checkChainState, "shard", "the state that the program wrote for last_seq, last_event and version of the shard", err.Error())
	}
	return state, err
}

// part compares a table or a log with what the chain knows of it.
func (v *verifier) part(m *meta, want, have chain.Part) {
	if want == have {
		return
	}
	if have.Rows == unread {
		have.Rows = want.Rows
	}
	check, same := checkChain, "another hand changed at least one of them"
	if m.fixed {
		check, same = checkChainLog, "another hand changed at least one of them, or their order"
	}
	switch cmp.Compare(have.Rows, want.Rows) {
	case -1:
		v.differ(check, m.name, fmt.Sprintf("%d rows", want.Rows), fmt.Sprintf("%d rows: another hand removed some", have.Rows))
	case 1:
		v.differ(check, m.name, fmt.Sprintf("%d rows", want.Rows), fmt.Sprintf("%d rows: another hand added some", have.Rows))
	default:
		v.differ(check, m.name, fmt.Sprintf("the %d rows that the program wrote", want.Rows), fmt.Sprintf("%d rows: %s", have.Rows, same))
	}
}

// altered names a row whose mark is not of it.
func (v *verifier) altered(m *meta, fields []any) {
	seq := id.Seq(integer(fields[slices.Index(m.names(), "seq")]))
	kind := map[string]id.Kind{withdrawals.name: id.Withdrawal, destinations.name: id.Destination, keys.name: id.Key, credentials.name: id.Credential}[m.name]
	v.differ(checkMark, v.name(kind, seq), "the row as the program wrote it", "another hand wrote or changed it")
}

// anchors gives those that the chain of this shard has to pass through, and says what
// the others show. A chain that an operator began anew is not held against anchors of
// the one before, once the anchor that says so has been seen.
func (v *verifier) anchors(at chain.Place, state *chain.State) (out []chain.Anchor) {
	type stranger struct {
		chain.Anchor
		why string
	}
	var strange []stranger
	for _, a := range v.opt.Anchors {
		if a.Shard != v.out.Shard {
			continue
		}
		if err := a.Check(v.key.Public()); err != nil {
			strange = append(strange, stranger{a, err.Error()})
			continue
		}
		if a.Began != "" {
			out, strange = nil, nil
		}
		out = append(out, a)
	}
	for _, s := range strange {
		v.differ(checkAnchor, anchorName(s.Anchor), "an anchor that was signed with the key of this installation", s.why)
	}
	for _, a := range out {
		switch {
		case state != nil && a.Chain != hex.EncodeToString(state.Begin.ID[:]):
			v.differ(checkAnchor, anchorName(a), "the chain "+a.Chain, "the chain "+hex.EncodeToString(state.Begin.ID[:])+": the database is another one, or its chain was begun anew and no anchor says so")
		case a.After(at):
			v.differ(checkAnchor, anchorName(a), fmt.Sprintf("at least version %d, row %d, event %d", a.Version, a.LastSeq, a.LastEvent),
				fmt.Sprintf("version %d, row %d, event %d: the end was cut off, or an older copy was put in its place", at.Version, at.LastSeq, at.LastEvent))
		case state != nil && a.Version == at.Version && a.Digest != layout.Digest(state).String():
			v.differ(checkAnchor, anchorName(a), "the state "+a.Digest, "another state of the same version: it was written anew")
		}
	}
	return slices.DeleteFunc(out, func(a chain.Anchor) bool { return state != nil && a.Chain != hex.EncodeToString(state.Begin.ID[:]) })
}

func anchorName(a chain.Anchor) string {
	return fmt.Sprintf("anchor of %s, version %d", a.At.Format(time.RFC3339), a.Version)
}
