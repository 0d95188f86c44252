package upvest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"sluice/internal/dialect/upvest/customer"
	"sluice/internal/id"
	"sluice/internal/merchant/destination"
	"sluice/internal/rail"
)

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

// registration is a reference account of a request.
type registration struct {
	user      reference
	name      string
	to        rail.Recipient
	confirmed time.Time
}

func (c *call) registration(in members) registration {
	r := registration{
		user: c.id(in, id.Account, "user_id", true), name: in.text("name"), confirmed: in.moment("confirmed_at", "the time of consent"),
		to: rail.Recipient{Holder: in.text("account_owner"), IBAN: in.text("iban"), BIC: in.text("bic")},
	}
	in.note(first(length("account_owner", r.to.Holder, 1, 140), length("name", r.name, 0, 100)))
	if !ibanPattern.MatchString(r.to.IBAN) {
		in.mistake("iban", "must be an IBAN in capital letters without blanks")
	}
	if !bicPattern.MatchString(r.to.BIC) {
		in.mistake("bic", "must be a BIC of 8 or 11 characters")
	}
	return r
}

// registering is the bank that reference accounts are registered at: the one that pays the
// first currency of the wire that is paid at all.
func (d *Dialect) registering() (payer, error) {
	var p payer
	var err error
	for _, code := range d.currencies() {
		if p, err = d.pays(code, ""); err == nil {
			return p, nil
		}
	}
	return p, err
}

func createReference(c *call) (answer, error) {
	in := c.members()
	r := c.registration(in)
	if err := first(in.err(), there(r.user)); err != nil {
		return answer{}, err
	}
	bank, err := c.registering()
	if err != nil {
		return answer{}, err
	}
	to, err := bank.CheckRecipient(c.ctx, r.to, bank.asset.Code)
	if err != nil {
		return answer{}, err
	}
	d, err := made(c, customer.Register{Register: destination.Register{
		Merchant: c.party.Merchant.Seq, Account: r.user.at.Seq, Target: to, Label: r.name, ConfirmedAt: r.confirmed, Policy: c.Bank, Actor: c.party.Actor,
	}, Mask: mask(r.to.IBAN)}, c.Reads.Destination)
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
	_, err = submit(c, destination.Delete{Merchant: c.party.Merchant.Seq, Destination: d.Seq, KeepLast: true, Actor: c.party.Actor})
	return answer{status: http.StatusNoContent}, err
}

func listReferences(c *call) (answer, error) {
	u, err := c.userOf()
	if err != nil {
		return answer{}, err
	}
	p, _, err := c.page("created_at", "updated_at", "id")
	if err != nil {
		return answer{}, err
	}
	var all []row
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
			all = append(all, row{b, d.CreatedAt, d.CreatedAt})
		}
		if len(rows) < pageMax {
			slices.Reverse(all)
			return p.of(all), nil
		}
	}
}
