// Package serde turns keys and values into the bytes of Kafka records and back. The formats are those of Kafka's own
// serializers: a chortal application and a Java one can share topics and changelogs.
//
// [String], [Bytes], [Int64], [Int32], [Float64], [UUID] and [Void] are ready values; [JSON] makes a serde for a type of
// yours, with a decoder that is compiled once per type and does not go through encoding/json.
package serde
