package format

import (
	"fmt"
	"strings"

	"github.com/chortal/chortal/ksql/internal/types"
)

// Check says why the format cannot hold the columns, in ksqlDB's words, or nil.
func Check(spec Spec, columns []Column) error {
	err := check(spec.Format, columns)
	if err == nil {
		return nil
	}
	side, suffix := "Value", ""
	if spec.Key {
		side, suffix = "Key", " KEY"
	}
	features := ""
	switch spec.Wrapping {
	case WrapSingles:
		features = "WRAP_SINGLES"
	case UnwrapSingles:
		features = "UNWRAP_SINGLES"
	}
	return fmt.Errorf("%s format does not support schema.\nformat: %s\nschema: Persistence{columns=[%s], features=[%s]}\nreason: %w",
		side, spec.Format, list(columns, suffix), features, err)
}

func list(columns []Column, suffix string) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = types.Quote(c.Name) + " " + c.Type.String() + suffix
	}
	return strings.Join(parts, ", ")
}

func check(f Format, columns []Column) error {
	switch f {
	case Kafka:
		if len(columns) > 1 {
			return fmt.Errorf("The 'KAFKA' format only supports a single field. Got: [%s]", list(columns, ""))
		}
		for _, c := range columns {
			if !kafkaKind(c.Type.Kind()) {
				return fmt.Errorf("The 'KAFKA' format does not support type '%s'", c.Type.Kind())
			}
		}
	case Delimited:
		for _, c := range columns {
			if c.Type.Kind().IsNested() {
				return fmt.Errorf("The 'DELIMITED' format does not support type '%s', column: %s", c.Type.Kind(), types.Quote(c.Name))
			}
		}
	case JSON:
		for _, c := range columns {
			if !stringKeys(c.Type) {
				return fmt.Errorf("JSON only supports MAP types with STRING keys")
			}
		}
	case None:
		if len(columns) > 0 {
			return fmt.Errorf("The 'NONE' format can only be used when no columns are defined. Got: [%s]", list(columns, ""))
		}
	}
	return nil
}

func kafkaKind(k types.Kind) bool {
	switch k {
	case types.KindInteger, types.KindBigint, types.KindDouble, types.KindString, types.KindBytes:
		return true
	}
	return false
}

func stringKeys(t types.Type) bool {
	switch t.Kind() {
	case types.KindArray:
		return stringKeys(t.Elem())
	case types.KindMap:
		return t.Key().Kind() == types.KindString && stringKeys(t.Elem())
	case types.KindStruct:
		for _, f := range t.Fields() {
			if !stringKeys(f.Type) {
				return false
			}
		}
	}
	return true
}

// CheckWrapping says why the format cannot take an explicit WRAP_SINGLE_VALUE, in ksqlDB's words, or nil.
func CheckWrapping(f Format, wrap bool) error {
	ok := true
	switch f {
	case JSON, JSONSR, Avro, Protobuf:
	case Kafka, Delimited:
		ok = !wrap
	default:
		ok = false
	}
	if !ok {
		return fmt.Errorf("Format '%s' does not support 'WRAP_SINGLE_VALUE' set to '%t'.", f, wrap)
	}
	return nil
}
