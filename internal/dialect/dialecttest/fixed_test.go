package dialecttest_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"sluice/internal/api"
	"sluice/internal/commit"
	"sluice/internal/dialect/coinspaid"
	"sluice/internal/dialect/dialecttest"
	"sluice/internal/dialect/tylt"
	"sluice/internal/dialect/upvest"
	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/merchant/credential"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal"
)

// told is one message to one endpoint, as it was written when it was due.
type told struct {
	endpoint webhook.Endpoint
	message  webhook.Message
	out      webhook.Outgoing
}

// scribe writes every message to every endpoint as soon as it is due, and again whenever
// it is asked to.
type scribe struct {
	*speaker
	after int64
	kept  []told
	types map[string]map[event.Type]bool // by format: what it had something to say of
}

// formats are those of a process that has just started: nothing is remembered.
func (s *scribe) formats() map[string]webhook.Format {
	return map[string]webhook.Format{
		webhook.FormatNative:    webhook.Native(api.NewRenderer(s.DB, s.Deps.Desk.Assets), nil),
		webhook.FormatCoinsPaid: coinspaid.New(s.Deps).Format(),
		webhook.FormatTylt:      tylt.New(s.Deps, nil).Format(),
		webhook.FormatUpvest:    upvest.New(s.Deps).Format(),
	}
}

// write renders what has happened since the last time, for each endpoint that is there now.
func (s *scribe) write() {
	s.Helper()
	ctx, shard, formats := context.Background(), s.coins.ID.Shard, s.formats()
	events, err := s.DB.EventsAfter(ctx, shard, s.after, 1000)
	s.Must(err)
	endpoints, err := s.DB.Endpoints(ctx, s.coins.ID)
	s.Must(err)
	for _, e := range events {
		s.after = e.Seq + e.Messages() - 1
		if e.Merchant != s.coins.ID.Seq {
			continue
		}
		for sub := range e.Messages() {
			for _, ep := range endpoints {
				m := webhook.Message{Shard: shard, Event: e, Sub: sub}
				f := formats[ep.Format]
				if v, ok := f.(webhook.Varying); ok {
					m.Setting, err = v.Setting(ctx, shard, ep)
					s.Must(err)
				}
				out, err := f.Render(ctx, shard, ep, []webhook.Message{m})
				s.Must(err)
				s.kept = append(s.kept, told{ep, m, out[0]})
				if out[0].Body != nil {
					if s.types[ep.Format] == nil {
						s.types[ep.Format] = map[event.Type]bool{}
					}
					s.types[ep.Format][m.Type()] = true
				}
			}
		}
	}
}

// same renders everything again and compares.
func (s *scribe) same(since string) {
	s.Helper()
	ctx, shard, formats := context.Background(), s.coins.ID.Shard, s.formats()
	for n, k := range s.kept {
		now, found, err := s.DB.Endpoint(ctx, id.ID{Shard: shard, Seq: k.endpoint.Seq})
		s.Must(err)
		if !found {
			s.Fatal("an endpoint is gone")
		}
		out, err := formats[now.Format].Render(ctx, shard, now, []webhook.Message{k.message})
		s.Must(err)
		if !bytes.Equal(out[0].Body, k.out.Body) || out[0].URL != k.out.URL || out[0].Key != k.out.Key {
			s.Errorf("%s: message %d, %s of %s, was\n%s\nand is now\n%s", since, n, k.message.Type(), now.Format, k.out.Body, out[0].Body)
		}
	}
}

// anEvent writes an event as its package does, for facts that take days to come about.
type anEvent event.Event

func (anEvent) Reads(*commit.Wants) {}
func (e anEvent) Apply(v *commit.View) (commit.Nothing, error) {
	event.Append(v, event.Event(e))
	return commit.Nothing{}, nil
}

// TestBodiesAreFixed goes through all that merchants are told of, in all formats. What a
// message said when it was due it says for ever, whatever happens in between: to its
// subject, to the endpoint, to the credential.
func TestBodiesAreFixed(t *testing.T) {
	a, _ := together(t)
	s := &scribe{speaker: a, types: map[string]map[event.Type]bool{}}
	p, shard := s.coins, s.coins.ID.Shard
	s.want(s.login(s.upvest), 200)
	post := func(path, body string) answer {
		t.Helper()
		return s.want(s.asUpvest(s.upvest, "POST", path, body), 200)
	}
	native := func(method, path, body string, status int) answer {
		t.Helper()
		return s.want(s.asNative(s.native, method, path, body), status)
	}
	own := id.ID{Shard: shard, Seq: p.Account}.Text(id.Account)
	payout := func(foreign string) id.Seq { return s.Native(p, foreign, "ETH", "0.1").Seq }
	var pending, destination, user, group, bank, endpoint, paid, early string
	parse := func(k id.Kind, text string) id.Seq {
		t.Helper()
		at, err := id.Parse(k, text)
		s.Must(err)
		return at.Seq
	}
	steps := []struct {
		name string
		do   func()
	}{
		{"credits", func() {
			s.Fund(p, "ETH", "3")
			s.Fund(p, "EUR", "500")
			pending = native("POST", "credits", `{"account":"`+own+`","currency":"ETH","amount":"1","pending":true}`, 201).get("id")
		}},
		{"a credit settles", func() {
			dialecttest.Do(s.World, shard, account.Settle{Merchant: p.ID.Seq, Credit: parse(id.Credit, pending), Actor: "test"})
		}},
		{"locks", func() {
			native("POST", "locks", `{"account":"`+own+`","currency":"ETH","amount":"0.1"}`, 201)
			native("POST", "unlocks", `{"account":"`+own+`","currency":"ETH","amount":"0.1"}`, 201)
		}},
		{"a destination", func() {
			destination = native("POST", "destinations", `{"network":"ethereum","address":"`+dialecttest.Alice+`"}`, 201).get("id")
		}},
		{"it is deleted", func() { native("DELETE", "destinations/"+destination, "", 204) }},
		{"an exchange", func() {
			s.want(s.asCoins(p, "/exchange/now", `{"sender_currency":"EUR","receiver_currency":"ETH","sender_amount":"10","foreign_id":"x-1"}`), 201)
		}},
		{"a payout of CoinsPaid with an exchange", func() {
			s.want(s.asCoins(p, "/withdrawal/crypto", `{"amount":"1.5","currency":"EUR","convert_to":"ETH","address":"`+dialecttest.Alice+`","foreign_id":"c-1"}`), 201)
			s.Process(p, s.Newest(p).Seq)
		}},
		{"payouts of Tylt with and without a URL", func() {
			body := `{"merchantOrderId":%q,"baseAmount":0.1,"baseCurrency":"ETH","address":%q,"settledCurrency":"ETH","networkSymbol":"ETH"%s}`
			s.want(s.asTylt(s.tylt, "createPayoutRequest", "", fmt.Sprintf(body, "t-1", dialecttest.Alice, `,"callBackUrl":"`+s.Receiver.URL+`/own"`)), 200)
			s.Confirm(p, s.Newest(p).Seq)
			s.want(s.asTylt(s.tylt, "createPayoutRequest", "", fmt.Sprintf(body, "t-2", dialecttest.Alice, "")), 200)
			s.Confirm(p, s.Newest(p).Seq)
		}},
		{"a customer of Upvest", func() {
			user = post("/users", `{"first_name":"Max","last_name":"Mustermann","birth_date":"1972-09-30","nationalities":["DE"],`+
				`"address":{"address_line1":"Unter den Linden 1","postcode":"10117","city":"Berlin","country":"DE"}}`).get("id")
			group = post("/account_groups", fmt.Sprintf(`{"user_id":%q,"type":"PERSONAL"}`, user)).get("id")
			bank = post("/payments/reference_accounts", fmt.Sprintf(
				`{"user_id":%q,"account_owner":"Max Mustermann","iban":%q,"bic":"BELADEBE","confirmed_at":"2020-08-24T14:15:22Z"}`, user, dialecttest.Berlin)).get("id")
			post("/payments/topups", fmt.Sprintf(`{"account_group_id":%q,"cash_amount":"2.00","currency":"EUR"}`, group))
		}},
		{"its payout is paid", func() {
			paid = "wd_" + strings.ReplaceAll(post("/payments/withdrawals", fmt.Sprintf(
				`{"reference_account_id":%q,"account_group_id":%q,"user_id":%q,"amount":"1.50","currency":"EUR","remittance_information":"Pay"}`, bank, group, user)).get("id"), "-", "")
			s.Confirm(p, parse(id.Withdrawal, paid))
		}},
		{"the bank says something afterwards", func() {
			r := withdrawal.NewReport(parse(id.Withdrawal, paid), "settled at the other bank", "test")
			r.Ended = true
			dialecttest.Do(s.World, shard, r)
		}},
		{"the money comes back", func() {
			dialecttest.Do(s.World, shard, withdrawal.NewReturn(parse(id.Withdrawal, paid), money.Of(150), "AC04: the account is closed", "test"))
		}},
		{"the bank says something once more", func() {
			r := withdrawal.NewReport(parse(id.Withdrawal, paid), "the account was closed in May", "test")
			r.Ended = true
			dialecttest.Do(s.World, shard, r)
		}},
		{"a top-up is taken back", func() {
			body := fmt.Sprintf(`{"account_group_id":%q,"cash_amount":"3.00","currency":"EUR"}`, group)
			s.asUpvest(s.upvest, "DELETE", "/payments/topups/"+post("/payments/topups", body).get("id"), "")
		}},
		{"something is sold", func() {
			at := parse(id.Account, "acc_"+strings.ReplaceAll(group, "-", ""))
			for _, kind := range []string{"", account.KindSale} {
				cr := dialecttest.Do(s.World, shard, account.AddCredit{
					Merchant: p.ID.Seq, Account: at, Asset: s.Deps.Desk.Assets["EUR"], Amount: money.Of(700), Kind: kind, Tradable: true, Pending: true,
				})
				s.write()
				dialecttest.Do(s.World, shard, account.Settle{Merchant: p.ID.Seq, Credit: cr.Seq})
			}
		}},
		{"another customer comes and leaves", func() {
			user := post("/users", `{"first_name":"Erika","last_name":"Mustermann","birth_date":"1972-09-30","nationalities":["DE"],`+
				`"address":{"address_line1":"Unter den Linden 1","postcode":"10117","city":"Berlin","country":"DE"}}`).get("id")
			group := post("/account_groups", fmt.Sprintf(`{"user_id":%q,"type":"PERSONAL"}`, user)).get("id")
			account := post("/accounts", fmt.Sprintf(`{"account_group_id":%q,"type":"TRADING"}`, group)).get("id")
			s.write()
			for _, path := range []string{"/accounts/" + account, "/account_groups/" + group, "/users/" + user} {
				if got := s.asUpvest(s.upvest, "DELETE", path, ""); got.status != 202 {
					t.Fatalf("%s: %d %s", path, got.status, got.body)
				}
				s.write()
				s.same(path)
			}
		}},
		{"options of Upvest", func() {
			dialecttest.Do(s.World, shard, credential.NewConfigure(p.ID.Seq, s.upvest.Cred.Seq, map[string]string{"returned": "confirmed"}))
		}},
		{"a payout fails", func() { s.Fail(p, payout("f-1"), "the network refused it") }},
		{"one is cancelled", func() { s.Cancel(p, payout("f-2")) }},
		{"one is rejected", func() { s.Reject(p, payout("f-3"), "not today") }},
		{"one is looked at by a person", func() {
			x := s.Native(p, "f-4", "ETH", "2.1")
			s.Release(p, x.Seq)
			s.Approve(p, x.Seq)
		}},
		{"one gets a proof late", func() {
			x := payout("f-5")
			s.Release(p, x)
			s.Approve(p, x)
		}},
		{"one goes up and down", func() {
			x := s.Process(p, payout("f-6"))
			dialecttest.Do(s.World, shard, withdrawal.NewProgress(x.Seq, x.Dispatch, rail.StageMined, "0x01", "", "test"))
			dialecttest.Do(s.World, shard, withdrawal.NewReport(x.Seq, "the bank has it", "test"))
			dialecttest.Do(s.World, shard, withdrawal.NewProgress(x.Seq, x.Dispatch, rail.StageSent, "0x01", "the block went away", "test"))
			dialecttest.Do(s.World, shard, withdrawal.NewAttend(x.Seq, "node_unavailable", "the node does not answer", "test"))
			dialecttest.Do(s.World, shard, withdrawal.NewAttend(x.Seq, "", "", "test"))
			dialecttest.Do(s.World, shard, withdrawal.NewConfirm(x.Seq, x.Dispatch, "0x02", money.Of(7), "ETH", "test"))
		}},
		{"an endpoint is tested", func() {
			endpoint = native("GET", "webhook_endpoints", "", 200).get("data.0.id")
			native("POST", "webhook_endpoints/"+endpoint+"/test", "", 202)
		}},
		{"endpoints fail", func() {
			for _, typ := range []event.Type{event.EndpointPaused, event.EndpointFailing, event.EndpointDisabled} {
				dialecttest.Do(s.World, shard, anEvent{Type: typ, Merchant: p.ID.Seq, Subject: parse(id.Endpoint, endpoint), Version: 2, State: "enabled", Reason: "r", Data: []byte(`{"url":"https://example.com"}`)})
			}
		}},
		// From here on nothing is told, and all sorts of things change.
		{"options of CoinsPaid", func() {
			dialecttest.Do(s.World, shard, credential.NewConfigure(p.ID.Seq, p.Cred.Seq, map[string]string{
				"generation": "old", "confirm_on": "broadcast", "not_confirmed": "on", "omit_null_txid": "on",
			}))
		}},
		{"another payout under them", func() {
			x := s.Process(p, payout("o-1"))
			early = id.ID{Shard: shard, Seq: x.Seq}.Text(id.Withdrawal)
		}},
		{"it fails after it was told to be confirmed", func() {
			at := parse(id.Withdrawal, early)
			x, _, err := s.DB.Withdrawal(context.Background(), id.ID{Shard: shard, Seq: at})
			s.Must(err)
			dialecttest.Do(s.World, shard, withdrawal.NewFail(at, x.Dispatch, "0x03", "it died", "test"))
		}},
		{"another credential", func() {
			made := dialecttest.Do(s.World, shard, credential.Create{
				Merchant: p.ID.Seq, Dialect: coinspaid.Name, Secret: []byte("another secret"), Scopes: merchant.MerchantScopes,
			})
			dialecttest.Do(s.World, shard, credential.NewRevoke(p.ID.Seq, p.Cred.Seq))
			dialecttest.Do(s.World, shard, credential.NewRevoke(p.ID.Seq, s.tylt.Cred.Seq))
			dialecttest.Do(s.World, shard, credential.NewRevoke(p.ID.Seq, made.Seq))
		}},
		{"endpoints change", func() {
			all, err := s.DB.Endpoints(context.Background(), p.ID)
			s.Must(err)
			for _, e := range all {
				c := webhook.NewUpdateEndpoint(p.ID.Seq, e.Seq, "test")
				to, options := s.Receiver.URL+"/elsewhere", `{"title":"new","type":["USER"],"exclude_type":["WITHDRAWAL"],"config":{"delay":"1s","max_package_size":1}}`
				if e.Format == tylt.Name {
					to = "" // now it is for payouts that bring their own
				}
				c.URL, c.Options, c.AllowHTTP = &to, &options, true
				dialecttest.Do(s.World, shard, c)
			}
		}},
		{"a customer leaves", func() {
			post := func(path string) { s.asUpvest(s.upvest, "DELETE", path, "") }
			post("/account_groups/" + group)
			post("/users/" + user)
		}},
		{"endpoints go", func() {
			all, err := s.DB.Endpoints(context.Background(), p.ID)
			s.Must(err)
			for _, e := range all {
				dialecttest.Do(s.World, shard, webhook.NewDeleteEndpoint(p.ID.Seq, e.Seq, "test"))
			}
		}},
	}
	for _, step := range steps {
		step.do()
		s.write()
		s.same(step.name)
		if t.Failed() {
			t.FailNow()
		}
	}
	s.complete()
}

// complete requires that everything which a format can tell of was told.
func (s *scribe) complete() {
	s.Helper()
	for _, k := range event.All {
		if k.Type == event.BankAlert || k.Type == event.BankResolved {
			continue // the operator's: there is no merchant to tell
		}
		if !s.types[webhook.FormatNative][k.Type] {
			s.Errorf("%s was never told in the native format: the test does not show that it is fixed", k.Type)
		}
	}
	for format, least := range map[string]int{webhook.FormatCoinsPaid: 7, webhook.FormatTylt: 4, webhook.FormatUpvest: 11} {
		if len(s.types[format]) < least {
			s.Errorf("%s told only of %v", format, s.types[format])
		}
	}
}
