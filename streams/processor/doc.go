// Package processor is the low level of the streams library: a [Topology] of sources, processors, sinks and state stores,
// and what a processor sees of the task that runs it.
//
// The DSL of package streams writes its operators into a Topology; programs may also fill one by hand with [AddSource],
// [AddProcessor], [AddSink] and [Topology.AddStateStore], or mix both with streams.Process.
//
// # How a record travels
//
// A task gives each raw record to a source, which decodes it into a [Record] and pushes it through its children, depth
// first: [Context.Forward] calls the next processor directly, with its static type, and returns when the whole subtree is
// done. There is no goroutine, channel or boxed value between two nodes. A record is passed by pointer and belongs to the
// sender: a receiver may read it until it returns, and must copy what it wants to keep.
//
// # Nulls
//
// Kafka's null key and null value are the flags [Record.KeyNull] and [Record.ValueNull], so that types without a nil (string,
// int64, a struct) can carry them. For types that have a nil (pointer, slice, map, interface) a nil is Kafka's null, and
// the flags always agree with it.
//
// # For runtimes
//
// [Topology.Plan] cuts a topology into subtopologies and names the internal topics. [Subtopology.Build] makes the typed
// nodes of one task; package streams/internal/task drives them.
package processor
