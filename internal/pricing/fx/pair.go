package fx

import (
	"fmt"

	"sluice/internal/fault"
	"sluice/internal/money"
)

// MaxSpread is the largest spread of a pair, in basis points.
const MaxSpread = 5_000

// Pair is what may be exchanged, in one direction, and at what terms.
type Pair struct {
	From       money.Asset  // what the caller gives
	To         money.Asset  // what the caller gets
	Spread     int          // basis points taken off the market's bid, 0 to MaxSpread
	MinSend    money.Amount // the least the caller may give; 0: no minimum
	MaxSend    money.Amount // the most the caller may give at once; 0: no limit
	MinReceive money.Amount // the least the caller may get; 0: no minimum
}

// Validate tells what is wrong with a pair that somebody configured.
func (p Pair) Validate() error {
	if p.From.Code == p.To.Code {
		return fmt.Errorf("pair %s/%s: want two different currencies", p.From.Code, p.To.Code)
	}
	if p.Spread < 0 || p.Spread > MaxSpread {
		return fmt.Errorf("pair %s/%s: spread %d basis points: want 0 to %d", p.From.Code, p.To.Code, p.Spread, MaxSpread)
	}
	if !p.MaxSend.IsZero() && p.MaxSend.Less(p.MinSend) {
		return fmt.Errorf("pair %s/%s: the maximum is below the minimum", p.From.Code, p.To.Code)
	}
	for _, a := range []money.Asset{p.From, p.To} {
		if err := a.Validate(); err != nil {
			return fmt.Errorf("pair %s/%s: %w", p.From.Code, p.To.Code, err)
		}
	}
	return nil
}

// Form says which of the two amounts the caller fixed.
type Form string

// The forms.
const (
	SendForm    Form = "send"    // the caller fixed what it gives; what it gets is rounded down
	ReceiveForm Form = "receive" // the caller fixed what it gets; what it gives is rounded up
)

// Deal is an exchange with both amounts fixed.
type Deal struct {
	From, To money.Asset
	Form     Form
	Send     money.Amount
	Receive  money.Amount
	Rate     Rate   // what the amounts were computed with: the market's bid less the spread
	Market   Market // what the market said
}

// Price is what the amounts come to, receive per one of send, rounded half up to
// the given number of decimals. It is what a caller sees and may send back.
func (d Deal) Price(decimals int) string {
	return Effective(d.From, d.Send, d.To, d.Receive).Text(decimals)
}

// Check tells whether the amounts follow from the rate: the caller gets no more
// than what it gives is worth. Whoever books a deal checks it again.
func (d Deal) Check() error {
	if d.Send.IsZero() || d.Receive.IsZero() {
		return fault.New(fault.Internal, "deal_broken", "an exchange with an amount of zero")
	}
	if d.Rate.Cmp(d.Market.Bid) > 0 {
		return fault.New(fault.Internal, "deal_broken", "an exchange above the price of the market")
	}
	// The least that pays for it, and not what the given is worth: where the smallest unit
	// given is worth very much, that does not fit an amount, and the deal is fine.
	least, err := d.Rate.Inverse().Convert(d.To, d.From, d.Receive, Up)
	if err != nil {
		return err
	}
	if d.Send.Less(least) {
		return fault.New(fault.Internal, "deal_broken", "an exchange that gives more than it takes")
	}
	return nil
}

// Send makes the deal in which the caller gives exactly amount. The market must be
// that of From in To.
func (p Pair) Send(m Market, amount money.Amount) (Deal, error) {
	rate, err := p.rate(m)
	if err != nil {
		return Deal{}, err
	}
	receive, err := rate.Convert(p.From, p.To, amount, Down)
	if err != nil {
		return Deal{}, err
	}
	return p.checked(Deal{From: p.From, To: p.To, Form: SendForm, Send: amount, Receive: receive, Rate: rate, Market: m})
}

// Receive makes the deal in which the caller gets exactly amount.
func (p Pair) Receive(m Market, amount money.Amount) (Deal, error) {
	rate, err := p.rate(m)
	if err != nil {
		return Deal{}, err
	}
	send, err := rate.Inverse().Convert(p.To, p.From, amount, Up)
	if err != nil {
		return Deal{}, err
	}
	return p.checked(Deal{From: p.From, To: p.To, Form: ReceiveForm, Send: send, Receive: amount, Rate: rate, Market: m})
}

// rate is what the caller is dealt at.
func (p Pair) rate(m Market) (Rate, error) {
	if m.Base != p.From.Code || m.Quote != p.To.Code {
		return Rate{}, fmt.Errorf("the market of %s/%s does not price %s/%s", m.Base, m.Quote, p.From.Code, p.To.Code)
	}
	if m.Bid.IsZero() {
		return Rate{}, ErrNoRate
	}
	return m.Bid.Less(p.Spread)
}

// checked refuses deals below a minimum or above the maximum, and those of which a side is nothing.
func (p Pair) checked(d Deal) (Deal, error) {
	if d.Send.IsZero() || d.Send.Less(p.MinSend) {
		return Deal{}, tooSmall("send_amount", p.From, p.MinSend)
	}
	if !p.MaxSend.IsZero() && p.MaxSend.Less(d.Send) {
		return Deal{}, fault.Bad("amount_too_large", "send_amount", "the amount must be at most %s %s at once", p.From.Format(p.MaxSend), p.From.Code).
			With("maximum", p.From.Format(p.MaxSend))
	}
	if d.Receive.IsZero() || d.Receive.Less(p.MinReceive) {
		return Deal{}, tooSmall("receive_amount", p.To, p.MinReceive)
	}
	return d, nil
}

func tooSmall(field string, a money.Asset, least money.Amount) error {
	if least.IsZero() {
		least = money.Of(1)
	}
	return fault.Bad("amount_too_small", field, "the amount must be at least %s %s", a.Format(least), a.Code).With("minimum", a.Format(least))
}
