package parse_test

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/types"
)

// tree writes a syntax tree with the type of every node and all fields but positions.
func tree(n any) string {
	var b strings.Builder
	dump(&b, reflect.ValueOf(n))
	return b.String()
}

func dump(b *strings.Builder, v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			b.WriteString("nil")
			return
		}
		dump(b, v.Elem())
	case reflect.Slice:
		b.WriteByte('[')
		for i := range v.Len() {
			dump(b, v.Index(i))
			b.WriteByte(' ')
		}
		b.WriteByte(']')
	case reflect.Struct:
		switch x := v.Interface().(type) {
		case ast.Pos:
			return
		case types.Value:
			fmt.Fprintf(b, "%s:%s", x.Kind(), x)
			return
		case types.Type:
			b.WriteString(x.String())
			return
		case ast.TypeRef:
			b.WriteString(x.String())
			return
		}
		fmt.Fprintf(b, "%s{", v.Type().Name())
		for i := range v.NumField() {
			if v.Field(i).Type() != reflect.TypeFor[ast.Pos]() {
				fmt.Fprintf(b, "%s=", v.Type().Field(i).Name)
				dump(b, v.Field(i))
				b.WriteByte(' ')
			}
		}
		b.WriteByte('}')
	default:
		fmt.Fprintf(b, "%#v", v.Interface())
	}
}
