package main

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/chortal/chortal/statestore"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/streamstest"
)

// run is one case being run.
type run struct {
	spec     *caseSpec
	build    *build
	driver   *streamstest.Driver
	internal map[string]bool
	out      map[string]any
}

// answer runs a case and returns what it answered.
func answer(c *caseSpec) (out map[string]any) {
	r := &run{spec: c, internal: make(map[string]bool), out: map[string]any{"id": c.ID}}
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if u, ok := p.(unsupported); ok {
			out = map[string]any{"id": c.ID, "unsupported": string(u)}
			return
		}
		out = map[string]any{"id": c.ID, "unsupported": fmt.Sprintf("panic: %v\n%s", p, debug.Stack())}
	}()
	r.run()
	if r.driver != nil {
		r.driver.Close() //nolint:errcheck // the state is thrown away
	}
	return r.out
}

func (r *run) fail(at string, err error) {
	r.out["error"], r.out["errorAt"], r.out["errorText"] = fmt.Sprintf("%T", err), at, err.Error()
}

func (r *run) run() {
	r.build = newBuild(r.spec)
	t := r.build.topology()
	if t.Err() != nil {
		r.fail("build", t.Err())
		return
	}
	r.out["describe"] = t.Describe()
	if r.build.branches != nil {
		r.out["branches"] = r.build.branches
	}
	cfg := r.config()
	var err error
	if r.driver, err = streamstest.New(t, cfg); err != nil {
		r.fail("build", err)
		return
	}
	r.topics()
	steps := []any{}
	r.out["steps"] = steps
	for i, step := range r.spec.Steps {
		answer, err := r.step(step)
		if err != nil {
			r.fail(fmt.Sprintf("step %d", i), err)
			return
		}
		steps = append(steps, answer)
		r.out["steps"] = steps
	}
	r.out["stores"] = r.stores()
	r.out["changelog"] = r.changelog()
	r.out["dropped"] = r.driver.Dropped()
	r.out["error"] = nil
}

// known are configuration keys that need nothing here.
var known = []string{
	"k", "v", "store", "topology.optimization", "ensure.explicit.internal.resource.naming", "application.id",
	"processing.guarantee", "max.task.idle.ms", "dsl.store.format",
}

func (r *run) config() streamstest.Config {
	c := streamstest.Config{OneTask: true, ApplicationID: r.spec.Config.str("application.id", "app"), Now: time.UnixMilli(0)}
	handler := func(name string) streamstest.Handler {
		if r.spec.Config.str(name, "fail") == "continue" {
			return streamstest.LogAndContinue
		}
		return streamstest.LogAndFail
	}
	c.Deserialization, c.Processing, c.Production = handler("deserialization"), handler("processing"), handler("production")
	o := r.spec.Config
	for key := range o {
		switch key {
		case "statestore.cache.max.bytes":
			c.Caching, c.StoreBytes = o.num(key, 0) > 0, o.num(key, 0)
		case "emit.interval.ms":
			c.EmitInterval = ms(o, key)
		case "errors.dead.letter.queue.topic.name":
			c.DeadLetterTopic = o.str(key, "")
		case "extractor":
			if c.Extractor = defaultExtractorOf(o.str(key, "")); c.Extractor == nil {
				notYet("extractor %s", o.str(key, ""))
			}
		case "wallStart":
			c.Now = time.UnixMilli(o.num(key, 0))
		case "windowstore.changelog.additional.retention.ms":
			c.AdditionalRetention = ms(o, key)
		case "deserialization", "processing", "production":
		default:
			if topic, ok := strings.CutPrefix(key, "topic."); ok {
				if c.TopicConfig == nil {
					c.TopicConfig = make(map[string]string)
				}
				c.TopicConfig[topic] = o.str(key, "")
			} else if !slices.Contains(known, key) {
				notYet("config %s", key)
			}
		}
	}
	return c
}

func (r *run) topics() {
	list := []map[string]any{}
	add := func(kind string, sub int, t processor.InternalTopic) {
		o := map[string]any{"name": t.Name, "kind": kind, "sub": sub, "config": t.Config}
		if t.Partitions > 0 {
			o["partitions"] = t.Partitions
		}
		r.internal[t.Name] = true
		list = append(list, o)
	}
	for _, s := range r.driver.Plan().Subtopologies {
		for _, t := range s.Repartitions {
			add("repartition", s.ID, t)
		}
		for _, t := range s.Changelogs {
			add("changelog", s.ID, t)
		}
	}
	slices.SortFunc(list, func(a, b map[string]any) int { return cmp.Compare(a["name"].(string), b["name"].(string)) })
	r.out["topics"] = list
	if groups := r.driver.Plan().Copartition; len(groups) > 0 {
		r.out["copartition"] = groups
	}
}

func (r *run) step(step object) (any, error) {
	switch {
	case step.has("query"):
		return r.query(step.obj("query"))
	case step.has("wall"):
		if err := r.driver.Advance(ms(step, "wall")); err != nil {
			return nil, err
		}
	case step.has("restart"):
		if err := r.driver.Restart(); err != nil {
			return nil, err
		}
	case step.has("in"):
		if err := r.pipe(step); err != nil {
			return nil, err
		}
	default:
		notYet("step %v", step)
	}
	return r.drain(), nil
}

func (r *run) pipe(step object) error {
	topic := step.str("in", "")
	spec, ok := r.build.inputs[topic]
	if !ok {
		if spec, ok = r.build.inputs[""]; !ok {
			spec = kv{"string", "string"}
		}
	}
	bytes := func(serde, f string) []byte {
		if step.has(f + "x") {
			b, err := hex.DecodeString(step.str(f+"x", ""))
			if err != nil {
				panic(err)
			}
			return append([]byte{}, b...)
		}
		v := value(step[f], serde)
		if v == nil {
			return nil
		}
		if strings.HasPrefix(serde, "fail") {
			return append([]byte{}, v.(string)...)
		}
		b, err := serdeOf(serde).Append([]byte{}, v)
		if err != nil {
			panic(err)
		}
		return b
	}
	return r.driver.Pipe(topic, 0, processor.RawRecord{
		Key: bytes(spec.K, "k"), Value: bytes(spec.V, "v"), Timestamp: step.num("t", 0), Headers: parseHeaders(step["h"]),
	})
}

// drain returns what came out since the last step.
func (r *run) drain() []any {
	list := append([]any{}, r.build.side...)
	r.build.side = nil
	dlq := r.spec.Config.str("errors.dead.letter.queue.topic.name", "")
	for _, topic := range r.driver.Topics() {
		for _, p := range r.driver.Drain(topic) {
			if r.internal[topic] {
				continue
			}
			spec, ok := r.build.outputs[topic]
			if !ok {
				spec = kv{"bytes", "bytes"}
				if r.build.dynamic != nil && topic != dlq {
					spec = *r.build.dynamic
				}
			}
			o := map[string]any{"topic": topic, "k": decoded(spec.K, p.Key), "v": decoded(spec.V, p.Value), "t": p.Timestamp}
			if len(p.Headers) > 0 {
				o["h"] = showHeaders(p.Headers)
			}
			list = append(list, o)
		}
	}
	return list
}

func decoded(spec string, b []byte) any {
	if b == nil {
		return nil
	}
	v, err := serdeOf(spec).Decode(b)
	if err != nil {
		return "hex:" + hex.EncodeToString(b)
	}
	return show(v)
}

func (r *run) changelog() map[string]any {
	all := make(map[string]any)
	for topic := range r.internal {
		records := r.driver.Log(topic, 0)
		if len(records) == 0 {
			continue
		}
		var list []any
		for _, rec := range records {
			o := map[string]any{"k": hexOrNil(rec.Key), "v": hexOrNil(rec.Value), "t": rec.Timestamp}
			if len(rec.Headers) > 0 {
				o["h"] = showHeaders(rec.Headers)
			}
			list = append(list, o)
		}
		all[topic] = list
	}
	return all
}

// stores returns the rows of all stores.
func (r *run) stores() map[string]any {
	all := make(map[string]any)
	for _, name := range r.driver.StoreNames() {
		if r.build.opaque[name] {
			continue
		}
		rows, err := r.rows(name)
		if err != nil {
			panic(err)
		}
		slices.SortStableFunc(rows, func(a, b map[string]any) int {
			return cmp.Or(cmp.Compare(jsonText(a["k"]), jsonText(b["k"])), compareAny(a["start"], b["start"]), compareAny(a["end"], b["end"]))
		})
		all[name] = rows
	}
	return all
}

func jsonText(v any) string {
	b, err := marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func compareAny(a, b any) int {
	x, _ := a.(int64)
	y, _ := b.(int64)
	return cmp.Compare(x, y)
}

func (r *run) rows(name string) ([]map[string]any, error) {
	rows := []map[string]any{}
	switch st := r.driver.Store(name, 0).(type) {
	case *processor.KeyValueStore[any, any]:
		for e, err := range st.All(statestore.Ascending) {
			if err != nil {
				return nil, err
			}
			rows = append(rows, r.row(name, e.Key, e.Value, e.Timestamp))
		}
	case *processor.KeyValueStore[window, any]:
		for e, err := range st.All(statestore.Ascending) {
			if err != nil {
				return nil, err
			}
			rows = append(rows, r.row(name, e.Key, e.Value, e.Timestamp))
		}
	case *processor.WindowStore[any, any]:
		for e, err := range st.All(statestore.Ascending) {
			if err != nil {
				return nil, err
			}
			rows = append(rows, windowRow(e, true))
		}
	default:
		notYet("rows of a %T", st)
	}
	return rows, nil
}

func (r *run) row(name string, k, v any, ts int64) map[string]any {
	o := map[string]any{"v": show(v), "t": ts}
	if w, ok := k.(window); ok {
		o["k"], o["start"] = show(w.Key), w.Start
	} else if k != nil {
		o["k"] = show(k)
	}
	if r.build.plain[name] {
		delete(o, "t")
	}
	return o
}

func windowRow(e statestore.WindowEntry[any, any], withKey bool) map[string]any {
	o := map[string]any{"start": e.Start, "v": show(e.Value), "t": e.Timestamp}
	if withKey {
		o["k"] = show(e.Key)
	}
	return o
}

func (r *run) query(q object) (any, error) {
	name, kind := q.str("store", ""), q.str("type", "")
	ks := q.str("ks", "string")
	order := statestore.Ascending
	if q.boolean("reverse") {
		order = statestore.Descending
	}
	bound := func(f string) *any {
		if q[f] == nil {
			return nil
		}
		v := value(q[f], ks)
		return &v
	}
	from, to := q.num("from", 0), q.num("to", 1<<63-1)
	rows := []map[string]any{}
	switch st := r.driver.Store(name, 0).(type) {
	case *processor.KeyValueStore[any, any]:
		switch kind {
		case "get":
			v, ts, ok, err := st.Get(value(q["k"], ks))
			if err != nil {
				return nil, err
			}
			if ok {
				rows = append(rows, r.row(name, nil, v, ts))
			}
		case "range", "all":
			for e, err := range st.Range(bound("k1"), bound("k2"), order) {
				if err != nil {
					return nil, err
				}
				rows = append(rows, r.row(name, e.Key, e.Value, e.Timestamp))
			}
		default:
			notYet("query %s", kind)
		}
	case *processor.WindowStore[any, any]:
		add := func(e statestore.WindowEntry[any, any], err error, withKey bool) error {
			if err == nil {
				rows = append(rows, windowRow(e, withKey))
			}
			return err
		}
		switch kind {
		case "fetch":
			if q.has("time") {
				from, to = q.num("time", 0), q.num("time", 0)
			}
			for e, err := range st.Fetch(value(q["k"], ks), from, to, order) {
				if err := add(e, err, false); err != nil {
					return nil, err
				}
				if q.has("time") {
					delete(rows[len(rows)-1], "start")
				}
			}
		case "fetchKeys", "fetchAll":
			for e, err := range st.FetchKeys(bound("k1"), bound("k2"), from, to, order) {
				if err := add(e, err, true); err != nil {
					return nil, err
				}
			}
		case "all":
			for e, err := range st.All(order) {
				if err := add(e, err, true); err != nil {
					return nil, err
				}
			}
		default:
			notYet("query %s", kind)
		}
	default:
		notYet("query of a %T", st)
	}
	return rows, nil
}
