package function

import (
	"strconv"
	"strings"

	"github.com/chortal/chortal/ksql/internal/types"
)

func jsonFunctions() []Scalar {
	S, I, B := types.String, types.Integer, types.Boolean
	toJSON := fnNull("to_json_string", "Writes any value as JSON.", S, nil, p("val", genericT))
	toJSON.Bind = func(b Binding) (Eval, error) {
		return func(a []types.Value) (types.Value, error) { return str(string(appendJSON(nil, a[0], b.Args[0]))) }, nil
	}
	extract := fn("extractjsonfield", "Returns the value at a path such as $.a.b[0] of a JSON text, or NULL.", S, nil, p("input", S), p("path", S))
	extract.Bind = func(Binding) (Eval, error) {
		paths := newCache(compileJSONPath)
		return func(a []types.Value) (types.Value, error) {
			path, err := paths.get(a[1].Str())
			if err != nil {
				return types.Null, err
			}
			n, ok := parseJSON(a[0].Str())
			if ok {
				n, ok = n.at(path)
			}
			if !ok || n.isNull() {
				return null()
			}
			return str(n.text())
		}, nil
	}
	return category("JSON",
		extract, toJSON,
		fnNull("is_json_string", "Reports whether a text is valid JSON.", B, func(a []types.Value) (types.Value, error) {
			if a[0].IsNull() {
				return types.NewBoolean(false), nil
			}
			_, ok := parseJSON(a[0].Str())
			return types.NewBoolean(ok), nil
		}, p("input", S)),
		fnNull("json_array_contains", "Reports whether a JSON array holds a value.", B, jsonArrayContains, p("jsonArray", S), p("val", genericT)),
		fn("json_array_length", "Returns the length of a JSON array, or NULL for other JSON.", I, jsonArrayLength, p("jsonArray", S)),
		fn("json_concat", "Merges JSON objects, the last wins, or joins arrays; other values count as arrays of one.", S, jsonConcat, more("jsonStrings", S)),
		fn("json_items", "Returns the elements of a JSON array as JSON texts.", stringArray, jsonItems, p("jsonItems", S)),
		fn("json_keys", "Returns the names of the fields of a JSON object, or NULL.", stringArray, jsonKeys, p("jsonObj", S)),
		fn("json_records", "Returns the fields of a JSON object with the text of their values, or NULL.", types.Map(S, S), jsonRecords, p("jsonObj", S)),
	)
}

func jsonArrayContains(a []types.Value) (types.Value, error) {
	found := false
	if !a[0].IsNull() {
		if n, ok := parseJSON(a[0].Str()); ok && n.isArray() {
			n.members(func(_ string, v jsonNode) bool {
				found = sameJSON(v, a[1])
				return !found
			})
		}
	}
	return types.NewBoolean(found), nil
}

// sameJSON compares kinds, too: the text "1" is not the number 1, and 1.0 is no whole number.
func sameJSON(n jsonNode, v types.Value) bool {
	switch v.Kind() {
	case types.KindNull:
		return n.isNull()
	case types.KindBoolean:
		return string(n) == strconv.FormatBool(v.Boolean())
	case types.KindString:
		return n[0] == '"' && n.text() == v.Str()
	case types.KindInteger, types.KindBigint:
		i, err := strconv.ParseInt(string(n), 10, 64)
		return err == nil && i == v.Bigint()
	case types.KindDouble, types.KindDecimal:
		if n[0] != '-' && (n[0] < '0' || n[0] > '9') || !strings.ContainsAny(string(n), ".eE") {
			return false
		}
		d, err := types.ParseDecimal(string(n))
		return err == nil && types.Compare(d, v) == 0
	}
	return false
}

func jsonArrayLength(a []types.Value) (types.Value, error) {
	n, ok := parseJSON(a[0].Str())
	if !ok || !n.isArray() {
		return null()
	}
	count := int32(0)
	n.members(func(string, jsonNode) bool { count++; return true })
	return types.NewInteger(count), nil
}

func jsonConcat(a []types.Value) (types.Value, error) {
	nodes := make([]jsonNode, len(a))
	objects := len(a) > 0
	for i, v := range a {
		n, ok := parseJSON(v.Str())
		if !ok {
			return null()
		}
		nodes[i] = n
		objects = objects && n.isObject()
	}
	if len(nodes) == 0 {
		return null()
	}
	if objects {
		return mergeObjects(nodes)
	}
	var parts []string
	for _, n := range nodes {
		if !n.isArray() {
			parts = append(parts, n.compact())
			continue
		}
		n.members(func(_ string, v jsonNode) bool {
			parts = append(parts, v.compact())
			return true
		})
	}
	return str("[" + strings.Join(parts, ",") + "]")
}

func mergeObjects(nodes []jsonNode) (types.Value, error) {
	fields := types.NewMapValue(8)
	for _, n := range nodes {
		n.members(func(name string, v jsonNode) bool {
			fields.Put(types.NewString(name), types.NewString(v.compact()))
			return true
		})
	}
	out := []byte{'{'}
	for i, e := range fields.Entries() {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendJSONString(out, e.Key.Str())
		out = append(out, ':')
		out = append(out, e.Value.Str()...)
	}
	return str(string(append(out, '}')))
}

func jsonItems(a []types.Value) (types.Value, error) {
	n, ok := parseJSON(a[0].Str())
	if !ok || !n.isArray() {
		return null()
	}
	out := []types.Value{}
	n.members(func(_ string, v jsonNode) bool {
		out = append(out, types.NewString(v.compact()))
		return true
	})
	return types.NewArray(out), nil
}

func jsonKeys(a []types.Value) (types.Value, error) {
	n, ok := parseJSON(a[0].Str())
	if !ok || !n.isObject() {
		return null()
	}
	out := []types.Value{}
	n.members(func(name string, _ jsonNode) bool {
		out = append(out, types.NewString(name))
		return true
	})
	return types.NewArray(out), nil
}

func jsonRecords(a []types.Value) (types.Value, error) {
	n, ok := parseJSON(a[0].Str())
	if !ok || !n.isObject() {
		return null()
	}
	m := types.NewMapValue(8)
	n.members(func(name string, v jsonNode) bool {
		value := types.Null
		if !v.isNull() {
			value = types.NewString(v.text())
		}
		m.Put(types.NewString(name), value)
		return true
	})
	return types.NewMap(m), nil
}
