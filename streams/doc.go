// Package streams builds stream processing applications on Kafka topics, with the semantics of Kafka Streams: streams,
// tables, windows, joins and aggregations whose state survives in changelog topics.
//
// A [Builder] collects operators. Operators that keep the types of keys and values are methods of [Stream], [Table],
// [Grouped] and so on; operators that introduce a type are functions with the stream first:
//
//	b := streams.NewBuilder()
//	sales := streams.From(b, "sales", serde.String, serde.JSON[Sale]())
//	byProduct := streams.GroupBy(sales, func(_ string, s Sale) string { return s.Product }, serde.String)
//	perHour := streams.Window(byProduct, streams.Tumbling(time.Hour).Grace(5*time.Minute)).Count(streams.StoreName("per-hour"))
//	perHour.ToStream().To("sales-per-hour")
//	app, err := streams.New(b.Build(), streams.Config{ApplicationID: "sales", Brokers: brokers})
//	...
//	err = app.Run(ctx)
//
// Names of stores and internal topics, their configurations, [processor.Topology.Describe] and the bytes of changelog and
// repartition topics are those of Kafka Streams, so that an application can move from one to the other.
//
// # Nulls
//
// Types with a nil (pointers, slices, maps, interfaces) get nil for Kafka's null and make a null by returning nil. Other
// types never make a null; where a record has a null value, functions of the value are not called: predicates are false,
// mapped values null, and operators that need a new key drop the record.
//
// # Errors
//
// A function that can fail has a Try form; its error, like a panic in any function, goes to the processing exception
// handler of the application, which drops the record or ends the application.
package streams
