package bank

import (
	"fmt"

	"sluice/internal/bank/code"
	"sluice/internal/bank/match"
	"sluice/internal/bank/message"
	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/ledger"
)

// EndToEnd is the end-to-end id of a withdrawal: the digits of its public id, which
// fit the 35 characters and the character set that every bank takes.
func EndToEnd(ref string) (string, id.ID, error) {
	at, err := id.Parse(id.Withdrawal, ref)
	if err != nil {
		return "", at, err
	}
	return ref[len(string(id.Withdrawal))+1:], at, nil
}

// RefOf is the public id of the withdrawal that has an end-to-end id.
func RefOf(endToEnd string) string { return string(id.Withdrawal) + "_" + endToEnd }

// withdrawalOf finds the withdrawal of an end-to-end id.
func withdrawalOf(endToEnd string) (id.ID, error) { return id.Parse(id.Withdrawal, RefOf(endToEnd)) }

// Record keeps an order before it is handed over, so that whatever the bank answers
// finds it. One that is known stays as it is; the same id with other payments breaks
// an invariant.
type Record struct {
	Wallet   string
	Order    message.Order
	Marks    []string // of the recipients' accounts, by place
	Accounts [][]byte // the accounts, sealed
}

// Reads implements commit.Command.
func (c Record) Reads(w *commit.Wants) {
	Orders.Want(w, c.Order.ID)
	for _, n := range c.names() {
		Names.Want(w, n)
	}
}

func (c Record) names() []string { return match.NewOrder(c.Order).Names() }

// Apply implements commit.Command.
func (c Record) Apply(v *commit.View) (Order, error) {
	count, total, err := c.Order.Total()
	if err != nil {
		return Order{}, err
	}
	if o, ok := Orders.Get(v, c.Order.ID); ok {
		if o.Count != int64(count) || o.Total != total || o.Wallet != c.Wallet {
			return Order{}, fmt.Errorf("%w: order %s is known with other payments", commit.ErrInvariant, o.ID)
		}
		return o, nil
	}
	o := Order{
		ID: c.Order.ID, Seq: v.NewID(), Wallet: c.Wallet, Service: string(c.Order.Batches[0].Service), Day: string(c.Order.Batches[0].Day),
		Count: int64(count), Total: total, CreatedAt: v.Now(), Version: 1,
	}
	Orders.Put(v, o)
	for place, p := range match.NewOrder(c.Order).Payments {
		at, err := withdrawalOf(p.EndToEndID)
		if err != nil {
			return Order{}, fmt.Errorf("%w: %w", commit.ErrInvariant, err)
		}
		Payments.Insert(v, Payment{
			PaymentKey: PaymentKey{o.ID, int64(place)}, EndToEnd: p.EndToEndID, Batch: p.BatchID, Instruction: p.InstructionID,
			Shard: int64(at.Shard), Withdrawal: at.Seq, Amount: p.Amount, Creditor: c.Marks[place], Account: c.Accounts[place], State: match.Held, UpdatedAt: v.Now(), Version: 1,
		})
	}
	for _, n := range c.names() {
		if known, ok := Names.Get(v, n); ok {
			if known.Order != o.ID {
				return Order{}, fmt.Errorf("%w: %s of order %s belongs to order %s", commit.ErrInvariant, n, o.ID, known.Order)
			}
			continue // a batch has one name for all its payments
		}
		Names.Put(v, Name{n, o.ID})
	}
	return o, nil
}

// Handed notes that the bank could take the file of an order.
type Handed struct{ Order string }

// Reads implements commit.Command.
func (c Handed) Reads(w *commit.Wants) { Orders.Want(w, c.Order) }

// Apply implements commit.Command.
func (c Handed) Apply(v *commit.View) (Order, error) {
	o, ok := Orders.Get(v, c.Order)
	if !ok {
		return Order{}, fault.New(fault.NotFound, "order_not_found", "no such order")
	}
	if o.HandedAt.IsZero() {
		o.HandedAt, o.Version = v.Now(), o.Version+1
		Orders.Put(v, o)
	}
	return o, nil
}

// Returned notes that the return of a payment was told to its withdrawal.
type Returned struct{ PaymentKey }

// Reads implements commit.Command.
func (c Returned) Reads(w *commit.Wants) { Payments.Want(w, c.PaymentKey) }

// Apply implements commit.Command.
func (c Returned) Apply(v *commit.View) (Payment, error) {
	p, ok := Payments.Get(v, c.PaymentKey)
	if !ok || p.State != match.Returned {
		return Payment{}, fault.New(fault.Conflict, "not_returned", "the payment has not come back")
	}
	if !p.Told {
		p.Told, p.UpdatedAt, p.Version = true, v.Now(), p.Version+1
		Payments.Put(v, p)
	}
	return p, nil
}

// onOrder addresses an order with all its payments.
type onOrder struct {
	Order string
	Count int64 // as Order.Count, which never changes
}

// Reads implements commit.Command.
func (c onOrder) Reads(w *commit.Wants) {
	if c.Order == "" {
		return
	}
	Orders.Want(w, c.Order)
	for n := range c.Count {
		Payments.Want(w, PaymentKey{c.Order, n})
	}
}

// load builds what match works on.
func (c onOrder) load(v *commit.View) (Order, match.Order, error) {
	o, ok := Orders.Get(v, c.Order)
	if !ok || o.Count != c.Count {
		return o, match.Order{}, fmt.Errorf("%w: order %s is not what its reader thinks", commit.ErrInvariant, c.Order)
	}
	m := match.Order{ID: o.ID}
	var err error
	if m.Waiting, err = decodeBookings(o.Waiting); err != nil {
		return o, m, err
	}
	for n := range o.Count {
		p, ok := Payments.Get(v, PaymentKey{o.ID, n})
		if !ok {
			return o, m, fmt.Errorf("%w: order %s has no payment %d", commit.ErrInvariant, o.ID, n)
		}
		x, err := p.facts()
		if err != nil {
			return o, m, err
		}
		m.Payments = append(m.Payments, x)
	}
	return o, m, nil
}

// facts is the payment as match knows it. Its creditor is not compared.
func (p Payment) facts() (match.Payment, error) {
	debit, credit, err := decodeEvidence(p.Evidence)
	return match.Payment{
		BatchID: p.Batch, InstructionID: p.Instruction, EndToEndID: p.EndToEnd, Amount: p.Amount,
		State: p.State, Status: code.Status(p.Status), Payee: code.Payee(p.Payee), ServicerRef: p.ServicerRef, Rejected: p.Rejected, Reason: p.Reason, Debit: debit, Credit: credit,
	}, err
}

// save writes what has changed of an order and its payments.
func (c onOrder) save(v *commit.View, o Order, m match.Order) {
	if kept := encodeBookings(m.Waiting); string(kept) != string(o.Waiting) {
		o.Waiting, o.Version = kept, o.Version+1
		Orders.Put(v, o)
	}
	for n, x := range m.Payments {
		savePayment(v, PaymentKey{o.ID, int64(n)}, x)
	}
}

// savePayment writes what has changed of a payment.
func savePayment(v *commit.View, key PaymentKey, x match.Payment) {
	p, _ := Payments.Get(v, key)
	now := p
	now.State, now.Status, now.Payee, now.ServicerRef, now.Rejected, now.Reason = x.State, string(x.Status), string(x.Payee), x.ServicerRef, x.Rejected, x.Reason
	now.Evidence = encodeEvidence(x.Debit, x.Credit)
	if now.State == match.Returned {
		now.Back, now.BackReason = x.Credit.Amount(), first(x.Credit.Reason(), x.Reason)
	}
	if now.State == p.State && now.Status == p.Status && now.Payee == p.Payee && now.ServicerRef == p.ServicerRef && now.Rejected == p.Rejected && now.Reason == p.Reason &&
		string(now.Evidence) == string(p.Evidence) {
		return
	}
	now.UpdatedAt, now.Version = v.Now(), p.Version+1
	Payments.Put(v, now)
}

func wantTreasury(w *commit.Wants, wallet string) {
	ledger.WantHouse(w, ledger.Treasury(wallet), Currency.Code)
	ledger.WantHouse(w, ledger.Suspense, Currency.Code)
	ledger.WantHouse(w, ledger.NetworkFees, Currency.Code)
}
