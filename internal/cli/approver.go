package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"sluice/internal/bank/iban"
	"sluice/internal/config"
	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/signer/approval"
	"sluice/internal/signer/build"
)

// approverCmd is for the person, or the machine, whose agreement a signer wants. It
// belongs on another machine than the server.
type approverCmd struct {
	Keygen approverKeygenCmd `cmd:"" help:"Make the key of an approver."`
	Sign   approverSignCmd   `cmd:"" help:"Agree to one payout. What is agreed to is shown first."`
}

type approverKeygenCmd struct {
	Path string `arg:"" help:"The file of the secret key. It is never overwritten."`
}

// Run implements the command.
func (c *approverKeygenCmd) Run(e *env) error {
	secret, public, err := approval.NewKey()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.Conflict, "exists", "%s exists and is left as it is", c.Path)
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "cannot_write", "the key cannot be written; choose another path")
	}
	if _, err = f.Write(secret); err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return e.print(map[string]string{"file": c.Path, "public": public}, func(w io.Writer) {
		printer{w}.f("wrote %s\npublic key: %s\n\nNext: put the public key into approvals.keys of the signer's configuration.\n", c.Path, public)
	})
}

type approverSignCmd struct {
	ID    string `arg:"" help:"The withdrawal, wd_..."`
	Key   string `required:"" placeholder:"PATH" help:"File of the approver's secret key."`
	Scale int    `required:"" help:"Decimals of the currency that is paid: USDT 6, ETH 18. Never taken from the server, which could shift the point."`
	URL   string `name:"url" placeholder:"URL" help:"Ask this server what the withdrawal is; needs SLUICE_API_KEY in the environment."`
	Coin  string `placeholder:"CHAIN" help:"On a coin network: its chain, like bitcoin."`
	IBAN  string `name:"iban" placeholder:"IBAN" help:"At a bank: the number of the account that is paid, all of it. A server shows its ends only, which must be those of it."`
	Send  bool   `help:"With --url: give the approval to the server."`
	Yes   bool   `short:"y" help:"Do not ask; what is agreed to is still shown."`

	Network string `placeholder:"NAME" help:"Without --url: where it is paid."`
	Asset   string `placeholder:"CODE" help:"Without --url: what is paid."`
	Amount  string `placeholder:"AMOUNT" help:"Without --url: how much, in whole units like 12.50."`
	Address string `placeholder:"ADDRESS" help:"Without --url: to whom."`
}

// payment is what an approver agrees to, as people write it.
type payment struct {
	Ref     string `json:"withdrawal"`
	Network string `json:"network"`
	Asset   string `json:"currency"`
	Amount  string `json:"amount"`
	Address string `json:"address"`
}

// Run implements the command.
func (c *approverSignCmd) Run(e *env) error {
	text, err := os.ReadFile(c.Key)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "no_key", "the key %s cannot be read; `sluice approver keygen` makes one", c.Key)
	}
	key, err := approval.ParseKey(text)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "no_key", "%s is no key of an approver", c.Key)
	}
	p := payment{Ref: c.ID, Network: c.Network, Asset: c.Asset, Amount: c.Amount, Address: c.Address}
	if c.URL != "" {
		if p, err = c.fetch(e); err != nil {
			return err
		}
	}
	if c.IBAN != "" || rail.Hidden(p.Address) {
		if p.Address, err = c.account(p.Address); err != nil {
			return err
		}
	}
	s, err := p.statement(c.Coin, c.Scale)
	if err != nil {
		return err
	}
	if err := c.agree(e, p, s); err != nil {
		return err
	}
	proof := approval.Sign(key, s, time.Now())
	if c.Send {
		if err := c.send(e, proof); err != nil {
			return err
		}
	}
	return e.print(map[string]any{"payment": p, "approval": proof}, func(w io.Writer) { printer{w}.line(proof) })
}

// account is the number of the bank account that is paid, held against what a server shows
// of it.
func (c *approverSignCmd) account(shown string) (string, error) {
	number, err := iban.Parse(c.IBAN)
	switch {
	case c.IBAN == "":
		return "", fault.New(fault.Invalid, "usage", "the server shows %s of the account: give all of its number with --iban, from whoever asked for the payout", shown)
	case err != nil:
		return "", err
	case shown != "" && shown != rail.Hide(number.Ends()):
		return "", fault.New(fault.Refused, "another_account", "the withdrawal goes to an account that is shown as %s, and not to the one of --iban: ask who has changed it", shown)
	}
	return number.String(), nil
}

func (p payment) statement(coin string, scale int) (approval.Statement, error) {
	for name, v := range map[string]string{"network": p.Network, "asset": p.Asset, "amount": p.Amount, "address": p.Address} {
		if v == "" {
			return approval.Statement{}, fault.New(fault.Invalid, "usage", "--%s is needed, or --url to ask a server", name)
		}
	}
	asset := money.Asset{Code: p.Asset, Scale: scale}
	if err := asset.Validate(); err != nil {
		return approval.Statement{}, err
	}
	amount, err := asset.Parse(p.Amount)
	if err != nil {
		return approval.Statement{}, err
	}
	if number, err := iban.Parse(p.Address); err == nil && coin == "" {
		return approval.Statement{Network: p.Network, Ref: p.Ref, Asset: p.Asset, Amount: amount, To: []byte(number.String())}, nil
	}
	to, err := build.Recipient(coin, p.Address)
	return approval.Statement{Network: p.Network, Ref: p.Ref, Asset: p.Asset, Amount: amount, To: to}, err
}

// agree shows what is agreed to and asks.
func (c *approverSignCmd) agree(e *env, p payment, s approval.Statement) error {
	out := printer{e.Stderr}
	out.f("Approve this payout?\n  withdrawal  %s\n  network     %s\n  amount      %s %s (%s minor units)\n  to          %s\n",
		p.Ref, p.Network, p.Amount, p.Asset, s.Amount.Minor(), p.Address)
	if c.Yes {
		return nil
	}
	out.text("Compare it with what you were asked for, then type yes: ")
	line, err := bufio.NewReader(e.Stdin).ReadString('\n')
	if strings.TrimSpace(line) != "yes" {
		return errors.Join(fault.New(fault.Refused, "not_approved", "not approved: nothing was signed"), ignoreEOF(err))
	}
	return nil
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// asked is what is read of a withdrawal: what leaves, and to whom.
type asked struct {
	ID      string `json:"id"`
	Receive struct {
		Currency string `json:"currency"`
		Amount   string `json:"amount"`
	} `json:"receive"`
	Destination struct {
		Network string `json:"network"`
		Address string `json:"address"`
	} `json:"destination"`
}

// fetch asks the server, with a merchant's key or one of the operator's. The machine of an
// approver is upgraded by itself: older servers show the operator only what is in review.
func (c *approverSignCmd) fetch(e *env) (payment, error) {
	var w asked
	if err := c.call(e, http.MethodGet, "/v1/withdrawals/"+url.PathEscape(c.ID), nil, &w); err != nil {
		var list struct {
			Data []struct {
				Withdrawal asked `json:"withdrawal"`
			} `json:"data"`
		}
		if c.call(e, http.MethodGet, "/v1/review", nil, &list) != nil {
			return payment{}, err
		}
		for _, r := range list.Data {
			if r.Withdrawal.ID == c.ID {
				w = r.Withdrawal
			}
		}
		if w.ID == "" {
			return payment{}, err
		}
	}
	if w.ID != c.ID {
		return payment{}, fault.New(fault.Refused, "server_refuses", "the server answers with another withdrawal, %s", w.ID)
	}
	return payment{Ref: w.ID, Network: w.Destination.Network, Asset: w.Receive.Currency, Amount: w.Receive.Amount, Address: w.Destination.Address}, nil
}

// send gives the proof to the server. With a key of the operator it also ends a review; with
// a merchant's it is only added.
func (c *approverSignCmd) send(e *env, proof string) error {
	if c.URL == "" {
		return fault.New(fault.Invalid, "usage", "--send needs --url")
	}
	var who struct {
		Merchant *string `json:"merchant"`
	}
	_ = c.call(e, http.MethodGet, "/v1/ping", nil, &who) // the next request says what is wrong
	path := "/v1/review/" + url.PathEscape(c.ID) + "/approve"
	if who.Merchant != nil {
		path = "/v1/withdrawals/" + url.PathEscape(c.ID) + "/approval"
	}
	return c.call(e, http.MethodPost, path, map[string]string{"approval": proof}, nil)
}

// answerMax is the longest answer of a server that is read.
const answerMax = 4 << 20

func (c *approverSignCmd) call(e *env, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(e.ctx, 30*time.Second)
	defer cancel()
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.URL, "/")+path, bytes.NewReader(text))
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "usage", "--url is no URL")
	}
	for _, kv := range e.Environ {
		if v, ok := strings.CutPrefix(kv, config.EnvAPIKey+"="); ok {
			r.Header.Set("Authorization", "Bearer "+v)
		}
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "no_server", "the server at %s does not answer", c.URL)
	}
	defer answer.Body.Close() //nolint:errcheck // read only
	text, err = io.ReadAll(io.LimitReader(answer.Body, answerMax))
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "no_server", "the server's answer breaks off")
	}
	if answer.StatusCode/100 != 2 {
		var problem struct {
			Detail string `json:"detail"`
		}
		_ = json.Unmarshal(text, &problem) // the status says enough
		return fault.New(fault.Refused, "server_refuses", "the server answers %s to %s: %s", answer.Status, path, problem.Detail)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("the server's answer to %s cannot be read: %w", path, err)
	}
	return nil
}
