package function

import (
	"slices"

	"github.com/chortal/chortal/ksql/internal/types"
)

// aggregates returns all aggregate functions.
func aggregates() []AggregateDef {
	return slices.Concat(
		countAggregates(), sumAggregates(), avgAggregates(), minMaxAggregates(), offsetAggregates(), collectAggregates(),
		topkAggregates(), statsAggregates(), histogramAggregates(), attrAggregates(), distinctAggregates(),
	)
}

type (
	step2 = func(state types.Value, args []types.Value) (types.Value, error)
)

// simple is an overload without constants whose aggregate depends on the argument types at most.
func simple(name, doc string, t types.Type, bind func(b Binding) Aggregate, args ...Param) AggregateDef {
	probe := make([]types.Type, len(args))
	for i, a := range args {
		probe[i] = a.Type
	}
	return AggregateDef{
		Name: name, Doc: doc, Args: args, Type: t, Tables: bind(Binding{Args: probe, Type: t}).Undo != nil,
		Bind: func(b Binding, _ []types.Value) (Aggregate, error) {
			a := bind(b)
			complete(&a, name, doc, b)
			return a, nil
		},
	}
}

// complete fills in what most aggregates leave out: no state yet is NULL, the result is the state.
func complete(a *Aggregate, name, doc string, b Binding) {
	a.Name, a.Doc, a.Args = name, doc, b.Args
	if a.Type.IsNull() {
		a.Type = b.Type
	}
	if a.State.IsNull() {
		a.State = a.Type
	}
	if a.Init == nil {
		a.Init = func() types.Value { return types.Null }
	}
	if a.Result == nil {
		a.Result = func(state types.Value) (types.Value, error) { return state, nil }
	}
}

func constant(v types.Value) func() types.Value { return func() types.Value { return v } }

func countAggregates() []AggregateDef {
	count := func(sign int64, every bool) step2 {
		return func(s types.Value, a []types.Value) (types.Value, error) {
			if !every && a[0].IsNull() {
				return s, nil
			}
			return types.NewBigint(s.Bigint() + sign), nil
		}
	}
	bind := func(every bool) func(Binding) Aggregate {
		return func(Binding) Aggregate {
			return Aggregate{
				Init: constant(types.NewBigint(0)), Add: count(1, every), Undo: count(-1, every),
				Merge: func(a, b types.Value) (types.Value, error) { return types.NewBigint(a.Bigint() + b.Bigint()), nil },
			}
		}
	}
	return []AggregateDef{
		simple("COUNT", "Counts the rows: COUNT(*).", types.Bigint, bind(true)),
		simple("COUNT", "Counts the values that are not NULL.", types.Bigint, bind(false), p("val", genericT)),
	}
}

func sumAggregates() []AggregateDef {
	zero := func(t types.Type) types.Value {
		switch t.Kind() {
		case types.KindInteger:
			return types.NewInteger(0)
		case types.KindBigint:
			return types.NewBigint(0)
		case types.KindDouble:
			return types.NewDouble(0)
		}
		return types.NewDecimal(0, t.Scale())
	}
	bind := func(b Binding) Aggregate {
		t := b.Args[0]
		add := func(op types.Op) step2 {
			return func(s types.Value, a []types.Value) (types.Value, error) {
				if a[0].IsNull() {
					return s, nil
				}
				return types.Arithmetic(op, s, a[0], t)
			}
		}
		return Aggregate{
			Type: t, Init: constant(zero(t)), Add: add(types.Add), Undo: add(types.Subtract),
			Merge: func(x, y types.Value) (types.Value, error) { return types.Arithmetic(types.Add, x, y, t) },
		}
	}
	list := func(b Binding) Aggregate {
		t := b.Args[0].Elem()
		add := func(op types.Op) step2 {
			return func(s types.Value, a []types.Value) (types.Value, error) {
				if a[0].IsNull() {
					return s, nil
				}
				for _, e := range a[0].Array() {
					if e.IsNull() {
						continue
					}
					var err error
					if s, err = types.Arithmetic(op, s, e, t); err != nil {
						return s, err
					}
				}
				return s, nil
			}
		}
		return Aggregate{
			Type: t, Init: constant(zero(t)), Add: add(types.Add), Undo: add(types.Subtract),
			Merge: func(x, y types.Value) (types.Value, error) { return types.Arithmetic(types.Add, x, y, t) },
		}
	}
	var out []AggregateDef
	for _, t := range []types.Type{types.AnyDecimal, types.Double, types.Bigint, types.Integer} {
		out = append(out, simple("SUM", "Adds the values that are not NULL.", t, bind, p("val", t)))
	}
	for _, t := range []types.Type{types.Double, types.Integer, types.Bigint} {
		out = append(out, simple("SUM_LIST", "Adds all elements of the arrays.", t, list, p("val", types.Array(t))))
	}
	return out
}

func avgAggregates() []AggregateDef {
	bind := func(b Binding) Aggregate {
		sum := types.Bigint
		if b.Args[0].Kind() == types.KindDouble {
			sum = types.Double
		}
		add := func(op types.Op, n int64) step2 {
			return func(s types.Value, a []types.Value) (types.Value, error) {
				if a[0].IsNull() {
					return s, nil
				}
				f := s.Struct()
				v, err := types.Arithmetic(op, f[0], a[0], sum)
				return types.NewStruct([]types.Value{v, types.NewBigint(f[1].Bigint() + n)}), err
			}
		}
		zero := types.NewBigint(0)
		if sum.Kind() == types.KindDouble {
			zero = types.NewDouble(0)
		}
		return Aggregate{
			State: types.Struct(types.Field{Name: "SUM", Type: sum}, types.Field{Name: "COUNT", Type: types.Bigint}), Type: types.Double,
			Init: constant(types.NewStruct([]types.Value{zero, types.NewBigint(0)})), Add: add(types.Add, 1), Undo: add(types.Subtract, -1),
			Merge: func(x, y types.Value) (types.Value, error) {
				f, g := x.Struct(), y.Struct()
				v, err := types.Arithmetic(types.Add, f[0], g[0], sum)
				return types.NewStruct([]types.Value{v, types.NewBigint(f[1].Bigint() + g[1].Bigint())}), err
			},
			Result: func(s types.Value) (types.Value, error) {
				f := s.Struct()
				if f[1].Bigint() == 0 {
					return types.NewDouble(0), nil
				}
				return types.NewDouble(f[0].Float64() / float64(f[1].Bigint())), nil
			},
		}
	}
	var out []AggregateDef
	for _, t := range []types.Type{types.Bigint, types.Integer, types.Double} {
		out = append(out, simple("AVG", "Returns the mean of the values that are not NULL.", types.Double, bind, p("val", t)))
	}
	return out
}

func minMaxAggregates() []AggregateDef {
	bind := func(sign int) func(Binding) Aggregate {
		better := func(a, b types.Value) types.Value {
			if a.IsNull() || !b.IsNull() && sign*types.Compare(b, a) > 0 {
				return b
			}
			return a
		}
		return func(b Binding) Aggregate {
			return Aggregate{
				Type:  b.Args[0],
				Add:   func(s types.Value, a []types.Value) (types.Value, error) { return better(s, a[0]), nil },
				Merge: func(x, y types.Value) (types.Value, error) { return better(x, y), nil },
			}
		}
	}
	var out []AggregateDef
	for _, t := range []types.Type{
		types.Integer, types.Bigint, types.Double, types.AnyDecimal, types.Date, types.Time, types.Timestamp, types.String, types.Bytes,
	} {
		out = append(out,
			simple("MAX", "Returns the greatest value that is not NULL.", t, bind(1), p("val", t)),
			simple("MIN", "Returns the least value that is not NULL.", t, bind(-1), p("val", t)))
	}
	return out
}

func attrAggregates() []AggregateDef {
	// The state lists each value with the number of rows that have it.
	bind := func(b Binding) Aggregate {
		state := types.Array(types.Struct(types.Field{Name: "VALUE", Type: b.Args[0]}, types.Field{Name: "COUNT", Type: types.Bigint}))
		return Aggregate{
			State: state, Type: b.Args[0], Init: constant(types.NewArray(nil)),
			Add:  func(s types.Value, a []types.Value) (types.Value, error) { return tally(s, a[0], 1), nil },
			Undo: func(s types.Value, a []types.Value) (types.Value, error) { return tally(s, a[0], -1), nil },
			Merge: func(x, y types.Value) (types.Value, error) {
				for _, e := range y.Array() {
					x = tally(x, e.Struct()[0], e.Struct()[1].Bigint())
				}
				return x, nil
			},
			Result: func(s types.Value) (types.Value, error) {
				if list := s.Array(); len(list) == 1 {
					return list[0].Struct()[0], nil
				}
				return types.Null, nil
			},
		}
	}
	return []AggregateDef{simple("ATTR", "Returns the value that all rows have, or NULL if they differ.", genericT, bind, p("val", genericT))}
}

// maxAttr is how many different values ATTR remembers; beyond that, more would change nothing.
const maxAttr = 10_000

func tally(s, v types.Value, n int64) types.Value {
	list := slices.Clone(s.Array())
	for i, e := range list {
		f := e.Struct()
		if !types.Equal(f[0], v) {
			continue
		}
		if count := f[1].Bigint() + n; count > 0 {
			list[i] = types.NewStruct([]types.Value{v, types.NewBigint(count)})
		} else {
			list = slices.Delete(list, i, i+1)
		}
		return types.NewArray(list)
	}
	if n > 0 && len(list) < maxAttr {
		list = append(list, types.NewStruct([]types.Value{v, types.NewBigint(n)}))
	}
	return types.NewArray(list)
}

func histogramAggregates() []AggregateDef {
	bind := func(b Binding) Aggregate {
		limit := b.Env.limit("HISTOGRAM", 1000)
		return Aggregate{
			Init: constant(types.NewMap(types.NewMapValue(0))),
			Add:  func(s types.Value, a []types.Value) (types.Value, error) { return bump(s, a[0], 1, limit), nil },
			Undo: func(s types.Value, a []types.Value) (types.Value, error) { return bump(s, a[0], -1, limit), nil },
			Merge: func(x, y types.Value) (types.Value, error) {
				for _, e := range y.Map().Entries() {
					x = bump(x, e.Key, e.Value.Bigint(), limit)
				}
				return x, nil
			},
		}
	}
	return []AggregateDef{simple("HISTOGRAM", "Returns how often each value occurs.", types.Map(types.String, types.Bigint), bind, p("val", types.String))}
}

func bump(s, key types.Value, n int64, limit int) types.Value {
	if key.IsNull() {
		key = types.NewString("null")
	}
	out := types.NewMapValue(s.Map().Len() + 1)
	found := false
	for _, e := range s.Map().Entries() {
		if types.Equal(e.Key, key) {
			found = true
			if e.Value = types.NewBigint(e.Value.Bigint() + n); e.Value.Bigint() < 1 {
				continue
			}
		}
		out.Put(e.Key, e.Value)
	}
	if !found && n > 0 && out.Len() < limit {
		out.Put(key, types.NewBigint(n))
	}
	return types.NewMap(out)
}

// limit returns the largest number of elements that a function may collect.
func (e Env) limit(name string, otherwise int) int {
	if n, ok := e.Limit[name]; ok && n > 0 {
		return n
	}
	return otherwise
}
