package text_test

import (
	"strings"
	"testing"

	"sluice/internal/bank/text"
	"sluice/internal/fault"
)

func TestMap(t *testing.T) {
	cases := []struct{ in, want, lost string }{
		{"Payout PO-0001", "Payout PO-0001", ""},
		{"/-?:().,'+ ok", "/-?:().,'+ ok", ""},
		{"Jürgen Groß, Köln; Straße 5", "Juergen Gross, Koeln, Strasse 5", ""},
		{"Müller & Söhne", "Mueller + Soehne", ""},
		{"François Ñandú Žižek Łódź Ørsted Ångström", "Francois Nandu Zizek Lodz Orsted Angstroem", ""},
		{"u\u0308ber", "ueber", ""}, // combining mark
		{"Ștefan Țepeș Őrsi", "Stefan Tepes Orsi", ""},
		{"Γιώργος Παπαδόπουλος", "Giorgos Papadopoylos", ""},
		{"Иван Щерев", "Ivan Shterev", ""},
		{"Андрій Їжакевич Єва Ґудзь", "Andriy Yizhakevich Yeva Gudzy", ""}, // Ukrainian
		{"Мар’яна Демʼянюк", "Mar'yana Dem'yanyuk", ""},
		{"Быкаў Алёна Ѓорѓи Ќосев Ђорђе", "Bykau Alyona Gorgi Kosev Djordje", ""},
		{"Әлихан Ғабит Қанат Өзбек Үмүт Ұлан Һәдия Ҷамшед", "Alihan Ghabit Qanat Ozbek Umut Ulan Hadiya Jamshed", ""},
		{"Ɓala Ɗan Ɛɛ Ɔɔ Ƙofa Ŋaa Əli ǝ", "Bala Dan Ee Oo Kofa Naa Eli e", ""},
		{"a_b@c.de", "a-b.c.de", ""},
		{"10 € “now” – really…", "10 EUR 'now' - really...", ""},
		{"two\r\nlines\tand\u00a0tabs", "two  lines and tabs", ""},
		{"  ends  ", "ends", ""},
		{"ﬁne ①", "fine 1", ""},
		{"thanks 👍", "thanks .", "👍"},
		{"日本", "..", "日本"},
		{"nul\x00", "nul.", "\x00"},
		{"zero\u200bwidth", "zerowidth", ""},
		{"", "", ""},
	}
	for _, c := range cases {
		got := text.Map(c.in)
		if got.Text != c.want || string(got.Lost) != c.lost {
			t.Errorf("%q: got %q, lost %q; want %q, %q", c.in, got.Text, string(got.Lost), c.want, c.lost)
		}
		if got.Typed != c.in || got.Changed() != (c.in != c.want) {
			t.Errorf("%q: typed %q, changed %v", c.in, got.Typed, got.Changed())
		}
	}
}

// TestEveryAlphabet: no letter of the alphabets that people in Europe and its neighbours
// write their names in is lost.
func TestEveryAlphabet(t *testing.T) {
	for name, letters := range map[string]string{
		"Ukrainian": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя", "Belarusian": "абвгдеёжзійклмнопрстуўфхцчшыьэюя", "Russian": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
		"Serbian": "абвгдђежзијклљмнњопрстћуфхцчџш", "Macedonian": "абвгдѓежзѕијклљмнњопрстќуфхцчџшѐѝ", "Bulgarian": "абвгдежзийклмнопрстуфхцчшщъьюя",
		"Kazakh": "аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя", "Kyrgyz": "ңөү", "Tajik": "ғӣқӯҳҷ", "Mongolian": "өү", "Tatar": "әҗңөүһ", "Bashkir": "әғҙҡңөҫүһ", "Chuvash": "ӑӗҫӳ", "Ossetian": "ӕ",
		"Greek": "αάβγδεέζηήθιίϊΐκλμνξοόπρσςτυύϋΰφχψωώ", "Polytonic": "ἀἁἂἃἄἅἆἇὰᾳᾴὲὴῃὶῖῥὸὺῦὼῳ",
		"Turkish": "çğıöşüâîû", "Azeri": "çəğıöşü", "Polish": "ąćęłńóśźż", "Czech": "áčďéěíňóřšťúůýž", "Hungarian": "áéíóöőúüű", "Romanian": "ăâîșțşţ", "Latvian": "āčēģīķļņšūž",
		"Lithuanian": "ąčęėįšųūž", "Estonian": "äõöüšž", "Maltese": "ċġħż", "Icelandic": "áðéíóúýþæö", "Sami": "áčđŋšŧž", "Vietnamese": "ăâđêôơưàảãáạằẳẵắặỳỷỹýỵ", "Hausa": "ɓɗƙƴ", "Welsh": "ŵŷ",
	} {
		for _, s := range []string{letters, strings.ToUpper(letters)} {
			if m := text.Map(s); len(m.Lost) > 0 || !text.Clean(m.Text) {
				t.Errorf("%s: %q lost in %q", name, string(m.Lost), m.Text)
			}
		}
	}
}

func TestRemittance(t *testing.T) {
	for _, c := range []struct{ name, in, code string }{
		{"longest", strings.Repeat("x", 140), ""},
		{"one more", strings.Repeat("x", 141), "remittance_too_long"},
		{"longer after mapping", strings.Repeat("ü", 71), "remittance_too_long"},
		{"just fits after mapping", strings.Repeat("ü", 70), ""},
		{"huge", strings.Repeat("\u0301", 100_000), "remittance_too_long"},
		{"not UTF-8", "a\xff", "remittance_too_long"},
		{"every character of the dialects' pattern", `09AZaz+?/-:().,'; `, ""},
		{"empty", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := text.Remittance(c.in)
			if fault.CodeOf(err) != c.code {
				t.Errorf("got %v, want %q", err, c.code)
			}
			if err == nil && !text.Clean(m.Text) {
				t.Errorf("%q is not clean", m.Text)
			}
		})
	}
}

func TestName(t *testing.T) {
	for _, c := range []struct{ in, want, code string }{
		{"Max Mustermann", "Max Mustermann", ""},
		{strings.Repeat("ä", 36), "", "name_too_long"},
		{"", "", "name_empty"},
		{"...", "", "name_empty"},
		{"李小龙", "", "name_empty"},
	} {
		m, err := text.Name(c.in)
		if fault.CodeOf(err) != c.code || c.code == "" && m.Text != c.want {
			t.Errorf("%q: got %q, %v", c.in, m.Text, err)
		}
	}
}

func TestReferences(t *testing.T) {
	for _, c := range []struct {
		in string
		ok bool
	}{
		{"PO-0001", true},
		{"MUELL/FINP/RA12345", true},
		{strings.Repeat("a", 35), true},
		{strings.Repeat("a", 36), false},
		{"6ffa6b16-2380-4e7a-88b2-ae625c8eef99", false}, // a UUID with hyphens is one too long
		{"6ffa6b1623804e7a88b2ae625c8eef99", true},
		{"", false},
		{"/a", false},
		{"a/", false},
		{"a//b", false},
		{" a", false},
		{"a ", false},
		{"a;b", false},
		{"ä", false},
	} {
		if err := text.CheckReference(c.in); (err == nil) != c.ok {
			t.Errorf("%q: %v", c.in, err)
		}
	}
	for in, want := range map[string]string{"//a / b//c/": "a/b/c", "Grün;": "Gruen,", "///": "", " x ": "x"} {
		if got := text.Reference(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want text.Likeness
	}{
		{"Max Mustermann", "Max Mustermann", text.Same},
		{"Max Mustermann", "MAX  MUSTERMANN", text.Same},
		{"Jürgen Müller", "Juergen Mueller", text.Same},
		{"Jürgen Müller", "Jurgen Muller", text.Same},
		{"Seán O’Neill", "Sean ONeill", text.Same},
		{"Anna-Lena Maier", "Anna Lena Maier", text.Same},
		{"Annalena Maier", "Anna Lena Maier", text.Same},
		{"Mustermann, Max", "Max Mustermann", text.SameWords},
		{"Dr. Max Mustermann", "Max Mustermann", text.SameWords},
		{"Max Peter Mustermann", "Max Mustermann", text.Close},
		{"Max Mustermann", "Moritz Mustermann", text.Different},
		{"Mustermann", "Max Mustermann", text.Different},
		{"Example GmbH", "Example AG", text.Different},
		{"Dr.", "Prof.", text.Different},
		{"Anna Anna Maier", "Anna Maier Maier", text.Different},
		{"", "", text.Different},
		{"Max Mustermann", "", text.Different},
		{"李小龙", "王小明", text.Different},
	} {
		if got := text.Compare(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %v, want %v", c.a, c.b, got, c.want)
		}
		if got := text.Compare(c.b, c.a); got != c.want {
			t.Errorf("%q and %q: %v, want %v", c.b, c.a, got, c.want)
		}
	}
}

func FuzzMap(f *testing.F) {
	f.Add("Jürgen Groß; 10 € 👍")
	f.Fuzz(func(t *testing.T, s string) {
		m := text.Map(s)
		if !text.Clean(m.Text) {
			t.Errorf("%q: %q is not clean", s, m.Text)
		}
		if again := text.Map(m.Text); again.Text != m.Text || len(again.Lost) > 0 {
			t.Errorf("%q: %q maps again to %q", s, m.Text, again.Text)
		}
		if r := text.Reference(s); r != "" && len(r) <= text.ReferenceMax {
			if err := text.CheckReference(r); err != nil {
				t.Error(err)
			}
		}
		if text.Compare(s, s) == text.Close {
			t.Errorf("%q is only close to itself", s)
		}
	})
}
