package demo

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The screen that the story fits: the usual terminal.
const (
	screenWidth = 80
	titleWidth  = 46
)

// chapter is a line of the story as it is told in short: some steps, and what came of them.
type chapter struct {
	first, last string // steps
	title       string
	outcome     string // when everything was as it must be; a refusal says its own
}

// chapters are the whole story, on one screen.
var chapters = []chapter{
	{"webhooks", "sale", "Ada is owed 250 USDT, Ben 0.8 ETH", "told by signed webhooks"},
	{"pending", "pending", "Ben withdraws before his money has settled", ""},
	{"settled", "eth", "Ada withdraws 120.50 USDT, Ben 0.25 ETH", "final on the chain"},
	{"cancel", "cancel", "Ada schedules 100 USDT, and changes her mind", "cancelled, money back"},
	{"overdraft", "overdraft", "Ben asks for one wei more than he has", ""},
	{"duplicate", "duplicate", "Ada's first withdrawal again, by mistake", ""},
	{"batch", "batch", "A guild pays 100 members by one request", "each once, by a vault"},
	{"bank", "sepa", "Clara withdraws 200 EUR to her bank", "booked by the bank"},
	{"reject", "reject", "The bank rejects 50 EUR", "failed, money back"},
	{"wires", "together", "Clients of CoinsPaid, Tylt and Upvest pay", "on the same balances"},
	{"return", "return", "30 EUR come back from the bank days later", "returned, money back"},
	{"convert", "convert", "40 EUR leave as ETH, at a quoted price", "final on the chain"},
	{"bitcoin", "bitcoin", "Dora withdraws 0.015 BTC", "final on the chain"},
	{"chain", "summary", "Chain, bank and every transfer are compared", "agree to the last unit"},
}

// brief tells the story a line per chapter.
type brief struct {
	r    *report
	live bool // a terminal: the line of the chapter at hand is there before its end
	now  *chapter
	said string // the refusal of the chapter
	skip bool
}

func (b *brief) begin(step string) {
	for n := range chapters {
		if chapters[n].first == step {
			b.now, b.said, b.skip = &chapters[n], "", false
			if b.live {
				b.r.write("  … " + b.now.title)
			}
		}
	}
}

// facts looks for what a chapter has to say of itself.
func (b *brief) facts(facts map[string]string) {
	if facts["code"] != "" {
		b.said = facts["code"]
	}
	b.skip = b.skip || facts["skipped"] != ""
}

func (b *brief) end(s Step) {
	if b.now == nil || s.OK && b.now.last != s.Step {
		return
	}
	mark, outcome := b.r.paint("good", "✓"), b.now.outcome
	switch {
	case !s.OK:
		mark, outcome = b.r.paint("bad", "✗"), b.r.paint("bad", "DIFFERS")
	case b.said != "":
		mark, outcome = b.r.paint("refused", "■"), b.r.paint("refused", "REFUSED")+" "+b.said
	case b.skip:
		mark, outcome = "-", "skipped: make bin/btcd"
	}
	if b.live {
		b.r.write("\r\x1b[K")
	}
	b.r.write(fmt.Sprintf("  %s %s  %s\n", mark, pad(b.now.title, titleWidth), outcome))
	for _, p := range s.Problems {
		for _, line := range wrap(p, screenWidth-4) {
			b.r.write("    " + b.r.paint("bad", line) + "\n")
		}
	}
	b.now = nil
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// wrap cuts a text between words into lines of at most width.
func wrap(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Split(text, " ") {
		now := &lines[len(lines)-1]
		switch {
		case *now == "":
			*now = word
		case utf8.RuneCountInString(*now)+1+utf8.RuneCountInString(word) <= width:
			*now += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// closing is the last lines of the story in short: they stay in sight while it serves.
func (s *story) closing(taken int) {
	if s.rep.brief == nil {
		return
	}
	verdict := fmt.Sprintf("%d steps, %d checks: everything is as it must be.", s.rep.count, s.rep.held)
	kind := "good"
	if s.rep.bad > 0 {
		verdict, kind = fmt.Sprintf("%d of %d steps differ from what must be.", s.rep.bad, s.rep.count), "bad"
	}
	paid := 0
	for _, p := range s.withdrawn {
		if p.last.State == "confirmed" || p.last.State == "returned" {
			paid++
		}
	}
	s.rep.write("\n" + s.rep.paint(kind, verdict) + "\n")
	s.rep.write(fmt.Sprintf("%d payouts, each once; %d webhooks and %d callbacks, each signature verified.\n", paid, s.read, taken))
}

// invite says how to go on, in short.
func (s *story) invite() {
	for _, line := range []string{
		"Running until Ctrl-C. The tour in README.md goes on from here:",
		"  API  " + s.app.URL() + "/docs",
		"  key  " + s.key,
		"With --verbose: every request, webhook, block and booking.",
	} {
		s.rep.write(line + "\n")
	}
}
