package payout

import (
	"time"

	"sluice/internal/commit"
	"sluice/internal/event"
	"sluice/internal/fault"
	"sluice/internal/id"
)

// Stand is what a wallet's proofs stand on: the highest block that has proved an outcome.
// When the chain has another block there, what was final is gone.
type Stand struct {
	Wallet  id.Seq
	Number  int64
	Block   string // its name, as rail.Observation.Block
	Lost    int64  // dispatches that were final and that the chain no longer holds
	Version int64
}

// Stands is the table of them. A wallet without a row has proved nothing yet.
var Stands = commit.NewTable("wallet_stand", func(s *Stand) id.Seq { return s.Wallet })

// The states of a Lost.
const (
	LostGone    = "gone"    // nothing is done before an operator orders it
	LostOrdered = "ordered" // the stored bytes are sent again until a final block holds them
	LostBack    = "back"    // a final block holds them
)

// Lost is a dispatch that was done and that the chain no longer holds. It is never removed.
type Lost struct {
	Seq       id.Seq // of the dispatch
	Wallet    id.Seq
	State     string
	Actor     string // who ordered to send it again; "" before
	Reason    string
	CreatedAt time.Time
	EndedAt   time.Time
	Version   int64
}

// Losts is the table of them.
var Losts = commit.NewTable("dispatch_lost", func(l *Lost) id.Seq { return l.Seq })

// errHalted refuses new payouts of a wallet whose past is gone.
func errHalted(s Stand) error {
	return fault.New(fault.Conflict, "wallet_halted", "%d of the wallet's payouts were final and are gone from the chain: `sluice wallet resume %s` sends them again", s.Lost, walletText(s.Wallet))
}

// stood notes the block of a proof.
func stood(v *commit.View, wallet id.Seq, number uint64, block string) {
	if block == "" || number == 0 || number > 1<<62 {
		return
	}
	s, known := Stands.Get(v, wallet)
	if known && s.Number >= int64(number) {
		return
	}
	s.Wallet, s.Number, s.Block, s.Version = wallet, int64(number), block, s.Version+1
	Stands.Put(v, s)
}

// Lose notes dispatches that the chain no longer holds. From then on the wallet plans
// nothing. Repeating it changes nothing. It runs in the operator's shard.
type Lose struct {
	Wallet     id.Seq
	Dispatches []id.Seq
}

// Reads implements commit.Command.
func (c Lose) Reads(w *commit.Wants) {
	wantLost(w, c.Wallet, c.Dispatches)
	for _, d := range c.Dispatches {
		Dispatches.Want(w, d)
	}
}

func wantLost(w *commit.Wants, wallet id.Seq, of []id.Seq) {
	Stands.Want(w, wallet)
	for _, d := range of {
		Losts.Want(w, d)
	}
}

// Apply implements commit.Command.
func (c Lose) Apply(v *commit.View) (Stand, error) {
	s, _ := Stands.Get(v, c.Wallet)
	before := s.Lost
	for _, seq := range c.Dispatches {
		d, ok := Dispatches.Get(v, seq)
		l, known := Losts.Get(v, seq)
		if !ok || d.State != Done || d.Wallet != c.Wallet || known && l.State != LostBack {
			continue
		}
		if known {
			l.State, l.EndedAt, l.Version = LostGone, time.Time{}, l.Version+1
			Losts.Put(v, l)
		} else {
			Losts.Insert(v, Lost{Seq: seq, Wallet: c.Wallet, State: LostGone, CreatedAt: v.Now(), Version: 1})
		}
		s.Lost++
	}
	return putStand(v, s, before, event.WalletHalted, Actor, "payouts that were final are gone from the chain"), nil
}

// putStand writes a Stand whose losses have changed, and tells of it.
func putStand(v *commit.View, s Stand, before int64, t event.Type, actor, reason string) Stand {
	if s.Lost == before {
		return s
	}
	s.Version++
	Stands.Put(v, s)
	tellWallet(v, s, t, actor, reason)
	return s
}

func tellWallet(v *commit.View, s Stand, t event.Type, actor, reason string) {
	event.Append(v, event.Event{Type: t, Subject: s.Wallet, Version: s.Version, Actor: actor, Reason: reason})
}

// SendAgain is an operator's order to send again, as they are, the bytes of what is gone.
// It runs in the operator's shard, and gives how many dispatches it is about.
type SendAgain struct {
	Wallet     id.Seq
	Dispatches []id.Seq
	Actor      string
	Reason     string
}

// Reads implements commit.Command.
func (c SendAgain) Reads(w *commit.Wants) { wantLost(w, c.Wallet, c.Dispatches) }

// Apply implements commit.Command.
func (c SendAgain) Apply(v *commit.View) (int, error) {
	if c.Reason == "" || len(c.Reason) > maxReason {
		return 0, fault.Bad("invalid_reason", "reason", "say why, in at most %d bytes", maxReason)
	}
	s, _ := Stands.Get(v, c.Wallet)
	n := 0
	for _, seq := range c.Dispatches {
		l, ok := Losts.Get(v, seq)
		if !ok || l.Wallet != c.Wallet || l.State != LostGone {
			continue
		}
		l.State, l.Actor, l.Reason, l.Version = LostOrdered, c.Actor, c.Reason, l.Version+1
		Losts.Put(v, l)
		n++
	}
	if n > 0 {
		s.Version++
		Stands.Put(v, s)
		tellWallet(v, s, event.WalletTakenUp, c.Actor, c.Reason)
	}
	return n, nil
}

// Regain notes that a final block holds dispatches again that were gone, and on which
// block the wallet's proofs stand now. Once nothing is gone any more, the wallet plans
// again. It runs in the operator's shard.
type Regain struct {
	Wallet     id.Seq
	Dispatches []id.Seq
	Number     uint64
	Block      string
}

// Reads implements commit.Command.
func (c Regain) Reads(w *commit.Wants) { wantLost(w, c.Wallet, c.Dispatches) }

// Apply implements commit.Command.
func (c Regain) Apply(v *commit.View) (Stand, error) {
	s, _ := Stands.Get(v, c.Wallet)
	before := s.Lost
	for _, seq := range c.Dispatches {
		l, ok := Losts.Get(v, seq)
		if !ok || l.Wallet != c.Wallet || l.State == LostBack {
			continue
		}
		l.State, l.EndedAt, l.Version = LostBack, v.Now(), l.Version+1
		Losts.Put(v, l)
		s.Lost--
	}
	if s.Lost > 0 {
		return putStand(v, s, before, event.WalletTakenUp, Actor, "some of what was gone is final again"), nil
	}
	if s.Number != int64(c.Number) || s.Block != c.Block { //nolint:gosec // see stood
		s.Number, s.Block, s.Version = int64(c.Number), c.Block, s.Version+1 //nolint:gosec // see stood
		Stands.Put(v, s)
	}
	return putStand(v, s, before, event.WalletResumed, Actor, "all that was gone is final again"), nil
}
