package upvest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"sluice/internal/customer"
	"sluice/internal/destination"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/rail"
)

// currency is the only one that this wire pays out.
const currency = "EUR"

// bank is the rail that pays to bank accounts: of several, the first by name.
func (d *Dialect) bank() (rail.BankChecker, string, money.Asset, error) {
	euro, ok := d.Assets()[currency]
	if ok {
		networks := slices.Clone(euro.Networks)
		slices.Sort(networks)
		for _, n := range networks {
			if b, ok := d.Desk.Rails[n].(rail.BankChecker); ok {
				return b, n, euro, nil
			}
		}
	}
	return nil, "", euro, fault.New(fault.Unavailable, "network_not_running", "no bank that pays %s is running in this installation at the moment", currency)
}

// referenceBody is a reference account as it is sent.
type referenceBody struct {
	ID          string `json:"id"`
	CreatedAt   string `json:"created_at"`
	UpdatedAt   string `json:"updated_at"`
	User        string `json:"user_id"`
	Owner       string `json:"account_owner"`
	Name        string `json:"name"`
	IBAN        string `json:"iban"`
	BIC         string `json:"bic"`
	ConfirmedAt string `json:"confirmed_at"`
}

var (
	ibanPattern = regexp.MustCompile(`^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,26}$`)
	bicPattern  = regexp.MustCompile(`^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$`)
)

// mask hides the middle of an account number: always twenty characters.
func mask(iban string) string { return iban[:6] + strings.Repeat("*", 10) + iban[len(iban)-4:] }

// createReferenceBody is what a client sends.
type createReferenceBody struct {
	User        string `json:"user_id"`
	Owner       string `json:"account_owner"`
	Name        string `json:"name"`
	IBAN        string `json:"iban"`
	BIC         string `json:"bic"`
	ConfirmedAt string `json:"confirmed_at"`
}

func (b createReferenceBody) check() (confirmed time.Time, err error) {
	if err := first(length("account_owner", b.Owner, 1, 140), length("name", b.Name, 0, 100)); err != nil {
		return confirmed, err
	}
	if !ibanPattern.MatchString(b.IBAN) {
		return confirmed, bad("iban", "must be an IBAN in capital letters without blanks")
	}
	if !bicPattern.MatchString(b.BIC) {
		return confirmed, bad("bic", "must be a BIC of 8 or 11 characters")
	}
	confirmed, err = time.Parse(time.RFC3339, b.ConfirmedAt)
	if err != nil {
		return confirmed, bad("confirmed_at", "must be the time of consent, like 2020-08-24T14:15:22Z")
	}
	return confirmed, nil
}

func createReference(c *call) (answer, error) {
	var b createReferenceBody
	if err := c.decode(&b); err != nil {
		return answer{}, err
	}
	user, err := c.member(id.Account, "user_id", b.User)
	if err != nil {
		return answer{}, err
	}
	confirmed, err := b.check()
	if err != nil {
		return answer{}, err
	}
	bank, _, euro, err := c.bank()
	if err != nil {
		return answer{}, err
	}
	to, err := bank.CheckRecipient(c.ctx, rail.Recipient{Holder: b.Owner, IBAN: b.IBAN, BIC: b.BIC}, euro.Code)
	if err != nil {
		return answer{}, err
	}
	d, err := made(c, customer.Register{Register: destination.Register{
		Merchant: c.party.Merchant.Seq, Account: user.Seq, Target: to, Label: b.Name, ConfirmedAt: confirmed, Policy: c.Bank, Actor: c.party.Actor,
	}, Mask: mask(b.IBAN)}, c.Reads.Destination)
	if err != nil {
		return answer{}, err
	}
	out, err := c.referenceBody(d.AsRegistered())
	return answer{http.StatusOK, out}, err
}

func (c *call) referenceBody(d destination.Destination) (referenceBody, error) {
	b := referenceBody{
		ID: uuid(id.Destination, c.at(d.Seq)), CreatedAt: stamp(d.CreatedAt), UpdatedAt: stamp(d.CreatedAt), User: uuid(id.Account, c.at(d.Account)),
		Owner: d.Typed, Name: d.Label, BIC: d.Tag, ConfirmedAt: stamp(d.ConfirmedAt),
	}
	r, found, err := c.Reads.CustomerReference(c.ctx, c.at(d.Seq))
	if err != nil {
		return b, err
	}
	b.IBAN = r.Mask
	if !found {
		b.IBAN = masked(d.Canonical)
	}
	return b, nil
}

// masked is what is shown of an account that was registered on another way: less of its
// number was kept.
func masked(canonical string) string {
	short := canonical
	if len(short) < 6 {
		return strings.Repeat("*", 20)
	}
	return short[:2] + strings.Repeat("*", 14) + short[len(short)-4:]
}

// reference finds the reference account that the path names.
func (c *call) reference() (destination.Destination, error) {
	at, err := c.parseID(id.Destination, c.args[0])
	if err != nil {
		return destination.Destination{}, err
	}
	d, found, err := c.Reads.Destination(c.ctx, at)
	if d, err = one(d, found, err)(d.Merchant == c.party.Merchant.Seq && d.Bank() && d.Account != 0 && d.DeletedAt.IsZero()); err != nil {
		return d, err
	}
	_, err = c.user(c.at(d.Account))
	return d, err
}

func getReference(c *call) (answer, error) {
	d, err := c.reference()
	if err != nil {
		return answer{}, err
	}
	b, err := c.referenceBody(d)
	return answer{http.StatusOK, b}, err
}

func deleteReference(c *call) (answer, error) {
	d, err := c.reference()
	if err != nil {
		return answer{}, err
	}
	_, err = c.submit(destination.Delete{Merchant: c.party.Merchant.Seq, Destination: d.Seq, KeepLast: true, Actor: c.party.Actor})
	return answer{status: http.StatusNoContent}, err
}

func listReferences(c *call) (answer, error) {
	u, err := c.userOf()
	if err != nil {
		return answer{}, err
	}
	p, _, err := c.page("created_at", "id")
	if err != nil {
		return answer{}, err
	}
	var all []any
	for before := id.Seq(0); ; {
		rows, err := c.Reads.DestinationsOf(c.ctx, c.at(u.Seq), before, pageMax)
		if err != nil {
			return answer{}, err
		}
		for _, d := range rows {
			before = d.Seq
			if !d.Bank() {
				continue
			}
			b, err := c.referenceBody(d)
			if err != nil {
				return answer{}, err
			}
			all = append(all, b)
		}
		if len(rows) < pageMax {
			slices.Reverse(all)
			return p.of(all), nil
		}
	}
}
