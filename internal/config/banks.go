package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/internal/bank/iban"
	"sluice/internal/fault"
	"sluice/internal/money"
)

// BankAccount is an account of ours at a bank, from which payouts are paid.
type BankAccount struct {
	Name         string   `toml:"name" doc:"what destinations call this way out, like sepa"`
	Holder       string   `toml:"holder" doc:"who holds the account that pays"`
	IBAN         string   `toml:"iban" doc:"of the account that pays"`
	BIC          string   `toml:"bic" doc:"of its bank; may be left out"`
	Initiator    string   `toml:"initiator" doc:"our name as the party that sends files. Default: holder"`
	Zone         string   `toml:"zone" doc:"time zone of the bank, like Europe/Berlin"`
	Opens        string   `toml:"opens" doc:"when normal payments begin to leave on business days of T2"`
	CutOff       string   `toml:"cut_off" doc:"until when they leave; put the time that a file needs to travel in front of the bank's own"`
	Collect      Duration `toml:"collect" doc:"how long a normal payment waits for others to share its file"`
	OneBooking   bool     `toml:"one_booking" doc:"ask the bank for one debit per file instead of one per payment"`
	EarlyConfirm bool     `toml:"early_confirm" doc:"confirm when the bank reports settlement (ACSC, ACCC), before it is booked"`
	FileMax      int      `toml:"file_max" doc:"payments per file, at the most; a file is also at most 48 MiB"`
	InstantMax   string   `toml:"instant_max" doc:"the largest instant payment, as a text like \"100000.00\"; larger ones are refused. Empty: no limit"`
	BICOutside   bool     `toml:"bic_outside_eea" doc:"ask for the BIC of recipients outside the European Economic Area: some banks need it"`
	SendAddress  string   `toml:"send_address" doc:"when our own address goes into an order: never, outside_eea (if a recipient of the file is outside the European Economic Area) or always"`
	Street       string   `toml:"street" doc:"of the account's holder, for send_address; like the next three, in letters that banks take"`
	Building     string   `toml:"building" doc:"number of the house"`
	PostCode     string   `toml:"post_code" doc:"post code"`
	Town         string   `toml:"town" doc:"town; needed for send_address"`
	Country      string   `toml:"country" doc:"country, as two letters like DE; needed for send_address"`
	PayeeAlerts  []string `toml:"payee_alerts" doc:"results of the bank's verification of payees that are alerts, so that a person releases the order at the bank or cancels it there; the others are only noted: close, mismatch, unavailable, mixed, match. Default: the first four"`
	Poll         Duration `toml:"poll" doc:"how often to look for files of the bank"`
	Folder       string   `toml:"folder" doc:"folder with outbox and inbox, on this machine"`
	QuietFor     Duration `toml:"quiet_for" doc:"how long a file in the inbox must not have changed, for banks that write in place"`
	SFTP         string   `toml:"sftp" doc:"host:port of the bank's server, instead of folder"`
	User         string   `toml:"user" doc:"name on the server"`
	Password     Secret   `toml:"password" doc:"on the server; best as file:PATH"`
	Key          Secret   `toml:"key" doc:"private key for the server, PEM, as file:PATH; instead of a password"`
	HostKeys     []string `toml:"host_keys" doc:"keys of the server, as in known_hosts without the name; another one gets nothing"`
	RemoteOutbox string   `toml:"remote_outbox" doc:"folder on the server that the bank takes orders from. Default: outbox"`
	RemoteInbox  string   `toml:"remote_inbox" doc:"folder on the server that the bank leaves files in. Default: inbox"`
	Local        string   `toml:"local" doc:"folder on this machine for copies of what was sent and taken in"`
}

const (
	bankCurrency = "EUR"
	bankScale    = 2
)

// When our address goes into an order.
const (
	addressNever   = "never"
	addressOutside = "outside_eea"
	addressAlways  = "always"
)

// payeeResults are the results of the verification of a payee.
var payeeResults = []string{"close", "mismatch", "unavailable", "mixed", "match"}

func (c *Config) fillBanks() {
	for i := range c.Banks {
		b := &c.Banks[i]
		for v, def := range map[*string]string{
			&b.Name: "sepa", &b.Initiator: b.Holder, &b.Zone: "Europe/Berlin", &b.Opens: "00:00", &b.CutOff: "14:30", &b.RemoteOutbox: "outbox", &b.RemoteInbox: "inbox",
		} {
			if *v == "" {
				*v = def
			}
		}
		if b.FileMax == 0 {
			b.FileMax = 1000
		}
		if b.SendAddress == "" {
			b.SendAddress = addressNever
		}
		if b.PayeeAlerts == nil {
			b.PayeeAlerts = payeeResults[:4]
		}
		if b.Poll == 0 {
			b.Poll = Duration(30 * time.Second)
		}
	}
}

// InstantLimit is InstantMax as an amount, zero for none.
func (b BankAccount) InstantLimit() (money.Amount, error) {
	if b.InstantMax == "" {
		return money.Amount{}, nil
	}
	return money.Asset{Code: bankCurrency, Scale: bankScale}.Parse(b.InstantMax)
}

func (c *Config) checkBanks(p *problems) {
	seen := map[string]bool{}
	for i, b := range c.Banks {
		path := fmt.Sprintf("banks[%d]", i)
		if strings.ToLower(b.Name) != b.Name || strings.ContainsAny(b.Name, " \t/:") {
			p.add(path+".name", "must be a word in lower case, like sepa")
		}
		if seen[b.Name] || slices.ContainsFunc(c.Networks, func(n Network) bool { return n.Name == b.Name }) {
			p.add(path+".name", "%s is there twice", b.Name)
		}
		seen[b.Name] = true
		b.checkAccount(p, path)
		b.checkDay(p, path)
		b.checkChannel(p, path)
	}
}

func (b BankAccount) checkAccount(p *problems, path string) {
	if b.Holder == "" {
		p.add(path+".holder", "must be the name of who holds the account")
	}
	if n, err := iban.Parse(b.IBAN); err != nil {
		p.add(path+".iban", "%s", fault.Of(err).Message)
	} else if n.String() != b.IBAN {
		p.add(path+".iban", "must be written without blanks and in upper case")
	}
	if _, err := iban.ParseBIC(b.BIC); b.BIC != "" && err != nil {
		p.add(path+".bic", "%s", fault.Of(err).Message)
	}
	if _, err := b.InstantLimit(); err != nil {
		p.add(path+".instant_max", "must be an amount in euro, as a text like \"100000.00\"")
	}
	between(p, path+".file_max", b.FileMax, 1, 100000)
	for n, x := range b.PayeeAlerts {
		oneOf(p, fmt.Sprintf("%s.payee_alerts[%d]", path, n), x, payeeResults...)
	}
	b.checkAddress(p, path)
}

func (b BankAccount) checkAddress(p *problems, path string) {
	oneOf(p, path+".send_address", b.SendAddress, addressNever, addressOutside, addressAlways)
	if b.SendAddress == addressNever {
		return
	}
	for _, x := range [][2]string{{".town", b.Town}, {".country", b.Country}} {
		if x[1] == "" {
			p.add(path+x[0], "must be set with send_address = %q: banks take an address only with its town and country", b.SendAddress)
		}
	}
	if b.Country != "" && (len(b.Country) != 2 || strings.ToUpper(b.Country) != b.Country) {
		p.add(path+".country", "must be two letters in upper case, like DE")
	}
}

func (b BankAccount) checkDay(p *problems, path string) {
	if _, err := time.LoadLocation(b.Zone); err != nil {
		p.add(path+".zone", "must be a time zone like Europe/Berlin")
	}
	for _, x := range [][2]string{{".opens", b.Opens}, {".cut_off", b.CutOff}} {
		if _, err := time.Parse("15:04", x[1]); err != nil || len(x[1]) != 5 {
			p.add(path+x[0], "must be hours and minutes like \"14:30\"")
		}
	}
	if b.Opens >= b.CutOff {
		p.add(path+".opens", "must be before cut_off")
	}
	span(p, path+".collect", b.Collect, 0, 12*time.Hour)
	span(p, path+".poll", b.Poll, 10*time.Millisecond, time.Hour)
	span(p, path+".quiet_for", b.QuietFor, 0, time.Hour)
}

func (b BankAccount) checkChannel(p *problems, path string) {
	switch {
	case (b.Folder == "") == (b.SFTP == ""):
		p.add(path+".folder", "must be set, or sftp instead")
	case b.SFTP != "":
		hostPort(p, path+".sftp", b.SFTP)
		if b.User == "" || b.Password.IsZero() == b.Key.IsZero() {
			p.add(path+".user", "needs user, and password or key")
		}
		if len(b.HostKeys) == 0 {
			p.add(path+".host_keys", "must have the server's key: without it anybody could take the orders")
		}
		if b.Local == "" {
			p.add(path+".local", "must be a folder for copies of what is sent and taken in")
		}
	}
}
