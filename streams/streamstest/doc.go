// Package streamstest runs a topology without a broker: records go in, everything that they cause happens before the call
// returns, and what came out can be read. Time is the caller's.
//
//	d, err := streamstest.New(b.Build(), streamstest.Config{})
//	in := streamstest.NewInput(d, "sales", serde.String, serde.JSON[Sale]())
//	err = in.Pipe("x", Sale{...}, 1000)
//	got, err := streamstest.NewOutput(d, "totals", serde.String, serde.Int64).ReadAll()
//
// A [Driver] holds all topics in memory, with as many partitions as it is told, and runs one task per subtopology and
// partition, as an application does. Repartition topics lead from one task to the next, changelog topics are written and
// restored from. By default it commits after every record, so that caches hold nothing back; with ManualCommit the caller
// says when.
package streamstest
