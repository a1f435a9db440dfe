package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chortal/chortal/streams"
	"github.com/chortal/chortal/streams/processor"
)

// The canned processors.

type (
	record  = processor.Record[any, any]
	context = processor.Context[any, any]
)

// proc is a processor given by functions.
type proc struct {
	ctx     *context
	init    func(p *proc) error
	process func(p *proc, r *record) error
	fixed   bool
	out     record
}

func (p *proc) Init(c *context) error {
	p.ctx = c
	if p.init == nil {
		return nil
	}
	return p.init(p)
}

func (p *proc) Process(r *record) error { return p.process(p, r) }

func (p *proc) Close() error { return nil }

// value forwards r with another value.
func (p *proc) value(r *record, v any) error {
	p.out = *r
	p.out.Value = v
	return p.ctx.ForwardChecked(&p.out)
}

func (p *proc) store(name string) *processor.KeyValueStore[any, any] {
	s, err := processor.StoreOf[*processor.KeyValueStore[any, any]](p.ctx, name)
	if err != nil {
		panic(err)
	}
	return s
}

// meta is the text of the processor "meta".
func (p *proc) meta(ts int64) string {
	at := "none"
	if m, ok := p.ctx.RecordMetadata(); ok {
		topic := m.Topic
		if topic == "" {
			topic = "null"
		}
		at = fmt.Sprintf("%s/%d/%d", topic, m.Partition, m.Offset)
	}
	return fmt.Sprintf("%s ts=%d stream=%d wall=%d task=%s", at, ts, p.ctx.StreamTime(), p.ctx.WallTime(), p.ctx.TaskID())
}

var errCanned = errors.New("the processor fails")

func newProc(spec string, fixed bool) *proc {
	name, args, _ := strings.Cut(spec, ":")
	p := &proc{fixed: fixed}
	forward := func(p *proc, r *record) error { return p.ctx.Forward(r) }
	p.process = forward
	switch name {
	case "id":
	case "drop":
		p.process = func(*proc, *record) error { return nil }
	case "map":
		f := mapperOf(args)
		p.process = func(p *proc, r *record) error { return p.value(r, f(r.Key, r.Value)) }
	case "key":
		f := mapperOf(args)
		p.process = func(p *proc, r *record) error {
			p.out = *r
			p.out.Key = f(r.Key, r.Value)
			return p.ctx.ForwardChecked(&p.out)
		}
	case "ts":
		rest, plus := strings.CutPrefix(args, "+")
		n := atoi(rest)
		p.process = func(p *proc, r *record) error {
			p.out = *r
			p.out.Timestamp = n
			if plus {
				p.out.Timestamp += r.Timestamp
			}
			if p.out.Timestamp < 0 {
				return errors.New("malformed record: negative timestamp")
			}
			return p.ctx.Forward(&p.out)
		}
	case "meta":
		p.process = func(p *proc, r *record) error { return p.value(r, p.meta(r.Timestamp)) }
	case "to":
		p.process = func(p *proc, r *record) error { return p.ctx.ForwardTo(args, r) }
	case "route":
		p.process = func(p *proc, r *record) error {
			child, rest, _ := strings.Cut(r.Value.(string), ":")
			p.out = *r
			p.out.Value = rest
			return p.ctx.ForwardTo(child, &p.out)
		}
	case "fanout":
		n := atoi(args)
		p.process = func(p *proc, r *record) error {
			for i := range n {
				if err := p.value(r, fmt.Sprintf("%s#%d", s(r.Value), i)); err != nil {
					return err
				}
			}
			return nil
		}
	case "header":
		n, v, _ := strings.Cut(args, "=")
		p.process = func(p *proc, r *record) error {
			if p.fixed {
				p.out = *r
				p.out.Headers.Add(n, []byte(v))
				return p.ctx.Forward(&p.out)
			}
			r.Headers.Add(n, []byte(v))
			return p.ctx.Forward(r)
		}
	case "headerCopy":
		n, v, _ := strings.Cut(args, "=")
		p.process = func(p *proc, r *record) error {
			p.out = *r
			p.out.Headers.Add(n, []byte(v))
			return p.ctx.Forward(&p.out)
		}
	case "headerRemove":
		p.process = func(p *proc, r *record) error {
			r.Headers.Remove(args)
			return p.ctx.Forward(r)
		}
	case "headerText":
		p.process = func(p *proc, r *record) error {
			var parts []string
			for _, h := range r.Headers.List() {
				parts = append(parts, h.Key+"="+string(h.Value))
			}
			return p.value(r, strings.Join(parts, ";"))
		}
	case "failOn":
		p.process = func(p *proc, r *record) error {
			if s(r.Value) == args {
				return errCanned
			}
			return p.ctx.Forward(r)
		}
	case "failAfter":
		p.process = func(p *proc, r *record) error {
			fails := s(r.Value) == args
			if err := p.ctx.Forward(r); err != nil {
				return err
			}
			if fails {
				return errCanned
			}
			return nil
		}
	case "commitOn":
		p.process = func(p *proc, r *record) error {
			if s(r.Value) == args {
				p.ctx.Commit()
			}
			return p.ctx.Forward(r)
		}
	default:
		if !stateful(p, name, args) && !punctuated(p, name, args) {
			notYet("processor %s", spec)
		}
	}
	return p
}

// stateful sets up the processors with a key-value store.
func stateful(p *proc, name, args string) bool {
	st, _, _ := strings.Cut(args, ",")
	get := func(p *proc, k any) any {
		v, _, ok, err := p.store(st).Get(k)
		if err != nil {
			panic(err)
		}
		if !ok {
			return nil
		}
		return v
	}
	put := func(p *proc, k, v any, ts int64) {
		var err error
		if v == nil {
			err = p.store(st).Delete(k, ts)
		} else {
			err = p.store(st).Put(k, v, ts)
		}
		if err != nil {
			panic(err)
		}
	}
	switch name {
	case "dedupe":
		p.process = func(p *proc, r *record) error {
			if get(p, r.Key) != nil {
				return nil
			}
			put(p, r.Key, r.Value, r.Timestamp)
			return p.ctx.Forward(r)
		}
	case "count", "tscount":
		p.process = func(p *proc, r *record) error {
			n := calc(get(p, r.Key), int64(1), '+')
			put(p, r.Key, n, r.Timestamp)
			return p.value(r, n)
		}
	case "last":
		p.process = func(p *proc, r *record) error {
			old := get(p, r.Key)
			put(p, r.Key, r.Value, r.Timestamp)
			return p.value(r, s(old)+">"+s(r.Value))
		}
	case "put":
		p.process = func(p *proc, r *record) error {
			put(p, r.Key, r.Value, r.Timestamp)
			return nil
		}
	case "get":
		p.process = func(p *proc, r *record) error { return p.value(r, s(r.Value)+":"+s(get(p, r.Key))) }
	case "buffer":
		_, every, _ := strings.Cut(args, ",")
		p.init = func(p *proc) error { return p.bufferEvery(st, atoi(every)) }
		p.process = func(p *proc, r *record) error {
			put(p, r.Key, r.Value, r.Timestamp)
			return nil
		}
	default:
		return false
	}
	return true
}

func (p *proc) bufferEvery(st string, every int64) error {
	_, err := p.ctx.Schedule(time.Duration(every)*time.Millisecond, processor.StreamTime, func(now int64) error {
		type row struct{ k, v any }
		var rows []row
		for e, err := range p.store(st).All(0) {
			if err != nil {
				return err
			}
			rows = append(rows, row{e.Key, e.Value})
		}
		for _, e := range rows {
			p.out = record{Key: e.k, Value: e.v, Timestamp: now, Headers: p.ctx.Env().Headers}
			if err := p.ctx.ForwardChecked(&p.out); err != nil {
				return err
			}
			if err := p.store(st).Delete(e.k, now); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// punctuated sets up the processors with a schedule.
func punctuated(p *proc, name, args string) bool {
	kind := processor.StreamTime
	parts := strings.Split(args, ",")
	switch name {
	case "punctStream":
		parts = append([]string{"stream"}, parts...)
	case "punctWall":
		parts = append([]string{"wall"}, parts...)
	case "punctMeta", "punctCancel", "punctFail":
	default:
		return false
	}
	if parts[0] == "wall" {
		kind = processor.WallClockTime
	}
	fired := int64(0)
	p.init = func(p *proc) error {
		var sched *processor.Schedule
		var err error
		sched, err = p.ctx.Schedule(time.Duration(atoi(parts[1]))*time.Millisecond, kind, func(now int64) error {
			fired++
			if name == "punctFail" {
				return errCanned
			}
			v := fmt.Sprintf("%d@%d", fired, now)
			if name == "punctMeta" {
				v = p.meta(now)
			}
			p.out = record{Key: "punct", Value: v, Timestamp: now, Headers: p.ctx.Env().Headers}
			if err := p.ctx.ForwardChecked(&p.out); err != nil {
				return err
			}
			if name == "punctCancel" && fired == atoi(parts[2]) {
				sched.Cancel()
			}
			return nil
		})
		return err
	}
	return true
}

// keyed lets a processor of any keys run on a stream of keys K.
type keyed[K any] struct {
	proc *proc
	in   record
}

func (p *keyed[K]) Init(c *context) error { return p.proc.Init(c) }
func (p *keyed[K]) Close() error          { return p.proc.Close() }
func (p *keyed[K]) Process(r *processor.Record[K, any]) error {
	p.in = record{Value: r.Value, Timestamp: r.Timestamp, Headers: r.Headers, KeyNull: r.KeyNull, ValueNull: r.ValueNull}
	if !r.KeyNull {
		p.in.Key = r.Key
	}
	return p.proc.Process(&p.in)
}

func (x *st[K]) process(op object, fixed bool) {
	spec := op.str("proc", "")
	newProc(spec, fixed) // is it known?
	opts := append(named(op), streams.Stores(op.strs("stores")...))
	for _, o := range op.objs("ownStores") {
		opts = append(opts, streams.OwnStores(x.b.storeSpec(o)))
	}
	supplier := func() processor.Processor[K, any, any, any] { return &keyed[K]{proc: newProc(spec, fixed)} }
	if !fixed {
		x.b.out(op, &st[any]{streams.Process(x.Stream, supplier, opts...), x.b})
		return
	}
	s, ok := any(x.Stream).(*streams.Stream[any, any])
	if !ok {
		notYet("processValues on windowed keys")
	}
	out := streams.ProcessValues(s, func() processor.Processor[any, any, any, any] { return newProc(spec, true) }, opts...)
	x.b.out(op, &st[any]{out, x.b})
}

// storeSpec makes a store for processors.
func (b *build) storeSpec(o object) *processor.StoreSpec {
	name, kind := o.str("name", ""), o.str("kind", "")
	spec := processor.StoreSpec{Name: name, Logging: true, InMemory: strings.HasPrefix(kind, "inMemory")}
	switch l := o["logging"].(type) {
	case bool:
		spec.Logging = l
	case map[string]any:
		spec.TopicConfig = texts(l)
	}
	caching, _ := o["caching"].(bool)
	kvo := processor.KeyValueOptions[any, any]{Key: serdeOf(o.str("k", "string")), Value: serdeOf(o.str("v", "string")), Caching: caching}
	switch kind {
	case "keyValue", "inMemoryKeyValue", "timestampedKeyValue":
		if !o.boolean("timestamped") {
			b.plain[name] = true
		}
		return processor.KeyValueSpec(spec, kvo)
	default:
		notYet("store kind %s", kind)
		return nil
	}
}

func (b *build) addGlobalStore(op object) { notYet("addGlobalStore") }

func (b *build) lowLevel(t *processor.Topology, op object) error {
	name := op.str("name", "")
	parents := op.strs("parents")
	k, v := serdeOf(op.str("k", b.k)), serdeOf(op.str("v", b.v))
	switch kind := op.str("op", ""); kind {
	case "t.addSource":
		topics := op.strs("topics")
		if len(topics) == 0 {
			topics = op.strs("topic")
		}
		for _, x := range topics {
			b.inputs[x] = b.kv(op)
		}
		if op.has("pattern") {
			notYet("pattern sources by hand")
		}
		cfg := processor.SourceConfig[any, any]{Topics: topics, Key: k, Value: v}
		if op.has("extractor") {
			cfg.Extractor = extractorOf(op.str("extractor", ""))
		}
		return processor.AddSource(t, name, cfg)
	case "t.addProcessor":
		spec := op.str("proc", "")
		newProc(spec, false)
		supplier := func() processor.Processor[any, any, any, any] { return newProc(spec, false) }
		if err := processor.AddProcessor(t, name, supplier, parents...); err != nil {
			return err
		}
		for _, o := range op.objs("ownStores") {
			if err := t.AddStateStore(b.storeSpec(o), name); err != nil {
				return err
			}
		}
		return nil
	case "t.addSink":
		cfg := processor.SinkConfig[any, any]{Topic: op.str("topic", ""), Key: k, Value: v}
		if op.has("partitioner") {
			cfg.Partitioner = partitionerOf[any](op.str("partitioner", ""))
		}
		if op.has("topicFn") {
			d := b.kv(op)
			b.dynamic = &d
			f := mapperOf(op.str("topicFn", ""))
			cfg.TopicText = op.str("topicFn", "")
			cfg.TopicOf = func(r *record, _ processor.RecordMetadata) (string, error) { return f(r.Key, r.Value).(string), nil }
		} else {
			b.outputs[cfg.Topic] = b.kv(op)
		}
		return processor.AddSink(t, name, cfg, parents...)
	case "t.addStateStore":
		return t.AddStateStore(b.storeSpec(op.obj("store")), op.strs("processors")...)
	case "t.connect":
		return t.ConnectProcessorAndStateStores(op.str("processor", ""), op.strs("stores")...)
	default:
		notYet("op %s", kind)
		return nil
	}
}
