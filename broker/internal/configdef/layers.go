package configdef

import (
	"math"
	"strconv"
	"strings"
)

// Source says where a value comes from. The numbers are those of DescribeConfigs on the wire.
type Source int8

// The sources, as in KIP-226.
const (
	SourceUnknown        Source = iota
	SourceTopic                 // set on the topic
	SourceDynamicBroker         // set on this broker by AlterConfigs
	SourceDynamicDefault        // set on all brokers by AlterConfigs
	SourceStatic                // in server.properties
	SourceDefault               // the default of the table
	SourceDynamicLogger         // level of a logger
	SourceClientMetrics         // a client metrics subscription
	SourceGroup                 // set on the group
)

// Layers are the places where a value may be set, from the strongest to the weakest; behind them lies the table's
// default. A nil map is an empty layer. A Layers is a value that nobody changes: make a new one.
type Layers struct {
	Override       map[string]string // of the topic or group
	DynamicBroker  map[string]string // AlterConfigs of this broker
	DynamicDefault map[string]string // AlterConfigs of the cluster default
	Static         map[string]string // server.properties
}

// Synonym is one place where a value of a key was found.
type Synonym struct {
	Name   string
	Value  string
	Null   bool
	Source Source

	converted string // Value in the unit of the key
}

// Entry is the effective value of a key, as DescribeConfigs tells it. Synonyms are all places that give a value, the
// effective one first.
type Entry struct {
	Key      *Key
	Value    string
	Null     bool // no value and no default
	Source   Source
	Synonyms []Synonym
}

// ReadOnly tells whether AlterConfigs refuses the key.
func (e Entry) ReadOnly() bool { return e.Key.Scope == Broker && e.Key.Mode == ReadOnly }

// Entry resolves one key of scope s. It returns false if the table does not have the key. A sensitive value is there
// in full: the caller hides it.
func (l Layers) Entry(s Scope, name string) (Entry, bool) {
	k, ok := Lookup(s, name)
	if !ok {
		return Entry{}, false
	}
	e := Entry{Key: k, Synonyms: l.found(k)}
	if len(e.Synonyms) == 0 {
		e.Value, e.Null, e.Source = k.Default, !k.HasDefault, SourceDefault
		return e, true
	}
	first := &e.Synonyms[0]
	e.Value, e.Null, e.Source = first.converted, first.Null, first.Source
	return e, true
}

// Text is the effective value of a key as text, empty if there is none. Values were checked when they were set, so the
// typed accessors below do not fail; a name that the table lacks is a bug and panics.
func (l Layers) Text(s Scope, name string) string {
	k, ok := Lookup(s, name)
	if !ok {
		panic("unknown configuration key " + name)
	}
	if v, ok := l.first(k); ok {
		return v
	}
	return k.Default
}

// first is the strongest value that is set, in the unit of k.
func (l Layers) first(k *Key) (string, bool) {
	if k.Scope != Broker {
		if v, ok := l.Override[k.Name]; ok {
			return v, true
		}
	}
	for _, layer := range []map[string]string{l.DynamicBroker, l.DynamicDefault, l.Static} {
		if len(layer) == 0 {
			continue
		}
		if k.Scope == Broker && len(k.aliases) == 0 {
			if v, ok := layer[k.Name]; ok {
				return v, true
			}
		}
		for _, a := range k.aliases {
			if v, ok := layer[a.name]; ok {
				return a.convert(v), true
			}
		}
	}
	return "", false
}

// found lists all places that give k a value.
func (l Layers) found(k *Key) []Synonym {
	var all []Synonym
	if v, ok := l.Override[k.Name]; ok && k.Scope != Broker {
		source := SourceTopic
		switch k.Scope {
		case Group:
			source = SourceGroup
		case ClientMetrics:
			source = SourceClientMetrics
		}
		all = append(all, Synonym{Name: k.Name, Value: v, Source: source, converted: v})
	}
	aliases := k.aliases
	if k.Scope == Broker && len(aliases) == 0 {
		aliases = []alias{{k.Name, 1}}
	}
	for _, layer := range []struct {
		values map[string]string
		source Source
	}{{l.DynamicBroker, SourceDynamicBroker}, {l.DynamicDefault, SourceDynamicDefault}, {l.Static, SourceStatic}} {
		for _, a := range aliases {
			if v, ok := layer.values[a.name]; ok {
				all = append(all, Synonym{Name: a.name, Value: v, Source: layer.source, converted: a.convert(v)})
			}
		}
	}
	if len(aliases) > 0 {
		if def, ok := Lookup(Broker, aliases[0].name); ok && def.HasDefault {
			all = append(all, Synonym{Name: def.Name, Value: def.Default, Source: SourceDefault, converted: aliases[0].convert(def.Default)})
		}
	}
	return all
}

// convert brings a value of the alias into the unit of the key that it stands for. A negative value means no limit in
// every unit.
func (a alias) convert(value string) string {
	if a.factor == 1 {
		return value
	}
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	switch {
	case err != nil:
		return value
	case n < 0:
		return "-1"
	case n > math.MaxInt64/a.factor:
		return strconv.FormatInt(math.MaxInt64, 10)
	}
	return strconv.FormatInt(n*a.factor, 10)
}

// Int64 is the effective value of a key of type Int, Short or Long, -1 if there is none.
func (l Layers) Int64(s Scope, name string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(l.Text(s, name)), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// Float64 is the effective value of a key of type Double, 0 if there is none.
func (l Layers) Float64(s Scope, name string) float64 {
	f, err := strconv.ParseFloat(strings.TrimSpace(l.Text(s, name)), 64)
	if err != nil {
		return 0
	}
	return f
}

// Bool is the effective value of a key of type Boolean.
func (l Layers) Bool(s Scope, name string) bool {
	return strings.EqualFold(strings.TrimSpace(l.Text(s, name)), "true")
}

// List is the effective value of a key of type List, split at the commas and trimmed.
func (l Layers) List(s Scope, name string) []string { return split(l.Text(s, name)) }
