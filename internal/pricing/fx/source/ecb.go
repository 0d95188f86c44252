package source

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"time"

	"sluice/internal/pricing/fx"
)

// ECBURL is where the European Central Bank publishes, and ecbPath its daily file.
const (
	ECBURL  = "https://www.ecb.europa.eu"
	ecbPath = "/stats/eurofxref/eurofxref-daily.xml"
)

// ecbHour is when, in UTC, a reference rate of a day counts as made: the bank fixes
// it at 14:15 in Frankfurt, which is 12:15 or 13:15 UTC. It is published around 16:00 there on the days
// TARGET is open, so the longest a rate stands is over Easter: five days and some hours.
const ecbHour = 12

// ECB reads the euro reference rates. They are one price per working day, for
// information: give them an age limit of their own and a spread that covers a day.
type ECB struct {
	client     *client
	currencies []string
}

var _ fx.Source = (*ECB)(nil)

// NewECB makes a source of the price of the euro in each of the currencies.
func NewECB(h HTTP, currencies []string) (*ECB, error) {
	c, err := newClient(h, ECBURL)
	if len(currencies) == 0 {
		err = errors.Join(err, errors.New("want at least one currency to ask for"))
	}
	if err != nil {
		return nil, fmt.Errorf("ecb: %w", err)
	}
	return &ECB{c, currencies}, nil
}

// Name implements fx.Source.
func (e *ECB) Name() string { return "ecb" }

// ecbSpace is the namespace of the rates in the file.
const ecbSpace = "http://www.ecb.int/vocabulary/2002-08-01/eurofxref"

type ecbFile struct {
	XMLName xml.Name `xml:"http://www.gesmes.org/xml/2002-08-01 Envelope"`
	Days    []struct {
		Time  string `xml:"time,attr"`
		Rates []struct {
			Currency string `xml:"currency,attr"`
			Rate     string `xml:"rate,attr"`
		} `xml:"http://www.ecb.int/vocabulary/2002-08-01/eurofxref Cube"`
	} `xml:"http://www.ecb.int/vocabulary/2002-08-01/eurofxref Cube>Cube"`
}

// Fetch implements fx.Source.
func (e *ECB) Fetch(ctx context.Context) ([]fx.Tick, error) {
	body, _, err := e.client.get(ctx, ecbPath)
	if err != nil {
		return nil, err
	}
	var f ecbFile
	d := xml.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("the answer is not the XML expected: %w", err)
	}
	if err := onlySpace(d); err != nil {
		return nil, err
	}
	if len(f.Days) != 1 {
		return nil, fmt.Errorf("the file has %d days in %s, not one", len(f.Days), ecbSpace)
	}
	day, err := time.Parse(time.DateOnly, f.Days[0].Time)
	if err != nil {
		return nil, fmt.Errorf("the day of the file: %w", err)
	}
	told := map[string][]string{}
	for _, r := range f.Days[0].Rates {
		told[r.Currency] = append(told[r.Currency], r.Rate)
	}
	symbols := make([]Symbol, len(e.currencies))
	for i, c := range e.currencies {
		symbols[i] = Symbol{Base: "EUR", Quote: c, Name: c}
	}
	return each(symbols, func(s Symbol) (fx.Tick, error) {
		rate, err := only(told[s.Name], "file")
		if err != nil {
			return fx.Tick{}, err
		}
		return tick(e.Name(), s, rate, rate, day.Add(ecbHour*time.Hour))
	})
}

// onlySpace checks that nothing but blanks and comments follows a document.
func onlySpace(d *xml.Decoder) error {
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after the document: %w", err)
		}
		switch t := t.(type) {
		case xml.Comment:
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return errors.New("the answer goes on after its document")
			}
		default:
			return errors.New("the answer goes on after its document")
		}
	}
}
