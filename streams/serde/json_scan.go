package serde

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// decoder walks the bytes of one JSON text.
type decoder struct {
	data  []byte
	at    int
	depth int
	alone bool   // the type has one string: a block for several would be wasted
	text  []byte // room for short strings; those handed out lie before its length
	key   []byte // scratch for names with escapes
	fold  []byte // scratch for names in another case
}

// maxDepth is how deep arrays and objects may be nested, as in encoding/json.
const maxDepth = 10000

var (
	errSyntax   = errors.New("invalid JSON")
	errType     = errors.New("JSON value is of another type")
	errRange    = errors.New("JSON number is out of range")
	errDepth    = errors.New("JSON is nested too deeply")
	errEmbedded = errors.New("field of an embedded pointer to a private struct cannot be set")
)

func (d *decoder) syntax(want string) error {
	if d.at >= len(d.data) {
		return fmt.Errorf("%w: end of input instead of %s", errSyntax, want)
	}
	return fmt.Errorf("%w: %q at offset %d instead of %s", errSyntax, d.data[d.at], d.at, want)
}

func (d *decoder) mismatch(want string) error {
	start := d.at
	if err := d.skip(); err != nil {
		return err
	}
	return fmt.Errorf("%w: offset %d is no %s", errType, start, want)
}

// peek skips white space and returns the byte behind it, 0 at the end.
func (d *decoder) peek() byte {
	for d.at < len(d.data) {
		switch c := d.data[d.at]; c {
		case ' ', '\t', '\n', '\r':
			d.at++
		default:
			return c
		}
	}
	return 0
}

// end fails unless only white space is left.
func (d *decoder) end() error {
	if d.peek(); d.at < len(d.data) {
		return d.syntax("the end")
	}
	return nil
}

// literal consumes a word.
func (d *decoder) literal(word string) error {
	for i := range len(word) {
		if d.at >= len(d.data) || d.data[d.at] != word[i] {
			return d.syntax(word)
		}
		d.at++
	}
	return nil
}

// null consumes a null, if there is one.
func (d *decoder) null() (bool, error) {
	if d.peek() != 'n' {
		return false, nil
	}
	return true, d.literal("null")
}

func (d *decoder) enter() error {
	if d.depth++; d.depth > maxDepth {
		return errDepth
	}
	d.at++
	return nil
}

func (d *decoder) leave() { d.depth-- }

// more moves to the next element of an array or object, of which n were read. It returns false at its end.
func (d *decoder) more(n int, closing byte) (bool, error) {
	switch c := d.peek(); {
	case c == closing:
		d.at++
		return false, nil
	case n == 0:
		return true, nil
	case c != ',':
		return false, d.syntax("a comma or the end")
	}
	d.at++
	if d.peek() == closing {
		return false, d.syntax("an element")
	}
	return true, nil
}

// name reads the name of a member and the colon behind it. It is valid until the next name is read.
func (d *decoder) name() ([]byte, error) {
	if d.peek() != '"' {
		return nil, d.syntax("a name")
	}
	raw, plain, err := d.rawString()
	if err != nil {
		return nil, err
	}
	if d.peek() != ':' {
		return nil, d.syntax("a colon")
	}
	d.at++
	if !plain {
		d.key = appendUnquoted(d.key[:0], raw)
		return d.key, nil
	}
	return raw, nil
}

// skip consumes one value of any kind and checks it.
func (d *decoder) skip() error {
	switch c := d.peek(); c {
	case '{':
		return d.object(func() error {
			if _, err := d.name(); err != nil {
				return err
			}
			return d.skip()
		})
	case '[':
		return d.array(func(int) error { return d.skip() })
	case '"':
		_, _, err := d.rawString()
		return err
	case 't':
		return d.literal("true")
	case 'f':
		return d.literal("false")
	case 'n':
		return d.literal("null")
	default:
		_, err := d.rawNumber()
		return err
	}
}

// object calls member at each member of an object.
func (d *decoder) object(member func() error) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	for n := 0; ; n++ {
		if more, err := d.more(n, '}'); err != nil || !more {
			return err
		}
		if err := member(); err != nil {
			return err
		}
	}
}

// array calls element at each element of an array.
func (d *decoder) array(element func(i int) error) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	for n := 0; ; n++ {
		if more, err := d.more(n, ']'); err != nil || !more {
			return err
		}
		if err := element(n); err != nil {
			return err
		}
	}
}

// rawString consumes a string and returns what is between its quotes. It is plain if that is the string's value.
func (d *decoder) rawString() (raw []byte, plain bool, err error) {
	d.at++
	start, plain := d.at, true
	for i := start; i < len(d.data); i++ {
		if i = skipPlain(d.data, i); i >= len(d.data) {
			break
		}
		switch c := d.data[i]; {
		case c == '"':
			d.at = i + 1
			raw = d.data[start:i]
			return raw, plain, nil
		case c == '\\':
			plain = false
			n := escapeLen(d.data[i:])
			if n == 0 {
				d.at = i
				return nil, false, d.syntax("an escape")
			}
			i += n - 1
		case c < ' ':
			d.at = i
			return nil, false, d.syntax("a character")
		case c >= utf8.RuneSelf && plain:
			if r, n := utf8.DecodeRune(d.data[i:]); r == utf8.RuneError && n == 1 {
				plain = false
			} else {
				i += n - 1
			}
		}
	}
	d.at = len(d.data)
	return nil, false, d.syntax("a quote")
}

// skipPlain returns the first position from i on at which a byte may be a quote, a backslash, a control character or no
// ASCII. It looks at eight bytes at a time: a borrow from a byte sets its highest bit, and the lowest bit set is right.
func skipPlain(b []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		quote, slash := x^(ones*'"'), x^(ones*'\\')
		found := ((quote-ones)&^quote | (slash-ones)&^slash | (x-ones*' ')&^x | x) & highs
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	return i
}

// escapeLen returns the length of the escape that b begins with, 0 if it is not valid.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b[2:]); ok {
			return 6
		}
	}
	return 0
}

// hex4 reads the four digits of a \u escape.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// appendUnquoted appends the value of a raw string whose escapes are valid. Bytes that are no UTF-8, and halves of
// surrogate pairs, become U+FFFD.
func appendUnquoted(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		switch c := raw[i]; {
		case c == '\\' && raw[i+1] == 'u':
			r, _ := hex4(raw[i+2:])
			i += 6
			if utf16.IsSurrogate(r) {
				if i+1 < len(raw) && raw[i] == '\\' && raw[i+1] == 'u' {
					low, _ := hex4(raw[i+2:])
					if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
						dst = utf8.AppendRune(dst, pair)
						i += 6
						continue
					}
				}
				r = utf8.RuneError
			}
			dst = utf8.AppendRune(dst, r)
		case c == '\\':
			dst = append(dst, unescaped(raw[i+1]))
			i += 2
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			i++
		default:
			r, n := utf8.DecodeRune(raw[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
		}
	}
	return dst
}

func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// string consumes a string and returns its value.
func (d *decoder) string() (string, error) {
	raw, plain, err := d.rawString()
	if err != nil {
		return "", err
	}
	if !plain {
		return string(appendUnquoted(nil, raw)), nil
	}
	return d.keep(raw), nil
}

// Short strings of one value share a block of memory.
const (
	longString = 64
	textBlock  = 256
)

// keep returns a copy of b.
func (d *decoder) keep(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if d.alone || len(b) > longString {
		return string(b)
	}
	if cap(d.text)-len(d.text) < len(b) {
		d.text = make([]byte, 0, min(len(b)+len(d.data)-d.at, textBlock))
	}
	n := len(d.text)
	d.text = append(d.text, b...)
	return unsafe.String(&d.text[n], len(b))
}

// rawNumber consumes a number.
func (d *decoder) rawNumber() ([]byte, error) {
	start := d.at
	if d.at < len(d.data) && d.data[d.at] == '-' {
		d.at++
	}
	switch {
	case d.at < len(d.data) && d.data[d.at] == '0':
		d.at++
	case !d.digits():
		return nil, d.syntax("a value")
	}
	if d.at < len(d.data) && d.data[d.at] == '.' {
		d.at++
		if !d.digits() {
			return nil, d.syntax("a digit")
		}
	}
	if d.at < len(d.data) && (d.data[d.at] == 'e' || d.data[d.at] == 'E') {
		d.at++
		if d.at < len(d.data) && (d.data[d.at] == '+' || d.data[d.at] == '-') {
			d.at++
		}
		if !d.digits() {
			return nil, d.syntax("a digit")
		}
	}
	return d.data[start:d.at], nil
}

// digits consumes digits and says whether there was one.
func (d *decoder) digits() bool {
	start := d.at
	for d.at < len(d.data) && d.data[d.at]-'0' <= 9 {
		d.at++
	}
	return d.at > start
}

// integer consumes a number that is an integer of so many bits.
func (d *decoder) integer(size int) (int64, error) {
	start := d.at
	raw, err := d.rawNumber()
	if err != nil {
		return 0, err
	}
	digits, negative := raw, false
	if raw[0] == '-' {
		digits, negative = raw[1:], true
	}
	var n uint64
	if len(digits) > 18 {
		v, err := strconv.ParseInt(string(raw), 10, size)
		if err != nil {
			return 0, fmt.Errorf("%w: %s at offset %d", errRange, raw, start)
		}
		return v, nil
	}
	for _, c := range digits {
		if c-'0' > 9 {
			return 0, fmt.Errorf("%w: %s at offset %d is no integer", errType, raw, start)
		}
		n = 10*n + uint64(c-'0')
	}
	v := int64(n)
	if negative {
		v = -v
	}
	if v<<(64-size)>>(64-size) != v {
		return 0, fmt.Errorf("%w: %s at offset %d", errRange, raw, start)
	}
	return v, nil
}

// unsigned consumes a number that is an unsigned integer of so many bits.
func (d *decoder) unsigned(size int) (uint64, error) {
	start := d.at
	raw, err := d.rawNumber()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(unsafe.String(&raw[0], len(raw)), 10, size)
	if err != nil {
		return 0, fmt.Errorf("%w: %s at offset %d is no unsigned integer of %d bits", errRange, raw, start, size)
	}
	return n, nil
}

// powersOfTen are those that a float64 holds exactly.
var powersOfTen = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// float consumes a number.
func (d *decoder) float(size int) (float64, error) {
	start := d.at
	raw, err := d.rawNumber()
	if err != nil {
		return 0, err
	}
	if v, ok := shortFloat(raw); ok && size == 64 {
		return v, nil
	}
	v, err := strconv.ParseFloat(unsafe.String(&raw[0], len(raw)), size)
	if err != nil {
		return 0, fmt.Errorf("%w: %s at offset %d", errRange, raw, start)
	}
	return v, nil
}

// shortFloat reads a decimal fraction of up to 15 digits: digits and power of ten are exact, so one division rounds once.
func shortFloat(raw []byte) (float64, bool) {
	if len(raw) > 16 {
		return 0, false
	}
	digits, n, fraction, point := uint64(0), 0, 0, false
	b := raw
	if b[0] == '-' {
		b = b[1:]
	}
	for _, c := range b {
		switch {
		case c == '.':
			point = true
			continue
		case c-'0' > 9:
			return 0, false
		}
		digits = 10*digits + uint64(c-'0')
		n++
		if point {
			fraction++
		}
	}
	if n > 15 {
		return 0, false
	}
	v := float64(digits) / powersOfTen[fraction]
	if raw[0] == '-' {
		v = math.Copysign(v, -1)
	}
	return v, true
}
