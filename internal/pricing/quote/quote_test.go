package quote_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/pricing/fx"
	"sluice/internal/pricing/quote"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	eur = money.Asset{Code: "EUR", Scale: 2}
	btc = money.Asset{Code: "BTC", Scale: 8}
)

// book keeps quotes in memory, as a store would. One shard runs one batch at a time.
type book struct {
	shard  commit.Shard
	quotes map[id.Seq]quote.Quote
}

type batch struct{ *book }

func (b *book) Begin(ctx context.Context, _ id.Shard, v *commit.View) (commit.Tx, error) {
	v.SetShard(b.shard)
	return batch{b}, batch{b}.Load(ctx, v)
}

func (b batch) Load(_ context.Context, v *commit.View) error {
	for _, k := range quote.Quotes.Wanted(v) {
		if q, ok := b.quotes[k]; ok {
			quote.Quotes.Fill(v, q)
		}
	}
	return nil
}

func (b batch) Commit(_ context.Context, v *commit.View) error {
	inserts, updates := quote.Quotes.Changed(v)
	for _, q := range inserts {
		b.quotes[q.Seq] = *q
	}
	for _, u := range updates {
		b.quotes[u.New.Seq] = *u.New
	}
	b.shard = v.ShardRow()
	return nil
}

func (batch) Rollback() {}

// open runs the write path inside a bubble: time stands still until a test sleeps.
func open(t *testing.T) *commit.Loop {
	t.Helper()
	loop := commit.New(&book{quotes: map[id.Seq]quote.Quote{}}, 1, commit.Options{})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- loop.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return loop
}

func do[R any](t *testing.T, l *commit.Loop, c commit.Command[R]) (R, error) {
	t.Helper()
	return commit.Do(t.Context(), l, 0, c)
}

func must[R any](t *testing.T, l *commit.Loop, c commit.Command[R]) R {
	t.Helper()
	q, err := do(t, l, c)
	if err != nil {
		t.Fatalf("%T: %v", c, err)
	}
	return q
}

// deal is 25 EUR for bitcoin at 50000 EUR, with a spread of 1 percent.
func deal(t *testing.T) fx.Deal {
	t.Helper()
	now := time.Now()
	d, err := fx.Pair{From: eur, To: btc, Spread: 100}.Send(fx.Market{
		Base: "EUR", Quote: "BTC", Bid: fx.MustRate("0.00002"), Ask: fx.MustRate("0.0000201"), At: now, GoodUntil: now.Add(30 * time.Second), Sources: []string{"a", "b"},
	}, money.Of(2500))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func refused[R any](t *testing.T, l *commit.Loop, c commit.Command[R], kind fault.Kind, code string) {
	t.Helper()
	if q, err := do(t, l, c); fault.CodeOf(err) != code || fault.KindOf(err) != kind {
		t.Errorf("%T: %+v, %v (%s, %s); want %s, %s", c, q, err, fault.KindOf(err), fault.CodeOf(err), kind, code)
	}
}

func TestCreate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t)
		now := time.Now()
		q := must(t, l, quote.Create{Merchant: 7, Deal: deal(t), FeeCurrency: "EUR", Fee: money.Of(13)})
		got := fmt.Sprintf("%d %s %s %s -> %s %s, fee %s %s, price %s, rate %s of %s by %s, version %d",
			q.Merchant, q.Form, eur.Format(q.Send), q.SendCurrency, btc.Format(q.Receive), q.ReceiveCurrency, eur.Format(q.Fee), q.FeeCurrency, q.Price, q.Rate, q.Bid, q.Sources, q.Version)
		want := "7 send 25.00 EUR -> 0.00049500 BTC, fee 0.13 EUR, price 0.00001980, rate 99/5000000 of 1/50000 by a,b, version 1"
		if got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
		if !q.CreatedAt.Equal(now) || !q.ExpiresAt.Equal(now.Add(time.Minute)) || !q.RateAt.Equal(now) || q.UsedBy != 0 || !q.UsedAt.IsZero() || q.Seq == 0 {
			t.Errorf("%+v", q)
		}
		if q.Answer().Ref != q.Seq {
			t.Errorf("a repeat would be answered from %d", q.Answer().Ref)
		}
		if free := must(t, l, quote.Create{Merchant: 7, Deal: deal(t), ValidFor: quote.MaxValidity}); !free.ExpiresAt.Equal(now.Add(10*time.Minute)) || free.FeeCurrency != "EUR" || free.Seq == q.Seq {
			t.Errorf("%+v", free)
		}
	})
}

func TestCreateRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t)
		good := quote.Create{Merchant: 7, Deal: deal(t)}
		with := func(change func(*quote.Create)) quote.Create {
			c := good
			change(&c)
			return c
		}
		refused(t, l, with(func(c *quote.Create) { c.ValidFor = -1 }), fault.Invalid, "invalid_validity")
		refused(t, l, with(func(c *quote.Create) { c.ValidFor = quote.MaxValidity + 1 }), fault.Invalid, "invalid_validity")
		refused(t, l, with(func(c *quote.Create) { c.Merchant = 0 }), fault.Internal, "quote_malformed")
		refused(t, l, with(func(c *quote.Create) { c.Deal.Form = "" }), fault.Internal, "quote_malformed")
		refused(t, l, with(func(c *quote.Create) { c.Deal.To = eur }), fault.Internal, "quote_malformed")
		refused(t, l, with(func(c *quote.Create) { c.Fee = money.Of(1) }), fault.Internal, "quote_malformed")
		refused(t, l, with(func(c *quote.Create) { c.Deal = fx.Deal{From: eur, To: btc, Form: fx.SendForm} }), fault.Internal, "deal_broken")
		// The price was good when the deal was made, and is not any more.
		time.Sleep(30 * time.Second)
		must(t, l, good)
		time.Sleep(time.Microsecond)
		refused(t, l, good, fault.Unavailable, "rate_stale")
	})
}

// Whatever computed the amounts, a quote never gives more than it takes.
func TestCase34_AQuoteInTheMerchantsFavourIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t)
		c := quote.Create{Merchant: 7, Deal: deal(t)}
		more, err := c.Deal.Receive.Add(money.Of(1))
		if err != nil {
			t.Fatal(err)
		}
		c.Deal.Receive = more
		refused(t, l, c, fault.Internal, "deal_broken")
		c.Deal = deal(t)
		c.Deal.Rate = fx.MustRate("0.000020001")
		refused(t, l, c, fault.Internal, "deal_broken")
	})
}

func TestUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t)
		q := must(t, l, quote.Create{Merchant: 7, Deal: deal(t)})
		other := must(t, l, quote.Create{Merchant: 7, Deal: deal(t)})
		refused(t, l, quote.Use{Merchant: 8, Quote: q.Seq, By: 1000}, fault.NotFound, "quote_not_found")
		refused(t, l, quote.Use{Merchant: 7, Quote: 999, By: 1000}, fault.NotFound, "quote_not_found")
		refused(t, l, quote.Use{Merchant: 7, Quote: q.Seq}, fault.Internal, "quote_user_missing")

		time.Sleep(time.Minute - time.Microsecond)
		used := must(t, l, quote.Use{Merchant: 7, Quote: q.Seq, By: 1000})
		if used.UsedBy != 1000 || !used.UsedAt.Equal(time.Now()) || used.Version != 2 || used.Send != q.Send || used.Receive != q.Receive {
			t.Errorf("%+v", used)
		}
		refused(t, l, quote.Use{Merchant: 7, Quote: q.Seq, By: 1001}, fault.Conflict, "quote_used")

		time.Sleep(time.Microsecond)
		refused(t, l, quote.Use{Merchant: 7, Quote: other.Seq, By: 1001}, fault.Conflict, "quote_expired")
		// A repeat of what used it is no second use, however late.
		time.Sleep(time.Hour)
		if again := must(t, l, quote.Use{Merchant: 7, Quote: q.Seq, By: 1000}); again != used {
			t.Errorf("%+v; want %+v", again, used)
		}
		refused(t, l, quote.Use{Merchant: 7, Quote: q.Seq, By: 1001}, fault.Conflict, "quote_used")
	})
}

// Many want one quote at once, in one batch or several: one gets it.
func TestUseOnceUnderContention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t)
		q := must(t, l, quote.Create{Merchant: 7, Deal: deal(t)})
		answers := make(chan error, 50)
		for n := range cap(answers) {
			go func() {
				_, err := commit.Do(t.Context(), l, 0, quote.Use{Merchant: 7, Quote: q.Seq, By: id.Seq(1000 + n)})
				answers <- err
			}()
		}
		got := map[string]int{}
		for range cap(answers) {
			got[fault.CodeOf(<-answers)]++
		}
		if got[""] != 1 || got["quote_used"] != cap(answers)-1 {
			t.Errorf("%v", got)
		}
	})
}

// A use that is undone with its command leaves the quote free.
type failing struct{ quote.Use }

func (c failing) Apply(v *commit.View) (commit.Nothing, error) {
	if _, err := c.Use.Apply(v); err != nil {
		return commit.Nothing{}, err
	}
	return commit.Nothing{}, fault.New(fault.Refused, "insufficient_funds", "not enough")
}

func TestARefusedCommandDoesNotUseTheQuote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t)
		q := must(t, l, quote.Create{Merchant: 7, Deal: deal(t)})
		refused(t, l, failing{quote.Use{Merchant: 7, Quote: q.Seq, By: 1000}}, fault.Refused, "insufficient_funds")
		must(t, l, quote.Use{Merchant: 7, Quote: q.Seq, By: 1001})
	})
}
