package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// entry is one line of a step.
type entry struct {
	Kind string `json:"kind"` // api, webhook, balance, chain, note
	Text string `json:"text"`
	// Facts are the same for programs.
	Facts map[string]string `json:"facts,omitempty"`
}

// Step is one step of the story, as --json prints it.
type Step struct {
	Step         string   `json:"step"`
	Title        string   `json:"title"`
	OK           bool     `json:"ok"`
	Milliseconds int64    `json:"milliseconds"`
	Entries      []entry  `json:"entries"`
	Problems     []string `json:"problems,omitempty"` // what differs from what must be
}

// report prints the story while it happens: as a timeline for people, or as one
// JSON object per step for programs.
type report struct {
	out   io.Writer
	json  bool
	color bool
	brief *brief // nil: everything is told
	begun time.Time
	now   Step
	from  time.Time
	count int
	bad   int // steps with problems
	held  int // checks made
	err   error
}

func newReport(out io.Writer, asJSON, color bool) *report {
	return &report{out: out, json: asJSON, color: color, begun: time.Now()}
}

// The colours of the kinds, as ANSI codes.
var colors = map[string]string{"api": "36", "webhook": "35", "balance": "33", "chain": "34", "bank": "34", "title": "1", "bad": "31;1", "refused": "33;1", "good": "32;1", "note": "2"}

func (r *report) paint(kind, text string) string {
	if c := colors[kind]; r.color && c != "" {
		return "\x1b[" + c + "m" + text + "\x1b[0m"
	}
	return text
}

// print writes for people who want to see everything.
func (r *report) print(format string, args ...any) {
	if !r.json && r.brief == nil {
		r.write(fmt.Sprintf(format, args...) + "\n")
	}
}

func (r *report) write(s string) {
	if _, err := io.WriteString(r.out, s); err != nil && r.err == nil {
		r.err = err // nobody is reading any more: the end of the run says so
	}
}

func (r *report) begin(step, title string) {
	r.count++
	r.now, r.from = Step{Step: step, Title: title, OK: true, Entries: []entry{}}, time.Now()
	if r.brief != nil {
		r.brief.begin(step)
		return
	}
	for n, line := range wrap(title, screenWidth-4) {
		if n == 0 {
			r.print("\n%s", r.paint("title", fmt.Sprintf("%2d  %s", r.count, line)))
			continue
		}
		r.print("    %s", r.paint("title", line))
	}
}

// note adds a line to the step. facts are pairs of key and value.
func (r *report) note(kind, text string, facts ...string) {
	e := entry{Kind: kind, Text: text}
	for i := 0; i+1 < len(facts); i += 2 {
		if e.Facts == nil {
			e.Facts = map[string]string{}
		}
		e.Facts[facts[i]] = facts[i+1]
	}
	r.now.Entries = append(r.now.Entries, e)
	if r.brief != nil {
		r.brief.facts(e.Facts)
		return
	}
	label := kind
	switch {
	case e.Facts["code"] != "":
		kind, label = "refused", "REFUSED"
	case kind == "note":
		label = ""
	}
	for n, line := range wrap(text, screenWidth-noteIndent) {
		if n == 0 {
			r.print("    %6.2fs  %s %s", time.Since(r.begun).Seconds(), r.paint(kind, fmt.Sprintf("%-8s", label)), line)
			continue
		}
		r.print("%s%s", strings.Repeat(" ", noteIndent), line)
	}
}

// noteIndent is where the text of a note stands.
const noteIndent = 22

// problem notes that something is not as it must be.
func (r *report) problem(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if r.now.OK {
		r.bad++
	}
	r.now.OK, r.now.Problems = false, append(r.now.Problems, text)
	r.print("    %s", r.paint("bad", "DIFFERS  "+text))
}

// check notes a problem unless got is what is wanted.
func (r *report) check(what, got, want string) {
	r.held++
	if got != want {
		r.problem("%s: %q, want %q", what, got, want)
	}
}

func (r *report) end() {
	r.now.Milliseconds = time.Since(r.from).Milliseconds()
	if r.brief != nil {
		r.brief.end(r.now)
	}
	if !r.json {
		return
	}
	line, err := json.Marshal(r.now)
	if err != nil {
		r.err = err
		return
	}
	r.write(string(line) + "\n")
}

// table prints rows with aligned columns; the first row is the head.
func (r *report) table(rows [][]string) {
	if r.json || r.brief != nil || len(rows) == 0 {
		return
	}
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	for n, row := range rows {
		var b strings.Builder
		last := len(row) - 1
		for i, cell := range row[:last] {
			b.WriteString(pad(cell, width[i]+2))
		}
		indent := len([]rune(b.String()))
		for k, part := range wrap(row[last], max(screenWidth-4-indent, 20)) {
			line := strings.Repeat(" ", indent) + part
			if k == 0 {
				line = b.String() + part
			}
			if n == 0 {
				line = r.paint("title", line)
			}
			r.print("    %s", line)
		}
	}
}
