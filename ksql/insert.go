package ksql

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/chortal/chortal/ksql/internal/api"
	"github.com/chortal/chortal/ksql/internal/ast"
	"github.com/chortal/chortal/ksql/internal/catalog"
	"github.com/chortal/chortal/ksql/internal/exec"
	"github.com/chortal/chortal/ksql/internal/expr"
	"github.com/chortal/chortal/ksql/internal/function"
	"github.com/chortal/chortal/ksql/internal/types"
)

// insertion is the record that INSERT INTO ... VALUES writes.
type insertion struct {
	topic      string
	key, value []byte // nil is null
	timestamp  int64
}

// insertTarget returns the source of an INSERT and refuses those that cannot be written.
func insertTarget(cat *catalog.Catalog, name string) (*catalog.Source, error) {
	src, ok := cat.Source(name)
	switch {
	case !ok:
		return nil, api.Errorf("Cannot insert values into an unknown stream/table: %s", types.Quote(name))
	case src.ReadOnly:
		return nil, api.Errorf("Cannot insert values into read-only %s: %s", src.Kind.Lower(), src.Name)
	case src.Windowed():
		return nil, api.Errorf("Cannot insert values into windowed %s!", src.Kind.Lower())
	case strings.HasPrefix(src.Topic, "_chortal_"), strings.HasPrefix(src.Topic, "_confluent-ksql-"):
		return nil, api.Errorf("Cannot insert into the reserved internal topic: %s", src.Topic)
	}
	return src, nil
}

// prepareInsert evaluates an INSERT INTO ... VALUES.
func prepareInsert(st *ast.InsertValues, cat *catalog.Catalog, functions *function.Registry, env function.Env, now int64) (*insertion, error) {
	src, err := insertTarget(cat, st.Target)
	if err != nil {
		return nil, err
	}
	columns, err := insertColumns(st, src)
	if err != nil {
		return nil, err
	}
	row := make(types.Row, src.Schema.Len())
	given := make([]bool, src.Schema.Len())
	timestamp := now
	ctx := expr.Context{Scope: expr.SchemaScope{}, Functions: functions, Env: env, Type: cat.Type}
	for i, name := range columns {
		want := types.Bigint
		at := src.Schema.Find(name)
		if at >= 0 {
			want = src.Schema.At(at).Type
		}
		v, err := constant(st.Values[i], want, ctx)
		if err != nil {
			return nil, at2(st, api.Errorf("Failed to insert values into '%s'. %s", src.Name, err))
		}
		if at < 0 {
			timestamp = v.Bigint()
			continue
		}
		row[at], given[at] = v, true
	}
	return encodeInsertion(src, row, given, timestamp)
}

func at2(n ast.Node, e *api.Error) *api.Error {
	e.Line, e.Column = n.At().Line, n.At().Column
	return e
}

// constant evaluates an expression without columns and brings it to a type.
func constant(e ast.Expr, want types.Type, ctx expr.Context) (types.Value, error) {
	p, err := expr.Compile(e, ctx)
	if err != nil {
		return types.Null, err
	}
	v, err := p.Eval(&expr.Env{})
	if err != nil || v.IsNull() {
		return types.Null, err
	}
	if !types.FitsInto(p.Type, want) && p.Type.Kind() != types.KindString && !p.Type.Kind().IsNumeric() {
		return types.Null, fmt.Errorf("Expected type %s for field but got %s(%s)", want, p.Type, e)
	}
	cast, err := types.Cast(p.Type, want)
	if err != nil {
		return types.Null, fmt.Errorf("Expected type %s for field but got %s(%s)", want, p.Type, e)
	}
	return cast(v)
}

// insertColumns returns the names of the columns in the order of the values.
func insertColumns(st *ast.InsertValues, src *catalog.Source) ([]string, error) {
	columns := st.Columns
	if columns == nil {
		for _, c := range src.Schema.Columns() {
			if c.Namespace != types.InHeaders {
				columns = append(columns, c.Name)
			}
		}
	}
	seen := map[string]bool{}
	for _, name := range columns {
		at := src.Schema.Find(name)
		switch {
		case seen[name]:
			return nil, at2(st, api.Errorf("Duplicate column in INSERT: %s", types.Quote(name)))
		case at >= 0 && src.Schema.At(at).Namespace == types.InHeaders:
			return nil, at2(st, api.Errorf("Cannot insert into HEADER columns: %s", name))
		case at < 0 && name != types.RowTime:
			return nil, at2(st, api.Errorf("Column name %s does not exist.", types.Quote(name)))
		}
		seen[name] = true
	}
	if len(columns) != len(st.Values) {
		quoted := make([]string, len(columns))
		for i, c := range columns {
			quoted[i] = types.Quote(c)
		}
		values := make([]string, len(st.Values))
		for i, v := range st.Values {
			values[i] = v.String()
		}
		return nil, at2(st, api.Errorf("Expected a value for each column. Expected Columns: [%s]. Got [%s]", strings.Join(quoted, ", "), strings.Join(values, ", ")))
	}
	return columns, nil
}

// encodeInsertion writes a row of a source's schema in its formats.
func encodeInsertion(src *catalog.Source, row types.Row, given []bool, timestamp int64) (*insertion, error) {
	var keys, values types.Row
	keyNull, valueNull := true, true
	for i, c := range src.Schema.Columns() {
		switch c.Namespace {
		case types.InKey:
			if row[i].IsNull() && src.Kind == catalog.Table {
				return nil, api.Errorf("Failed to insert values into '%s'. Value for primary key column(s) %s is required for tables", src.Name, c.Name)
			}
			keys = append(keys, row[i])
			keyNull = keyNull && row[i].IsNull()
		case types.InValue:
			values = append(values, row[i])
			valueNull = valueNull && !given[i]
		}
	}
	out := &insertion{topic: src.Topic, timestamp: timestamp}
	if !keyNull {
		serde, err := exec.NewKeySerde(src.Formats, src.Schema.Key())
		if err != nil {
			return nil, err
		}
		if out.key, err = serde.Append([]byte{}, keys); err != nil {
			return nil, api.Errorf("Could not serialize key: %s", err)
		}
	}
	if !valueNull && len(values) > 0 {
		serde, err := exec.NewValueSerde(src.Formats, src.Schema.Value(), 0, len(values), nil)
		if err != nil {
			return nil, err
		}
		if out.value, err = serde.Append([]byte{}, values); err != nil {
			return nil, api.Errorf("Could not serialize value: %s", err)
		}
	}
	return out, nil
}

// jsonValue brings a value of encoding/json to a type, for rows that come as JSON objects.
func jsonValue(v any, t types.Type) (types.Value, error) {
	switch v := v.(type) {
	case nil:
		return types.Null, nil
	case bool:
		if t.Kind() == types.KindBoolean {
			return types.NewBoolean(v), nil
		}
		return castText(fmt.Sprint(v), t)
	case json.Number:
		return numberValue(v.String(), t)
	case float64, float32, int, int32, int64:
		return numberValue(fmt.Sprint(v), t)
	case []byte:
		if t.Kind() != types.KindBytes {
			return types.Null, fmt.Errorf("bytes are no %s", t)
		}
		return types.NewBytes(v), nil
	case string:
		return castText(v, t)
	case []any:
		return jsonArray(v, t)
	case map[string]any:
		return jsonObject(v, t)
	}
	return types.Null, fmt.Errorf("%T is no %s", v, t)
}

func numberValue(text string, t types.Type) (types.Value, error) {
	switch t.Kind() {
	case types.KindTimestamp, types.KindDate, types.KindTime:
		n, err := types.ParseText(text, types.Bigint)
		if err != nil {
			return types.Null, err
		}
		switch t.Kind() {
		case types.KindDate:
			return types.NewDate(int32(n.Bigint())), nil
		case types.KindTime:
			return types.NewTime(int32(n.Bigint())), nil
		}
		return types.NewTimestamp(n.Bigint()), nil
	}
	return castText(text, t)
}

func castText(text string, t types.Type) (types.Value, error) {
	switch t.Kind() {
	case types.KindString:
		return types.NewString(text), nil
	case types.KindBytes:
		b, err := base64.StdEncoding.DecodeString(text)
		return types.NewBytes(b), err
	}
	return types.ParseText(text, t)
}

func jsonArray(list []any, t types.Type) (types.Value, error) {
	if t.Kind() != types.KindArray {
		return types.Null, fmt.Errorf("an array is no %s", t)
	}
	out := make([]types.Value, len(list))
	for i, e := range list {
		var err error
		if out[i], err = jsonValue(e, t.Elem()); err != nil {
			return types.Null, err
		}
	}
	return types.NewArray(out), nil
}

func jsonObject(object map[string]any, t types.Type) (types.Value, error) {
	switch t.Kind() {
	case types.KindMap:
		m := types.NewMapValue(len(object))
		for k, e := range object {
			key, err := castText(k, t.Key())
			if err != nil {
				return types.Null, err
			}
			v, err := jsonValue(e, t.Elem())
			if err != nil {
				return types.Null, err
			}
			m.Put(key, v)
		}
		return types.NewMap(m), nil
	case types.KindStruct:
		fields := make([]types.Value, len(t.Fields()))
		for k, e := range object {
			i, ft, ok := t.Field(k)
			if !ok {
				if i, ft, ok = t.Field(strings.ToUpper(k)); !ok {
					return types.Null, fmt.Errorf("STRUCT has no field %s", types.Quote(k))
				}
			}
			v, err := jsonValue(e, ft)
			if err != nil {
				return types.Null, err
			}
			fields[i] = v
		}
		return types.NewStruct(fields), nil
	}
	return types.Null, fmt.Errorf("an object is no %s", t)
}

// prepareRow encodes a row that came as column name to value.
func prepareRow(src *catalog.Source, row map[string]any, now int64) (*insertion, error) {
	values := make(types.Row, src.Schema.Len())
	given := make([]bool, src.Schema.Len())
	timestamp := now
	for name, v := range row {
		at := findColumn(src.Schema, name)
		switch {
		case at < 0 && strings.EqualFold(name, types.RowTime):
			ts, err := numberValue(fmt.Sprint(v), types.Timestamp)
			if err != nil {
				return nil, api.Errorf("Column ROWTIME: %s", err)
			}
			timestamp = ts.Millis()
			continue
		case at < 0:
			return nil, api.Errorf("Column name %s does not exist.", types.Quote(name))
		case src.Schema.At(at).Namespace == types.InHeaders:
			return nil, api.Errorf("Cannot insert into HEADER columns: %s", name)
		}
		var err error
		if values[at], err = jsonValue(v, src.Schema.At(at).Type); err != nil {
			return nil, api.Errorf("Can't coerce a field of type %T (%v) into type %s for column %s: %s", v, v, src.Schema.At(at).Type, types.Quote(src.Schema.At(at).Name), err)
		}
		given[at] = true
	}
	return encodeInsertion(src, values, given, timestamp)
}

// findColumn finds a column by its name as a JSON key writes it: quoted, exact, or in any case.
func findColumn(s types.Schema, name string) int {
	if len(name) > 2 && name[0] == '`' && name[len(name)-1] == '`' {
		return s.Find(strings.ReplaceAll(name[1:len(name)-1], "``", "`"))
	}
	if i := s.Find(name); i >= 0 {
		return i
	}
	return s.Find(types.Upper(name))
}
