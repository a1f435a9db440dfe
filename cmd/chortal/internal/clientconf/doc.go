// Package clientconf turns a client's configuration, in the keys of Kafka's Java
// clients, into options of a franz-go client: where the brokers are, who we are,
// and how the connection is secured.
//
// [Read] reads a file such as Kafka's tools take with --command-config;
// [Options] makes the options. Keys that configure what a Java client does inside
// (buffers, serializers) are accepted and have no effect.
package clientconf
