package api

import (
	"context"

	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant"
	"sluice/internal/merchant/destination"
	"sluice/internal/payout"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal"
	"sluice/internal/withdrawal/waiting"
)

// Reads is what the API reads. The store implements it. Reads never decide money:
// whatever is changed is decided by a command, on rows read under the shard's lock.
//
// A look-up that finds nothing gives false; whose a row is, is for the caller to
// check. Lists are newest first, hold only rows with Seq < before (0: from the
// newest), and at most limit of them.
type Reads interface {
	RenderReads
	KeyReads
	CredentialReads
	AccountReads
	WithdrawalReads
	EventReads
	WebhookReads
	QuoteReads
	FeeReads
	ExposureReads
	waiting.Reader
	// Wallets lists every wallet.
	Wallets(ctx context.Context) ([]payout.Wallet, error)
}

// KeyReads finds who asks.
type KeyReads interface {
	// KeyByHash finds an API key by merchant.HashSecret of its text, revoked ones too.
	KeyByHash(ctx context.Context, hash string) (merchant.Key, bool, error)
	Merchant(ctx context.Context, at id.ID) (merchant.Merchant, bool, error)
	// Merchants lists the merchants of a shard.
	Merchants(ctx context.Context, shard id.Shard, before id.Seq, limit int) ([]merchant.Merchant, error)
	Shards() int
}

// AccountReads reads accounts and what belongs to them.
type AccountReads interface {
	Account(ctx context.Context, at id.ID) (ledger.Account, bool, error)
	AccountByForeignID(ctx context.Context, owner id.ID, foreignID string) (ledger.Account, bool, error)
	Accounts(ctx context.Context, owner id.ID, before id.Seq, limit int) ([]ledger.Account, error)
	// Balances gives every balance of an account, in order of the currency.
	Balances(ctx context.Context, account id.ID) ([]ledger.Balance, error)
	Credit(ctx context.Context, at id.ID) (account.Credit, bool, error)
	Credits(ctx context.Context, account id.ID, before id.Seq, limit int) ([]account.Credit, error)
	Destination(ctx context.Context, at id.ID) (destination.Destination, bool, error)
	// Destinations gives those of a merchant that are not deleted, DestinationsOf those
	// that belong to one account.
	Destinations(ctx context.Context, owner id.ID, before id.Seq, limit int) ([]destination.Destination, error)
	DestinationsOf(ctx context.Context, account id.ID, before id.Seq, limit int) ([]destination.Destination, error)
}

// WithdrawalReads reads withdrawals and their history.
type WithdrawalReads interface {
	Withdrawal(ctx context.Context, at id.ID) (withdrawal.Withdrawal, bool, error)
	WithdrawalByForeignID(ctx context.Context, owner id.ID, foreignID string) (withdrawal.Withdrawal, bool, error)
	Withdrawals(ctx context.Context, f withdrawal.Filter) ([]withdrawal.Withdrawal, error)
	// InReview gives withdrawals of all merchants that wait for a person, oldest first
	// within a shard.
	InReview(ctx context.Context, limit int) (map[id.ID]withdrawal.Withdrawal, error)
	// TransfersOf gives the movements of a withdrawal, oldest first.
	TransfersOf(ctx context.Context, withdrawal id.ID) ([]ledger.Transfer, error)
	// EventsOf gives the events about one subject, oldest first.
	EventsOf(ctx context.Context, subject id.ID) ([]event.Event, error)
}

// EventReads reads the log.
type EventReads interface {
	// Events gives up to limit events of a merchant with Seq > after, in order.
	Events(ctx context.Context, shard id.Shard, merchant id.Seq, after int64, limit int) ([]event.Event, error)
	// EventsAt gives the events with these Seqs, in any order; missing ones are left out.
	EventsAt(ctx context.Context, shard id.Shard, seqs []int64) ([]event.Event, error)
}

// WebhookReads reads webhook endpoints and what was sent to them.
type WebhookReads interface {
	Endpoint(ctx context.Context, at id.ID) (webhook.Endpoint, bool, error)
	// Endpoints gives a merchant's endpoints that are not deleted.
	Endpoints(ctx context.Context, owner id.ID) ([]webhook.Endpoint, error)
	Delivery(ctx context.Context, at id.ID) (webhook.Delivery, bool, error)
	// Deliveries lists an endpoint's deliveries; state "" means all.
	Deliveries(ctx context.Context, endpoint id.ID, state webhook.DeliveryState, before id.Seq, limit int) ([]webhook.Delivery, error)
	// AttemptsOf gives the attempts of a delivery, oldest first.
	AttemptsOf(ctx context.Context, delivery id.ID) ([]webhook.Attempt, error)
	Replay(ctx context.Context, at id.ID) (webhook.Replay, bool, error)
}
