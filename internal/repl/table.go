package repl

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/rivo/uniseg"
)

// cell is a value as a table shows it.
func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		return oneLine(v)
	case json.Number:
		return v.String()
	case bool:
		return fmt.Sprint(v)
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// oneLine keeps a text from breaking the table or the terminal: control
// characters are shown as escapes.
func oneLine(s string) string {
	clean := func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }
	if strings.IndexFunc(s, clean) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case clean(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// table draws rows under a heading. Its columns are as wide as what was
// measured so far.
type table struct {
	w       io.Writer
	columns []string
	right   []bool // numbers stand to the right
	widths  []int
}

func newTable(w io.Writer, columns, types []string) *table {
	t := &table{w: w, columns: columns, right: make([]bool, len(columns)), widths: make([]int, len(columns))}
	for i, c := range columns {
		t.widths[i] = uniseg.StringWidth(c)
		if i < len(types) {
			t.right[i] = isNumber(types[i])
		}
	}
	return t
}

func isNumber(sqlType string) bool {
	switch t := strings.ToUpper(sqlType); t {
	case "INTEGER", "INT", "BIGINT", "DOUBLE":
		return true
	default:
		return strings.HasPrefix(t, "DECIMAL")
	}
}

// measure widens the columns to hold a row.
func (t *table) measure(row []string) {
	for i, c := range row {
		if i < len(t.widths) {
			t.widths[i] = max(t.widths[i], uniseg.StringWidth(c))
		}
	}
}

func (t *table) rule() string {
	var b strings.Builder
	for _, w := range t.widths {
		b.WriteByte('+')
		b.WriteString(strings.Repeat("-", w+2))
	}
	b.WriteString("+\n")
	return b.String()
}

func (t *table) line(row []string) string {
	var b strings.Builder
	for i, c := range row {
		pad := ""
		if n := t.widths[i] - uniseg.StringWidth(c); n > 0 {
			pad = strings.Repeat(" ", n)
		}
		b.WriteString("| ")
		if t.right[i] {
			b.WriteString(pad + c)
		} else {
			b.WriteString(c + pad)
		}
		b.WriteByte(' ')
	}
	b.WriteString("|\n")
	return b.String()
}

func (t *table) header() error {
	_, err := io.WriteString(t.w, t.rule()+t.line(t.columns)+t.rule())
	return err
}

func (t *table) row(row []string) error {
	t.measure(row) // a wider cell widens its column from here on
	_, err := io.WriteString(t.w, t.line(row))
	return err
}

func (t *table) end() error {
	_, err := io.WriteString(t.w, t.rule())
	return err
}

// whole draws a table whose rows are all known.
func (t *table) whole(rows [][]string) error {
	for _, row := range rows {
		t.measure(row)
	}
	if err := t.header(); err != nil {
		return err
	}
	for _, row := range rows {
		if err := t.row(row); err != nil {
			return err
		}
	}
	return t.end()
}

// expanded draws a row as one line per column.
func expanded(w io.Writer, n int, columns, row []string) error {
	width := 0
	for _, c := range columns {
		width = max(width, uniseg.StringWidth(c))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "-[ row %d ]-\n", n)
	for i, c := range columns {
		fmt.Fprintf(&b, "%s%s | %s\n", c, strings.Repeat(" ", width-uniseg.StringWidth(c)), row[i])
	}
	_, err := io.WriteString(w, b.String())
	return err
}
