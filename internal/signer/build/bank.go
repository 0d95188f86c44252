package build

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"sluice/internal/bank/message"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/signer"
)

// Bank is the family of accounts at banks, which are paid from by files of payment orders
// (pain.001). No key signs them: what the signer gives is the file that it agreed to.
const Bank = "bank"

// buildBank reads the file of an intent, holds the outputs against it, and gives the file
// as it writes it itself. The slot is the id of the message.
func buildBank(n signer.Network, in signer.Intent) (signer.Unsigned, error) {
	switch {
	case n.Account == "" || in.Wallet != n.Account:
		return signer.Unsigned{}, refuse("sign_wallet", "%q is not the account that %s pays from", in.Wallet, n.Name)
	case in.Cancel:
		return signer.Unsigned{}, refuse("sign_cancel", "an order to a bank cannot be taken back by another one")
	case len(in.Inputs) > 0 || len(in.Previous) > 0 || !in.Change.Amount.IsZero() || in.ChainID != 0 || in.Nonce != 0 || in.Gas != 0 ||
		in.GasEach != 0 || len(in.Vault) > 0 || !in.FeeCap.IsZero() || !in.TipCap.IsZero():
		return signer.Unsigned{}, refuse("sign_outputs", "a bank has no coins, no nonce, no gas and no vault")
	}
	// ReadOrder takes nothing but what Encode writes, byte for byte: the file is what is read.
	o, err := message.ReadOrder(in.File)
	if err != nil {
		return signer.Unsigned{}, fault.Wrap(err, fault.Refused, "sign_file", "signer: the file is no order that it writes: %s", fault.Of(err).Message)
	}
	if err := payments(n, in.Outputs, o); err != nil {
		return signer.Unsigned{}, err
	}
	content, err := at(o, someday).Encode()
	if err != nil {
		return signer.Unsigned{}, refuse("sign_file", "the order cannot be written: %s", fault.Of(err).Message)
	}
	return unsignedOrder(o, sha256.Sum256(content))
}

// payments holds outputs against the payments of an order: each in its place, all of them,
// and from the network's account alone.
func payments(n signer.Network, outputs []signer.Output, o message.Order) error {
	place := 0
	for _, b := range o.Batches {
		if b.Debtor.IBAN.String() != n.Account {
			return refuse("sign_wallet", "the order pays from another account than that of %s", n.Name)
		}
		for _, p := range b.Payouts {
			if place >= len(outputs) {
				return refuse("sign_outputs", "the order has more payments than the intent has recipients: %d", len(outputs))
			}
			out := outputs[place]
			place++
			switch {
			case out.Ref != string(id.Withdrawal)+"_"+p.EndToEndID:
				return refuse("sign_outputs", "payment %d of the order is not %s", place, out.Ref)
			case out.Asset != message.Euro.Code || out.Amount != p.Amount:
				return refuse("sign_amount", "payment %d of the order is of %s %s (minor units), its recipient is to get %s %s", place, p.Amount, message.Euro.Code, out.Amount, out.Asset)
			case !bytes.Equal(out.To, []byte(p.Creditor.IBAN.String())):
				return refuse("sign_recipient", "payment %d of the order goes to another account than its recipient's", place)
			case len(out.Token) > 0:
				return refuse("sign_token", "a bank has no tokens")
			}
		}
	}
	if place != len(outputs) {
		return refuse("sign_outputs", "the order has %d payments, the intent %d recipients", place, len(outputs))
	}
	return nil
}

// unsignedOrder is an order whose time of creation and days of execution may still be set
// to those with which it was agreed to first.
func unsignedOrder(o message.Order, content [sha256.Size]byte) (signer.Unsigned, error) {
	file, err := o.Encode()
	if err != nil {
		return signer.Unsigned{}, refuse("sign_file", "the order cannot be written: %s", fault.Of(err).Message)
	}
	hash := sha256.Sum256(file)
	return signer.Unsigned{
		Hash: hex.EncodeToString(hash[:]), Order: o.ID, Content: content, Moment: momentOf(o),
		At: func(text string) (signer.Unsigned, error) {
			m, err := parseMoment(text)
			if err != nil || len(m.days) != len(o.Batches) {
				return signer.Unsigned{}, fault.Wrap(err, fault.Internal, "sign_failed", "%q is no time of an order with %d batches", text, len(o.Batches))
			}
			return unsignedOrder(at(o, m), content)
		},
		Finish: func([][]byte) (signer.Signed, error) { return signer.Signed{TxID: o.ID, Raw: file}, nil },
	}, nil
}

// moment is what of an order depends on when it was made: the time of creation, and the day
// of execution of each batch.
type moment struct {
	created time.Time
	days    []message.Day // one for each batch, or one for all
}

// someday stands for every moment: orders that differ in nothing else are one order.
var someday = moment{time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC), []message.Day{"2024-01-02"}}

func at(o message.Order, m moment) message.Order {
	o.CreatedAt = m.created
	batches := o.Batches
	o.Batches = nil
	for n, b := range batches {
		b.Day = m.days[min(n, len(m.days)-1)]
		o.Batches = append(o.Batches, b)
	}
	return o
}

func momentOf(o message.Order) string {
	parts := []string{o.CreatedAt.UTC().Format(time.RFC3339)}
	for _, b := range o.Batches {
		parts = append(parts, string(b.Day))
	}
	return strings.Join(parts, " ")
}

func parseMoment(text string) (m moment, err error) {
	parts := strings.Fields(text)
	if len(parts) < 2 {
		return m, fault.New(fault.Internal, "sign_failed", "a time and a day are missing")
	}
	if m.created, err = time.Parse(time.RFC3339, parts[0]); err != nil {
		return m, err
	}
	for _, p := range parts[1:] {
		day, err := message.ParseDay(p)
		if err != nil {
			return m, err
		}
		m.days = append(m.days, day)
	}
	return m, nil
}
