package webhook

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"sluice/internal/fault"
)

// ports are those that webhooks go to, but in a range that is allowed by exception.
var ports = []string{"", "80", "443", "8443"}

// special are ranges of addresses that are nobody's on the internet and that netip has no
// word for (https://www.iana.org/assignments/iana-ipv4-special-registry).
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("2001:db8::/32"),
}

// CheckURL checks the form of a URL that messages are to be sent to, and refuses one that
// could never be delivered to: one that says itself that it is not on the internet, unless
// its address is in one of the ranges. Whether a name may be reached is decided when it is
// dialled, on the address that it has then. The error is about the field url. With allowHTTP
// plain http and every address are taken.
func CheckURL(s string, allowHTTP bool, ranges ...netip.Prefix) error {
	bad := func(format string, args ...any) error {
		return fault.Bad("invalid_url", "url", format, args...)
	}
	if len(s) > MaxURL {
		return bad("a URL has at most %d bytes", MaxURL)
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return bad("this is not a URL like https://example.com/path")
	case u.Scheme == "http" && !allowHTTP:
		return bad("messages are sent over https only")
	case u.Scheme != "https" && u.Scheme != "http":
		return bad("a URL begins with https://")
	case u.User != nil:
		return bad("a URL holds no user or password: messages are signed, check the signature instead")
	case u.Fragment != "":
		return bad("a URL holds no fragment")
	case allowHTTP:
		return nil
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if why := unreachable(host, ranges); why != "" {
		return bad("nothing can be delivered to %s: it is %s. Use an address of the internet", u.Hostname(), why)
	}
	if !slices.Contains(ports, u.Port()) && len(ranges) == 0 {
		return bad("messages go to the ports 443, 8443 and 80 only, not to %s", u.Port())
	}
	return nil
}

// unreachable says what a host is that no message ever gets to; "" for one that may be reached.
func unreachable(host string, ranges []netip.Prefix) string {
	ip, err := netip.ParseAddr(host)
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case host == "localhost" || strings.HasSuffix(host, ".localhost"):
		return "this machine itself"
	case err != nil && strings.Trim(last, "0123456789") == "":
		return "no whole address"
	case err != nil:
		return ""
	case ip.Is4In6() || ip.Zone() != "":
		return "a disguised or local form of an address"
	case slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(ip) }):
		return ""
	case ip.IsLoopback() || ip.IsUnspecified():
		return "this machine itself"
	case ip.IsPrivate():
		return "a private address"
	case ip.IsLinkLocalUnicast() || ip.IsMulticast():
		return "an address of the local network"
	case slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(ip) }):
		return "a reserved address"
	}
	return ""
}
