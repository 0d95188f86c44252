package bank

import (
	"context"

	"sluice/internal/id"
	"sluice/internal/withdrawal"
)

// Lists are what people look at. They decide nothing.
type Lists interface {
	// BankFiles are the newest files first.
	BankFiles(ctx context.Context, limit int) ([]File, error)
	// BankFileBytes is what is kept of a file's content.
	BankFileBytes(ctx context.Context, hash string) (FileBytes, bool, error)
	// BankOrders are the newest orders first.
	BankOrders(ctx context.Context, limit int) ([]Order, error)
	// BankSuspense are the bookings that wait for a person, oldest first.
	BankSuspense(ctx context.Context, limit int) ([]Entry, error)
	// BankEntry finds a booking by its number.
	BankEntry(ctx context.Context, seq int64) (Entry, bool, error)
	// BankStatements are all statements in the order in which they came.
	BankStatements(ctx context.Context) ([]Statement, error)
	// EachBankEntry hands over every booking in the order in which they came.
	EachBankEntry(ctx context.Context, fn func(Entry) error) error
	// Withdrawal finds a withdrawal.
	Withdrawal(ctx context.Context, at id.ID) (withdrawal.Withdrawal, bool, error)
	// EachBankPayment hands over every payment.
	EachBankPayment(ctx context.Context, fn func(Payment) error) error
}
