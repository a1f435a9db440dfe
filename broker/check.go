package broker

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/chortal/chortal/broker/internal/configdef"
)

// Severity says how much a Finding matters.
type Severity int8

// The severities.
const (
	Note    Severity = iota // worth knowing
	Warning                 // the broker starts, but not as the file says
	Fault                   // the broker would not start
)

func (s Severity) String() string {
	switch s {
	case Fault:
		return "error"
	case Warning:
		return "warning"
	}
	return "note"
}

// Finding is what CheckProperties has to say about one key.
type Finding struct {
	Severity Severity
	Line     int    // where the key stands; 0: about the file as a whole
	Key      string // may be empty
	Message  string
	Hint     string // what to do about it; may be empty
}

// maxFindings bounds what is said about one file.
const maxFindings = 10_000

// CheckProperties reads a server.properties as ParseProperties does and says what is wrong with it: unknown keys, values that a
// broker refuses, keys without an effect here, keys that stand there twice. own tells which keys belong to the program around the
// broker. The error is of a file that cannot be read as properties at all.
func CheckProperties(r io.Reader, own func(key string) bool) ([]Finding, error) {
	c := &checker{own: own, lines: make(map[string]int), values: make(map[string]string)}
	if err := scanProperties(r, c.key); err != nil {
		return nil, fmt.Errorf("parse properties: %w", err)
	}
	c.whole()
	slices.SortStableFunc(c.findings, func(a, b Finding) int { return cmp.Compare(a.Line, b.Line) })
	return c.findings, nil
}

type checker struct {
	own      func(string) bool
	lines    map[string]int
	values   map[string]string
	findings []Finding
}

func (c *checker) say(s Severity, line int, key, hint, format string, args ...any) {
	if len(c.findings) < maxFindings {
		c.findings = append(c.findings, Finding{s, line, key, fmt.Sprintf(format, args...), hint})
	}
}

// key looks at one key by itself.
func (c *checker) key(line int, key, value string) {
	if before, twice := c.lines[key]; twice {
		c.say(Warning, line, key, "keep one of the two", "stands in line %d as well; this value counts", before)
	}
	c.lines[key], c.values[key] = line, value
	k, known := configdef.Lookup(configdef.Broker, key)
	switch {
	case isServerKey(key) || c.own(key):
	case isPrefixed(key):
		c.prefixed(line, key, value)
	case !known:
		c.unknown(line, key)
	default:
		c.known(line, k, value)
	}
}

func (c *checker) known(line int, k *configdef.Key, value string) {
	if err := configdef.Check(configdef.Broker, k.Name, value); err != nil {
		hint := ""
		if k.HasDefault {
			hint = fmt.Sprintf("the default is %q", k.Default)
		}
		c.say(Fault, line, k.Name, hint, "%v", err)
		return
	}
	switch {
	case k.Unused && k.Guards && value != "":
		c.say(Warning, line, k.Name, "do not rely on it", "has no effect here, so nothing is protected by it")
	case k.Unused:
		c.say(Note, line, k.Name, "", "is accepted for Kafka's sake and has no effect here")
	case k.HasDefault && k.Default == value && value != "":
		c.say(Note, line, k.Name, "", "is the default")
	}
}

func (c *checker) prefixed(line int, key, value string) {
	listener, plain, ok := strings.Cut(strings.TrimPrefix(key, "listener.name."), ".")
	if !strings.HasPrefix(key, "listener.name.") || !ok {
		c.say(Note, line, key, "", "is accepted for Kafka's sake and has no effect here")
		return
	}
	if listener != strings.ToLower(listener) {
		c.say(Warning, line, key, "listener.name."+strings.ToLower(listener)+"."+plain, "the name of a listener is written in lower case here")
	}
	if _, known := configdef.Lookup(configdef.Broker, plain); !known {
		return // a mechanism's or plugin's own
	}
	if err := configdef.Check(configdef.Broker, plain, value); err != nil {
		c.say(Fault, line, key, "", "%v", err)
	}
}

func (c *checker) unknown(line int, key string) {
	if _, topic := configdef.Lookup(configdef.Topic, key); topic {
		hint := "set it on topics: `chortal topic alter TOPIC --config " + key + "=...`"
		if k, _ := configdef.Lookup(configdef.Topic, key); k.Synonym != "" {
			hint = "the default for topics is " + k.Synonym
		}
		c.say(Warning, line, key, hint, "is a key of topics, not of brokers; it is ignored")
		return
	}
	hint := "remove it, or correct its name"
	if like := nearestKey(key); like != "" {
		hint = "did you mean " + like + "?"
	}
	c.say(Warning, line, key, hint, "is a key that nobody knows; it is ignored")
}

// nearestKey is the broker key that is spelled most like name, within a third of its letters.
func nearestKey(name string) string {
	if len(name) > 200 {
		return ""
	}
	best, found := min(len(name)/3, 6)+1, ""
	for k := range configdef.Keys(configdef.Broker) {
		if abs(len(k.Name)-len(name)) >= best {
			continue
		}
		if d := edits(strings.ToLower(name), k.Name); d < best {
			best, found = d, k.Name
		}
	}
	return found
}

func abs(n int) int { return max(n, -n) }

// edits counts the insertions, deletions and replacements between two names.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// whole looks at what the keys come to together. It is silent where a key alone is wrong already.
func (c *checker) whole() {
	for _, f := range c.findings {
		if f.Severity == Fault {
			return
		}
	}
	props := make(map[string]string, len(c.values))
	for k, v := range c.values {
		if _, known := configdef.Lookup(configdef.Broker, k); (known || isPrefixed(k)) && !c.own(k) && !isServerKey(k) {
			props[k] = v
		}
	}
	_, err := Config{Properties: props}.settings()
	if err == nil {
		return
	}
	for _, one := range split(err) {
		key := c.mentioned(one.Error())
		c.say(Fault, c.lines[key], key, "", "%v", one)
	}
}

// split takes joined errors apart.
func split(err error) []error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return joined.Unwrap()
	}
	return []error{err}
}

// mentioned is the longest key of the file that stands in a message.
func (c *checker) mentioned(message string) (key string) {
	for k := range c.lines {
		if strings.Contains(message, k) && (len(k) > len(key) || len(k) == len(key) && k < key) {
			key = k
		}
	}
	return key
}
