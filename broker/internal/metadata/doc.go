// Package metadata holds what the cluster knows about itself: topics, their
// partitions, leaders and configs, brokers, dynamic broker and group configs,
// finalized features, ACLs, SCRAM credentials, client quotas and the next
// producer id.
//
// # Main types
//
// An [Image] is one immutable state. A [Record] is one change. A [Controller]
// turns proposed records into a new image: it checks them against the current
// image, writes them to its log, makes them durable, and only then publishes
// the image. On one node the controller is a [Log], a file; a quorum replaces
// the file and nothing else.
//
// # Invariants
//
//   - Applying is pure: image + records = image. The same records always give
//     the same image, so the log is the truth and the image is derived.
//   - The records of one Propose are one frame of the log: after a crash all of
//     them are there or none. A topic is created together with its partitions
//     and configs, so a half-created topic cannot exist.
//   - A topic has an id that is never used again. A topic that is deleted and
//     created again is another topic.
//   - A record that does not fit the image (an existing name, an unknown topic)
//     is refused before it is written; two callers that race for a name get one
//     success and one TOPIC_ALREADY_EXISTS.
//
// The package owns the file metadata.log (docs/formats/metadata-log.md).
package metadata
