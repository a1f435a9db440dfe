package broker

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/chortal/chortal/broker/internal/configdef"
)

// maxPropertiesLine bounds a line of a properties file, continuations included.
const maxPropertiesLine = 1 << 20

// ParseProperties reads Kafka's server.properties, in the format of Java's properties files. The keys of the broker go
// into the Config; all others are given back: those of the SQL server and the admin port (sql.*, admin.*, state.dir), and those
// that nobody knows. The values are checked by New.
func ParseProperties(r io.Reader) (c Config, rest map[string]string, err error) {
	all, err := readProperties(r)
	if err != nil {
		return Config{}, nil, fmt.Errorf("parse properties: %w", err)
	}
	c.Properties = make(map[string]string)
	rest = make(map[string]string)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		_, known := configdef.Lookup(configdef.Broker, key)
		if (known && !isServerKey(key)) || isPrefixed(key) {
			c.Properties[key] = all[key]
		} else {
			rest[key] = all[key]
		}
	}
	return c, rest, nil
}

// isServerKey tells whether a key belongs to the program around the broker rather than to the broker.
func isServerKey(key string) bool {
	return strings.HasPrefix(key, "sql.") || strings.HasPrefix(key, "admin.") || key == "state.dir"
}

// readProperties reads the lines of a properties file. The last of several values of a key counts.
func readProperties(r io.Reader) (map[string]string, error) {
	all := make(map[string]string)
	err := scanProperties(r, func(_ int, key, value string) { all[key] = value })
	if err != nil {
		return nil, err
	}
	return all, nil
}

// scanProperties calls found with every key of a properties file, in the file's order. line is where the key stands.
func scanProperties(r io.Reader, found func(line int, key, value string)) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, 4096), maxPropertiesLine)
	var logical strings.Builder
	number, first := 0, 0
	flush := func() error {
		line := logical.String()
		logical.Reset()
		if line == "" {
			return nil
		}
		key, value, err := splitProperty(line)
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		found(first, key, value)
		return nil
	}
	for sc.Scan() {
		number++
		line := strings.TrimLeft(sc.Text(), " \t\f")
		if logical.Len() == 0 && (line == "" || line[0] == '#' || line[0] == '!') {
			continue
		}
		if logical.Len()+len(line) > maxPropertiesLine {
			return fmt.Errorf("line %d: longer than %d bytes", number, maxPropertiesLine)
		}
		if logical.Len() == 0 {
			first = number
		}
		if continues(line) {
			logical.WriteString(line[:len(line)-1])
			continue
		}
		logical.WriteString(line)
		if err := flush(); err != nil {
			return err
		}
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("line %d: %w", number+1, err)
	}
	return flush()
}

// continues tells whether a line ends in an odd number of backslashes.
func continues(line string) bool {
	n := 0
	for n < len(line) && line[len(line)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// splitProperty takes a logical line apart: the key ends at the first =, : or blank that is not escaped.
func splitProperty(line string) (key, value string, err error) {
	end := 0
	for end < len(line) && !strings.ContainsRune("=: \t\f", rune(line[end])) {
		if line[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end, len(line))
	rest := strings.TrimLeft(line[end:], " \t\f")
	if rest != "" && (rest[0] == '=' || rest[0] == ':') {
		rest = strings.TrimLeft(rest[1:], " \t\f")
	}
	if key, err = unescape(line[:end]); err != nil {
		return "", "", err
	}
	value, err = unescape(rest)
	return key, strings.TrimRight(value, " \t"), err
}

// unescape resolves the escapes of a properties file.
func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 't':
			b.WriteByte('\t')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			if i+5 > len(s) {
				return "", fmt.Errorf("escape %q is cut short", s[i-1:])
			}
			n, err := strconv.ParseUint(s[i+1:i+5], 16, 16)
			if err != nil {
				return "", fmt.Errorf("escape %q: %w", s[i-1:i+5], err)
			}
			r := rune(n)
			if !utf8.ValidRune(r) {
				r = utf8.RuneError
			}
			b.WriteRune(r)
			i += 4
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), nil
}
