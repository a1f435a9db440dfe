package main

import (
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/chortal/chortal/streams"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

// build turns a case's topology into one of the library.
type build struct {
	spec     *caseSpec
	b        *streams.Builder
	k, v     string // default serdes
	env      map[string]any
	inputs   map[string]kv
	outputs  map[string]kv
	dynamic  *kv // serdes of topics that are chosen per record
	global   map[string]bool
	branches [][]string
	side     []any // records of peek and foreach since the last step
	opaque   map[string]bool
	plain    map[string]bool // key-value stores without timestamps
	low      []object
}

// stream and table are what ops work on; keys are of any type or windowed.
type stream interface {
	filter(op object, not bool)
	mapValues(op object)
	mapKV(op object)
	selectKey(op object)
	flatMap(op object)
	flatMapValues(op object)
	peek(op object)
	split(op object)
	merge(op object, other any)
	repartition(op object)
	to(op object)
	toTable(op object)
	groupByKey(op object)
	groupBy(op object)
	process(op object, fixed bool)
	joinTable(op object, table any, left bool)
	joinGlobal(op object, table *streams.GlobalTable[any, any], left bool)
	joinStream(op object, other any, kind string)
}

type table interface {
	filter(op object, not bool)
	mapValues(op object)
	transformValues(op object)
	toStream(op object)
	groupBy(op object)
	suppress(op object)
	join(op object, other any, kind string)
}

type grouped interface {
	count(op object)
	reduce(op object)
	aggregate(op object)
}

type st[K any] struct {
	*streams.Stream[K, any]
	b *build
}

type tb[K any] struct {
	*streams.Table[K, any]
	b *build
}

func newBuild(c *caseSpec) *build {
	b := &build{
		spec: c, k: c.Config.str("k", "string"), v: c.Config.str("v", "string"),
		env: make(map[string]any), inputs: make(map[string]kv), outputs: make(map[string]kv), global: make(map[string]bool),
		opaque: make(map[string]bool), plain: make(map[string]bool),
	}
	opts := []streams.BuilderOption{streams.DefaultSerdes(serdeOf(b.k), serdeOf(b.v))}
	if c.Config.str("store", "rocksdb") == "inmemory" {
		opts = append(opts, streams.StoresInMemory())
	}
	if c.Config.has("topology.optimization") {
		opts = append(opts, streams.Optimize(c.Config.str("topology.optimization", "")))
	}
	if c.Config.str("ensure.explicit.internal.resource.naming", "") == "true" {
		opts = append(opts, streams.Explicit())
	}
	b.b = streams.NewBuilder(opts...)
	return b
}

func (b *build) topology() *processor.Topology {
	for _, op := range b.spec.Topology {
		if strings.HasPrefix(op.str("op", ""), "t.") {
			b.low = append(b.low, op)
		} else {
			b.op(op)
		}
	}
	t := b.b.Build()
	for _, op := range b.low {
		if err := b.lowLevel(t, op); err != nil {
			t.Fail(err)
		}
	}
	for topic, x := range b.spec.Inputs {
		b.inputs[topic] = x
	}
	for topic, x := range b.spec.Outputs {
		b.outputs[topic] = x
	}
	return t
}

func (b *build) kv(op object) kv { return kv{op.str("k", b.k), op.str("v", b.v)} }

func (b *build) out(op object, x any) {
	if op.has("out") {
		b.env[op.str("out", "")] = x
	}
}

func (b *build) in(op object, i int) any {
	names := op.strs("in")
	if i >= len(names) || b.env[names[i]] == nil {
		notYet("no input %d of %v", i, op)
	}
	return b.env[names[i]]
}

func as[T any](x any, op object) T {
	t, ok := x.(T)
	if !ok {
		notYet("%s on a %T", op.str("op", ""), x)
	}
	return t
}

// named returns the options that an op of any kind has.
func named(op object, more ...streams.Option) []streams.Option {
	var opts []streams.Option
	if op.has("name") {
		opts = append(opts, streams.Name(op.str("name", "")))
	}
	return append(opts, more...)
}

func ms(op object, f string) time.Duration {
	n := op.num(f, 0)
	if n > int64(1<<63-1)/int64(time.Millisecond) {
		return 1<<63 - 1
	}
	return time.Duration(n) * time.Millisecond
}

// keySerdeOf returns the serde of keys of type K, nil for none.
func keySerdeOf[K any](spec string) serde.Serde[K] {
	if spec == "" {
		return nil
	}
	if s, ok := any(serdeOf(spec)).(serde.Serde[K]); ok {
		return s
	}
	if strings.Contains(spec, "indowed:") {
		return any(windowSerde(spec)).(serde.Serde[K])
	}
	notYet("key serde %s on windowed keys", spec)
	return nil
}

func kvOptions[K any](op object) []streams.Option {
	var opts []streams.Option
	if op.has("k") {
		opts = append(opts, streams.KeySerde(keySerdeOf[K](op.str("k", ""))))
	}
	if op.has("v") {
		opts = append(opts, streams.ValueSerde(serdeOf(op.str("v", ""))))
	}
	return opts
}

// materialized returns the options of an op's store. K is the type of its keys, the plain ones where it is windowed.
func materialized[K any](op object) []streams.Option {
	if t, ok := op["store"].(string); ok {
		return []streams.Option{streams.StoreName(t)}
	}
	o := op.obj("store")
	if o == nil {
		return nil
	}
	opts := []streams.Option{streams.Materialized()}
	if o.has("kind") {
		notYet("store kind %s", o.str("kind", ""))
	}
	if o.has("name") {
		opts = append(opts, streams.StoreName(o.str("name", "")))
	}
	if o.has("k") {
		opts = append(opts, streams.StoreKeys(keySerdeOf[K](o.str("k", ""))))
	}
	if o.has("v") {
		opts = append(opts, streams.StoreValues(serdeOf(o.str("v", ""))))
	}
	switch o.str("type", "") {
	case "inmemory":
		opts = append(opts, streams.InMemory())
	case "rocksdb":
		opts = append(opts, streams.OnDisk())
	}
	switch l := o["logging"].(type) {
	case bool:
		if l {
			opts = append(opts, streams.Changelog(nil))
		} else {
			opts = append(opts, streams.NoChangelog())
		}
	case map[string]any:
		opts = append(opts, streams.Changelog(texts(l)))
	}
	if c, ok := o["caching"].(bool); ok {
		opts = append(opts, streams.Caching(c))
	}
	if o.has("retention") {
		opts = append(opts, streams.Retention(ms(o, "retention")))
	}
	return opts
}

func texts(m map[string]any) map[string]string {
	t := make(map[string]string, len(m))
	for k, v := range m {
		t[k] = fmt.Sprint(v)
	}
	return t
}

func (b *build) sourceOptions(op object) []streams.Option {
	opts := named(op)
	if op.has("extractor") {
		opts = append(opts, streams.Timestamps(extractorOf(op.str("extractor", ""))))
	}
	switch op.str("reset", "") {
	case "latest":
		opts = append(opts, streams.Reset(processor.ResetLatest))
	case "earliest":
		opts = append(opts, streams.Reset(processor.ResetEarliest))
	}
	return opts
}

func (b *build) source(op object) {
	k, v := serdeOf(op.str("k", "")), serdeOf(op.str("v", ""))
	opts := b.sourceOptions(op)
	topics := op.strs("topics")
	if len(topics) == 0 {
		topics = op.strs("topic")
	}
	for _, t := range topics {
		b.inputs[t] = b.kv(op)
	}
	var s *streams.Stream[any, any]
	if op.has("pattern") {
		s = streams.FromPattern(b.b, regexp.MustCompile(op.str("pattern", "")), k, v, opts...)
		b.inputs[""] = b.kv(op)
	} else {
		s = streams.FromTopics(b.b, topics, k, v, opts...)
	}
	b.out(op, &st[any]{s, b})
}

func (b *build) op(op object) {
	switch kind := op.str("op", ""); kind {
	case "stream":
		b.source(op)
	case "table":
		topic := op.str("topic", "")
		b.inputs[topic] = b.kv(op)
		opts := append(b.sourceOptions(op), materialized[any](op)...)
		b.out(op, &tb[any]{streams.TableFrom(b.b, topic, serdeOf(op.str("k", "")), serdeOf(op.str("v", "")), opts...), b})
	case "globalTable":
		topic := op.str("topic", "")
		b.inputs[topic], b.global[topic] = b.kv(op), true
		opts := append(named(op), materialized[any](op)...)
		b.out(op, streams.GlobalTableFrom(b.b, topic, serdeOf(op.str("k", "")), serdeOf(op.str("v", "")), opts...))
	case "filter", "filterNot":
		switch x := b.in(op, 0).(type) {
		case stream:
			x.filter(op, kind == "filterNot")
		case table:
			x.filter(op, kind == "filterNot")
		}
	case "mapValues":
		switch x := b.in(op, 0).(type) {
		case stream:
			x.mapValues(op)
		case table:
			x.mapValues(op)
		}
	case "groupBy":
		switch x := b.in(op, 0).(type) {
		case stream:
			x.groupBy(op)
		case table:
			x.groupBy(op)
		}
	case "transformValues":
		as[table](b.in(op, 0), op).transformValues(op)
	case "toStream":
		as[table](b.in(op, 0), op).toStream(op)
	case "suppress":
		as[table](b.in(op, 0), op).suppress(op)
	case "count":
		as[grouped](b.in(op, 0), op).count(op)
	case "reduce":
		as[grouped](b.in(op, 0), op).reduce(op)
	case "aggregate":
		as[grouped](b.in(op, 0), op).aggregate(op)
	case "windowedBy":
		b.windowedBy(op)
	case "emitStrategy":
		b.emitStrategy(op)
	case "cogroup":
		b.cogroup(op)
	case "join", "leftJoin", "outerJoin":
		b.join(op, kind)
	case "addStateStore":
		streams.AddStore(b.b, b.storeSpec(op.obj("store")))
	case "addGlobalStore":
		b.addGlobalStore(op)
	default:
		b.streamOp(op, kind)
	}
}

func (b *build) streamOp(op object, kind string) {
	x := as[stream](b.in(op, 0), op)
	switch kind {
	case "map":
		x.mapKV(op)
	case "selectKey":
		x.selectKey(op)
	case "flatMap":
		x.flatMap(op)
	case "flatMapValues":
		x.flatMapValues(op)
	case "peek", "foreach", "print":
		x.peek(op)
	case "split":
		x.split(op)
	case "merge":
		x.merge(op, b.in(op, 1))
	case "repartition":
		x.repartition(op)
	case "to":
		x.to(op)
	case "toTable":
		x.toTable(op)
	case "groupByKey":
		x.groupByKey(op)
	case "process", "processValues":
		x.process(op, kind == "processValues")
	default:
		notYet("op %s", kind)
	}
}

func (x *st[K]) wrap(op object, s *streams.Stream[K, any]) { x.b.out(op, &st[K]{s, x.b}) }

func (x *st[K]) filter(op object, not bool) {
	f := predicateOf(op.str("fn", ""))
	if not {
		x.wrap(op, x.FilterNot(func(k K, v any) bool { return f(k, v) }, named(op)...))
		return
	}
	x.wrap(op, x.Filter(func(k K, v any) bool { return f(k, v) }, named(op)...))
}

func (x *st[K]) mapValues(op object) {
	f := mapperOf(op.str("fn", ""))
	x.wrap(op, streams.MapValuesWithKey(x.Stream, func(k K, v any) any { return f(k, v) }, named(op)...))
}

func (x *st[K]) mapKV(op object) {
	kf, vf, null := mapperOf(op.str("kfn", "key")), mapperOf(op.str("vfn", "val")), op.boolean("nullPair")
	s := streams.Map(x.Stream, func(k K, v any) (any, any) {
		if null {
			panic(fmt.Errorf("the mapper returned no pair"))
		}
		return kf(k, v), vf(k, v)
	}, named(op)...)
	x.b.out(op, &st[any]{s, x.b})
}

func (x *st[K]) selectKey(op object) {
	f := mapperOf(op.str("fn", ""))
	x.b.out(op, &st[any]{streams.Rekey(x.Stream, func(k K, v any) any { return f(k, v) }, named(op)...), x.b})
}

func (x *st[K]) flatMap(op object) {
	f, kf, vf := flatOf(op.str("fn", "")), mapperOf(op.str("kfn", "key")), mapperOf(op.str("vfn", "val"))
	s := streams.FlatMap(x.Stream, func(k K, v any) iter.Seq2[any, any] {
		list := f(k, v)
		return func(yield func(any, any) bool) {
			for _, e := range list {
				if !yield(kf(k, e), vf(k, e)) {
					return
				}
			}
		}
	}, named(op)...)
	x.b.out(op, &st[any]{s, x.b})
}

func (x *st[K]) flatMapValues(op object) {
	f := flatOf(op.str("fn", ""))
	x.wrap(op, streams.TryFlatMapValues(x.Stream, func(k K, v any, emit func(any) error) error {
		for _, e := range f(k, v) {
			if err := emit(e); err != nil {
				return err
			}
		}
		return nil
	}, named(op)...))
}

func (x *st[K]) peek(op object) {
	tag := "@" + op.str("tag", "")
	do := func(k K, v any) {
		x.b.side = append(x.b.side, map[string]any{"topic": tag, "k": show(k), "v": show(v)})
	}
	switch op.str("op", "") {
	case "foreach":
		x.ForEach(do, named(op)...)
	case "print":
		x.Print(func(K, any) {}, named(op)...)
	default:
		x.wrap(op, x.Peek(do, named(op)...))
	}
}

func (x *st[K]) split(op object) {
	branches := x.Split(named(op)...)
	prefix := branches.Prefix()
	var keys []string
	one := func(br object, s *streams.Stream[K, any], index int) {
		key := prefix + br.str("as", fmt.Sprint(index))
		switch br.str("via", "") {
		case "function":
			if br.has("map") {
				f := mapperOf(br.str("map", ""))
				s = streams.MapValuesWithKey(s, func(k K, v any) any { return f(k, v) })
			}
			keys = append(keys, key)
		case "functionNull":
			return
		case "consumer":
			(&st[K]{s, x.b}).to(object{"topic": br["to"], "k": br["k"], "v": br["v"]})
			return
		default:
			keys = append(keys, key)
		}
		x.wrap(br, s)
	}
	for i, br := range op.objs("branches") {
		f := predicateOf(br.str("fn", ""))
		one(br, branches.Branch(func(k K, v any) bool { return f(k, v) }, branchName(br)...), i+1)
	}
	if d := op.obj("default"); d != nil {
		one(d, branches.Default(branchName(d)...), 0)
	}
	slices.Sort(keys)
	x.b.branches = append(x.b.branches, keys)
}

func branchName(br object) []streams.Option {
	if br.has("as") {
		return []streams.Option{streams.Name(br.str("as", ""))}
	}
	return nil
}

func (x *st[K]) merge(op object, other any) {
	x.wrap(op, x.Merge(as[*st[K]](other, op).Stream, named(op)...))
}

func (x *st[K]) repartition(op object) {
	opts := append(named(op), kvOptions[K](op)...)
	if op.has("partitions") {
		opts = append(opts, streams.Partitions(int(op.num("partitions", 0))))
	}
	if op.has("partitioner") {
		opts = append(opts, streams.PartitionBy(partitionerOf[K](op.str("partitioner", ""))))
	}
	x.wrap(op, x.Repartition(opts...))
}

func (x *st[K]) to(op object) {
	opts := append(named(op), kvOptions[K](op)...)
	if op.has("partitioner") {
		opts = append(opts, streams.PartitionBy(partitionerOf[K](op.str("partitioner", ""))))
	}
	if op.has("topicFn") {
		spec := x.b.kv(op)
		x.b.dynamic = &spec
		f := mapperOf(op.str("topicFn", ""))
		x.ToDynamic(func(r *processor.Record[K, any], _ processor.RecordMetadata) (string, error) {
			return f(r.Key, r.Value).(string), nil
		}, append(opts, streams.TopicText(op.str("topicFn", "")))...)
		return
	}
	topic := op.str("topic", "")
	x.b.outputs[topic] = x.b.kv(op)
	x.To(topic, opts...)
}

func (x *st[K]) toTable(op object) {
	x.b.out(op, &tb[K]{x.ToTable(append(named(op), materialized[K](op)...)...), x.b})
}

func (x *st[K]) groupByKey(op object) {
	x.b.out(op, &gr[K]{x.GroupByKey(append(named(op), kvOptions[K](op)...)...), x.b})
}

func (x *st[K]) groupBy(op object) {
	f := mapperOf(op.str("fn", ""))
	opts := named(op)
	if op.has("v") {
		opts = append(opts, streams.ValueSerde(serdeOf(op.str("v", ""))))
	}
	g := streams.GroupBy(x.Stream, func(k K, v any) any { return f(k, v) }, serdeOf(op.str("k", "")), opts...)
	x.b.out(op, &gr[any]{g, x.b})
}
