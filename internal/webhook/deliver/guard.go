package deliver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync/atomic"
	"syscall"

	"code.dny.dev/ssrf"
)

// errBlocked marks an address that must not be dialled.
var errBlocked = errors.New("blocked")

// metadata are the addresses at which clouds hand out credentials. Most are in
// ranges that are blocked anyway; none can be listed as an exception.
var metadata = []netip.Addr{
	netip.MustParseAddr("169.254.169.254"), // nearly everybody
	netip.MustParseAddr("169.254.170.2"),   // AWS, containers
	netip.MustParseAddr("fd00:ec2::254"),   // AWS
	netip.MustParseAddr("fd20:ce::254"),    // Google
	netip.MustParseAddr("100.100.100.200"), // Alibaba
	netip.MustParseAddr("192.0.0.192"),     // Oracle
	netip.MustParseAddr("168.63.129.16"),   // Azure: a public address
	netip.MustParseAddr("fe80::a9fe:a9fe"), // OpenStack, link-local
}

// guard decides, when a connection is about to be made, whether its address may be
// reached. It sees the address that the name has at that moment: a name that had a
// harmless address when its URL was saved gains nothing.
type guard struct {
	safe     *ssrf.Guardian
	loopback bool
	allow    []netip.Prefix
	log      *slog.Logger
}

func newGuard(o Options) *guard {
	return &guard{safe: ssrf.New(ssrf.WithPorts(o.Ports...)), loopback: o.AllowLoopback, allow: o.Allow, log: o.Log}
}

// dialled carries the address of a dial to the log of attempts.
type dialled struct{ address atomic.Pointer[string] }

type dialledKey struct{}

func (d *dialled) set(address string) { d.address.Store(&address) }

func (d *dialled) get() string {
	if p := d.address.Load(); p != nil {
		return *p
	}
	return ""
}

// control is net.Dialer.ControlContext.
func (g *guard) control(ctx context.Context, network, address string, _ syscall.RawConn) error {
	if d, ok := ctx.Value(dialledKey{}).(*dialled); ok {
		d.set(address)
	}
	if err := g.check(network, address); err != nil {
		g.log.WarnContext(ctx, "a webhook was not sent: its address is blocked", "address", address, "reason", err)
		return err
	}
	return nil
}

func (g *guard) check(network, address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %q is no address", errBlocked, address)
	}
	ip := at.Addr()
	switch {
	case network != "tcp4" && network != "tcp6":
		return fmt.Errorf("%w: %s is no way to send webhooks", errBlocked, network)
	case ip.Is4In6() || ip.Zone() != "":
		return fmt.Errorf("%w: %s is a disguised or local form of an address", errBlocked, ip)
	case slices.Contains(metadata, ip):
		return fmt.Errorf("%w: %s is a metadata service", errBlocked, ip)
	case ip.IsLoopback() && g.loopback:
		return nil
	}
	for _, p := range g.allow {
		if p.Contains(ip) {
			g.log.Info("a webhook goes to an address that is allowed by exception", "address", address, "exception", p)
			return nil
		}
	}
	if err := g.safe.SafeAddrPort(at); err != nil {
		return fmt.Errorf("%w: %w", errBlocked, err)
	}
	return nil
}
