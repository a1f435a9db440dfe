package function

import (
	"fmt"
	"time"

	"github.com/chortal/chortal/ksql/internal/types"
)

const msPerDay = 24 * 60 * 60 * 1000

// dateFunctions keep the last pattern and time zone compiled, for both are nearly always literals.
func dateFunctions() []Scalar {
	S, I, L, DT, TM, TS, U := types.String, types.Integer, types.Bigint, types.Date, types.Time, types.Timestamp, types.IntervalUnit
	const format = " in a pattern such as yyyy-MM-dd HH:mm:ss.SSS."
	f, z := p("formatPattern", S), p("timeZone", S)
	return category("DATE / TIME",
		withZones(fn("convert_tz", "Moves a timestamp from one time zone to another, so that the clock of the first shows what that of the second did.", TS, nil,
			p("timestamp", TS), p("fromTimeZone", S), p("toTimeZone", S)), convertTZ),
		fn("dateadd", "Adds a number of units of time to a date.", DT, dateAdd(1), p("unit", U), p("interval", I), p("date", DT)),
		fn("datesub", "Subtracts a number of units of time from a date.", DT, dateAdd(-1), p("unit", U), p("interval", I), p("date", DT)),
		fn("timeadd", "Adds a number of units of time to a time of day.", TM, timeAdd(1), p("unit", U), p("interval", I), p("time", TM)),
		fn("timesub", "Subtracts a number of units of time from a time of day.", TM, timeAdd(-1), p("unit", U), p("interval", I), p("time", TM)),
		fn("timestampadd", "Adds a number of units of time to a timestamp.", TS, timestampAdd(1), p("unit", U), p("interval", I), p("timestamp", TS)),
		fn("timestampsub", "Subtracts a number of units of time from a timestamp.", TS, timestampAdd(-1), p("unit", U), p("interval", I), p("timestamp", TS)),
		withFormat(fn("datetostring", "Writes days since 1970-01-01"+format, S, nil, p("epochDays", I), f), formatValue),
		withFormat(fn("format_date", "Writes a date"+format, S, nil, p("date", DT), f), formatValue),
		withFormat(fn("format_time", "Writes a time of day"+format, S, nil, p("time", TM), f), formatValue),
		withFormat(fn("format_timestamp", "Writes a timestamp in UTC"+format, S, nil, p("timestamp", TS), f), formatValue),
		withFormat(fn("format_timestamp", "Writes a timestamp in a time zone"+format, S, nil, p("timestamp", TS), f, z), formatValue),
		withFormat(fn("timestamptostring", "Writes milliseconds since 1970 in UTC"+format, S, nil, p("epochMilli", L), f), formatValue),
		withFormat(fn("timestamptostring", "Writes milliseconds since 1970 in a time zone"+format, S, nil, p("epochMilli", L), f, z), formatValue),
		withFormat(fn("parse_date", "Reads a date"+format, DT, nil, p("formattedDate", S), f), parseValue),
		withFormat(fn("parse_time", "Reads a time of day"+format, TM, nil, p("formattedTime", S), f), parseValue),
		withFormat(fn("parse_timestamp", "Reads a timestamp in UTC"+format, TS, nil, p("formattedTimestamp", S), f), parseValue),
		withFormat(fn("parse_timestamp", "Reads a timestamp in a time zone"+format, TS, nil, p("formattedTimestamp", S), f, z), parseValue),
		withFormat(fn("stringtodate", "Reads a date as days since 1970-01-01"+format, I, nil, p("formattedDate", S), f), parseValue),
		withFormat(fn("stringtotimestamp", "Reads a timestamp in UTC as milliseconds since 1970"+format, L, nil, p("formattedTimestamp", S), f), parseValue),
		withFormat(fn("stringtotimestamp", "Reads a timestamp in a time zone as milliseconds since 1970"+format, L, nil, p("formattedTimestamp", S), f, z), parseValue),
		fn("from_days", "Turns days since 1970-01-01 into a date.", DT, func(a []types.Value) (types.Value, error) { return types.NewDate(a[0].Integer()), nil }, p("days", I)),
		fn("from_unixtime", "Turns milliseconds since 1970 into a timestamp.", TS, func(a []types.Value) (types.Value, error) { return types.NewTimestamp(a[0].Bigint()), nil }, p("epochMilli", L)),
		fn("unix_date", "Turns a date into days since 1970-01-01.", I, func(a []types.Value) (types.Value, error) { return types.NewInteger(a[0].Days()), nil }, p("date", DT)),
		fn("unix_timestamp", "Turns a timestamp into milliseconds since 1970.", L, func(a []types.Value) (types.Value, error) { return types.NewBigint(a[0].Millis()), nil }, p("timestamp", TS)),
		clock(fn("unix_date", "Returns the current date as days since 1970-01-01.", I, nil), func(ms int64) types.Value { return types.NewInteger(types.DaysOf(ms)) }),
		clock(fn("unix_timestamp", "Returns the current time as milliseconds since 1970.", L, nil), types.NewBigint),
	)
}

func clock(s Scalar, value func(ms int64) types.Value) Scalar {
	s.Volatile = true
	s.Bind = func(b Binding) (Eval, error) {
		return func([]types.Value) (types.Value, error) { return value(b.Env.now().UnixMilli()), nil }, nil
	}
	return s
}

func withZones(s Scalar, eval func(from, to *time.Location, a []types.Value) (types.Value, error)) Scalar {
	s.Bind = func(Binding) (Eval, error) {
		from, to := newCache(location), newCache(location)
		return func(a []types.Value) (types.Value, error) {
			f, err := from.get(a[1].Str())
			if err != nil {
				return types.Null, err
			}
			t, err := to.get(a[2].Str())
			if err != nil {
				return types.Null, err
			}
			return eval(f, t, a)
		}, nil
	}
	return s
}

func convertTZ(from, to *time.Location, a []types.Value) (types.Value, error) {
	at := time.UnixMilli(a[0].Millis())
	_, before := at.In(from).Zone()
	_, after := at.In(to).Zone()
	return types.NewTimestamp(a[0].Millis() + int64(after-before)*1000), nil
}

// withFormat compiles the pattern, the second argument, and the time zone, the third if there is one.
func withFormat(s Scalar, eval func(result types.Kind, pattern *datePattern, zone *time.Location, v types.Value) (types.Value, error)) Scalar {
	s.Bind = func(b Binding) (Eval, error) {
		patterns, zones := newCache(compileDatePattern), newCache(location)
		return func(a []types.Value) (types.Value, error) {
			pattern, err := patterns.get(a[1].Str())
			if err != nil {
				return types.Null, err
			}
			zone := time.UTC
			if len(a) > 2 {
				if zone, err = zones.get(a[2].Str()); err != nil {
					return types.Null, err
				}
			}
			return eval(b.Type.Kind(), pattern, zone, a[0])
		}, nil
	}
	return s
}

func formatValue(_ types.Kind, pattern *datePattern, zone *time.Location, v types.Value) (types.Value, error) {
	ms := v.Millis()
	if k := v.Kind(); k == types.KindDate || k == types.KindInteger {
		ms = int64(v.Days()) * msPerDay
	}
	return str(pattern.format(time.UnixMilli(ms).In(zone)))
}

func parseValue(result types.Kind, pattern *datePattern, zone *time.Location, v types.Value) (types.Value, error) {
	t, err := pattern.parse(v.Str(), zone)
	if err != nil {
		return types.Null, err
	}
	ms := t.UnixMilli()
	switch result {
	case types.KindDate:
		return types.NewDate(types.DaysOf(ms)), nil
	case types.KindInteger:
		return types.NewInteger(types.DaysOf(ms)), nil
	case types.KindTime:
		return types.NewTime(types.TimeOf(ms)), nil
	case types.KindBigint:
		return types.NewBigint(ms), nil
	}
	return types.NewTimestamp(ms), nil
}

// addUnits adds n units to milliseconds since 1970; months and years keep the day where they can.
func addUnits(ms int64, unit string, n int64) (int64, error) {
	if length, ok := unitMillis[unit]; ok {
		return ms + n*length, nil
	}
	months := int(n)
	switch unit {
	case "MONTHS":
	case "YEARS":
		months *= 12
	default:
		return 0, fmt.Errorf("unknown unit of time %s", unit)
	}
	t := time.UnixMilli(ms).UTC()
	first := time.Date(t.Year(), t.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	day := min(t.Day(), last)
	return first.AddDate(0, 0, day-1).UnixMilli() + int64(types.TimeOf(ms)), nil
}

var unitMillis = map[string]int64{
	"MILLISECONDS": 1, "SECONDS": 1000, "MINUTES": 60_000, "HOURS": 3_600_000, "DAYS": msPerDay, "WEEKS": 7 * msPerDay,
}

func dateAdd(sign int64) Eval {
	return func(a []types.Value) (types.Value, error) {
		ms, err := addUnits(int64(a[2].Days())*msPerDay, a[0].Str(), sign*a[1].Bigint())
		return types.NewDate(types.DaysOf(ms)), err
	}
}

func timeAdd(sign int64) Eval {
	return func(a []types.Value) (types.Value, error) {
		ms, err := addUnits(a[2].Millis(), a[0].Str(), sign*a[1].Bigint())
		return types.NewTime(types.TimeOf(ms)), err
	}
}

func timestampAdd(sign int64) Eval {
	return func(a []types.Value) (types.Value, error) {
		ms, err := addUnits(a[2].Millis(), a[0].Str(), sign*a[1].Bigint())
		return types.NewTimestamp(ms), err
	}
}
