package cli

import (
	"fmt"
	"slices"
	"strings"

	"sluice/internal/app"
	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/signer/build"
	"sluice/internal/signer/guard"
	"sluice/internal/signer/keystore"
	"sluice/internal/signer/socket"
)

// addresses are the wallets that can be paid from here: by the signer behind the
// socket, or by the keys in the keystore.
func (d *doctor) addresses() []string {
	if d.conf.Signer.Socket == "" {
		have, _ := keystore.List(d.conf.Keystore.Dir) // told by keys
		return append(have, d.coinAddresses(have)...)
	}
	c := socket.Dial(d.conf.Signer.Socket)
	defer c.Close() //nolint:errcheck // only asked
	have, _ := c.Addresses(d.ctx)
	return have
}

// coinAddresses are those of the keys on coin chains. The keystore does not list them: it
// takes its passphrase to tell.
func (d *doctor) coinAddresses(keys []string) (out []string) {
	k := d.conf.Keystore
	for _, n := range d.conf.Networks {
		if n.Kind != config.KindBitcoin || k.Passphrase.IsZero() {
			continue
		}
		for _, key := range keys {
			public, err := keystore.Public(k.Dir, k.Passphrase.Reveal(), key, k.Passphrase.Earlier()...)
			if err != nil {
				continue // told by keys
			}
			addresses, _ := build.Builder{}.Addresses(app.SignerNetwork(n), public)
			out = append(out, addresses...)
		}
	}
	return out
}

// signer asks the signer behind the socket.
func (d *doctor) signer() {
	c := socket.Dial(d.conf.Signer.Socket)
	defer c.Close() //nolint:errcheck // only asked
	have, err := c.Addresses(d.ctx)
	if err != nil {
		d.fail("signer", err.Error(), "start `sluice signer`, or correct signer.socket; name this user in socket_users of its configuration")
		return
	}
	d.ok("signer", "%s answers: %s", d.conf.Signer.Socket, or(strings.Join(have, ", "), "it has no keys"))
	if err := c.Health(d.ctx); err != nil {
		d.fail("signer", err.Error(), "docs/signer.md says how to go on")
	}
	for _, b := range d.conf.Banks {
		if err := c.May(d.ctx, b.Name, nil); fault.CodeOf(err) == "sign_network" {
			d.fail("signer", err.Error(), fmt.Sprintf("payments from %s wait: add it under [[banks]] of the signer's configuration", b.Name))
		}
	}
}

// policy reads the policy that this process holds itself to.
func (d *doctor) policy() {
	if d.conf.Signer.Policy == "" {
		return
	}
	p, err := app.PolicyHere(d.conf)
	if err != nil {
		d.fail("signer policy", err.Error(), "correct the file that signer.policy names; docs/signer.md shows one")
		return
	}
	for _, text := range app.Unbounded(p) {
		d.warn("signer policy", "docs/signer.md shows the limits", "%s", text)
	}
	for _, b := range d.conf.Banks {
		if !slices.ContainsFunc(p.Networks, func(n guard.Network) bool { return n.Name == b.Name }) {
			d.fail("signer policy", fmt.Sprintf("%s is not in it: its payments wait", b.Name), "add it under [[banks]] of "+d.conf.Signer.Policy)
		}
	}
	d.ok("signer policy", "%s", d.conf.Signer.Policy)
}
