// Package commitlog is one partition on one disk: segments in Kafka's own file format, their indexes, recovery,
// retention. See DESIGN.md.
package commitlog
