package configdef

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Check tells whether value is valid for the key of scope s: known, of the type, within its bounds.
// The error's text is Kafka's, for INVALID_CONFIG answers.
func Check(s Scope, name, value string) error {
	k, ok := Lookup(s, name)
	if !ok {
		return &UnknownError{Scope: s, Name: name}
	}
	return k.Check(value)
}

// UnknownError says that the table does not have a key.
type UnknownError struct {
	Scope Scope
	Name  string
}

// Error is Kafka's text.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("Unknown %s config name: %s", [...]string{"broker", "topic", "group", "client metrics"}[e.Scope], e.Name)
}

// Check tells whether value is of the key's type and within its bounds.
func (k *Key) Check(value string) error {
	err := checkType(k.Type, value)
	if err == nil && k.check != nil {
		err = k.check(strings.TrimSpace(value))
	}
	if err != nil {
		if k.Sensitive {
			value = "[hidden]"
		}
		return fmt.Errorf("Invalid value %s for configuration %s: %w", value, k.Name, err)
	}
	return nil
}

func checkType(t Type, value string) error {
	v := strings.TrimSpace(value)
	switch t {
	case Boolean:
		if !strings.EqualFold(v, "true") && !strings.EqualFold(v, "false") {
			return fmt.Errorf("Expected value to be either true or false")
		}
	case Int, Short, Long:
		bits := map[Type]int{Int: 32, Short: 16, Long: 64}[t]
		if _, err := strconv.ParseInt(v, 10, bits); err != nil {
			return fmt.Errorf("Not a number of type %s", t)
		}
	case Double:
		if f, err := strconv.ParseFloat(v, 64); err != nil || math.IsNaN(f) {
			return fmt.Errorf("Not a number of type %s", t)
		}
	}
	return nil
}

// String is Kafka's name of the type.
func (t Type) String() string {
	names := [...]string{"", "BOOLEAN", "STRING", "INT", "SHORT", "LONG", "DOUBLE", "LIST", "CLASS", "PASSWORD"}
	if t < 1 || int(t) >= len(names) {
		return "UNKNOWN"
	}
	return names[t]
}

// check is a condition on a value of the right type.
type check func(value string) error

func atLeast(least float64) check { return between(least, math.Inf(1)) }

// between bounds a number. Numbers of type LONG beyond 2^53 are compared as they are rounded, which no bound here minds.
func between(least, most float64) check {
	return func(value string) error {
		f, err := strconv.ParseFloat(value, 64)
		switch {
		case err != nil:
			return err
		case f < least:
			return fmt.Errorf("Value must be at least %s", number(least))
		case f > most:
			return fmt.Errorf("Value must be no more than %s", number(most))
		}
		return nil
	}
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func oneOf(values ...string) check {
	return func(value string) error {
		if !slices.Contains(values, value) {
			return fmt.Errorf("String must be one of: %s", strings.Join(values, ", "))
		}
		return nil
	}
}

func oneOfFold(values ...string) check {
	return func(value string) error {
		if !slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, value) }) {
			return fmt.Errorf("String must be one of (case insensitive): %s", strings.Join(values, ", "))
		}
		return nil
	}
}

// listOf bounds the elements of a list, of which there must be one at least and none twice.
func listOf(values ...string) check {
	return func(value string) error {
		seen := make(map[string]bool)
		list := split(value)
		if len(list) == 0 {
			return fmt.Errorf("Configuration must not be empty. Valid values include: [%s]", strings.Join(values, ", "))
		}
		for _, v := range list {
			if err := oneOf(values...)(v); err != nil {
				return err
			}
			if seen[v] {
				return fmt.Errorf("Configuration values must not be duplicated")
			}
			seen[v] = true
		}
		return nil
	}
}

func notEmpty(value string) error {
	if value == "" {
		return fmt.Errorf("String must be non-empty")
	}
	return nil
}

func gzipLevel(value string) error {
	if value == "-1" {
		return nil
	}
	return between(1, 9)(value)
}

// offsetReset allows latest, earliest and by_duration: with an ISO 8601 duration.
func offsetReset(value string) error {
	d, ok := strings.CutPrefix(strings.ToLower(value), "by_duration:p")
	if (ok && d != "") || strings.EqualFold(value, "latest") || strings.EqualFold(value, "earliest") {
		return nil
	}
	return fmt.Errorf("String must be one of: latest, earliest, by_duration:PnDTnHnMn.nS")
}

// throttledReplicas allows * and a list of partition:broker pairs.
func throttledReplicas(value string) error {
	if value == "*" {
		return nil
	}
	for _, pair := range split(value) {
		p, b, ok := strings.Cut(pair, ":")
		_, errP := strconv.ParseUint(p, 10, 31)
		_, errB := strconv.ParseUint(b, 10, 31)
		if !ok || errP != nil || errB != nil {
			return fmt.Errorf("Must be the literal '*' or a list of replicas in the format [partitionId]:[brokerId],[partitionId]:[brokerId],...")
		}
	}
	return nil
}

// split takes a list apart at the commas and trims its elements. Empty elements are dropped.
func split(value string) []string {
	var list []string
	for v := range strings.SplitSeq(value, ",") {
		if v = strings.TrimSpace(v); v != "" {
			list = append(list, v)
		}
	}
	return list
}
