package coinspaid

import (
	"context"
	"net/http"

	"sluice/internal/commit"
	"sluice/internal/dialect"
	"sluice/internal/dialect/alias"
	"sluice/internal/id"
	"sluice/internal/json"
	"sluice/internal/ledger/account"
	"sluice/internal/merchant/credential"
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
		if s := plainASCII(x.Reason); s != "" {
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
	samples  bool // words of fees and the type of confirmations as in the vendor's samples
	noTxid   bool // leave out a txid that is not there
	early    bool // confirmed once the network has it
	progress bool // callbacks with the status not_confirmed
}

func shapeOf(c credential.Credential) shape {
	c.Dialect = Name
	return shape{
		old: c.Option("generation") == "old", samples: c.Option("callback_words") == "samples", noTxid: c.Option("omit_null_txid") == "on",
		early: c.Option("confirm_on") == "broadcast", progress: c.Option("not_confirmed") == "on",
	}
}

// feeWord is what a processing fee is called.
func (s shape) feeWord(exchanged bool) string {
	switch {
	case exchanged && (s.old || s.samples):
		return "exchange"
	case exchanged:
		return "fee_crypto_exchange_to_crypto"
	case s.old || s.samples:
		return "withdrawal"
	}
	return "fee_crypto_withdrawal"
}

// seen writes how often a transaction was confirmed, as far as that is known.
func (s shape) seen(w *json.Writer, n string) {
	if s.samples {
		w.Raw("confirmations", n)
		return
	}
	w.Text("confirmations", n)
}

// withdrawal writes a withdrawal with a status: what callbacks send and look-ups answer.
func (d *Dialect) withdrawal(s shape, p payment, status string) []byte {
	w := &json.Writer{}
	w.Open().Int("id", p.number).Text("foreign_id", p.ForeignID)
	if ref := reference(p.Withdrawal); ref != "" && !s.old {
		w.Text("end_user_reference", ref)
	}
	w.Text("type", p.kind)
	address(w, s, p)
	ended := status == statusCancelled || status == statusDeclined
	if !ended {
		w.Key("currency_sent").Open().Text("currency", p.sender).Text("amount", eightPlaces(d.Assets()[p.Currency], p.Amount, false)).Close()
		w.Key("currency_received").Open().Text("currency", p.receiver).Text("amount", eightPlaces(d.Assets()[p.ReceiveCurrency], p.Receive, false)).Close()
	}
	w.Key("transactions").List()
	switch {
	case !p.exchanged() || ended:
		d.chain(w, s, p)
	case s.old:
		d.exchanged(w, s, p)
		d.chain(w, s, p)
	default:
		d.chain(w, s, p)
		d.exchanged(w, s, p)
	}
	w.End()
	d.fees(w, s, p, status)
	w.Text("error", reasonOf(p.Withdrawal)).Text("status", status).Close()
	return w.Bytes()
}

// address writes where the money goes.
func address(w *json.Writer, s shape, p payment) {
	w.Key("crypto_address").Open().Int("id", p.number)
	if p.exchanged() && s.old {
		w.Text("currency", p.sender).Text("convert_to", p.receiver)
	} else {
		w.Text("currency", p.receiver)
	}
	w.Text("address", p.Canonical).Maybe("tag", p.Tag).Close()
}

// chain writes the transaction on the chain. Numbers of transactions are two for each
// withdrawal, so that both kinds have their own. Amounts of transactions are exact.
func (d *Dialect) chain(w *json.Writer, s shape, p payment) {
	w.Open().Int("id", 2*p.number-1).Text("currency", p.receiver).Text("transaction_type", "blockchain").Text("type", kindWithdrawal).
		Text("address", p.Canonical).Maybe("tag", p.Tag).Text("amount", exact(d.Assets()[p.ReceiveCurrency], p.Receive))
	if p.TxID != "" || !s.noTxid {
		w.Maybe("txid", p.TxID)
	}
	seen := "0"
	if p.State == withdrawal.Confirmed || p.State == withdrawal.Returned || p.Stage == rail.StageMined {
		seen = "1" // at least: how many there were at the end is not kept
	}
	s.seen(w, seen)
	w.Close()
}

// exchanged writes the exchange on the way.
func (d *Dialect) exchanged(w *json.Writer, s shape, p payment) {
	w.Open().Int("id", 2*p.number).Text("currency", p.sender).Text("currency_to", p.receiver).Text("transaction_type", kindExchange).Text("type", kindExchange).
		Text("amount", exact(d.Assets()[p.Currency], p.Amount)).Text("amount_to", exact(d.Assets()[p.ReceiveCurrency], p.Receive))
	s.seen(w, "0")
	w.Close()
}

// fees writes what was charged. Before the end it is not known, and one that was not
// paid costs nothing.
func (d *Dialect) fees(w *json.Writer, s shape, p payment, status string) {
	w.Key("fees").List()
	asset := d.Assets()[p.Currency]
	if status == statusConfirmed && !p.NetworkCharge.IsZero() {
		w.Open().Text("type", "mining").Text("currency", p.sender).Text("amount", eightPlaces(asset, p.NetworkCharge, true)).Close()
	}
	if status == statusConfirmed && !p.Fee.IsZero() {
		w.Open().Text("type", s.feeWord(p.exchanged())).Text("currency", p.sender).Text("amount", eightPlaces(asset, p.Fee, true)).Close()
	}
	w.End()
}

// conversion writes an exchange inside the account.
func (d *Dialect) conversion(s shape, x account.Conversion, a alias.Alias) []byte {
	from, to, of := d.Assets()[x.SendCurrency], d.Assets()[x.ReceiveCurrency], d.swapped(x, a)
	w := &json.Writer{}
	w.Open().Int("id", a.Number).Text("type", kindExchange)
	w.Key("currency_sent").Open().Text("currency", of.sender).Text("amount", eightPlaces(from, x.Send, true)).Close()
	w.Key("currency_received").Open().Text("currency", of.receiver).Text("amount", eightPlaces(to, x.Receive, false)).Close()
	w.Key("transactions").List().Open().Int("id", 2*a.Number).Text("currency", of.sender).Text("currency_to", of.receiver).Text("transaction_type", kindExchange).
		Text("type", kindExchange).Text("amount", exact(from, x.Send)).Text("amount_to", exact(to, x.Receive))
	s.seen(w, "0")
	w.Close().End()
	w.Key("fees").List()
	if !x.Fee.IsZero() {
		w.Open().Text("type", s.feeWord(true)).Text("currency", of.sender).Text("amount", eightPlaces(from, x.Fee, true)).Close()
	}
	w.End().Text("error", "").Text("status", statusConfirmed).Close()
	return w.Bytes()
}

// numberOf is the number of a row; one that was made on another way gets it now.
func (d *Dialect) numberOf(ctx context.Context, owner id.ID, ref id.Seq, kind string) (alias.Alias, error) {
	a, found, err := d.Reads.Alias(ctx, owner, Name, ref)
	if err != nil {
		return a, dialect.Unavailable(err)
	}
	if !found {
		a, err = commit.Do(ctx, d.Loop, owner.Shard, alias.Give{Key: alias.Key{Merchant: owner.Seq, Wire: Name, Ref: ref}, Kind: kind})
	}
	return a, err
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
	a, err := d.numberOf(c.ctx(), c.Merchant, x.Seq, kindWithdrawal)
	if err != nil {
		return 0, nil, err
	}
	s := shapeOf(c.Credential)
	return http.StatusOK, d.withdrawal(s, d.payment(x, a), statusOf(x, s.early)), nil
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
	at, s := id.ID{Shard: c.Merchant.Shard, Seq: a.Ref}, shapeOf(c.Credential)
	if askingOf(a).kind == kindExchange {
		x, found, err := d.Reads.Conversion(c.ctx(), at)
		if err != nil || !found {
			return 0, nil, or(dialect.Unavailable(err), missing)
		}
		return http.StatusOK, d.conversion(s, x, a), nil
	}
	x, found, err := d.Reads.Withdrawal(c.ctx(), at)
	if err != nil || !found || x.Merchant != c.Merchant.Seq {
		return 0, nil, or(dialect.Unavailable(err), missing)
	}
	return http.StatusOK, d.withdrawal(s, d.payment(x, a), statusOf(x, s.early)), nil
}

func or(err error, otherwise *refusal) error {
	if err != nil {
		return err
	}
	return otherwise
}
