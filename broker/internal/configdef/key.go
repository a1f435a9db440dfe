package configdef

import "iter"

// Type is the type of a value. The numbers are those of DescribeConfigs on the wire.
type Type int8

// The types of Kafka's ConfigDef.
const (
	Boolean Type = iota + 1
	String
	Int
	Short
	Long
	Double
	List
	Class
	Password
)

// Scope says what a key configures.
type Scope uint8

// The scopes.
const (
	Broker Scope = iota
	Topic
	Group
	ClientMetrics
)

// Mode says how a broker key may change while the broker runs.
type Mode uint8

// The modes of Kafka's dynamic configuration. Topic and group keys are always dynamic.
const (
	ReadOnly    Mode = iota // only in the file, at start
	PerBroker               // by AlterConfigs of one broker
	ClusterWide             // by AlterConfigs of one broker or of all
)

// Key is one row of the table. It is immutable.
type Key struct {
	Name       string
	Scope      Scope
	Type       Type
	Default    string // text of the default; meaningful if HasDefault
	HasDefault bool   // false: null unless set
	Doc        string // one or two sentences
	Mode       Mode
	Sensitive  bool   // the value is never shown
	Synonym    string // topic and group keys: the broker key that holds the default, if there is one
	Unused     bool   // accepted for Kafka's sake, without effect here
	Own        bool   // ours, unknown to Kafka
	Guards     bool   // whoever sets it believes that something is protected

	check   check
	aliases []alias // broker keys that are read where this one is not set, its own name or synonym first
}

// Lookup finds a key by its scope and name.
func Lookup(s Scope, name string) (*Key, bool) { k, ok := table()[s].byName[name]; return k, ok }

// Keys lists all keys of a scope in the order of their names.
func Keys(s Scope) iter.Seq[*Key] {
	return func(yield func(*Key) bool) {
		for _, k := range table()[s].sorted {
			if !yield(k) {
				return
			}
		}
	}
}
