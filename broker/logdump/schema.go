package logdump

import "sync"

// kind is the type of a field.
type kind int8

const (
	boolKind kind = iota
	int8Kind
	int16Kind
	uint16Kind
	int32Kind
	uint32Kind
	int64Kind
	floatKind
	uuidKind
	stringKind
	bytesKind
	arrayKind
	structKind
)

// schema is the shape of one kind of record.
type schema struct {
	family   string // group, transaction, metadata, client
	name     string
	key      int16 // Kafka's number of the record type; -1: none
	isKey    bool  // the key of a coordinator's record, rather than its value
	min, max int16
	flexible int16 // the first version with compact lengths and tagged fields
	fields   []field
}

// field is one field. nullable and tagged are the first such version plus one; zero is never.
type field struct {
	name             string
	kind, elem       kind
	from, until      int16
	nullable, tagged int16
	tag              uint32
	byDefault        string // JSON of a tagged field's default, with which it is left out
	fields           []field
}

func (f *field) in(version int16) bool       { return version >= f.from && version <= f.until }
func (f *field) isTagged(version int16) bool { return f.tagged > 0 && version >= f.tagged-1 }

// table is schemas, made once.
var table = sync.OnceValue(schemas)

// find looks up a schema by its number.
func find(family string, key int16, isKey bool) (*schema, bool) {
	for i := range table() {
		if s := &table()[i]; s.family == family && s.key == key && s.isKey == isKey {
			return s, true
		}
	}
	return nil, false
}

// named looks up a schema by its name.
func named(name string) *schema {
	for i := range table() {
		if s := &table()[i]; s.name == name {
			return s
		}
	}
	panic("no schema " + name)
}
