package dialect

import (
	"context"

	"sluice/internal/dialect/upvest/customer"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant/credential"
	"sluice/internal/merchant/destination"
	"sluice/internal/webhook"
)

// People is what wires read that know users, reference accounts and endpoints. The number
// beside a window of rows is how many there are in all.
type People interface {
	CustomerUser(ctx context.Context, at id.ID) (customer.User, bool, error)
	CustomerUsers(ctx context.Context, owner id.ID, w customer.Window) ([]customer.User, int64, error)
	CustomerGroup(ctx context.Context, at id.ID) (customer.Group, bool, error)
	CustomerGroups(ctx context.Context, owner id.ID, w customer.Window) ([]customer.Group, int64, error)
	CustomerGroupsOf(ctx context.Context, user id.ID, w customer.Window) ([]customer.Group, int64, error)
	CustomerTradingAccount(ctx context.Context, at id.ID) (customer.TradingAccount, bool, error)
	CustomerTradingAccounts(ctx context.Context, owner id.ID, user, group id.Seq, w customer.Window) ([]customer.TradingAccount, int64, error)
	CustomerReference(ctx context.Context, at id.ID) (customer.Reference, bool, error)
	DestinationsOf(ctx context.Context, account id.ID, before id.Seq, limit int) ([]destination.Destination, error)

	Credit(ctx context.Context, at id.ID) (account.Credit, bool, error)
	Credits(ctx context.Context, account id.ID, before id.Seq, limit int) ([]account.Credit, error)
	MerchantCredits(ctx context.Context, owner id.ID, before id.Seq, limit int) ([]account.Credit, error)
	TransfersOf(ctx context.Context, withdrawal id.ID) ([]ledger.Transfer, error)

	Endpoint(ctx context.Context, at id.ID) (webhook.Endpoint, bool, error)
	Endpoints(ctx context.Context, owner id.ID) ([]webhook.Endpoint, error)
	SigningKeys(ctx context.Context, wire string) ([]credential.SigningKey, error)
}
