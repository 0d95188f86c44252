package cli

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"
)

// The width that tables keep to, unless --wide is given.
const (
	tableWidth = 100
	lastMin    = 20 // the least that a last column is wrapped to
	tableGap   = 2
)

// tabulator writes lines with tabs as tables: lines that follow each other are one table.
// Columns whose head begins with + are for --wide only. What does not fit is wrapped in the
// last column, between words; where that is not enough each row becomes a block of lines. A
// table whose first head begins with = keeps one line for each row: programs read it.
type tabulator struct {
	out  io.Writer
	wide bool
	text bytes.Buffer
}

// Write implements io.Writer.
func (t *tabulator) Write(b []byte) (int, error) { return t.text.Write(b) }

// Flush writes everything.
func (t *tabulator) Flush() error {
	var out bytes.Buffer
	var rows [][]string
	for line := range strings.Lines(t.text.String()) {
		if strings.Contains(line, "\t") {
			rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
			continue
		}
		t.table(&out, rows)
		rows = nil
		out.WriteString(line)
	}
	t.table(&out, rows)
	t.text.Reset()
	_, err := t.out.Write(out.Bytes())
	return err
}

func (t *tabulator) table(out *bytes.Buffer, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	headed := strings.ToUpper(rows[0][0]) == rows[0][0]
	kept := headed && strings.HasPrefix(rows[0][0], "=")
	if headed {
		rows[0][0] = strings.TrimPrefix(rows[0][0], "=")
		rows = t.hide(rows)
	}
	widths := widthsOf(rows)
	total, last := 0, len(widths)-1
	for _, w := range widths {
		total += w + tableGap
	}
	room := tableWidth - (total - tableGap - widths[last])
	if total-tableGap > tableWidth && !t.wide && !kept {
		if room < lastMin && headed {
			blocks(out, rows)
			return
		}
		widths[last] = max(room, lastMin)
	}
	for _, row := range rows {
		line(out, row, widths, t.wide || kept)
	}
}

// hide takes the columns away that are for --wide, and the marks of the others.
func (t *tabulator) hide(rows [][]string) [][]string {
	var keep []int
	for n, head := range rows[0] {
		if t.wide || !strings.HasPrefix(head, "+") {
			keep = append(keep, n)
		}
	}
	out := make([][]string, 0, len(rows))
	for _, row := range rows {
		var cells []string
		for _, n := range keep {
			if n < len(row) {
				cells = append(cells, row[n])
			}
		}
		out = append(out, cells)
	}
	for n := range out[0] {
		out[0][n] = strings.TrimPrefix(out[0][n], "+")
	}
	return out
}

func widthsOf(rows [][]string) []int {
	var widths []int
	for _, row := range rows {
		for n, cell := range row {
			if n == len(widths) {
				widths = append(widths, 0)
			}
			widths[n] = max(widths[n], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// line writes one row; what is too long for the last column goes on below it.
func line(out *bytes.Buffer, row []string, widths []int, wide bool) {
	indent := 0
	for n, cell := range row[:len(row)-1] {
		out.WriteString(cell)
		out.WriteString(strings.Repeat(" ", widths[n]-utf8.RuneCountInString(cell)+tableGap))
		indent += widths[n] + tableGap
	}
	last := row[len(row)-1]
	if wide {
		out.WriteString(strings.TrimRight(last, " ") + "\n")
		return
	}
	for n, part := range wrap(last, widths[len(row)-1]) {
		if n > 0 {
			out.WriteString(strings.Repeat(" ", indent))
		}
		out.WriteString(part + "\n")
	}
}

// wrap cuts a text between words into lines of at most width, but for words that are longer.
func wrap(text string, width int) []string {
	if utf8.RuneCountInString(text) <= width {
		return []string{text}
	}
	lines := []string{""}
	for _, word := range strings.Fields(text) {
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

// blocks writes each row by itself: a line for every column.
func blocks(out *bytes.Buffer, rows [][]string) {
	head := rows[0]
	width := 0
	for _, h := range head {
		width = max(width, len(h))
	}
	for n, row := range rows[1:] {
		if n > 0 {
			out.WriteString("\n")
		}
		for i, cell := range row {
			line(out, []string{strings.ToLower(head[i]), cell}, []int{width, tableWidth - width - tableGap}, false)
		}
	}
	if len(rows) == 1 {
		out.WriteString(strings.Join(head, strings.Repeat(" ", tableGap)) + "\n")
	}
}

// cut shortens what somebody else chose, unless the table is wide.
func (e *env) cut(text string, most int) string {
	if runes := []rune(text); !e.root.Wide && len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// short writes an amount for a table: without zeros at its end, but for two decimals.
func short(amount string) string {
	whole, decimals, ok := strings.Cut(amount, ".")
	if !ok {
		return amount
	}
	decimals = strings.TrimRight(decimals, "0")
	if n := 2 - len(decimals); n > 0 {
		decimals += strings.Repeat("0", n)
	}
	return whole + "." + decimals
}
