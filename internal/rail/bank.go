package rail

import (
	"context"
	"strings"

	"sluice/internal/money"
	"sluice/internal/seal"
)

// RecipientPurpose is what bank accounts are sealed for.
const RecipientPurpose = "sepa recipient"

// PayoutPlace is where the recipient of a withdrawal with this public id is stored; the
// items of a dispatch have a copy.
func PayoutPlace(ref string) seal.Place {
	return seal.Place{Table: "withdrawal", Column: "decoded", Row: ref}
}

// Recipient is a bank account and who holds it, as a user writes them.
type Recipient struct {
	Holder string
	IBAN   string
	BIC    string // may be missing
}

// BankChecker is a rail that pays to bank accounts. Whoever takes destinations for it
// asks these methods instead of Check. Both ask no network.
//
// The target they give holds no readable account number. Canonical is the number with
// most of it hidden (see Hidden), Typed the holder's name as the user wrote it, Tag the
// BIC, Decoded the whole recipient under seal, and Prints the fingerprints of the
// number. Only the rail that writes a payment order opens the seal.
type BankChecker interface {
	// CheckRecipient checks what a user typed and seals it. A refusal is a fault of kind
	// Invalid about holder, iban or bic. Without a key to seal with, it is Unavailable.
	CheckRecipient(ctx context.Context, r Recipient, asset string) (Target, error)
	// CheckPayment checks what goes with a payment and gives what the bank will get: the
	// remittance text in the bank's character set, and the default service if none is
	// named. A refusal is a fault of kind Invalid about remittance, purpose or service.
	CheckPayment(ctx context.Context, p Payment, asset string) (Payment, error)
}

// hide is what stands for the hidden part of a number. No network's address has it.
const hide = "****"

// Hide makes the readable form of a number of which only both ends may be seen.
func Hide(start, end string) string { return start + hide + end }

// Hidden tells whether a canonical form is that of a bank account.
func Hidden(canonical string) bool { return strings.Contains(canonical, hide) }

// AmountChecker is a rail that knows amounts that it will never pay, whatever its wallets
// hold: those above a limit of its scheme, or more than there can be. Every rail is one: a
// payout that cannot be is refused when it is asked for, not when it is planned.
type AmountChecker interface {
	// CheckAmount refuses with a fault of kind Invalid about amount, which is what the
	// receiver gets. service is Payment.Service. It asks no network.
	CheckAmount(asset, service string, amount money.Amount) error
}
