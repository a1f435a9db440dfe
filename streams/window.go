package streams

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/chortal/chortal/streams/internal/graph"
	"github.com/chortal/chortal/streams/internal/node"
	"github.com/chortal/chortal/streams/processor"
	"github.com/chortal/chortal/streams/serde"
)

// Windows cut time into windows: see Tumbling, Hopping and Unlimited. Windows are values; Grace and EmitOnClose return
// changed copies.
type Windows struct {
	size, advance, grace int64
	unlimited            bool
	start                int64
	onClose              bool
	err                  error
}

// Tumbling are windows of a fixed size, one behind the other, aligned to the epoch. The grace period is zero unless Grace
// says otherwise.
func Tumbling(size time.Duration) Windows { return Hopping(size, size) }

// Hopping are windows of a fixed size that begin every advance, aligned to the epoch. They overlap.
func Hopping(size, advance time.Duration) Windows {
	w := Windows{size: size.Milliseconds(), advance: advance.Milliseconds()}
	switch {
	case w.size <= 0:
		w.err = fmt.Errorf("invalid topology: window size %v is not above zero", size)
	case w.advance <= 0 || w.advance > w.size:
		w.err = fmt.Errorf("invalid topology: window advance %v is not above zero and at most the size %v", advance, size)
	}
	return w
}

// Unlimited is one window from start on; earlier records are left out.
func Unlimited(start time.Time) Windows {
	w := Windows{unlimited: true, start: start.UnixMilli()}
	if w.start < 0 {
		w.err = fmt.Errorf("invalid topology: unlimited windows begin before the epoch, at %v", start)
	}
	return w
}

// Grace says how long after its end a window takes late records.
func (w Windows) Grace(d time.Duration) Windows {
	w.grace = d.Milliseconds()
	if d < 0 && w.err == nil {
		w.err = fmt.Errorf("invalid topology: grace period %v is negative", d)
	}
	return w
}

// EmitOnClose sends the result of a window once, when it takes no more records; otherwise every update is sent.
func (w Windows) EmitOnClose() Windows {
	w.onClose = true
	if w.unlimited && w.err == nil {
		w.err = errors.New("invalid topology: unlimited windows never close")
	}
	return w
}

func (w Windows) node() node.Windows {
	if w.unlimited {
		return node.UnlimitedWindows{StartMs: w.start}
	}
	return node.TimeWindows{SizeMs: w.size, AdvanceMs: w.advance, GraceMs: w.grace}
}

func addMillis(a, b int64) int64 {
	if s := a + b; s >= a {
		return s
	}
	return math.MaxInt64
}

func errRetention(store string, retention, size, grace int64) error {
	return fmt.Errorf("invalid topology: retention %d ms of store %s is below the window size %d ms and grace %d ms together", retention, store, size, grace)
}

// TimeWindowed is a grouped stream in windows, to be aggregated.
type TimeWindowed[K, V any] struct {
	grouped *Grouped[K, V]
	windows Windows
}

// Window cuts a grouped stream into windows. It is a function, since as a method it would make Go instantiate types
// without end.
func Window[K, V any](g *Grouped[K, V], w Windows) *TimeWindowed[K, V] {
	g.from.b.fail(w.err)
	return &TimeWindowed[K, V]{grouped: g, windows: w}
}

// Count counts the records of each key and window.
func (g *TimeWindowed[K, V]) Count(opts ...Option) *Table[Windowed[K], int64] {
	return aggregateWindowed(g, zeroCount, countFold[K, V](), "KSTREAM-AGGREGATE-", opts, serde.Int64)
}

// Reduce folds the values of each key and window into one; the first is taken as it is.
func (g *TimeWindowed[K, V]) Reduce(f func(agg, v V) V, opts ...Option) *Table[Windowed[K], V] {
	return g.TryReduce(func(agg, v V) (V, error) { return f(agg, v), nil }, opts...)
}

// TryReduce is Reduce with a function that may fail: the error goes to the processing exception handler.
func (g *TimeWindowed[K, V]) TryReduce(f func(agg, v V) (V, error), opts ...Option) *Table[Windowed[K], V] {
	return aggregateWindowed(g, nil, reduceFold[K](f), "KSTREAM-REDUCE-", opts, g.grouped.from.value)
}

// Aggregable is what Aggregate takes: a *Grouped[K, V], with results by K, or a *TimeWindowed[K, V], with results by
// Windowed[K].
type Aggregable[K, V, KO any] interface {
	aggregable(K, V) KO
}

func (g *Grouped[K, V]) aggregable(k K, _ V) K                { return k }
func (g *TimeWindowed[K, V]) aggregable(k K, _ V) Windowed[K] { return Windowed[K]{Key: k} }

// Aggregate folds the records of each key, or of each key and window, into an aggregate that begins as first().
func Aggregate[K, V, KO, A any](g Aggregable[K, V, KO], first func() A, fold func(k K, v V, agg A) A, opts ...Option) *Table[KO, A] {
	return TryAggregate(g, func() (A, error) { return first(), nil },
		func(k K, v V, agg A) (A, error) { return fold(k, v, agg), nil }, opts...)
}

// TryAggregate is Aggregate with functions that may fail: the error goes to the processing exception handler.
func TryAggregate[K, V, KO, A any](g Aggregable[K, V, KO], first func() (A, error), fold func(k K, v V, agg A) (A, error), opts ...Option) *Table[KO, A] {
	switch g := any(g).(type) {
	case *Grouped[K, V]:
		return any(aggregateGrouped(g, first, aggregateFold(fold), "KSTREAM-AGGREGATE-", opts, nil)).(*Table[KO, A])
	case *TimeWindowed[K, V]:
		return any(aggregateWindowed(g, first, aggregateFold(fold), "KSTREAM-AGGREGATE-", opts, nil)).(*Table[KO, A])
	default:
		panic(fmt.Sprintf("streams: %T is no Aggregable of this package", g))
	}
}

func aggregateWindowed[K, V, A any](g *TimeWindowed[K, V], first func() (A, error), fold node.Folder[K, V, A], prefix string, opts []Option, value serde.Serde[A]) *Table[Windowed[K], A] {
	from := g.grouped.from
	b, o, w := from.b, optionsOf(opts), g.windows.node()
	m := materialize(b, o, prefix, from.key, value).named()
	if g.windows.onClose {
		m.o.caching = new(bool)
	}
	name := b.name(o.name, prefix)
	s := g.grouped.ready(m.name, m.generated)
	n := &graph.Node{Name: name, Write: func(t *processor.Topology, parents []string) error {
		err := processor.AddProcessor(t, name, func() processor.Processor[K, V, Windowed[K], node.Change[A]] {
			return &node.WindowAggregate[K, V, A]{
				Store: m.name, Windows: w, First: first, Fold: fold, OldValues: m.oldValues, OnClose: g.windows.onClose,
			}
		}, parents...)
		if err != nil {
			return err
		}
		return b.addStore(t, m.window(w.Size(), w.Grace(), g.windows.onClose), name)
	}}
	b.g.Add(n, s.node)
	return &Table[Windowed[K], A]{
		b: b, name: name, key: WindowedSerde(keySerde(b, "store "+m.name, m.key), millis(w.Size())), value: m.value,
		sources: s.sources, node: n, store: m.storeName(), source: stored(m.oldValues, node.WindowStoreView[K, A](m.name)),
	}
}

func millis(ms int64) time.Duration {
	if ms > math.MaxInt64/int64(time.Millisecond) {
		return math.MaxInt64
	}
	return time.Duration(ms) * time.Millisecond
}

// WindowedSerde is the serde of keys of windowed tables, as Kafka Streams writes them: the key and the window's start.
// size is needed to read the end of a window; zero leaves it open.
func WindowedSerde[K any](key serde.Serde[K], size time.Duration) serde.Serde[Windowed[K]] {
	if size == math.MaxInt64 {
		return node.TimeWindowedSerde[K]{Key: key, Size: math.MaxInt64}
	}
	return node.TimeWindowedSerde[K]{Key: key, Size: size.Milliseconds()}
}

// SessionWindowedSerde is the serde of keys of session-windowed tables, as Kafka Streams writes them.
func SessionWindowedSerde[K any](key serde.Serde[K]) serde.Serde[Windowed[K]] {
	return node.SessionWindowedSerde[K]{Key: key}
}
