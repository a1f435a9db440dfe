package main

import "github.com/chortal/chortal/streams"

func (b *build) join(op object, kind string) {
	left := kind == "leftJoin"
	switch l := b.in(op, 0).(type) {
	case stream:
		switch r := b.in(op, 1).(type) {
		case stream:
			l.joinStream(op, r, kind)
		case *streams.GlobalTable[any, any]:
			l.joinGlobal(op, r, left)
		default:
			l.joinTable(op, r, left)
		}
	case table:
		l.join(op, b.in(op, 1), kind)
	default:
		notYet("join of a %T", l)
	}
}

// or returns what p points to, or null.
func or(p *any) any {
	if p == nil {
		return nil
	}
	return *p
}

func (x *st[K]) joinTable(op object, other any, left bool) {
	t, ok := other.(*tb[K])
	if !ok {
		notYet("join of a %T with a %T", x, other)
	}
	if op.has("grace") {
		notYet("stream-table join with grace")
	}
	f := joinerOf(op.str("fn", ""))
	opts := append(named(op), kvOptions[K](op)...)
	if left {
		x.wrap(op, streams.LeftJoin(x.Stream, t.Table, func(k K, v any, tv *any) any { return f(k, v, or(tv)) }, opts...))
		return
	}
	x.wrap(op, streams.Join(x.Stream, t.Table, func(k K, v any, tv any) any { return f(k, v, tv) }, opts...))
}

func (x *st[K]) joinGlobal(op object, t *streams.GlobalTable[any, any], left bool) {
	f, key := joinerOf(op.str("fn", "")), mapperOf(op.str("keyFn", ""))
	keyOf := func(k K, v any) any { return key(k, v) }
	if left {
		x.wrap(op, streams.LeftJoinGlobal(x.Stream, t, keyOf, func(k K, v any, gv *any) any { return f(k, v, or(gv)) }, named(op)...))
		return
	}
	x.wrap(op, streams.JoinGlobal(x.Stream, t, keyOf, func(k K, v any, gv any) any { return f(k, v, gv) }, named(op)...))
}

func (x *st[K]) joinStream(op object, other any, kind string) { notYet("stream-stream join") }

func (x *tb[K]) join(op object, other any, kind string) {
	t, ok := other.(*tb[K])
	if !ok {
		notYet("join of a %T with a %T", x, other)
	}
	if op.has("fk") {
		notYet("foreign-key join")
	}
	f := joinerOf(op.str("fn", ""))
	join := func(k K, a, b *any) (any, error) { return f(k, or(a), or(b)), nil }
	k := map[string]streams.JoinKind{"join": streams.Inner, "leftJoin": streams.Left, "outerJoin": streams.Outer}[kind]
	x.wrap(op, streams.TryJoinTables(x.Table, t.Table, join, k, append(named(op), materialized[K](op)...)...))
}
