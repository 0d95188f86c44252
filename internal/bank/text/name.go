package text

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Likeness is how much two names are one.
type Likeness int

// The degrees, from nothing to all.
const (
	Different Likeness = iota
	// Close: all words of the shorter name are in the longer one, and they share two
	// words or more: a middle name is missing. A person should look.
	Close
	// SameWords: the same words in another order, with or without titles.
	SameWords
	// Same but for case, accents, spacing and punctuation.
	Same
)

// String names the degree for logs and answers.
func (l Likeness) String() string {
	return [...]string{"different", "close", "same_words", "same"}[l]
}

// titles are not part of a name for the comparison. Only words that are no names.
var titles = []string{"dr", "prof", "mr", "mrs", "ms", "herr", "frau", "dipl", "ing", "mag", "phd", "msc", "bsc", "mba"}

// Compare tells how much two names of an account's holder are one. An accented
// letter counts as the letter without accent and as its usual spelling: "Müller"
// is "Muller" and "Mueller". Company forms count as words, so that "Example GmbH" and
// "Example AG" are different.
func Compare(a, b string) Likeness {
	best := Different
	for _, x := range spellings(a) {
		for _, y := range spellings(b) {
			best = max(best, compare(x, y))
		}
	}
	return best
}

func compare(a, b []string) Likeness {
	if len(a) == 0 || len(b) == 0 {
		return Different
	}
	if strings.Join(a, "") == strings.Join(b, "") {
		return Same
	}
	a, b = sorted(a), sorted(b)
	if len(a) > 0 && slices.Equal(a, b) {
		return SameWords
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(a) >= 2 && contains(b, a) {
		return Close
	}
	return Different
}

// contains tells whether sorted words has every word of part, as often as part.
func contains(words, part []string) bool {
	n := 0
	for _, w := range words {
		if n < len(part) && part[n] == w {
			n++
		}
	}
	return n == len(part)
}

func sorted(words []string) []string {
	out := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return slices.Contains(titles, w) })
	slices.Sort(out)
	return out
}

// spellings gives the words of a name in lower case, once with the table's spelling
// of letters and once with accents taken off.
func spellings(name string) [][]string {
	plain := strings.Map(func(r rune) rune {
		if r >= '\u0300' && r <= '\u036f' {
			return -1
		}
		return r
	}, norm.NFD.String(name))
	return [][]string{words(name), words(plain)}
}

func words(name string) []string {
	m := strings.ToLower(Map(name).Text)
	// An apostrophe does not end a word: O'Neill is ONeill.
	m = strings.ReplaceAll(m, "'", "")
	return strings.FieldsFunc(m, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
}
