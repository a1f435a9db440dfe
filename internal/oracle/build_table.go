package main

import (
	"fmt"
	"time"

	"github.com/chortal/chortal/streams"
)

func (x *tb[K]) wrap(op object, t *streams.Table[K, any]) { x.b.out(op, &tb[K]{t, x.b}) }

func (x *tb[K]) filter(op object, not bool) {
	f := predicateOf(op.str("fn", ""))
	opts := append(named(op), materialized[K](op)...)
	if not {
		x.wrap(op, x.FilterNot(func(k K, v any) bool { return f(k, v) }, opts...))
		return
	}
	x.wrap(op, x.Filter(func(k K, v any) bool { return f(k, v) }, opts...))
}

func (x *tb[K]) mapValues(op object) {
	f := mapperOf(op.str("fn", ""))
	x.wrap(op, streams.MapTable(x.Table, func(k K, v any) any { return f(k, v) }, append(named(op), materialized[K](op)...)...))
}

func (x *tb[K]) transformValues(op object) {
	f := mapperOf(op.str("fn", ""))
	if op.has("stores") {
		notYet("transformValues with stores")
	}
	x.wrap(op, streams.TransformTable(x.Table, func(k K, v *any) any {
		if v == nil {
			return f(k, nil)
		}
		return f(k, *v)
	}, append(named(op), materialized[K](op)...)...))
}

func (x *tb[K]) toStream(op object) {
	s := &st[K]{x.ToStream(named(op)...), x.b}
	if op.has("fn") {
		s.selectKey(object{"fn": op["fn"], "out": op["out"]})
		return
	}
	x.b.out(op, s)
}

func (x *tb[K]) groupBy(op object) {
	kf, vf, null := mapperOf(op.str("kfn", "key")), mapperOf(op.str("vfn", "val")), op.boolean("nullPair")
	g := streams.GroupTable(x.Table, func(k K, v any) (any, any) {
		if null {
			panic(fmt.Errorf("the mapper returned no pair"))
		}
		return kf(k, v), vf(k, v)
	}, serdeOf(op.str("k", "")), serdeOf(op.str("v", "")), named(op)...)
	x.b.out(op, &gt{g, x.b})
}

// gr is a grouped stream.
type gr[K any] struct {
	*streams.Grouped[K, any]
	b *build
}

// counting is the options of a count, whose values are int64 unless the store says otherwise.
func counting[K any](op object) []streams.Option {
	return append([]streams.Option{streams.CountValues(serdeOf("int64"))}, materialized[K](op)...)
}

// start is the initializer of an aggregation.
func (b *build) start(op object) func() any {
	spec := op.str("agg", b.v)
	if o := op.obj("store"); o != nil {
		spec = o.str("v", spec)
	}
	v := value(op["init"], spec)
	return func() any { return v }
}

func countStart() any { return int64(0) }

func (x *gr[K]) count(op object) {
	t := streams.Aggregate(x.Grouped, countStart, func(_ K, _ any, n any) any { return calc(n, int64(1), '+') }, append(named(op), counting[K](op)...)...)
	x.b.out(op, &tb[K]{t, x.b})
}

func (x *gr[K]) reduce(op object) {
	f := aggregatorOf(op.str("fn", ""))
	t := x.Reduce(func(agg, v any) any { return f(nil, v, agg) }, append(named(op), materialized[K](op)...)...)
	x.b.out(op, &tb[K]{t, x.b})
}

func (x *gr[K]) aggregate(op object) {
	f := aggregatorOf(op.str("fn", ""))
	t := streams.Aggregate(x.Grouped, x.b.start(op), func(k K, v, agg any) any { return f(k, v, agg) }, append(named(op), materialized[K](op)...)...)
	x.b.out(op, &tb[K]{t, x.b})
}

// gt is a grouped table.
type gt struct {
	*streams.GroupedTable[any, any]
	b *build
}

func (x *gt) count(op object) {
	t := streams.AggregateTable(x.GroupedTable, countStart,
		func(_, _, n any) any { return calc(n, int64(1), '+') }, func(_, _, n any) any { return calc(n, int64(1), '-') },
		append(named(op), counting[any](op)...)...)
	x.b.out(op, &tb[any]{t, x.b})
}

func (x *gt) reduce(op object) {
	add, sub := aggregatorOf(op.str("fn", "")), aggregatorOf(op.str("sub", ""))
	t := x.Reduce(func(agg, v any) any { return add(nil, v, agg) }, func(agg, v any) any { return sub(nil, v, agg) },
		append(named(op), materialized[any](op)...)...)
	x.b.out(op, &tb[any]{t, x.b})
}

func (x *gt) aggregate(op object) {
	add, sub := aggregatorOf(op.str("fn", "")), aggregatorOf(op.str("sub", ""))
	t := streams.AggregateTable(x.GroupedTable, x.b.start(op),
		func(k, v, agg any) any { return add(k, v, agg) }, func(k, v, agg any) any { return sub(k, v, agg) },
		append(named(op), materialized[any](op)...)...)
	x.b.out(op, &tb[any]{t, x.b})
}

// tw is a grouped stream in time windows.
type tw struct {
	g *gr[any]
	w streams.Windows
}

func (b *build) windowedBy(op object) {
	var w streams.Windows
	switch kind := op.str("type", ""); kind {
	case "tumbling":
		w = streams.Tumbling(ms(op, "size"))
	case "hopping":
		w = streams.Hopping(ms(op, "size"), ms(op, "advance"))
	case "unlimited":
		w = streams.Unlimited(time.UnixMilli(op.num("startOn", 0)))
	default:
		notYet("%s windows", kind)
	}
	if op.has("grace") {
		w = w.Grace(ms(op, "grace"))
	}
	g, ok := b.in(op, 0).(*gr[any])
	if !ok {
		notYet("windows over %T", b.in(op, 0))
	}
	b.out(op, &tw{g, w})
}

func (b *build) emitStrategy(op object) {
	x, ok := b.in(op, 0).(*tw)
	if !ok {
		notYet("emit strategy of %T", b.in(op, 0))
	}
	w := *x
	if op.str("on", "") == "close" {
		w.w = w.w.EmitOnClose()
	}
	b.out(op, &w)
}

func (x *tw) windowed() *streams.TimeWindowed[any, any] { return streams.Window(x.g.Grouped, x.w) }

func (x *tw) out(op object, t *streams.Table[window, any]) { x.g.b.out(op, &tb[window]{t, x.g.b}) }

func (x *tw) count(op object) {
	x.out(op, streams.Aggregate(x.windowed(), countStart, func(_, _, n any) any { return calc(n, int64(1), '+') }, append(named(op), counting[any](op)...)...))
}

func (x *tw) reduce(op object) {
	f := aggregatorOf(op.str("fn", ""))
	x.out(op, x.windowed().Reduce(func(agg, v any) any { return f(nil, v, agg) }, append(named(op), materialized[any](op)...)...))
}

func (x *tw) aggregate(op object) {
	f := aggregatorOf(op.str("fn", ""))
	x.out(op, streams.Aggregate(x.windowed(), x.g.b.start(op), func(k, v, agg any) any { return f(k, v, agg) }, append(named(op), materialized[any](op)...)...))
}

func (b *build) cogroup(op object) { notYet("cogroup") }

func (x *tb[K]) suppress(op object) { notYet("suppress") }
