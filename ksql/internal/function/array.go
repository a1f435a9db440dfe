package function

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chortal/chortal/ksql/internal/types"
)

func arrayFunctions() []Scalar {
	S, I, L := types.String, types.Integer, types.Bigint
	return category("ARRAY",
		fnNull("array_concat", "Returns the elements of both arrays one after the other; a NULL array counts as empty.", arrayT, arrayConcat, p("left", arrayT), p("right", arrayT)),
		fnNull("array_contains", "Reports whether an array holds a value.", types.Boolean, arrayContains, p("array", arrayT), p("val", genericT)),
		fn("array_distinct", "Returns the array without repeated elements.", arrayT, func(a []types.Value) (types.Value, error) {
			return distinct(a[0].Array(), nil, nil), nil
		}, p("array", arrayT)),
		fn("array_except", "Returns the distinct elements of the first array that are not in the second.", arrayT, func(a []types.Value) (types.Value, error) {
			return distinct(a[0].Array(), nil, func(in map[string]bool, k string) bool { return !in[k] }, a[1].Array()...), nil
		}, p("array1", arrayT), p("array2", arrayT)),
		fn("array_intersect", "Returns the distinct elements that are in both arrays.", arrayT, func(a []types.Value) (types.Value, error) {
			return distinct(a[0].Array(), nil, func(in map[string]bool, k string) bool { return in[k] }, a[1].Array()...), nil
		}, p("array1", arrayT), p("array2", arrayT)),
		fn("array_union", "Returns the distinct elements of both arrays.", arrayT, func(a []types.Value) (types.Value, error) {
			return distinct(a[0].Array(), a[1].Array(), nil), nil
		}, p("array1", arrayT), p("array2", arrayT)),
		joinText(fnNull("array_join", "Joins the texts of the elements with commas.", S, nil, p("array", arrayT))),
		joinText(fnNull("array_join", "Joins the texts of the elements with a delimiter.", S, nil, p("array", arrayT), p("delimiter", S))),
		fn("array_length", "Returns the number of elements.", I, func(a []types.Value) (types.Value, error) {
			return types.NewInteger(int32(len(a[0].Array()))), nil
		}, p("array", arrayT)),
		fn("array_max", "Returns the greatest element that is not NULL.", genericT, arrayExtreme(1), p("array", arrayT)),
		fn("array_min", "Returns the least element that is not NULL.", genericT, arrayExtreme(-1), p("array", arrayT)),
		fnNull("array_remove", "Returns the array without the elements equal to a value.", arrayT, arrayRemove, p("array", arrayT), p("element", genericT)),
		fn("array_sort", "Sorts an array, NULL last.", arrayT, arraySort, p("array", arrayT)),
		fn("array_sort", "Sorts an array in the direction ASC or DESC, NULL last.", arrayT, arraySort, p("array", arrayT), p("direction", S)),
		fn("generate_series", "Returns the numbers from start to end.", types.Array(I), series(types.KindInteger), p("start", I), p("end", I)),
		fn("generate_series", "Returns the numbers from start to end by a step.", types.Array(I), series(types.KindInteger), p("start", I), p("end", I), p("step", I)),
		fn("generate_series", "Returns the numbers from start to end.", types.Array(L), series(types.KindBigint), p("start", L), p("end", L)),
		fn("generate_series", "Returns the numbers from start to end by a step.", types.Array(L), series(types.KindBigint), p("start", L), p("end", L), p("step", I)),
		fnNull("slice", "Returns the elements from one position to another, both counted from 1 and included; NULL means the end.", arrayT, slice,
			p("in", arrayT), p("from", I), p("to", I)),
	)
}

func arrayConcat(a []types.Value) (types.Value, error) {
	switch {
	case a[0].IsNull():
		return a[1], nil
	case a[1].IsNull():
		return a[0], nil
	}
	return types.NewArray(slices.Concat(a[0].Array(), a[1].Array())), nil
}

func indexOf(list []types.Value, v types.Value) int {
	return slices.IndexFunc(list, func(e types.Value) bool { return types.Equal(e, v) })
}

func arrayContains(a []types.Value) (types.Value, error) {
	if a[0].IsNull() {
		return types.NewBoolean(false), nil
	}
	return types.NewBoolean(indexOf(a[0].Array(), a[1]) >= 0), nil
}

func keyOf(v types.Value) string { return string(types.AppendValue(nil, canonical(v))) }

// canonical gives equal DECIMALs one form.
func canonical(v types.Value) types.Value {
	if v.Kind() == types.KindDecimal {
		if u, ok := v.Unscaled(); ok && u == 0 {
			return types.NewDecimal(0, 0)
		}
	}
	return v
}

// distinct returns the distinct elements of two lists in order, those that keep allows for the elements of others.
func distinct(first, second []types.Value, keep func(in map[string]bool, k string) bool, others ...types.Value) types.Value {
	in := make(map[string]bool, len(others))
	for _, o := range others {
		in[keyOf(o)] = true
	}
	seen := make(map[string]bool, len(first))
	var out []types.Value
	for _, list := range [][]types.Value{first, second} {
		for _, e := range list {
			k := keyOf(e)
			if !seen[k] && (keep == nil || keep(in, k)) {
				seen[k] = true
				out = append(out, e)
			}
		}
	}
	return types.NewArray(out)
}

func joinText(s Scalar) Scalar {
	s.Bind = func(b Binding) (Eval, error) {
		elem := b.Args[0].Elem()
		return func(a []types.Value) (types.Value, error) {
			if a[0].IsNull() {
				return null()
			}
			delim := ","
			if len(a) > 1 {
				delim = ""
				if !a[1].IsNull() {
					delim = a[1].Str()
				}
			}
			var out []byte
			for i, e := range a[0].Array() {
				if i > 0 {
					out = append(out, delim...)
				}
				out = types.AppendText(out, e, elem)
			}
			return str(string(out))
		}, nil
	}
	return s
}

func arrayExtreme(sign int) Eval {
	return func(a []types.Value) (types.Value, error) {
		var best types.Value
		for _, v := range a[0].Array() {
			if !v.IsNull() && (best.IsNull() || sign*types.Compare(v, best) > 0) {
				best = v
			}
		}
		return best, nil
	}
}

func arrayRemove(a []types.Value) (types.Value, error) {
	if a[0].IsNull() {
		return null()
	}
	var out []types.Value
	for _, e := range a[0].Array() {
		if !types.Equal(e, a[1]) {
			out = append(out, e)
		}
	}
	return types.NewArray(out), nil
}

func arraySort(a []types.Value) (types.Value, error) {
	sign := 1
	if len(a) > 1 {
		switch strings.ToUpper(a[1].Str()) {
		case "ASC", "ASCENDING":
		case "DESC", "DESCENDING":
			sign = -1
		default:
			return null()
		}
	}
	out := slices.Clone(a[0].Array())
	slices.SortStableFunc(out, func(x, y types.Value) int {
		switch {
		case x.IsNull() && y.IsNull():
			return 0
		case x.IsNull():
			return 1
		case y.IsNull():
			return -1
		}
		return sign * types.Compare(x, y)
	})
	return types.NewArray(out), nil
}

// maxElements bounds the length of arrays that functions make out of little.
const maxElements = 1_000_000

func series(kind types.Kind) Eval {
	return func(a []types.Value) (types.Value, error) {
		start, end, step := a[0].Bigint(), a[1].Bigint(), int64(1)
		if end < start {
			step = -1
		}
		if len(a) > 2 {
			step = a[2].Bigint()
		}
		switch {
		case step == 0:
			return types.Null, fmt.Errorf("GENERATE_SERIES step cannot be zero")
		case (end-start)*step < 0 && end != start:
			return types.Null, fmt.Errorf("GENERATE_SERIES step has wrong sign")
		}
		n := uint64(end-start)/uint64(step) + 1
		if step < 0 {
			n = uint64(start-end)/uint64(-step) + 1
		}
		if n > maxElements {
			return types.Null, fmt.Errorf("GENERATE_SERIES would give more than %d elements", maxElements)
		}
		out := make([]types.Value, n)
		for i := range out {
			v := start + int64(i)*step
			if kind == types.KindInteger {
				out[i] = types.NewInteger(int32(v))
			} else {
				out[i] = types.NewBigint(v)
			}
		}
		return types.NewArray(out), nil
	}
}

func slice(a []types.Value) (types.Value, error) {
	if a[0].IsNull() {
		return null()
	}
	list := a[0].Array()
	from, to := 0, len(list)
	if !a[1].IsNull() {
		from = int(a[1].Integer()) - 1
	}
	if !a[2].IsNull() {
		to = int(a[2].Integer())
	}
	if from < 0 || from > to || to > len(list) {
		return null()
	}
	return types.NewArray(list[from:to]), nil
}
