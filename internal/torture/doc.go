// Package torture is a judge of brokers that knows nothing of ours: it speaks the Kafka protocol to an address, breaks
// the broker and the connections to it in between, writes down everything that it asked and was told, and decides
// afterwards whether any promise was broken.
//
//	workload_*.go   ask: idempotent producers, transactions, exactly-once copies, groups, compacted topics, admin calls
//	fault.go        breaks: kill -9, SIGTERM, SIGSTOP; proxy.go cuts, delays, drops answers, holds and replays frames
//	history.go      remembers: every call before it is made and every answer, with the time of one clock
//	check*.go       judge a history; they are pure functions and are tested with histories that are wrong on purpose
//
// It imports no other package of the project, so that an error of the broker cannot hide in its judge. A run is fixed by
// its [Profile] and its seed, as far as the machine's timing allows. What counts as an anomaly is listed at [Check].
package torture
