package function

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/bits"
	"slices"

	"github.com/chortal/chortal/ksql/internal/types"
)

// maxCollected is the default limit of COLLECT_LIST and COLLECT_SET.
const maxCollected = 100_000

func collectAggregates() []AggregateDef {
	list := func(b Binding) Aggregate {
		limit := b.Env.limit("COLLECT_LIST", maxCollected)
		push := func(s types.Value, v ...types.Value) types.Value {
			in := s.Array()
			n := min(len(v), max(limit-len(in), 0))
			return types.NewArray(append(in[:len(in):len(in)], v[:n]...))
		}
		return Aggregate{
			Type: types.Array(b.Args[0]), Init: constant(types.NewArray(nil)),
			Add: func(s types.Value, a []types.Value) (types.Value, error) { return push(s, a[0]), nil },
			// The last equal element goes: which one it was is not known.
			Undo: func(s types.Value, a []types.Value) (types.Value, error) {
				in := s.Array()
				for i := len(in) - 1; i >= 0; i-- {
					if types.Equal(in[i], a[0]) {
						return types.NewArray(slices.Concat(in[:i], in[i+1:])), nil
					}
				}
				return s, nil
			},
			Merge: func(x, y types.Value) (types.Value, error) { return push(x, y.Array()...), nil },
		}
	}
	set := func(b Binding) Aggregate {
		limit := b.Env.limit("COLLECT_SET", maxCollected)
		put := func(s types.Value, values ...types.Value) types.Value {
			in := s.Array()
			in = in[:len(in):len(in)]
			for _, v := range values {
				if len(in) < limit && indexOf(in, v) < 0 {
					in = append(in, v)
				}
			}
			return types.NewArray(in)
		}
		return Aggregate{
			Type: types.Array(b.Args[0]), Init: constant(types.NewArray(nil)),
			Add:   func(s types.Value, a []types.Value) (types.Value, error) { return put(s, a[0]), nil },
			Merge: func(x, y types.Value) (types.Value, error) { return put(x, y.Array()...), nil },
		}
	}
	return []AggregateDef{
		simple("COLLECT_LIST", "Gathers the values in an array.", arrayT, list, p("val", genericT)),
		simple("COLLECT_SET", "Gathers the distinct values in an array.", arrayT, set, p("val", genericT)),
	}
}

// offsetAggregates keep each value with a sequence number, so that merged sessions know which came first.
func offsetAggregates() []AggregateDef {
	T, B, I := genericT, types.Boolean, types.Integer
	var out []AggregateDef
	for _, f := range []struct {
		name, doc string
		latest    bool
	}{
		{"EARLIEST_BY_OFFSET", "Returns the earliest value", false},
		{"LATEST_BY_OFFSET", "Returns the latest value", true},
	} {
		one := func(b Binding, init []types.Value) (Aggregate, error) {
			ignoreNulls := len(init) == 0 || init[0].Boolean()
			a := byOffset(b, f.latest, 1, ignoreNulls)
			a.Type = b.Args[0]
			a.Result = func(s types.Value) (types.Value, error) {
				if list := s.Array(); len(list) > 0 {
					return list[0].Struct()[1], nil
				}
				return types.Null, nil
			}
			complete(&a, f.name, f.doc, b)
			return a, nil
		}
		many := func(b Binding, init []types.Value) (Aggregate, error) {
			n := int(init[0].Integer())
			if n < 1 || n > maxCollected {
				return Aggregate{}, fmt.Errorf("%s takes between 1 and %d values, but was asked for %d", f.name, maxCollected, n)
			}
			a := byOffset(b, f.latest, n, len(init) < 2 || init[1].Boolean())
			a.Type = types.Array(b.Args[0])
			a.Result = func(s types.Value) (types.Value, error) {
				return project2(s, func(e types.Value) types.Value { return e.Struct()[1] }), nil
			}
			complete(&a, f.name, f.doc, b)
			return a, nil
		}
		col := []Param{p("val", T)}
		out = append(out,
			AggregateDef{Name: f.name, Doc: f.doc + " that is not NULL.", Args: col, Type: T, Bind: one},
			AggregateDef{Name: f.name, Doc: f.doc + ", NULL included unless it is to be ignored.", Args: col, Init: []Param{p("ignoreNulls", B)}, Type: T, Bind: one},
			AggregateDef{Name: f.name, Doc: f.doc + "s that are not NULL.", Args: col, Init: []Param{p("n", I)}, Type: arrayT, Bind: many},
			AggregateDef{Name: f.name, Doc: f.doc + "s, NULL included unless it is to be ignored.", Args: col, Init: []Param{p("n", I), p("ignoreNulls", B)}, Type: arrayT, Bind: many},
		)
	}
	return out
}

func project2(s types.Value, f func(types.Value) types.Value) types.Value {
	in := s.Array()
	out := make([]types.Value, len(in))
	for i, e := range in {
		out[i] = f(e)
	}
	return types.NewArray(out)
}

// byOffset keeps up to n values in the order in which they came. The sequence starts at the clock, so that it goes on where a
// former process left off.
func byOffset(b Binding, latest bool, n int, ignoreNulls bool) Aggregate {
	sequence := newSequence(b.Env)
	cut := func(list []types.Value) types.Value {
		switch {
		case len(list) <= n:
		case latest:
			list = list[len(list)-n:]
		default:
			list = list[:n]
		}
		return types.NewArray(list)
	}
	return Aggregate{
		State: types.Array(types.Struct(types.Field{Name: "SEQ", Type: types.Bigint}, types.Field{Name: "VAL", Type: b.Args[0]})),
		Init:  constant(types.NewArray(nil)),
		Add: func(s types.Value, a []types.Value) (types.Value, error) {
			in := s.Array()
			if ignoreNulls && a[0].IsNull() || !latest && len(in) >= n {
				return s, nil
			}
			return cut(append(in[:len(in):len(in)], types.NewStruct([]types.Value{types.NewBigint(sequence()), a[0]}))), nil
		},
		Merge: func(x, y types.Value) (types.Value, error) {
			list := slices.Concat(x.Array(), y.Array())
			slices.SortStableFunc(list, func(a, b types.Value) int { return types.Compare(a.Struct()[0], b.Struct()[0]) })
			return cut(list), nil
		},
	}
}

func topkAggregates() []AggregateDef {
	var out []AggregateDef
	k := []Param{p("k", types.Integer)}
	for _, t := range []types.Type{types.Integer, types.Bigint, types.Double, types.String} {
		out = append(out,
			AggregateDef{Name: "TOPK", Doc: "Returns the k greatest values.", Args: []Param{p("val", t)}, Init: k, Type: types.Array(t), Bind: bindTopK("TOPK", false)},
			AggregateDef{
				Name: "TOPK", Doc: "Returns the k rows with the greatest values, as structs of sort_col and the other columns.",
				Args: []Param{p("sort_col", t), p("col0", types.Any), more("cols", types.Any)}, Init: k, Bind: bindTopKRows,
			})
	}
	for _, t := range []types.Type{
		types.Integer, types.Bigint, types.Double, types.String, types.AnyDecimal, types.Date, types.Time, types.Timestamp, types.Bytes,
	} {
		out = append(out, AggregateDef{
			Name: "TOPKDISTINCT", Doc: "Returns the k greatest distinct values.", Args: []Param{p("val", t)}, Init: k,
			Type: types.Array(t), Bind: bindTopK("TOPKDISTINCT", true),
		})
	}
	return out
}

func checkK(name string, v types.Value) (int, error) {
	if k := int(v.Integer()); k >= 1 && k <= maxCollected {
		return k, nil
	}
	return 0, fmt.Errorf("%s takes between 1 and %d values, but was asked for %d", name, maxCollected, v.Integer())
}

// insertTop puts v into a list from the greatest to the least; equal values stay in the order in which they came.
func insertTop(list []types.Value, v types.Value, k int, less func(a, b types.Value) int) []types.Value {
	i := len(list)
	for i > 0 && less(list[i-1], v) < 0 {
		i--
	}
	if i >= k {
		return list
	}
	out := slices.Insert(slices.Clone(list), i, v)
	return out[:min(len(out), k)]
}

func bindTopK(name string, distinct bool) func(Binding, []types.Value) (Aggregate, error) {
	return func(b Binding, init []types.Value) (Aggregate, error) {
		k, err := checkK(name, init[0])
		put := func(s, v types.Value) types.Value {
			if v.IsNull() || distinct && indexOf(s.Array(), v) >= 0 {
				return s
			}
			return types.NewArray(insertTop(s.Array(), v, k, types.Compare))
		}
		a := Aggregate{
			Type: types.Array(b.Args[0]), Init: constant(types.NewArray(nil)),
			Add: func(s types.Value, a []types.Value) (types.Value, error) { return put(s, a[0]), nil },
			Merge: func(x, y types.Value) (types.Value, error) {
				for _, v := range y.Array() {
					x = put(x, v)
				}
				return x, nil
			},
		}
		complete(&a, name, "", b)
		return a, err
	}
}

func bindTopKRows(b Binding, init []types.Value) (Aggregate, error) {
	k, err := checkK("TOPK", init[0])
	fields := []types.Field{{Name: "sort_col", Type: b.Args[0]}}
	for i, t := range b.Args[1:] {
		fields = append(fields, types.Field{Name: fmt.Sprintf("col%d", i), Type: t})
	}
	bySortCol := func(x, y types.Value) int { return types.Compare(x.Struct()[0], y.Struct()[0]) }
	a := Aggregate{
		Type: types.Array(types.Struct(fields...)), Init: constant(types.NewArray(nil)),
		Add: func(s types.Value, args []types.Value) (types.Value, error) {
			if args[0].IsNull() {
				return s, nil
			}
			return types.NewArray(insertTop(s.Array(), types.NewStruct(slices.Clone(args)), k, bySortCol)), nil
		},
		Merge: func(x, y types.Value) (types.Value, error) {
			list := x.Array()
			for _, v := range y.Array() {
				list = insertTop(list, v, k, bySortCol)
			}
			return types.NewArray(list), nil
		},
	}
	complete(&a, "TOPK", "", b)
	return a, err
}

func statsAggregates() []AggregateDef {
	var out []AggregateDef
	for _, t := range []types.Type{types.Bigint, types.Integer, types.Double} {
		out = append(out,
			simple("STDDEV_SAMP", "Returns the sample variance; use STDDEV_SAMPLE for the standard deviation.", types.Double, deviation(func(v float64) float64 { return v }), p("val", t)),
			simple("STDDEV_SAMPLE", "Returns the sample standard deviation.", types.Double, deviation(math.Sqrt), p("val", t)),
			simple("CORRELATION", "Returns Pearson's correlation of two columns.", types.Double, correlation, p("x", t), p("y", t)))
	}
	return out
}

// moments keeps numbers in a struct of DOUBLE.
func moments(names ...string) (state types.Type, get func(types.Value) []float64, put func(...float64) types.Value) {
	fields := make([]types.Field, len(names))
	for i, n := range names {
		fields[i] = types.Field{Name: n, Type: types.Double}
	}
	get = func(v types.Value) []float64 {
		out := make([]float64, len(names))
		for i, f := range v.Struct() {
			out[i] = f.Double()
		}
		return out
	}
	put = func(list ...float64) types.Value {
		out := make([]types.Value, len(list))
		for i, f := range list {
			out[i] = types.NewDouble(f)
		}
		return types.NewStruct(out)
	}
	return types.Struct(fields...), get, put
}

// deviation keeps count, mean and the sum of squared differences (Welford), which is stable where sums of squares are not.
func deviation(result func(variance float64) float64) func(Binding) Aggregate {
	return func(Binding) Aggregate {
		state, get, put := moments("COUNT", "MEAN", "M2")
		return Aggregate{
			State: state, Init: constant(put(0, 0, 0)), Type: types.Double,
			Add: func(s types.Value, a []types.Value) (types.Value, error) {
				if a[0].IsNull() {
					return s, nil
				}
				m, x := get(s), a[0].Float64()
				n, d := m[0]+1, x-m[1]
				mean := m[1] + d/n
				return put(n, mean, m[2]+d*(x-mean)), nil
			},
			Undo: func(s types.Value, a []types.Value) (types.Value, error) {
				if a[0].IsNull() {
					return s, nil
				}
				m, x := get(s), a[0].Float64()
				n := m[0] - 1
				if n <= 0 {
					return put(0, 0, 0), nil
				}
				mean := (m[0]*m[1] - x) / n
				return put(n, mean, max(m[2]-(x-m[1])*(x-mean), 0)), nil
			},
			Merge: func(x, y types.Value) (types.Value, error) {
				a, b := get(x), get(y)
				n := a[0] + b[0]
				if n == 0 {
					return x, nil
				}
				d := b[1] - a[1]
				return put(n, (a[0]*a[1]+b[0]*b[1])/n, a[2]+b[2]+d*d*a[0]*b[0]/n), nil
			},
			Result: func(s types.Value) (types.Value, error) {
				m := get(s)
				if m[0] < 2 {
					return types.NewDouble(0), nil
				}
				return types.NewDouble(result(m[2] / (m[0] - 1))), nil
			},
		}
	}
}

func correlation(Binding) Aggregate {
	state, get, put := moments("COUNT", "SUM_X", "SUM_Y", "SUM_XX", "SUM_YY", "SUM_XY")
	add := func(sign float64) step2 {
		return func(s types.Value, a []types.Value) (types.Value, error) {
			if a[0].IsNull() || a[1].IsNull() {
				return s, nil
			}
			m, x, y := get(s), a[0].Float64(), a[1].Float64()
			return put(m[0]+sign, m[1]+sign*x, m[2]+sign*y, m[3]+sign*x*x, m[4]+sign*y*y, m[5]+sign*x*y), nil
		}
	}
	return Aggregate{
		State: state, Init: constant(put(0, 0, 0, 0, 0, 0)), Type: types.Double, Add: add(1), Undo: add(-1),
		Merge: func(x, y types.Value) (types.Value, error) {
			a, b := get(x), get(y)
			for i := range a {
				a[i] += b[i]
			}
			return put(a...), nil
		},
		Result: func(s types.Value) (types.Value, error) {
			m := get(s)
			n := m[0]
			cov := n*m[5] - m[1]*m[2]
			r := cov / math.Sqrt((n*m[3]-m[1]*m[1])*(n*m[4]-m[2]*m[2]))
			return types.NewDouble(max(min(r, 1), -1)), nil
		},
	}
}

// COUNT_DISTINCT keeps the hashes of up to exactHashes values, and beyond that a HyperLogLog of 2^logRegisters registers, whose error is
// about 1.6 %. The state is BYTES: one byte of form, then 8 bytes a hash, or one byte a register.
const (
	exactHashes  = 256
	logRegisters = 12
	registers    = 1 << logRegisters
	formExact    = 1
	formSketch   = 2
)

func distinctAggregates() []AggregateDef {
	bind := func(Binding) Aggregate {
		return Aggregate{
			State: types.Bytes, Type: types.Bigint, Init: constant(types.NewBytes([]byte{formExact})),
			Add: func(s types.Value, a []types.Value) (types.Value, error) {
				if a[0].IsNull() {
					return s, nil
				}
				h := fnv.New64a()
				_, _ = h.Write(types.AppendValue(nil, canonical(a[0])))
				return types.NewBytes(addHash(s.Bytes(), mix(h.Sum64()))), nil
			},
			Merge: func(x, y types.Value) (types.Value, error) {
				return types.NewBytes(mergeHashes(x.Bytes(), y.Bytes())), nil
			},
			Result: func(s types.Value) (types.Value, error) {
				return types.NewBigint(estimate(s.Bytes())), nil
			},
		}
	}
	return []AggregateDef{simple("COUNT_DISTINCT", "Counts the distinct values that are not NULL: exactly up to 256, then with an error of about 1.6 %.", types.Bigint, bind, p("val", genericT))}
}

// mix spreads the bits of a hash.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

func addHash(s []byte, h uint64) []byte {
	if s[0] == formSketch {
		i, rank := register(h)
		if s[1+i] >= rank {
			return s
		}
		out := slices.Clone(s)
		out[1+i] = rank
		return out
	}
	for i := 1; i < len(s); i += 8 {
		if binary.BigEndian.Uint64(s[i:]) == h {
			return s
		}
	}
	if len(s) < 1+8*exactHashes {
		return binary.BigEndian.AppendUint64(s[:len(s):len(s)], h)
	}
	return addHash(sketch(s), h)
}

func register(h uint64) (i int, rank byte) {
	return int(h >> (64 - logRegisters)), byte(bits.LeadingZeros64(h<<logRegisters|1<<(logRegisters-1)) + 1)
}

func sketch(s []byte) []byte {
	if s[0] == formSketch {
		return slices.Clone(s)
	}
	out := make([]byte, 1+registers)
	out[0] = formSketch
	for i := 1; i < len(s); i += 8 {
		r, rank := register(binary.BigEndian.Uint64(s[i:]))
		out[1+r] = max(out[1+r], rank)
	}
	return out
}

func mergeHashes(a, b []byte) []byte {
	if b[0] == formExact {
		for i := 1; i < len(b); i += 8 {
			a = addHash(a, binary.BigEndian.Uint64(b[i:]))
		}
		return a
	}
	a = sketch(a)
	for i := 1; i < len(a); i++ {
		a[i] = max(a[i], b[i])
	}
	return a
}

func estimate(s []byte) int64 {
	if s[0] == formExact {
		return int64(len(s)-1) / 8
	}
	sum, zeros := 0.0, 0
	for _, r := range s[1:] {
		sum += 1 / float64(uint64(1)<<r)
		if r == 0 {
			zeros++
		}
	}
	m := float64(registers)
	e := 0.7213 / (1 + 1.079/m) * m * m / sum
	if e <= 2.5*m && zeros > 0 {
		e = m * math.Log(m/float64(zeros))
	}
	return int64(math.Round(e))
}
