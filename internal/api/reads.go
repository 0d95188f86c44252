package api

import (
	"context"

	"sluice/internal/account"
	"sluice/internal/destination"
	"sluice/internal/dispatch"
	"sluice/internal/event"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/merchant"
	"sluice/internal/webhook"
	"sluice/internal/withdrawal"
)

// Reads is what the API reads. The store implements it. Reads never decide money:
// whatever is changed is decided by a command, on rows read under the shard's lock.
//
// The ...At reads give the rows with these numbers in any order; missing ones are
// left out, and whose they are is for the caller to check. Lists are newest first,
// hold only rows with Seq < before (0: from the newest), and at most limit of them.
type Reads interface {
	RenderReads
	KeyReads
	AccountReads
	WithdrawalReads
	EventReads
	WebhookReads
	// Wallets lists every wallet.
	Wallets(ctx context.Context) ([]dispatch.Wallet, error)
}

// KeyReads finds who asks.
type KeyReads interface {
	// KeyByHash finds an API key by merchant.HashSecret of its text, revoked ones too.
	KeyByHash(ctx context.Context, hash string) (merchant.Key, bool, error)
	Merchant(ctx context.Context, at id.ID) (merchant.Merchant, bool, error)
}

// AccountReads reads accounts and what belongs to them.
type AccountReads interface {
	// Accounts lists a merchant's accounts; foreignID "" means all.
	Accounts(ctx context.Context, merchant id.ID, foreignID string, before id.Seq, limit int) ([]ledger.Account, error)
	// Balances gives every balance of an account, in order of the currency.
	Balances(ctx context.Context, account id.ID) ([]ledger.Balance, error)
	// Credits lists the credits of one account of a merchant; state "" means all.
	Credits(ctx context.Context, merchant id.ID, account id.Seq, state string, before id.Seq, limit int) ([]account.Credit, error)
	DestinationsAt(ctx context.Context, shard id.Shard, seqs []id.Seq) ([]destination.Destination, error)
	// Destinations lists a merchant's destinations; account 0 means all.
	Destinations(ctx context.Context, merchant id.ID, account id.Seq, before id.Seq, limit int) ([]destination.Destination, error)
}

// WithdrawalReads reads withdrawals and their history.
type WithdrawalReads interface {
	// WithdrawalByForeignID finds a merchant's withdrawal by the merchant's own id.
	WithdrawalByForeignID(ctx context.Context, merchant id.ID, foreignID string) (withdrawal.Withdrawal, bool, error)
	Withdrawals(ctx context.Context, shard id.Shard, f withdrawal.Filter) ([]withdrawal.Withdrawal, error)
	// TransfersOf gives the movements of a withdrawal, oldest first.
	TransfersOf(ctx context.Context, withdrawal id.ID) ([]ledger.Transfer, error)
	// EventsOf gives the events about one subject, oldest first.
	EventsOf(ctx context.Context, subject id.ID) ([]event.Event, error)
}

// EventReads reads the log.
type EventReads interface {
	// EventsOfMerchant gives up to limit events of a merchant with Seq > after, in order.
	EventsOfMerchant(ctx context.Context, merchant id.ID, after int64, limit int) ([]event.Event, error)
	// EventsAt gives the events with these Seqs, in any order; missing ones are left out.
	EventsAt(ctx context.Context, shard id.Shard, seqs []int64) ([]event.Event, error)
}

// WebhookReads reads webhook endpoints and what was sent to them.
type WebhookReads interface {
	EndpointsAt(ctx context.Context, shard id.Shard, seqs []id.Seq) ([]webhook.Endpoint, error)
	// EndpointsOf gives the endpoints of these merchants that are not deleted.
	EndpointsOf(ctx context.Context, shard id.Shard, merchants []id.Seq) ([]webhook.Endpoint, error)
	DeliveriesAt(ctx context.Context, shard id.Shard, seqs []id.Seq) ([]webhook.Delivery, error)
	// Deliveries lists an endpoint's deliveries; state "" means all.
	Deliveries(ctx context.Context, endpoint id.ID, state webhook.DeliveryState, before id.Seq, limit int) ([]webhook.Delivery, error)
	// AttemptsOf gives the attempts of a delivery, oldest first.
	AttemptsOf(ctx context.Context, delivery id.ID) ([]webhook.Attempt, error)
	ReplaysAt(ctx context.Context, shard id.Shard, seqs []id.Seq) ([]webhook.Replay, error)
}
