package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"sluice/internal/event"
)

// story is the demonstration while it runs.
type story struct {
	*world
	rep *report
	api *client
	// operator may look at wallets and at what exchange has left the house with.
	operator *client
	hook     *receiver
	read     int // messages of the receiver that the story has shown
	// spare are those that no step has waited for yet: on a slow machine a message may
	// come while an earlier step is still being told.
	spare []message
	quiet bool // messages are counted and not shown one by one

	ada, ben  customer
	clara     customer // is paid at her bank: address is the id of her registered account
	dora      customer // is paid in Bitcoin
	guild     customer // pays a hundred members at once
	wires     wires
	adaCredit string // id
	benCredit string
	withdrawn []*payout
	byID      map[string]*payout
	refused   int // requests that had to be refused, and were
}

// customer is somebody who is paid out.
type customer struct {
	name    string
	account string // id
	address string // on the chain
}

// payout is a withdrawal that the story made, and what must have become of it.
type payout struct {
	who      customer
	id       string
	foreign  string
	currency string
	amount   string
	state    string // the one it must end in
	group    string // what it is shown under together with others; "": it stands alone
	last     withdrawalObject
	seen     map[string]int // messages about it, by type
}

// patience bounds the wait for any one thing. On an idle machine nothing takes
// longer than a few blocks.
const patience = 30 * time.Second

// step is a part of the story. Its error ends the story; what merely differs from
// expectation is noted and the story goes on.
type step struct {
	name, title string
	do          func(*story, context.Context) error
}

func (s *story) tell(ctx context.Context, steps []step) error {
	for _, st := range steps {
		s.rep.begin(st.name, st.title)
		err := st.do(s, ctx)
		if err != nil && ctx.Err() == nil {
			s.rep.problem("%s", err)
		}
		s.rep.end()
		if err != nil && ctx.Err() != nil {
			// What failed says nothing: it was given up, not refused.
			return fmt.Errorf("stopped in step %s, before the end of the story", st.name)
		}
		if err != nil {
			return fmt.Errorf("step %s: %w", st.name, err)
		}
	}
	return nil
}

// request asks the API and notes question and answer; want is the status that must come.
func (s *story) request(ctx context.Context, method, path string, body any, want int) (answer, error) {
	a, err := s.api.do(ctx, method, path, body)
	if err != nil {
		return a, err
	}
	// An id within a path says nothing to a reader.
	shown := path
	if parts := strings.Split(path, "/"); len(parts) > 3 && strings.Contains(parts[3], "_") {
		parts[3] = clip(parts[3])
		shown = strings.Join(parts, "/")
	}
	s.rep.note("api", fmt.Sprintf("%-4s %-40s %d %s", method, shown, a.Status, http.StatusText(a.Status)),
		"method", method, "path", path, "status", fmt.Sprint(a.Status))
	if a.Status != want {
		return a, fmt.Errorf("%s %s answered %d, want %d: %s", method, path, a.Status, want, a.Body)
	}
	return a, nil
}

// post is request for what must be made.
func (s *story) post(ctx context.Context, path string, body any, into any) error {
	a, err := s.request(ctx, http.MethodPost, path, body, http.StatusCreated)
	if err != nil {
		return err
	}
	return a.into(into)
}

// want is messages that must come: so many of a type about an object.
type want struct {
	typ   event.Type
	about string // id of the object, "" for any; for balances that of the account
	count int
}

// await shows messages as they come, until all that are wanted have come.
func (s *story) await(ctx context.Context, wants ...want) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s.spare = slices.DeleteFunc(s.spare, func(m message) bool { return takes(wants, m) })
	for {
		got, more := s.hook.since(s.read)
		for _, m := range got {
			s.read++
			s.show(m)
			if !takes(wants, m) {
				s.spare = append(s.spare, m)
			}
		}
		missing := ""
		for _, w := range wants {
			if w.count > 0 {
				missing += " " + string(w.typ)
			}
		}
		if missing == "" {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return fmt.Errorf("no webhook came for%s within %s", missing, patience)
		}
	}
}

// takes tells whether a message is one of those that are wanted, and counts it off.
func takes(wants []want, m message) bool {
	for i := range wants {
		if w := &wants[i]; w.count > 0 && m.Type == string(w.typ) && (w.about == "" || m.about == w.about) {
			w.count--
			return true
		}
	}
	return false
}

// show notes a message in a line, and keeps what it says about a withdrawal.
func (s *story) show(m message) {
	facts := []string{"type", m.Type, "id", m.ID, "verified", "v1 v1a", "about", m.about}
	text := fmt.Sprintf("%-24s", m.Type)
	switch {
	case m.Type == string(event.BalanceUpdated):
		var b balanceObject
		_ = json.Unmarshal(m.Data, &b)
		text += s.balanceText(b)
		facts = append(facts, "currency", b.Currency, "available", b.Available, "pending", b.Pending, "reserved", b.Reserved)
	case strings.HasPrefix(m.Type, "withdrawal."):
		var w withdrawalObject
		_ = json.Unmarshal(m.Data, &w)
		text += w.State
		if w.Stage != "" {
			text += ", " + w.Stage
		}
		if w.TxID != "" {
			text += "  tx " + clip(w.TxID)
			facts = append(facts, "txid", w.TxID)
		}
		if w.Attention != nil {
			text += "  " + w.Attention.Code
		}
		facts = append(facts, "state", w.State)
		s.remember(m, w)
	}
	if !s.quiet {
		s.rep.note("webhook", strings.TrimRight(text, " "), facts...)
	}
}

func (s *story) remember(m message, w withdrawalObject) {
	if p := s.byID[w.ID]; p != nil {
		p.seen[m.Type]++
		if w.Version > p.last.Version {
			p.last = w
		}
	}
}

func (s *story) balanceText(b balanceObject) string {
	text := fmt.Sprintf("%s: %s %s available", s.nameOf(b.Account), short(b.Available), b.Currency)
	for _, p := range []struct{ amount, word string }{{b.Pending, "pending"}, {b.Locked, "locked"}, {b.Reserved, "reserved"}} {
		if strings.Trim(p.amount, "0.") != "" {
			text += ", " + short(p.amount) + " " + p.word
		}
	}
	return text
}

func (s *story) nameOf(account string) string {
	for _, c := range []customer{s.ada, s.ben, s.clara, s.dora, s.guild, s.wires.shop, s.wires.erika} {
		if c.account == account {
			return c.name
		}
	}
	return clip(account)
}

// balance reads a balance over the API, shows it, and compares what is available and
// what is pending or reserved.
func (s *story) balance(ctx context.Context, c customer, currency, available, pending, reserved string) error {
	a, err := s.api.do(ctx, http.MethodGet, "/v1/accounts/"+c.account+"/balances/"+currency, nil)
	if err != nil {
		return err
	}
	var b balanceObject
	if err := a.into(&b); err != nil {
		return err
	}
	s.rep.note("balance", s.balanceText(b), "account", c.account, "currency", currency, "available", b.Available, "pending", b.Pending, "reserved", b.Reserved)
	s.rep.check(c.name+"'s available "+currency, b.Available, available)
	s.rep.check(c.name+"'s pending "+currency, b.Pending, pending)
	s.rep.check(c.name+"'s reserved "+currency, b.Reserved, reserved)
	return nil
}

// short leaves out the zeros at the end of an amount, for people.
func short(amount string) string {
	if !strings.Contains(amount, ".") {
		return amount
	}
	return strings.TrimSuffix(strings.TrimRight(amount, "0"), ".")
}

// clip shortens ids and hashes for people.
func clip(s string) string {
	const most = 14
	if len(s) <= most {
		return s
	}
	return s[:most-5] + "…" + s[len(s)-4:]
}
