// Package ventas makes the sales of the running example: a shop's tills, one
// JSON object a line, in the order in which a till would send them.
//
// The same seed gives the same sales on every machine, so testdata/ventas.jsonl
// is what [WriteSample] writes, byte for byte, and a test holds the two together.
package ventas

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"time"
)

// Sale is one sale: what was sold, at what price, to whom, on which day.
type Sale struct {
	Que    string  `json:"que"`
	Precio float64 `json:"precio"` // in euros, whole cents
	AQuien string  `json:"a_quien"`
	Dia    string  `json:"dia"` // yyyy-MM-dd
}

// AppendJSON appends the sale as one JSON object, without a line end.
func (s Sale) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"que":"`...)
	dst = append(dst, s.Que...)
	dst = append(dst, `","precio":`...)
	dst = strconv.AppendFloat(dst, s.Precio, 'f', -1, 64)
	dst = append(dst, `,"a_quien":"`...)
	dst = append(dst, s.AQuien...)
	dst = append(dst, `","dia":"`...)
	dst = append(dst, s.Dia...)
	return append(dst, `"}`...)
}

type product struct {
	name    string
	cents   int // usual price
	popular int // weight among the products
}

var products = []product{
	{"café", 150, 26},
	{"té", 225, 14},
	{"pan", 85, 22},
	{"leche", 110, 12},
	{"naranjas", 240, 9},
	{"queso", 780, 6},
	{"aceite", 915, 4},
	{"tomates", 195, 7},
}

var customers = []string{
	"Ana", "Luis", "Marta", "Íñigo", "Sofía", "Jorge", "Lucía", "Pablo", "Elena", "Andrés",
	"Carmen", "Diego", "Nuria", "Raúl", "Teresa", "Víctor",
}

// Generator makes sales without end. It is not safe for concurrent use.
type Generator struct {
	rng    *rand.Rand
	weight int
}

// NewGenerator returns a generator whose sales depend on the seed alone.
func NewGenerator(seed uint64) *Generator {
	g := &Generator{rng: rand.New(rand.NewPCG(seed, 0x76656e746173))}
	for _, p := range products {
		g.weight += p.popular
	}
	return g
}

// Next returns a sale of the given day.
func (g *Generator) Next(day time.Time) Sale {
	p := g.product()
	cents := p.cents
	switch g.rng.IntN(10) {
	case 0:
		cents -= cents / 10 // an offer
	case 1, 2:
		cents *= 2 // a pair
	}
	return Sale{
		Que:    p.name,
		Precio: float64(cents) / 100,
		AQuien: customers[g.rng.IntN(len(customers))],
		Dia:    day.Format(time.DateOnly),
	}
}

func (g *Generator) product() product {
	n := g.rng.IntN(g.weight)
	for _, p := range products {
		if n < p.popular {
			return p
		}
		n -= p.popular
	}
	return products[0]
}

// The sample: its first day, its length, and how often a line is out of order
// or broken.
const (
	SampleSales = 12_000
	SampleDays  = 60
	sampleSeed  = 1
	lateOneIn   = 40    // a sale up to 3 days before the line above it
	brokenOneIn = 1_500 // a line that is no JSON
)

// SampleStart is the first day of the sample.
var SampleStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// WriteSample writes the sample: SampleSales lines over SampleDays days, some
// of them late by up to three days, a few of them no JSON at all.
func WriteSample(w io.Writer) error {
	out := bufio.NewWriter(w)
	g := NewGenerator(sampleSeed)
	var line []byte
	for i := range SampleSales {
		day := SampleStart.AddDate(0, 0, i*SampleDays/SampleSales)
		if late := g.rng.IntN(lateOneIn) == 0; late {
			day = day.AddDate(0, 0, -1-g.rng.IntN(3))
		}
		if day.Before(SampleStart) {
			day = SampleStart
		}
		line = g.Next(day).AppendJSON(line[:0])
		if i%brokenOneIn == brokenOneIn/2 {
			line = breakLine(line, i/brokenOneIn)
		}
		line = append(line, '\n')
		if _, err := out.Write(line); err != nil {
			return fmt.Errorf("write sale %d: %w", i, err)
		}
	}
	return out.Flush()
}

// breakLine damages a line in one of the ways that tills do.
func breakLine(line []byte, n int) []byte {
	switch n % 4 {
	case 0:
		return line[:len(line)/2] // cut in the middle
	case 1:
		return append([]byte("ERROR impresora sin papel: "), line...)
	case 2:
		return []byte(`que=pan;precio=0,85`)
	default:
		return line[1:] // the brace is missing
	}
}
