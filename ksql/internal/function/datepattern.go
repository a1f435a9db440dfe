package function

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A datePattern is a compiled pattern in the letters of java.time.format.DateTimeFormatter: G u y D M L d Q q Y w E e c a h K k H m s S A n N
// V v z O X x Z, text in quotes, and optional parts in brackets. Texts are English; weeks are those of ISO 8601. Parsing
// ignores case; what a pattern does not say is 1970, January, the first, midnight.
type datePattern struct {
	items []dateItem
}

type dateItem struct {
	letter  byte // 0 for literal text, '[' for an optional part
	count   int
	literal string
	inner   []dateItem // of an optional part
	// reserved is the number of digits that the numbers directly behind take, so that yyyyMMdd can be cut.
	reserved int
}

const maxDatePattern = 256

func compileDatePattern(s string) (*datePattern, error) {
	if len(s) > maxDatePattern {
		return nil, fmt.Errorf("the date pattern is longer than %d characters", maxDatePattern)
	}
	items, rest, err := compileDateItems(s, 0)
	if err != nil {
		return nil, err
	}
	if rest != "" {
		return nil, fmt.Errorf("Pattern invalid as it contains ] without previous [: %s", s)
	}
	reserveDigits(items)
	return &datePattern{items}, nil
}

func compileDateItems(s string, depth int) (items []dateItem, rest string, err error) {
	if depth > 16 {
		return nil, "", fmt.Errorf("the date pattern is nested too deep")
	}
	for s != "" {
		c := s[0]
		switch {
		case c == '\'':
			var text string
			if text, s, err = quotedText(s); err != nil {
				return nil, "", err
			}
			items = append(items, dateItem{literal: text})
		case c == '[':
			var inner []dateItem
			if inner, s, err = compileDateItems(s[1:], depth+1); err != nil {
				return nil, "", err
			}
			s = strings.TrimPrefix(s, "]")
			items = append(items, dateItem{letter: '[', inner: inner})
		case c == ']':
			if depth == 0 {
				return items, s, nil
			}
			return items, s, nil
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			n := 1
			for n < len(s) && s[n] == c {
				n++
			}
			item := dateItem{letter: c, count: n}
			if err := checkDateItem(item); err != nil {
				return nil, "", err
			}
			items = append(items, item)
			s = s[n:]
		case c == '{' || c == '}' || c == '#':
			return nil, "", fmt.Errorf("Pattern includes reserved character: '%c'", c)
		default:
			_, n := utf8.DecodeRuneInString(s)
			items = append(items, dateItem{literal: s[:n]})
			s = s[n:]
		}
	}
	return items, "", nil
}

// quotedText reads text in single quotes; two quotes are one.
func quotedText(s string) (text, rest string, err error) {
	if strings.HasPrefix(s, "''") {
		return "'", s[2:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), s[i+1:], nil
	}
	return "", "", fmt.Errorf("Pattern ends with an incomplete string literal: %s", s)
}

func checkDateItem(i dateItem) error {
	limit := map[byte]int{
		'G': 5, 'u': 19, 'y': 19, 'D': 3, 'M': 5, 'L': 5, 'd': 2, 'Q': 5, 'q': 5, 'Y': 19, 'w': 2, 'E': 5, 'e': 5, 'c': 5, 'a': 1, 'h': 2, 'K': 2, 'k': 2,
		'H': 2, 'm': 2, 's': 2, 'S': 9, 'A': 19, 'n': 19, 'N': 19, 'V': 2, 'v': 4, 'z': 4, 'O': 4, 'X': 5, 'x': 5, 'Z': 5,
	}[i.letter]
	switch {
	case limit == 0:
		return fmt.Errorf("Unknown pattern letter: %c", i.letter)
	case i.count > limit, i.letter == 'V' && i.count != 2, i.letter == 'O' && i.count != 1 && i.count != 4:
		return fmt.Errorf("Too many pattern letters: %c", i.letter)
	}
	return nil
}

// isNumber reports whether an item reads digits; width is their fixed number, 0 if it varies.
func (i dateItem) isNumber() (number bool, width int) {
	switch i.letter {
	case 'M', 'L', 'Q', 'q', 'e', 'c':
		if i.count > 2 {
			return false, 0
		}
	case 'u', 'y', 'Y':
		if i.count == 2 {
			return true, 2
		}
		return true, 0
	case 'S':
		return true, i.count
	case 'D', 'd', 'w', 'h', 'K', 'k', 'H', 'm', 's', 'A', 'n', 'N':
	default:
		return false, 0
	}
	if i.count > 1 {
		return true, i.count
	}
	return true, 0
}

func reserveDigits(items []dateItem) {
	for i := range items {
		if items[i].letter == '[' {
			reserveDigits(items[i].inner)
			continue
		}
		if number, width := items[i].isNumber(); !number || width > 0 {
			continue
		}
		for _, next := range items[i+1:] {
			number, width := next.isNumber()
			if !number || width == 0 {
				break
			}
			items[i].reserved += width
		}
	}
}

// format writes an instant in its location.
func (p *datePattern) format(t time.Time) string {
	return string(appendDateItems(nil, p.items, t))
}

func appendDateItems(dst []byte, items []dateItem, t time.Time) []byte {
	for _, i := range items {
		switch i.letter {
		case 0:
			dst = append(dst, i.literal...)
		case '[':
			dst = appendDateItems(dst, i.inner, t)
		default:
			dst = appendDateItem(dst, i, t)
		}
	}
	return dst
}

func appendDateItem(dst []byte, i dateItem, t time.Time) []byte {
	year := t.Year()
	era := max(year, 1-year) // years of the era count from 1
	switch i.letter {
	case 'G':
		return append(dst, eraName(year > 0, i.count)...)
	case 'u':
		return appendYear(dst, year, i.count)
	case 'y':
		return appendYear(dst, era, i.count)
	case 'Y':
		y, _ := t.ISOWeek()
		return appendYear(dst, y, i.count)
	case 'w':
		_, w := t.ISOWeek()
		return appendNumber(dst, w, i.count)
	case 'D':
		return appendNumber(dst, t.YearDay(), i.count)
	case 'd':
		return appendNumber(dst, t.Day(), i.count)
	case 'M', 'L':
		return appendName(dst, int(t.Month()), i.count, monthNames[:], int(t.Month())-1)
	case 'Q', 'q':
		return appendQuarter(dst, (int(t.Month())+2)/3, i.count)
	case 'E':
		return appendName(dst, 0, max(i.count, 3), dayNames[:], int(t.Weekday()))
	case 'e', 'c':
		return appendName(dst, (int(t.Weekday())+6)%7+1, i.count, dayNames[:], int(t.Weekday()))
	case 'a':
		return append(dst, [2]string{"AM", "PM"}[t.Hour()/12]...)
	case 'h':
		return appendNumber(dst, (t.Hour()+11)%12+1, i.count)
	case 'K':
		return appendNumber(dst, t.Hour()%12, i.count)
	case 'k':
		return appendNumber(dst, (t.Hour()+23)%24+1, i.count)
	case 'H':
		return appendNumber(dst, t.Hour(), i.count)
	case 'm':
		return appendNumber(dst, t.Minute(), i.count)
	case 's':
		return appendNumber(dst, t.Second(), i.count)
	case 'S':
		digits := fmt.Sprintf("%09d", t.Nanosecond())
		return append(dst, digits[:i.count]...)
	case 'A':
		return appendNumber(dst, sinceMidnight(t)/1e6, i.count)
	case 'n':
		return appendNumber(dst, t.Nanosecond(), i.count)
	case 'N':
		return appendNumber(dst, sinceMidnight(t), i.count)
	}
	return appendZone(dst, i, t)
}

func sinceMidnight(t time.Time) int {
	return ((t.Hour()*60+t.Minute())*60+t.Second())*1e9 + t.Nanosecond()
}

func appendNumber(dst []byte, n, width int) []byte {
	s := strconv.Itoa(n)
	for range width - len(s) {
		dst = append(dst, '0')
	}
	return append(dst, s...)
}

func appendYear(dst []byte, y, count int) []byte {
	if count == 2 {
		return appendNumber(dst, (y%100+100)%100, 2)
	}
	if y < 0 {
		dst = append(dst, '-')
		y = -y
	} else if count >= 4 && y > 9999 {
		dst = append(dst, '+')
	}
	return appendNumber(dst, y, count)
}

func eraName(ad bool, count int) string {
	names := [3][2]string{{"BC", "AD"}, {"Before Christ", "Anno Domini"}, {"B", "A"}}
	i := 0
	if ad {
		i = 1
	}
	return names[max(count-3, 0)][i]
}

var monthNames = [...]string{
	"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
}

var dayNames = [...]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}

// appendName writes a number for one or two letters, a short name for three, the full one for four, one letter for five.
func appendName(dst []byte, number, count int, names []string, i int) []byte {
	switch count {
	case 1, 2:
		return appendNumber(dst, number, count)
	case 3:
		return append(dst, names[i][:3]...)
	case 4:
		return append(dst, names[i]...)
	}
	return append(dst, names[i][:1]...)
}

func appendQuarter(dst []byte, q, count int) []byte {
	switch count {
	case 1, 2:
		return appendNumber(dst, q, count)
	case 3:
		return append(dst, 'Q', byte('0'+q))
	case 4:
		return append(append(dst, [...]string{"1st", "2nd", "3rd", "4th"}[q-1]...), " quarter"...)
	}
	return append(dst, byte('0'+q))
}

func appendZone(dst []byte, i dateItem, t time.Time) []byte {
	name, offset := t.Zone()
	switch i.letter {
	case 'V':
		return append(dst, zoneID(t)...)
	case 'z', 'v':
		if i.count == 4 {
			if long, ok := longZones[name]; ok {
				return append(dst, long...)
			}
		}
		if name == "" || name[0] == '+' || name[0] == '-' {
			return append(dst, zoneID(t)...)
		}
		return append(dst, name...)
	case 'O':
		dst = append(dst, "GMT"...)
		if offset == 0 {
			return dst
		}
		if i.count == 4 {
			return appendOffset(dst, offset, true, true, false)
		}
		return appendShortOffset(dst, offset)
	case 'X', 'x', 'Z':
		return appendOffsetItem(dst, i, offset)
	}
	return dst
}

func zoneID(t time.Time) string {
	if name := t.Location().String(); name != "UTC" && name != "" {
		return name
	}
	return "Z"
}

func appendShortOffset(dst []byte, offset int) []byte {
	dst, offset = appendSign(dst, offset)
	dst = strconv.AppendInt(dst, int64(offset/3600), 10)
	if m := offset / 60 % 60; m != 0 {
		dst = append(dst, ':')
		dst = appendNumber(dst, m, 2)
	}
	return dst
}

func appendSign(dst []byte, offset int) ([]byte, int) {
	if offset < 0 {
		return append(dst, '-'), -offset
	}
	return append(dst, '+'), offset
}

func appendOffsetItem(dst []byte, i dateItem, offset int) []byte {
	switch {
	case i.letter == 'X' && offset == 0:
		return append(dst, 'Z')
	case i.letter == 'Z' && i.count <= 3:
		return appendOffset(dst, offset, true, false, false)
	case i.letter == 'Z' && i.count == 4:
		dst = append(dst, "GMT"...)
		if offset == 0 {
			return dst
		}
		return appendOffset(dst, offset, true, true, false)
	case i.letter == 'Z':
		if offset == 0 {
			return append(dst, 'Z')
		}
		return appendOffset(dst, offset, true, true, true)
	}
	switch i.count {
	case 1:
		return appendOffset(dst, offset, offset/60%60 != 0, false, false)
	case 2:
		return appendOffset(dst, offset, true, false, false)
	case 3:
		return appendOffset(dst, offset, true, true, false)
	case 4:
		return appendOffset(dst, offset, true, false, true)
	}
	return appendOffset(dst, offset, true, true, true)
}

func appendOffset(dst []byte, offset int, minutes, colon, seconds bool) []byte {
	dst, offset = appendSign(dst, offset)
	dst = appendNumber(dst, offset/3600, 2)
	if !minutes {
		return dst
	}
	if colon {
		dst = append(dst, ':')
	}
	dst = appendNumber(dst, offset/60%60, 2)
	if s := offset % 60; seconds && s != 0 {
		if colon {
			dst = append(dst, ':')
		}
		dst = appendNumber(dst, s, 2)
	}
	return dst
}

// dateFields is what a text says; a field is set if its bit in set is.
type dateFields struct {
	set                          uint32
	year, month, day, yearDay    int
	hour, hour12, minute, second int
	nano, nanoOfDay              int
	weekYear, week, weekday      int
	quarter                      int
	bc, pm                       bool
	zone                         *time.Location
}

const (
	hasYear = 1 << iota
	hasMonth
	hasDay
	hasYearDay
	hasHour
	hasHour12
	hasNanoOfDay
	hasPM
	hasWeekYear
	hasWeek
	hasWeekday
	hasQuarter
)

// parse reads text; the location is that of the text, or else the given one.
func (p *datePattern) parse(s string, in *time.Location) (time.Time, error) {
	f := dateFields{year: 1970, month: 1, day: 1}
	rest, ok := parseDateItems(&f, p.items, s)
	if !ok || rest != "" {
		return time.Time{}, fmt.Errorf("Text '%s' could not be parsed at index %d", clip(s), len(s)-len(rest))
	}
	if f.zone != nil {
		in = f.zone
	}
	return f.time(in)
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}

// parseDateItems returns the text that is left; on failure, from the place where it does not fit.
func parseDateItems(f *dateFields, items []dateItem, s string) (rest string, ok bool) {
	for _, i := range items {
		switch i.letter {
		case 0:
			if len(s) < len(i.literal) || !strings.EqualFold(s[:len(i.literal)], i.literal) {
				return s, false
			}
			s = s[len(i.literal):]
		case '[':
			saved := *f
			if after, ok := parseDateItems(f, i.inner, s); ok {
				s = after
			} else {
				*f = saved
			}
		default:
			after, ok := parseDateItem(f, i, s)
			if !ok {
				return s, false
			}
			s = after
		}
	}
	return s, true
}

func parseDateItem(f *dateFields, i dateItem, s string) (string, bool) {
	if number, _ := i.isNumber(); number {
		if i.letter == 'S' {
			return parseFraction(f, i.count, s)
		}
		n, digits, rest, ok := parseNumber(i, s)
		return rest, ok && f.setNumber(i, n, digits)
	}
	switch i.letter {
	case 'M', 'L':
		n, rest, ok := parseName(s, monthNames[:], i.count)
		f.month = n + 1
		f.set |= hasMonth
		return rest, ok
	case 'E', 'e', 'c':
		n, rest, ok := parseName(s, dayNames[:], max(i.count, 3))
		f.weekday = n
		f.set |= hasWeekday
		return rest, ok
	case 'Q', 'q':
		return parseQuarter(f, i, s)
	case 'G':
		for _, ad := range []bool{true, false} {
			if name := eraName(ad, i.count); len(s) >= len(name) && strings.EqualFold(s[:len(name)], name) {
				f.bc = !ad
				return s[len(name):], true
			}
		}
		return s, false
	case 'a':
		if len(s) < 2 || s[1]|0x20 != 'm' || s[0]|0x20 != 'a' && s[0]|0x20 != 'p' {
			return s, false
		}
		f.pm = s[0]|0x20 == 'p'
		f.set |= hasPM
		return s[2:], true
	}
	return parseZone(f, i, s)
}

// parseNumber reads the digits of an item, leaving those that the items behind need.
func parseNumber(i dateItem, s string) (n, digits int, rest string, ok bool) {
	neg := false
	if _, width := i.isNumber(); width == 0 && s != "" && (s[0] == '-' || s[0] == '+') && (i.letter == 'u' || i.letter == 'y' || i.letter == 'Y') {
		neg = s[0] == '-'
		s = s[1:]
	}
	available := 0
	for available < len(s) && available < 19 && s[available] >= '0' && s[available] <= '9' {
		available++
	}
	low, high := 1, 18
	if _, width := i.isNumber(); width > 0 {
		low, high = width, width
	} else if i.letter == 'u' || i.letter == 'y' || i.letter == 'Y' {
		low = i.count
		high = 9
	} else if i.letter != 'A' && i.letter != 'n' && i.letter != 'N' {
		high = 3
		if i.letter != 'D' {
			high = 2
		}
	}
	digits = min(available-i.reserved, high)
	if digits < low {
		return 0, 0, s, false
	}
	for _, c := range s[:digits] {
		n = n*10 + int(c-'0')
	}
	if neg {
		n = -n
	}
	return n, digits, s[digits:], true
}

func (f *dateFields) setNumber(i dateItem, n, digits int) bool {
	in := func(low, high int) bool { return n >= low && n <= high }
	switch i.letter {
	case 'u', 'y':
		if i.count == 2 {
			n += 2000
		}
		f.year, f.set = n, f.set|hasYear
	case 'Y':
		if i.count == 2 {
			n += 2000
		}
		f.weekYear, f.set = n, f.set|hasWeekYear
	case 'w':
		f.week, f.set = n, f.set|hasWeek
		return in(1, 53)
	case 'e', 'c':
		f.weekday, f.set = n%7, f.set|hasWeekday
		return in(1, 7)
	case 'M', 'L':
		f.month, f.set = n, f.set|hasMonth
		return in(1, 12)
	case 'Q', 'q':
		f.quarter, f.set = n, f.set|hasQuarter
		return in(1, 4)
	case 'd':
		f.day, f.set = n, f.set|hasDay
		return in(1, 31)
	case 'D':
		f.yearDay, f.set = n, f.set|hasYearDay
		return in(1, 366)
	case 'H':
		f.hour, f.set = n, f.set|hasHour
		return in(0, 23)
	case 'k':
		f.hour, f.set = n%24, f.set|hasHour
		return in(1, 24)
	case 'h':
		f.hour12, f.set = n%12, f.set|hasHour12
		return in(1, 12)
	case 'K':
		f.hour12, f.set = n, f.set|hasHour12
		return in(0, 11)
	case 'm':
		f.minute = n
		return in(0, 59)
	case 's':
		f.second = n
		return in(0, 59)
	case 'n':
		f.nano = n
		return in(0, 999_999_999)
	case 'A':
		f.nanoOfDay, f.set = n*1e6, f.set|hasNanoOfDay
		return in(0, 86_399_999)
	case 'N':
		f.nanoOfDay, f.set = n, f.set|hasNanoOfDay
		return in(0, 86_399_999_999_999)
	}
	return digits > 0
}

func parseFraction(f *dateFields, count int, s string) (string, bool) {
	if len(s) < count {
		return s, false
	}
	n := 0
	for _, c := range []byte(s[:count]) {
		if c < '0' || c > '9' {
			return s, false
		}
		n = n*10 + int(c-'0')
	}
	for range 9 - count {
		n *= 10
	}
	f.nano = n
	return s[count:], true
}

func parseName(s string, names []string, count int) (n int, rest string, ok bool) {
	for i, name := range names {
		switch count {
		case 3:
			name = name[:3]
		case 5:
			name = name[:1]
		}
		if len(s) >= len(name) && strings.EqualFold(s[:len(name)], name) {
			return i, s[len(name):], true
		}
	}
	return 0, s, false
}

func parseQuarter(f *dateFields, i dateItem, s string) (string, bool) {
	for q := 1; q <= 4; q++ {
		text := string(appendQuarter(nil, q, i.count))
		if len(s) >= len(text) && strings.EqualFold(s[:len(text)], text) {
			f.quarter, f.set = q, f.set|hasQuarter
			return s[len(text):], true
		}
	}
	return s, false
}

func parseZone(f *dateFields, i dateItem, s string) (string, bool) {
	n := 0
	switch i.letter {
	case 'X', 'x', 'Z':
		for n < len(s) && (s[n] == '+' || s[n] == '-' || s[n] == ':' || s[n] >= '0' && s[n] <= '9') {
			n++
		}
		if n == 0 && s != "" && (s[0] == 'Z' || s[0] == 'z') {
			n = 1
		}
		if i.letter == 'Z' && i.count == 4 && strings.HasPrefix(s, "GMT") {
			return parseZone(f, dateItem{letter: 'O', count: 4}, s)
		}
	default:
		for n < len(s) && isZoneChar(s[n]) {
			n++
		}
	}
	for ; n > 0; n-- {
		if loc, err := location(s[:n]); err == nil {
			f.zone = loc
			return s[n:], true
		}
	}
	return s, false
}

func isZoneChar(c byte) bool {
	return c < utf8.RuneSelf && (unicode.IsLetter(rune(c)) || c >= '0' && c <= '9' || strings.IndexByte("/_+-:", c) >= 0)
}

// time makes the instant of the fields. A day after the end of its month is the month's last one, as in Java's smart resolver.
func (f *dateFields) time(in *time.Location) (time.Time, error) {
	year := f.year
	if f.bc {
		year = 1 - year
	}
	month, day := f.month, f.day
	switch {
	case f.set&hasYearDay != 0:
		t := time.Date(year, 1, f.yearDay, 0, 0, 0, 0, time.UTC)
		if t.Year() != year {
			return t, fmt.Errorf("Invalid date 'DayOfYear %d' as '%d' is not a leap year", f.yearDay, year)
		}
		month, day = int(t.Month()), t.Day()
	case f.set&hasWeekYear != 0 && f.set&hasMonth == 0:
		year, month, day = f.weekDate()
	case f.set&hasQuarter != 0 && f.set&hasMonth == 0:
		month = 3*f.quarter - 2
	}
	if last := time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day(); day > last {
		day = last
	}
	hour, minute, second, nano := f.hour, f.minute, f.second, f.nano
	switch {
	case f.set&hasNanoOfDay != 0:
		n := f.nanoOfDay
		hour, minute, second, nano = n/3600e9, n/60e9%60, n/1e9%60, n%1e9
	case f.set&hasHour12 != 0:
		hour = f.hour12
		if f.pm {
			hour += 12
		}
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, nano, in), nil
}

func (f *dateFields) weekDate() (year, month, day int) {
	weekday := 1 // Monday
	if f.set&hasWeekday != 0 {
		weekday = (f.weekday+6)%7 + 1
	}
	week := max(f.week, 1)
	// 4 January is always in the first week.
	first := time.Date(f.weekYear, 1, 4, 0, 0, 0, 0, time.UTC)
	t := first.AddDate(0, 0, -((int(first.Weekday())+6)%7)+(week-1)*7+weekday-1)
	return t.Year(), int(t.Month()), t.Day()
}
