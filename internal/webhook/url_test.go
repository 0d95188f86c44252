package webhook_test

import (
	"net/netip"
	"strings"
	"testing"

	"sluice/internal/fault"
	"sluice/internal/webhook"
)

// A URL that says itself that no message ever gets there is refused when it is saved.
func TestURLsThatCouldNeverBeDeliveredTo(t *testing.T) {
	exception := netip.MustParsePrefix("10.1.2.0/24")
	for _, c := range []struct {
		url    string
		dev    bool
		ranges []netip.Prefix
		want   string // "": it is taken
	}{
		{url: "https://example.com/hook"},
		{url: "https://93.184.216.34/hook"},
		{url: "https://[2606:2800:220:1::1]:8443/hook"},
		{url: "https://localhost/hook", want: "this machine itself"},
		{url: "https://LOCALHOST./hook", want: "this machine itself"},
		{url: "https://shop.localhost/hook", want: "this machine itself"},
		{url: "https://127.0.0.1/hook", want: "this machine itself"},
		{url: "https://127.8.9.10/hook", want: "this machine itself"},
		{url: "https://0.0.0.0/hook", want: "this machine itself"},
		{url: "https://[::1]/hook", want: "this machine itself"},
		{url: "https://[::ffff:127.0.0.1]/hook", want: "disguised"},
		{url: "https://10.0.0.1/hook", want: "a private address"},
		{url: "https://172.16.4.5/hook", want: "a private address"},
		{url: "https://192.168.1.1/hook", want: "a private address"},
		{url: "https://[fd00::1]/hook", want: "a private address"},
		{url: "https://169.254.169.254/latest", want: "local network"},
		{url: "https://[fe80::1]/hook", want: "local network"},
		{url: "https://224.0.0.1/hook", want: "local network"},
		{url: "https://100.64.0.1/hook", want: "reserved"},
		{url: "https://192.0.2.7/hook", want: "reserved"},
		{url: "https://255.255.255.255/hook", want: "reserved"},
		{url: "https://127.1/hook", want: "no whole address"},
		{url: "https://2130706433/hook", want: "no whole address"},
		{url: "https://example.com:9999/hook", want: "ports"},
		{url: "https://10.1.2.3/hook", ranges: []netip.Prefix{exception}},
		{url: "https://10.1.2.3:9999/hook", ranges: []netip.Prefix{exception}},
		{url: "https://10.1.3.3/hook", ranges: []netip.Prefix{exception}, want: "a private address"},
		{url: "http://127.0.0.1:9999/hook", dev: true},
		{url: "http://localhost/hook", dev: true},
	} {
		err := webhook.CheckURL(c.url, c.dev, c.ranges...)
		if (err == nil) != (c.want == "") || err != nil && (fault.CodeOf(err) != "invalid_url" || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.url, err, c.want)
		}
	}
}
