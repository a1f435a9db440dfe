// Package configdef is the table of every configuration key: broker, topic and group, with name, type, default,
// documentation and check. The rows drive the parsing of server.properties, DescribeConfigs, AlterConfigs and the
// generated documentation. The package knows nothing of files or requests: it is data and pure functions.
package configdef
