package upvest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"sluice/internal/dialect/upvest/customer"
	"sluice/internal/fault"
	"sluice/internal/id"
)

// profile is what the wire tells of a person. The members from Email on belong to
// another form of the call; they are kept and given back.
type profile struct {
	FirstName     string          `json:"first_name"`
	LastName      string          `json:"last_name"`
	Salutation    string          `json:"salutation,omitempty"`
	Title         string          `json:"title,omitempty"`
	BirthDate     string          `json:"birth_date"`
	BirthCity     string          `json:"birth_city,omitempty"`
	BirthCountry  string          `json:"birth_country,omitempty"`
	BirthName     string          `json:"birth_name,omitempty"`
	Nationalities []string        `json:"nationalities"`
	Address       *address        `json:"address"`
	PostalAddress *address        `json:"postal_address,omitempty"`
	Email         string          `json:"email,omitempty"`
	PhoneNumber   string          `json:"phone_number,omitempty"`
	FATCA         json.RawMessage `json:"fatca,omitempty"`
	Terms         json.RawMessage `json:"terms_and_conditions,omitempty"`
	DataPrivacy   json.RawMessage `json:"data_privacy_and_sharing_agreement,omitempty"`
}

type address struct {
	Line1    string `json:"address_line1"`
	Line2    string `json:"address_line2,omitempty"`
	Postcode string `json:"postcode"`
	City     string `json:"city"`
	State    string `json:"state,omitempty"`
	Country  string `json:"country"`
}

// userBody is a user as it is sent.
type userBody struct {
	ID        string `json:"id"`
	CreatedAt string `json:"created_at"`
	UpdatedAt string `json:"updated_at"`
	profile
	Status string `json:"status"`
}

var (
	salutations = []string{"", "SALUTATION_MALE", "SALUTATION_FEMALE", "SALUTATION_FEMALE_MARRIED", "SALUTATION_DIVERSE"}
	titles      = []string{"", "DR", "PROF", "PROF_DR", "DIPL_ING", "MAGISTER"}
	country     = regexp.MustCompile(`^[A-Z]{2,3}$`)
)

// length checks how many characters a text has.
func length(name, text string, from, to int) error {
	if n := utf8.RuneCountInString(text); n < from || n > to || !utf8.ValidString(text) {
		if from > 0 && n == 0 {
			return bad(name, "is required")
		}
		return bad(name, "must have %d to %d characters", from, to)
	}
	return nil
}

// first gives the first error of a list.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func oneOf(name, text string, known []string) error {
	if !slices.Contains(known, text) {
		return bad(name, "%q is not known", text)
	}
	return nil
}

func aCountry(name, text string, required bool) error {
	if text == "" && !required || country.MatchString(text) {
		return nil
	}
	return bad(name, "must be a country of two or three capital letters")
}

func (a *address) check(name string, required bool) error {
	if a == nil {
		if required {
			return bad(name, "is required")
		}
		return nil
	}
	return first(length(name+".address_line1", a.Line1, 1, 100), length(name+".address_line2", a.Line2, 0, 100), length(name+".postcode", a.Postcode, 1, 20),
		length(name+".city", a.City, 1, 85), length(name+".state", a.State, 0, 100), aCountry(name+".country", a.Country, true))
}

// profileOf reads a user of a request.
func profileOf(in members) profile {
	return profile{
		FirstName: in.text("first_name"), LastName: in.text("last_name"), Salutation: in.text("salutation"), Title: in.text("title"),
		BirthDate: in.text("birth_date"), BirthCity: in.text("birth_city"), BirthCountry: in.text("birth_country"), BirthName: in.text("birth_name"),
		Nationalities: in.texts("nationalities"), Address: addressOf(in, "address"), PostalAddress: addressOf(in, "postal_address"),
		Email: in.text("email"), PhoneNumber: in.text("phone_number"), FATCA: in.raw("fatca"), Terms: in.raw("terms_and_conditions"),
		DataPrivacy: in.raw("data_privacy_and_sharing_agreement"),
	}
}

func addressOf(in members, name string) *address {
	if !in.has(name) {
		return nil
	}
	in = in.object(name)
	return &address{
		Line1: in.text("address_line1"), Line2: in.text("address_line2"), Postcode: in.text("postcode"), City: in.text("city"), State: in.text("state"),
		Country: in.text("country"),
	}
}

func (p *profile) check(now time.Time) error {
	if err := first(length("first_name", p.FirstName, 2, 100), length("last_name", p.LastName, 2, 100), oneOf("salutation", p.Salutation, salutations),
		oneOf("title", p.Title, titles), length("birth_city", p.BirthCity, 0, 85), aCountry("birth_country", p.BirthCountry, false),
		length("birth_name", p.BirthName, 0, 100), p.Address.check("address", true), p.PostalAddress.check("postal_address", false),
		length("email", p.Email, 0, 254), length("phone_number", p.PhoneNumber, 0, 50)); err != nil {
		return err
	}
	if born, err := time.Parse(time.DateOnly, p.BirthDate); err != nil || born.After(now) {
		return bad("birth_date", "must be a day that has been, like 1972-09-30")
	}
	if len(p.Nationalities) == 0 {
		return bad("nationalities", "is required")
	}
	for _, n := range p.Nationalities {
		if err := aCountry("nationalities", n, true); err != nil {
			return err
		}
	}
	return nil
}

// sealedProfile binds a sealed profile to its use.
const sealedProfile = "upvest user"

func createUser(c *call) (answer, error) {
	in := c.members()
	p := profileOf(in)
	if err := first(in.err(), p.check(c.Now())); err != nil {
		return answer{}, err
	}
	if c.Seal == nil {
		return answer{}, fault.New(fault.Unavailable, "sealing_key_missing", "this installation has no key to keep personal data with; an operator has to set seal.keys")
	}
	text, err := encode(p)
	if err != nil {
		return answer{}, err
	}
	sealed, err := c.Seal.Seal(sealedProfile, text)
	if err != nil {
		return answer{}, err
	}
	u, err := made(c, customer.CreateUser{Merchant: c.party.Merchant.Seq, Name: p.FirstName + " " + p.LastName, Profile: sealed, Actor: c.party.Actor},
		c.Reads.CustomerUser)
	if err != nil {
		return answer{}, err
	}
	return c.showUser(u.AsCreated())
}

func (c *call) showUser(u customer.User) (answer, error) {
	b, err := c.userBody(c.teller(), u)
	return answer{http.StatusOK, b}, err
}

func (d *Dialect) userBody(t teller, u customer.User) (userBody, error) {
	b := userBody{ID: t.uuid(id.Account, u.Seq), CreatedAt: stamp(u.CreatedAt), UpdatedAt: stamp(u.UpdatedAt), Status: statusActive}
	if u.Status == customer.Offboarded {
		b.Status = "OFFBOARDED"
	}
	if d.Seal == nil {
		return b, fault.New(fault.Unavailable, "sealing_key_missing", "the key that personal data is kept with is not there")
	}
	text, err := d.Seal.Open(sealedProfile, u.Profile)
	if err != nil {
		return b, err
	}
	return b, json.Unmarshal(text, &b.profile)
}

// user finds a user of the merchant.
func (c *call) user(at id.ID) (customer.User, error) {
	u, found, err := c.Reads.CustomerUser(c.ctx, at)
	return one(u, found, err)(u.Merchant == c.party.Merchant.Seq)
}

// userOf finds the user that the path names.
func (c *call) userOf() (customer.User, error) {
	at, err := c.parseID(id.Account, c.args[0])
	if err != nil {
		return customer.User{}, err
	}
	return c.user(at)
}

func getUser(c *call) (answer, error) {
	u, err := c.userOf()
	if err != nil {
		return answer{}, err
	}
	return c.showUser(u)
}

func listUsers(c *call) (answer, error) {
	p, _, err := c.page("created_at", "updated_at")
	if err != nil {
		return answer{}, err
	}
	rows, total, err := c.Reads.CustomerUsers(c.ctx, c.party.Merchant, p.part())
	if err != nil {
		return answer{}, err
	}
	var out []any
	for _, u := range rows {
		b, err := c.userBody(c.teller(), u)
		if err != nil {
			return answer{}, err
		}
		out = append(out, b)
	}
	return p.window(out, total), nil
}

func deleteUser(c *call) (answer, error) {
	u, err := c.userOf()
	if err != nil {
		return answer{}, err
	}
	_, err = submit(c, customer.Offboard{Merchant: c.party.Merchant.Seq, User: u.Seq, Actor: c.party.Actor})
	return answer{status: http.StatusAccepted}, err
}
