package webhook

import (
	"encoding/base64"
	"strings"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/seal"
)

// keyPurpose is what keys of endpoints are sealed for, sealedPrefix what a sealed one begins
// with in its column.
const (
	keyPurpose   = "webhook key"
	sealedPrefix = "sealed:"
)

// keys are the columns with keys, by name.
func (e *Endpoint) keys() map[string]*string {
	return map[string]*string{
		"secret": &e.Secret, "signing_key": &e.SigningKey, "previous_secret": &e.PreviousSecret, "previous_signing_key": &e.PreviousSigningKey,
	}
}

func (e *Endpoint) place(shard id.Shard, column string) seal.Place {
	return seal.Place{Table: "webhook_endpoint", Column: column, Row: id.ID{Shard: shard, Seq: e.Seq}.Text(id.Endpoint)}
}

// Opened is the endpoint with its keys readable, also those that were stored before keys
// were sealed. The errors are faults that name the row.
func (e Endpoint) Opened(ring *seal.Ring, shard id.Shard) (Endpoint, error) {
	for column, key := range e.keys() {
		text, sealed := strings.CutPrefix(*key, sealedPrefix)
		if !sealed {
			continue
		}
		at := e.place(shard, column)
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return Endpoint{}, seal.Refusal(at, seal.ErrTampered)
		}
		plain, err := ring.OpenAt(keyPurpose, at, raw)
		if err != nil {
			return Endpoint{}, seal.Refusal(at, err)
		}
		*key = string(plain)
	}
	return e, nil
}

// seal closes the keys for this row. Without keys of the installation they stay readable.
func (e *Endpoint) seal(v *commit.View) error {
	if v.Keys() == nil {
		return nil
	}
	for column, key := range e.keys() {
		if *key == "" {
			continue
		}
		sealed, err := v.Keys().SealAt(keyPurpose, e.place(v.Shard(), column), []byte(*key))
		if err != nil {
			return err
		}
		*key = sealedPrefix + base64.StdEncoding.EncodeToString(sealed)
	}
	return nil
}

// Sealed are the keys that are there, as package seal writes them; a readable one is itself.
func (e Endpoint) Sealed() (out [][]byte) {
	for _, key := range e.keys() {
		if *key == "" {
			continue
		}
		raw := []byte(*key)
		if text, ok := strings.CutPrefix(*key, sealedPrefix); ok {
			raw, _ = base64.StdEncoding.DecodeString(text) // one that cannot be read is like no sealed one
		}
		out = append(out, raw)
	}
	return out
}

// Renew seals the keys of an endpoint under the installation's first key, for their row.
type Renew struct{ Endpoint id.Seq }

// Reads implements commit.Command.
func (c Renew) Reads(w *commit.Wants) { Endpoints.Want(w, c.Endpoint) }

// Apply implements commit.Command.
func (c Renew) Apply(v *commit.View) (commit.Nothing, error) {
	e, ok := Endpoints.Get(v, c.Endpoint)
	if !ok {
		return commit.Nothing{}, fault.New(fault.NotFound, "endpoint_not_found", "no such webhook endpoint")
	}
	opened, err := e.Opened(v.Keys(), v.Shard())
	if err != nil {
		return commit.Nothing{}, err
	}
	if err := opened.seal(v); err != nil {
		return commit.Nothing{}, err
	}
	opened.Version++
	Endpoints.Put(v, opened)
	return commit.Nothing{}, nil
}
