package coinspaid

import (
	"context"
	"net/http"

	"sluice/internal/account"
	"sluice/internal/alias"
	"sluice/internal/commit"
	"sluice/internal/credential"
	"sluice/internal/dialect"
	"sluice/internal/id"
	"sluice/internal/rail"
	"sluice/internal/withdrawal"
)

// The words of the wire for how far something is.
const (
	statusOpen      = "not_confirmed"
	statusPending   = "pending"
	statusConfirmed = "confirmed"
	statusDeclined  = "declined"
	statusCancelled = "cancelled"
)

// statusOf is the status of a withdrawal as it is now. early says that it counts as
// confirmed once the network has it.
func statusOf(x withdrawal.Withdrawal, early bool) string {
	switch x.State {
	case withdrawal.Review:
		return statusPending
	case withdrawal.Processing:
		if early && (x.Stage == rail.StageSent || x.Stage == rail.StageMined) {
			return statusConfirmed
		}
	case withdrawal.Confirmed, withdrawal.Returned:
		return statusConfirmed
	case withdrawal.Rejected:
		// A person looked at it: the wire has another word for that.
		if x.Review != "" {
			return statusDeclined
		}
		return statusCancelled
	case withdrawal.Cancelled, withdrawal.Failed:
		return statusCancelled
	case withdrawal.New, withdrawal.Queued:
	}
	return statusOpen
}

// reasonOf is why a withdrawal was not paid.
func reasonOf(x withdrawal.Withdrawal) string {
	switch x.State {
	case withdrawal.Cancelled:
		return "Cancelled by the merchant"
	case withdrawal.Rejected, withdrawal.Failed:
		if s := tame(x.Reason); s != "" {
			return s
		}
		return "The withdrawal was not paid"
	case withdrawal.New, withdrawal.Review, withdrawal.Queued, withdrawal.Processing, withdrawal.Confirmed, withdrawal.Returned:
	}
	return ""
}

// shape is how objects are written for one merchant.
type shape struct {
	old      bool // the wire before 2024
	noTxid   bool // leave out a txid that is not there
	early    bool // confirmed once the network has it
	progress bool // callbacks with the status not_confirmed
}

func shapeOf(p *dialect.Party) shape {
	var c credential.Credential
	c.Dialect = Name
	if p != nil {
		c = p.Credential
	}
	return shape{
		old: c.Option("generation") == "old", noTxid: c.Option("omit_null_txid") == "on", early: c.Option("confirm_on") == "broadcast",
		progress: c.Option("not_confirmed") == "on",
	}
}

// withdrawal writes a withdrawal with a status: what callbacks send and look-ups answer.
func (d *Dialect) withdrawal(s shape, x withdrawal.Withdrawal, number int64, status string) []byte {
	w := &writer{}
	w.open().number("id", number).text("foreign_id", x.ForeignID)
	if ref := reference(x); ref != "" && !s.old {
		w.text("end_user_reference", ref)
	}
	w.text("type", typeOf(x))
	d.address(w, s, x, number)
	ended := status == statusCancelled || status == statusDeclined
	if !ended {
		sender, receiver := d.sides(x)
		w.key("currency_sent").open().text("currency", sender).text("amount", eight(d.Assets()[x.Currency], x.Amount, false)).close()
		w.key("currency_received").open().text("currency", receiver).text("amount", eight(d.Assets()[x.ReceiveCurrency], x.Receive, false)).close()
	}
	w.key("transactions").list()
	switch {
	case !x.Converted() || ended:
		d.chain(w, s, x, number)
	case s.old:
		d.exchanged(w, x, number)
		d.chain(w, s, x, number)
	default:
		d.chain(w, s, x, number)
		d.exchanged(w, x, number)
	}
	w.end()
	d.fees(w, s, x, status)
	w.text("error", reasonOf(x)).text("status", status).close()
	return w.b
}

// address writes where the money goes.
func (d *Dialect) address(w *writer, s shape, x withdrawal.Withdrawal, number int64) {
	sender, receiver := d.sides(x)
	w.key("crypto_address").open().number("id", number)
	if x.Converted() && s.old {
		w.text("currency", sender).text("convert_to", receiver)
	} else {
		w.text("currency", receiver)
	}
	w.text("address", x.Canonical).maybe("tag", x.Tag).close()
}

// chain writes the transaction on the chain. Numbers of transactions are two for each
// withdrawal, so that both kinds have their own.
func (d *Dialect) chain(w *writer, s shape, x withdrawal.Withdrawal, number int64) {
	_, receiver := d.sides(x)
	w.open().number("id", 2*number-1).text("currency", receiver).text("transaction_type", "blockchain").text("type", "withdrawal").
		text("address", x.Canonical).maybe("tag", x.Tag).text("amount", eight(d.Assets()[x.ReceiveCurrency], x.Receive, false))
	if x.TxID != "" || !s.noTxid {
		w.maybe("txid", x.TxID)
	}
	seen := "0"
	if x.State == withdrawal.Confirmed || x.State == withdrawal.Returned || x.Stage == rail.StageMined {
		seen = "1" // at least: how many there were at the end is not kept
	}
	w.text("confirmations", seen).close()
}

// exchanged writes the exchange on the way.
func (d *Dialect) exchanged(w *writer, x withdrawal.Withdrawal, number int64) {
	sender, receiver := d.sides(x)
	w.open().number("id", 2*number).text("currency", sender).text("currency_to", receiver).text("transaction_type", "exchange").text("type", "exchange").
		text("amount", eight(d.Assets()[x.Currency], x.Amount, false)).text("amount_to", eight(d.Assets()[x.ReceiveCurrency], x.Receive, false)).
		text("confirmations", "0").close()
}

// fees writes what was charged. Before the end it is not known, and one that was not
// paid costs nothing.
func (d *Dialect) fees(w *writer, s shape, x withdrawal.Withdrawal, status string) {
	w.key("fees").list()
	if status == statusConfirmed {
		sender, _ := d.sides(x)
		asset := d.Assets()[x.Currency]
		word := map[bool][2]string{false: {"fee_crypto_withdrawal", "withdrawal"}, true: {"fee_crypto_exchange_to_crypto", "exchange"}}[x.Converted()]
		if !x.NetworkCharge.IsZero() {
			w.open().text("type", "mining").text("currency", sender).text("amount", eight(asset, x.NetworkCharge, true)).close()
		}
		if !x.Fee.IsZero() {
			name := word[0]
			if s.old {
				name = word[1]
			}
			w.open().text("type", name).text("currency", sender).text("amount", eight(asset, x.Fee, true)).close()
		}
	}
	w.end()
}

// conversion writes an exchange inside the account.
func (d *Dialect) conversion(s shape, x account.Conversion, number int64) []byte {
	from, to := d.Assets()[x.SendCurrency], d.Assets()[x.ReceiveCurrency]
	sender, receiver := d.named(x.SendCurrency, ""), d.named(x.ReceiveCurrency, "")
	sent, got := eight(from, x.Send, true), eight(to, x.Receive, false)
	w := &writer{}
	w.open().number("id", number).text("type", kindExchange)
	w.key("currency_sent").open().text("currency", sender).text("amount", sent).close()
	w.key("currency_received").open().text("currency", receiver).text("amount", got).close()
	w.key("transactions").list().open().number("id", 2*number).text("currency", sender).text("currency_to", receiver).text("transaction_type", "exchange").
		text("type", "exchange").text("amount", sent).text("amount_to", got).text("confirmations", "0").close().end()
	w.key("fees").list()
	if !x.Fee.IsZero() {
		name := "fee_crypto_exchange_to_crypto"
		if s.old {
			name = "exchange"
		}
		w.open().text("type", name).text("currency", sender).text("amount", eight(from, x.Fee, true)).close()
	}
	w.end().text("error", "").text("status", statusConfirmed).close()
	return w.b
}

// numberOf is the number of a row; one that was made on another way gets it now.
func (d *Dialect) numberOf(ctx context.Context, owner id.ID, ref id.Seq, kind string) (int64, error) {
	a, found, err := d.Reads.Alias(ctx, owner, Name, ref)
	if err != nil {
		return 0, dialect.Unavailable(err)
	}
	if !found {
		a, err = commit.Do[alias.Alias](ctx, d.Loop, owner.Shard, alias.Give{Key: alias.Key{Merchant: owner.Seq, Wire: Name, Ref: ref}, Kind: kind})
	}
	return a.Number, err
}

// info answers how far one transaction is.
func (d *Dialect) info(c *call) (int, []byte, error) {
	var given []string
	for _, f := range []string{"id", "foreign_id", "txid"} {
		if c.req.has(f) {
			given = append(given, f)
		}
	}
	if len(given) == 0 {
		return 0, nil, invalid("id", "One of id, foreign id and txid is required.")
	}
	field := given[0]
	missing := fields(http.StatusNotFound, fieldError{field, "The transaction is not found."})
	if len(given) > 1 {
		return 0, nil, fields(http.StatusNotFound, fieldError{given[1], "Only one of id, foreign id and txid may be given."})
	}
	var x withdrawal.Withdrawal
	var found bool
	var err error
	switch field {
	case "id":
		return d.byNumber(c, c.req.integer(field), missing)
	case "foreign_id":
		if text := c.req.text(field, true, textMax); text != "" {
			x, found, err = d.Reads.WithdrawalByForeignID(c.ctx(), c.Merchant, text)
		}
	case "txid":
		if text := c.req.text(field, true, textMax); text != "" {
			var rows []withdrawal.Withdrawal
			if rows, err = d.Reads.WithdrawalsByTxID(c.ctx(), c.Merchant, text, 1); len(rows) > 0 {
				x, found = rows[0], true
			}
		}
	}
	if err != nil {
		return 0, nil, dialect.Unavailable(err)
	}
	if !found || rail.Hidden(x.Canonical) { // this wire cannot say what goes to banks
		return 0, nil, missing
	}
	number, err := d.numberOf(c.ctx(), c.Merchant, x.Seq, kindWithdrawal)
	if err != nil {
		return 0, nil, err
	}
	s := shapeOf(c.Party)
	return http.StatusOK, d.withdrawal(s, x, number, statusOf(x, s.early)), nil
}

// byNumber answers for an id of the wire.
func (d *Dialect) byNumber(c *call, number int64, missing *refusal) (int, []byte, error) {
	if number == 0 || number > alias.Max {
		return 0, nil, missing
	}
	a, found, err := d.Reads.AliasByNumber(c.ctx(), c.Merchant, Name, number)
	if err != nil || !found {
		return 0, nil, or(dialect.Unavailable(err), missing)
	}
	at, s := id.ID{Shard: c.Merchant.Shard, Seq: a.Ref}, shapeOf(c.Party)
	if a.Kind == kindExchange {
		x, found, err := d.Reads.Conversion(c.ctx(), at)
		if err != nil || !found {
			return 0, nil, or(dialect.Unavailable(err), missing)
		}
		return http.StatusOK, d.conversion(s, x, number), nil
	}
	x, found, err := d.Reads.Withdrawal(c.ctx(), at)
	if err != nil || !found || x.Merchant != c.Merchant.Seq {
		return 0, nil, or(dialect.Unavailable(err), missing)
	}
	return http.StatusOK, d.withdrawal(s, x, number, statusOf(x, s.early)), nil
}

func or(err error, otherwise *refusal) error {
	if err != nil {
		return err
	}
	return otherwise
}
