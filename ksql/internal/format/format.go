package format

import (
	"fmt"
	"strings"

	"github.com/chortal/chortal/ksql/internal/types"
)

// Format is a serialisation format.
type Format uint8

// The formats.
const (
	Unknown Format = iota
	JSON
	Delimited
	Kafka
	None
	JSONSR
	Avro
	Protobuf
	ProtobufNoSR
)

var formatNames = [...]string{"", "JSON", "DELIMITED", "KAFKA", "NONE", "JSON_SR", "AVRO", "PROTOBUF", "PROTOBUF_NOSR"}

// String returns the name as in WITH clauses.
func (f Format) String() string { return formatNames[f] }

// Names returns the names of all formats.
func Names() []string { return formatNames[1:] }

// Parse returns the format of a name in any case.
func Parse(name string) (Format, error) {
	for f, n := range formatNames {
		if f > 0 && strings.EqualFold(n, name) {
			return Format(f), nil
		}
	}
	return Unknown, fmt.Errorf("Unknown format: %s", strings.ToUpper(name))
}

// Available reports whether this build can read and write the format. The formats of a schema registry are known by
// name only.
func (f Format) Available() bool { return f >= JSON && f <= None }

// Wrapping says how a single column is written: as the field of an object or as the bare value.
type Wrapping uint8

// The wrappings.
const (
	DefaultWrapping Wrapping = iota // wrapped in values, unwrapped in keys
	WrapSingles
	UnwrapSingles
)

// Spec describes one side of a topic.
type Spec struct {
	Format   Format
	Key      bool
	Wrapping Wrapping
	// Delimiter separates fields of DELIMITED; 0 means a comma.
	Delimiter rune
}

// Column is a column of one side and its slot in the row.
type Column struct {
	Name string
	Type types.Type
	// Slot is the index in the row; a negative slot is skipped on decode and written as null.
	Slot int
}

// Decoder reads the bytes of one record side.
type Decoder interface {
	// Decode sets the slots of all columns in row. Null bytes (nil) set them NULL. Strings and BYTES may share b,
	// which must not change while the row lives.
	Decode(b []byte, row types.Row) error
}

// Encoder writes the bytes of one record side.
type Encoder interface {
	// Encode appends the columns of row to dst; null says that the record side is null and nothing was appended.
	Encode(dst []byte, row types.Row) (out []byte, null bool, err error)
}

// Error says which column of a record cannot be read or written and why.
type Error struct {
	Column string // "" if it is not about one column
	Reason string
}

// Error returns the message.
func (e *Error) Error() string {
	if e.Column == "" {
		return e.Reason
	}
	return fmt.Sprintf("column `%s`: %s", e.Column, e.Reason)
}
