package api_test

import (
	"fmt"
	"sync/atomic"
	"testing"
)

// One withdrawal after another from many callers, over HTTP and down to the disk.
// `sluice bench accept --http` sets this against the floors of the machine.
func BenchmarkWithdrawalOverHTTP(b *testing.B) {
	w := newWorld(b)
	w.fund(w.acme, "USDT", "1000000000")
	var n atomic.Int64
	b.SetParallelism(64)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			a, err := w.try(w.acme.key, "POST", "/v1/withdrawals", w.acme.payout(fmt.Sprintf("w-%d", n.Add(1)), "1"))
			if err != nil || a.status != 201 {
				b.Errorf("%v %d %s", err, a.status, a.body)
				return
			}
		}
	})
}
