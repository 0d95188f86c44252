package dialect

import (
	"context"

	"sluice/internal/account"
	"sluice/internal/credential"
	"sluice/internal/customer"
	"sluice/internal/destination"
	"sluice/internal/id"
	"sluice/internal/ledger"
	"sluice/internal/webhook"
)

// People is what wires read that know users, reference accounts and endpoints.
// newestFirst, offset and limit choose a window; the number is how many there are in all.
type People interface {
	CustomerUser(ctx context.Context, at id.ID) (customer.User, bool, error)
	CustomerUsers(ctx context.Context, owner id.ID, newestFirst bool, offset, limit int) ([]customer.User, int64, error)
	CustomerGroup(ctx context.Context, at id.ID) (customer.Group, bool, error)
	CustomerGroups(ctx context.Context, owner id.ID, newestFirst bool, offset, limit int) ([]customer.Group, int64, error)
	CustomerGroupsOf(ctx context.Context, user id.ID, newestFirst bool, offset, limit int) ([]customer.Group, int64, error)
	CustomerReference(ctx context.Context, at id.ID) (customer.Reference, bool, error)
	DestinationsOf(ctx context.Context, account id.ID, before id.Seq, limit int) ([]destination.Destination, error)

	Credit(ctx context.Context, at id.ID) (account.Credit, bool, error)
	Credits(ctx context.Context, account id.ID, before id.Seq, limit int) ([]account.Credit, error)
	TransfersOf(ctx context.Context, withdrawal id.ID) ([]ledger.Transfer, error)

	Endpoint(ctx context.Context, at id.ID) (webhook.Endpoint, bool, error)
	Endpoints(ctx context.Context, owner id.ID) ([]webhook.Endpoint, error)
	SigningKeys(ctx context.Context, wire string) ([]credential.SigningKey, error)
}
