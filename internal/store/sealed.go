package store

import (
	"context"
	"errors"
	"slices"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/merchant/credential"
	"sluice/internal/merchant/destination"
	"sluice/internal/payout"
	"sluice/internal/rail"
	"sluice/internal/seal"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal"
)

// sealedRow is a row with values that are sealed for it, or that should be.
type sealedRow struct {
	what, where string
	raw         [][]byte
	open        func(*seal.Ring) error // its error wraps that of the ring
	renew       commit.Command[commit.Nothing]
}

// old tells whether a value is readable, bound to no row, or under an older key.
func (r sealedRow) old(keys *seal.Ring) bool {
	return slices.ContainsFunc(r.raw, func(raw []byte) bool { return !keys.Current(raw) })
}

// sealedRows reads the rows of a shard whose sealed values are bound to them. The recipients
// of ended withdrawals are left out: nothing opens them any more. Open withdrawals
// have no renew: each change of one is an event, and they end soon.
func sealedRows(ctx context.Context, q querier, shard id.Shard, see func(sealedRow) error) error {
	const all = "WHERE t.shard = $1"
	at := func(seq id.Seq) id.ID { return id.ID{Shard: shard, Seq: seq} }
	return errors.Join(
		each(ctx, q, destinations, all, []any{shard}, func(d destination.Destination) error {
			if !d.Bank() || len(d.Decoded) == 0 {
				return nil
			}
			return see(sealedRow{"bank accounts", at(d.Seq).Text(id.Destination), [][]byte{d.Decoded}, func(k *seal.Ring) error {
				_, err := d.Recipient(k, shard, seal.Place{})
				return err
			}, destination.Renew{Destination: d.Seq}})
		}),
		each(ctx, q, withdrawals, all+" AND "+open, []any{shard}, func(w withdrawal.Withdrawal) error {
			if !rail.Hidden(w.Canonical) {
				return nil
			}
			ref := at(w.Seq).Text(id.Withdrawal)
			return see(sealedRow{what: "withdrawals", where: ref, raw: [][]byte{w.Decoded}, open: func(k *seal.Ring) error {
				_, err := k.OpenAt(rail.RecipientPurpose, rail.PayoutPlace(ref), w.Decoded)
				return err
			}})
		}),
		each(ctx, q, dispatchItems, all+" AND t.outcome = ''", []any{shard}, func(i payout.Item) error {
			if !seal.Bound(i.To) || !seal.Sealed(i.To) {
				return nil // an address, or the bytes of its withdrawal, which is looked at
			}
			ref := i.ID().Text(id.Withdrawal)
			return see(sealedRow{what: "withdrawals", where: ref + " in " + at(i.Dispatch).Text(id.Dispatch), open: func(k *seal.Ring) error {
				_, err := k.OpenAt(rail.RecipientPurpose, rail.PayoutPlace(ref), i.To)
				return err
			}})
		}),
		each(ctx, q, credentials, all, []any{shard}, func(c credential.Credential) error {
			if len(c.Secret) == 0 {
				return nil
			}
			return see(sealedRow{"credentials", at(c.Seq).Text(id.Credential), [][]byte{c.Secret}, func(k *seal.Ring) error {
				_, err := c.OpenSecret(k, shard)
				return err
			}, credential.Renew{Credential: c.Seq}})
		}),
		each(ctx, q, signingKeys, all, []any{shard}, func(k credential.SigningKey) error {
			return see(sealedRow{"keys of wires", k.Wire + " " + k.Public(), [][]byte{k.Secret}, func(r *seal.Ring) error {
				_, err := k.OpenSecret(r)
				return err
			}, credential.RenewSigningKey{SigningKeyID: k.SigningKeyID}})
		}),
		each(ctx, q, endpoints, all, []any{shard}, func(e webhook.Endpoint) error {
			return see(sealedRow{"keys of webhooks", at(e.Seq).Text(id.Endpoint), e.Sealed(), func(k *seal.Ring) error {
				_, err := e.Opened(k, shard)
				return err
			}, webhook.Renew{Endpoint: e.Seq}})
		}))
}

// Renewal is one row that has to be sealed again.
type Renewal struct {
	What    string
	Shard   id.Shard
	Command commit.Command[commit.Nothing] // nil: an open withdrawal, look again when it has ended
}

// SealRenewals lists the rows whose values are readable, bound to no row, or under an older
// key than the one that seals. It reads whole tables. Without keys there are none.
func (db *DB) SealRenewals(ctx context.Context) ([]Renewal, error) {
	var out []Renewal
	if db.seal == nil {
		return nil, nil
	}
	for n := range db.shards {
		err := sealedRows(ctx, db.engine, id.Shard(n), func(r sealedRow) error {
			if r.old(db.seal) {
				out = append(out, Renewal{r.what, id.Shard(n), r.renew}) //nolint:gosec // fewer than id.MaxShards
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// sealed checks that every sealed value opens in its row and nowhere else: a copy of another
// row's does not. What is under a key that is not here is `sluice seal status`'s to say.
func (v *verifier) sealed() error {
	if v.seal == nil {
		return nil
	}
	return sealedRows(v.ctx, v.q, v.out.Shard, func(r sealedRow) error {
		err := r.open(v.seal)
		if fault.CodeOf(err) == "sealed_altered" || errors.Is(err, seal.ErrTampered) || errors.Is(err, seal.ErrUnbound) {
			v.differ(checkSealed, r.where, "a value that was sealed for this row", "one that was changed, or sealed for another row or for none")
		}
		return nil
	})
}
