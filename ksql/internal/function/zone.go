package function

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // the machine may have no time zones
)

// location finds a time zone by its name as java.time.ZoneId does: Europe/Madrid, UTC, Z, +02:00, -0330, GMT+2, and the usual abbreviations.
func location(name string) (*time.Location, error) {
	upper := strings.ToUpper(name)
	switch upper {
	case "Z", "UTC", "GMT", "UT":
		return time.UTC, nil
	}
	for _, prefix := range []string{"UTC", "GMT", "UT", ""} {
		if rest, ok := strings.CutPrefix(upper, prefix); ok && rest != "" && (rest[0] == '+' || rest[0] == '-') {
			offset, ok := parseOffset(rest)
			if !ok {
				return nil, fmt.Errorf("Unknown time-zone ID: %s", clip(name))
			}
			return time.FixedZone(name, offset), nil
		}
	}
	if id, ok := shortZones[upper]; ok {
		name = id
	}
	loc, err := time.LoadLocation(name)
	if err != nil || loc == time.Local || name == "" {
		return nil, fmt.Errorf("Unknown time-zone ID: %s", clip(name))
	}
	return loc, nil
}

// parseOffset reads +h, +hh, +hhmm, +hh:mm, +hhmmss or +hh:mm:ss as seconds.
func parseOffset(s string) (seconds int, ok bool) {
	sign := 1
	if s[0] == '-' {
		sign = -1
	}
	digits := strings.ReplaceAll(s[1:], ":", "")
	if len(digits) == 1 {
		digits = "0" + digits
	}
	if len(digits) != 2 && len(digits) != 4 && len(digits) != 6 || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	digits += "0000"
	h, m, sec := int(digits[0]-'0')*10+int(digits[1]-'0'), int(digits[2]-'0')*10+int(digits[3]-'0'), int(digits[4]-'0')*10+int(digits[5]-'0')
	total := h*3600 + m*60 + sec
	if m > 59 || sec > 59 || total > 18*3600 {
		return 0, false
	}
	return sign * total, true
}

// shortZones are the abbreviations that texts use; where several zones share one, the one Java picks.
var shortZones = map[string]string{
	"PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "MST": "America/Denver", "MDT": "America/Denver", "CST": "America/Chicago",
	"CDT": "America/Chicago", "EST": "America/New_York", "EDT": "America/New_York", "AKST": "America/Anchorage", "AKDT": "America/Anchorage",
	"HST": "Pacific/Honolulu", "BST": "Europe/London", "WET": "Europe/Lisbon", "WEST": "Europe/Lisbon", "CET": "Europe/Paris", "CEST": "Europe/Paris",
	"EET": "Europe/Athens", "EEST": "Europe/Athens", "MSK": "Europe/Moscow", "IST": "Asia/Kolkata", "JST": "Asia/Tokyo", "KST": "Asia/Seoul",
	"AEST": "Australia/Sydney", "AEDT": "Australia/Sydney", "ACST": "Australia/Adelaide", "AWST": "Australia/Perth", "NZST": "Pacific/Auckland",
	"NZDT": "Pacific/Auckland", "BRT": "America/Sao_Paulo", "ART": "America/Argentina/Buenos_Aires",
}

var longZones = map[string]string{
	"UTC": "Coordinated Universal Time", "GMT": "Greenwich Mean Time", "PST": "Pacific Standard Time", "PDT": "Pacific Daylight Time",
	"MST": "Mountain Standard Time", "MDT": "Mountain Daylight Time", "CST": "Central Standard Time", "CDT": "Central Daylight Time",
	"EST": "Eastern Standard Time", "EDT": "Eastern Daylight Time", "BST": "British Summer Time", "CET": "Central European Standard Time",
	"CEST": "Central European Summer Time", "EET": "Eastern European Standard Time", "EEST": "Eastern European Summer Time",
	"WET": "Western European Standard Time", "WEST": "Western European Summer Time", "IST": "India Standard Time", "JST": "Japan Standard Time",
}
