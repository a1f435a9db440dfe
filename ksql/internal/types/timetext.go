package types

import (
	"fmt"
	"strings"
	"time"
)

// ParseTimestampText reads ISO text of a timestamp, of which any tail may be missing, to milliseconds since the epoch:
// 2020, 2020-02, 2020-02-03, 2020-02-03T10, 2020-02-03T10:11:12.123, each with an optional zone (Z, +0100, +01:00) after the
// time. Without a zone it is UTC.
func ParseTimestampText(s string) (int64, error) {
	p := textScanner{s: strings.TrimSpace(s)}
	bad := func() (int64, error) {
		return 0, fmt.Errorf("Failed to parse timestamp '%s': expected text such as 2020-02-03T10:11:12.123", clip(s))
	}
	neg := p.skip('-')
	year, ok := p.number(4, 9)
	if !ok {
		return bad()
	}
	if neg {
		year = -year
	}
	month, day := 1, 1
	if p.skip('-') {
		if month, ok = p.number(2, 2); !ok || month < 1 || month > 12 {
			return bad()
		}
		if p.skip('-') {
			if day, ok = p.number(2, 2); !ok || day < 1 || day > daysIn(year, month) {
				return bad()
			}
		}
	}
	date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).UnixMilli()
	if p.done() {
		return date, nil
	}
	if !p.skip('T') && !p.skip(' ') {
		return bad()
	}
	ms, ok := p.timeOfDay(true)
	if !ok {
		return bad()
	}
	offset, ok := p.zone()
	if !ok || !p.done() {
		return bad()
	}
	return date + int64(ms) - int64(offset)*1000, nil
}

// ParseTimeText reads the ISO text of a time of day, HH:mm with optional seconds and fraction, to milliseconds.
func ParseTimeText(s string) (int32, error) {
	p := textScanner{s: strings.TrimSpace(s)}
	ms, ok := p.timeOfDay(true)
	if !ok || !p.done() {
		return 0, fmt.Errorf("Failed to parse time '%s': expected text such as 10:11:12.123", clip(s))
	}
	return ms, nil
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

type textScanner struct {
	s string
	i int
}

func (p *textScanner) done() bool { return p.i == len(p.s) }

func (p *textScanner) skip(c byte) bool {
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

// number reads between low and high digits.
func (p *textScanner) number(low, high int) (n int, ok bool) {
	start := p.i
	for p.i < len(p.s) && p.i-start < high && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		n = n*10 + int(p.s[p.i]-'0')
		p.i++
	}
	return n, p.i-start >= low
}

// timeOfDay reads HH[:mm[:ss[.SSS...]]]; partial allows the hour alone.
func (p *textScanner) timeOfDay(partial bool) (ms int32, ok bool) {
	hour, ok := p.number(1, 2)
	if !ok || hour > 23 {
		return 0, false
	}
	ms = int32(hour) * 3600000
	if !p.skip(':') {
		return ms, partial
	}
	minute, ok := p.number(2, 2)
	if !ok || minute > 59 {
		return 0, false
	}
	ms += int32(minute) * 60000
	if !p.skip(':') {
		return ms, true
	}
	second, ok := p.number(2, 2)
	if !ok || second > 59 {
		return 0, false
	}
	ms += int32(second) * 1000
	if !p.skip('.') {
		return ms, true
	}
	start := p.i
	frac, ok := p.number(1, 9)
	if !ok {
		return 0, false
	}
	for range 3 - (p.i - start) {
		frac *= 10
	}
	for range (p.i - start) - 3 {
		frac /= 10
	}
	return ms + int32(frac), true
}

// zone reads an optional offset and returns it in seconds.
func (p *textScanner) zone() (offset int, ok bool) {
	if p.done() || p.skip('Z') || p.skip('z') {
		return 0, true
	}
	sign := 1
	switch {
	case p.skip('+'):
	case p.skip('-'):
		sign = -1
	default:
		loc, err := time.LoadLocation(strings.Trim(p.s[p.i:], " []"))
		if err != nil || loc == time.Local {
			return 0, false
		}
		p.i = len(p.s)
		_, offset = time.Unix(0, 0).In(loc).Zone()
		return offset, true
	}
	hour, ok := p.number(2, 2)
	if !ok || hour > 18 {
		return 0, false
	}
	p.skip(':')
	minute, _ := p.number(2, 2)
	if minute > 59 {
		return 0, false
	}
	return sign * (hour*3600 + minute*60), true
}
