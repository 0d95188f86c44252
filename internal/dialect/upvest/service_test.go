package upvest_test

import (
	"testing"

	"sluice/internal/dialect/dialecttest"
	"sluice/internal/rail"
)

// The wire has no word for instant payments: the credential says how they leave.
func TestServiceOfWithdrawals(t *testing.T) {
	for option, want := range map[string]string{"normal": "normal", "instant": "instant"} {
		t.Run(option, func(t *testing.T) {
			o := options()
			o.Option = map[string]string{"service": option}
			w := dialecttest.New(t, wire, o)
			c := clientOf(w, w.A)
			p := c.ready("10.00")
			c.want(c.call("POST", "/payments/withdrawals", p.payout("2.00"), fresh()), 200)
			pay, err := rail.ParsePayment(w.Newest(w.A).Payment)
			w.Must(err)
			if pay.Service != want {
				t.Errorf("it leaves as %q, want %q", pay.Service, want)
			}
		})
	}
}
