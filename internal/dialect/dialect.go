// Package dialect is what the wires of other providers have in common: who speaks, on
// which account, and how a request is read under a limit. A dialect is a codec: it
// authenticates, decodes, submits the same commands as the native API, and encodes. No
// business rule lives in one. The dialects are the packages below this one.
package dialect

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"sluice/internal/cache"
	"sluice/internal/commit"
	"sluice/internal/dialect/alias"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/merchant/credential"
	"sluice/internal/merchant/destination"
	"sluice/internal/money"
	"sluice/internal/pricing/quote"
	"sluice/internal/seal"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal"
	"sluice/internal/withdrawal/intake"
)

// Dialect is one wire, mounted beside the native API.
type Dialect interface {
	// Name is its name in configuration, credentials and endpoints.
	Name() string
	// Patterns are the paths it takes, as http.ServeMux writes them, like "/api/v2/".
	Patterns() []string
	http.Handler
	// Format is how its endpoints are told.
	Format() webhook.Format
}

// Claimer is a Dialect that takes what nobody else serves, if it bears the dialect's marks:
// so a client gets an answer that it can read, also for what is not there.
type Claimer interface {
	Claims(r *http.Request) bool
}

// Claim gives what is served at the paths that nobody has: h for what d claims, else other.
func Claim(d Dialect, h, other http.Handler) http.Handler {
	c, ok := d.(Claimer)
	if !ok {
		return other
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if c.Claims(r) {
			h.ServeHTTP(rw, r)
			return
		}
		other.ServeHTTP(rw, r)
	})
}

// Reads is what dialects read. The store implements it. Reads never decide money.
type Reads interface {
	People

	Credential(ctx context.Context, at id.ID) (credential.Credential, bool, error)
	Credentials(ctx context.Context, owner id.ID, dialect string, limit int) ([]credential.Credential, error)
	Merchant(ctx context.Context, at id.ID) (merchant.Merchant, bool, error)

	Account(ctx context.Context, at id.ID) (ledger.Account, bool, error)
	AccountsAt(ctx context.Context, shard id.Shard, seqs []id.Seq) ([]ledger.Account, error)
	AccountByForeignID(ctx context.Context, owner id.ID, foreignID string) (ledger.Account, bool, error)
	OwnAccount(ctx context.Context, owner id.ID) (ledger.Account, bool, error)
	Accounts(ctx context.Context, owner id.ID, before id.Seq, limit int) ([]ledger.Account, error)
	Balances(ctx context.Context, account id.ID) ([]ledger.Balance, error)
	Destination(ctx context.Context, at id.ID) (destination.Destination, bool, error)

	Withdrawal(ctx context.Context, at id.ID) (withdrawal.Withdrawal, bool, error)
	WithdrawalsAt(ctx context.Context, shard id.Shard, seqs []id.Seq) ([]withdrawal.Withdrawal, error)
	WithdrawalByForeignID(ctx context.Context, owner id.ID, foreignID string) (withdrawal.Withdrawal, bool, error)
	WithdrawalsByTxID(ctx context.Context, owner id.ID, txid string, limit int) ([]withdrawal.Withdrawal, error)
	Withdrawals(ctx context.Context, f withdrawal.Filter) ([]withdrawal.Withdrawal, error)
	WithdrawalsOn(ctx context.Context, owner id.ID, networks []string, skip, limit int) ([]withdrawal.Withdrawal, error)
	EventsOf(ctx context.Context, subject id.ID) ([]event.Event, error)
	Endpoints(ctx context.Context, owner id.ID) ([]webhook.Endpoint, error)

	Quote(ctx context.Context, at id.ID) (quote.Quote, bool, error)
	QuotesOf(ctx context.Context, owner id.ID, since time.Time, limit int) ([]quote.Quote, error)
	QuotesUsed(ctx context.Context, owner id.ID, send, receive string, limit int) ([]quote.Quote, error)
	Conversion(ctx context.Context, at id.ID) (account.Conversion, bool, error)
	Alias(ctx context.Context, owner id.ID, wire string, ref id.Seq) (alias.Alias, bool, error)
	AliasByNumber(ctx context.Context, owner id.ID, wire string, number int64) (alias.Alias, bool, error)
}

// Deps is what a dialect works with. All fields but Seal, Now, Log and Version are required.
type Deps struct {
	Loop  *commit.Loop
	Reads Reads
	// Desk turns requests into commands, as it does for the native API.
	Desk *intake.Intake
	// Seal opens the secrets of credentials; nil where the installation has no keys for that.
	Seal *seal.Ring
	// Bank is what the installation asks of bank accounts that are registered.
	Bank destination.Policy
	// OwnCredits is how much merchants may credit by themselves. nil: no bound is kept.
	OwnCredits account.OwnCredits
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Log hears of what is our fault. Default slog.Default().
	Log *slog.Logger
	// Version is the program's, for headers.
	Version string
	// AllowHTTP takes plain http as the URL of callbacks. For demonstration and development only.
	AllowHTTP bool
	// Ranges are private addresses that callbacks may go to.
	Ranges []netip.Prefix
	// EndpointsMax is how many webhook endpoints a merchant may have; 0: webhook.DefaultEndpoints.
	EndpointsMax int64
}

// Fill gives the optional fields their defaults.
func (d Deps) Fill() Deps {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Log == nil {
		d.Log = slog.Default()
	}
	return d
}

// Assets are the currencies of the installation.
func (d Deps) Assets() money.Assets { return d.Desk.Assets }

// Party is who speaks.
type Party struct {
	Merchant   id.ID
	Credential credential.Credential
	Secret     []byte // nil where the credential has none
	Actor      string
}

// Can refuses what the credential may not do.
func (p *Party) Can(s merchant.Scope) error {
	if !p.Credential.Can(s) {
		return fault.New(fault.Forbidden, "missing_scope", "this credential may not do this: it needs the scope %s", s).With("scope", string(s))
	}
	return nil
}

// String keeps the secret out of everything that prints.
func (p *Party) String() string { return p.Actor }

// LogValue keeps the secret out of logs.
func (p *Party) LogValue() slog.Value { return slog.StringValue(p.Actor) }

// Key is the public name of the credential.
func (p *Party) Key() string {
	return credential.KeyID(id.ID{Shard: p.Merchant.Shard, Seq: p.Credential.Seq})
}

// ErrUnknownKey is the one answer for a key that never was, was revoked, or belongs to
// another dialect.
var ErrUnknownKey = fault.New(fault.Unauthenticated, "credential_unknown", "this key is not valid here: unknown, revoked, or of another dialect")

// Keys finds who speaks one dialect. It is safe for several goroutines.
type Keys struct {
	Deps
	dialect string

	parties *cache.Cache[id.ID, *Party]
	newest  *cache.Cache[id.ID, *Party]
	own     *cache.Cache[id.ID, ledger.Account]
}

// keyLife is how long a credential that was found is believed: so much later, at the
// most, its end and a change of its options hold.
const keyLife = time.Second

// keysMax is how many of them are remembered.
const keysMax = 10_000

// NewKeys makes it. d was filled.
func NewKeys(d Deps, dialect string) *Keys {
	return &Keys{
		Deps: d, dialect: dialect, parties: cache.New[id.ID, *Party](keysMax, keyLife), newest: cache.New[id.ID, *Party](keysMax, keyLife),
		own: cache.New[id.ID, ledger.Account](keysMax, 0),
	}
}

// Find gives who has a key, by its public name: ErrUnknownKey, or a fault when the
// database does not answer. That the speaker has the secret too is for the dialect to check.
func (k *Keys) Find(ctx context.Context, name string) (*Party, error) {
	at, ok := credential.ParseKey(name)
	if !ok {
		return nil, ErrUnknownKey
	}
	now := k.Now()
	if p, ok := k.parties.Get(at, now); ok {
		return p, nil
	}
	c, found, err := k.credential(ctx, at)
	if err != nil {
		return nil, err
	}
	if !found || !c.Live() || c.Dialect != k.dialect {
		return nil, ErrUnknownKey
	}
	p, err := k.party(at.Shard, c)
	if err != nil {
		return nil, err
	}
	k.parties.Put(at, p, now)
	return p, nil
}

// Newest gives the newest live credential of a merchant: the one that callbacks are
// signed with. nil: there is none.
func (k *Keys) Newest(ctx context.Context, owner id.ID) (*Party, error) {
	now := k.Now()
	if p, ok := k.newest.Get(owner, now); ok {
		return p, nil
	}
	rows, err := k.Reads.Credentials(ctx, owner, k.dialect, credentialsMax)
	if err != nil {
		return nil, Unavailable(err)
	}
	for _, c := range rows {
		if !c.Live() {
			continue
		}
		c, found, err := k.credential(ctx, id.ID{Shard: owner.Shard, Seq: c.Seq})
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		p, err := k.party(owner.Shard, c)
		if err != nil {
			return nil, err
		}
		k.newest.Put(owner, p, now)
		return p, nil
	}
	return nil, nil //nolint:nilnil // said above
}

// credential reads a credential. One that another hand wrote is none, and the log says so.
func (k *Keys) credential(ctx context.Context, at id.ID) (credential.Credential, bool, error) {
	c, found, err := k.Reads.Credential(ctx, at)
	if fault.CodeOf(err) == "record_altered" {
		k.Log.Error("a credential is refused", "error", err)
		return c, false, nil
	}
	return c, found, Unavailable(err)
}

// credentialsMax is how many credentials of one merchant are looked through.
const credentialsMax = 1000

func (k *Keys) party(shard id.Shard, c credential.Credential) (*Party, error) {
	secret, err := c.OpenSecret(k.Seal, shard)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal", "the secret of a credential cannot be opened; see the server log")
	}
	return &Party{
		Merchant: id.ID{Shard: shard, Seq: c.Merchant}, Credential: c, Secret: secret,
		Actor: k.dialect + ":" + id.ID{Shard: shard, Seq: c.Seq}.Text(id.Credential),
	}, nil
}

// Unavailable is the answer when the database cannot be read.
func Unavailable(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(err, fault.Unavailable, "store_unavailable", "the database does not answer; nothing was done. Repeat the request after a moment")
}

// ErrNoAccount says that a merchant has no account of its own.
var ErrNoAccount = fault.New(fault.Refused, "merchant_account_missing",
	"this merchant has no account of its own, which dialects pay from: open one with the kind merchant")

// Own is the account that a dialect works on where it names no user: the merchant's own.
func (k *Keys) Own(ctx context.Context, owner id.ID) (ledger.Account, error) {
	if own, ok := k.own.Get(owner, k.Now()); ok {
		return own, nil
	}
	own, found, err := k.Reads.OwnAccount(ctx, owner)
	switch {
	case err != nil:
		return own, Unavailable(err)
	case !found:
		return own, ErrNoAccount
	}
	k.own.Put(owner, own, k.Now()) // the first one stays the first one
	return own, nil
}

// Ours tells whether a failure is for the log of the operator.
func Ours(ctx context.Context, err error) bool {
	f := fault.Of(err)
	return f != nil && (f.Kind == fault.Internal || f.Kind == fault.Unavailable) && !errors.Is(ctx.Err(), context.Canceled)
}
