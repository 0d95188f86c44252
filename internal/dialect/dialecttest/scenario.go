package dialecttest

import (
	"cmp"
	"net/http"
	"strings"
	"testing"

	"sluice/internal/dialect"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/withdrawal"
)

// Order is a withdrawal as a scenario asks for it.
type Order struct {
	ForeignID string // the client's own id
	Currency  string // of the balance: ETH, USDT or EUR
	Receive   string // what is paid out, where that is another currency
	Amount    string // of Currency
	Address   string // on ethereum
}

// Answer is what the wire said, in its own words.
type Answer struct {
	Status int
	ID     string // what the wire calls the withdrawal
	Word   string // how far it is
	Code   string // why not, however the wire says that; a scenario looks for it in Body
	Body   string
}

// Driver is a client of one wire.
type Driver interface {
	// Create asks for a withdrawal, signed with the secret given.
	Create(w *World, p Party, secret string, o Order) Answer
	// Look asks how far a withdrawal is that Create answered with.
	Look(w *World, p Party, made Answer) Answer
	// Available asks for what can be withdrawn, as a decimal.
	Available(w *World, p Party, currency string) string
	// Cancel asks to take a withdrawal back; false: the wire has no such call.
	Cancel(w *World, p Party, made Answer) (Answer, bool)
	// Read checks the signature of a callback and gives what it says.
	Read(w *World, p Party, c Callback) Answer
}

// Words are the answers that a wire gives in the scenarios.
type Words struct {
	Created, Review, Processing, Confirmed, Failed, Cancelled, Rejected Answer // Status and Word
	Duplicate, Insufficient, BadSignature, BadAddress                   Answer // Status and Code
	// ReviewTold says that a callback tells of a review.
	ReviewTold bool
	// FixedIDs says that the wire's own ids have one form, so that clients choose none.
	FixedIDs bool
	// NoConversion says that the wire cannot exchange on the way.
	NoConversion bool
	// What the scenarios pay with and to; "" and nil: ETH to Alice. Without TxID nothing
	// is said of the transaction that pays.
	Currency, Address string
	BadAddresses      []string
	NoTxID            bool
	// Options of the worlds.
	Options Options
	// Prepare makes what a party needs before it can pay, and gives the party with the
	// account that pays; nil: nothing.
	Prepare func(*World, Party) Party
	// Told requires what a party has been told of a withdrawal, where that is not one
	// callback for each fact; nil: it is.
	Told func(w *World, p Party, made, want Answer)
}

// Run runs the scenarios.
func Run(t *testing.T, wire func(dialect.Deps) dialect.Dialect, d Driver, words Words) {
	for _, s := range []struct {
		name string
		test func(*suite)
	}{
		{"CreateHoldConfirm", (*suite).confirm},
		{"Fail", (*suite).fail},
		{"Cancel", (*suite).cancel},
		{"Review", (*suite).review},
		{"TestCase07_Duplicate", (*suite).duplicate},
		{"A20_OwnIDs", (*suite).ownIDs},
		{"Insufficient", (*suite).insufficient},
		{"BadSignature", (*suite).badSignature},
		{"BadAddress", (*suite).badAddress},
		{"Conversion", (*suite).conversion},
		{"TestCase50_OtherMerchant", (*suite).others},
	} {
		t.Run(s.name, func(t *testing.T) {
			x := &suite{New(t, wire, words.Options), d, words}
			if words.Prepare != nil {
				x.A, x.B = words.Prepare(x.World, x.A), words.Prepare(x.World, x.B)
			}
			s.test(x)
		})
	}
}

type suite struct {
	*World
	d     Driver
	words Words
}

func (s *suite) order(foreign string) Order {
	return Order{ForeignID: foreign, Currency: s.currency(), Amount: "0.5", Address: cmp.Or(s.words.Address, Alice)}
}

func (s *suite) currency() string { return cmp.Or(s.words.Currency, "ETH") }

// is requires an answer: its status, its word, and its code in the body.
func (s *suite) is(what string, got, want Answer) Answer {
	s.Helper()
	if got.Status != want.Status || got.Word != want.Word || !strings.Contains(got.Body, want.Code) {
		s.Fatalf("%s: answered %d %q, want %d %q with %q\n%s", what, got.Status, got.Word, want.Status, want.Word, want.Code, got.Body)
	}
	return got
}

// has requires what can be withdrawn.
func (s *suite) has(want string) {
	s.Helper()
	if got := trim(s.d.Available(s.World, s.A, s.currency())); got != want {
		s.Fatalf("%s ETH are available, want %s", got, want)
	}
}

func trim(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

func (s *suite) create(foreign string) (Answer, withdrawal.Withdrawal) {
	s.Helper()
	s.Fund(s.A, s.currency(), "1")
	made := s.is("create", s.d.Create(s.World, s.A, s.A.Secret, s.order(foreign)), s.words.Created)
	if made.ID == "" {
		s.Fatalf("no id in %s", made.Body)
	}
	s.has("0.5")
	return made, s.Newest(s.A)
}

// told requires the n-th callback.
func (s *suite) told(n int, made Answer, want Answer) {
	s.Helper()
	if s.words.Told != nil {
		s.words.Told(s.World, s.A, made, want)
		return
	}
	c := s.Callbacks(n)[n-1]
	got := s.d.Read(s.World, s.A, c)
	if got.ID != made.ID || got.Word != want.Word {
		s.Fatalf("callback says %s %q, want %s %q\n%s", got.ID, got.Word, made.ID, want.Word, c.Body)
	}
}

func (s *suite) confirm() {
	made, x := s.create("w-1")
	s.Process(s.A, x.Seq)
	s.is("look", s.d.Look(s.World, s.A, made), s.words.Processing)
	Do(s.World, s.A.ID.Shard, withdrawal.NewConfirm(x.Seq, s.dispatch, TxID, money.Of(1), "ETH", "test"))
	got := s.is("look", s.d.Look(s.World, s.A, made), s.words.Confirmed)
	if !s.words.NoTxID && !strings.Contains(got.Body, TxID) {
		s.Errorf("the transaction is not in %s", got.Body)
	}
	s.told(1, made, s.words.Confirmed)
	s.has("0.5")
}

func (s *suite) fail() {
	made, x := s.create("w-1")
	s.Fail(s.A, x.Seq, "the network refused it")
	s.is("look", s.d.Look(s.World, s.A, made), s.words.Failed)
	s.told(1, made, s.words.Failed)
	s.has("1")
}

func (s *suite) cancel() {
	made, x := s.create("w-1")
	if got, can := s.d.Cancel(s.World, s.A, made); !can {
		s.Cancel(s.A, x.Seq)
	} else if got.Status >= http.StatusBadRequest {
		s.Fatalf("cancel: %d %s", got.Status, got.Body)
	}
	s.is("look", s.d.Look(s.World, s.A, made), s.words.Cancelled)
	s.told(1, made, s.words.Cancelled)
	s.has("1")
}

func (s *suite) review() {
	s.Fund(s.A, s.currency(), "10")
	o := s.order("w-1")
	o.Amount = "3"
	made := s.is("create", s.d.Create(s.World, s.A, s.A.Secret, o), s.words.Created)
	x := s.Release(s.A, s.Newest(s.A).Seq)
	if x.State != withdrawal.Review {
		s.Fatalf("it is %s", x.State)
	}
	s.is("look", s.d.Look(s.World, s.A, made), s.words.Review)
	n := 1
	if s.words.ReviewTold {
		s.told(n, made, s.words.Review)
		n++
	}
	s.Reject(s.A, x.Seq, "not known")
	s.is("look", s.d.Look(s.World, s.A, made), s.words.Rejected)
	s.told(n, made, s.words.Rejected)
	s.has("10")
}

func (s *suite) duplicate() {
	s.create("w-1")
	s.is("again", s.d.Create(s.World, s.A, s.A.Secret, s.order("w-1")), s.words.Duplicate)
	s.has("0.5")
	// Another merchant may use the same id and learns nothing of it.
	s.Fund(s.B, s.currency(), "1")
	s.is("other merchant", s.d.Create(s.World, s.B, s.B.Secret, s.order("w-1")), s.words.Created)
}

// ownIDs: an id that looks like another one is refused, and holds no money.
func (s *suite) ownIDs() {
	if s.words.FixedIDs {
		s.Skip("clients of this wire choose no ids")
	}
	s.Fund(s.A, s.currency(), "1")
	for _, foreign := range []string{"w-1\u200b", "w\u202e-1", "w-1 ", " w-1", "w-\u00ad1", "\ufeffw-1", "w\u00a01", "cafe\u0301", "..", "a/../b"} {
		if got := s.d.Create(s.World, s.A, s.A.Secret, s.order(foreign)); got.Status < 400 || got.Status > 499 || got.Word == s.words.Created.Word {
			s.Errorf("%+q: answered %d %q\n%s", foreign, got.Status, got.Word, got.Body)
		}
	}
	s.has("1")
	s.is("create", s.d.Create(s.World, s.A, s.A.Secret, s.order("w-1")), s.words.Created)
}

func (s *suite) insufficient() {
	s.Fund(s.A, s.currency(), "0.49")
	s.is("create", s.d.Create(s.World, s.A, s.A.Secret, s.order("w-1")), s.words.Insufficient)
	s.has("0.49")
	// It left nothing: the same id can be used when the money is there.
	s.Fund(s.A, s.currency(), "0.01")
	s.is("create", s.d.Create(s.World, s.A, s.A.Secret, s.order("w-1")), s.words.Created)
	s.has("0")
}

func (s *suite) badSignature() {
	s.Fund(s.A, s.currency(), "1")
	for _, secret := range []string{s.B.Secret, s.A.Secret[1:], "x"} {
		s.is("create", s.d.Create(s.World, s.A, secret, s.order("w-1")), s.words.BadSignature)
	}
	s.has("1")
}

func (s *suite) badAddress() {
	s.Fund(s.A, s.currency(), "1")
	bad := s.words.BadAddresses
	if bad == nil {
		bad = []string{"0x52908400098527886E0F7030069857D2E4169Ee7", "0x1234", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"}
	}
	for _, address := range bad {
		o := s.order("w-1")
		o.Address = address
		s.is("create", s.d.Create(s.World, s.A, s.A.Secret, o), s.words.BadAddress)
	}
	s.has("1")
}

func (s *suite) conversion() {
	if s.words.NoConversion {
		s.Skip("this wire does not exchange on the way")
	}
	s.Fund(s.A, "EUR", "100")
	o := Order{ForeignID: "w-1", Currency: "EUR", Receive: "USDT", Amount: "25", Address: Alice}
	made := s.is("create", s.d.Create(s.World, s.A, s.A.Secret, o), s.words.Created)
	x := s.Newest(s.A)
	if x.Amount != money.Of(2500) || x.Currency != "EUR" || x.Receive != money.Of(31_250_000) || x.ReceiveCurrency != "USDT" {
		s.Fatalf("%s %s pay %s %s", x.Amount, x.Currency, x.Receive, x.ReceiveCurrency)
	}
	if b := s.Balance(s.A, "EUR"); b.Reserved != money.Of(2500) {
		s.Fatalf("%s are held", b.Reserved)
	}
	s.Confirm(s.A, x.Seq)
	s.is("look", s.d.Look(s.World, s.A, made), s.words.Confirmed)
	s.told(1, made, s.words.Confirmed)
}

// others: nobody sees or touches what is another merchant's, and it looks as if it did not exist.
func (s *suite) others() {
	made, x := s.create("w-1")
	got := s.d.Look(s.World, s.B, made)
	if got.Status < http.StatusBadRequest || strings.Contains(got.Body, Alice) {
		s.Fatalf("another merchant was answered %d %s", got.Status, got.Body)
	}
	if got, can := s.d.Cancel(s.World, s.B, made); can && got.Status < http.StatusBadRequest {
		s.Fatalf("another merchant cancelled it: %d %s", got.Status, got.Body)
	}
	now, _, err := s.DB.Withdrawal(s.Context(), id.ID{Shard: s.A.ID.Shard, Seq: x.Seq})
	s.Must(err)
	if now.Version != x.Version {
		s.Errorf("it was changed: %+v", now)
	}
}
