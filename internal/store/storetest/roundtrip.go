package storetest

import (
	"bytes"
	"context"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"sluice/internal/commit"
	"sluice/internal/dialect/alias"
	"sluice/internal/dialect/upvest/customer"
	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/merchant/credential"
	"sluice/internal/merchant/destination"
	"sluice/internal/money"
	"sluice/internal/payout"
	"sluice/internal/payout/recovery"
	"sluice/internal/pricing/fee"
	"sluice/internal/pricing/fx"
	"sluice/internal/pricing/quote"
	"sluice/internal/treasury"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal"
)

// The extreme values of every kind of field.
var (
	largest   = must(money.ParseMinor(strings.Repeat("9", money.Digits)))
	oneAndMin = must(money.ParseMinor("1" + strings.Repeat("0", 17) + "1")) // 1.000000000000000001 with 18 decimals
	everyByte = func() []byte {
		b := make([]byte, 256)
		for i := range b {
			b[i] = byte(i)
		}
		return b
	}()
)

const hardText = "ünï 漢字 😀 e\u0301 \u202e ' \" ` \\ \\x00 %s $1 ? {a,\"b\"} NULL\r\n\t\x7f"

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// extreme fills every field of a row: with the largest and strangest values, or
// with the other set of values, so that an update changes every one of them.
func extreme[R any](other bool) R {
	var r R
	fillValue(reflect.ValueOf(&r).Elem(), other)
	return r
}

func fillValue(v reflect.Value, other bool) {
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = someTime
		if other {
			*x = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
		}
		return
	case *money.Amount:
		*x = largest
		if other {
			*x = oneAndMin
		}
		return
	case *[]byte:
		*x = bytes.Clone(everyByte)
		if other {
			*x = []byte{0}
		}
		return
	case *id.Shard:
		*x = id.MaxShards - 1
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fillValue(v.Field(i), other)
		}
	case reflect.String:
		v.SetString(hardText)
		if other {
			v.SetString("x")
		}
	case reflect.Int64, reflect.Int:
		v.SetInt(math.MaxInt64 - 1)
		if other {
			v.SetInt(math.MaxInt64)
		}
	case reflect.Uint64:
		v.SetUint(math.MaxUint64)
	case reflect.Bool:
		v.SetBool(!other)
	default:
		panic("storetest: no extreme value for a " + v.Type().String())
	}
}

func testRoundTrip(t *testing.T, e Engine) {
	n := start(t, e)
	fillTables(t, n)
	t.Run("look-ups", func(t *testing.T) { lookUps(t, n) })
	t.Run("logs", func(t *testing.T) { logs(t, n) })
	t.Run("amounts", func(t *testing.T) { amounts(t, n) })
	t.Run("nothing", func(t *testing.T) { empty(t, n) })
}

// fillTables writes a row into every table that commands read.
func fillTables(t *testing.T, n *node) {
	rows(t, n, commit.Records, func(r *commit.Record) commit.Key { return r.Key }, nil)
	rows(t, n, ledger.KnownAssets, func(r *ledger.KnownAsset) string { return r.Code }, func(r *ledger.KnownAsset) { r.Scale = 18 })
	rows(t, n, merchant.Merchants, func(r *merchant.Merchant) id.Seq { return r.Seq }, func(r *merchant.Merchant) { r.Mode = merchant.Live })
	rows(t, n, merchant.Keys, func(r *merchant.Key) id.Seq { return r.Seq }, func(r *merchant.Key) {
		r.Mode, r.Hash = merchant.Test, string(everyByte[:32])
	})
	rows(t, n, ledger.Accounts, func(r *ledger.Account) id.Seq { return r.Seq }, func(r *ledger.Account) { r.Kind = ledger.KindCustomer })
	rows(t, n, destination.Destinations, func(r *destination.Destination) id.Seq { return r.Seq }, nil)
	rows(t, n, quote.Quotes, func(r *quote.Quote) id.Seq { return r.Seq }, func(r *quote.Quote) { r.Form = fx.SendForm })
	rows(t, n, fee.Schedules, func(r *fee.Stored) fee.Key { return r.Key }, func(r *fee.Stored) { r.Kind, r.Carry, r.PPM = fee.Exchange, fee.Cost, fee.One-1 })
	rows(t, n, account.Allowances, func(r *account.Allowance) account.AllowanceKey { return r.AllowanceKey }, nil)
	rows(t, n, destination.Tallies, func(r *destination.Tally) destination.TallyKey { return r.TallyKey }, nil)
	rows(t, n, destination.Prints, func(r *destination.Print) destination.PrintKey { return r.PrintKey }, nil)
	rows(t, n, credential.Credentials, func(r *credential.Credential) id.Seq { return r.Seq }, nil)
	rows(t, n, alias.Aliases, func(r *alias.Alias) alias.Key { return r.Key }, nil)
	rows(t, n, alias.Counters, func(r *alias.Counter) alias.CounterKey { return r.CounterKey }, nil)
	rows(t, n, account.Conversions, func(r *account.Conversion) id.Seq { return r.Seq }, nil)
	rows(t, n, credential.SigningKeys, func(r *credential.SigningKey) credential.SigningKeyID { return r.SigningKeyID }, nil)
	rows(t, n, customer.Users, func(r *customer.User) id.Seq { return r.Seq }, nil)
	rows(t, n, customer.Groups, func(r *customer.Group) id.Seq { return r.Seq }, nil)
	rows(t, n, customer.TradingAccounts, func(r *customer.TradingAccount) id.Seq { return r.Seq }, nil)
	rows(t, n, customer.References, func(r *customer.Reference) id.Seq { return r.Seq }, nil)
	rows(t, n, ledger.Balances, func(r *ledger.Balance) ledger.BalanceKey { return r.BalanceKey }, nil)
	rows(t, n, ledger.Houses, func(r *ledger.House) ledger.HouseKey { return r.HouseKey }, nil)
	rows(t, n, account.Credits, func(r *account.Credit) id.Seq { return r.Seq }, func(r *account.Credit) { r.State = account.CreditSettled })
	rows(t, n, withdrawal.Withdrawals, func(r *withdrawal.Withdrawal) id.Seq { return r.Seq }, func(r *withdrawal.Withdrawal) { r.State = withdrawal.Confirmed })
	rows(t, n, webhook.Endpoints, func(r *webhook.Endpoint) id.Seq { return r.Seq }, func(r *webhook.Endpoint) { r.State = webhook.Enabled })
	rows(t, n, webhook.Deliveries, func(r *webhook.Delivery) id.Seq { return r.Seq }, func(r *webhook.Delivery) {
		r.State, r.Sub, r.EventSeq = webhook.Delivered, 1, r.EventSeq-1
	})
	rows(t, n, webhook.Cursors, func(r *webhook.Cursor) string { return r.Name }, nil)
	rows(t, n, webhook.Replays, func(r *webhook.Replay) id.Seq { return r.Seq }, func(r *webhook.Replay) { r.State = webhook.ReplayDone })
	rows(t, n, payout.Wallets, func(r *payout.Wallet) id.Seq { return r.Seq }, nil)
	rows(t, n, payout.Dispatches, func(r *payout.Dispatch) id.Seq { return r.Seq }, func(r *payout.Dispatch) { r.State, r.Settled = payout.Done, r.Items })
	rows(t, n, payout.Items, func(r *payout.Item) payout.ItemKey { return r.ItemKey }, func(r *payout.Item) {
		r.Outcome, r.Shard = payout.OutcomePaid, id.MaxShards-1
	})
	rows(t, n, payout.Cancels, func(r *payout.Cancel) id.Seq { return r.Seq }, nil)
	rows(t, n, payout.Stands, func(r *payout.Stand) id.Seq { return r.Wallet }, nil)
	rows(t, n, payout.Losts, func(r *payout.Lost) id.Seq { return r.Seq }, nil)
	rows(t, n, payout.Holds, func(r *payout.Hold) payout.HoldKey { return r.HoldKey }, nil)
	bankRows(t, n)
	rows(t, n, recovery.Installations, func(r *recovery.Installation) string { return r.Name }, func(r *recovery.Installation) {
		r.Name, r.State = recovery.Self, recovery.Looking
	})
	rows(t, n, withdrawal.KeptForeignIDs, func(r *withdrawal.KeptForeignID) withdrawal.ForeignKey { return r.ForeignKey }, nil)
	rows(t, n, treasury.Books, func(r *treasury.Book) treasury.BookKey { return r.BookKey }, nil)
}

// rows inserts the extreme row of a table, reads it back, replaces every field but
// the key, and reads it back again.
func rows[K comparable, R any](t *testing.T, n *node, table *commit.Table[K, R], key func(*R) K, valid func(*R)) {
	t.Helper()
	t.Run(table.Name(), func(t *testing.T) {
		one := extreme[R](false)
		two := extreme[R](true)
		if valid != nil {
			valid(&one)
			valid(&two)
		}
		k := key(&one)
		setKey(&two, &one, table.Name())
		if err := n.submit(step{nil, func(v *commit.View) (any, error) { table.Insert(v, one); return nil, nil }}); err != nil {
			t.Fatal(err)
		}
		same(t, n, table, k, one)
		if _, versioned := reflect.TypeFor[R]().FieldByName("Version"); !versioned {
			return
		}
		if err := n.submit(step{func(w *commit.Wants) { table.Want(w, k) }, func(v *commit.View) (any, error) { table.Put(v, two); return nil, nil }}); err != nil {
			t.Fatal(err)
		}
		same(t, n, table, k, two)
	})
}

// setKey copies what finds a row: an update never changes it.
func setKey[R any](to, from *R, table string) {
	dst, src := reflect.ValueOf(to).Elem(), reflect.ValueOf(from).Elem()
	names := map[string][]string{
		"wire_key": {"SigningKeyID"}, "asset": {"Code"}, "fee_schedule": {"Key"}, "balance": {"BalanceKey"}, "house": {"HouseKey"}, "event_cursor": {"Name"},
		"bank_file": {"Hash"}, "bank_order": {"ID"}, "bank_payment": {"PaymentKey"}, "bank_name": {"Name"}, "bank_entry": {"Key"}, "bank_statement": {"Key"}, "bank_link": {"Name"}, "bank_lump": {"Name"},
		"dispatch_item": {"ItemKey"}, "slot_hold": {"HoldKey"}, "idempotency": {"Key"},
		"destination_tally": {"TallyKey"}, "destination_print": {"PrintKey"}, "credit_allowance": {"AllowanceKey"},
		"wallet_book": {"BookKey"}, "wallet_stand": {"Wallet"}, "installation": {"Name"}, "kept_foreign_id": {"ForeignKey"},
		"webhook_tally": {"Merchant"}, "alias": {"Key"}, "alias_counter": {"CounterKey"},
	}[table]
	if names == nil {
		names = []string{"Seq"}
	}
	for _, f := range names {
		dst.FieldByName(f).Set(src.FieldByName(f))
	}
}

// same requires that the row with key k reads back exactly as want.
func same[K comparable, R any](t *testing.T, n *node, table *commit.Table[K, R], k K, want R) {
	t.Helper()
	var got R
	var found bool
	if err := n.submit(step{func(w *commit.Wants) { table.Want(w, k) }, func(v *commit.View) (any, error) {
		got, found = table.Get(v, k)
		return nil, nil
	}}); err != nil {
		t.Fatal(err)
	}
	if !found || !reflect.DeepEqual(got, want) {
		t.Errorf("found %v\n got %+v\nwant %+v", found, got, want)
	}
}

func lookUps(t *testing.T, n *node) {
	a, w, wal := extreme[ledger.Account](true), extreme[withdrawal.Withdrawal](true), extreme[payout.Wallet](true)
	seq := id.Seq(math.MaxInt64 - 1)
	same(t, n, ledger.AccountForeignIDs, ledger.AccountForeignKey{Merchant: a.Merchant, ForeignID: a.ForeignID},
		ledger.AccountForeignID{AccountForeignKey: ledger.AccountForeignKey{Merchant: a.Merchant, ForeignID: a.ForeignID}, Account: seq})
	same(t, n, withdrawal.ForeignIDs, withdrawal.ForeignKey{Merchant: w.Merchant, ForeignID: w.ForeignID},
		withdrawal.ForeignID{ForeignKey: withdrawal.ForeignKey{Merchant: w.Merchant, ForeignID: w.ForeignID}, Withdrawal: seq})
	same(t, n, payout.WalletAddresses, payout.WalletKey{Network: wal.Network, Address: wal.Address},
		payout.WalletAddress{WalletKey: payout.WalletKey{Network: wal.Network, Address: wal.Address}, Wallet: seq})
}

// logs writes the extreme row of every log and reads it back through the typed reads.
func logs(t *testing.T, n *node) {
	ctx := context.Background()
	tr, ev := extreme[ledger.Transfer](false), extreme[event.Event](false)
	tr.Credit = ledger.Side{Account: 7, Name: string(ledger.Locked)}
	att, sent := extreme[payout.Attempt](false), extreme[webhook.Attempt](false)
	booked := extreme[treasury.Funding](false)
	booked.Kind = treasury.KindOutflow
	if err := n.submit(step{nil, func(v *commit.View) (any, error) {
		ledger.Transfers.Append(v, tr)
		event.Log.Append(v, ev)
		payout.Attempts.Append(v, att)
		webhook.Attempts.Append(v, sent)
		treasury.Fundings.Append(v, booked)
		return nil, nil
	}}); err != nil {
		t.Fatal(err)
	}
	transfers, err := n.DB.TransfersOf(ctx, at(tr.Withdrawal))
	equal(t, "transfers", transfers, []ledger.Transfer{tr}, err)
	events, err := n.DB.EventsOf(ctx, at(ev.Subject))
	equal(t, "events", events, []event.Event{ev}, err)
	tries, err := n.DB.AttemptsOf(ctx, at(sent.Delivery))
	equal(t, "webhook attempts", tries, []webhook.Attempt{sent}, err)
	fundings, err := n.DB.Fundings(ctx, booked.Wallet, 0, 10)
	equal(t, "fundings", fundings, []treasury.Funding{booked}, err)
	work, _, err := n.DB.Dispatch(ctx, att.Dispatch)
	equal(t, "attempts", work.Attempts, []payout.Attempt{att}, err)
}

// amounts writes amounts of every length, with zeros at every place, and reads them back.
func amounts(t *testing.T, n *node) {
	var want []ledger.Transfer
	for digits := 1; digits <= money.Digits; digits++ {
		for _, s := range []string{
			"1" + strings.Repeat("0", digits-1), strings.Repeat("9", digits), strings.Repeat("10203", 8)[:digits], strings.Repeat("90000000", 5)[:digits],
		} {
			want = append(want, ledger.Transfer{
				Seq: id.Seq(100 + len(want)), At: someTime, Kind: ledger.KindReserve, Currency: "ETH", Amount: must(money.ParseMinor(s)),
				Debit: ledger.AtHouse("a"), Credit: ledger.AtHouse("b"), Withdrawal: 4711,
			})
		}
	}
	if err := n.submit(step{nil, func(v *commit.View) (any, error) {
		for _, tr := range want {
			ledger.Transfers.Append(v, tr)
		}
		return nil, nil
	}}); err != nil {
		t.Fatal(err)
	}
	got, err := n.DB.TransfersOf(context.Background(), at(4711))
	equal(t, "transfers", got, want, err)
}

// empty writes rows in which everything that may be nothing is nothing.
func empty(t *testing.T, n *node) {
	w := withdrawal.Withdrawal{Seq: 5, ForeignID: "f", Currency: "ETH", Amount: money.Of(1), Decoded: []byte{1}, State: withdrawal.New, Version: 1}
	ep := webhook.Endpoint{Seq: 6, State: webhook.Disabled, Version: 1}
	rec := commit.Record{Key: commit.Key{Key: "k"}}
	tr := ledger.Transfer{Seq: 8, Currency: "ETH", Amount: money.Of(1), Debit: ledger.AtHouse("a"), Credit: ledger.AtHouse("b"), Withdrawal: 5}
	ev := event.Event{Seq: 9, Type: event.WithdrawalCreated, Subject: 5}
	if err := n.submit(step{nil, func(v *commit.View) (any, error) {
		withdrawal.Withdrawals.Insert(v, w)
		webhook.Endpoints.Insert(v, ep)
		commit.Records.Insert(v, rec)
		ledger.Transfers.Append(v, tr)
		event.Log.Append(v, ev)
		return nil, nil
	}}); err != nil {
		t.Fatal(err)
	}
	same(t, n, withdrawal.Withdrawals, w.Seq, w)
	same(t, n, webhook.Endpoints, ep.Seq, ep)
	same(t, n, commit.Records, rec.Key, rec)
	transfers, err := n.DB.TransfersOf(context.Background(), at(5))
	equal(t, "transfers", transfers, []ledger.Transfer{tr}, err)
	events, err := n.DB.EventsOf(context.Background(), at(5))
	equal(t, "events", events, []event.Event{ev}, err)
}

func equal[T any](t *testing.T, what string, got, want T, err error) {
	t.Helper()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %v\n got %+v\nwant %+v", what, err, got, want)
	}
}
