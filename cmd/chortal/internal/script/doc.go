// Package script answers to the names of Kafka's command line tools, with their flags, their output and their exit codes, so that
// what calls them and reads what they print keeps working: kafka-topics, kafka-consumer-groups, kafka-configs and others.
//
// [Lookup] finds a tool by its name, with or without .sh; [Run] runs it. The outputs were compared with those of Apache Kafka
// 4.3.1. Only where Kafka prints the stack of an exception there is its message here.
package script
