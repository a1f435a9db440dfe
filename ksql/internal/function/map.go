package function

import (
	"slices"

	"github.com/chortal/chortal/ksql/internal/types"
)

func mapFunctions() []Scalar {
	S := types.String
	mapT := types.Map(S, genericT)
	list := []Scalar{
		fn("as_map", "Makes a map of keys and values.", mapT, asMap, p("keys", stringArray), p("vals", arrayT)),
		fn("map_keys", "Returns the keys.", stringArray, func(a []types.Value) (types.Value, error) {
			return project(a[0], func(e types.MapEntry) types.Value { return e.Key }), nil
		}, p("input", mapT)),
		fn("map_values", "Returns the values.", arrayT, func(a []types.Value) (types.Value, error) {
			return project(a[0], func(e types.MapEntry) types.Value { return e.Value }), nil
		}, p("input", mapT)),
		fnNull("map_union", "Returns the entries of both maps; the second wins.", mapT, mapUnion, p("map1", mapT), p("map2", mapT)),
	}
	for _, v := range []types.Type{types.Integer, types.Bigint, types.Double, types.Boolean, S} {
		entry := types.Struct(types.Field{Name: "K", Type: S}, types.Field{Name: "V", Type: v})
		list = append(list, fn("entries", "Returns the entries as structs of K and V, sorted by key if wanted.", types.Array(entry), entries,
			p("map", types.Map(S, v)), p("sorted", types.Boolean)))
	}
	return category("MAP", list...)
}

func project(m types.Value, f func(types.MapEntry) types.Value) types.Value {
	in := m.Map().Entries()
	out := make([]types.Value, len(in))
	for i, e := range in {
		out[i] = f(e)
	}
	return types.NewArray(out)
}

func asMap(a []types.Value) (types.Value, error) {
	keys, vals := a[0].Array(), a[1].Array()
	m := types.NewMapValue(len(keys))
	for i := range min(len(keys), len(vals)) {
		m.Put(keys[i], vals[i])
	}
	return types.NewMap(m), nil
}

func mapUnion(a []types.Value) (types.Value, error) {
	if a[0].IsNull() && a[1].IsNull() {
		return null()
	}
	m := types.NewMapValue(0)
	for _, v := range a {
		if v.IsNull() {
			continue
		}
		for _, e := range v.Map().Entries() {
			m.Put(e.Key, e.Value)
		}
	}
	return types.NewMap(m), nil
}

func entries(a []types.Value) (types.Value, error) {
	in := slices.Clone(a[0].Map().Entries())
	if a[1].Boolean() {
		slices.SortStableFunc(in, func(x, y types.MapEntry) int { return types.Compare(x.Key, y.Key) })
	}
	out := make([]types.Value, len(in))
	for i, e := range in {
		out[i] = types.NewStruct([]types.Value{e.Key, e.Value})
	}
	return types.NewArray(out), nil
}
